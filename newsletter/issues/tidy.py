"""What an issue says, made fit for mail and web: clean characters, safe links, texts of a bearable length."""

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlsplit

from newsletter.core.i18n import format_date, format_number
from newsletter.core.i18n import gettext as _
from newsletter.core.prose import clean_characters, clean_line, clean_paragraphs, excerpt, sentences
from newsletter.delivery.slots import protect
from newsletter.issues.content import DigestContent, Elsewhere, Image, Story
from newsletter.issues.personal import for_nobody, with_slots
from newsletter.issues.subject import LONGEST_PREHEADER, shorten

LEAD_WORDS: Final = 75
CARD_WORDS: Final = 38
SENTENCE_WORDS: Final = 28
LONGEST_TITLE: Final = 200
LONGEST_SUMMARY: Final = 900
LONGEST_URL: Final = 2000  # longer ones break in some mail programs, and a few of them would fill the mail
LEAST_PICTURE: Final = 200  # pixels; what is narrower is an icon or counts readers
MOST_PLACES: Final = 3  # where else a story is told
FRESH: Final = timedelta(days=1)  # a story of the day, or of the day before, needs no date

# The private use area is for marks of ours, see issues.pieces.
_UNSAFE_IN_URL: Final = re.compile("[\0-\x20\x7f-\xa0\u2028\u2029\ue000-\uf8ff\"'<>\\\\^`{|}]")


@dataclass(frozen=True, slots=True)
class Told:
    """A story as a piece shows it. `credits` is the line below it: who wrote it, where it comes from, of when it is,
    how long reading takes.
    """

    title: str
    url: str
    summary: str
    credits: tuple[str, ...]
    image: Image | None
    updated: bool
    also_in: tuple[Elsewhere, ...]
    language: str
    key: str
    body_html: str


def tidy(content: DigestContent, *, web: bool = False) -> DigestContent:
    """The issue without its stories, for a mail or for the web page, where nothing is personal.

    In a mail slots stand where an editor wants a reader's own data; nothing else can be taken for the mark of one.
    """
    say = for_nobody if web else with_slots
    safe = _as_it_is if web else protect
    preheader = _line(content.preheader)
    public = for_nobody(preheader)
    fitting = preheader if len(public) <= LONGEST_PREHEADER else shorten(public, LONGEST_PREHEADER)
    return replace(
        content,
        newsletter=safe(_line(content.newsletter)),
        publisher=safe(_line(content.publisher)),
        postal_address=safe(_line(content.postal_address)),
        web_url=safe(content.web_url),
        subject=say(_line(content.subject)),
        preheader=say(fitting),
        introduction=say("\n\n".join(clean_paragraphs(content.introduction))),
        stories=(),
    )


def tidy_story(story: Story) -> Story:
    """A story with one-line texts and safe links."""
    return replace(
        story,
        title=shorten(_line(story.title), LONGEST_TITLE),
        url=safe_url(story.url),
        summary=_line(story.summary),
        topic=_line(story.topic),
        section=_line(story.section),
        author=shorten(_line(story.author), LONGEST_TITLE),
        source=shorten(_line(story.source), LONGEST_TITLE),
        image=_tidy_image(story.image),
        also_in=tuple(_elsewhere(story)),
    )


def read_on(page: str, story: Story) -> Story:
    """A tidy story as a mail has it: without an address of its own it is read on the `page`."""
    if story.url:
        return story
    return replace(story, url=f"{page}#{story.key}" if story.key and page else page)


def told(story: Story, words: int, day: date, *, group: bool = False) -> Told:
    """A tidy story with at most so many words (0: none), in an issue of that day; with its section or topic if
    `group`.
    """
    return Told(
        title=story.title,
        url=story.url,
        summary=shorten(excerpt(story.summary, words), LONGEST_SUMMARY) if words else "",
        credits=tuple(filter(None, (story.section or story.topic if group else "", *_credits(story, day)))),
        image=story.image,
        updated=story.updated,
        also_in=story.also_in,
        language=story.language,
        key=story.key,
        body_html=story.body_html,
    )


def in_a_sentence(story: Story) -> Story:
    """The story with the first sentence of its summary only."""
    return replace(story, summary=next(iter(sentences(story.summary)), ""))


def protected(story: Told) -> Told:
    """The story without anything that could be taken for the mark of a slot."""
    image = story.image and replace(story.image, url=protect(story.image.url), alt=protect(story.image.alt))
    return replace(
        story,
        title=protect(story.title),
        url=protect(story.url),
        summary=protect(story.summary),
        credits=tuple(map(protect, story.credits)),
        image=image,
        also_in=tuple(Elsewhere(protect(place.name), protect(place.url)) for place in story.also_in),
    )


def safe_url(url: str) -> str:
    """An address of the web that can stand in a link; empty for any other, which no reader could open."""
    url = _UNSAFE_IN_URL.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), url.strip())
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return ""
    return url if usable and len(url) <= LONGEST_URL else ""


def _credits(story: Story, day: date) -> list[str]:
    words = [story.author, story.source if story.source != story.author else ""]
    if story.day is not None and story.day < day - FRESH:
        words.append(format_date(story.day, style="long"))
    if story.minutes:
        words.append(_("%(minutes)s min", minutes=format_number(story.minutes)))
    return words


def _elsewhere(story: Story) -> list[Elsewhere]:
    places = [
        Elsewhere(shorten(_line(place.name), LONGEST_TITLE), safe_url(place.url))
        for place in story.also_in[:MOST_PLACES]
    ]
    return [place for place in places if place.name and place.url]


def _tidy_image(image: Image | None) -> Image | None:
    if image is None or not (url := safe_url(image.url)) or 0 < image.width < LEAST_PICTURE:
        return None
    return replace(image, url=url, alt=shorten(_line(image.alt), LONGEST_TITLE))


def _line(text: str) -> str:
    return clean_line(clean_characters(text).replace("\n", " "))


def _as_it_is(text: str) -> str:
    return text
