"""Long lists, page by page: nothing skipped, nothing twice, and an index for every one of them."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event, select, text
from sqlalchemy.orm import Session

from newsletter import schema
from newsletter.articles import queries as articles
from newsletter.core.database import Database
from newsletter.core.errors import NotFoundError
from newsletter.delivery import bounces, claim, ledger, overview, tally, transactional
from newsletter.delivery import queries as deliveries
from newsletter.delivery.models import Delivery, DeliveryStatus, SkipReason
from newsletter.issues import archive, digest, dispatch, domains, finding, resending
from newsletter.issues import queries as issues
from newsletter.issues.models import Issue
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import confirm, consent, search
from newsletter.subscriptions import queries as subscriptions
from newsletter.subscriptions.audience import Recipients
from newsletter.subscriptions.models import SubscriptionStatus
from newsletter.subscriptions.search import Find
from newsletter.suppression import ledger as suppression
from tests.support.newsroom import Newsroom

READERS = 4000


def walk(page: Callable[[int | None], list[Any]], key: Callable[[Any], int]) -> list[int]:
    """The keys of all rows, read in pages of the size that `page` takes."""
    found: list[int] = []
    before: int | None = None
    while rows := page(before):
        found += [key(row) for row in rows]
        before = found[-1]
    return found


def test_subscriptions_come_page_by_page_while_others_join(newsroom: Newsroom) -> None:
    gazette, revue = newsroom.newsletter(), newsroom.newsletter("revue")
    for number in range(23):
        newsroom.reader(gazette, f"reader{number:02}@poste.example")
        newsroom.reader(revue, f"reader{number:02}@poste.example")
    with newsroom.database.reading() as session:
        everyone = [row.id for row in search.page(session, Find(gazette.id), limit=100).rows]

    def page(before: int | None) -> list[subscriptions.SubscriptionRow]:
        newsroom.reader(gazette, f"late{before}@poste.example")
        after = f"i.{before}" if before else None
        with newsroom.database.reading() as session:
            return search.page(session, Find(gazette.id, status=SubscriptionStatus.ACTIVE), after=after, limit=5).rows

    found = walk(page, lambda row: row.id)
    assert found == sorted(found, reverse=True)
    assert set(everyone) <= set(found)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("am", {"Ama@poste.example", "amavi@poste.example"}),
        (" AMA", {"Ama@poste.example", "amavi@poste.example"}),
        ("ama@", {"Ama@poste.example"}),
        ("a_a", set()),
        ("%", set()),
        ("é", {"éloïse@poste.example"}),
        ("\0", set()),
        ("x" * 10_000, set()),
    ],
)
def test_readers_are_found_by_how_their_address_begins(newsroom: Newsroom, typed: str, expected: set[str]) -> None:
    gazette = newsroom.newsletter()
    for email in ("Ama@poste.example", "amavi@poste.example", "kofi@poste.example", "éloïse@poste.example"):
        newsroom.reader(gazette, email)
    issue = newsroom.outgoing(gazette)
    with newsroom.database.reading() as session:
        assert {row.email for row in search.page(session, Find(gazette.id, typed)).rows} == expected
        assert {row.email for row in finding.find(session, issue.id, text=typed).rows} == expected


def test_articles_issues_deliveries_and_the_archive_come_page_by_page(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    for number in range(7):
        newsroom.reader(gazette, f"reader{number}@poste.example")
    sent = []
    for number in range(7):
        newsroom.pass_time(hours=1)
        newsroom.article(gazette, f"Nouvelle {number}")
        sent.append(newsroom.outgoing(gazette))
    with newsroom.database.reading() as session:
        seven = walk(lambda at: articles.page(session, gazette.id, before=at, limit=2), lambda row: row.article.id)
        assert len(set(seven)) == len(seven) == 7
        ids = walk(lambda at: issues.page(session, gazette.id, before=at, limit=3), lambda row: row.id)
        assert ids == [issue.id for issue in reversed(sent)]
        rows, after = [], ""
        while after is not None:
            page = finding.find(session, sent[0].id, after=after, limit=2)
            rows, after = [*rows, *(row.id for row in page.rows)], page.after
        assert len(set(rows)) == len(rows) == 7
        numbers = walk(lambda at: archive.page(session, gazette.id, before=at, limit=2), lambda row: row.number)
        assert numbers == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("slug", ["", "\0", "x" * 10_000, "Gazette", "gazette\0", "../gazette"])
def test_a_newsletter_that_does_not_exist_is_not_found(newsroom: Newsroom, slug: str) -> None:
    newsroom.newsletter()
    with newsroom.database.reading() as session, pytest.raises(NotFoundError):
        newsletters.by_slug(session, slug)


# Plans


def multiply(newsroom: Newsroom) -> tuple[int, Issue]:
    """A newsletter with thousands of readers, deliveries, mails, events: (its id, one of its issues)."""
    gazette, revue = newsroom.newsletter(), newsroom.newsletter("revue")
    newsroom.reader(revue, "somebody@poste.example")
    first = newsroom.outgoing(gazette, "ama@poste.example")
    second = newsroom.outgoing(revue)
    postgres = newsroom.database.engine.dialect.name == "postgresql"
    numbers = (
        f"(SELECT generate_series(1, {READERS}) AS n) AS numbers"
        if postgres
        else f"(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {READERS}) SELECT n FROM c)"
    )
    with newsroom.database.unit() as session:
        variant = session.scalars(select(Delivery.variant_id).where(Delivery.issue_id == first.id)).one()
        connection = session.connection()
        address = "'r' || n || '@x.example'"
        copy(connection, "subscribers", numbers, f"email = {address}, email_key = {address}")
        for newsletter in (gazette, revue):
            connection.execute(
                text(
                    "INSERT INTO subscriptions (subscriber_id, newsletter_id, status, created_at)"
                    f" SELECT id, {newsletter.id}, 'active', created_at FROM subscribers"
                    " WHERE email LIKE 'r%@x.example'"
                )
            )
        copy(connection, "batches", numbers, "position = n, due_at = NULL, queued = 0, failed = 1")
        for issue, status in ((first, "failed"), (second, "queued")):
            connection.execute(
                text(
                    "INSERT INTO deliveries (issue_id, batch_id, variant_id, subscriber_id, status, attempts, repeated,"
                    f" updated_at) SELECT {issue.id}, batches.id, {variant}, subscribers.id, '{status}', 0, false,"
                    f" created_at FROM subscribers JOIN batches ON batches.issue_id = {first.id}"
                    f" AND batches.position = subscribers.id % {READERS} + 1 WHERE email LIKE 'r%@x.example'"
                )
            )
        copy(connection, "consent_events", numbers, "subscriber_id = n / 100 + (SELECT min(id) FROM subscribers)")
        copy(connection, "articles", numbers, "title = 'Nouvelle ' || n")
        connection.execute(
            text(
                "INSERT INTO placements (article_id, newsletter_id, placed_at)"
                f" SELECT id, {revue.id}, first_seen_at FROM articles WHERE title LIKE 'Nouvelle %'"
            )
        )
    with newsroom.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    return gazette.id, first


def copy(connection: Connection, table: str, numbers: str, changed: str) -> None:
    """Repeat a table's first row, but for its id and what is `changed` (`column = expression of n, ...`)."""
    changes = dict(item.split(" = ", 1) for item in changed.split(", "))
    columns = [column.name for column in schema.metadata.tables[table].columns if column.name != "id"]
    values = ", ".join(changes.get(name, f"first_row.{name}") for name in columns)
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM"
        f" (SELECT * FROM {table} ORDER BY id LIMIT 1) AS first_row, {numbers}"
    )


