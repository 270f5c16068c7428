"""What a report changes: who is not written to any more, who has left, what a domain is counted for.

`take` is called for every report, in any order and as often as it comes: the same report changes something once.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.core.database import insert_into
from newsletter.delivery import bounces, ledger, soft_bounces, tally
from newsletter.delivery.models import Batch, Bounce, BounceFate
from newsletter.delivery.tally import Returned
from newsletter.feedback.matching import BELIEVED, Subject
from newsletter.feedback.models import Effect, FeedbackReport
from newsletter.mail.evidence import Evidence, Kind
from newsletter.mail.replies import ReplyClass
from newsletter.subscriptions import unsubscribe
from newsletter.subscriptions.models import EndedReason, Subscription, SubscriptionStatus
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import SuppressionReason

MAX_SOURCE = 80
CHANGING = frozenset({Effect.SUPPRESSED, Effect.HELD, Effect.COUNTED, Effect.ENDED, Effect.FORWARDED})
# How a bounce that came later counts for the recipient's domain.
COUNTED_AS: dict[ReplyClass, Returned] = {
    ReplyClass.HARD: "hard",
    ReplyClass.CONTENT: "content",
    ReplyClass.SENDER: "sender",
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where a report came from: `source` as it is kept, and `event_key` where the source names its reports."""

    source: str
    received_at: datetime
    event_key: str = ""
    inbound_id: int | None = None


def take(
    session: Session, evidence: Evidence, subject: Subject | None, arrival: Arrival, *, now: datetime
) -> FeedbackReport | None:
    """Write a report down and do what it calls for; None when it was written down before."""
    report_id = _write(session, evidence, subject, arrival)
    if report_id is None:
        return None
    report = session.get_one(FeedbackReport, report_id)
    if subject is not None:
        report.effect = _Case(session, report_id, evidence, subject, arrival.source, now).apply()
        report.applied_at = now if report.effect in CHANGING else None
    return report


def _write(session: Session, evidence: Evidence, subject: Subject | None, arrival: Arrival) -> int | None:
    row = {
        "source": arrival.source[:MAX_SOURCE],
        "event_key": arrival.event_key or event_key(evidence),
        "inbound_id": arrival.inbound_id,
        "kind": evidence.kind,
        "reply_class": evidence.reply_class,
        "status": evidence.status[:20],
        "reason": evidence.reason,
        "recipient": evidence.recipient[:320],
        "effect": Effect.UNMATCHED,
        "occurred_at": evidence.occurred_at,
        "received_at": arrival.received_at,
    }
    if subject is not None:
        row |= {
            "matched_by": subject.by,
            "delivery_id": subject.delivery_id,
            "mail_id": subject.mail_id,
            "subscriber_id": subject.subscriber_id,
            "newsletter_id": subject.newsletter_id,
            "issue_id": subject.issue_id,
        }
    insert = insert_into(session, FeedbackReport).values(row).on_conflict_do_nothing().returning(FeedbackReport.id)
    number: int | None = session.scalar(insert)
    return number


