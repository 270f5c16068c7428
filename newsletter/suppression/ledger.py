"""Putting addresses on the do-not-mail list and taking them off, always with a reason and a source."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter.core.database import insert_into
from newsletter.suppression.models import Suppression, SuppressionReason

# Mail to these addresses did not arrive, and nobody asked us to stop: a confirmation, mailed once a day at most and to
# nobody but who has just asked for it, may show that the mailbox exists again.
OF_ADDRESS = frozenset({SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCES})


def suppress(
    session: Session, email_key: str, reason: SuppressionReason, *, source: str, now: datetime, note: str = ""
) -> None:
    """Never mail this address again; the first reason stays when it is suppressed already."""
    suppress_all(session, {email_key: note}, reason, source=source, now=now)


def suppress_all(
    session: Session, notes: Mapping[str, str], reason: SuppressionReason, *, source: str, now: datetime
) -> None:
    """The same for many addresses, each with its note."""
    if not notes:
        return
    session.execute(
        insert_into(session, Suppression).on_conflict_do_nothing(),
        [
            {"email_key": key, "reason": reason, "source": source, "note": note, "created_at": now}
            # In one order for everybody, or two workers could each wait for an address of the other.
            for key, note in sorted(notes.items())
        ],
    )


def lift(session: Session, email_key: str, *, by: str, now: datetime) -> bool:
    """Allow mail to an address again; False when it was not suppressed."""
    lifted = session.execute(
        update(Suppression)
        .where(Suppression.email_key == email_key, Suppression.lifted_at.is_(None))
        .values(lifted_at=now, lifted_by=by)
        .returning(Suppression.id)
    ).all()
    return bool(lifted)


def lift_all(
    session: Session, email_keys: Collection[str], reason: SuppressionReason, *, since: datetime, by: str, now: datetime
) -> None:
    """Allow mail again to those of these addresses that were suppressed for this reason since then."""
    session.execute(
        update(Suppression)
        .where(
            Suppression.email_key.in_(email_keys),
            Suppression.reason == reason,
            Suppression.created_at >= since,
            Suppression.lifted_at.is_(None),
        )
        .values(lifted_at=now, lifted_by=by)
        .execution_options(synchronize_session=False)
    )


def find(session: Session, email_key: str) -> Suppression | None:
    """The suppression that is in force for an address."""
    return session.scalar(
        select(Suppression).where(Suppression.email_key == email_key, Suppression.lifted_at.is_(None))
    )


def history(session: Session, email_key: str, *, limit: int = 20) -> list[Suppression]:
    """Every time that an address was put on the list, the last first."""
    query = select(Suppression).where(Suppression.email_key == email_key).order_by(Suppression.id.desc()).limit(limit)
    return list(session.scalars(query))


def page(session: Session, *, before: int | None = None, limit: int = 50) -> list[Suppression]:
    """What is in force, the newest first; `before` is the number of the last one of the page before."""
    query = select(Suppression).where(Suppression.lifted_at.is_(None)).order_by(Suppression.id.desc()).limit(limit)
    return list(session.scalars(query.where(Suppression.id < before) if before is not None else query))


def may_confirm(session: Session, email_key: str) -> bool:
    """Whether a confirmation may be mailed: not to who called our mail spam or said "not me", and not where staff said
    never. A bounce stops issues, no confirmation.
    """
    found = find(session, email_key)
    return found is None or found.reason in OF_ADDRESS


def is_suppressed(email_key: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """SQL: a suppression is in force for the address in this column."""
    return exists().where(Suppression.email_key == email_key, Suppression.lifted_at.is_(None))
