"""Feeds are looked up within some newsletters as if there were no others."""

from dataclasses import dataclass

import pytest
from sqlalchemy import event, update

from newsletter.core.errors import NotFoundError
from newsletter.feeds import adding, queries
from newsletter.feeds.models import Feed
from newsletter.feeds.queries import Listed
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import topics
from newsletter.newsletters.models import Newsletter
from tests.support.newsroom import Newsroom


@dataclass(frozen=True)
class Three:
    """Newsletters, each with a topic called like itself; `mine` and `ours` are looked at, `theirs` is not."""

    newsroom: Newsroom
    mine: Newsletter
    ours: Newsletter
    theirs: Newsletter

    @property
    def within(self) -> set[int]:
        return {self.mine.id, self.ours.id}

    def feed(self, name: str, *takers: Newsletter) -> int:
        with self.newsroom.database.unit() as session:
            for taker in takers:
                filed = topics.by_slug(session, newsletters.by_id(session, taker.id), taker.slug)
                feed, _joined = adding.note(
                    session,
                    f"https://{name}.example/feed",
                    title=name,
                    newsletter_id=taker.id,
                    topic_id=filed.id,
                    now=self.newsroom.now,
                )
            return feed.id

    def set(self, feed_id: int, **values: object) -> None:
        with self.newsroom.database.unit() as session:
            session.execute(update(Feed).where(Feed.id == feed_id).values(**values))


@pytest.fixture
def three(newsroom: Newsroom) -> Three:
    made = Three(newsroom, *(newsroom.newsletter(slug) for slug in ("mine", "ours", "theirs")))
    with newsroom.database.unit() as session:
        for item in (made.mine, made.ours, made.theirs):
            topics.add(session, newsletters.by_id(session, item.id), item.slug)
    return made


def page(three: Three, before: int | None, limit: int, within: set[int] | None) -> list[str]:
    with three.newsroom.database.reading() as session:
        return [row.feed.title for row in queries.page(session, before=before, limit=limit, within=within)]


def takers(row: Listed) -> list[tuple[str, str | None]]:
    return [(taker.newsletter.slug, taker.topic.slug if taker.topic else None) for taker in row.takers]


def test_pages_follow_one_another_over_several_newsletters(three: Three) -> None:
    """A feed that two of them take stands there once."""
    placed = [(three.mine,), (three.theirs,), (three.ours,), (three.mine, three.ours), (three.theirs, three.mine)] * 3
    ids = [three.feed(f"f{number}", *whose) for number, whose in enumerate(placed)]
    expected = [f"f{number}" for number in reversed(range(15)) if number % 5 != 1]
    seen: list[str] = []
    before = None
    while found := page(three, before, 4, three.within):
        seen += found
        before = ids[int(found[-1][1:])]
    assert seen == expected
    assert page(three, None, 100, {three.theirs.id}) == ["f14", "f11", "f9", "f6", "f4", "f1"]
    assert page(three, None, 100, None) == [f"f{number}" for number in reversed(range(15))]
    assert page(three, None, 100, set()) == []


def test_of_others_that_take_a_feed_there_is_a_number_and_nothing_else(three: Three) -> None:
    fourth = three.newsroom.newsletter("fourth")
    with three.newsroom.database.unit() as session:
        topics.add(session, newsletters.by_id(session, fourth.id), "fourth")
    number = three.feed("shared", three.theirs, three.ours, fourth)
    with three.newsroom.database.reading() as session:
        feed = queries.by_id(session, number, within=three.within)
        (some,) = queries.with_takers(session, [feed], within=three.within)
        (every,) = queries.with_takers(session, [feed])
        (none,) = queries.with_takers(session, [feed], within=set())
    assert (takers(some), some.others) == ([("ours", "ours")], 2)
    assert (takers(every), every.others) == ([(slug, slug) for slug in ("ours", "theirs", "fourth")], 0)
    assert (takers(none), none.others) == ([], 3)


def test_names_of_the_others_are_not_even_asked_for(three: Three) -> None:
    three.feed("shared", three.theirs, three.mine)
    read: list[str] = []

    def note(item: Newsletter, _context: object) -> None:
        read.append(item.slug)

    event.listen(Newsletter, "load", note)
    with three.newsroom.database.reading() as session:
        queries.page(session, before=None, limit=9, within=three.within)
    event.remove(Newsletter, "load", note)
    assert read == ["mine"]


def test_a_feed_of_the_others_is_refused_as_one_that_does_not_exist(three: Three) -> None:
    number, said = three.feed("elsewhere", three.theirs), set()
    for asked, within in (
        (number, three.within),
        (number, set[int]()),
        (number + 99, three.within),
        (number + 99, None),
    ):
        with three.newsroom.database.reading() as session, pytest.raises(NotFoundError) as refused:
            queries.by_id(session, asked, within=within)
        said.add(str(refused.value))
    assert len(said) == 1
    with three.newsroom.database.reading() as session:
        assert queries.by_id(session, number).title == "elsewhere"
        assert queries.taken_by(session, number, within=three.within) == []
        assert queries.taken_by(session, number) == [three.theirs.id]


def test_a_list_for_other_programs_names_no_topic_of_the_others(three: Three) -> None:
    three.feed("both", three.theirs, three.ours)
    three.feed("elsewhere", three.theirs)
    with three.newsroom.database.reading() as session:
        rows = queries.listed(session, within=three.within)
        assert [(item.title, item.folder) for item in queries.outlines(rows, None)] == [("both", "ours")]
        assert queries.listed(session, within=set()) == []
        assert len(queries.listed(session)) == 2


def test_feeds_that_fail_are_those_of_these_newsletters(three: Three) -> None:
    now = three.newsroom.now
    for name, whose in (("mine", three.mine), ("paused", three.mine), ("gone", three.ours), ("theirs", three.theirs)):
        values = {"gone_at": now} if name == "gone" else {"failing_since": now, "failures": 3}
        three.set(three.feed(name, whose), **values, paused_at=now if name == "paused" else None)
    three.set(three.feed("unlucky", three.mine), failing_since=now, failures=2)
    three.feed("well", three.mine)
    with three.newsroom.database.reading() as session:
        assert {feed.title for feed in queries.failing(session, within=three.within, limit=9)} == {"mine", "gone"}
        assert {feed.title for feed in queries.failing(session, limit=9)} == {"mine", "gone", "theirs"}
        assert queries.failing(session, within=set(), limit=9) == []
        assert len(queries.failing(session, limit=2)) == 2
