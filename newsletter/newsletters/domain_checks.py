"""Looking at the domains that mail is sent from, and keeping what was found; reports that providers send about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from newsletter.core import fetching
from newsletter.core.database import Database, insert_into
from newsletter.core.nameservers import Ask
from newsletter.core.tokens import Vault
from newsletter.mail import aggregate
from newsletter.mail.aggregate import UnreadableError
from newsletter.newsletters import senders
from newsletter.newsletters.examining import Finding, Level, Way, examine
from newsletter.newsletters.models import DomainReport, DomainReportRow, SenderDomain

EVERY = timedelta(hours=24)
SHOWN = timedelta(days=30)
KEPT = timedelta(days=400)
MOST_SOURCES = 50


@dataclass(frozen=True, slots=True)
class Source:
    """What providers saw from one address lately: messages, and how many of them spoke for the domain."""

    address: str
    messages: int
    aligned: int
    organisations: int


def way_of(relay_url: str) -> Way:
    """How mail leaves by a relay's address."""
    parts = urlsplit(relay_url)
    return Way(parts.hostname or "", parts.scheme in ("smtps", "smtp+starttls"), bool(parts.username))


def fetch_policy(url: str) -> str:
    """The text at an address, without a redirect (RFC 8461 section 3.3)."""
    found = fetching.fetch(url, accept=("text/plain",), max_bytes=64 * 1024, deadline_seconds=5, redirects=0)
    return found.body.decode("utf-8", "replace")


def look(database: Database, domain: str, *, vault: Vault, relay_url: str, ask: Ask, now: datetime) -> list[Finding]:
    """Look at a domain, and keep what was found. The questions are asked outside any transaction."""
    with database.reading() as session:
        keys = senders.keys(session, domain, vault, now=now)
    found = examine(domain, keys, way_of(relay_url), ask, fetch_policy)
    with database.unit() as session:
        row = senders.by_name(session, domain)
        row.findings = {"found": [item.as_json() for item in found]}
        row.checked_at = now
    return found


def last(session: Session, domain: str) -> tuple[list[Finding], datetime | None]:
    """What was found last, and when; nothing for a domain that was never looked at."""
    row = session.scalar(select(SenderDomain).where(SenderDomain.domain == domain))
    if row is None or row.findings is None:
        return [], None
    return [Finding.from_json(item) for item in row.findings["found"]], row.checked_at


def troubled(session: Session) -> list[str]:
    """Domains that were found to have something wrong when they were looked at last."""
    rows = session.execute(select(SenderDomain.domain, SenderDomain.findings).order_by(SenderDomain.domain))
    return [
        domain for domain, kept in rows if any(item["level"] == Level.BAD for item in (kept or {}).get("found", ()))
    ]


def due(session: Session, *, now: datetime) -> list[str]:
    """Domains that nobody has looked at since yesterday."""
    old = or_(SenderDomain.checked_at.is_(None), SenderDomain.checked_at < now - EVERY)
    return list(session.scalars(select(SenderDomain.domain).where(old).order_by(SenderDomain.domain)))


def all_domains(session: Session) -> list[str]:
    return list(session.scalars(select(SenderDomain.domain).order_by(SenderDomain.domain)))


def take_report(session: Session, raw: bytes, now: datetime) -> bool:
    """Keep the report that a mail or a file holds; False when there is none, or none about a domain of ours. A report
    that was kept before is not counted again.
    """
    try:
        found = aggregate.find(raw)
    except UnreadableError:
        return False
    if found is None or not _is_ours(session, found.domain):
        return False
    row = {
        "kind": found.kind,
        "organisation": found.organisation,
        "report_id": found.report_id,
        "domain": found.domain,
        "begins_at": found.begins,
        "ends_at": found.ends,
        "received_at": now,
    }
    insert = insert_into(session, DomainReport).values(row).on_conflict_do_nothing().returning(DomainReport.id)
    number = session.scalar(insert)
    if number is not None:
        session.add_all(
            DomainReportRow(
                report_id=number,
                source=item.source,
                count=item.count,
                aligned=item.aligned,
                dkim=item.dkim,
                spf=item.spf,
                result=item.result,
            )
            for item in found.rows
        )
        session.flush()
    return True


def sources(session: Session, domain: str, *, kind: str, now: datetime) -> Sequence[Source]:
    """Who was seen sending in a domain's name during the last month, the most active first."""
    aligned = func.sum(DomainReportRow.count).filter(DomainReportRow.aligned)
    query = (
        select(
            DomainReportRow.source,
            func.sum(DomainReportRow.count),
            func.coalesce(aligned, 0),
            func.count(DomainReport.organisation.distinct()),
        )
        .join(DomainReport, DomainReport.id == DomainReportRow.report_id)
        .where(
            or_(DomainReport.domain == domain, DomainReport.domain == senders.bounce_domain(domain)),
            DomainReport.kind == kind,
            DomainReport.ends_at > now - SHOWN,
        )
        .group_by(DomainReportRow.source)
        .order_by(func.sum(DomainReportRow.count).desc(), DomainReportRow.source)
        .limit(MOST_SOURCES)
    )
    return [Source(*row) for row in session.execute(query)]


def forget(session: Session, *, now: datetime) -> None:
    """Drop reports of more than a year ago."""
    session.execute(delete(DomainReport).where(DomainReport.ends_at < now - KEPT))


def _is_ours(session: Session, domain: str) -> bool:
    bare = domain.removeprefix("bounces.")
    query = select(SenderDomain.id).where(SenderDomain.domain.in_((domain, bare)))
    return session.scalar(query) is not None
