"""What the past weeks would have been: under the rules and hours that were in force, exactly what they were."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from newsletter.articles.models import Article, Placement
from newsletter.core.database import Database
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import use_locale
from newsletter.issues import digest
from newsletter.issues.difference import compare, summary, turn_in_words
from newsletter.issues.editing import article_ids
from newsletter.issues.models import DigestRun, Issue, Judgement, RunOutcome, Trigger
from newsletter.issues.replay import Hour, Replay, own_hours, replay
from newsletter.issues.runs import page
from newsletter.issues.selection.rules import Rules, read_rules
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Newsletter, Schedule
from tests.support.newsroom import NOW, Newsroom, install

DAYS = 16
SLUGS = count(1)
KOFI = {"any": [{"field": "author", "value": "Kofi"}]}
SPORT = {"key": "sport", "title": "Sport", "filter": {"any": [{"field": "author", "value": "Ama"}]}, "count": 2}


@dataclass(frozen=True)
class Story:
    """An article and what happens to it; hours since the first day."""

    placed: float
    story: int = 0
    author: str | None = None
    source: str | None = None
    pin: int | None = None
    reserve: bool = False
    embargo: float | None = None
    expires: float | None = None
    revised: float | None = None
    withdrawn: float | None = None
    title: str = "Nouvelle"

    def __post_init__(self) -> None:
        for name in ("revised", "withdrawn"):
            after = getattr(self, name)
            object.__setattr__(self, name, None if after is None else self.placed + after)


HOURS = st.integers(0, DAYS * 24 * 4 - 1).map(lambda quarter: quarter / 4)
STORIES = st.lists(
    st.builds(
        Story,
        placed=HOURS,
        story=st.integers(0, 12),
        author=st.sampled_from([None, "Ama", "Kofi"]),
        source=st.sampled_from([None, "AFP", "ATOP"]),
        pin=st.sampled_from([None] * 6 + [1, 3]),
        reserve=st.sampled_from([False] * 4 + [True]),
        embargo=st.none() | HOURS,
        expires=st.none() | HOURS,
        revised=st.none() | st.sampled_from([1.0, 12.25, 40.0, 100.5]),
        withdrawn=st.sampled_from([None] * 5 + [0.5, 20.0, 90.0]),
    ),
    min_size=6,
    max_size=40,
)
RULES = st.builds(
    dict,
    max_items=st.integers(1, 6),
    minimum=st.integers(1, 4),
    too_little=st.sampled_from(["skip", "hold", "merge", "top_up"]),
    per_author=st.sampled_from([None, 1, 2]),
    order=st.sampled_from(["newest", "score", "hand"]),
    updated=st.sampled_from(["ignore", "mark", "again"]),
    exclude=st.sampled_from([{}, {"any": [{"field": "source", "value": "atop"}]}]),
    sections=st.sampled_from([[], [SPORT, {"key": "rest", "offset": 1}], [SPORT | {"minimum": 2}]]),
)
RULE = st.sampled_from(["0 18 * * *", "0 8,18 * * *", "30 6 * * 1,4", "0 */5 * * *"])


class Past:
    """A newsletter's last sixteen days, gone through hour by hour."""

    def __init__(self, newsroom: Newsroom, **schedule: Any) -> None:
        self.database = newsroom.database
        self.newsletter = newsroom.newsletter(f"n{next(SLUGS)}")
        self.first = NOW - timedelta(days=DAYS)
        with self.database.unit() as session:
            newsletter, main = self._rows(session)
            newsletter.created_at = main.created_at = self.first
            for name, value in schedule.items():
                setattr(main, name, value)

    def at(self, hours: float | None) -> Any:
        return None if hours is None else self.first + timedelta(hours=hours)

    def rules(self, document: dict[str, Any]) -> Rules:
        with self.database.unit() as session:
            session.get_one(Newsletter, self.newsletter.id).rules = document
        return read_rules(document)

    def live(self, stories: list[Story]) -> None:
        """Compose at every hour, with what had happened by then."""
        ids: dict[Story, int] = {}
        first_of: dict[int, int] = {}
        with self.database.unit() as session:
            newsletter, schedule = self._rows(session)
            for hour in own_hours(session, newsletter, schedule, begin=self.first, until=NOW):
                for story in sorted(stories, key=lambda item: item.placed):
                    if story not in ids and self.at(story.placed) < hour.cut_off:
                        ids[story] = self._add(session, story, first_of)
                for story, article_id in ids.items():
                    self._happen(session, story, article_id, hour)
                session.flush()
                digest.compose(
                    session,
                    newsletter,
                    schedule=schedule,
                    trigger=Trigger.SCHEDULE,
                    actor="schedule",
                    now=hour.cut_off,
                    cut_off=hour.cut_off,
                    due_at=hour.due_at,
                )

    def again(self, rules: Rules, *, weeks: int = 8, rule: str | None = None) -> Replay:
        with self.database.reading() as session:
            newsletter, schedule = self._rows(session)
            hours = own_hours(session, newsletter, schedule, begin=self.first, until=NOW, rule=rule)
            return replay(
                session, newsletter, schedule, rules=rules, timetable=hours if rule else None, weeks=weeks, now=NOW
            )

    def told(self, found: Replay) -> list[Any]:
        """What really came of the runs that a replay looked at."""
        with self.database.reading() as session:
            rows = session.scalars(
                select(DigestRun)
                .where(DigestRun.newsletter_id == self.newsletter.id, DigestRun.cut_off >= found.begin)
                .order_by(DigestRun.cut_off)
            )
            return [(run.due_at, run.cut_off, run.outcome, run.reason, self._judged(session, run)) for run in rows]

    def _judged(self, session: Session, run: DigestRun) -> list[Any]:
        rows = session.scalars(select(Judgement).where(Judgement.run_id == run.id))
        return sorted((row.article_id, row.verdict, row.position, row.section, str(row.reason)) for row in rows)

    def _rows(self, session: Session) -> tuple[Newsletter, Schedule]:
        return session.get_one(Newsletter, self.newsletter.id), schedules.main_of(session, self.newsletter.id)

    def _add(self, session: Session, story: Story, first_of: dict[int, int]) -> int:
        placed_at = self.at(story.placed)
        article = Article(
            language="fr",
            title=story.title,
            summary="",
            body_html="",
            body_text="",
            author=story.author,
            source_name=story.source,
            image_alt="",
            content_hash="",
            first_seen_at=placed_at,
            updated_at=placed_at,
            story_id=first_of.get(story.story) if story.story else None,
        )
        session.add(article)
        session.flush()
        if story.story:
            first_of.setdefault(story.story, article.id)
        session.add(
            Placement(
                article_id=article.id,
                newsletter_id=self.newsletter.id,
                placed_at=placed_at,
                pin=story.pin,
                reserve=story.reserve,
                embargo_until=self.at(story.embargo),
                expires_at=self.at(story.expires),
            )
        )
        return article.id

    def _happen(self, session: Session, story: Story, article_id: int, hour: Hour) -> None:
        revised, withdrawn = self.at(story.revised), self.at(story.withdrawn)
        if revised is not None and revised <= hour.cut_off:
            session.get_one(Article, article_id).revised_at = revised
        if withdrawn is not None and withdrawn <= hour.cut_off:
            session.get_one(Placement, (article_id, self.newsletter.id)).withdrawn_at = withdrawn


