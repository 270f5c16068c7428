"""No page of the desk reads more of a table than it shows, however large the table is: what each page asked is asked
again with EXPLAIN ANALYZE on a newsroom of some size, and the rows that each step touches are counted.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, event, text

from newsletter import migrations
from newsletter.core.clock import utc_now
from newsletter.core.database import Database, open_engine
from newsletter.feeds import queries as feeds
from newsletter.subscriptions import search
from newsletter.subscriptions.models import SubscriptionStatus
from newsletter.subscriptions.search import Find
from tests.support.desk_pages import Desk, open_desk
from tests.support.large_newsroom import Size
from tests.support.newsroom import Newsroom, install

SIZE = Size(subscribers=30_000, deliveries=60_000, issues=30, articles=20_000, events=5000)
LARGE = {
    "subscribers",
    "subscriptions",
    "consent_events",
    "deliveries",
    "delivery_attempts",
    "feedback_reports",
    "suppressions",
    "audit_events",
    "articles",
    "placements",
    "engagement_events",
    "subscription_days",
    "feeds",
    "feed_targets",
}
MOST = 1200  # rows of a large table that one step of one query may touch
MOST_OF_FEEDS = 100  # the same for a page of 30 feeds
NEIGHBOURS = 8000  # readers of another newsletter, whose addresses and names are unlike those of the first
ADD_NEIGHBOURS = f"""
INSERT INTO subscribers (email, email_key, domain, name, language, attributes, created_at)
SELECT name, name, 'poste.example', 'Voisin ' || n, 'fr', '{{}}', now()
FROM (SELECT n, 'voisin' || n || '@poste.example' AS name FROM generate_series(1, {NEIGHBOURS}) AS n) AS readers"""
SUBSCRIBE_NEIGHBOURS = """
INSERT INTO subscriptions (subscriber_id, newsletter_id, status, created_at, confirmed_at)
SELECT id, :newsletter, CASE WHEN id % 1000 = 0 THEN 'paused' ELSE 'active' END, now(), now()
FROM subscribers WHERE name LIKE 'Voisin%'"""
ADD_FEEDS = """
INSERT INTO feeds (url, url_key, host, title, kind, language, interval_minutes, failures, slow, created_at)
SELECT 'https://voisin' || n, 'voisin' || n, 'voisin.example', 'Voisin ' || n, 'rss', 'fr', 360,
    0, false, now() FROM generate_series(1, 3000) AS n"""
TAKE_FEEDS = """
INSERT INTO feed_targets (feed_id, newsletter_id, created_at)
SELECT id, :newsletter, now() FROM feeds WHERE title LIKE :titles"""
# They are meant to read everything, row by row, or count for a bounded time and then say so.
WHOLE = {"export_feeds", "export_subscribers", "log_file", "reports_sheet", "count_missed", "segment"}


@pytest.fixture(scope="module")
def engine(new_postgres_database: Callable[[str], str]) -> Iterator[Engine]:
    opened = open_engine(new_postgres_database("large"))
    migrations.upgrade(opened)
    yield opened
    opened.dispose()


@pytest.fixture(scope="module")
def desk(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    directory = Path(tmp_path_factory.mktemp("large"))
    return open_desk(Database(engine), directory, SIZE, now=utc_now(), say=lambda _words: None)


@pytest.fixture
def asked(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """What the database is asked while the test goes on: statement and parameters."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            found.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def touched(connection: psycopg.Connection[Any], statement: str, parameters: Any) -> Iterator[tuple[str, int]]:
    """Each step of a query that reads a large table, and how many of its rows it looks at."""
    answer = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).fetchone()
    assert answer is not None
    waiting = [answer[0][0]["Plan"]]
    while waiting:
        step = waiting.pop()
        waiting += step.get("Plans", ())
        if step.get("Relation Name") in LARGE:
            dropped = step.get("Rows Removed by Filter", 0) + step.get("Rows Removed by Index Recheck", 0)
            rows = round((step["Actual Rows"] + dropped) * step["Actual Loops"])
            yield f"{step['Node Type']} on {step['Relation Name']}", rows


