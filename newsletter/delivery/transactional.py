"""Mail that somebody waits for: one row a mail, a queue of its own, sent within the second."""

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from newsletter.core import jobs
from newsletter.core.database import Database
from newsletter.delivery import retry
from newsletter.delivery.decide import is_about_relay
from newsletter.delivery.models import DeliveryStatus, TransactionalMail
from newsletter.mail import dkim, verp
from newsletter.mail.headers import Mailbox
from newsletter.mail.identity import Identity
from newsletter.mail.message import (
    MessageHeaders,
    boundary_for,
    build_message,
    encode_alternative,
    message_id,
    transactional_headers,
)
from newsletter.mail.replies import ReplyClass
from newsletter.mail.transport import Envelope, Outcome, OutcomeKind

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)  # longer than any relay may keep a message waiting
KIND = "mail"


@dataclass(frozen=True, slots=True)
class Letter:
    """A transactional mail, rendered: what the room that asked for it says. `form_sub`: see
    mail.message.transactional_headers.
    """

    by: Identity
    subject: str
    html: str
    text: str
    form_sub: str = ""


class Mailer(Protocol):
    """What hands a message to a relay and waits for the answer."""

    def send(self, envelope: Envelope, message: bytes) -> Outcome: ...


class Writer(Protocol):
    """Renders one kind of mail from its row; None when there is nothing to say any more."""

    def __call__(self, session: Session, mail: TransactionalMail) -> Letter | None: ...


def queue(
    session: Session,
    *,
    kind: str,
    email: str,
    email_key: str,
    language: str,
    newsletter_id: int | None,
    params: dict[str, Any],
    lifetime: timedelta,
    now: datetime,
) -> None:
    """Write down a mail to be sent; `params` must hold nothing that opens a door, since rows are kept."""
    mail = TransactionalMail(
        kind=kind,
        email=email,
        email_key=email_key,
        language=language,
        newsletter_id=newsletter_id,
        params=params,
        status=DeliveryStatus.QUEUED,
        attempts=0,
        created_at=now,
        expires_at=now + lifetime,
        next_attempt_at=now,
    )
    session.add(mail)
    session.flush()
    jobs.wake(session, jobs.SEND_TRANSACTIONAL, mail.id)


def due(session: Session, *, now: datetime, limit: int = 100) -> list[int]:
    """Mails that wait to be sent, or whose sender died, those due longest first."""
    query = select(TransactionalMail.id).where(_is_due(now)).order_by(TransactionalMail.next_attempt_at).limit(limit)
    return list(session.scalars(query))


def _is_due(now: datetime) -> ColumnElement[bool]:
    """SQL: the mail is to be sent by now, and nobody is at it."""
    free = or_(TransactionalMail.lease_until.is_(None), TransactionalMail.lease_until < now)
    return and_(TransactionalMail.next_attempt_at <= now, free)


def send_one(
    database: Database,
    mail_id: int,
    *,
    writers: Mapping[str, Writer],
    mailer: Mailer,
    secret: bytes,
    clock: Callable[[], datetime],
    rng: random.Random,
) -> bool:
    """Send one mail if it is still due and nobody else has it.

    False when the relay itself is the trouble, so that others need not try now.
    """
    with database.unit() as session:
        prepared = _take(session, mail_id, writers=writers, secret=secret, now=clock())
    if prepared is None:
        return True
    outcome = mailer.send(*prepared)
    with database.unit() as session:
        _record(session, mail_id, outcome, now=clock(), rng=rng)
    return not is_about_relay(outcome)


def _take(
    session: Session, mail_id: int, *, writers: Mapping[str, Writer], secret: bytes, now: datetime
) -> tuple[Envelope, bytes] | None:
    mail = session.scalars(
        update(TransactionalMail)
        .where(TransactionalMail.id == mail_id, _is_due(now))
        .values(status=DeliveryStatus.SENDING, lease_until=now + LEASE, attempts=TransactionalMail.attempts + 1)
        .returning(TransactionalMail)
    ).first()
    if mail is None:
        return None
    if now >= mail.expires_at:
        _end(mail, DeliveryStatus.FAILED, reply="too late")
        return None
    try:
        letter = writers[mail.kind](session, mail)
        if letter is None:
            _end(mail, DeliveryStatus.SKIPPED, reply="nothing to say any more")
            return None
        return _write(mail, letter, secret)
    except Exception as error:
        # A mail that cannot be written fails by itself; the others of the queue go on.
        log.exception("transactional mail %d (%s) cannot be written", mail.id, mail.kind)
        _end(mail, DeliveryStatus.FAILED, reply=f"message not written: {error}")
        return None


def _write(mail: TransactionalMail, letter: Letter, secret: bytes) -> tuple[Envelope, bytes]:
    domain = letter.by.sender.address.rpartition("@")[2]
    identifier = message_id(KIND, mail.id, secret, domain)
    boundary = boundary_for(identifier)
    fields = transactional_headers(
        MessageHeaders(
            date=mail.created_at,
            sender=letter.by.sender,
            recipient=Mailbox(mail.email),
            subject=letter.subject,
            message_id=identifier,
            reply_to=letter.by.reply_to,
        ),
        form_sub=letter.form_sub,
    )
    body = encode_alternative(letter.text, letter.html, boundary)
    message = dkim.sign(build_message(fields, body, boundary), letter.by.keys, mail.created_at)
    sender = verp.transactional_sender(mail.id, secret, letter.by.bounce_domain)
    return Envelope(sender=sender, recipient=mail.email, envelope_id=identifier.strip("<>").partition("@")[0]), message


def _record(session: Session, mail_id: int, outcome: Outcome, *, now: datetime, rng: random.Random) -> None:
    mail = session.get_one(TransactionalMail, mail_id)
    reply = outcome.detail
    if outcome.kind is OutcomeKind.SENT:
        mail.sent_at = now
        _end(mail, DeliveryStatus.SENT, reply=reply)
    elif _is_final(outcome):
        _end(mail, DeliveryStatus.FAILED, reply=reply)
    else:
        # Deferred, refused for what we are, or lost after the final dot: a confirmation that comes twice does no harm,
        # one that never comes does.
        steps = retry.RELAY_DOWN if is_about_relay(outcome) else retry.TRANSACTIONAL
        mail.status = DeliveryStatus.DEFERRED
        mail.next_attempt_at = retry.next_attempt(steps, mail.attempts, now=now, rng=rng)
        mail.lease_until = None
        mail.reply = reply[:500]


def _is_final(outcome: Outcome) -> bool:
    rejected = outcome.kind is OutcomeKind.REJECTED and outcome.reply_class is not ReplyClass.SENDER
    return rejected and not is_about_relay(outcome)


def _end(mail: TransactionalMail, status: DeliveryStatus, *, reply: str) -> None:
    mail.status = status
    mail.next_attempt_at = None
    mail.lease_until = None
    mail.reply = reply[:500]
