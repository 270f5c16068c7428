"""Feeds of every format, well formed or not, become the same values; and lists of feeds go in and out."""

import json
from datetime import UTC, datetime

import pytest

from newsletter.core.errors import RefusedError
from newsletter.core.fetching import Fetched
from newsletter.core.targets import FetchError
from newsletter.feeds.discover import find_feed
from newsletter.feeds.entry import FeedError, ParsedFeed
from newsletter.feeds.models import FeedKind
from newsletter.feeds.opml import Outline, read_opml, write_opml
from newsletter.feeds.parse import parse_feed
from newsletter.feeds.wordpress import posts_address

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
URL = "https://courrier.example/feed"
RSS = """<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>Le &amp; Courrier</title><link>https://courrier.example/</link><language>fr-TG</language><ttl>60</ttl><item>
<title>Le pont &lt;b&gt;rouvre</title><link>/pont</link><guid isPermaLink="false">7</guid><author>Ama</author>
<category>Ville</category><category>Pont</category>
<pubDate>Sun, 01 Mar 2026 08:00:00 +0100</pubDate><description>Court.</description>
<content:encoded><![CDATA[<p>Long &amp; beau.</p>]]></content:encoded>
<enclosure url="/pont.jpg" type="image/jpeg" length="1"/></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Le Courrier</title><entry><id>tag:7</id>
<title>Le pont</title><link href="/pont"/><updated>2026-03-01T07:00:00Z</updated>
<content type="html">&lt;p&gt;Long.&lt;/p&gt;</content></entry></feed>"""
JSON = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "Le Courrier",
    "items": [
        {"id": 7, "url": "/pont", "title": "Le pont", "content_text": "1 < 2", "authors": [{"name": "Ama"}, 3]},
        5,
    ],
}
SITEMAP = """<?xml version="1.0"?><urlset xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"><url>
<loc>https://courrier.example/pont</loc><news:news><news:publication><news:name>Le Courrier</news:name><news:language>fr
</news:language></news:publication><news:title><![CDATA[Le pont & le marché]]></news:title>
<news:publication_date>2026-03-01</news:publication_date></news:news></url><url><loc>https://courrier.example/</loc></url>
</urlset>"""


def parse(body: str | bytes, content_type: str = "text/xml") -> ParsedFeed:
    data = body.encode() if isinstance(body, str) else body
    return parse_feed(data, url=URL, content_type=content_type, charset=None, now=NOW)


def test_rss():
    feed = parse(RSS)
    (entry,) = feed.entries
    assert (feed.kind, feed.title, feed.site_url) == (FeedKind.RSS, "Le & Courrier", "https://courrier.example/")
    assert (feed.language, feed.ttl_minutes, feed.broken) == ("fr-TG", 60, False)
    assert (entry.title, entry.url) == ("Le pont rouvre", "https://courrier.example/pont")
    assert (entry.summary_html, entry.content_html) == ("Court.", "<p>Long &amp; beau.</p>")
    assert (entry.author, entry.categories) == ("Ama", ("Ville", "Pont"))
    assert entry.published_at == datetime(2026, 3, 1, 7, tzinfo=UTC)
    assert entry.image_url == "https://courrier.example/pont.jpg"


def test_atom():
    (entry,) = parse(ATOM).entries
    assert (parse(ATOM).kind, entry.content_html) == (FeedKind.ATOM, "<p>Long.</p>")
    assert entry.published_at == datetime(2026, 3, 1, 7, tzinfo=UTC)


def test_json_feed():
    feed = parse(json.dumps(JSON), "application/feed+json")
    (entry,) = feed.entries
    assert (feed.kind, entry.content_html, entry.author) == (FeedKind.JSON, "<p>1 &lt; 2</p>", "Ama")
    assert entry.url == "https://courrier.example/pont"


def test_a_sitemap_with_news():
    feed = parse(SITEMAP)
    (entry,) = feed.entries
    assert (feed.kind, feed.title, entry.title) == (FeedKind.SITEMAP, "Le Courrier", "Le pont & le marché")
    assert (entry.language, entry.published_at) == ("fr", datetime(2026, 3, 1, tzinfo=UTC))


def test_what_is_broken_is_read_as_far_as_it_goes():
    feed = parse("<rss version='2.0'><channel><item><title>Un &nbsp; deux</title><link>/1</link></item><item>")
    assert (feed.broken, feed.entries[0].title) == (True, "Un deux")