def plans(database: Database, ask: Callable[[Session], object]) -> list[str]:
    """How the database would find the rows of every statement that `ask` makes."""
    asked: list[tuple[str, Any]] = []

    def note(connection: object, cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    with database.reading() as session:
        event.listen(database.engine, "before_cursor_execute", note)
        try:
            ask(session)
        finally:
            event.remove(database.engine, "before_cursor_execute", note)
    postgres = database.engine.dialect.name == "postgresql"
    found = []
    with database.engine.execution_options(read_only=True).connect() as connection:
        if postgres:
            # At this size reading everything is cheap. What matters is whether there is another way at all.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for statement, parameters in asked:
            explain = f"EXPLAIN {statement}" if postgres else f"EXPLAIN QUERY PLAN {statement}"
            rows = connection.exec_driver_sql(explain, parameters).all()
            found.append("\n".join(str(row[0] if postgres else row[3]) for row in rows))
    return found


# Tables that grow with readers, articles or time; a handful of newsletters, issues or languages may be read whole.
LARGE = ("subscribers", "subscriptions", "deliveries", "consent_events", "articles", "placements", "batches")


def whole_tables(plan: str) -> list[str]:
    """Large tables that a plan reads from end to end."""
    lines = [line.strip() for line in plan.splitlines()]
    return [
        line for line in lines for table in LARGE if f"Seq Scan on {table} " in f"{line} " or line == f"SCAN {table}"
    ]


def test_no_page_reads_a_large_table_from_end_to_end(newsroom: Newsroom) -> None:
    newsletter_id, issue = multiply(newsroom)
    now, links = newsroom.now, newsroom.here.links
    with newsroom.database.reading() as session:
        last_failed = finding.find(session, issue.id, status=DeliveryStatus.FAILED).after
        delivery_id = finding.find(session, issue.id).rows[0].id
    assert last_failed is not None
    questions: dict[str, Callable[[Session], object]] = {
        "readers": lambda s: search.page(s, Find(newsletter_id)),
        "readers, next page": lambda s: search.page(s, Find(newsletter_id), after="i.3000"),
        "readers by status": lambda s: search.page(s, Find(newsletter_id, status=SubscriptionStatus.ACTIVE)),
        "readers by address": lambda s: search.page(s, Find(newsletter_id, "r12")),
        "readers by domain": lambda s: search.page(s, Find(newsletter_id, "@x.example")),
        "readers by address and status": lambda s: search.page(
            s, Find(newsletter_id, "r12", status=SubscriptionStatus.PAUSED)
        ),
        "one address": lambda s: subscriptions.of_address(s, "ama@poste.example"),
        "a reader's history": lambda s: consent.history(s, 17),
        "articles": lambda s: articles.page(s, newsletter_id),
        "candidates": lambda s: digest.next_articles(s, s.get_one(Newsletter, newsletter_id), cut_off=now),
        "translations": lambda s: articles.in_language(s, [1, 2, 3], "en"),
        "deliveries": lambda s: finding.find(s, issue.id),
        "deliveries by status": lambda s: finding.find(s, issue.id, status=DeliveryStatus.FAILED),
        "deliveries by address": lambda s: finding.find(s, issue.id, text="r12"),
        "deliveries by domain": lambda s: finding.find(s, issue.id, domain="poste.example"),
        "deliveries by domain and status": lambda s: finding.find(
            s, issue.id, domain="poste.example", status=DeliveryStatus.FAILED
        ),
        "deliveries by status, next page": lambda s: finding.find(
            s, issue.id, status=DeliveryStatus.FAILED, after=last_failed
        ),
        "one delivery": lambda s: finding.story(s, issue.id, delivery_id),
        "domains of an issue": lambda s: domains.by_domain(s, issue.id, deliveries.counts(s, issue.id)),
        "how many were missed": lambda s: resending.at_most(s, issue.id),
        "what waits for relays": overview.waiting,
        "counts of an issue": lambda s: deliveries.by_wave(s, issue.id),
        "domains that refuse the content": lambda s: tally.with_content(s, issue.id),
        "bounces that are held": lambda s: bounces.held(s, issue.id),
        "is it done": lambda s: deliveries.work_left(s, issue.id),
        "the archive": lambda s: archive.latest(s, newsletter_id),
        "issues to settle": dispatch.unsettled,
        "is anything due": lambda s: claim.anything_due(s, now=now),
        "what is due in a batch": lambda s: claim.due_rows(s, [1], now=now),
        "when is a batch due again": lambda s: claim.release(s, {1: now}, holder="somebody", now=now),
        "mails that are due": lambda s: transactional.due(s, now=now),
        "what a reader waits for": lambda s: ledger.withdraw(
            s, subscriber_id=17, newsletter_id=newsletter_id, reason=SkipReason.UNSUBSCRIBED, now=now
        ),
        "a confirmation link": lambda s: confirm.look_up(s, "token", now=now),
        "is an address suppressed": lambda s: suppression.find(s, "ama@poste.example"),
        "where to send": lambda s: Recipients(links).find(s, 17, newsletter_id=newsletter_id, issue_id=issue.id),
    }
    slow = {}
    for name, ask in questions.items():
        for plan in plans(newsroom.database, ask):
            if whole_tables(plan):
                slow[name] = plan
    assert not slow, "\n\n".join(f"{name}\n{plan}" for name, plan in slow.items())
