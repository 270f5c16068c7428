"""Several rhythms of one newsletter: each with its own hours, windows and readers; hours that were missed; clocks that
were wrong.
"""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from newsletter.articles.models import Placement
from newsletter.core.errors import RefusedError
from newsletter.issues import digest, runs, schedule
from newsletter.issues import freeze as freezing
from newsletter.issues.models import DigestRun, Issue, IssueArticle, IssueStatus, RunOutcome, Trigger
from newsletter.newsletters import cadences, schedules
from newsletter.newsletters.cadences import ScheduleValues
from newsletter.newsletters.editing import change_newsletter, values_of
from newsletter.newsletters.models import Newsletter, Schedule
from newsletter.newsletters.wording import ValuesError
from newsletter.subscriptions import choices, wishes
from newsletter.subscriptions.models import Subscription
from tests.support.newsroom import Newsroom

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
A_DAY = timedelta(days=1)
BY = {"actor": "akouvi@gazette.example"}


@pytest.fixture
def gazette(newsroom: Newsroom) -> Newsletter:
    newsroom.now = MONDAY
    return newsroom.newsletter(timezone="Africa/Lome")


def add(newsroom: Newsroom, newsletter: Newsletter, rule: str, name: str = "Chaque soir", **more: Any) -> Schedule:
    with newsroom.database.unit() as session:
        found = session.get_one(Newsletter, newsletter.id)
        values = ScheduleValues(name=name, rule=rule, **more)
        return cadences.create(session, found, values, now=newsroom.now, **BY)


def change(newsroom: Newsroom, made: Schedule, **changes: Any) -> Schedule:
    with newsroom.database.unit() as session:
        found = session.get_one(Schedule, made.id)
        newsletter = session.get_one(Newsletter, found.newsletter_id)
        values = replace(cadences.values_of(found), **changes)
        cadences.change(session, newsletter, found, values, now=newsroom.now, **BY)
        return found


def turn(newsroom: Newsroom, made: Schedule, verb: Any) -> Schedule:
    with newsroom.database.unit() as session:
        found = session.get_one(Schedule, made.id)
        verb(session, session.get_one(Newsletter, found.newsletter_id), found, now=newsroom.now, **BY)
        return found


def remove(newsroom: Newsroom, made: Schedule) -> None:
    with newsroom.database.unit() as session:
        cadences.remove(session, session.get_one(Schedule, made.id), now=newsroom.now, **BY)


def sweep(newsroom: Newsroom, at: datetime | None = None) -> list[Issue]:
    """What a worker does every few seconds."""
    newsroom.now = at or newsroom.now
    with newsroom.database.reading() as session:
        due = schedules.due(session, now=newsroom.now)
    made = []
    for schedule_id in due:
        with newsroom.database.unit() as session:
            made.append(schedule.run_due(session, schedule_id, now=newsroom.now))
    return [issue for issue in made if issue is not None]


def frozen(newsroom: Newsroom, issue: Issue) -> int | None:
    """How many readers it is for."""
    with newsroom.database.unit() as session:
        return freezing.freeze(session, issue.id, newsroom.here.links, now=newsroom.now)


def articles_of(newsroom: Newsroom, issue: Issue) -> list[int]:
    with newsroom.database.reading() as session:
        query = select(IssueArticle.article_id).where(IssueArticle.issue_id == issue.id).order_by(IssueArticle.position)
        return list(session.scalars(query))


def history(newsroom: Newsroom, newsletter: Newsletter) -> list[tuple[str, RunOutcome, str]]:
    """(hour, outcome, words), the earliest first."""
    with newsroom.database.reading() as session:
        found = runs.page(session, newsletter.id, limit=200)
    return [(f"{run.due_at:%d %H:%M}" if run.due_at else "hand", run.outcome, run.words) for run in reversed(found)]


def test_each_rhythm_brings_what_is_new_to_it(newsroom: Newsroom, gazette: Newsletter) -> None:
    evening = add(newsroom, gazette, "30 18 * * *")
    weekly = add(newsroom, gazette, "FREQ=WEEKLY;BYDAY=TH;BYHOUR=9", "Le jeudi")
    stories = []
    for day in range(3):
        stories.append(newsroom.article(gazette, f"Jour {day}", placed_at=MONDAY + day * A_DAY).id)
        (daily,) = sweep(newsroom, MONDAY.replace(hour=18, minute=30) + day * A_DAY)
        assert (daily.schedule_id, articles_of(newsroom, daily)) == (evening.id, stories[-1:])
    (week,) = sweep(newsroom, datetime(2026, 3, 5, 9, tzinfo=UTC))
    assert week.schedule_id == weekly.id
    assert sorted(articles_of(newsroom, week)) == stories
    assert [issue.number for issue in (week,)] == [4]


