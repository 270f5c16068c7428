"""Feeds are understood in a process of their own, which may be as slow, greedy or mortal as it likes."""

import contextlib
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from newsletter.core.i18n import use_locale
from newsletter.feeds.apart import Apart
from newsletter.feeds.entry import FeedError, ParsedFeed
from newsletter.feeds.parse import parse_feed

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FEED = """<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Le Courrier d’Aného</title>
<item><title>Été</title><guid>7</guid><link>/7</link><pubDate>Mon, 02 Mar 2026 06:30:00 GMT</pubDate>
<category>Ville</category><description>Ça va</description></item><item><title>Sans rien</title></item>
</channel></rss>"""
QUADRATIC = "<rss><channel><item " + " ".join(f'a{number}="1"' for number in range(60_000)) + "/></channel></rss>"


def read(parse: Apart | None, body: str | bytes) -> ParsedFeed:
    data = body.encode() if isinstance(body, str) else body
    told = {"url": "https://courrier.example/feed", "content_type": "text/xml", "charset": None, "now": NOW}
    return (parse or parse_feed)(data, **told)  # type: ignore[arg-type]


@pytest.fixture
def apart() -> Iterator[Apart]:
    with Apart() as parse:
        yield parse


def test_it_reads_the_same_as_here(apart: Apart) -> None:
    for body in (FEED, FEED.encode("utf-16"), '{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": 1}]}'):
        assert read(apart, body) == read(None, body)


def test_errors_are_in_the_caller_s_language(apart: Apart) -> None:
    for locale in ("en", "fr"):
        with use_locale(locale):
            with pytest.raises(FeedError) as here:
                read(None, "<html>no</html>")
            with pytest.raises(FeedError) as there:
                read(apart, "<html>no</html>")
        assert str(here.value) == str(there.value)


def test_what_takes_too_long_is_given_up_and_the_next_is_read() -> None:
    with Apart(seconds=1) as parse:
        read(parse, FEED)
        with pytest.raises(FeedError, match="1 second"):
            read(parse, QUADRATIC)
        assert len(read(parse, FEED).entries) == 2


def test_a_child_that_died_is_followed_by_another(apart: Apart) -> None:
    read(apart, FEED)
    os.kill(child_of(apart), signal.SIGKILL)
    with contextlib.suppress(FeedError):  # it died while it was asked
        read(apart, FEED)
    assert len(read(apart, FEED).entries) == 2


def test_it_ends_with_its_block() -> None:
    with Apart() as parse:
        read(parse, FEED)
        child = child_of(parse)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def child_of(parse: Apart) -> int:
    return parse._child.pid  # type: ignore[union-attr]
