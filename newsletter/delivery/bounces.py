"""Readers whose address is refused for good, at the door or by a report that comes later: they are not written to
again.

Unless too many of one domain are refused at once. Large providers have answered "no such user" for mailboxes that exist
while something of theirs was broken; such refusals are held for a person to look at, and those of the hour before with
them.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core.addresses import key_of
from newsletter.delivery import ledger, tally
from newsletter.delivery.models import Bounce, BounceFate, Delivery, SkipReason
from newsletter.mail.replies import ReplyClass
from newsletter.mail.transport import Outcome, OutcomeKind
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import SuppressionReason

SOURCE = "smtp"
BREAKER = "circuit breaker"

WINDOW = timedelta(hours=1)
MANY = 100
SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Refusal:
    """A delivery whose reader was refused for good, with the reader's address and its domain."""

    delivery_id: int
    issue_id: int
    email: str
    domain: str
    reply: str
    source: str = SOURCE


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of one domain; `reply` is the last one."""

    domain: str
    count: int
    since: datetime
    until: datetime
    reply: str


def is_hard(outcome: Outcome) -> bool:
    """Whether an outcome says that the address does not exist. Nothing else is the reader's fault."""
    return outcome.kind is OutcomeKind.REJECTED and outcome.reply_class is ReplyClass.HARD


def trips(hard: int, answered: int) -> bool:
    """Whether so many refusals of one domain within the window, of so many answers, are too many to believe."""
    return hard >= MANY and hard > SHARE * answered


def take(session: Session, refusals: Sequence[Refusal], *, now: datetime) -> list[int]:
    """Put the addresses on the do-not-mail list, or hold them; returns the subscribers who are on it now.

    All of them from one source. In the transaction that writes the outcomes, after `tally.count` has counted them; once
    is the same as twice. What
    still waits for these subscribers is left out when its turn comes; `withdraw`, in a unit of its own, does it sooner.
    """
    known = _unknown_yet(session, refusals)
    if not known:
        return []
    per_domain = Counter((item.issue_id, item.domain) for item, _subscriber in known)
    answered = tally.answered(session, {issue for issue, _ in per_domain}, {domain for _, domain in per_domain})
    session.execute(
        insert(Bounce),
        [
            {
                "delivery_id": item.delivery_id,
                "issue_id": item.issue_id,
                "subscriber_id": subscriber_id,
                "email_key": key_of(item.email),
                "domain": item.domain,
                "at": now,
                "source": item.source,
                "reply": item.reply[: ledger.MAX_REPLY],
                "answered": answered.get((item.issue_id, item.domain), 0) - per_domain[item.issue_id, item.domain],
                "fate": BounceFate.SUPPRESSED,
            }
            for item, subscriber_id in known
        ],
    )
    tripped = _tripped(session, {item.domain for item, _ in known}, now=now)
    for domain in sorted(tripped):
        _hold(session, domain, now=now)
    believed = [(item, subscriber_id) for item, subscriber_id in known if item.domain not in tripped]
    suppression.suppress_all(
        session,
        {key_of(item.email): item.reply for item, _ in believed},
        SuppressionReason.HARD_BOUNCE,
        source=refusals[0].source,
        now=now,
    )
    return [subscriber_id for _, subscriber_id in believed]


def withdraw(session: Session, subscriber_ids: Collection[int], *, now: datetime) -> None:
    """Take what still waits for these subscribers out of the queue, of every newsletter."""
    ledger.withdraw_all(session, subscriber_ids, newsletter_id=None, reason=SkipReason.SUPPRESSED, now=now)


def held(session: Session, issue_id: int | None = None) -> list[Held]:
    """What waits for a decision, by domain, of one issue or of all."""
    where = [Bounce.fate == BounceFate.HELD]
    if issue_id is not None:
        where.append(Bounce.issue_id == issue_id)
    last = select(func.max(Bounce.id).label("id")).where(*where).group_by(Bounce.domain).subquery()
    replies = dict(session.execute(select(Bounce.domain, Bounce.reply).join(last, last.c.id == Bounce.id)).all())
    query = (
        select(Bounce.domain, func.count(), func.min(Bounce.at), func.max(Bounce.at))
        .where(*where)
        .group_by(Bounce.domain)
        .order_by(Bounce.domain)
    )
    return [
        Held(domain, count, since, until, replies[domain]) for domain, count, since, until in session.execute(query)
    ]


