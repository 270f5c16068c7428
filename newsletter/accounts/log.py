"""Reading the record of who did what, the latest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from newsletter.accounts.models import AuditEvent, User
from newsletter.core.database import Database

CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events; what is None or empty is not asked. `until` is left out itself."""

    actor: str = ""
    subject: str = ""
    subject_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


def page(session: Session, wanted: Wanted, *, before: int | None = None, limit: int) -> list[AuditEvent]:
    """Events that fit, the latest first, from below the event `before` on."""
    asked = query(wanted, limit=limit)
    if before is not None:
        at = session.scalar(select(AuditEvent.at).where(AuditEvent.id == before))
        if at is None:
            return []
        asked = asked.where(tuple_(AuditEvent.at, AuditEvent.id) < tuple_(at, before))
    return list(session.scalars(asked))


def query(wanted: Wanted, *, limit: int) -> Select[AuditEvent]:
    found = select(AuditEvent).order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(limit)
    if wanted.actor:
        found = found.where(AuditEvent.actor == wanted.actor)
    if wanted.subject:
        found = found.where(AuditEvent.subject == wanted.subject)
    if wanted.subject_id is not None:
        found = found.where(AuditEvent.subject_id == wanted.subject_id)
    if wanted.since is not None:
        found = found.where(AuditEvent.at >= wanted.since)
    if wanted.until is not None:
        found = found.where(AuditEvent.at < wanted.until)
    return found


def every(database: Database, wanted: Wanted) -> Iterator[AuditEvent]:
    """All events that fit, the latest first, read in pieces: no transaction waits for a slow browser."""
    before: int | None = None
    while True:
        with database.reading() as session:
            rows = page(session, wanted, before=before, limit=CHUNK)
        yield from rows
        if len(rows) < CHUNK:
            return
        before = rows[-1].id


def people(session: Session) -> list[str]:
    """Addresses of the staff, those whose account is closed too."""
    return list(session.scalars(select(User.email).order_by(User.email_key)))
