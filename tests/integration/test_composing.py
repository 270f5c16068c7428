"""What is new becomes one issue, whoever asks, however often and at whatever moment."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEvent
from newsletter.articles.editing import add_article, withdraw
from newsletter.articles.models import Placement
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.delivery.models import DeliveryStatus
from newsletter.issues import archive, digest, dispatch, editing, queries, refresh, schedule, status
from newsletter.issues import freeze as freezing
from newsletter.issues.contents import blocks_of
from newsletter.issues.models import DigestRun, Issue, IssueArticle, IssueStatus, Trigger, Variant
from newsletter.issues.selection.rules import DEFAULT
from newsletter.newsletters import schedules
from newsletter.newsletters.editing import change_newsletter, values_of
from newsletter.newsletters.models import Newsletter, Schedule
from tests.support.books import audited
from tests.support.newsroom import Newsroom, draft


def held(newsroom: Newsroom, issue: Issue) -> list[int]:
    with newsroom.database.reading() as session:
        return editing.article_ids(session, issue.id)


def brought(newsroom: Newsroom, issue: Issue) -> list[int]:
    """What the one delivery of an issue brought."""
    (delivery,) = newsroom.deliveries(issue).values()
    with newsroom.database.reading() as session:
        return session.get_one(Variant, delivery.variant_id).articles


def all_issues(newsroom: Newsroom) -> list[Issue]:
    with newsroom.database.reading() as session:
        return queries.page(session)


def edit(newsroom: Newsroom, verb: Callable[..., object], issue: Issue, *values: object, **named: object) -> None:
    with newsroom.database.unit() as session:
        verb(session, session.get_one(Issue, issue.id), *values, actor="test", now=newsroom.now, **named)


def test_nothing_new_makes_no_issue(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    assert newsroom.compose(gazette) is None
    newsroom.draft_issue(gazette)
    newsroom.pass_time(minutes=5)
    assert newsroom.compose(gazette) is None
    assert len(all_issues(newsroom)) == 1


def test_what_is_new_becomes_a_numbered_draft_with_the_latest_published_first(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    old = newsroom.article(gazette, "Ancien", published_at=newsroom.now - timedelta(days=2))
    fresh = newsroom.article(gazette, "Récent", published_at=newsroom.now - timedelta(hours=2))
    undated = newsroom.article(gazette, "Sans date")
    first = newsroom.draft_issue(gazette)
    assert (first.number, first.status) == (1, IssueStatus.DRAFT)
    assert held(newsroom, first) == [undated.id, fresh.id, old.id]
    newsroom.pass_time(minutes=2)
    newsroom.article(gazette, "Encore")
    assert newsroom.draft_issue(gazette).number == 2


def test_an_article_committed_late_with_an_earlier_time_is_not_lost(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.draft_issue(gazette)
    newsroom.pass_time(hours=1)
    late = newsroom.article(gazette, "En retard", placed_at=newsroom.now - timedelta(hours=3))
    issue = newsroom.compose(gazette)
    assert issue is not None
    assert held(newsroom, issue) == [late.id]


def test_an_article_placed_at_the_cut_off_belongs_to_the_next_window(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.article(gazette, placed_at=newsroom.now)
    assert newsroom.compose(gazette) is None
    newsroom.pass_time(seconds=1)
    assert newsroom.compose(gazette) is not None


def test_no_issue_holds_more_than_a_reader_can_take_and_the_rest_comes_next(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    everything = [newsroom.article(gazette, f"Nouvelle {number}").id for number in range(DEFAULT.max_items + 1)]
    newsroom.reader(gazette, "ama@poste.example")
    first = newsroom.outgoing(gazette)
    newsroom.pass_time(minutes=1)
    second = newsroom.outgoing(gazette)
    assert brought(newsroom, first) == everything[:-1]
    assert brought(newsroom, second) == everything[-1:]


def test_each_window_begins_where_the_last_one_ended(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    for _ in range(3):
        newsroom.pass_time(hours=6)
        newsroom.article(gazette, f"Nouvelle de {newsroom.now}")
        newsroom.compose(gazette)
    with newsroom.database.reading() as session:
        runs = session.scalars(select(DigestRun).order_by(DigestRun.id)).all()
    assert runs[0].window_start == gazette.created_at
    assert [run.window_start for run in runs[1:]] == [run.cut_off for run in runs[:-1]]


def test_two_calls_at_one_moment_make_one_issue(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    articles = {newsroom.article(gazette, f"Nouvelle {number}").id for number in range(3)}
    together = threading.Barrier(4)
    made: list[Issue | None] = []

    def compose() -> None:
        together.wait()
        made.append(newsroom.compose(gazette))

    threads = [threading.Thread(target=compose) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (issue,) = [item for item in made if item is not None]
    assert len(made) == 4
    assert set(held(newsroom, issue)) == articles
    assert len(all_issues(newsroom)) == 1


def test_an_hour_that_a_later_issue_has_covered_makes_no_issue_and_blocks_no_later_one(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    dropped = newsroom.article(gazette, "Laissé")
    newsroom.article(gazette, "Gardé")
    issue = newsroom.draft_issue(gazette)
    edit(newsroom, editing.drop, issue, dropped.id)
    for _ in range(2):
        with newsroom.database.unit() as session:
            cut_off = newsroom.now - timedelta(seconds=30)
            digest.compose(
                session, gazette, trigger=Trigger.SCHEDULE, actor="schedule", now=newsroom.now, cut_off=cut_off
            )
        newsroom.pass_time(seconds=1)
        newsroom.article(gazette, f"Plus tard {newsroom.now}", placed_at=newsroom.now - timedelta(minutes=5))
    newsroom.pass_time(days=1)
    following = newsroom.compose(gazette)
    assert following is not None
    assert dropped.id in held(newsroom, following)


def test_a_dropped_article_is_free_for_the_next_issue_and_the_last_one_stays(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    one, two = newsroom.article(gazette, "Un"), newsroom.article(gazette, "Deux")
    issue = newsroom.draft_issue(gazette)
    edit(newsroom, editing.drop, issue, one.id)
    edit(newsroom, editing.drop, issue, one.id)
    with pytest.raises(RefusedError):
        edit(newsroom, editing.drop, issue, two.id)
    assert held(newsroom, issue) == [two.id]
    newsroom.pass_time(minutes=1)
    following = newsroom.draft_issue(gazette)
    assert held(newsroom, following) == [one.id]


def test_cancelling_a_draft_frees_its_articles_and_keeps_its_number(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    articles = {newsroom.article(gazette, f"Nouvelle {number}").id for number in range(3)}
    issue = newsroom.draft_issue(gazette)
    newsroom.act(dispatch.cancel, issue)
    newsroom.pass_time(minutes=1)
    following = newsroom.draft_issue(gazette)
    assert set(held(newsroom, following)) == articles
    assert following.number == 2
    assert newsroom.issue(issue).status is IssueStatus.CANCELLED


def test_articles_move_to_any_place_and_stop_at_the_end(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    a, b, c = (newsroom.article(gazette, f"Nouvelle {number}").id for number in range(3))
    issue = newsroom.draft_issue(gazette)
    assert held(newsroom, issue) == [a, b, c]
    for article, place, order in (
        (c, 2, [a, c, b]),
        (c, 1, [c, a, b]),
        (c, 1, [c, a, b]),
        (b, 99, [c, a, b]),
        (c, 3, [a, b, c]),
    ):
        edit(newsroom, editing.move, issue, article, to=place)
        assert held(newsroom, issue) == order
    with pytest.raises(RefusedError):
        edit(newsroom, editing.move, issue, a, to=0)
    with pytest.raises(RefusedError):
        edit(newsroom, editing.move, issue, 999_999, to=1)


def test_an_editors_words_are_kept_and_too_many_are_refused(newsroom: Newsroom) -> None:
    issue = newsroom.draft_issue(newsroom.newsletter())
    edit(newsroom, editing.change_text, issue, subject=" À la\r\nune ", introduction=" Bonjour. ")
    found = newsroom.issue(issue)
    assert (found.subject, found.introduction) == ("À la une", "Bonjour.")
    for words in ({"subject": "x" * 201, "introduction": ""}, {"subject": "", "introduction": "x" * 4001}):
        with pytest.raises(RefusedError):
            edit(newsroom, editing.change_text, issue, **words)


def test_what_is_being_sent_cannot_change(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.article(gazette, "Un")
    article = newsroom.article(gazette, "Deux")
    issue = newsroom.outgoing(gazette, "ama@poste.example")
    for verb, values in (
        (editing.drop, (article.id,)),
        (partial(editing.move, to=1), (article.id,)),
        (editing.add, (article.id,)),
        (partial(editing.change_text, subject="x", introduction=""), ()),
        (refresh.refresh, ()),
    ):
        with pytest.raises(RefusedError):
            edit(newsroom, verb, issue, *values)


def test_composing_leaves_a_record(newsroom: Newsroom) -> None:
    issue = newsroom.draft_issue(newsroom.newsletter())
    with newsroom.database.reading() as session:
        found = session.scalars(select(AuditEvent).where(AuditEvent.subject_id == issue.id)).one()
    assert (found.action, found.details) == ("issue.composed", {"articles": 1, "trigger": "command"})


# What may become of an issue


@pytest.mark.parametrize("start", list(IssueStatus))
def test_an_issue_only_goes_where_the_table_says(start: IssueStatus) -> None:
    for target in IssueStatus:
        issue = Issue(status=start)
        if target in status.TRANSITIONS[start]:
            status.move(issue, target)
            assert issue.status is target
        else:
            with pytest.raises(RefusedError):
                status.move(issue, target)
            assert issue.status is start


def test_what_has_ended_stays_ended() -> None:
    assert status.TRANSITIONS[IssueStatus.SENT] == status.TRANSITIONS[IssueStatus.CANCELLED] == frozenset()
    assert set(status.TRANSITIONS) == set(IssueStatus)


def test_sending_twice_freezes_once(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    issue = newsroom.outgoing(gazette, "ama@poste.example")
    with pytest.raises(RefusedError):
        newsroom.freeze(issue)
    with newsroom.database.unit() as session:
        assert freezing.freeze(session, issue.id, newsroom.here.links, now=newsroom.now) is None
    assert len(newsroom.deliveries(issue)) == 1


def test_two_freezes_at_one_moment_make_one_set_of_deliveries(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    for number in range(5):
        newsroom.reader(gazette, f"reader{number}@poste.example")
    issue = newsroom.draft_issue(gazette)
    with newsroom.database.unit() as session:
        dispatch.send(session, session.get_one(Issue, issue.id), actor="test", now=newsroom.now)
    together = threading.Barrier(3)
    answers: list[int | None] = []

    def freeze() -> None:
        together.wait()
        with newsroom.database.unit() as session:
            answers.append(freezing.freeze(session, issue.id, newsroom.here.links, now=newsroom.now))

    threads = [threading.Thread(target=freeze) for _ in range(3)]
    with audited(newsroom.database):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(answers, key=str) == [5, None, None]
    assert len(newsroom.deliveries(issue)) == 5


def test_an_issue_whose_freeze_was_lost_is_found(newsroom: Newsroom) -> None:
    issue = newsroom.draft_issue(newsroom.newsletter())
    with newsroom.database.unit() as session:
        dispatch.send(session, session.get_one(Issue, issue.id), actor="test", now=newsroom.now)
    with newsroom.database.reading() as session:
        assert dispatch.not_frozen(session) == [issue.id]
    with newsroom.database.unit() as session:
        freezing.freeze(session, issue.id, newsroom.here.links, now=newsroom.now)
        assert dispatch.not_frozen(session) == []


def test_an_issue_without_readers_is_sent_at_once(newsroom: Newsroom) -> None:
    issue = newsroom.draft_issue(newsroom.newsletter())
    assert newsroom.freeze(issue) == 0
    assert newsroom.issue(issue).status is IssueStatus.SENT


def test_each_reader_gets_the_translation_of_their_language(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    original = newsroom.article(gazette, "Le pont rouvre")
    newsroom.article(gazette, "The bridge reopens", language="en", translation_of=original.id)
    newsroom.article(gazette, "La gare attend")
    newsroom.reader(gazette, "ama@poste.example")
    newsroom.reader(gazette, "john@poste.example", language="en")
    newsroom.reader(gazette, "greta@poste.example", language="de")
    issue = newsroom.outgoing(gazette)
    with newsroom.database.reading() as session:
        variants = {variant.id: variant for variant in session.scalars(select(Variant))}
        english = archive.read(session, gazette.id, 1, language="en")
        texts = {item.language: "".join(block.text for block in blocks_of(session, item)) for item in variants.values()}
    chosen = {email: variants[row.variant_id].language for email, row in newsroom.deliveries(issue).items()}
    assert chosen == {"ama@poste.example": "fr", "john@poste.example": "en", "greta@poste.example": "fr"}
    assert "Le pont rouvre" in texts["fr"]
    assert "bridge" not in texts["fr"]
    assert "The bridge reopens" in texts["en"]
    assert "La gare attend" in texts["en"]
    assert "bridge" in english.subject


def test_a_draft_and_a_cancelled_issue_are_not_in_the_archive(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    issue = newsroom.draft_issue(gazette)
    with newsroom.database.reading() as session:
        assert archive.latest(session, gazette.id) is None
        with pytest.raises(NotFoundError):
            archive.read(session, gazette.id, 1, language="fr")
    newsroom.freeze(issue)
    with newsroom.database.reading() as session:
        found = archive.latest(session, gazette.id)
    assert found is not None
    assert (found.number, found.headlines) == (1, ["Le pont rouvre"])


# The schedule


def on_schedule(newsroom: Newsroom, schedule_: str, zone: str = "Africa/Lome") -> Newsletter:
    newsletter = newsroom.newsletter(timezone=zone)
    with newsroom.database.unit() as session:
        found = session.get_one(Newsletter, newsletter.id)
        values = values_of(session, found)
        changed = type(values)(**{name: getattr(values, name) for name in values.__slots__} | {"schedule": schedule_})
        change_newsletter(session, found, changed, now=newsroom.now, vault=newsroom.here.vault)
    return newsletter


def run(newsroom: Newsroom, newsletter: Newsletter) -> Issue | None:
    """What the worker does: look which cadences are due, and run each."""
    with newsroom.database.reading() as session:
        due = schedules.due(session, now=newsroom.now)
    made = None
    for schedule_id in due:
        with newsroom.database.unit() as session:
            if session.get_one(Schedule, schedule_id).newsletter_id == newsletter.id:
                made = schedule.run_due(session, schedule_id, now=newsroom.now) or made
    return made


def test_an_hour_that_has_come_sends_one_issue_however_often_it_is_asked(newsroom: Newsroom) -> None:
    gazette = on_schedule(newsroom, "30 18 * * *")
    newsroom.article(gazette)
    newsroom.now = datetime(2026, 3, 2, 18, 29, 59, tzinfo=UTC)
    assert run(newsroom, gazette) is None
    newsroom.pass_time(seconds=1)
    issue = run(newsroom, gazette)
    assert issue is not None
    assert (issue.status, issue.cut_off, issue.created_by) == (IssueStatus.SENDING, newsroom.now, "schedule")
    newsroom.article(gazette, "Juste après", placed_at=newsroom.now - timedelta(hours=1))
    for _ in range(3):
        newsroom.pass_time(seconds=10)
        assert run(newsroom, gazette) is None
    newsroom.pass_time(days=1)
    assert run(newsroom, gazette) is not None


def test_workers_that_ask_at_one_moment_make_one_issue(newsroom: Newsroom) -> None:
    gazette = on_schedule(newsroom, "30 18 * * *")
    newsroom.article(gazette)
    newsroom.now = datetime(2026, 3, 2, 18, 30, tzinfo=UTC)
    together = threading.Barrier(3)
    made: list[Issue | None] = []

    def ask() -> None:
        together.wait()
        made.append(run(newsroom, gazette))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([issue for issue in made if issue is not None]) == 1
    assert len(made) == 3


def test_an_hour_with_nothing_new_is_over_all_the_same(newsroom: Newsroom) -> None:
    gazette = on_schedule(newsroom, "30 18 * * *")
    newsroom.now = datetime(2026, 3, 2, 18, 30, tzinfo=UTC)
    assert run(newsroom, gazette) is None
    newsroom.article(gazette, placed_at=newsroom.now - timedelta(minutes=1))
    newsroom.pass_time(minutes=5)
    assert run(newsroom, gazette) is None


@pytest.mark.parametrize(("late", "sent"), [(timedelta(hours=12), True), (timedelta(hours=12, seconds=1), False)])
def test_a_missed_hour_is_caught_up_for_twelve_hours(newsroom: Newsroom, late: timedelta, sent: bool) -> None:
    gazette = on_schedule(newsroom, "30 18 * * *")
    newsroom.article(gazette)
    newsroom.now = datetime(2026, 3, 2, 18, 30, tzinfo=UTC) + late
    assert (run(newsroom, gazette) is not None) is sent
    assert run(newsroom, gazette) is None


def test_several_missed_hours_make_one_issue(newsroom: Newsroom) -> None:
    gazette = on_schedule(newsroom, "0 * * * *")
    newsroom.article(gazette)
    newsroom.now = datetime(2026, 3, 2, 17, 20, tzinfo=UTC)
    issue = run(newsroom, gazette)
    assert issue is not None
    assert issue.cut_off == datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
    assert run(newsroom, gazette) is None


def test_a_new_schedule_does_not_catch_up_hours_before_it(newsroom: Newsroom) -> None:
    newsroom.now = datetime(2026, 3, 2, 19, 0, tzinfo=UTC)
    gazette = on_schedule(newsroom, "30 18 * * *")
    newsroom.article(gazette)
    assert run(newsroom, gazette) is None


def test_a_newsletter_without_a_schedule_sends_nothing_by_itself(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.article(gazette)
    assert run(newsroom, gazette) is None
    with newsroom.database.reading() as session:
        assert schedules.due(session, now=newsroom.now) == []


@pytest.mark.parametrize(
    ("cron", "eve", "expected"),
    [
        # Paris, 29 March 2026: 2:30 does not exist. 25 October: 2:30 comes twice.
        ("30 2 * * *", datetime(2026, 3, 28, 12, tzinfo=UTC), ["2026-03-29T01:00", "2026-03-30T00:30"]),
        ("30 2 * * *", datetime(2026, 10, 24, 12, tzinfo=UTC), ["2026-10-25T00:30", "2026-10-26T01:30"]),
        ("0 8 * * *", datetime(2026, 3, 28, 12, tzinfo=UTC), ["2026-03-29T06:00", "2026-03-30T06:00"]),
    ],
    ids=["skipped hour", "doubled hour", "usual hour"],
)
def test_daylight_saving_neither_skips_nor_doubles_a_digest(
    newsroom: Newsroom, cron: str, eve: datetime, expected: list[str]
) -> None:
    newsroom.now = eve
    gazette = on_schedule(newsroom, cron, "Europe/Paris")
    newsroom.article(gazette, "La veille")
    with newsroom.database.reading() as session:
        told = schedule.departures(session, session.get_one(Newsletter, gazette.id), now=eve, count=2)
        upcoming = [departure.at for departure in told]
    sent: list[Issue] = []
    while len(sent) < 2 and newsroom.now < eve + timedelta(days=3):
        newsroom.pass_time(minutes=30)
        if (issue := run(newsroom, gazette)) is not None:
            sent.append(issue)
            newsroom.article(gazette, "Le lendemain")
    assert [f"{moment:%Y-%m-%dT%H:%M}" for moment in upcoming] == expected
    assert [issue.cut_off for issue in sent] == upcoming


def test_progress_adds_up(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    draft = newsroom.draft_issue(gazette)
    with newsroom.database.reading() as session:
        before = queries.progress(session, draft.id)
    assert (before.status, before.audience, before.done) == (IssueStatus.DRAFT, None, 0)
    newsroom.reader(gazette, "ama@poste.example")
    newsroom.freeze(draft)
    with newsroom.database.reading() as session:
        after = queries.progress(session, draft.id)
    assert (after.status, after.audience) == (IssueStatus.SENDING, 1)
    assert after.counts == dict.fromkeys(DeliveryStatus, 0) | {DeliveryStatus.QUEUED: 1}


def test_an_article_under_embargo_comes_in_when_that_ends_however_late(newsroom: Newsroom) -> None:
    gazette = on_schedule(newsroom, "30 18 * * *")
    article = newsroom.article(gazette, "Sous embargo")
    with newsroom.database.unit() as session:
        placement = session.get_one(Placement, (article.id, gazette.id))
        placement.embargo_until = newsroom.now + timedelta(days=5)
    sent = []
    for day in range(8):
        newsroom.now = datetime(2026, 3, 2 + day, 18, 30, tzinfo=UTC)
        newsroom.article(gazette, f"Jour {day}", placed_at=newsroom.now - timedelta(hours=1))
        sent.append(run(newsroom, gazette))
    with newsroom.database.reading() as session:
        query = select(IssueArticle.issue_id).where(IssueArticle.article_id == article.id)
        assert session.scalars(query).all() == [sent[5].id if sent[5] else 0]


def test_what_an_editor_withdrew_comes_back_by_an_editor_only_and_as_new(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    given = draft("Retiré", url="https://gazette.example/retire")
    article = newsroom.article(gazette, "Retiré", url="https://gazette.example/retire")
    with newsroom.database.unit() as session:
        withdraw(session, article.id, gazette.id, actor="ama@desk", now=newsroom.now)
    newsroom.pass_time(days=9)

    def offer(feed_id: int | None) -> bool:
        with newsroom.database.unit() as session:
            return add_article(
                session, given, newsletter_id=gazette.id, topic_id=None, now=newsroom.now, feed_id=feed_id
            )[1]

    assert offer(feed_id=7) is False
    newsroom.pass_time(minutes=1)
    assert newsroom.compose(gazette) is None
    assert offer(feed_id=None) is True
    newsroom.pass_time(minutes=1)
    issue = newsroom.compose(gazette)
    assert issue is not None
