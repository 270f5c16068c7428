"""Everything that happened with one reader, as one line of time, the newest first.

Each source is asked for a page of its own below the same place and the pages are merged, so that a page costs the same
however long the history is. What belongs to one reader is found by an index in every table.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter.accounts.models import AuditEvent
from newsletter.core.database import among
from newsletter.delivery.models import Delivery, TransactionalMail
from newsletter.feedback.models import FeedbackReport
from newsletter.feedback.queries import SHOWN
from newsletter.issues.models import Issue, Variant
from newsletter.subscriptions.models import ConsentEvent, Subscriber, Subscription
from newsletter.suppression.models import Suppression


class Kind(StrEnum):
    """What a reader's history can be narrowed to."""

    CONSENT = "consent"
    SENT = "sent"
    RETURNED = "returned"
    BLOCKED = "blocked"
    STAFF = "staff"


class Source(StrEnum):
    """Where an entry comes from. Entries of one moment stand in this order of the words."""

    AUDIT = "audit"
    CONSENT = "consent"
    DELIVERY = "delivery"
    LIFT = "lift"
    MAIL = "mail"
    REPORT = "report"
    SUPPRESSION = "suppression"


KIND_OF = {
    Source.AUDIT: Kind.STAFF,
    Source.CONSENT: Kind.CONSENT,
    Source.DELIVERY: Kind.SENT,
    Source.LIFT: Kind.BLOCKED,
    Source.MAIL: Kind.SENT,
    Source.REPORT: Kind.RETURNED,
    Source.SUPPRESSION: Kind.BLOCKED,
}
# These stand in the line already, as a consent or as a block.
TOLD = ("subscriber.added", "subscriber.ended", "address.blocked", "address.unblocked")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the line: of what stands before it, the last."""

    at: datetime
    source: Source
    id: int

    def __str__(self) -> str:
        return f"{self.at.timestamp():.6f}.{self.source}.{self.id}"

    @classmethod
    def read(cls, text: str) -> "Place | None":
        """The place that an address names; None for anything else."""
        seconds, _dot, rest = text.rpartition(".")[0].rpartition(".")
        number = text.rpartition(".")[2]
        try:
            return cls(datetime.fromtimestamp(float(seconds), UTC), Source(rest), int(number[:18]))
        except (ValueError, OverflowError, OSError):
            return None


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened. `record`: the row it was read from; `subject`: of a delivery, the issue's."""

    at: datetime
    source: Source
    id: int
    record: Any
    newsletter_id: int | None = None
    subject: str = ""
    issue_id: int | None = None

    @property
    def kind(self) -> Kind:
        return KIND_OF[self.source]

    @property
    def place(self) -> Place:
        return Place(self.at, self.source, self.id)


@dataclass(frozen=True, slots=True)
class Page:
    entries: Sequence[Entry]
    older: Place | None


@dataclass(frozen=True, slots=True)
class Person:
    """Whose history it is; `subscriptions` of every newsletter."""

    subscriber_id: int
    email_key: str
    subscriptions: Collection[int]


Ask = Callable[[Session, Person, Place | None, Kind | None, int], list[Entry]]


def person(session: Session, subscriber_id: int) -> Person:
    key = session.scalars(select(Subscriber.email_key).where(Subscriber.id == subscriber_id)).one()
    ids = session.scalars(select(Subscription.id).where(Subscription.subscriber_id == subscriber_id)).all()
    return Person(subscriber_id, key, ids)


def history(
    session: Session, whose: Person, *, kind: Kind | None = None, below: Place | None = None, limit: int = 30
) -> Page:
    """A page of what happened, of one kind or of all."""
    found = [
        entry
        for source, ask in ASK.items()
        if kind in (None, KIND_OF[source])
        for entry in ask(session, whose, below, kind, limit + 1)
    ]
    found.sort(key=lambda entry: entry.id, reverse=True)
    found.sort(key=lambda entry: entry.source)
    found.sort(key=lambda entry: entry.at, reverse=True)
    shown = found[:limit]
    return Page(shown, shown[-1].place if len(found) > limit else None)


Column = InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]


