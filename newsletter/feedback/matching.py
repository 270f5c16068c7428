"""Finding what a report is about: by a token that only we can have written, never by its word alone."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from newsletter.core.addresses import key_of
from newsletter.core.tokens import Signer
from newsletter.core.urls import UNSUBSCRIBE
from newsletter.delivery import personalise, transactional
from newsletter.delivery.models import Batch, Delivery, DeliveryStatus, TransactionalMail
from newsletter.feedback.models import MatchedBy
from newsletter.mail import verp
from newsletter.mail.message import read_message_id
from newsletter.subscriptions.models import Subscriber, Subscription

BELIEVED = timedelta(days=30)
"""How long after a message left a bounce of it is heard."""
ARRIVED = (DeliveryStatus.SENT, DeliveryStatus.UNKNOWN, DeliveryStatus.FAILED, DeliveryStatus.SENDING)

_LINK = re.compile(r"/u/([\w-]{20,80})")
_TAGGED = re.compile(rf"\b(b|t|unsub)\+([0-9a-f]{{{verp.TOKEN_LENGTH}}})@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom and what a report is about. A mail that is no issue has a `mail_id` and maybe nobody who subscribes;
    `subscription_id` is known when the token names one.
    """

    by: MatchedBy
    email: str
    subscriber_id: int | None = None
    delivery_id: int | None = None
    batch_id: int | None = None
    issue_id: int | None = None
    newsletter_id: int | None = None
    subscription_id: int | None = None
    mail_id: int | None = None
    sent_at: datetime | None = None

    @property
    def email_key(self) -> str:
        return key_of(self.email)

    @property
    def domain(self) -> str:
        return self.email_key.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Matcher:
    """Finds subjects by what reports hold. `secret` is the installation's key for mail."""

    secret: bytes
    signer: Signer

    def find(self, session: Session, proofs: Iterable[str], *, now: datetime) -> Subject | None:
        """What one of these texts proves, the surest first: the envelope sender, then the identifier of the envelope
        or the message, then an address of List-Unsubscribe. None where none of them does.
        """
        texts = [text[:4000] for text in proofs if text][:40]
        tagged = [(found[1].lower(), found[0]) for text in texts for found in _TAGGED.finditer(text)]
        return (
            self._by_envelope(session, tagged)
            or self._by_identifier(session, texts)
            or self._by_unsubscribe(session, tagged, texts)
        )

    def _by_envelope(self, session: Session, tagged: list[tuple[str, str]]) -> Subject | None:
        for tag, address in tagged:
            if tag == verp.DELIVERY and (number := verp.parse(address, self.secret)) is not None:
                return of_delivery(session, number, MatchedBy.VERP)
            if tag == verp.TRANSACTIONAL and (number := verp.parse_transactional(address, self.secret)) is not None:
                return of_mail(session, number, MatchedBy.VERP)
        return None

    def _by_identifier(self, session: Session, texts: list[str]) -> Subject | None:
        for text in texts:
            if (number := read_message_id(personalise.KIND, text, self.secret)) is not None:
                return of_delivery(session, number, MatchedBy.MESSAGE_ID)
            if (number := read_message_id(transactional.KIND, text, self.secret)) is not None:
                return of_mail(session, number, MatchedBy.MESSAGE_ID)
        return None

    def _by_unsubscribe(self, session: Session, tagged: list[tuple[str, str]], texts: list[str]) -> Subject | None:
        # The link says of which issue it is, the address does not.
        for text in texts:
            for found in _LINK.finditer(text):
                if numbers := self.signer.read(UNSUBSCRIBE, found[1], 2):
                    return of_subscription(session, *numbers)
        for tag, address in tagged:
            if tag == verp.UNSUBSCRIBE and (number := verp.parse_unsubscribe(address, self.secret)) is not None:
                return of_subscription(session, number, 0)
        return None


def of_delivery(session: Session, delivery_id: int, by: MatchedBy) -> Subject | None:
    """The reader and the issue of a delivery that has been handed over."""
    return _subject(session.execute(_deliveries().where(Delivery.id == delivery_id)).first(), by)


def of_mail(session: Session, mail_id: int, by: MatchedBy) -> Subject | None:
    """Whom a mail that is no issue was for."""
    mail = session.get(TransactionalMail, mail_id)
    if mail is None:
        return None
    who = session.scalar(select(Subscriber.id).where(Subscriber.email_key == mail.email_key))
    return Subject(
        by, mail.email, subscriber_id=who, newsletter_id=mail.newsletter_id, mail_id=mail.id, sent_at=mail.sent_at
    )


def of_subscription(session: Session, subscription_id: int, issue_id: int) -> Subject | None:
    """Who subscribes, with the delivery of the issue that the token came from where it says so."""
    row = session.execute(
        select(Subscription.subscriber_id, Subscription.newsletter_id, Subscriber.email)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(Subscription.id == subscription_id)
    ).first()
    if row is None:
        return None
    delivery = None
    if issue_id:
        of_issue = _deliveries().where(Delivery.subscriber_id == row.subscriber_id, Delivery.issue_id == issue_id)
        delivery = session.execute(of_issue).first()
    return Subject(
        MatchedBy.UNSUBSCRIBE,
        row.email,
        subscriber_id=row.subscriber_id,
        delivery_id=delivery.id if delivery else None,
        batch_id=delivery.batch_id if delivery else None,
        issue_id=issue_id or None,
        newsletter_id=row.newsletter_id,
        subscription_id=subscription_id,
        sent_at=delivery.updated_at if delivery else None,
    )


def of_address(session: Session, email: str, *, now: datetime) -> Subject | None:
    """The last issue that an address was sent lately; only for sources that have proved who they are."""
    latest = (
        _deliveries()
        .where(
            Subscriber.email_key == key_of(email),
            Delivery.status.in_(ARRIVED),
            Delivery.updated_at > now - BELIEVED,
        )
        .order_by(Delivery.id.desc())
        .limit(1)
    )
    if found := _subject(session.execute(latest).first(), MatchedBy.ADDRESS):
        return found
    who = session.execute(select(Subscriber.id, Subscriber.email).where(Subscriber.email_key == key_of(email))).first()
    return Subject(MatchedBy.ADDRESS, who.email, subscriber_id=who.id) if who else None


def _deliveries() -> Select[int, int, int, int, datetime, int, str]:
    return (
        select(
            Delivery.id,
            Delivery.batch_id,
            Delivery.issue_id,
            Delivery.subscriber_id,
            Delivery.updated_at,
            Batch.newsletter_id,
            Subscriber.email,
        )
        .join(Batch, Batch.id == Delivery.batch_id)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
    )


def _subject(row: Row[int, int, int, int, datetime, int, str] | None, by: MatchedBy) -> Subject | None:
    if row is None:
        return None
    return Subject(
        by,
        row.email,
        subscriber_id=row.subscriber_id,
        delivery_id=row.id,
        batch_id=row.batch_id,
        issue_id=row.issue_id,
        newsletter_id=row.newsletter_id,
        sent_at=row.updated_at,
    )