@pytest.fixture(scope="module")
def lasting(sqlite_engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """One newsroom for every example: each has a newsletter of its own."""
    return Newsroom(install(Database(sqlite_engine), tmp_path_factory.mktemp("lasting")))


def simulated(found: Replay) -> list[Any]:
    """A replay in the form of `Past.told`."""
    return [
        (
            run.hour.due_at,
            run.hour.cut_off,
            run.outcome,
            run.reason,
            []
            if run.outcome is RunOutcome.MERGED
            else sorted((r.article_id, r.verdict, r.position, r.section, str(dict(r.reason))) for r in run.rulings),
        )
        for run in found.runs
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STORIES, RULES, RULE, st.integers(0, 3), st.sampled_from([0, 20]), st.sampled_from([1, 2, 8]))
def test_a_replay_of_what_was_in_force_is_what_was_composed(
    lasting: Newsroom, stories: list[Story], rules: dict[str, Any], rule: str, carry: int, lead: int, weeks: int
) -> None:
    past = Past(lasting, rule=rule, carry=carry, lead_minutes=lead)
    read = past.rules(rules)
    past.live(stories)
    # What happened after the last hour is known to the rows too, and changes nothing of the past.
    found = past.again(read, weeks=weeks)
    assert simulated(found) == past.told(found)


def test_what_a_merged_run_left_is_in_the_next_one_even_when_nothing_is_carried(newsroom: Newsroom) -> None:
    past = Past(newsroom, rule="0 18 * * *", carry=0)
    rules = past.rules({"minimum": 2, "too_little": "merge"})
    past.live([Story(3.0, title="Un"), Story(30.0, title="Deux")])
    found = past.again(rules)
    assert [run.outcome for run in found.runs[:3]] == [RunOutcome.MERGED, RunOutcome.ISSUE, RunOutcome.NOTHING]
    assert sorted(found.titles[item.article_id] for item in found.runs[1].articles) == ["Deux", "Un"]
    assert simulated(found) == past.told(found)


def test_a_digest_holds_what_was_there_its_lead_before(newsroom: Newsroom) -> None:
    past = Past(newsroom, rule="0 18 * * *", lead_minutes=30)
    past.live([Story(8.4, title="Avant"), Story(8.6, title="Après")])  # 17:24 and 17:36
    found = past.again(Rules())
    assert [[found.titles[item.article_id] for item in run.articles] for run in found.runs[:2]] == [
        ["Avant"],
        ["Après"],
    ]
    assert {run.hour.due_at - run.hour.cut_off for run in found.runs} == {timedelta(minutes=30)}


def test_other_hours_make_other_issues_and_the_difference_says_so(newsroom: Newsroom) -> None:
    past = Past(newsroom, rule="0 18 * * *")
    past.live([Story(3.0 + 24 * day, title=f"Nouvelle {day}") for day in range(14)])
    before = past.again(Rules())
    after = past.again(Rules(), rule="0 18 * * 1")
    found = compare(before, after)
    assert (found.before.issues, found.before.articles, found.before.mean) == (14, 14, 1.0)
    assert (found.after.issues, found.after.runs) == (2, 2)
    assert not found.silent
    assert sum(change.disappears for change in found.changes) == 12
    first = next(change for change in found.changes if change.appears or change.after)
    with use_locale("en"):
        assert "no run (instead of: an issue of 1 article)" in turn_in_words(found.changes[0])
        assert "Issues: 2 instead of 14" in summary(found)
    assert first.came


def test_stricter_rules_tell_what_comes_in_goes_out_and_moves(newsroom: Newsroom) -> None:
    past = Past(newsroom, rule="0 18 * * *", carry=0)
    past.live(
        [
            Story(3.0 + day * 24 + n / 4, author=who, title=f"{who} {n}")
            for day in (0,)
            for n, who in enumerate(("Ama", "Ama", "Kofi", "Esi"))
        ]
    )
    before = past.again(Rules(order="hand"))
    after = past.again(read_rules({"order": "hand", "per_author": 1}))
    (change,) = compare(before, after).changes
    names = before.titles
    assert ([names[item] for item in change.came], [names[item] for item in change.went]) == ([], ["Ama 1"])
    assert change.moved == ()
    sectioned = read_rules({"order": "hand", "sections": [{"key": "k", "filter": KOFI}, {"key": "rest"}]})
    (change,) = compare(before, past.again(sectioned)).changes
    assert "Kofi 2" in [names[item] for item in change.moved]
    assert (change.came, change.went) == ((), ())


def test_rules_that_exclude_everything_are_called_by_their_name(newsroom: Newsroom) -> None:
    past = Past(newsroom, rule="0 18 * * *")
    past.live([Story(3.0, title="Un"), Story(30.0, title="Deux")])
    shut = past.again(read_rules({"exclude": {"any": [{"field": "language", "value": "fr"}]}}))
    assert shut.silent
    found = compare(past.again(Rules()), shut)
    with use_locale("en"):
        assert summary(found)[0] == "Not one article would have been sent: Out: the rules exclude it"
    assert len(found.lost) == 2
    same = compare(shut, shut)
    assert same.silent
    assert same.changes == ()


def test_what_was_withdrawn_since_was_in_at_its_time(newsroom: Newsroom) -> None:
    past = Past(newsroom, rule="0 18 * * *")
    past.live([Story(3.0, title="Parti", withdrawn=100.0), Story(4.0, title="Vite parti", withdrawn=1.0)])
    found = past.again(Rules())
    assert [found.titles[item] for item in found.sent] == ["Parti"]


def test_a_withdrawn_story_that_changed_does_not_come_again(newsroom: Newsroom) -> None:
    past = Past(newsroom, rule="0 18 * * *")
    past.rules({"updated": "again"})
    past.live([Story(3.0, title="Parti", revised=30.0, withdrawn=31.0), Story(3.0, title="Là", revised=30.0)])
    with past.database.reading() as session:
        issues = session.scalars(select(Issue.id).order_by(Issue.id)).all()
        held = [sorted(session.get_one(Article, at).title for at in article_ids(session, issue)) for issue in issues]
    assert held == [["Là", "Parti"], ["Là"]]


def test_a_cadence_without_a_rule_is_replayed_at_the_moments_it_was_composed(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    for title in ("Un", "Deux"):
        newsroom.article(gazette, title)
        assert newsroom.compose(gazette)
        newsroom.pass_time(hours=5)
    with newsroom.database.reading() as session:
        main = schedules.main_of(session, gazette.id)
        found = replay(session, gazette, main, rules=Rules(), now=newsroom.now)
    assert [[found.titles[item.article_id] for item in run.articles] for run in found.runs] == [["Un"], ["Deux"]]


def test_a_replay_reads_in_a_handful_of_statements_and_writes_nothing(newsroom: Newsroom) -> None:
    past = Past(newsroom, rule="0 * * * *")
    past.live([Story(3.0 + n, title=f"Nouvelle {n}") for n in range(50)])
    said: list[str] = []

    def note(*given: Any) -> None:
        said.append(given[2])

    event.listen(newsroom.database.engine, "before_cursor_execute", note)
    found = past.again(Rules())
    event.remove(newsroom.database.engine, "before_cursor_execute", note)
    assert len(found.runs) > 300
    assert len(said) < 15
    assert not [words for words in said if words.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE"))]


def test_too_many_articles_are_refused_with_the_way_out(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    past = Past(newsroom, rule="0 18 * * *")
    past.live([Story(3.0 + n, title=f"Nouvelle {n}") for n in range(3)])
    monkeypatch.setattr("newsletter.issues.replay.MOST_ARTICLES", 2)
    with pytest.raises(RefusedError):
        past.again(Rules())


def test_runs_without_an_issue_say_why(newsroom: Newsroom) -> None:
    past = Past(newsroom, rule="0 18 * * *")
    past.rules({"minimum": 2})
    past.live([Story(24 * (DAYS - 2) + 1.0), Story(24 * (DAYS - 1) + 1.0, title="a"), Story(24 * (DAYS - 1) + 2.0)])
    with past.database.reading() as session, use_locale("en"):
        rows = page(session, past.newsletter.id, limit=3)
        without = page(session, past.newsletter.id, limit=2, without_issue=True)
    assert [row.words for row in rows] == ["An issue", "Skipped: 1 new article, and 2 are the least", "Nothing new"]
    assert (rows[0].number, rows[1].issue_id) == (1, None)
    assert [row.id for row in without] == [row.id for row in rows[1:]]