@pytest.mark.parametrize("body", ["", "{", "[]", '{"items": 3}', "<html><p>Bonjour</p></html>", "bonjour", "\0\0"])
def test_what_is_no_feed_is_refused(body: str):
    with pytest.raises(FeedError, match="no feed"):
        parse(body)


def test_entities_are_neither_expanded_nor_loaded():
    bomb = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 10))
    start = f'<!DOCTYPE r [<!ENTITY l0 "lol"><!ENTITY file SYSTEM "file:///etc/hostname">{bomb}]>'
    (entry,) = parse(
        f'{start}<rss version="2.0"><channel><item><title>&l9;&file;</title></item></channel></rss>'
    ).entries
    assert len(entry.title) < 100


@pytest.mark.parametrize(
    ("date", "usable"),
    [
        ("Thu, 01 Jan 1970 00:00:00 GMT", False),
        ("Fri, 01 Jan 2099 00:00:00 GMT", False),
        ("Mon, 02 Mar 2026 20:00:00 GMT", True),
        ("Mon, 99 Mar 2026 20:00:00 GMT", False),
    ],
)
def test_a_date_that_cannot_be_is_none(date: str, usable: bool):
    (entry,) = parse(RSS.replace("Sun, 01 Mar 2026 08:00:00 +0100", date)).entries
    assert (entry.published_at is not None) is usable


def test_what_an_entry_says_decides_its_hash_and_its_id_its_key():
    def keys(body: str) -> tuple[str, str]:
        (entry,) = parse(body).entries
        return entry.key, entry.content_hash

    key, content = keys(RSS)
    assert keys(RSS.replace("<ttl>60</ttl>", "<lastBuildDate>x</lastBuildDate>")) == (key, content)
    assert keys(RSS.replace("Long", "Autre"))[0] == key
    assert keys(RSS.replace("Long", "Autre"))[1] != content
    assert keys(RSS.replace(">7<", ">8<"))[1] == content
    assert keys(RSS.replace(">7<", ">8<"))[0] != key


class Site:
    """Pages by path; anything else is not there."""

    def __init__(self, **pages: str) -> None:
        self.pages = {f"/{name}": body for name, body in pages.items()}
        self.asked: list[str] = []

    def __call__(self, url: str, _headers: object) -> Fetched:
        path = url.removeprefix("https://courrier.example")
        self.asked.append(path)
        if path not in self.pages:
            raise FetchError("not there")
        return Fetched(url, 200, "text/html", None, self.pages[path].encode())


def test_the_feed_that_a_page_names_is_found():
    link = '<link rel="alternate" type="application/rss+xml" href="%s">'
    site = Site(page=f"<p>x</p>{link % '/broken'}{link % '/flux'}", broken="<p>no</p>", flux=RSS)
    assert find_feed("https://courrier.example/page", site, NOW).url == "https://courrier.example/flux"


def test_a_feed_at_the_usual_place_is_found_and_looking_ends():
    assert find_feed("https://courrier.example/page", Site(page="<p>x</p>", rss=RSS), NOW).url.endswith("/rss")
    site = Site(page='<link rel="alternate" type="application/atom+xml" href="/no">' * 50)
    with pytest.raises(FeedError, match="names none"):
        find_feed("https://courrier.example/page", site, NOW)
    assert len(site.asked) <= 9


def test_a_list_that_was_written_is_read_again():
    outlines = [Outline("https://a.example/?a=1&b=2", "A & « B »"), Outline("https://b.example/", 'Le "B"', "Ville")]
    assert read_opml(write_opml(outlines, title="Liste <1>", now=NOW)) == outlines


@pytest.mark.parametrize("body", [b"", b"<opml></opml>", b"<outline xmlUrl='https://a.example'/>", b"\xff\xfe\0"])
def test_what_is_no_list_is_refused(body: bytes):
    with pytest.raises(RefusedError, match="no feeds"):
        read_opml(body)


def test_a_feed_named_twice_is_one_and_the_nearest_folder_counts():
    body = b"""<OPML><body><outline text='A'><outline title='B'><outline text='x' xmlurl='https://x.example'/></outline>
        <outline text='y' xmlUrl='https://y.example'></outline></outline><outline xmlUrl='https://x.example'/></body>"""
    assert read_opml(body) == [Outline("https://x.example", "x", "B"), Outline("https://y.example", "y", "A")]


