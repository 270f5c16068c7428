"""The shared rows of what readers chose: one for all who chose alike, found or made, and dropped when nobody has it."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from newsletter.core.database import among, dialect_of, insert_into
from newsletter.newsletters.models import Edition
from newsletter.subscriptions.models import Choice, Subscription

ROWS_AT_ONCE = 500  # of a statement: SQLite takes some thousand parameters
TURN = 5_273_003  # any number that no other lock of the database has


@dataclass(frozen=True, slots=True)
class ChoiceValues:
    """`topics` None: all, those to come included. `hour` None: as soon as it is ready; it is read in `timezone`, None:
    the newsletter's.
    """

    topics: frozenset[int] | None = None
    edition: Edition = Edition.FULL
    hour: int | None = None
    timezone: str | None = None
    breaking: bool = True


EVERYTHING = ChoiceValues()


def intern(session: Session, newsletter_id: int, wanted: Collection[ChoiceValues]) -> dict[ChoiceValues, int | None]:
    """The id of the shared row of each of these values, made by whoever comes first; None for everything as it comes.

    The rows are held until the transaction ends, so that `drop_unused` cannot take one that is about to be used.
    """
    found: dict[ChoiceValues, int | None] = {EVERYTHING: None}
    keys = {key_of(values): values for values in wanted if values != EVERYTHING}
    while missing := sorted(key for key, values in keys.items() if values not in found):
        group = missing[:ROWS_AT_ONCE]
        made = insert_into(session, Choice).values([_columns(newsletter_id, key, keys[key]) for key in group])
        session.execute(made.on_conflict_do_nothing(index_elements=["newsletter_id", "key"]))
        rows = session.execute(
            select(Choice.id, Choice.key)
            .where(Choice.newsletter_id == newsletter_id, Choice.key.in_(group))
            .order_by(Choice.key)
            .with_for_update(read=True, key_share=True)
        )
        # One that somebody dropped between the two statements is made in the next round.
        found |= {keys[key]: choice_id for choice_id, key in rows}
    return found


def of_row(row: Choice) -> ChoiceValues:
    topics = frozenset(row.topics) if row.topics is not None else None
    return ChoiceValues(topics, row.edition, row.hour, row.timezone, row.breaking)


def key_of(values: ChoiceValues) -> str:
    """SHA-256 of the values, alike for all who chose alike."""
    topics = sorted(values.topics) if values.topics is not None else None
    whole = json.dumps([topics, values.edition, values.hour, values.timezone, values.breaking])
    return hashlib.sha256(whole.encode()).hexdigest()


def forget_topic(session: Session, newsletter_id: int, topic_id: int) -> int:
    """Take a topic that goes out of every choice; returns how many readers had nothing but it, who get everything from
    now on: nothing is what nobody asked for.
    """
    rows = session.scalars(select(Choice).where(Choice.newsletter_id == newsletter_id)).all()
    naming = [row for row in rows if row.topics is not None and topic_id in row.topics]
    after = {row.id: _without(of_row(row), topic_id) for row in naming}
    ids = intern(session, newsletter_id, set(after.values()))
    freed = [choice_id for choice_id, values in after.items() if values.topics is None]
    count = select(func.count()).select_from(Subscription).where(among(session, Subscription.choice_id, freed))
    readers = session.scalar(count) or 0
    for choice_id, values in after.items():
        session.execute(
            update(Subscription)
            .where(Subscription.choice_id == choice_id)
            .values(choice_id=ids[values])
            .execution_options(synchronize_session=False)
        )
    return readers


def hold(session: Session) -> None:
    """Keep every row until the transaction ends: whoever looks first which rows readers have and then what these say
    must still find them, though readers decide otherwise meanwhile. On SQLite there is one writer anyway.
    """
    if dialect_of(session) == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock_shared(TURN)))


def drop_unused(session: Session) -> int:
    """Drop the rows that no subscription has any more; returns how many. None while somebody holds them.

    In two statements: the first holds what looks unused and passes over what somebody is taking just now, the second
    looks again, now that nobody can take one of those.
    """
    if dialect_of(session) == "postgresql" and not session.scalar(select(func.pg_try_advisory_xact_lock(TURN))):
        return 0
    used = exists().where(Subscription.choice_id == Choice.id)
    idle = session.scalars(
        select(Choice.id).where(~used).order_by(Choice.id).limit(ROWS_AT_ONCE * 20).with_for_update(skip_locked=True)
    ).all()
    if not idle:
        return 0
    gone = session.execute(
        delete(Choice)
        .where(among(session, Choice.id, idle), ~used)
        .returning(Choice.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


def _without(values: ChoiceValues, topic_id: int) -> ChoiceValues:
    left = (values.topics or frozenset()) - {topic_id}
    return replace(values, topics=left or None)


def _columns(newsletter_id: int, key: str, values: ChoiceValues) -> dict[str, object]:
    return {
        "newsletter_id": newsletter_id,
        "key": key,
        "topics": sorted(values.topics) if values.topics is not None else None,
        "edition": values.edition,
        "hour": values.hour,
        "timezone": values.timezone,
        "breaking": values.breaking,
    }
