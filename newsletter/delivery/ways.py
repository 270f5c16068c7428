"""What holds up mail to some domains at present, for people who look at an issue under way."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.delivery import advice, throttle
from newsletter.delivery.domain_models import DomainWords
from newsletter.delivery.lanes import of_domains

LATELY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Trouble:
    """`paused`: nothing leaves; `closed`: nothing for a moment; else it leaves at `share` (0 to 1) of its speed, or a
    `limit` that somebody has set holds it, messages a second. `words`: what the servers said last.
    """

    paused: bool
    closed: bool
    share: float
    limit: float | None
    words: str


def troubled(session: Session, domains: Collection[str], *, now: datetime) -> dict[str, Trouble]:
    """Which of these domains do not take mail as fast as it would go."""
    found: dict[str, Trouble] = {}
    for row in of_domains(session, domains):
        state = row.state
        paused, closed = throttle.is_paused(state), throttle.is_closed(state, now)
        if not (paused or closed or state.pace < 1 or state.rate is not None or state.per_second is not None):
            continue
        before = found.get(row.domain)
        if before is None or paused or state.pace < before.share:
            reply = advice.lane_reason(state.reply or "")
            found[row.domain] = Trouble(paused, closed, state.pace, throttle.speed(state), reply)
    silent = [domain for domain, trouble in found.items() if not trouble.words]
    if silent:
        said = session.execute(
            select(DomainWords.domain, DomainWords.text)
            .where(DomainWords.domain.in_(silent), DomainWords.last_at > now - LATELY)
            .order_by(DomainWords.last_at)
        )
        for domain, text in said:
            old = found[domain]
            found[domain] = Trouble(old.paused, old.closed, old.share, old.limit, text)
    return found