def test_two_rhythms_due_at_one_moment_make_an_issue_each(newsroom: Newsroom, gazette: Newsletter) -> None:
    made = [add(newsroom, gazette, "30 18 * * *", name) for name in ("Un", "Deux")]
    newsroom.article(gazette)
    newsroom.now = MONDAY.replace(hour=18, minute=30)
    together = threading.Barrier(6)
    found: list[Issue | None] = []

    def ask(schedule_id: int) -> None:
        together.wait()
        with newsroom.database.unit() as session:
            found.append(schedule.run_due(session, schedule_id, now=newsroom.now))

    threads = [threading.Thread(target=ask, args=(item.id,)) for item in made for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    issues = [issue for issue in found if issue is not None]
    assert len(found) == 6
    assert {issue.schedule_id for issue in issues} == {item.id for item in made}
    assert sorted(issue.number for issue in issues) == [1, 2]


def test_a_digest_is_composed_before_it_leaves(newsroom: Newsroom, gazette: Newsletter) -> None:
    made = add(newsroom, gazette, "30 18 * * *", lead_minutes=60)
    assert made.next_due_at == MONDAY.replace(hour=18, minute=30)
    assert made.next_cut_off_at == MONDAY.replace(hour=17, minute=30)
    early = newsroom.article(gazette, "À temps", placed_at=MONDAY)
    newsroom.article(gazette, "Trop tard", placed_at=MONDAY.replace(hour=17, minute=30))
    assert sweep(newsroom, MONDAY.replace(hour=17, minute=29)) == []
    (issue,) = sweep(newsroom, MONDAY.replace(hour=17, minute=31))
    assert (issue.status, issue.send_at) == (IssueStatus.SCHEDULED, MONDAY.replace(hour=18, minute=30))
    assert articles_of(newsroom, issue) == [early.id]
    assert sweep(newsroom, MONDAY.replace(hour=18, minute=31)) == []


# Hours that were missed


def test_of_missed_hours_the_last_is_made_up_for_and_each_is_on_record(newsroom: Newsroom, gazette: Newsletter) -> None:
    add(newsroom, gazette, "0 */2 * * *")
    article = newsroom.article(gazette)
    (issue,) = sweep(newsroom, MONDAY + timedelta(hours=6, minutes=5))
    assert articles_of(newsroom, issue) == [article.id]
    told = history(newsroom, gazette)
    assert [(hour, outcome) for hour, outcome, _words in told] == [
        ("02 14:00", RunOutcome.MISSED),
        ("02 16:00", RunOutcome.MISSED),
        ("02 18:00", RunOutcome.ISSUE),
    ]
    assert "next hour" in told[0][2]


@pytest.mark.parametrize(("late", "sent"), [(3 * HOUR, True), (3 * HOUR + timedelta(seconds=1), False)])
def test_each_rhythm_says_how_late_is_too_late(
    newsroom: Newsroom, gazette: Newsletter, late: timedelta, sent: bool
) -> None:
    made = add(newsroom, gazette, "30 18 * * *", catch_up_minutes=180)
    article = newsroom.article(gazette)
    found = sweep(newsroom, MONDAY.replace(hour=18, minute=30) + late)
    assert (len(found) == 1) is sent
    if not sent:
        ((_hour, outcome, words),) = history(newsroom, gazette)
        assert outcome is RunOutcome.MISSED
        assert "too late" in words
        # Nothing of it is lost: the next one has it.
        (next_,) = sweep(newsroom, MONDAY.replace(hour=18, minute=30) + A_DAY)
        assert articles_of(newsroom, next_) == [article.id]
    with newsroom.database.reading() as session:
        assert session.get_one(Schedule, made.id).next_due_at > newsroom.now


def test_an_outage_of_months_is_told_by_its_last_hundred_hours(newsroom: Newsroom, gazette: Newsletter) -> None:
    add(newsroom, gazette, "0 * * * *")
    article = newsroom.article(gazette)
    (issue,) = sweep(newsroom, MONDAY + timedelta(days=90, minutes=1))
    assert articles_of(newsroom, issue) == [article.id]
    assert len(history(newsroom, gazette)) == 101


def test_an_hour_whose_articles_were_sent_by_hand_before_it_is_told_as_such(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    made = schedules_main(newsroom, gazette, "30 18 * * *")
    newsroom.article(gazette)
    newsroom.now = MONDAY.replace(hour=18, minute=35)  # the worker is late, an editor is not
    assert newsroom.compose(gazette) is not None
    assert sweep(newsroom) == []
    assert history(newsroom, gazette)[-1][0::2] == (
        "02 18:30",
        "Nothing to do: what was new had been composed by hand before",
    )
    with newsroom.database.reading() as session:
        assert session.get_one(Schedule, made.id).next_due_at == MONDAY.replace(hour=18, minute=30) + A_DAY


def schedules_main(newsroom: Newsroom, newsletter: Newsletter, rule: str) -> Schedule:
    with newsroom.database.reading() as session:
        main = schedules.main_of(session, newsletter.id)
    return change(newsroom, main, rule=rule)


# Days off, pauses, changes


def test_nothing_leaves_on_days_that_are_left_out(newsroom: Newsroom, gazette: Newsletter) -> None:
    add(newsroom, gazette, "30 18 * * *", skipped=("2026-03-03",))
    newsroom.article(gazette)
    assert len(sweep(newsroom, MONDAY.replace(hour=18, minute=30))) == 1
    article = newsroom.article(gazette, "Mardi", placed_at=newsroom.now + HOUR)
    assert sweep(newsroom, MONDAY.replace(hour=19) + A_DAY) == []
    (issue,) = sweep(newsroom, MONDAY.replace(hour=18, minute=30) + 2 * A_DAY)
    assert articles_of(newsroom, issue) == [article.id]


def test_a_paused_rhythm_rests_and_goes_on_with_the_next_hour(newsroom: Newsroom, gazette: Newsletter) -> None:
    made = add(newsroom, gazette, "30 18 * * *")
    assert turn(newsroom, made, cadences.pause).next_due_at is None
    article = newsroom.article(gazette)
    assert sweep(newsroom, MONDAY + A_DAY) == []
    resumed = turn(newsroom, made, cadences.resume)
    assert resumed.next_due_at == MONDAY.replace(hour=18, minute=30) + A_DAY
    assert sweep(newsroom) == []
    (issue,) = sweep(newsroom, MONDAY.replace(hour=18, minute=30) + A_DAY)
    assert articles_of(newsroom, issue) == [article.id]
    assert [hour for hour, *_rest in history(newsroom, gazette)] == ["03 18:30"]


def test_a_rule_that_is_changed_makes_up_for_nothing_before_it(newsroom: Newsroom, gazette: Newsletter) -> None:
    made = add(newsroom, gazette, "30 18 * * *")
    newsroom.article(gazette)
    newsroom.now = MONDAY.replace(hour=18, minute=20)
    change(newsroom, made, rule="0 18 * * *")
    assert sweep(newsroom) == []
    assert len(sweep(newsroom, MONDAY.replace(hour=18) + A_DAY)) == 1


def test_a_rhythm_that_has_ended_can_still_be_renamed(newsroom: Newsroom, gazette: Newsletter) -> None:
    made = add(newsroom, gazette, "30 18 * * *", ends_at=MONDAY + A_DAY)
    newsroom.now = MONDAY + 30 * A_DAY
    assert change(newsroom, made, name="Autrefois").name == "Autrefois"
    with pytest.raises(ValuesError) as refused:
        change(newsroom, made, rule="31 18 * * *")
    assert set(refused.value.fields) == {"rule"}


def test_the_newsletter_s_time_zone_moves_the_rhythms_that_have_none(newsroom: Newsroom, gazette: Newsletter) -> None:
    ours = add(newsroom, gazette, "30 18 * * *")
    theirs = add(newsroom, gazette, "30 18 * * *", "Paris", timezone="Europe/Paris")
    with newsroom.database.unit() as session:
        found = session.get_one(Newsletter, gazette.id)
        values = replace(values_of(session, found), timezone="Asia/Tokyo")
        change_newsletter(session, found, values, now=newsroom.now, vault=newsroom.here.vault)
    with newsroom.database.reading() as session:
        due = [session.get_one(Schedule, item.id).next_due_at for item in (ours, theirs)]
    assert due == [datetime(2026, 3, 3, 9, 30, tzinfo=UTC), datetime(2026, 3, 2, 17, 30, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "Soir\r\nBcc: x"}, "name"),
        ({"rule": ""}, "rule"),
        ({"rule": "* * * * *"}, "rule"),
        ({"slug": "Le Soir"}, "slug"),
        ({"slug": "main"}, "slug"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"skipped": ("Noël",)}, "skipped"),
        ({"holidays": "XX"}, "holidays"),
        ({"quiet": "22"}, "quiet"),
        ({"lead_minutes": -1}, "lead_minutes"),
        ({"lead_minutes": 10_081}, "lead_minutes"),
        ({"catch_up_minutes": 10**9}, "catch_up_minutes"),
        ({"carry": 11}, "carry"),
        ({"starts_at": MONDAY + A_DAY, "ends_at": MONDAY}, "ends_at"),
    ],
)
def test_what_makes_no_sense_is_named_by_field(
    newsroom: Newsroom, gazette: Newsletter, given: dict[str, Any], field: str
) -> None:
    values = {"name": "Soir", "rule": "30 18 * * *"} | given
    with pytest.raises(ValuesError) as refused:
        add(newsroom, gazette, **values)
    assert set(refused.value.fields) == {field}
    with newsroom.database.reading() as session:
        assert len(schedules.of_newsletter(session, gazette.id)) == 1