def _below(place: Place | None, source: Source, at: Column, number: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """SQL: further down the line than a place."""
    if place is None:
        return true()
    if source > place.source:
        return at <= place.at
    if source < place.source:
        return at < place.at
    return or_(at < place.at, and_(at == place.at, number < place.id))


def _consents(session: Session, whose: Person, below: Place | None, _kind: Kind | None, limit: int) -> list[Entry]:
    query = (
        select(ConsentEvent)
        .where(ConsentEvent.subscriber_id == whose.subscriber_id)
        .where(_below(below, Source.CONSENT, ConsentEvent.at, ConsentEvent.id))
        .order_by(ConsentEvent.at.desc(), ConsentEvent.id.desc())
        .limit(limit)
    )
    return [Entry(row.at, Source.CONSENT, row.id, row, row.newsletter_id) for row in session.scalars(query)]


def _deliveries(session: Session, whose: Person, below: Place | None, _kind: Kind | None, limit: int) -> list[Entry]:
    query = (
        select(Delivery, Issue.newsletter_id, Variant.subject)
        .join(Issue, Issue.id == Delivery.issue_id)
        .join(Variant, Variant.id == Delivery.variant_id)
        .where(Delivery.subscriber_id == whose.subscriber_id)
        .where(_below(below, Source.DELIVERY, Delivery.updated_at, Delivery.id))
        .order_by(Delivery.updated_at.desc(), Delivery.id.desc())
        .limit(limit)
    )
    return [
        Entry(row.updated_at, Source.DELIVERY, row.id, row, newsletter_id, subject, row.issue_id)
        for row, newsletter_id, subject in session.execute(query)
    ]


def _mails(session: Session, whose: Person, below: Place | None, _kind: Kind | None, limit: int) -> list[Entry]:
    query = (
        select(TransactionalMail)
        .where(TransactionalMail.email_key == whose.email_key)
        .where(_below(below, Source.MAIL, TransactionalMail.created_at, TransactionalMail.id))
        .order_by(TransactionalMail.created_at.desc(), TransactionalMail.id.desc())
        .limit(limit)
    )
    return [Entry(row.created_at, Source.MAIL, row.id, row, row.newsletter_id) for row in session.scalars(query)]


def _reports(session: Session, whose: Person, below: Place | None, _kind: Kind | None, limit: int) -> list[Entry]:
    query = (
        select(FeedbackReport)
        .where(FeedbackReport.subscriber_id == whose.subscriber_id, FeedbackReport.kind.in_(SHOWN))
        .where(_below(below, Source.REPORT, FeedbackReport.received_at, FeedbackReport.id))
        .order_by(FeedbackReport.received_at.desc(), FeedbackReport.id.desc())
        .limit(limit)
    )
    return [Entry(row.received_at, Source.REPORT, row.id, row, row.newsletter_id) for row in session.scalars(query)]


def _suppressions(session: Session, whose: Person, below: Place | None, _kind: Kind | None, limit: int) -> list[Entry]:
    query = (
        select(Suppression)
        .where(Suppression.email_key == whose.email_key)
        .where(_below(below, Source.SUPPRESSION, Suppression.created_at, Suppression.id))
        .order_by(Suppression.created_at.desc(), Suppression.id.desc())
        .limit(limit)
    )
    return [Entry(row.created_at, Source.SUPPRESSION, row.id, row) for row in session.scalars(query)]


def _lifts(session: Session, whose: Person, below: Place | None, _kind: Kind | None, limit: int) -> list[Entry]:
    query = (
        select(Suppression)
        .where(Suppression.email_key == whose.email_key, Suppression.lifted_at.is_not(None))
        .where(_below(below, Source.LIFT, Suppression.lifted_at, Suppression.id))
        .order_by(Suppression.lifted_at.desc(), Suppression.id.desc())
        .limit(limit)
    )
    rows = session.scalars(query)
    return [Entry(row.lifted_at, Source.LIFT, row.id, row) for row in rows if row.lifted_at is not None]


def _audit(session: Session, whose: Person, below: Place | None, kind: Kind | None, limit: int) -> list[Entry]:
    about = or_(
        and_(AuditEvent.subject == "subscription", among(session, AuditEvent.subject_id, whose.subscriptions)),
        and_(AuditEvent.subject == "subscriber", AuditEvent.subject_id == whose.subscriber_id),
    )
    query = (
        select(AuditEvent)
        .where(about, _below(below, Source.AUDIT, AuditEvent.at, AuditEvent.id))
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(limit)
    )
    if kind is None:
        query = query.where(AuditEvent.action.not_in(TOLD))
    return [Entry(row.at, Source.AUDIT, row.id, row) for row in session.scalars(query)]


ASK: dict[Source, Ask] = {
    Source.AUDIT: _audit,
    Source.CONSENT: _consents,
    Source.DELIVERY: _deliveries,
    Source.LIFT: _lifts,
    Source.MAIL: _mails,
    Source.REPORT: _reports,
    Source.SUPPRESSION: _suppressions,
}
