"""Sender domains that mailbox providers do not know yet: whose list is large and who have sent little."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import RelayRecord
from newsletter.issues.models import Issue
from newsletter.newsletters.models import Newsletter

MANY = 5000  # readers: what the large providers call a bulk sender
KNOWN_FOR = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A sender's domain that should warm up, and how many readers its newsletters have."""

    domain: str
    readers: int


def newcomers(
    session: Session, newsletters: Iterable[Newsletter], readers: Mapping[int, int], *, now: datetime
) -> list[Newcomer]:
    """The sender domains of these newsletters with more than 5,000 `readers` (by newsletter) that have sent fewer
    messages in two months than they have readers, unless a relay that serves them warms up already.
    """
    domains: dict[str, list[int]] = {}
    for newsletter in newsletters:
        domains.setdefault(newsletter.domain, []).append(newsletter.id)
    many = {domain: count for domain, ids in domains.items() if (count := sum(readers[id_] for id_ in ids)) > MANY}
    if not many:
        return []
    warming = [record for record in session.scalars(select(RelayRecord)) if record.warm_up]
    return [
        Newcomer(domain, count)
        for domain, count in sorted(many.items())
        if not any(not record.senders or domain in record.senders for record in warming)
        and _sent(session, domains[domain], now) < count
    ]


def _sent(session: Session, newsletter_ids: list[int], now: datetime) -> int:
    """Messages of the issues that left lately, roughly: their audiences."""
    query = select(func.sum(Issue.audience)).where(
        Issue.newsletter_id.in_(newsletter_ids), Issue.frozen_at >= now - KNOWN_FOR
    )
    return int(session.scalar(query) or 0)