def event_key(evidence: Evidence) -> str:
    """What makes a report the same one where its source gives no identifier."""
    parts = (
        evidence.kind,
        evidence.recipient.lower(),
        evidence.status,
        evidence.reason,
        str(evidence.occurred_at or ""),
        *evidence.proofs,
    )
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(slots=True)
class _Case:
    """One report and whom it is about, while it is applied."""

    session: Session
    report_id: int
    evidence: Evidence
    subject: Subject
    source: str
    now: datetime

    def apply(self) -> Effect:
        if self.subject.batch_id is not None:
            # First, as everybody does who changes deliveries.
            ledger.lock_batches(self.session, Batch.id == self.subject.batch_id)
        match self.evidence.kind:
            case Kind.BOUNCE:
                return self._bounce()
            case Kind.COMPLAINT:
                return self._complaint()
            case Kind.UNSUBSCRIBE:
                return self._leave(EndedReason.BY_MAIL)
        return Effect.IGNORED

    def _bounce(self) -> Effect:
        """Hard: never again, unless its whole domain says so at once. Soft: a point. For what was in the message, or
        for who we are, no reader is to blame.
        """
        subject = self.subject
        if subject.sent_at is None or self.now - subject.sent_at > BELIEVED:
            return Effect.IGNORED
        if subject.delivery_id is None or subject.issue_id is None:
            return self._bounced_mail()
        found = self.evidence.reply_class or ReplyClass.SOFT
        effect = Effect.COUNTED
        kind: Returned = COUNTED_AS.get(found, "soft")
        if kind in ("hard", "content") and subject.batch_id is not None:
            tally.add_to_batches(self.session, {subject.batch_id: {kind: 1}})
        if found is ReplyClass.HARD:
            effect = self._hard(subject.delivery_id, subject.issue_id)
        elif found not in (ReplyClass.CONTENT, ReplyClass.SENDER, ReplyClass.MESSAGE):
            effect = self._soft(subject.delivery_id, subject.issue_id)
        self._count(kind)
        return effect

    def _hard(self, delivery_id: int, issue_id: int) -> Effect:
        subject = self.subject
        refusal = bounces.Refusal(delivery_id, issue_id, subject.email, subject.domain, self._reply(), self.source)
        taken = bounces.take(self.session, [refusal], now=self.now)
        if taken:
            bounces.withdraw(self.session, taken, now=self.now)
            return Effect.SUPPRESSED
        fate = self.session.scalar(select(Bounce.fate).where(Bounce.delivery_id == delivery_id))
        return Effect.HELD if fate is BounceFate.HELD else Effect.AGAIN

    def _soft(self, delivery_id: int, issue_id: int) -> Effect:
        disabled = soft_bounces.is_disabled(self.evidence.status)
        miss = soft_bounces.Miss(delivery_id, issue_id, self.subject.email, self._reply(), disabled, self.source)
        ended = soft_bounces.take(self.session, [miss], now=self.now)
        bounces.withdraw(self.session, ended, now=self.now)
        return Effect.SUPPRESSED if ended else Effect.COUNTED

    def _bounced_mail(self) -> Effect:
        """A confirmation or another single mail: only that its address does not exist says something."""
        if not self.evidence.is_hard:
            return Effect.IGNORED
        self._suppress(SuppressionReason.HARD_BOUNCE)
        return Effect.SUPPRESSED

    def _complaint(self) -> Effect:
        """Out at once, of everything; and the issue's brake hears of it."""
        first = not self._complained_before()
        if first and self.subject.batch_id is not None:
            session, batch_id = self.session, self.subject.batch_id
            session.execute(update(Batch).where(Batch.id == batch_id).values(complained=Batch.complained + 1))
        self._leave(EndedReason.COMPLAINED, everywhere=True)
        self._suppress(SuppressionReason.COMPLAINT)
        if first and self.subject.delivery_id is not None:
            self._count("complained")
        return Effect.SUPPRESSED if first else Effect.AGAIN

    def _complained_before(self) -> bool:
        """Providers repeat themselves, and several sources may tell of one complaint."""
        query = select(FeedbackReport.id).where(
            FeedbackReport.delivery_id == self.subject.delivery_id,
            FeedbackReport.kind == Kind.COMPLAINT,
            FeedbackReport.id != self.report_id,
        )
        return self.subject.delivery_id is not None and self.session.scalar(query.limit(1)) is not None

    def _suppress(self, reason: SuppressionReason) -> None:
        note = self.evidence.reason
        suppression.suppress(self.session, self.subject.email_key, reason, source=self.source, note=note, now=self.now)
        if self.subject.subscriber_id is not None:
            bounces.withdraw(self.session, [self.subject.subscriber_id], now=self.now)

    def _leave(self, reason: EndedReason, *, everywhere: bool = False) -> Effect:
        """End the subscription that a token names, else the reader's to the newsletter; or all of them."""
        subject = self.subject
        if subject.subscriber_id is None:
            return Effect.IGNORED
        query = select(Subscription.id).where(
            Subscription.subscriber_id == subject.subscriber_id, Subscription.status != SubscriptionStatus.ENDED
        )
        if not everywhere and subject.subscription_id is not None:
            query = query.where(Subscription.id == subject.subscription_id)
        elif not everywhere and subject.newsletter_id is not None:
            query = query.where(Subscription.newsletter_id == subject.newsletter_id)
        ended = [
            unsubscribe.end(self.session, subscription_id, reason, issue_id=subject.issue_id, now=self.now)
            for subscription_id in self.session.scalars(query.order_by(Subscription.id)).all()
        ]
        return Effect.ENDED if any(ended) else Effect.AGAIN

    def _count(self, kind: Returned) -> None:
        """For the figures of the recipient's domain, which all workers share: the last thing that is done."""
        counted = tally.CameBack(self.subject.domain, kind=kind, words=self.evidence.reason)
        tally.came_back(self.session, [counted], now=self.now)

    def _reply(self) -> str:
        return " ".join(filter(None, (self.evidence.status, self.evidence.reason)))