def apply_held(session: Session, domain: str | None, *, by: str, now: datetime) -> int:
    """Believe what is held, of one domain or of all: these addresses are not written to again; returns how many."""
    rows = session.execute(
        update(Bounce)
        .where(*_held_of(domain))
        .values(fate=BounceFate.SUPPRESSED, decided_at=now, decided_by=by)
        .returning(Bounce.email_key, Bounce.subscriber_id, Bounce.reply)
        .execution_options(synchronize_session=False)
    ).all()
    notes = {row.email_key: row.reply for row in rows}
    suppression.suppress_all(session, notes, SuppressionReason.HARD_BOUNCE, source=SOURCE, now=now)
    withdraw(session, [row.subscriber_id for row in rows], now=now)
    _record(session, "bounces.applied", domain, len(rows), by, now)
    return len(rows)


def discard_held(session: Session, domain: str | None, *, by: str, now: datetime) -> int:
    """Forget what is held, of one domain or of all: the next issue goes to these readers again; returns how many."""
    rows = session.execute(
        update(Bounce)
        .where(*_held_of(domain))
        .values(fate=BounceFate.DISCARDED, decided_at=now, decided_by=by)
        .returning(Bounce.id)
        .execution_options(synchronize_session=False)
    ).all()
    _record(session, "bounces.discarded", domain, len(rows), by, now)
    return len(rows)


def _record(session: Session, action: str, domain: str | None, count: int, by: str, now: datetime) -> None:
    audit.record(
        session, actor=by, action=action, subject="bounces", subject_id=None, now=now, domain=domain, count=count
    )


def _unknown_yet(session: Session, refusals: Sequence[Refusal]) -> list[tuple[Refusal, int]]:
    """The refusals that have not been taken before, each with its subscriber."""
    query = (
        select(Delivery.id, Delivery.subscriber_id)
        .outerjoin(Bounce, Bounce.delivery_id == Delivery.id)
        .where(Delivery.id.in_([item.delivery_id for item in refusals]), Bounce.id.is_(None))
    )
    subscribers = dict(session.execute(query).all())
    return [(item, subscribers.pop(item.delivery_id)) for item in refusals if item.delivery_id in subscribers]


def _tripped(session: Session, domains: Iterable[str], *, now: datetime) -> set[str]:
    """The domains that refuse too many at present. What a person has decided about does not count again."""
    recent = session.execute(
        select(Bounce.domain, Bounce.issue_id, func.count(), func.min(Bounce.answered))
        .where(Bounce.domain.in_(domains), Bounce.at > now - WINDOW, Bounce.decided_at.is_(None))
        .group_by(Bounce.domain, Bounce.issue_id)
    ).all()
    totals = tally.answered(session, {row.issue_id for row in recent}, {row.domain for row in recent})
    hard: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    for domain, issue_id, count, before in recent:
        hard[domain] += count
        answered[domain] += totals.get((issue_id, domain), 0) - before
    return {domain for domain in hard if trips(hard[domain], answered[domain])}


def _hold(session: Session, domain: str, *, now: datetime) -> None:
    """Hold what a domain refused lately, and take back what was believed of it."""
    recent = (Bounce.domain == domain, Bounce.at > now - WINDOW, Bounce.decided_at.is_(None))
    keys = session.scalars(
        update(Bounce)
        .where(*recent, Bounce.fate == BounceFate.SUPPRESSED)
        .values(fate=BounceFate.HELD)
        .returning(Bounce.email_key)
        .execution_options(synchronize_session=False)
    ).all()
    suppression.lift_all(session, keys, SuppressionReason.HARD_BOUNCE, since=now - WINDOW, by=BREAKER, now=now)


def _held_of(domain: str | None) -> list[ColumnElement[bool]]:
    return [Bounce.fate == BounceFate.HELD] + ([Bounce.domain == domain] if domain else [])
