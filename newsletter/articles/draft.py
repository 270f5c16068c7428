"""An article as it was read from somewhere, before it becomes a row."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

# What the columns hold; found values are cut to it, given ones are refused by the editing service.
MAX_TITLE = 300
MAX_NAME = 200
MAX_ALT = 300


@dataclass(frozen=True, slots=True)
class ArticleDraft:
    """`body_html` is sanitised, `body_text` has blank lines between paragraphs, `published_at` is aware.

    What the source does not tell is None (or empty, for `image_alt`); only a missing summary is taken from the body.
    `topic` is the word found or given, not yet a topic of any newsletter. `markdown`: what the body was made of.
    """

    title: str
    summary: str
    body_html: str
    body_text: str
    author: str | None
    source_name: str | None
    url: str | None
    canonical_url: str | None
    language: str
    topic: str | None
    image_url: str | None
    image_alt: str
    published_at: datetime | None
    markdown: str | None = None


class Given(TypedDict, total=False):
    """What a person or a calling program says about an article; it wins over what is found in the text."""

    title: str | None
    summary: str | None
    author: str | None
    source_name: str | None
    language: str | None
    topic: str | None
    image_url: str | None
    image_alt: str | None
    published_at: datetime | None


class Facts(Given, total=False):
    """What is known about an article from any side, its address included."""

    url: str | None
