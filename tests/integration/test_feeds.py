"""Feeds are read politely, and what they say becomes articles once, whatever their servers do."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from newsletter.articles import editing
from newsletter.articles.models import Article, Placement
from newsletter.core.fetching import Fetched
from newsletter.feeds import adding, discover, forgetting, health, polling, queries
from newsletter.feeds.adding import Added
from newsletter.feeds.apart import Apart
from newsletter.feeds.health import State
from newsletter.feeds.models import Feed, FeedEntry
from newsletter.feeds.polling import Polled
from newsletter.newsletters import topics
from newsletter.newsletters.models import Newsletter
from tests.support.feed_server import LOOPBACK, Item, Publisher, publisher, rss
from tests.support.http_server import answer, forever, redirect, scripted_server
from tests.support.newsroom import NOW, Newsroom

HOUR = timedelta(hours=1)
fetch = discover.fetcher(LOOPBACK, seconds=5)


@pytest.fixture
def press() -> Iterator[Publisher]:
    with publisher() as running:
        yield running


def items(count: int, *, start: int = 1, **given: object) -> list[Item]:
    """Stories of their own, the newest first."""
    return [
        Item(
            f"Nouvelle {number}",
            f"https://courrier.example/{number}",
            f"id-{number}",
            date=NOW - timedelta(minutes=30 * (100 - number)),
            text=f"<p>Ce qui est arrivé au marché numéro {number}, raconté en détail.</p>",
            **given,  # type: ignore[arg-type]
        )
        for number in range(start + count - 1, start - 1, -1)
    ]


def add(newsroom: Newsroom, url: str, newsletter: Newsletter, *, topic_id: int | None = None) -> Added:
    found = discover.find_feed(url, fetch, newsroom.now)
    with newsroom.database.unit() as session:
        return adding.add(session, found, newsletter_id=newsletter.id, topic_id=topic_id, now=newsroom.now)


def poll(newsroom: Newsroom, **given: object) -> list[Polled]:
    given = {"clock": newsroom.clock, "chance": lambda: 0.5} | given
    return polling.poll_due(newsroom.database, given.pop("fetch", fetch), **given)  # type: ignore[arg-type]


def poll_later(newsroom: Newsroom, **given: object) -> Polled:
    """Read the only feed, when it is due."""
    newsroom.pass_time(days=2)
    (polled,) = poll(newsroom, **given)
    return polled


def feed_of(newsroom: Newsroom, feed_id: int = 0) -> Feed:
    with newsroom.database.reading() as session:
        return session.get_one(Feed, feed_id) if feed_id else session.scalars(select(Feed)).one()


def state(newsroom: Newsroom) -> State:
    return health.health(feed_of(newsroom), newsroom.now).state


def titles(newsroom: Newsroom, newsletter: Newsletter) -> list[str]:
    with newsroom.database.reading() as session:
        query = select(Article.title).join(Placement).where(Placement.newsletter_id == newsletter.id)
        return list(session.scalars(query.order_by(Article.id)))


def count(newsroom: Newsroom, table: type) -> int:
    with newsroom.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_the_newest_twenty_come_in_when_a_feed_is_added_and_then_what_is_new(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    added = add(newsroom, press.put("/feed", rss(items(30))), gazette)
    assert (added.created, added.joined, len(added.taken.added)) == (True, True, 20)
    assert titles(newsroom, gazette) == [f"Nouvelle {number}" for number in range(11, 31)]
    press.put("/feed", rss(items(31)))
    assert poll_later(newsroom).taken.added == ["Nouvelle 31"]
    assert len(titles(newsroom, gazette)) == 21
    assert feed_of(newsroom).title == "Le Courrier"


def test_what_is_older_than_the_feed_s_place_here_does_not_flood(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    add(newsroom, press.put("/feed", rss(items(2))), gazette)
    dates = [NOW - timedelta(days=days) for days in (90, 60, 50, 40, 30, 4, 1)]
    archive = [Item(f"Il y a {(NOW - date).days}", f"https://c.example/{date:%m%d}", date=date) for date in dates]
    press.put("/feed", rss([*items(2), *archive]))
    assert poll_later(newsroom).taken.added == ["Il y a 1"]
    press.put("/feed", rss([*items(3), *archive]))
    assert poll_later(newsroom).taken.added == ["Nouvelle 3"]


def test_a_story_that_is_dated_back_is_not_lost(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    add(newsroom, press.put("/feed", rss(items(2))), gazette)
    dates = (NOW - timedelta(days=400), NOW - timedelta(days=30), NOW + timedelta(days=9000))
    late = [Item(f"Daté {number}", f"https://c.example/{number}", date=date) for number, date in enumerate(dates)]
    press.put("/feed", rss([*items(2), *late]))
    assert sorted(poll_later(newsroom).taken.added) == ["Daté 0", "Daté 1", "Daté 2"]
    assert poll_later(newsroom).taken.added == []


def test_an_entry_becomes_an_article_with_all_it_says(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    with newsroom.database.unit() as session:
        named = topics.add(session, gazette, "Économie & emploi")
    text = "<script>x</script><p>Le marché <b>rouvre</b> lundi.</p><p>Les vendeuses sont prêtes, dit-on.</p>"
    item = Item(
        "Le marché", "https://courrier.example/a?utm_source=rss", "1", NOW - HOUR, text, "Court.", "economie emploi"
    )
    add(newsroom, press.put("/feed", rss([item])), gazette)
    with newsroom.database.reading() as session:
        article, placement = session.execute(select(Article, Placement).join(Placement)).one()
    assert (article.title, article.summary, article.source_name) == ("Le marché", "Court.", "Le Courrier")
    assert article.body_html.startswith("<p>Le marché <b>rouvre</b> lundi.</p>")
    assert (article.language, article.published_at) == ("fr", NOW - HOUR)
    assert (placement.topic_id, placement.feed_id) == (named.id, feed_of(newsroom).id)


def test_a_target_s_topic_wins_over_the_entry_s_own(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    with newsroom.database.unit() as session:
        topics.add(session, gazette, "Sport")
        ville = topics.add(session, gazette, "Ville")
    add(newsroom, press.put("/feed", rss(items(1, category="sport"))), gazette, topic_id=ville.id)
    with newsroom.database.reading() as session:
        assert session.scalars(select(Placement.topic_id)).one() == ville.id


def test_a_summary_alone_is_a_summary(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    add(
        newsroom,
        press.put("/feed", rss([Item("Bref", "https://c.example/1", summary="Le <i>pont</i> rouvre.")])),
        gazette,
    )
    with newsroom.database.reading() as session:
        article = session.scalars(select(Article)).one()
    assert (article.summary, article.body_html) == ("Le pont rouvre.", "")


@pytest.mark.parametrize("date", ["Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2099 00:00:00 GMT", "demain", ""])
def test_a_date_that_cannot_be_is_none(newsroom: Newsroom, press: Publisher, date: str):
    gazette = newsroom.newsletter()
    add(newsroom, press.put("/feed", rss([Item("Un", "https://c.example/1", date=date)])), gazette)
    press.put("/feed", rss([Item("Deux", "https://c.example/2", date=date)]))
    assert poll_later(newsroom).taken.added == ["Deux"]
    with newsroom.database.reading() as session:
        assert set(session.scalars(select(Article.published_at))) == {None}


@pytest.mark.parametrize(
    ("declared", "text", "language"),
    [
        ("en", "<p>The market opens again on Monday with all of its stalls.</p>", "en"),
        ("en-US", "<p>Le marché rouvre lundi avec toutes ses vendeuses et les étals.</p>", "en"),
        ("de", "<p>The market opens again on Monday with all of its stalls.</p>", "en"),
        ("de", "<p>Le marché rouvre lundi avec toutes ses vendeuses et les étals.</p>", "fr"),
        ("", "<p>Akpé na mi</p>", "fr"),
    ],
)
def test_the_language_is_the_one_named_where_the_newsletter_speaks_it(
    newsroom: Newsroom, press: Publisher, declared: str, text: str, language: str
):
    item = Item("Titre", "https://c.example/1", text=text)
    add(newsroom, press.put("/feed", rss([item], language=declared)), newsroom.newsletter())
    with newsroom.database.reading() as session:
        assert session.scalars(select(Article.language)).one() == language


def test_an_unchanged_feed_is_not_sent_again_and_costs_one_statement(newsroom: Newsroom, press: Publisher):
    add(newsroom, press.put("/feed", rss(items(3)), etag='"a"'), newsroom.newsletter())
    before = feed_of(newsroom)
    polled = poll_later(newsroom)
    after = feed_of(newsroom)
    assert (polled.changed, polled.error, press.asked) == (False, None, ["/feed", "/feed"])
    assert (after.succeeded_at, after.etag, after.interval_minutes) == (
        newsroom.now,
        '"a"',
        before.interval_minutes * 5 // 4,
    )
    press.put("/feed", rss(items(4)), etag='"b"')
    assert poll_later(newsroom).taken.added == ["Nouvelle 4"]
    assert feed_of(newsroom).etag == '"b"'


def test_a_server_without_validators_sends_the_same_body_and_nothing_happens(newsroom: Newsroom, press: Publisher):
    add(newsroom, press.put("/feed", rss(items(3))), newsroom.newsletter())
    assert poll_later(newsroom).changed is False


def test_ids_that_change_each_hour_make_no_second_article(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()

    def feed(hour: int, text: str = "<p>Rien de neuf.</p>") -> str:
        return rss(
            [
                Item(f"N{n}", f"https://c.example/{n}", f"{n}-{hour}", NOW - timedelta(minutes=n), text)
                for n in range(30)
            ]
        )

    add(newsroom, press.put("/feed", feed(0)), gazette)
    rows = count(newsroom, FeedEntry)
    for hour in (1, 2, 3):
        press.put("/feed", feed(hour))
        assert poll_later(newsroom).taken.added == []
    assert len(titles(newsroom, gazette)) == count(newsroom, Article) == 20
    assert count(newsroom, FeedEntry) == rows
    press.put("/feed", feed(4, "<p>Tout a changé cette nuit : douze blessés au marché central.</p>"))
    assert poll_later(newsroom).taken.revised == 20


def test_what_the_source_changes_is_taken_over_unless_an_editor_did(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()

    def feed(text: str) -> str:
        return rss([Item("Un", "https://c.example/1", "1", text=f"<p>{text}</p>")])

    add(newsroom, press.put("/feed", feed("10 blessés.")), gazette)
    press.put("/feed", feed("12 blessés."))
    assert poll_later(newsroom).taken.revised == 1
    with newsroom.database.reading() as session:
        article = session.scalars(select(Article)).one()
        entry = session.scalars(select(FeedEntry)).one()
    assert (article.body_text, article.revised_at) == ("12 blessés.", newsroom.now)
    assert entry.changed_at == newsroom.now
    with newsroom.database.unit() as session:
        session.get_one(Article, article.id).edited_at = newsroom.now
    press.put("/feed", feed("20 blessés."))
    assert poll_later(newsroom).taken.revised == 0


def test_an_entry_of_two_feeds_is_one_article_placed_once(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    add(newsroom, press.put("/one", rss(items(2))), gazette)
    second = add(newsroom, press.put("/two", rss(items(3), title="L'autre")), gazette)
    assert second.taken.added == ["Nouvelle 3"]
    assert (count(newsroom, Article), count(newsroom, Placement), count(newsroom, FeedEntry)) == (3, 3, 5)


def test_an_article_that_an_editor_took_back_does_not_return_by_another_feed(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    add(newsroom, press.put("/one", rss(items(1))), gazette)
    with newsroom.database.unit() as session:
        editing.withdraw(
            session, session.scalars(select(Article.id)).one(), gazette.id, actor="ama@desk", now=newsroom.now
        )
    add(newsroom, press.put("/two", rss(items(1))), gazette)
    with newsroom.database.reading() as session:
        assert session.scalars(select(Placement.withdrawn_at)).one() == newsroom.now


def test_a_second_newsletter_takes_the_same_feed(newsroom: Newsroom, press: Publisher):
    gazette, other = newsroom.newsletter(), newsroom.newsletter("autre")
    url = press.put("/feed", rss(items(30)))
    first, second = add(newsroom, url, gazette), add(newsroom, url + "?utm_source=x", other)
    assert (second.created, second.joined, second.feed.id) == (False, True, first.feed.id)
    assert titles(newsroom, gazette) == titles(newsroom, other)
    assert (count(newsroom, Article), count(newsroom, Placement)) == (20, 40)
    assert add(newsroom, url, other).joined is False
    press.put("/feed", rss(items(31)))
    poll_later(newsroom)
    assert titles(newsroom, other)[-1] == titles(newsroom, gazette)[-1] == "Nouvelle 31"
    with newsroom.database.unit() as session:
        assert adding.remove(session, session.get_one(Feed, first.feed.id), gazette.id) is False
        assert adding.remove(session, session.get_one(Feed, first.feed.id), other.id) is True
    assert (count(newsroom, Feed), count(newsroom, FeedEntry), count(newsroom, Article)) == (0, 0, 21)


def test_a_bad_entry_does_not_keep_the_others_back(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    bad = [Item("", "https://c.example/x", "x"), Item("Trop long", "https://c.example/y", "y", text="mot " * 150_000)]
    added = add(newsroom, press.put("/feed", rss([*items(1), *bad, *items(1, start=2)])), gazette)
    assert (sorted(added.taken.added), added.taken.refused) == (["Nouvelle 1", "Nouvelle 2"], 2)


def test_an_entry_that_was_refused_comes_in_when_it_is_mended(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    add(newsroom, press.put("/feed", rss(items(1))), gazette)
    press.put("/feed", rss([Item("", "https://c.example/x", "x"), *items(1)]))
    assert poll_later(newsroom).taken.refused == 1
    press.put("/feed", rss([Item("Mieux", "https://c.example/x", "x"), *items(1)]))
    assert poll_later(newsroom).taken.added == ["Mieux"]


def test_a_feed_that_was_only_noted_is_read_like_one_that_was_added(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    url = press.put("/feed", rss(items(30)))
    with newsroom.database.unit() as session:
        adding.note(session, url, title="Liste", newsletter_id=gazette.id, topic_id=None, now=newsroom.now)
    (polled,) = poll(newsroom)
    assert len(polled.taken.added) == len(titles(newsroom, gazette)) == 20
    assert feed_of(newsroom).title == "Le Courrier"


# What servers answer


def test_a_feed_that_is_gone_for_good_is_left_alone(newsroom: Newsroom, press: Publisher):
    add(newsroom, press.put("/feed", rss(items(1))), newsroom.newsletter())
    press.put("/feed", status=410)
    assert poll_later(newsroom).error is not None
    feed = feed_of(newsroom)
    assert (feed.gone_at, feed.next_poll_at, state(newsroom)) == (newsroom.now, None, State.GONE)
    newsroom.pass_time(days=30)
    assert poll(newsroom) == []
    press.put("/feed", rss(items(2)))
    with newsroom.database.unit() as session:
        adding.resume(session, session.get_one(Feed, feed.id), now=newsroom.now)
    assert poll(newsroom)[0].taken.added == ["Nouvelle 2"]
    assert (feed_of(newsroom).gone_at, feed_of(newsroom).last_error, state(newsroom)) == (None, None, State.OK)


def test_a_feed_that_is_not_found_is_tried_less_and_less_and_after_two_weeks_the_words_say_so(
    newsroom: Newsroom, press: Publisher
):
    add(newsroom, press.put("/feed", rss(items(1))), newsroom.newsletter())
    press.put("/feed", status=404)
    newsroom.pass_time(hours=1)
    waits = []
    for _attempt in range(10):
        assert poll(newsroom)
        feed = feed_of(newsroom)
        assert feed.next_poll_at is not None
        waits.append(feed.next_poll_at - newsroom.now)
        newsroom.now = feed.next_poll_at
    assert waits[:2] == [timedelta(minutes=30), HOUR]  # 15 minutes after news, doubled and doubled again
    assert (waits == sorted(waits), waits[-1]) == (True, timedelta(hours=24))
    assert state(newsroom) is State.FAILING
    assert feed_of(newsroom).last_error == "There is nothing at this address any more (status 404)."
    newsroom.pass_time(days=14)
    told = health.health(feed_of(newsroom), newsroom.now)
    assert (told.state, "days" in told.words) == (State.FAILING, True)


def test_a_server_that_asks_for_time_gets_it(newsroom: Newsroom, press: Publisher):
    add(newsroom, press.put("/feed", rss(items(1))), newsroom.newsletter())
    for status, wish, wait in (
        (429, "7200", 2 * HOUR),
        (503, "Thu, 05 Mar 2026 09:00:00 GMT", None),
        (429, "99999999999999", health.LONGEST_WISH),
    ):
        press.put("/feed", status=status, headers={"Retry-After": wish})
        newsroom.now = feed_of(newsroom).next_poll_at or newsroom.now
        poll(newsroom)
        expected = newsroom.now + wait if wait else datetime(2026, 3, 5, 9, tzinfo=UTC)
        assert feed_of(newsroom).next_poll_at == expected


def test_a_feed_that_moved_for_good_is_read_there_from_then_on(newsroom: Newsroom, press: Publisher):
    add(newsroom, press.put("/feed", rss(items(1))), newsroom.newsletter())
    press.put("/feed", status=301, headers={"Location": "/new"})
    press.put("/new", rss(items(2)))
    assert poll_later(newsroom).taken.added == ["Nouvelle 2"]
    assert feed_of(newsroom).url == press.url + "/new"
    del press.pages["/feed"]
    assert poll_later(newsroom).error is None


def test_a_feed_that_moved_to_another_one_s_address_says_so(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    old = add(newsroom, press.put("/old", rss(items(1), title="Ancien")), gazette).feed
    add(newsroom, press.put("/new", rss(items(1), title="Nouveau")), gazette)
    press.put("/old", status=308, headers={"Location": "/new"})
    newsroom.pass_time(days=1)
    assert len(poll(newsroom)) == 2
    found = feed_of(newsroom, old.id)
    assert (found.url, found.last_error) == (
        old.url,
        f"It has moved to {press.url}/new, which is read as “Nouveau” already. Remove this one.",
    )


def add_scripted(newsroom: Newsroom, url: str) -> None:
    with newsroom.database.unit() as session:
        gazette = session.scalars(select(Newsletter)).one()
        adding.note(session, url, title="Étrange", newsletter_id=gazette.id, topic_id=None, now=newsroom.now)


def test_redirects_in_a_circle_end(newsroom: Newsroom):
    newsroom.newsletter()
    with scripted_server(redirect("/b", "301 Moved"), redirect("/a", "301 Moved"), redirect("/b")) as server:
        add_scripted(newsroom, server.url)
        (polled,) = poll(newsroom)
    assert "redirects more than 5 times" in (polled.error or "")
    assert feed_of(newsroom).url == server.url


def test_a_feed_that_never_ends_is_left_at_the_deadline(newsroom: Newsroom):
    newsroom.newsletter()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n\r\n<rss>"
    with scripted_server(forever(head, b" ", 0.05)) as server:
        add_scripted(newsroom, server.url)
        (polled,) = poll(newsroom, fetch=discover.fetcher(LOOPBACK, seconds=0.5))
    assert "did not answer completely" in (polled.error or "")


def test_a_feed_that_is_too_large_is_left(newsroom: Newsroom):
    newsroom.newsletter()
    with scripted_server(answer(b"<rss>" + b" " * 300_000)) as server:
        add_scripted(newsroom, server.url)
        (polled,) = poll(newsroom, fetch=discover.fetcher(LOOPBACK, max_bytes=1000))
    assert "too large" in (polled.error or "")


@pytest.mark.parametrize("body", [b"", b"\0\1\2", b"{", b"[[[[", b"<html><p>Bonjour</p></html>"])
def test_what_is_no_feed_is_an_error_in_words(newsroom: Newsroom, press: Publisher, body: bytes):
    newsroom.newsletter()
    add_scripted(newsroom, press.put("/feed", body))
    (polled,) = poll(newsroom)
    assert polled.error
    assert feed_of(newsroom).last_error == polled.error


def test_what_makes_the_reading_of_one_feed_fail_leaves_the_others(newsroom: Newsroom, press: Publisher):
    newsroom.newsletter()
    add_scripted(newsroom, press.put("/a", rss(items(1))))
    add_scripted(newsroom, press.put("/b", rss(items(2))))

    def fails(url: str, headers: object) -> Fetched:
        if url.endswith("/a"):
            raise ZeroDivisionError
        return fetch(url, {})

    assert sorted(bool(polled.error) for polled in poll(newsroom, fetch=fails)) == [False, True]


def test_a_slow_feed_is_told(newsroom: Newsroom, press: Publisher):
    add(newsroom, press.put("/feed", rss(items(1))), newsroom.newsletter())
    ticks = iter([0.0, 11.0])
    poll_later(newsroom, timer=lambda: next(ticks))
    assert state(newsroom) is State.SLOW
    poll_later(newsroom)
    assert state(newsroom) is State.OK


def test_a_feed_is_read_as_often_as_it_has_news_and_never_more_often_than_it_asks(newsroom: Newsroom, press: Publisher):
    add(newsroom, press.put("/feed", rss(items(1))), newsroom.newsletter())
    for number in range(2, 5):
        press.put("/feed", rss(items(number)))
        poll_later(newsroom)
    assert feed_of(newsroom).interval_minutes == health.SHORTEST
    press.put("/feed", rss(items(5), more="<ttl>90</ttl>"))
    poll_later(newsroom)
    assert feed_of(newsroom).interval_minutes == 90
    for _quiet in range(20):
        poll_later(newsroom)
    assert feed_of(newsroom).interval_minutes == health.LONGEST


# Several at once


def test_two_pollers_read_a_feed_once(newsroom: Newsroom, press: Publisher):
    newsroom.newsletter()
    for number in range(12):
        add_scripted(newsroom, press.put(f"/{number}", rss(items(3, start=number * 3))))
    with ThreadPoolExecutor(2) as pool:
        polled = [one for both in pool.map(lambda _at: poll(newsroom, at_once=4), range(2)) for one in both]
    assert len(polled) == len(press.asked) == 12
    assert len(set(press.asked)) == 12
    assert not [one.error for one in polled if one.error]
    assert press.most <= 2 * polling.PER_HOST


def test_one_host_is_asked_twice_at_a_time_at_most(newsroom: Newsroom, press: Publisher):
    newsroom.newsletter()
    hold = threading.Event()
    for number in range(6):
        add_scripted(newsroom, press.put(f"/{number}", rss([]), hold=hold))
    threading.Timer(0.3, hold.set).start()
    assert len(poll(newsroom)) == 6
    assert press.most == polling.PER_HOST


def test_a_host_is_one_process_s_at_a_time(newsroom: Newsroom, press: Publisher):
    newsroom.newsletter()
    hold = threading.Event()
    for number in range(6):
        add_scripted(newsroom, press.put(f"/{number}", rss([]), hold=hold))
    with ThreadPoolExecutor(3) as pool:
        # Each takes two feeds at a time and looks for more; the others may not take what is left of this host.
        asked = [pool.submit(poll, newsroom, at_once=2) for _process in range(3)]
        threading.Timer(0.3, hold.set).start()
        polled = [len(each.result()) for each in asked]
    assert press.most == polling.PER_HOST
    assert sorted(polled)[:2] == [0, 0]


def test_a_clock_that_was_years_ahead_does_not_silence_a_feed(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    add(newsroom, press.put("/feed", rss(items(2))), gazette)
    newsroom.pass_time(days=2000)
    assert len(poll(newsroom)) == 1
    newsroom.pass_time(days=-1999)
    with newsroom.database.reading() as session:
        assert polling.anything_due(session, now=newsroom.now)
    press.put("/feed", rss(items(3)))
    assert poll(newsroom)[0].taken.added == ["Nouvelle 3"]


def test_what_takes_too_long_to_understand_is_a_failure_in_words(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    add(newsroom, press.put("/feed", rss(items(2))), gazette)
    attributes = " ".join(f'a{number}="1"' for number in range(60_000))
    press.put("/feed", f'<rss version="2.0"><channel><item {attributes}></item></channel></rss>')
    with Apart(seconds=2) as parse:
        polled = poll_later(newsroom, parse=parse)
        assert "2 sec" in (polled.error or "")
        press.put("/feed", rss(items(3)))
        assert poll_later(newsroom, parse=parse).taken.added == ["Nouvelle 3"]


def test_a_paused_feed_that_is_added_again_stays_paused_though_it_was_gone(newsroom: Newsroom, press: Publisher):
    gazette, depeche = newsroom.newsletter(), newsroom.newsletter("depeche")
    url = press.put("/feed", rss(items(1)))
    add(newsroom, url, gazette)
    with newsroom.database.unit() as session:
        feed = session.scalars(select(Feed)).one()
        feed.gone_at = newsroom.now
        adding.pause(session, feed, now=newsroom.now)
    add(newsroom, url, depeche)
    assert (feed_of(newsroom).gone_at, feed_of(newsroom).next_poll_at, state(newsroom)) == (None, None, State.PAUSED)
    assert titles(newsroom, depeche) == ["Nouvelle 1"]


def test_entries_that_are_long_gone_are_forgotten_and_their_articles_come_no_second_time(
    newsroom: Newsroom, press: Publisher
):
    gazette = newsroom.newsletter()
    add(newsroom, press.put("/feed", rss(items(5))), gazette)
    for number in range(6, 20):  # two entries stay, the others leave one by one
        newsroom.pass_time(days=10)
        press.put("/feed", rss([*items(3, start=number), *items(2)]))
        poll(newsroom)
    before = titles(newsroom, gazette)
    with newsroom.database.unit() as session:
        gone = forgetting.forget(session, now=newsroom.now)
    assert 0 < gone < count(newsroom, FeedEntry) + gone
    press.put("/feed", rss([*items(5, start=1), *items(3, start=19)]))
    newsroom.pass_time(days=2)
    poll(newsroom)
    assert titles(newsroom, gazette)[: len(before)] == before
    assert sorted(set(titles(newsroom, gazette))) == sorted(titles(newsroom, gazette))
    with newsroom.database.reading() as session:
        kept = set(session.scalars(select(FeedEntry.article_id)))
        oldest = set(session.scalars(select(Article.id).where(Article.title.in_(["Nouvelle 1", "Nouvelle 2"]))))
    assert oldest <= kept


def test_what_a_dead_worker_had_in_hand_is_read_by_another_after_its_lease(newsroom: Newsroom, press: Publisher):
    newsroom.newsletter()
    add_scripted(newsroom, press.put("/feed", rss(items(1))))

    def dies(url: str, headers: object) -> Fetched:
        raise SystemExit

    with pytest.raises(SystemExit):
        poll(newsroom, fetch=dies)
    assert poll(newsroom) == []
    newsroom.now += polling.LEASE
    assert [len(polled.taken.added) for polled in poll(newsroom)] == [1]


def test_a_worker_that_comes_too_late_writes_nothing(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    add_scripted(newsroom, press.put("/feed", rss(items(1))))

    def overtaken(url: str, headers: object) -> Fetched:
        found = fetch(url, {})
        newsroom.now += polling.LEASE
        assert len(poll(newsroom)) == 1
        return found

    assert poll(newsroom, fetch=overtaken)[0].taken.added == []
    assert titles(newsroom, gazette) == ["Nouvelle 1"]


def test_a_process_that_is_to_stop_gives_back_what_it_has_not_begun(newsroom: Newsroom, press: Publisher):
    newsroom.newsletter()
    for number in range(6):
        add_scripted(newsroom, press.put(f"/{number}", rss([])))
    assert len(poll(newsroom, stopping=lambda: bool(press.asked))) < 6
    press.asked.clear()
    assert poll(newsroom)


def test_a_paused_feed_rests_and_the_digest_does_not(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    paused = add(newsroom, press.put("/one", rss(items(1))), gazette).feed
    add(newsroom, press.put("/two", rss(items(1, start=5), title="Deux")), gazette)
    with newsroom.database.unit() as session:
        adding.pause(session, session.get_one(Feed, paused.id), now=newsroom.now)
    press.put("/one", rss(items(2)))
    press.put("/two", rss(items(2, start=5)))
    newsroom.pass_time(days=1)
    assert [polled.taken.added for polled in poll(newsroom)] == [["Nouvelle 6"]]
    assert health.health(feed_of(newsroom, paused.id), newsroom.now).state is State.PAUSED
    assert newsroom.compose(gazette) is not None
    assert [len(polled.taken.added) for polled in poll(newsroom, ids=[paused.id])] == [1]
    assert feed_of(newsroom, paused.id).next_poll_at is None


def test_a_feed_paused_while_it_is_read_stays_paused(newsroom: Newsroom, press: Publisher):
    feed = add(newsroom, press.put("/feed", rss(items(1))), newsroom.newsletter()).feed

    def paused(url: str, headers: object) -> Fetched:
        with newsroom.database.unit() as session:
            adding.pause(session, session.get_one(Feed, feed.id), now=newsroom.now)
        return fetch(url, {})

    poll_later(newsroom, fetch=paused)
    assert feed_of(newsroom).next_poll_at is None


def test_a_feed_knows_who_takes_it(newsroom: Newsroom, press: Publisher):
    gazette, other = newsroom.newsletter(), newsroom.newsletter("autre")
    url = press.put("/feed", rss(items(1)))
    add(newsroom, url, gazette)
    add(newsroom, url, other)
    with newsroom.database.reading() as session:
        (row,) = queries.listed(session, newsletter_id=other.id)
        assert queries.listed(session, newsletter_id=gazette.id + other.id) == []
    assert [taker.newsletter.slug for taker in row.takers] == ["gazette", "autre"]


def test_a_feed_that_switches_its_encoding_says_nothing_new(newsroom: Newsroom, press: Publisher):
    gazette = newsroom.newsletter()
    told = rss(
        [Item("Été à Aného", "https://courrier.example/1", "id-1", text="<p>L’école a rouvert dès lundi à Aného.</p>")]
    )
    plain = told.split("?>", 1)[-1]

    def in_(encoding: str, declared: str) -> bytes:
        return f'<?xml version="1.0" encoding="{declared}"?>{plain}'.encode(encoding)

    add(newsroom, press.put("/feed", in_("utf-8", "utf-8")), gazette)
    for encoding, declared in (
        ("cp1252", "windows-1252"),
        ("utf-16", "utf-16"),
        ("utf-8", "utf-8"),
        ("cp1252", "utf-8"),
    ):
        press.put("/feed", in_(encoding, declared))
        polled = poll_later(newsroom)
        assert (polled.error, polled.taken.added, polled.taken.revised) == (None, [], 0), (encoding, declared)
    assert titles(newsroom, gazette) == ["Été à Aného"]
