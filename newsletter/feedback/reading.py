"""Reading what has come in: each message or webhook in a unit of its own, so that one that is odd harms no other."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.core.database import Database
from newsletter.feedback import applying, inbox, matching, replying
from newsletter.feedback.applying import Arrival
from newsletter.feedback.matching import Matcher, Subject
from newsletter.feedback.models import Effect, FeedbackReport, InboundMail
from newsletter.feedback.providers import Reading
from newsletter.mail.evidence import Evidence, Kind
from newsletter.mail.replies import ReplyClass
from newsletter.mail.reports import Report, read_report
from newsletter.mail.verp import UNSUBSCRIBE

log = logging.getLogger(__name__)

MOST_AT_ONCE = 50

Unwrap = Callable[[Session, str, bytes], Reading]
"""Reads the body of a webhook, by its source. Raises RefusedError for one that cannot be understood."""
TakeSummary = Callable[[Session, bytes, datetime], bool]
"""Takes a report of mail authentication out of a message; False when there is none in it."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What reading needs beside the database. `confirm` visits an address by which a provider wants to know that its
    reports are wanted; it raises RefusedError.
    """

    matcher: Matcher
    unwrap: Unwrap
    confirm: Callable[[str], object]
    take_summary: TakeSummary = lambda _session, _raw, _now: False


def read_waiting(
    database: Database, reader: Reader, *, clock: Callable[[], datetime], stopping: Callable[[], bool]
) -> int:
    """Read until nothing waits; returns how many were read."""
    count = 0
    while not stopping():
        with database.unit() as session:
            numbers = inbox.claim(session, most=MOST_AT_ONCE, now=clock())
        if not numbers:
            break
        for number in numbers:
            read_stored(database, number, reader, now=clock())
            count += 1
    return count


def read_stored(database: Database, inbound_id: int, reader: Reader, *, now: datetime) -> list[FeedbackReport]:
    """Read one of them; what goes wrong is kept beside it, and it can be read again."""
    try:
        with database.unit() as session:
            mail = session.get(InboundMail, inbound_id)
            if mail is None:
                return []
            found, to_confirm = read_one(session, mail, reader, now=now)
            mail.read_at, mail.lease_until, mail.problem = now, None, None
        if to_confirm:
            reader.confirm(to_confirm)
        return found
    except Exception as error:
        log.exception("what came in under number %d cannot be read", inbound_id)
        with database.unit() as session:
            mail = session.get_one(InboundMail, inbound_id)
            mail.read_at, mail.lease_until, mail.problem = now, None, f"{type(error).__name__}: {error}"[:300]
        return []


def read_one(session: Session, mail: InboundMail, reader: Reader, *, now: datetime) -> tuple[list[FeedbackReport], str]:
    """Read a message or a webhook, and do what it calls for. Again is the same as once. Returns what was new, and an
    address that is to be visited after the commit, or nothing.
    """
    if mail.source.startswith(inbox.WEBHOOK):
        reading = reader.unwrap(session, mail.source, mail.data)
        return _take_events(session, mail, reading.evidence, reader, now=now), reading.subscribe_url
    if reader.take_summary(session, mail.data, now):
        return [], ""
    return _read_mail(session, mail, reader, now=now), ""


def _take_events(
    session: Session, mail: InboundMail, events: Sequence[Evidence], reader: Reader, *, now: datetime
) -> list[FeedbackReport]:
    """The provider has proved who it is, so an address is enough where no token of ours comes back."""
    found = []
    for evidence in events:
        subject = reader.matcher.find(session, evidence.proofs, now=now)
        if subject is None and "@" in evidence.recipient:
            subject = matching.of_address(session, evidence.recipient, now=now)
        arrival = Arrival(mail.source, mail.received_at, _event_of(evidence), mail.id)
        found.append(applying.take(session, evidence, subject, arrival, now=now))
    return [item for item in found if item is not None]


def _event_of(evidence: Evidence) -> str:
    """The provider's identifier, which may be of any length and name several recipients' events alike."""
    if not evidence.event_id:
        return ""
    return hashlib.sha256(f"{evidence.event_id}\0{evidence.kind}\0{evidence.recipient.lower()}".encode()).hexdigest()


def _read_mail(session: Session, mail: InboundMail, reader: Reader, *, now: datetime) -> list[FeedbackReport]:
    report = read_report(mail.data, envelope_recipient=mail.envelope_recipient)
    subject = reader.matcher.find(session, report.evidence[0].proofs, now=now)
    evidence = _about(report, subject, mail.envelope_recipient)
    arrival = Arrival(mail.source, mail.received_at, f"mail:{mail.digest}", mail.id)
    taken = applying.take(session, evidence, subject, arrival, now=now)
    if taken is None:
        return []
    if evidence.kind is Kind.ANSWER and subject is not None and subject.newsletter_id is not None:
        # In a mailbox that people read it is where it should be.
        direct = not mail.source.startswith("mailbox:")
        if direct and replying.forward(session, mail.id, report.message, subject.newsletter_id, now=now):
            taken.effect, taken.applied_at = Effect.FORWARDED, now
    return [taken]


def _about(report: Report, subject: Subject | None, envelope_recipient: str) -> Evidence:
    """What a message says of our reader. A message of ours has one recipient, so what is said of several others is said
    of those whom its mailbox passes mail on to: that one of them is gone does not end the reader.
    """
    first = report.evidence[0]
    if first.kind in (Kind.ANSWER, Kind.UNSUBSCRIBE):
        return _wish(report, subject, envelope_recipient)
    if subject is None or len(report.evidence) == 1:
        return first
    exact = [item for item in report.evidence if item.recipient.lower() == subject.email_key]
    if exact:
        return exact[0]
    if first.kind is Kind.BOUNCE and first.is_hard:
        return replace(first, reply_class=ReplyClass.SOFT)
    return first


def _wish(report: Report, subject: Subject | None, envelope_recipient: str) -> Evidence:
    """Whoever writes to the address that unsubscribes wants that, whatever they write. "STOP" written to another
    address counts when the reader wrote it: others have our links too, in what was passed on to them.
    """
    first = report.evidence[0]
    addressed = (envelope_recipient, report.message.get("to"), report.message.get("delivered-to"))
    if any(f"{UNSUBSCRIBE}+" in text.lower() for text in addressed):
        return replace(first, kind=Kind.UNSUBSCRIBE)
    if first.kind is Kind.UNSUBSCRIBE and (subject is None or first.recipient.lower() != subject.email_key):
        return replace(first, kind=Kind.ANSWER)
    return first