# Removed


def test_readers_of_a_rhythm_that_is_removed_get_the_main_one(newsroom: Newsroom, gazette: Newsletter) -> None:
    schedules_main(newsroom, gazette, "30 18 * * *")
    weekly = add(newsroom, gazette, "0 9 * * 4", "Le jeudi")
    ama = newsroom.reader(gazette, "ama@poste.example")
    with newsroom.database.unit() as session:
        found = session.get_one(Subscription, ama.id)
        choices.set_cadence(session, found, session.get_one(Schedule, weekly.id), now=newsroom.now)
    newsroom.article(gazette)
    (issue,) = sweep(newsroom, MONDAY.replace(hour=18, minute=30))
    assert frozen(newsroom, issue) == 0
    newsroom.article(gazette, "Demain", placed_at=newsroom.now + HOUR)
    remove(newsroom, weekly)
    (issue,) = sweep(newsroom, MONDAY.replace(hour=18, minute=30) + A_DAY)
    assert frozen(newsroom, issue) == 1
    with newsroom.database.reading() as session:
        reader = session.get_one(Subscription, ama.id)
        assert choices.cadence_of(session, reader).slug == schedules.MAIN
        newsletter = session.get_one(Newsletter, gazette.id)
        assert [item.slug for item in wishes.options(session, newsletter).cadences] == [schedules.MAIN]
        with pytest.raises(RefusedError, match="gone"):
            wishes.check_cadence(session, newsletter, weekly.id)
    # Its short name is free again, and its past stays on record.
    again = add(newsroom, gazette, "0 9 * * 4", "Le jeudi")
    assert again.slug == weekly.slug
    newsroom.article(gazette, "Mercredi", placed_at=newsroom.now + HOUR)
    assert [issue.schedule_id for issue in sweep(newsroom, MONDAY + 3 * A_DAY)] == [again.id]


