"""Counters of subscriptions say what a count would, whatever changed them and whoever else was changing them."""

import importlib
import random
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, insert, select, text, update
from sqlalchemy.orm import Session

from newsletter import migrations
from newsletter.core.database import Database, open_engine
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import counts, lost, records, staff, unsubscribe
from newsletter.subscriptions.count_models import SubscriptionCount
from newsletter.subscriptions.models import EndedReason, Subscriber, Subscription, SubscriptionStatus
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import SuppressionReason
from tests.support.newsroom import NOW, Newsroom, install

TODAY = NOW.date()
ACTIVE, PENDING, PAUSED, ENDED = (SubscriptionStatus(word) for word in ("active", "pending", "paused", "ended"))


def people(session: Session, prefix: str, count: int) -> list[int]:
    """Subscribers who subscribe to nothing yet."""
    names = [f"{prefix}{number}@poste.example" for number in range(count)]
    rows = [
        {
            "email": name,
            "email_key": name,
            "domain": "poste.example",
            "name": "",
            "language": "fr",
            "attributes": {},
            "created_at": NOW,
        }
        for name in names
    ]
    return list(session.scalars(insert(Subscriber).returning(Subscriber.id), rows))


def counted(database: Database, newsletter: Newsletter) -> dict[SubscriptionStatus, int]:
    with database.reading() as session:
        assert counts.check(session) == []
        return {status: count for status, count in counts.counts(session, newsletter.id).items() if count}


def days(database: Database, newsletter: Newsletter, since: date = TODAY, until: date = TODAY) -> list[counts.Day]:
    with database.reading() as session:
        return counts.growth(session, [newsletter.id], since, until)


