"""What recipients' domains say, counted by day while an issue is sent, and what is read of it."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select, text

from newsletter.core.database import dialect_of
from newsletter.delivery import days, domain_figures, tally
from newsletter.delivery.domain_models import DomainDay, DomainWords
from newsletter.delivery.models import DomainTally
from newsletter.delivery.reputation import Figures
from newsletter.newsletters.models import Newsletter
from tests.support.newsroom import NOW, Newsroom
from tests.support.postman import NO_SUCH_USER, SPAM, Postman, deliver, issue_in_waves, readers


def rows(newsroom: Newsroom) -> list[DomainDay]:
    with newsroom.database.reading() as session:
        return list(session.scalars(select(DomainDay).order_by(DomainDay.day, DomainDay.domain, DomainDay.relay_id)))


def test_days_add_up_to_what_is_counted_by_issue(newsroom: Newsroom, gazette: Newsletter) -> None:
    people = [*readers(3), *readers(2, domain="strict.example"), *readers(2, domain="slow.example")]
    issue_in_waves(newsroom, gazette, people, size=2, waves=(1, 1, 1, 1))
    answers = {"reader000@poste.example": NO_SUCH_USER, "strict.example": f".{SPAM}", "slow.example": "451 4.7.1 later"}
    deliver(newsroom, Postman(answers))
    newsroom.pass_time(hours=1)
    deliver(newsroom, Postman({"slow.example": "550 5.7.1 blocked by policy"}))
    with newsroom.database.reading() as session:
        sums = [func.sum(getattr(table, name)) for table in (DomainTally, DomainDay) for name in tally.COLUMNS]
        by_issue = session.execute(select(DomainTally.domain, *sums[:6]).group_by(DomainTally.domain)).all()
        by_day = session.execute(select(DomainDay.domain, *sums[6:]).group_by(DomainDay.domain)).all()
    assert sorted(map(tuple, by_issue)) == sorted(map(tuple, by_day))
    assert {row.domain: row.relay_id > 0 for row in rows(newsroom)} == dict.fromkeys(
        ("poste.example", "slow.example", "strict.example"), True
    )


def test_the_time_to_acceptance_runs_from_the_freeze_through_every_retry(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    issue = newsroom.outgoing(gazette, *readers(2), *readers(1, domain="slow.example"))
    newsroom.pass_time(seconds=20)
    deliver(newsroom, Postman({"slow.example": "451 4.7.1 greylisted"}))
    newsroom.pass_time(minutes=10)
    deliver(newsroom, Postman())
    assert set(newsroom.statuses(issue).values()) == {"sent"}
    quick, slow = rows(newsroom)
    assert (quick.waited, quick.wait_ms, quick.under_1m) == (2, 40_000, 2)
    assert (slow.waited, slow.wait_ms, slow.under_30m, slow.deferred) == (1, 620_000, 1, 1)
    with newsroom.database.reading() as session:
        lines, everything = domain_figures.largest(session, now=newsroom.now, length=7, most=50)
    assert [(line.domain, line.waits.median) for line in lines] == [
        ("poste.example", "under_1m"),
        ("slow.example", "under_30m"),
    ]
    assert everything.waits.within_5m == pytest.approx(2 / 3)


def test_a_day_ends_at_midnight_by_utc(newsroom: Newsroom) -> None:
    with newsroom.database.unit() as session:
        for hours in (0, 14, 16):
            moment = newsroom.now + timedelta(hours=hours)
            tally.came_back(session, [tally.CameBack("poste.example", "complained")], now=moment)
    assert [(row.day.isoformat(), row.complained) for row in rows(newsroom)] == [("2026-03-02", 2), ("2026-03-03", 1)]


def test_what_comes_back_is_counted_in_bulk(newsroom: Newsroom) -> None:
    returned = [
        tally.CameBack("gmail.com", "hard", words="550 5.1.1 <a@gmail.com> gone"),
        tally.CameBack("gmail.com", "hard", count=3, words="550 5.1.1 <b@gmail.com> gone"),
        tally.CameBack("gmail.com", "complained"),
        tally.CameBack("orange.fr", "sender", words="554 5.7.1 OFR_506", relay_id=7),
    ]
    with newsroom.database.unit() as session:
        tally.came_back(session, returned, now=newsroom.now)
        tally.came_back(session, [], now=newsroom.now)
    gmail, orange = rows(newsroom)
    assert (gmail.hard_later, gmail.complained, gmail.sent, gmail.relay_id) == (4, 1, 0, days.ANY_RELAY)
    assert (orange.sender_later, orange.relay_id) == (1, 7)
    with newsroom.database.reading() as session:
        said = domain_figures.words_of(session, ["gmail.com"], since=NOW)["gmail.com"]
        found = domain_figures.by_day(session, ["gmail.com"], now=newsroom.now)
    assert [(item.kind, item.text, item.count) for item in said] == [("hard", "550 5.1.1 … gone", 2)]
    assert found["gmail.com"] == {NOW.date(): Figures(hard=4, complained=1)}


def test_alike_words_are_counted_and_other_words_begin_again(newsroom: Newsroom) -> None:
    def say(*words: str) -> list[tuple[str, int]]:
        with newsroom.database.unit() as session:
            returned = [tally.CameBack("free.fr", "soft", words=item) for item in words]
            tally.came_back(session, returned, now=newsroom.now)
            session.expire_all()
            return [(item.text, item.count) for item in session.scalars(select(DomainWords))]

    assert say("552 full 1", "552 full 2") == [("552 full …", 2)]
    assert say("552 full 3") == [("552 full …", 3)]
    assert say("552 full 4", "550 disabled") == [("550 disabled", 1)]


def test_old_days_are_forgotten(newsroom: Newsroom) -> None:
    with newsroom.database.unit() as session:
        for age in (0, 399, 401):
            moment = newsroom.now - timedelta(days=age)
            tally.came_back(session, [tally.CameBack(f"d{age}.example", "soft", words="552 full")], now=moment)
    with newsroom.database.unit() as session:
        days.forget(session, now=newsroom.now)
    assert {row.domain for row in rows(newsroom)} == {"d0.example", "d399.example"}


def fill(newsroom: Newsroom, *, domains: int, length: int) -> None:
    """So many domains on each of the last days; the first ones are the largest."""
    zeros = [name for name in days.COLUMNS if name != "sent"]
    with newsroom.database.unit() as session:
        lite = dialect_of(session) == "sqlite"
        value = "value" if lite else "CAST(value AS int)"
        numbers = "json_each(:numbers)" if lite else "jsonb_array_elements_text(CAST(:numbers AS jsonb)) AS v(value)"
        day, at = (":day", ":at") if lite else ("CAST(:day AS date)", "CAST(:at AS timestamptz)")
        insert = text(
            f"INSERT INTO domain_days (day, domain, relay_id, first_at, last_at, sent, {', '.join(zeros)}) "
            f"SELECT {day}, 'd' || value || '.example', 1, {at}, {at}, {domains} - {value}{', 0' * len(zeros)} "
            f"FROM {numbers}"
        )
        for age in range(length):
            values = {
                "day": (newsroom.now - timedelta(days=age)).date().isoformat(),
                "at": newsroom.now.strftime("%Y-%m-%d %H:%M:%S.%f"),
                "numbers": json.dumps(list(range(domains))),
            }
            session.execute(insert, values)


def test_small_domains_of_past_days_become_one_and_the_sums_stay(newsroom: Newsroom) -> None:
    fill(newsroom, domains=30, length=6)
    with newsroom.database.unit() as session:
        tally.came_back(session, [tally.CameBack("d29.example", "complained")], now=newsroom.now - timedelta(days=4))
        _lines, before = domain_figures.largest(session, now=newsroom.now, length=30, most=5)
        days.fold(session, now=newsroom.now, keep=10)
        days.fold(session, now=newsroom.now, keep=10)
    with newsroom.database.reading() as session:
        lines, after = domain_figures.largest(session, now=newsroom.now, length=30, most=5)
        counted = dict(session.execute(select(DomainDay.day, func.count()).group_by(DomainDay.day)).all())
    assert after == before
    assert [line.domain for line in lines] == [f"d{number}.example" for number in range(5)]
    assert sorted(counted.values()) == [11, 11, 13, 30, 30, 30]
    assert "d29.example" in {row.domain for row in rows(newsroom) if row.day == (NOW - timedelta(days=4)).date()}


def test_every_question_goes_by_an_index(newsroom: Newsroom) -> None:
    fill(newsroom, domains=2000, length=60)
    now = newsroom.now
    questions = {
        "anything lately": lambda s: domain_figures.anything_lately(s, now=now),
        "troubled": lambda s: domain_figures.troubled(s, now=now),
        "by day": lambda s: domain_figures.by_day(s, ["d1.example"], now=now),
        "largest": lambda s: domain_figures.largest(s, now=now, length=7, most=50),
        "days of": lambda s: domain_figures.days_of(s, "d1.example", now=now, length=30),
        "today": lambda s: domain_figures.today(s, "d1.example", now=now),
    }
    with newsroom.database.unit() as session:
        if dialect_of(session) == "postgresql":
            session.execute(text("ANALYZE domain_days"))
    for name, question in questions.items():
        for plan in plans(newsroom, question):
            assert "SCAN domain_days" not in plan, name
            assert "Seq Scan on domain_days" not in plan, name


def plans(newsroom: Newsroom, question: object) -> list[str]:
    """How the database goes about each statement of a question."""
    asked: list[tuple[str, object]] = []

    def hear(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        asked.append((statement, parameters))

    engine = newsroom.database.engine
    event.listen(engine, "before_cursor_execute", hear)
    try:
        with newsroom.database.reading() as session:
            question(session)  # type: ignore[operator]
    finally:
        event.remove(engine, "before_cursor_execute", hear)
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    found = []
    with engine.connect() as connection:
        for statement, parameters in asked:
            if statement.lstrip().upper().startswith("SELECT"):
                answer = connection.exec_driver_sql(explain + statement, parameters)
                found.append("\n".join(str(row) for row in answer))
    return found