def test_no_page_reads_more_of_a_large_table_than_it_shows(
    engine: Engine, desk: Desk, asked: list[tuple[str, Any]]
) -> None:
    too_much: list[str] = []
    known: set[str] = set()
    shown: set[str] = set()
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        # Tables of this size are sometimes read whole because that is quicker; what counts is what an index can do.
        connection.execute("SET enable_seqscan = off")
        for name, path in desk.addresses():
            asked.clear()
            answer = desk.staff.get(path)
            assert answer.status_code < 500, f"{path}: {answer.status_code}"
            if answer.status_code == 200 and answer.request.path == path.partition("?")[0]:
                shown.add(name)
            for statement, parameters in list(asked):
                if name in WHOLE or (key := f"{statement}{parameters}") in known:
                    continue
                known.add(key)
                for step, rows in touched(connection, statement, parameters):
                    if rows > MOST:
                        too_much.append(f"{path}: {rows} rows by {step}: {' '.join(statement.split())[:500]}")
    assert desk.pages == shown
    assert len(known) > 100
    assert not too_much, "\n".join(too_much)


@pytest.fixture(scope="module")
def neighbour(engine: Engine, desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> int:
    """Another newsletter of the same installation."""
    made = Newsroom(install(Database(engine), tmp_path_factory.mktemp("neighbour"))).newsletter("voisinage")
    with engine.begin() as connection:
        connection.execute(text(ADD_NEIGHBOURS))
        connection.execute(text(SUBSCRIBE_NEIGHBOURS), {"newsletter": made.id})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return made.id


@pytest.mark.parametrize(
    ("typed", "finds"),
    [
        ("zzz", False),
        ("lectrice", False),
        ("Lectrice 1", False),
        ("@gmail.com", False),
        ("voisin", True),
        ("Voisin 7", True),
        ("v", True),
        ("@poste.example", True),
        ("", True),
    ],
)
def test_no_search_reads_the_readers_of_other_newsletters(
    engine: Engine, neighbour: int, asked: list[tuple[str, Any]], typed: str, finds: bool
) -> None:
    """Whether nobody has what is typed, only readers of other newsletters, or many; of any status."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    too_much: list[str] = []
    with psycopg.connect(url, autocommit=True) as connection, Database(engine).reading() as session:
        connection.execute("SET enable_seqscan = off")
        for status in (None, *SubscriptionStatus):
            asked.clear()
            found = search.page(session, Find(neighbour, typed, status=status))
            if status in (None, SubscriptionStatus.ACTIVE):
                assert bool(found.rows) == finds
                assert (found.after is not None) == finds
            for statement, parameters in list(asked):
                steps = list(touched(connection, statement, parameters))
                assert steps
                too_much += [f"{status}: {rows} rows by {step}" for step, rows in steps if rows > MOST]
    assert not too_much, "\n".join(too_much)


@pytest.fixture(scope="module")
def takers(engine: Engine, desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """By name: `old` takes 3000 feeds, `new` as many others, which are newer, and `few` some of the old ones."""
    newsroom = Newsroom(install(Database(engine), tmp_path_factory.mktemp("takers")))
    made = {name: newsroom.newsletter(name).id for name in ("new", "few")}
    with engine.begin() as connection:
        connection.execute(text(ADD_FEEDS))
        for name, titles in (("new", "Voisin %"), ("few", "Site 1_00")):
            connection.execute(text(TAKE_FEEDS), {"newsletter": made[name], "titles": titles})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return made | {"old": desk.newsletter_id}


@pytest.mark.parametrize(
    ("names", "newest", "then", "failing"),
    [
        ({"old"}, "La presse", "Site 2971", "Site 100"),
        ({"new"}, "Voisin 3000", "Voisin 2970", ""),
        ({"few"}, "Site 1900", "", "Site 1000"),
        ({"few", "new"}, "Voisin 3000", "Voisin 2970", "Site 1000"),
    ],
)
def test_feeds_of_some_newsletters_are_found_without_reading_those_of_the_others(
    engine: Engine,
    takers: dict[str, int],
    asked: list[tuple[str, Any]],
    names: set[str],
    newest: str,
    then: str,
    failing: str,
) -> None:
    within = {takers[name] for name in names}
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection, Database(engine).reading() as session:
        connection.execute("SET enable_seqscan = off")
        first = feeds.page(session, before=None, limit=30, within=within)
        second = feeds.page(session, before=first[-1].feed.id, limit=30, within=within)
        troubled = feeds.failing(session, limit=4, within=within)
        feeds.by_id(session, first[0].feed.id, within=within)
        steps = [step for statement, given in list(asked) for step in touched(connection, statement, given)]
    assert first[0].feed.title == newest
    assert [row.feed.title for row in second[:1]] == [then] * bool(then)
    assert [feed.title for feed in troubled[:1]] == [failing] * bool(failing)
    assert {row.others for row in first} == ({1} if names == {"few"} else {0})
    assert len(steps) > 8
    assert [f"{rows} rows by {step}" for step, rows in steps if rows > MOST_OF_FEEDS] == []