POST = {
    "id": 7,
    "date_gmt": "2026-03-02T06:30:00",
    "modified_gmt": "2026-03-02T07:00:00",
    "guid": {"rendered": "https://courrier.example/?p=7"},
    "link": "https://courrier.example/le-pont",
    "title": {"rendered": "Le pont &amp; la rive"},
    "excerpt": {"rendered": "<p>Court.</p>"},
    "content": {"rendered": "<p>Long.</p>", "protected": False},
    "_embedded": {
        "author": [{"name": "Ama"}],
        "wp:featuredmedia": [{"source_url": "/pont.jpg", "alt_text": "Le pont"}],
        "wp:term": [[{"name": "Ville"}], [{"name": "Fleuve"}]],
    },
}
EXCERPTS = """<rss version="2.0"><channel><title>Le Courrier</title><item><title>Le pont</title>
<guid>https://courrier.example/?p=7</guid><description>Court.</description></item></channel></rss>"""
POSTS = "/wp-json/wp/v2/posts?per_page=50&_embed=author,wp:featuredmedia,wp:term"
NAMING = (
    '<link rel="https://api.w.org/" href="/wp-json/"><link rel="alternate" type="application/rss+xml" href="/feed">'
)


def test_posts_of_wordpress():
    feed = parse(json.dumps([POST, POST | {"id": 8, "content": {"rendered": "", "protected": True}}]))
    (entry,) = feed.entries
    assert feed.kind is FeedKind.WORDPRESS
    assert (entry.title, entry.author, entry.url) == ("Le pont & la rive", "Ama", "https://courrier.example/le-pont")
    assert (entry.summary_html, entry.content_html) == ("<p>Court.</p>", "<p>Long.</p>")
    assert entry.published_at == datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
    assert (entry.image_url, entry.image_alt) == ("https://courrier.example/pont.jpg", "Le pont")
    assert entry.categories == ("Ville", "Fleuve")
    assert entry.key == parse(EXCERPTS).entries[0].key  # the site's other feed calls it the same


@pytest.mark.parametrize(
    "odd",
    [
        {"title": None, "content": [], "excerpt": 3, "link": 7, "guid": "x", "_embedded": "y", "date_gmt": 5},
        {"_embedded": {"author": "x", "wp:featuredmedia": [None], "wp:term": [None, [3]]}},
        {"_embedded": {"wp:term": {"a": 1}}, "date_gmt": "soon"},
    ],
)
def test_a_post_that_is_not_as_it_should_be_is_read_as_far_as_it_goes(odd: dict[str, object]):
    assert len(parse(json.dumps([POST | odd])).entries) == 1


@pytest.mark.parametrize("body", ["[1]", "[{}]", "[[", "[" * 100_000, '[{"code": "rest_forbidden"}]'])
def test_what_is_no_list_of_posts_is_refused(body: str):
    with pytest.raises(FeedError):
        parse(body)


def test_the_whole_posts_of_wordpress_are_taken_where_its_feed_has_beginnings_only():
    site = Site(page=NAMING, feed=EXCERPTS)
    site.pages[POSTS] = json.dumps([POST])
    found = find_feed("https://courrier.example/page", site, NOW)
    assert found.url == "https://courrier.example" + POSTS
    assert (found.feed.title, found.feed.kind) == ("Le Courrier", FeedKind.WORDPRESS)


def test_a_closed_or_needless_interface_of_wordpress_leaves_the_feed():
    closed = Site(page=NAMING, feed=EXCERPTS)
    closed.pages[POSTS] = '{"code": "rest_forbidden"}'
    assert find_feed("https://courrier.example/page", closed, NOW).url == "https://courrier.example/feed"
    whole = Site(page=NAMING, feed=RSS)
    whole.pages[POSTS] = json.dumps([POST])
    assert find_feed("https://courrier.example/page", whole, NOW).url == "https://courrier.example/feed"


@pytest.mark.parametrize(
    ("root", "address"),
    [
        ("https://a.example/wp-json/", "https://a.example/wp-json/wp/v2/posts?per_page=50"),
        ("https://a.example/blog/wp-json", "https://a.example/blog/wp-json/wp/v2/posts?per_page=50"),
        ("https://a.example/?rest_route=/", "https://a.example/?rest_route=/wp/v2/posts&per_page=50"),
    ],
)
def test_where_posts_are_listed(root: str, address: str):
    assert posts_address(root).startswith(address + "&_embed=")
