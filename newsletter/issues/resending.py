"""Sending an issue once more to those who were missed: what failed without their address being refused for good, what
the issue's expiry cut off, and what nobody knows of.

It is the same delivery that goes on: the same row, the same Message-ID and the same bytes, so that a mailbox that has
had it recognises the second one, and the sums of the issue are those of its audience still. What is unknown may arrive
twice, and is marked as `repeated`. Out stay those whom nothing may reach any more, and those whom a later issue has
told the same stories.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, exists, func, insert, literal, select, update
from sqlalchemy.orm import Session, aliased

from newsletter.accounts import audit
from newsletter.core import jobs
from newsletter.core.database import among
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.delivery import bulk, ledger, tally
from newsletter.delivery.models import ASKED_AGAIN, Batch, Bounce, Delivery, DeliveryAttempt, DeliveryStatus
from newsletter.issues import editing, pace, seen, status
from newsletter.issues.freeze import LIFETIME
from newsletter.issues.models import Issue
from newsletter.issues.sending_models import Resend
from newsletter.subscriptions.models import Subscriber, Subscription, SubscriptionStatus
from newsletter.suppression.ledger import is_suppressed

MISSED = (DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN)
WITHIN = timedelta(days=30)  # after it, nobody waits for it, and what comes back is not believed any more
AT_ONCE = 5000  # rows of a statement
QUICKLY_COUNTED = 100_000  # deliveries that are looked through while a page is being made


class Why(StrEnum):
    """What becomes of a delivery that was missed: it leaves again, or why it stays as it is."""

    AGAIN = "again"
    BOUNCED = "bounced"
    BLOCKED = "blocked"
    LEFT = "left"
    TOLD = "told"


LEFT_OUT = (Why.BOUNCED, Why.BLOCKED, Why.LEFT, Why.TOLD)


@dataclass(frozen=True, slots=True)
class Missed:
    """Deliveries that were missed: `failed` and `unknown` leave again, `late` of the failed since the issue had
    expired; the rest stays, by why. `number` of the resend that this would be, from 1.
    """

    number: int
    failed: int
    unknown: int
    late: int
    left_out: Mapping[Why, int]

    @property
    def again(self) -> int:
        return self.failed + self.unknown

    @property
    def total(self) -> int:
        return self.again + sum(self.left_out.values())


def times(session: Session, issue_id: int) -> int:
    """How many times an issue was sent again."""
    return session.scalar(select(func.count()).where(Resend.issue_id == issue_id)) or 0


def history(session: Session, issue_id: int) -> Sequence[Resend]:
    """Every time that an issue was sent again, the last one first."""
    return session.scalars(select(Resend).where(Resend.issue_id == issue_id).order_by(Resend.number.desc())).all()


def at_most(session: Session, issue_id: int) -> int:
    """How many deliveries were missed, without looking whether they may leave again: the sums of the batches."""
    found = select(func.sum(Batch.failed + Batch.unknown)).where(Batch.issue_id == issue_id)
    return int(session.scalar(found) or 0)


def is_quickly_counted(session: Session, issue_id: int) -> bool:
    """Whether `missed` takes no longer than a page may. There is no index on the state of a delivery, so it reads the
    batches that have any that was missed.
    """
    whole = sum((getattr(Batch, item.value) for item in DeliveryStatus), start=literal(0))
    found = select(func.sum(whole)).where(Batch.issue_id == issue_id, Batch.failed + Batch.unknown > 0)
    return int(session.scalar(found) or 0) <= QUICKLY_COUNTED


def missed(session: Session, issue: Issue, *, now: datetime) -> Missed:
    """Who would get it again, and who would not and why."""
    judged = _judged(session, issue, now=now).subquery()
    late = case((judged.c.reply == ledger.TOO_LATE, 1), else_=0)
    rows = session.execute(
        select(judged.c.status, judged.c.why, func.count(), func.sum(late)).group_by(judged.c.status, judged.c.why)
    ).all()
    counts: Counter[tuple[str, str]] = Counter()
    too_late = 0
    for state, why, number, of_which_late in rows:
        counts[state, why] += number
        too_late += int(of_which_late or 0) if why == Why.AGAIN else 0
    return Missed(
        number=times(session, issue.id) + 1,
        failed=counts[DeliveryStatus.FAILED, Why.AGAIN],
        unknown=counts[DeliveryStatus.UNKNOWN, Why.AGAIN],
        late=too_late,
        left_out={why: sum(counts[state, why] for state in MISSED) for why in LEFT_OUT},
    )


def resend(session: Session, issue: Issue, *, actor: str, now: datetime, number: int | None = None) -> Missed:
    """Let what was missed leave again; returns what that was. `number`: of the resend as the person has seen it, so
    that asking twice does it once. RefusedError when there is nothing to send again, or no sense in it.
    """
    status.lock(session, issue)
    if number is not None and number != times(session, issue.id) + 1:
        raise RefusedError(_("It was sent again meanwhile. Look at how it stands now."))
    check(issue, now=now)
    ledger.lock_batches(session, (Batch.issue_id == issue.id) & (Batch.failed + Batch.unknown > 0))
    counted = missed(session, issue, now=now)
    if not counted.again:
        raise RefusedError(_("There is nobody to send it to again."))
    status.reopen(issue)
    _queue_again(session, issue, now=now)
    issue.finished_at = issue.reckoned_at = None
    issue.expires_at = now + LIFETIME
    # Whoever asks for this has seen the failures: those that are left weigh more now that the others are under way.
    issue.brake_released = True
    pace.begin(session, issue, now=now)
    left_out = {why.value: count for why, count in counted.left_out.items() if count}
    session.add(
        Resend(
            issue_id=issue.id,
            number=counted.number,
            at=now,
            actor=actor,
            failed=counted.failed,
            unknown=counted.unknown,
            left_out=left_out,
        )
    )
    audit.record(
        session,
        actor=actor,
        action="issue.resent",
        subject="issue",
        subject_id=issue.id,
        now=now,
        number=counted.number,
        failed=counted.failed,
        unknown=counted.unknown,
        left_out=left_out,
    )
    session.flush()
    jobs.wake(session, jobs.SEND_BATCHES, issue.id)
    return counted


def check(issue: Issue, *, now: datetime) -> None:
    """Refuse what is not over, or is so since long."""
    status.must_be_sent(issue)
    if issue.frozen_at is None or now - issue.frozen_at > WITHIN:
        raise RefusedError(_("This issue is more than a month old: nobody waits for it any more."))


def _judged(session: Session, issue: Issue, *, now: datetime) -> Select[Any]:
    """Every delivery that was missed, with `why` it leaves again or not."""
    hard = exists().where(Bounce.delivery_id == Delivery.id)
    reads = exists().where(
        Subscription.subscriber_id == Delivery.subscriber_id,
        Subscription.newsletter_id == issue.newsletter_id,
        Subscription.status == SubscriptionStatus.ACTIVE,
    )
    why = case(
        (Subscriber.id.is_(None), Why.LEFT.value),
        (hard, Why.BOUNCED.value),
        (is_suppressed(Subscriber.email_key), Why.BLOCKED.value),
        (~reads, Why.LEFT.value),
        (_told_since(session, issue, now=now), Why.TOLD.value),
        else_=Why.AGAIN.value,
    )
    return (
        select(Delivery.id, Delivery.batch_id, Delivery.status, Delivery.reply, Subscriber.domain, why.label("why"))
        .select_from(Batch)
        .join(Delivery, Delivery.batch_id == Batch.id)
        .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Batch.issue_id == issue.id, Batch.failed + Batch.unknown > 0, Delivery.status.in_(MISSED))
    )


def _told_since(session: Session, issue: Issue, *, now: datetime) -> ColumnElement[bool]:
    """SQL: the reader has got, or is to get, a later issue that tells a story of this one."""
    stories = set(seen.stories_of(session, editing.article_ids(session, issue.id)).values())
    telling = seen.issues_telling(stories, session=session, now=now, but=issue.id) if stories else []
    later = session.scalars(
        select(Issue.id).where(among(session, Issue.id, telling), Issue.frozen_at > issue.frozen_at)
    ).all()
    if not later:
        return literal(False)
    other = aliased(Delivery)
    return exists().where(
        other.subscriber_id == Delivery.subscriber_id,
        among(session, other.issue_id, later),
        other.status.not_in(seen.BROUGHT_NOTHING),
    )


def _queue_again(session: Session, issue: Issue, *, now: datetime) -> None:
    judged = _judged(session, issue, now=now).subquery()
    chosen = session.execute(
        select(judged.c.id, judged.c.batch_id, judged.c.status, judged.c.domain).where(judged.c.why == Why.AGAIN.value)
    ).all()
    shifts: dict[int, Counter[DeliveryStatus]] = {}
    domains: dict[str, Counter[str]] = {}
    for _delivery_id, batch_id, state, domain in chosen:
        before = DeliveryStatus(state)
        counts = shifts.setdefault(batch_id, Counter())
        counts[before] -= 1
        counts[DeliveryStatus.QUEUED] += 1
        domains.setdefault(domain, Counter())[tally.STANDING[before]] -= 1
    ids = [row.id for row in chosen]
    for at in range(0, len(ids), AT_ONCE):
        _move_some(session, ids[at : at + AT_ONCE], now=now)
    bulk.shift(session, shifts)
    batch_ids = sorted(shifts)
    expires_at = now + LIFETIME
    session.execute(
        update(Batch)
        .where(among(session, Batch.id, batch_ids))
        .values(due_at=now, opened_at=now, expires_at=expires_at, held=False, not_before=None)
        .execution_options(synchronize_session=False)
    )
    tally.add(session, issue.id, domains)


def _move_some(session: Session, ids: Sequence[int], *, now: datetime) -> None:
    """What they had ended with stays in their story; retries begin anew."""
    among_these = among(session, Delivery.id, ids)
    was = select(
        Delivery.id,
        bindparam("at", now, type_=DeliveryAttempt.at.type),
        literal(ASKED_AGAIN),
        literal(""),
        Delivery.status,
        func.coalesce(Delivery.reply, ""),
        Delivery.relay_id,
    ).where(among_these)
    columns = ["delivery_id", "at", "outcome", "reply_class", "phase", "reply", "relay_id"]
    session.execute(insert(DeliveryAttempt).from_select(columns, was))
    unknown = Delivery.status == DeliveryStatus.UNKNOWN
    session.execute(
        update(Delivery)
        .where(among_these)
        .values(
            status=DeliveryStatus.QUEUED,
            repeated=Delivery.repeated | unknown,
            attempts=0,
            next_attempt_at=None,
            updated_at=now,
        )
        .execution_options(synchronize_session=False)
    )