def test_a_reader_who_joins_and_leaves_is_counted_in_both_days(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    subscription = newsroom.reader(gazette)
    assert counted(newsroom.database, gazette) == {ACTIVE: 1}
    later = newsroom.pass_time(days=1)
    with newsroom.database.unit() as session:
        unsubscribe.end(session, subscription.id, EndedReason.ONE_CLICK, now=later)
    assert counted(newsroom.database, gazette) == {ENDED: 1}
    assert days(newsroom.database, gazette, TODAY, later.date()) == [
        counts.Day(TODAY, joined=1),
        counts.Day(later.date(), left=1),
    ]
    with newsroom.database.reading() as session:
        assert counts.readers_before(session, [gazette.id], later.date()) == 1


def test_each_reason_to_end_has_its_column(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    for reason in EndedReason:
        subscription = newsroom.reader(gazette, f"{reason}@poste.example")
        with newsroom.database.unit() as session:
            unsubscribe.end(session, subscription.id, reason, now=newsroom.now)
    (day,) = days(newsroom.database, gazette)
    assert (day.joined, day.left, day.complained, day.bounced, day.other) == (len(EndedReason), 3, 1, 1, 2)


def test_a_request_that_comes_to_nothing_neither_joins_nor_ends(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    with newsroom.database.unit() as session:
        (who,) = people(session, "ama", 1)
        subscription = records.subscription_for(session, who, gazette.id, now=newsroom.now)
        assert counts.counts(session, gazette.id)[PENDING] == 1
        unsubscribe.end(session, subscription.id, EndedReason.NOT_ME, now=newsroom.now)
    assert counted(newsroom.database, gazette) == {ENDED: 1}
    assert days(newsroom.database, gazette) == [counts.Day(TODAY)]


def test_a_break_is_neither_an_end_nor_a_beginning(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    subscription = newsroom.reader(gazette)
    for status in (PAUSED, ACTIVE):
        with newsroom.database.unit() as session:
            session.get_one(Subscription, subscription.id).status = status
        assert counted(newsroom.database, gazette) == {status: 1}
    assert days(newsroom.database, gazette) == [counts.Day(TODAY, joined=1)]


def test_an_end_that_is_taken_back_is_taken_off_its_day(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    subscription = newsroom.reader(gazette)
    with newsroom.database.unit() as session:
        staff.end_subscription(session, subscription.id, actor="ama", now=newsroom.now)
    assert days(newsroom.database, gazette) == [counts.Day(TODAY, joined=1, other=1)]
    with newsroom.database.unit() as session:
        values = {"status": ACTIVE, "ended_at": None, "ended_reason": None}
        session.execute(update(Subscription).where(Subscription.id == subscription.id).values(values))
    assert days(newsroom.database, gazette) == [counts.Day(TODAY, joined=1)]
    assert counted(newsroom.database, gazette) == {ACTIVE: 1}


def test_who_comes_back_with_a_new_consent_joins_again(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    subscription = newsroom.reader(gazette)
    with newsroom.database.unit() as session:
        unsubscribe.end(session, subscription.id, EndedReason.UNSUBSCRIBED, now=newsroom.now)
    later = newsroom.pass_time(days=2)
    with newsroom.database.unit() as session:
        records.activate(session.get_one(Subscription, subscription.id), now=later)
    found = days(newsroom.database, gazette, TODAY, later.date())
    assert [(day.joined, day.left) for day in found] == [(1, 1), (0, 0), (1, 0)]


def test_erasure_by_a_cascade_is_counted(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.reader(gazette)
    newsroom.reader(gazette, "kofi@poste.example")
    with newsroom.database.unit() as session:
        session.execute(delete(Subscriber).where(Subscriber.email_key == "ama@poste.example"))
    assert counted(newsroom.database, gazette) == {ACTIVE: 1}
    today = datetime.now(UTC).date()
    found = days(newsroom.database, gazette, today - timedelta(days=1), today)  # midnight may pass in between
    assert sum(day.other for day in found) == 1


def test_the_end_of_a_newsletter_leaves_no_counter_behind(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.reader(gazette)
    with newsroom.database.unit() as session:
        session.execute(delete(Newsletter).where(Newsletter.id == gazette.id))
        counts.fold(session)
    with newsroom.database.reading() as session:
        assert session.scalars(select(SubscriptionCount)).all() == []
        assert counts.check(session) == []


def test_a_rolled_back_change_is_not_counted(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    with newsroom.database._units() as session:
        (who,) = people(session, "ama", 1)
        records.subscription_for(session, who, gazette.id, now=newsroom.now)
        session.rollback()
    assert counted(newsroom.database, gazette) == {}


def test_a_counter_that_is_wrong_is_found_and_put_right(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.reader(gazette)
    with newsroom.database.unit() as session:
        session.execute(text("UPDATE subscription_counts SET count = 7 WHERE status = 'active'"))
        session.execute(text("DELETE FROM subscription_days"))
    with newsroom.database.unit() as session:
        found = counts.repair(session, today=TODAY)
    assert [(drift.status, drift.counted, drift.actual) for drift in found] == [(None, 0, 1), (ACTIVE, 7, 1)]
    assert counted(newsroom.database, gazette) == {ACTIVE: 1}


def bounce(newsroom: Newsroom, email: str, reason: SuppressionReason = SuppressionReason.HARD_BOUNCE) -> None:
    """The address is given up for what came back, and the job comes by."""
    with newsroom.database.unit() as session:
        suppression.suppress(session, email, reason, source="smtp", now=newsroom.now)
    with newsroom.database.unit() as session:
        lost.note(session, since=newsroom.now - timedelta(days=1))


def lift(newsroom: Newsroom, email: str) -> None:
    with newsroom.database.unit() as session:
        suppression.lift(session, email, by="ama@desk", now=newsroom.now)
    with newsroom.database.unit() as session:
        lost.note(session, since=newsroom.now - timedelta(days=1))


@pytest.mark.parametrize("reason", sorted(suppression.OF_ADDRESS))
def test_who_bounces_is_lost_that_day_and_no_reader_until_the_mailbox_works_again(
    newsroom: Newsroom, reason: SuppressionReason
) -> None:
    gazette, herald = newsroom.newsletter(), newsroom.newsletter("herald")
    for newsletter in (gazette, herald):
        newsroom.reader(newsletter, "ama@poste.example")
        newsroom.reader(newsletter, "kofi@poste.example")
    gone = newsroom.pass_time(days=2)
    bounce(newsroom, "ama@poste.example", reason)
    for newsletter in (gazette, herald):
        assert counted(newsroom.database, newsletter) == {ACTIVE: 2}  # their subscriptions go on
        assert days(newsroom.database, newsletter, gone.date(), gone.date()) == [counts.Day(gone.date(), bounced=1)]
        with newsroom.database.reading() as session:
            assert counts.readers_before(session, [newsletter.id], gone.date() + timedelta(days=1)) == 1
    newsroom.pass_time(days=3)
    lift(newsroom, "ama@poste.example")
    assert counted(newsroom.database, gazette) == {ACTIVE: 2}
    assert days(newsroom.database, gazette, TODAY, newsroom.now.date())[2:] == [
        counts.Day(gone.date() + timedelta(days=number)) for number in range(4)
    ]


@pytest.mark.parametrize("reason", sorted(set(SuppressionReason) - suppression.OF_ADDRESS))
def test_who_is_blocked_for_another_reason_has_not_bounced(newsroom: Newsroom, reason: SuppressionReason) -> None:
    gazette = newsroom.newsletter()
    newsroom.reader(gazette, "ama@poste.example")
    bounce(newsroom, "ama@poste.example", reason)
    assert days(newsroom.database, gazette) == [counts.Day(TODAY, joined=1)]


def test_who_leaves_after_a_bounce_is_lost_once_and_may_come_back(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    subscription = newsroom.reader(gazette, "ama@poste.example")
    bounce(newsroom, "ama@poste.example")
    with newsroom.database.unit() as session:
        unsubscribe.end(session, subscription.id, EndedReason.ONE_CLICK, now=newsroom.now)
    assert counted(newsroom.database, gazette) == {ENDED: 1}
    assert days(newsroom.database, gazette) == [counts.Day(TODAY, joined=1, bounced=1)]
    lift(newsroom, "ama@poste.example")
    assert days(newsroom.database, gazette) == [counts.Day(TODAY, joined=1, bounced=1)]
    newsroom.pass_time(hours=1)
    newsroom.reader(gazette, "ama@poste.example")
    assert counted(newsroom.database, gazette) == {ACTIVE: 1}
    assert days(newsroom.database, gazette) == [counts.Day(TODAY, joined=2, bounced=1)]


def test_an_end_after_a_bounce_that_staff_take_back_brings_a_reader_back(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    subscription = newsroom.reader(gazette, "ama@poste.example")
    bounce(newsroom, "ama@poste.example")
    with newsroom.database.unit() as session:
        staff.end_subscription(session, subscription.id, actor="ama", now=newsroom.now)
    lift(newsroom, "ama@poste.example")
    with newsroom.database.unit() as session:
        values = {"status": ACTIVE, "ended_at": None, "ended_reason": None}
        session.execute(update(Subscription).where(Subscription.id == subscription.id).values(values))
    with newsroom.database.unit() as session:
        lost.note(session)
    assert counted(newsroom.database, gazette) == {ACTIVE: 1}
    assert days(newsroom.database, gazette) == [counts.Day(TODAY, joined=1)]


def test_who_is_erased_after_a_bounce_is_lost_once(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    subscription = newsroom.reader(gazette, "ama@poste.example")
    bounce(newsroom, "ama@poste.example")
    with newsroom.database.unit() as session:
        session.execute(delete(Subscriber).where(Subscriber.id == subscription.subscriber_id))
    assert counted(newsroom.database, gazette) == {}
    assert days(newsroom.database, gazette) == [counts.Day(TODAY, joined=1, bounced=1)]


def test_the_nightly_look_finds_what_the_job_has_missed(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.reader(gazette, "ama@poste.example")
    with newsroom.database.unit() as session:
        suppression.suppress(
            session, "ama@poste.example", SuppressionReason.HARD_BOUNCE, source="smtp", now=newsroom.now
        )
    newsroom.pass_time(days=9)
    with newsroom.database.unit() as session:
        assert lost.note(session, since=newsroom.now - timedelta(days=1)) == 0
        assert lost.note(session) == 1
        assert lost.note(session) == 0
    assert days(newsroom.database, gazette) == [counts.Day(TODAY, joined=1, bounced=1)]
    assert counted(newsroom.database, gazette) == {ACTIVE: 1}


def test_the_counters_begin_with_what_is_there(newsroom: Newsroom) -> None:
    """What the migration fills is what the triggers would have counted."""
    gazette, herald = newsroom.newsletter(), newsroom.newsletter("herald")
    for number, reason in enumerate(EndedReason):
        subscription = newsroom.reader(gazette, f"{number}@poste.example")
        newsroom.pass_time(days=1)
        with newsroom.database.unit() as session:
            unsubscribe.end(session, subscription.id, reason, now=newsroom.now)
        newsroom.reader(herald, f"{number}@poste.example")
    with newsroom.database.unit() as session:
        counts.fold(session)
    tables = [
        "SELECT newsletter_id, status, sum(count) FROM subscription_counts GROUP BY 1, 2 HAVING sum(count) <> 0",
        "SELECT newsletter_id, day, sum(joined), sum(gone), sum(bounced), sum(complained), sum(other)"
        " FROM subscription_days GROUP BY 1, 2",
    ]
    step = importlib.import_module("newsletter.migrations.versions.0011_counts_of_subscriptions")
    with newsroom.database.unit() as session:
        before = [set(session.execute(text(table)).all()) for table in tables]
        session.execute(text("DELETE FROM subscription_counts"))
        session.execute(text("DELETE FROM subscription_days"))
        for statement in step.filling(newsroom.database.engine.dialect.name):
            session.execute(text(statement))
        assert [set(session.execute(text(table)).all()) for table in tables] == before
        assert all(before)


def test_the_triggers_outlive_every_later_migration(empty_url: str) -> None:
    """On SQLite a batch operation makes a table anew, without its triggers."""
    engine = open_engine(empty_url)
    migrations.upgrade(engine)
    catalogue = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if engine.dialect.name == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    with engine.connect() as connection:
        found = set(connection.scalars(text(catalogue)))
    engine.dispose()
    assert {"subscriptions_added", "subscriptions_changed", "subscriptions_removed"} <= found
    assert {"subscriptions_copied", "subscribers_copied"} <= found


class Changer(threading.Thread):
    """Changes subscriptions at random on a connection of its own, in units of several changes, some rolled back."""

    def __init__(self, database: Database, seed: int, newsletter_ids: list[int], subscriber_ids: list[int]) -> None:
        super().__init__(daemon=True)
        self.database = database
        self.rng = random.Random(seed)
        self.newsletter_ids = newsletter_ids
        self.own = subscriber_ids
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            for _ in range(25):
                with self.database._units() as session, session.begin() as unit:
                    for _ in range(self.rng.randint(1, 4)):
                        self.rng.choice((self.add, self.change, self.change, self.sweep, self.remove, self.fold))(
                            session
                        )
                    if self.rng.random() < 0.2:
                        unit.rollback()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            self.failure = error

    def moment(self) -> datetime | None:
        return self.rng.choice((None, NOW - timedelta(days=self.rng.randint(0, 5))))

    def values(self) -> dict[str, object]:
        status = self.rng.choice(list(SubscriptionStatus))
        ended = status is ENDED
        return {
            "status": status,
            "confirmed_at": self.moment(),
            "ended_at": self.moment() if ended else None,
            "ended_reason": self.rng.choice([*EndedReason, None]) if ended else None,
        } | ({"bounced_at": self.moment()} if self.rng.random() < 0.3 else {})

    def add(self, session: Session) -> None:
        newsletter_id, who = self.rng.choice(self.newsletter_ids), self.rng.choice(self.own)
        records.subscription_for(session, who, newsletter_id, now=NOW)

    def change(self, session: Session) -> None:
        mine = Subscription.subscriber_id == self.rng.choice(self.own)
        session.execute(update(Subscription).where(mine).values(self.values()))

    def sweep(self, session: Session) -> None:
        mine = Subscription.subscriber_id.in_(self.own)
        newsletter = Subscription.newsletter_id == self.rng.choice(self.newsletter_ids)
        session.execute(update(Subscription).where(mine, newsletter).values(self.values()))

    def remove(self, session: Session) -> None:
        session.execute(delete(Subscription).where(Subscription.subscriber_id == self.rng.choice(self.own)))

    def fold(self, session: Session) -> None:
        counts.fold(session)


def test_a_row_that_comes_with_the_mark_of_a_bounce_is_counted_as_lost(newsroom: Newsroom) -> None:
    """As a copy of the table brings it."""
    gazette = newsroom.newsletter()
    with newsroom.database.unit() as session:
        row = {"newsletter_id": gazette.id, "status": ACTIVE, "created_at": NOW, "confirmed_at": NOW}
        for who, bounced_at in zip(people(session, "ama", 2), (None, NOW + timedelta(days=1)), strict=True):
            session.execute(insert(Subscription).values(subscriber_id=who, bounced_at=bounced_at, **row))
    assert counted(newsroom.database, gazette) == {ACTIVE: 2}
    tomorrow = TODAY + timedelta(days=1)
    found = days(newsroom.database, gazette, TODAY, tomorrow)
    assert found == [counts.Day(TODAY, joined=2), counts.Day(tomorrow, bounced=1)]


def test_random_changes_from_several_connections_leave_exact_counters(newsroom: Newsroom) -> None:
    made = [newsroom.newsletter(slug) for slug in ("gazette", "herald", "courier")]
    with newsroom.database.unit() as session:
        groups = [people(session, f"group{number}-", 8) for number in range(4)]
    changers = [
        Changer(newsroom.database, seed, [item.id for item in made], group) for seed, group in enumerate(groups)
    ]
    for changer in changers:
        changer.start()
    for changer in changers:
        changer.join(60)
    assert [changer.failure for changer in changers if changer.failure] == []
    with newsroom.database.unit() as session:
        assert counts.check(session) == []
        assert sum(sum(counts.counts(session, item.id).values()) for item in made) > 0
        counts.fold(session)
        assert counts.check(session) == []
        assert session.scalars(select(SubscriptionCount).where(SubscriptionCount.slot != 0)).all() == []


def test_a_sign_up_does_not_wait_for_an_import_that_is_under_way(
    postgres_engine: Engine, clean_postgres: Callable[[], None], tmp_path: Path
) -> None:
    """On PostgreSQL; SQLite has one writer at a time, whatever is counted."""
    clean_postgres()
    newsroom = Newsroom(install(Database(postgres_engine), tmp_path))
    gazette = newsroom.newsletter()
    with newsroom.database.unit() as session:
        first, second = people(session, "ama", 2)
    with newsroom.database.unit() as importing:
        records.subscription_for(importing, first, gazette.id, now=NOW)
        with newsroom.database.unit() as session:
            session.execute(text("SET LOCAL lock_timeout = '2s'"))
            records.subscription_for(session, second, gazette.id, now=NOW)
            counts.fold(session)
    assert counted(newsroom.database, gazette) == {PENDING: 2}
