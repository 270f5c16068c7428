"""How many subscriptions there are and how they grow, from counters: no page counts a table of millions.

The counters are kept by triggers of the database (migrations 0011 and 0017), because that is the one place that nothing
passes by: a service that is written next year, a statement typed in psql, COPY, and the cascade of a foreign key all
fire them. What they must not do is make writers wait for each other or an import crawl:

- On PostgreSQL a trigger runs once for each statement, over the set of rows that it changed, so that an import of a
  million rows pays for one aggregation. It writes into rows of its own transaction (`slot` is the transaction's
  number and the 50 ms of its life), so that nobody ever waits for anybody's counter, however long an import takes, and
  nothing can deadlock. The 50 ms keep the versions of one row few: ten thousand of them, none of which can be cleaned
  away before the commit, would each have to be passed by the next change.
  A query sums the slots; a job (`fold`) adds those of ended transactions to slot 0 and takes them away, so a sum has
  few rows. A fold that never runs makes the sum slower, never wrong.
- On SQLite there is one writer at a time anyway: a trigger for each row adds to slot 0.

A day counts what happened: began to read (became active), or ended for a reason, and pending requests that come to
nothing are neither. Whose mail came back until nothing was sent any more has bounced that day, though the subscription
goes on (see `lost`); what becomes of it later is no second end. So joined less ended, over all days, is the number of
those who read now (active or on a break, and not bounced), which is checked like the counts by status; a reader who
leaves and comes back stands in each of those days. An end that staff take back, and a mailbox that works again, is
taken off the day it was counted in. Who is erased while reading has ended for another reason.

The slots' sums are exact in every snapshot: counters change in the transaction that changes what they count.
"""

# ruff: noqa: S608 - every part of a statement is a constant of this file

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from newsletter.core.database import among, dialect_of, insert_into
from newsletter.subscriptions.count_models import SubscriptionCount, SubscriptionDay
from newsletter.subscriptions.models import SubscriptionStatus

READING = (SubscriptionStatus.ACTIVE, SubscriptionStatus.PAUSED)
FOLD_LOCK = 7_405_116  # any number of its own: two folds take turns
ENDS = SubscriptionDay.left + SubscriptionDay.bounced + SubscriptionDay.complained + SubscriptionDay.other
Key = tuple[int, SubscriptionStatus | None]
_EVERYTHING = text(
    "SELECT 'live' AS source, newsletter_id, status, count(*) AS number FROM subscriptions"
    " GROUP BY newsletter_id, status"
    " UNION ALL"
    " SELECT 'live', newsletter_id, NULL, count(*) FROM subscriptions"
    " WHERE status IN ('active', 'paused') AND bounced_at IS NULL GROUP BY newsletter_id"
    " UNION ALL"
    " SELECT 'kept', newsletter_id, status, sum(count) FROM subscription_counts GROUP BY newsletter_id, status"
    " UNION ALL"
    " SELECT 'days', newsletter_id, NULL, sum(joined - gone - bounced - complained - other) FROM subscription_days"
    " GROUP BY newsletter_id"
)


@dataclass(frozen=True, slots=True)
class Day:
    """What a day (of UTC) brought: how many began to read, and how many ended, by reason."""

    day: date
    joined: int = 0
    left: int = 0
    bounced: int = 0
    complained: int = 0
    other: int = 0

    @property
    def ended(self) -> int:
        return self.left + self.bounced + self.complained + self.other

    @property
    def net(self) -> int:
        return self.joined - self.ended


@dataclass(frozen=True, slots=True)
class Drift:
    """A counter that is wrong. `status` None: what the days sum up to, against those who read."""

    newsletter_id: int
    status: SubscriptionStatus | None
    counted: int
    actual: int


def counts(session: Session, newsletter_id: int) -> dict[SubscriptionStatus, int]:
    """Subscriptions of a newsletter by status; every status is there."""
    return counts_of(session, [newsletter_id])[newsletter_id]


def counts_of(session: Session, newsletter_ids: Collection[int]) -> dict[int, dict[SubscriptionStatus, int]]:
    """The same for several newsletters, by one query."""
    rows = session.execute(
        select(SubscriptionCount.newsletter_id, SubscriptionCount.status, func.sum(SubscriptionCount.count))
        .where(among(session, SubscriptionCount.newsletter_id, newsletter_ids))
        .group_by(SubscriptionCount.newsletter_id, SubscriptionCount.status)
    )
    found = {newsletter_id: dict.fromkeys(SubscriptionStatus, 0) for newsletter_id in newsletter_ids}
    for newsletter_id, status, count in rows:
        found[newsletter_id][status] = int(count)
    return found


