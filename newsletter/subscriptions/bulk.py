"""One thing done to many subscriptions: first found and counted, then confirmed, then done in batches, and taken back
for a week.

The readers are written down when they are counted, so that what is confirmed is what is done, whoever signs up in
between. Each batch is one unit that also moves `position`: a worker that is killed loses nothing, and one that comes
second finds the action locked, and then further on.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, literal, select, update
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core import jobs
from newsletter.core.database import Database, among
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.subscriptions import bulk_steps, search
from newsletter.subscriptions.bulk_models import BulkAction, BulkKind, BulkRow, BulkStatus, RowOutcome
from newsletter.subscriptions.models import Subscriber, Subscription, SubscriptionStatus
from newsletter.subscriptions.queries import COLUMNS, SubscriptionRow
from newsletter.subscriptions.search import Find, Part
from newsletter.subscriptions.segments.reading import document_of, read_rule

AT_ONCE = 1000  # subscriptions in one unit
UNDO_FOR = timedelta(days=7)
FORGOTTEN_AFTER = timedelta(days=30)
TURN = timedelta(seconds=20)  # of a worker
QUIET = timedelta(seconds=30)  # without a sign of life another worker goes on
MOVING = (BulkStatus.COLLECTING, BulkStatus.RUNNING, BulkStatus.UNDOING)
MAX_WHY = 300


def ask(
    session: Session, find: Find, kind: BulkKind, params: dict[str, Any], *, actor: str, now: datetime
) -> BulkAction:
    """Write down what is wanted; a worker finds and counts the readers, and nothing is done before `confirm`.

    `params`: `language`, `until` (ISO moment) or `why`. RefusedError for what makes no sense.
    """
    if kind is BulkKind.LANGUAGE and params.get("language") not in LOCALES:
        raise RefusedError(_("Choose a language."))
    if kind is BulkKind.SUPPRESS and not str(params.get("why", "")).strip():
        raise RefusedError(_("Say why: somebody will ask."))
    if kind is BulkKind.PAUSE and not params.get("until"):
        raise RefusedError(_("Say until when."))
    filter_: dict[str, Any] = {"text": find.text, "status": find.status, "ids": list(find.ids)}
    if find.part is not None:
        filter_["segment"] = {"id": find.part.id, "name": find.part.name, "rule": document_of(find.part.rule)}
    action = BulkAction(
        newsletter_id=find.newsletter_id,
        kind=kind,
        params=params,
        filter=filter_,
        status=BulkStatus.COLLECTING,
        created_by=actor,
        created_at=now,
    )
    session.add(action)
    session.flush()
    jobs.wake(session, jobs.RUN_BULK, action.id)
    return action


def confirm(session: Session, action_id: int, *, actor: str, now: datetime) -> None:
    """Do it. Twice is the same as once."""
    action = _locked(session, action_id)
    if action.status is BulkStatus.READY:
        _start(session, action, BulkStatus.RUNNING, "subscribers.bulk_started", actor=actor, now=now)


def drop(session: Session, action_id: int) -> None:
    """It was not meant; nothing has been done."""
    action = _locked(session, action_id)
    if action.status in (BulkStatus.COLLECTING, BulkStatus.READY):
        action.status = BulkStatus.DROPPED
        session.execute(delete(BulkRow).where(BulkRow.action_id == action.id))


def undo(session: Session, action_id: int, *, actor: str, now: datetime) -> None:
    """Put back what the action has changed, and nothing else. RefusedError after a week."""
    action = _locked(session, action_id)
    if action.status in (BulkStatus.UNDOING, BulkStatus.UNDONE):
        return
    if not may_undo(action, now=now):
        raise RefusedError(_("This can be taken back for seven days after it was done."))
    action.undone_by = actor
    _start(session, action, BulkStatus.UNDOING, "subscribers.bulk_undone", actor=actor, now=now)


def may_undo(action: BulkAction, *, now: datetime) -> bool:
    return action.status is BulkStatus.DONE and action.finished_at is not None and now < action.finished_at + UNDO_FOR


def _start(session: Session, action: BulkAction, status: BulkStatus, event: str, *, actor: str, now: datetime) -> None:
    action.status = status
    action.position = 0
    action.done = 0
    audit.record(
        session,
        actor=actor,
        action=event,
        subject="bulk",
        subject_id=action.id,
        now=now,
        kind=action.kind,
        params=action.params,
        filter=action.filter,
        readers=action.total if status is BulkStatus.RUNNING else action.changed,
    )
    jobs.wake(session, jobs.RUN_BULK, action.id)


def run(database: Database, action_id: int, clock: Callable[[], datetime]) -> None:
    """Work at an action until it waits for somebody or is done; after a while, let issues pass in the same queue."""
    until = clock() + TURN
    while True:
        with database.unit() as session:
            if not step(session, action_id, now=clock()):
                return
            if clock() > until:
                jobs.wake(session, jobs.RUN_BULK, action_id)
                return


def step(session: Session, action_id: int, *, now: datetime) -> bool:
    """One batch; whether there is more to do."""
    action = session.scalars(select(BulkAction).where(BulkAction.id == action_id).with_for_update()).first()
    if action is None or action.status not in MOVING:
        return False
    action.moved_at = now
    if action.status is BulkStatus.COLLECTING:
        _collect(session, action, now=now)
        return False
    wanted = None if action.status is BulkStatus.RUNNING else RowOutcome.CHANGED
    query = (
        select(BulkRow.subscription_id)
        .where(BulkRow.action_id == action.id, BulkRow.subscription_id > action.position)
        .where(BulkRow.outcome.is_(None) if wanted is None else BulkRow.outcome == wanted)
        .order_by(BulkRow.subscription_id)
        .limit(AT_ONCE)
    )
    ids = list(session.scalars(query))
    if not ids:
        _finish(session, action, now=now)
        return False
    if action.status is BulkStatus.RUNNING:
        action.changed += bulk_steps.apply(session, action, ids, now=now)
    else:
        restored = bulk_steps.restore(session, action, ids, now=now)
        action.restored += restored
        action.kept += len(ids) - restored
    action.done += len(ids)
    action.position = ids[-1]
    return True


def _collect(session: Session, action: BulkAction, *, now: datetime) -> None:
    """Write down who is meant, in one statement: half of them would be a count that is wrong."""
    find = find_of(action)
    found = search.matching(session, find, now=now).add_columns(literal(action.id))
    names = [BulkRow.subscription_id, BulkRow.action_id]
    session.execute(insert(BulkRow).from_select(names, found))
    action.total = session.scalar(select(func.count()).where(BulkRow.action_id == action.id)) or 0
    action.status = BulkStatus.READY


def _finish(session: Session, action: BulkAction, *, now: datetime) -> None:
    undone = action.status is BulkStatus.UNDOING
    action.status = BulkStatus.UNDONE if undone else BulkStatus.DONE
    if undone:
        action.undone_at = now
    else:
        action.finished_at = now
    counts = {"restored": action.restored, "kept": action.kept} if undone else {"changed": action.changed}
    audit.record(
        session,
        actor=(action.undone_by or "") if undone else action.created_by,
        action="subscribers.bulk_put_back" if undone else "subscribers.bulk_done",
        subject="bulk",
        subject_id=action.id,
        now=now,
        kind=action.kind,
        **counts,
    )


def waiting(session: Session, *, now: datetime) -> list[int]:
    """Actions that nobody seems to work at."""
    moved = func.coalesce(BulkAction.moved_at, BulkAction.created_at)
    query = select(BulkAction.id).where(BulkAction.status.in_(MOVING), moved < now - QUIET).order_by(BulkAction.id)
    return list(session.scalars(query))


def forget(session: Session, *, now: datetime) -> None:
    """Drop who was meant once it can no longer be taken back, and actions that nobody confirmed."""
    old = select(BulkAction.id).where(BulkAction.created_at < now - FORGOTTEN_AFTER, BulkAction.status.not_in(MOVING))
    session.execute(delete(BulkRow).where(BulkRow.action_id.in_(old)))
    session.execute(
        update(BulkAction)
        .where(BulkAction.id.in_(old), BulkAction.status == BulkStatus.READY)
        .values(status=BulkStatus.DROPPED)
        .execution_options(synchronize_session=False)
    )


def find_of(action: BulkAction) -> Find:
    """What an action was asked for."""
    status, part = action.filter.get("status"), action.filter.get("segment")
    return Find(
        action.newsletter_id,
        text=action.filter.get("text") or "",
        status=SubscriptionStatus(status) if status else None,
        ids=tuple(action.filter.get("ids") or ()),
        part=Part(part["id"], part["name"], read_rule(part["rule"])) if part else None,
    )


def by_id(session: Session, newsletter_id: int, action_id: int) -> BulkAction:
    """An action of a newsletter; NotFoundError when it is another's."""
    action = session.get(BulkAction, action_id)
    if action is None or action.newsletter_id != newsletter_id:
        raise NotFoundError(_("This action does not exist."))
    return action


def recent(session: Session, newsletter_id: int, *, limit: int = 10) -> list[BulkAction]:
    """The last actions that were meant, the newest first."""
    query = (
        select(BulkAction)
        .where(BulkAction.newsletter_id == newsletter_id, BulkAction.status != BulkStatus.DROPPED)
        .order_by(BulkAction.id.desc())
        .limit(limit)
    )
    return list(session.scalars(query))


def sample(session: Session, action_id: int, *, limit: int = 8) -> list[SubscriptionRow]:
    """Some of those whom an action is about."""
    ids = session.scalars(select(BulkRow.subscription_id).where(BulkRow.action_id == action_id).limit(limit)).all()
    rows = session.execute(
        select(*COLUMNS)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(among(session, Subscription.id, ids))
        .order_by(Subscriber.email_key)
    )
    return [SubscriptionRow(*row) for row in rows]


def _locked(session: Session, action_id: int) -> BulkAction:
    return session.scalars(select(BulkAction).where(BulkAction.id == action_id).with_for_update()).one()
