"""Which language a page answers in."""

import pytest
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from newsletter.web.language import choose


def accepted(header: str) -> LanguageAccept:
    return parse_accept_header(header, LanguageAccept)


@pytest.mark.parametrize(
    ("asked", "header", "fallback", "answer"),
    [
        (None, "", "fr", "fr"),
        (None, "", "en", "en"),
        (None, "", "xx", "fr"),
        (None, "fr-TG,fr;q=0.9,en;q=0.8", "en", "fr"),
        (None, "en-US,en;q=0.9", "fr", "en"),
        (None, "de,en;q=0.5", "fr", "en"),
        (None, "de,ee", "en", "en"),
        ("en", "fr", "fr", "en"),
        ("xx", "fr", "en", "fr"),
        ("fr\r\nSet-Cookie: x", "", "en", "en"),
        (None, "\x00;;q=x,,", "fr", "fr"),
    ],
)
def test_the_address_counts_before_the_browser_and_the_browser_before_the_newsletter(
    asked: str | None, header: str, fallback: str, answer: str
):
    assert choose(asked, accepted(header), fallback) == answer