def growth(session: Session, newsletter_ids: Collection[int], since: date, until: date) -> list[Day]:
    """Each day from `since` to `until`, both included, of these newsletters together; quiet days are there too."""
    names = ("joined", "left", "bounced", "complained", "other")
    rows = session.execute(
        select(SubscriptionDay.day, *(func.sum(getattr(SubscriptionDay, name)) for name in names))
        .where(among(session, SubscriptionDay.newsletter_id, newsletter_ids), SubscriptionDay.day.between(since, until))
        .group_by(SubscriptionDay.day)
    )
    found = {day: Day(day, *map(int, sums)) for day, *sums in rows}
    days = (since + timedelta(days=number) for number in range((until - since).days + 1))
    return [found.get(day, Day(day)) for day in days]


def readers_before(session: Session, newsletter_ids: Collection[int], day: date) -> int:
    """How many read these newsletters when a day began: where the curve of `growth` starts."""
    net = session.scalar(
        select(func.sum(SubscriptionDay.joined - ENDS)).where(
            among(session, SubscriptionDay.newsletter_id, newsletter_ids), SubscriptionDay.day < day
        )
    )
    return int(net or 0)


def fold(session: Session) -> None:
    """Add the slots of ended transactions to slot 0, in one statement for each table, so that no reader sees half of
    it. Counters of newsletters that are gone go too.
    """
    if dialect_of(session) == "postgresql":
        if not session.scalar(select(func.pg_try_advisory_xact_lock(FOLD_LOCK))):
            return
        session.execute(text(_folding("subscription_counts", ("newsletter_id", "status"), ("count",))))
        sums = ("joined", "gone", "bounced", "complained", "other")
        session.execute(text(_folding("subscription_days", ("newsletter_id", "day"), sums)))
    for table in ("subscription_counts", "subscription_days"):
        gone = "newsletter_id NOT IN (SELECT id FROM newsletters)"
        session.execute(text(f"DELETE FROM {table} WHERE slot = 0 AND {gone}"))


def _folding(table: str, key: tuple[str, ...], sums: tuple[str, ...]) -> str:
    keys, names = ", ".join(key), ", ".join(sums)
    summed = ", ".join(f"sum({name})" for name in sums)
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    return (
        f"WITH taken AS (DELETE FROM {table} WHERE slot <> 0 RETURNING {keys}, {names})"
        f" INSERT INTO {table} ({keys}, slot, {names}) SELECT {keys}, 0, {summed} FROM taken GROUP BY {keys}"
        f" ON CONFLICT ({keys}, slot) DO UPDATE SET {added}"
    )


def check(session: Session) -> list[Drift]:
    """Counters that differ from what is counted now, in one statement: between two somebody may sign up. It counts the
    whole table: for the doctor, never for a page.
    """
    live: dict[Key, int] = {}
    kept: dict[Key, int] = {}
    for source, newsletter_id, status, number in session.execute(_EVERYTHING):
        key = (newsletter_id, SubscriptionStatus(status) if status else None)
        (live if source == "live" else kept)[key] = int(number)
    keys = sorted(live.keys() | kept.keys(), key=lambda key: (key[0], key[1] or ""))
    drifts = [Drift(*key, counted=kept.get(key, 0), actual=live.get(key, 0)) for key in keys]
    return [drift for drift in drifts if drift.counted != drift.actual]


def repair(session: Session, *, today: date) -> list[Drift]:
    """Put right what differs, and say what it was. Subscriptions stand still meanwhile. What is missing in the days
    cannot be known any more, so it is put down to today: as joined, or as ended for another reason.
    """
    if dialect_of(session) == "postgresql":
        session.execute(text("LOCK TABLE subscriptions IN SHARE ROW EXCLUSIVE MODE"))
    fold(session)
    drifts = check(session)
    for drift in drifts:
        missing = drift.actual - drift.counted
        if drift.status is not None:
            _add_count(session, drift.newsletter_id, drift.status, missing)
        else:
            _add_day(session, drift.newsletter_id, today, missing)
    return drifts


def _add_count(session: Session, newsletter_id: int, status: SubscriptionStatus, missing: int) -> None:
    add = insert_into(session, SubscriptionCount).values(
        newsletter_id=newsletter_id, status=status, slot=0, count=missing
    )
    session.execute(
        add.on_conflict_do_update(
            index_elements=[SubscriptionCount.newsletter_id, SubscriptionCount.status, SubscriptionCount.slot],
            set_={"count": SubscriptionCount.count + add.excluded.count},
        )
    )


def _add_day(session: Session, newsletter_id: int, day: date, missing: int) -> None:
    sums = {"joined": max(missing, 0), "left": 0, "bounced": 0, "complained": 0, "other": max(-missing, 0)}
    add = insert_into(session, SubscriptionDay).values(newsletter_id=newsletter_id, day=day, slot=0, **sums)
    session.execute(
        add.on_conflict_do_update(
            index_elements=[SubscriptionDay.newsletter_id, SubscriptionDay.day, SubscriptionDay.slot],
            set_={name: getattr(SubscriptionDay, name) + add.excluded[name] for name in ("joined", "other")},
        )
    )
