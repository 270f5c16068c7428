"""An article has one address, whichever of its pages was shared."""

import pytest

from newsletter.articles.canonical import canonical_url

PLAIN = "https://www.gazette.example/region/le-pont-de-lome-rouvre"


@pytest.mark.parametrize(
    "shared",
    [
        PLAIN + "/amp",
        PLAIN + "/AMP#top",
        PLAIN + "?amp",
        PLAIN + "?amp=1&utm_source=x",
        PLAIN + "?outputType=amp",
        PLAIN + ".amp",
        "https://www.gazette.example/amp/region/le-pont-de-lome-rouvre",
        "https://amp.gazette.example/region/le-pont-de-lome-rouvre",
        "https://www.google.com/amp/s/www.gazette.example/region/le-pont-de-lome-rouvre/amp",
        "https://www.google.co.uk/amp/s/amp.gazette.example/region/le-pont-de-lome-rouvre",
        "https://www-gazette-example.cdn.ampproject.org/c/s/www.gazette.example/region/le-pont-de-lome-rouvre",
        "https://www-gazette-example.cdn.ampproject.org/v/s/www.gazette.example/region/le-pont-de-lome-rouvre?amp_js_v=0",
    ],
)
def test_a_page_for_telephones_has_the_address_of_the_article(shared: str) -> None:
    assert canonical_url(shared) == PLAIN


@pytest.mark.parametrize(
    ("shared", "plain"),
    [
        ("https://a.example/2026/03/02/pont/amp/", "https://a.example/2026/03/02/pont/"),
        ("https://a.example/pont-12345/amp/", "https://a.example/pont-12345/"),
        ("https://a.example/le-pont.amp.html", "https://a.example/le-pont.html"),
        ("http://www.google.com/amp/a.example/le-pont-rouvre", "http://a.example/le-pont-rouvre"),
    ],
)
def test_a_final_slash_and_a_file_ending_stay(shared: str, plain: str) -> None:
    assert canonical_url(shared) == plain


@pytest.mark.parametrize(
    "url",
    [
        "https://music.example/guitars/amp",
        "https://music.example/amp",
        "https://music.example/amp/",
        "https://music.example/amp/reviews",
        "https://lab.amp.example.org/a-long-story",
        "https://amp.example/a-long-story",
        "https://amp.city.gov.example/a-long-story",
        "https://www.google.com/amp/",
        "https://www.google.com/search?q=amp",
        "https://a.example/le-pont?output=pdf",
    ],
)
def test_what_only_has_the_word_in_it_stays_as_it_is(url: str) -> None:
    assert canonical_url(url) == url


@pytest.mark.parametrize("url", [PLAIN + "/amp", "https://www.google.com/amp/s/a.example/le-pont-rouvre/amp/"])
def test_the_plain_address_is_its_own(url: str) -> None:
    assert canonical_url(canonical_url(url)) == canonical_url(url)
