"""One batch of a bulk action: what is done to its subscriptions, and what is put back.

Set-based, a handful of statements for a thousand readers; each change leaves the same record as one done by hand.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, exists, insert, select, update
from sqlalchemy.orm import Session

from newsletter.core.database import among
from newsletter.delivery import bounces, ledger
from newsletter.delivery.models import SkipReason
from newsletter.subscriptions.bulk_models import BulkAction, BulkKind, BulkRow, RowOutcome
from newsletter.subscriptions.models import (
    ConsentEvent,
    ConsentKind,
    EndedReason,
    Subscriber,
    Subscription,
    SubscriptionStatus,
)
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import Suppression, SuppressionReason

ACTIVE, PAUSED, ENDED = SubscriptionStatus.ACTIVE, SubscriptionStatus.PAUSED, SubscriptionStatus.ENDED
SKIP = {BulkKind.END: SkipReason.UNSUBSCRIBED, BulkKind.PAUSE: SkipReason.PAUSED}


def apply(session: Session, action: BulkAction, ids: Sequence[int], *, now: datetime) -> int:
    """Do it to these subscriptions, where there is something to do; to how many."""
    meant = _lock(session, ids, _to_do(action))
    _note(session, action, ids, RowOutcome.SAME, now)
    _remember(session, action, meant, now)
    who = list(meant.values())
    if action.kind is BulkKind.END:
        values = {"status": ENDED, "ended_reason": EndedReason.BY_STAFF, "ended_at": now, "paused_until": None}
        _set(session, meant, values)
        _record(session, meant, action, ConsentKind.ENDED, EndedReason.BY_STAFF, action.created_by, now)
    elif action.kind is BulkKind.PAUSE:
        until = datetime.fromisoformat(action.params["until"])
        _set(session, meant, {"status": PAUSED, "paused_until": until})
        wording = f"paused until {until.isoformat()}"
        _record(session, meant, action, ConsentKind.CHANGED, wording, action.created_by, now)
    elif action.kind is BulkKind.RESUME:
        _set(session, meant, {"status": ACTIVE, "paused_until": None})
        _record(session, meant, action, ConsentKind.CHANGED, "resumed", action.created_by, now)
    elif action.kind is BulkKind.LANGUAGE:
        language = action.params["language"]
        _speak(session, who, language)
        _record(session, meant, action, ConsentKind.CHANGED, f"language: {language}", action.created_by, now)
    else:
        keys = session.scalars(select(Subscriber.email_key).where(among(session, Subscriber.id, who)))
        notes = dict.fromkeys(keys, str(action.params["why"]))
        suppression.suppress_all(session, notes, SuppressionReason.MANUAL, source=action.created_by, now=now)
        bounces.withdraw(session, who, now=now)
    if action.kind in SKIP:
        reason = SKIP[action.kind]
        ledger.withdraw_all(session, who, newsletter_id=action.newsletter_id, reason=reason, now=now)
    return len(meant)


def restore(session: Session, action: BulkAction, ids: Sequence[int], *, now: datetime) -> int:
    """Put back those of these subscriptions that are as the action left them; how many. Whoever has left by their own
    wish, complained or was changed since is left alone.
    """
    here = among(session, BulkRow.subscription_id, ids)
    mine = exists().where(
        BulkRow.action_id == action.id, BulkRow.subscription_id == Subscription.id, _untouched(action)
    )
    meant = _lock(session, ids, mine)
    _note(session, action, ids, RowOutcome.KEPT, now)
    _note(session, action, list(meant), RowOutcome.RESTORED, now)
    actor = action.undone_by or ""
    if action.kind is BulkKind.SUPPRESS:
        keys = session.scalars(
            select(Subscriber.email_key).where(among(session, Subscriber.id, list(meant.values())))
        ).all()
        suppression.lift_all(
            session, keys, SuppressionReason.MANUAL, since=action.created_at, by=f"{actor}: undo"[:320], now=now
        )
        return len(meant)
    rows = session.execute(
        select(BulkRow.subscription_id, BulkRow.was_status, BulkRow.was_paused_until, BulkRow.was_language).where(
            BulkRow.action_id == action.id, here
        )
    ).all()
    groups: dict[tuple[object, ...], list[int]] = {}
    for subscription_id, *before in rows:
        if subscription_id in meant:
            groups.setdefault(tuple(before), []).append(subscription_id)
    for (status, until, language), members in groups.items():
        if action.kind is BulkKind.LANGUAGE:
            _speak(session, [meant[number] for number in members], str(language))
            continue
        # A break whose day has come meanwhile is over.
        over = status == PAUSED and isinstance(until, datetime) and until <= now
        values = {"status": ACTIVE if over else status, "paused_until": None if over else until}
        _set(session, dict.fromkeys(members, 0), values | {"ended_reason": None, "ended_at": None})
    _record(session, meant, action, ConsentKind.CHANGED, f"undo of: {action.kind}", actor, now)
    return len(meant)


def _to_do(action: BulkAction) -> ColumnElement[bool]:
    """SQL: the subscriptions for which there is something to do."""
    if action.kind is BulkKind.END:
        return Subscription.status != ENDED
    if action.kind is BulkKind.PAUSE:
        return Subscription.status == ACTIVE
    if action.kind is BulkKind.RESUME:
        return Subscription.status == PAUSED
    if action.kind is BulkKind.LANGUAGE:
        return _of_reader(Subscriber.language != action.params["language"])
    return _of_reader(~suppression.is_suppressed(Subscriber.email_key))


def _untouched(action: BulkAction) -> ColumnElement[bool]:
    """SQL: a subscription is as the action left it, whose row is BulkRow."""
    if action.kind is BulkKind.SUPPRESS:
        same = Suppression.email_key == Subscriber.email_key, Suppression.lifted_at.is_(None)
        ours = Suppression.created_at == BulkRow.at, Suppression.reason == SuppressionReason.MANUAL
        return _of_reader(*same, *ours)
    # Who was refused, blocked or complained since must not be written to, and is not brought back.
    blocked = _of_reader(Suppression.email_key == Subscriber.email_key, Suppression.lifted_at.is_(None))
    if action.kind is BulkKind.END:
        ended = Subscription.status == ENDED, Subscription.ended_reason == EndedReason.BY_STAFF
        return _all(*ended, Subscription.ended_at == BulkRow.at, ~blocked)
    if action.kind is BulkKind.PAUSE:
        until = datetime.fromisoformat(action.params["until"])
        return _all(Subscription.status == PAUSED, Subscription.paused_until == until)
    if action.kind is BulkKind.RESUME:
        return _all(Subscription.status == ACTIVE, ~blocked)
    return _of_reader(Subscriber.language == action.params["language"])


def _of_reader(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """SQL: these hold for the reader of the subscription that the query around is about."""
    reader = Subscriber.id == Subscription.subscriber_id
    return exists().where(reader, *conditions).correlate(Subscription, BulkRow)


def _all(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    first, *others = conditions
    for condition in others:
        first = first & condition
    return first


def _lock(session: Session, ids: Sequence[int], condition: ColumnElement[bool]) -> dict[int, int]:
    """Subscriptions, each with its subscriber, that nobody changes until the unit ends."""
    query = (
        select(Subscription.id, Subscription.subscriber_id)
        .where(among(session, Subscription.id, ids), condition)
        .order_by(Subscription.id)
        .with_for_update(of=Subscription)
    )
    return dict(session.execute(query).all())


def _note(session: Session, action: BulkAction, ids: Collection[int], outcome: RowOutcome, now: datetime) -> None:
    session.execute(
        update(BulkRow)
        .where(BulkRow.action_id == action.id, among(session, BulkRow.subscription_id, ids))
        .values(outcome=outcome)
        .execution_options(synchronize_session=False)
    )


def _remember(session: Session, action: BulkAction, meant: Collection[int], now: datetime) -> None:
    """The state before, beside the row."""
    subscription = Subscription.id == BulkRow.subscription_id
    language = select(Subscriber.language).join(Subscription, Subscription.subscriber_id == Subscriber.id)
    session.execute(
        update(BulkRow)
        .where(BulkRow.action_id == action.id, among(session, BulkRow.subscription_id, meant))
        .values(
            outcome=RowOutcome.CHANGED,
            was_status=select(Subscription.status).where(subscription).scalar_subquery(),
            was_paused_until=select(Subscription.paused_until).where(subscription).scalar_subquery(),
            was_language=language.where(subscription).scalar_subquery(),
            at=now,
        )
        .execution_options(synchronize_session=False)
    )


def _set(session: Session, meant: Collection[int], values: dict[str, object]) -> None:
    session.execute(
        update(Subscription)
        .where(among(session, Subscription.id, meant))
        .values(values)
        .execution_options(synchronize_session=False)
    )


def _speak(session: Session, subscriber_ids: Collection[int], language: str) -> None:
    session.execute(
        update(Subscriber)
        .where(among(session, Subscriber.id, subscriber_ids))
        .values(language=language)
        .execution_options(synchronize_session=False)
    )


def _record(
    session: Session,
    meant: dict[int, int],
    action: BulkAction,
    kind: ConsentKind,
    wording: str,
    actor: str,
    now: datetime,
) -> None:
    if not meant:
        return
    shared = {
        "newsletter_id": action.newsletter_id,
        "kind": kind,
        "at": now,
        "wording": wording,
        "form": "",
        "network": "",
        "actor": actor,
    }
    session.execute(insert(ConsentEvent), [{"subscriber_id": who, **shared} for who in meant.values()])