def test_the_main_rhythm_stays(newsroom: Newsroom, gazette: Newsletter) -> None:
    main = schedules_main(newsroom, gazette, "30 18 * * *")
    with pytest.raises(RefusedError, match="by hand"):
        remove(newsroom, main)
    assert change(newsroom, main, rule="").next_due_at is None


# Clocks that were wrong


def test_a_clock_that_was_years_ahead_stops_no_digest_and_loses_no_article(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    made = add(newsroom, gazette, "30 18 * * *")
    first = newsroom.article(gazette, "Avant", placed_at=MONDAY)
    wrong = datetime(2031, 6, 1, 18, 31, tzinfo=UTC)
    (early,) = sweep(newsroom, wrong)
    assert articles_of(newsroom, early) == [first.id]
    strange = newsroom.article(gazette, "Venu de 2031", placed_at=wrong + HOUR)
    during = newsroom.article(gazette, "Pendant", placed_at=MONDAY + HOUR)
    # The clock goes right again.
    newsroom.now = MONDAY + 2 * HOUR
    assert sweep(newsroom) == []
    with newsroom.database.reading() as session:
        assert session.get_one(Schedule, made.id).next_due_at == MONDAY.replace(hour=18, minute=30)
    (issue,) = sweep(newsroom, MONDAY.replace(hour=18, minute=30))
    assert articles_of(newsroom, issue) == [during.id]
    with newsroom.database.reading() as session:
        placed = session.scalars(select(Placement.placed_at).where(Placement.article_id == strange.id)).one()
        ends = list(session.scalars(select(DigestRun.cut_off).order_by(DigestRun.cut_off)))
    assert placed == newsroom.now
    assert ends[-1] == newsroom.now
    (next_,) = sweep(newsroom, newsroom.now + A_DAY)
    assert articles_of(newsroom, next_) == [strange.id]


def test_a_clock_that_goes_back_a_day_sends_nothing_twice(newsroom: Newsroom, gazette: Newsletter) -> None:
    add(newsroom, gazette, "30 18 * * *")
    newsroom.article(gazette)
    assert len(sweep(newsroom, MONDAY.replace(hour=18, minute=30))) == 1
    sweep(newsroom, MONDAY.replace(hour=18, minute=29) - A_DAY)
    assert sweep(newsroom, MONDAY.replace(hour=18, minute=30) - A_DAY) == []
    assert sweep(newsroom, MONDAY.replace(hour=18, minute=31)) == []
    article = newsroom.article(gazette, "Mardi", placed_at=newsroom.now + HOUR)
    (issue,) = sweep(newsroom, MONDAY.replace(hour=18, minute=30) + A_DAY)
    assert articles_of(newsroom, issue) == [article.id]


def test_a_clock_that_was_minutes_ahead_does_not_repeat_the_hour(newsroom: Newsroom, gazette: Newsletter) -> None:
    add(newsroom, gazette, "30 18 * * *")
    newsroom.article(gazette)
    assert len(sweep(newsroom, MONDAY.replace(hour=18, minute=31))) == 1
    late = newsroom.article(gazette, "Entre-temps", placed_at=MONDAY.replace(hour=18, minute=10))
    for minute in (11, 30, 45):
        assert sweep(newsroom, MONDAY.replace(hour=18, minute=minute)) == []
    (issue,) = sweep(newsroom, MONDAY.replace(hour=18, minute=30) + A_DAY)
    assert articles_of(newsroom, issue) == [late.id]


def test_the_button_mends_what_a_clock_left_behind_too(newsroom: Newsroom, gazette: Newsletter) -> None:
    newsroom.now = datetime(2031, 1, 1, tzinfo=UTC)
    newsroom.article(gazette, "Avant", placed_at=MONDAY)
    assert newsroom.compose(gazette) is not None
    newsroom.now = MONDAY + HOUR
    article = newsroom.article(gazette, "Après", placed_at=MONDAY + HOUR / 2)
    with newsroom.database.unit() as session:
        found = session.get_one(Newsletter, gazette.id)
        issue = digest.compose(session, found, trigger=Trigger.BUTTON, actor="akouvi", now=newsroom.now)
    assert issue is not None
    assert articles_of(newsroom, issue) == [article.id]


# Told beforehand


def test_the_next_departures_of_all_rhythms_are_told_in_their_order(newsroom: Newsroom, gazette: Newsletter) -> None:
    add(newsroom, gazette, "30 18 * * *", "Soir", skipped=("2026-03-03",))
    add(newsroom, gazette, "0 9 * * 4", "Jeudi")
    paused = add(newsroom, gazette, "0 12 * * *", "Midi")
    turn(newsroom, paused, cadences.pause)
    with newsroom.database.reading() as session:
        found = session.get_one(Newsletter, gazette.id)
        told = schedule.departures(session, found, now=newsroom.now, count=4)
    assert [(f"{item.at:%d %H:%M}", item.cadence, item.left_out) for item in told] == [
        ("02 18:30", "Soir", ""),
        ("03 18:30", "Soir", "skipped"),
        ("04 18:30", "Soir", ""),
        ("05 09:00", "Jeudi", ""),
        ("05 18:30", "Soir", ""),
    ]
