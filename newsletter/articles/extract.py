"""Articles read from texts, Markdown, HTML, files and web pages, as values.

What the caller gives wins over what the source says, and what neither says stays empty: a title and a summary are taken
from the text's own words, nothing else is made up.
"""

import re
from dataclasses import replace
from datetime import UTC, tzinfo
from pathlib import PurePath
from typing import Final, Unpack, cast

from newsletter.articles.body import clean_body, paragraphs_to_html
from newsletter.articles.canonical import absolute_url, canonical_url
from newsletter.articles.decoding import decode_bytes
from newsletter.articles.draft import MAX_ALT, MAX_NAME, MAX_TITLE, ArticleDraft, Facts, Given
from newsletter.articles.frontmatter import read_fields, split_front_matter
from newsletter.articles.language import guess_language, primary_language
from newsletter.articles.leftovers import sift
from newsletter.articles.page import page_facts, readable_html
from newsletter.core.errors import RefusedError
from newsletter.core.fetching import Fetched
from newsletter.core.i18n import gettext as _
from newsletter.core.markup import html_to_text, markdown_to_html
from newsletter.core.prose import clean_characters, clean_line, clean_paragraphs, count_words, excerpt, sentences

__all__ = [
    "ArticleDraft",
    "Given",
    "canonical_url",
    "decode_bytes",
    "from_file",
    "from_html",
    "from_markdown",
    "from_text",
    "from_url",
    "guess_language",
]

SUMMARY_WORDS: Final = 45
TITLE_WORDS: Final = 16
HEADLINE: Final = 150  # characters; a first line up to this long that has no full stop is a headline
MAX_TEXT: Final = 2_000_000  # characters, markup included

_HEADING: Final = re.compile(r"<h([2-4])>(.*?)</h\1>", re.DOTALL)
_FIRST_HEADING: Final = re.compile(r"\A\s*(?:#{1,6}[ \t][^\n]*|[^\n]+\n(?:=+|-+)[ \t]*)(?:\n|\Z)")
_PARAGRAPH: Final = re.compile(r"<p>.*?</p>", re.DOTALL)
_WHOLE_PAGE: Final = re.compile(r"<(?:!doctype|html|head|body)\b", re.IGNORECASE)
_MARKUP: Final = re.compile(r"\s*<(?:!doctype|html|head|body|article|div|p|h[1-6]|section|\?xml|!--)\b", re.IGNORECASE)


def from_text(text: str, *, url: str | None = None, zone: tzinfo = UTC, **given: Unpack[Given]) -> ArticleDraft:
    """An article from plain text, clean or scraped; `zone` is that of dates in it. Raises RefusedError without text."""
    lines = clean_characters(_bounded(text)).split("\n")
    sifted = sift([line.strip(" \t\xa0\u202f") for line in lines], zone)
    paragraphs = clean_paragraphs("\n".join(_part_headline([line for line in sifted.lines if line is not None])))
    found: Facts = {**sifted.found, "url": url}
    if len(paragraphs) > 1 and _is_headline(paragraphs[0], given.get("title")):
        found["title"] = paragraphs.pop(0)
    return _compose(paragraphs_to_html(paragraphs), found, given)


def from_markdown(text: str, *, url: str | None = None, zone: tzinfo = UTC, **given: Unpack[Given]) -> ArticleDraft:
    """An article from Markdown, with or without a front matter. Raises RefusedError without text or at a false date."""
    fields, source = split_front_matter(clean_characters(_bounded(text)))
    body, found = clean_body(markdown_to_html(source), zone)
    told: Facts = {**found, **read_fields(fields, zone)}
    if url:
        told["url"] = url
    if given.get("title"):
        told["title"] = given["title"]  # a first heading that says something else is one of the text
    below, told = _lift_heading(body, told)
    kept = source if below == body else _FIRST_HEADING.sub("", source)
    return replace(_compose(below, told, given), markdown=kept.strip())


def from_html(page: str, url: str | None = None, *, zone: tzinfo = UTC, **given: Unpack[Given]) -> ArticleDraft:
    """An article from a web page or a fragment of HTML; `url` is where it was read, the base of its links.

    Of a page the readable part is taken; a fragment is all article. Raises RefusedError when no text is left.
    """
    page = clean_characters(_bounded(page))
    facts, canonical = page_facts(page, url, zone)
    whole = _WHOLE_PAGE.search(page) is not None
    body, found = clean_body(readable_html(page, url) if whole else page, zone)
    told: Facts = {**found, **_filled(facts), "url": url}
    return _compose(*_lift_heading(body, told), given, canonical)


def from_url(fetched: Fetched, *, zone: tzinfo = UTC, **given: Unpack[Given]) -> ArticleDraft:
    """An article from the answer to a request; its address is where redirects ended. RefusedError: it has no text."""
    text = decode_bytes(fetched.body, fetched.charset)
    if "html" in fetched.content_type:
        return from_html(text, fetched.url, zone=zone, **given)
    if "markdown" in fetched.content_type or fetched.url.lower().endswith((".md", ".markdown")):
        return from_markdown(text, url=fetched.url, zone=zone, **given)
    return from_text(text, url=fetched.url, zone=zone, **given)


def from_file(
    data: bytes, name: str, *, url: str | None = None, zone: tzinfo = UTC, **given: Unpack[Given]
) -> ArticleDraft:
    """An article from a file: by the ending of its name, else by how it begins. RefusedError: it is no text."""
    text = decode_bytes(data)
    match PurePath(name).suffix.lower():
        case ".md" | ".markdown":
            return from_markdown(text, url=url, zone=zone, **given)
        case ".html" | ".htm" | ".xhtml":
            return from_html(text, url, zone=zone, **given)
        case ".txt" | ".text":
            return from_text(text, url=url, zone=zone, **given)
    if _MARKUP.match(text):
        return from_html(text, url, zone=zone, **given)
    if split_front_matter(text)[0] or text.lstrip().startswith("# "):
        return from_markdown(text, url=url, zone=zone, **given)
    return from_text(text, url=url, zone=zone, **given)


def _compose(body: str, found: Facts, given: Given, canonical: str | None = None) -> ArticleDraft:
    """The draft from a clean body and what was found and given; found values that no column holds are cut."""
    text = html_to_text(body)
    if not count_words(text):
        raise RefusedError(_("There is no readable text in it."))
    plain = html_to_text(body, links=False)
    told: Facts = {**found, **_filled(given)}
    url = absolute_url(told.get("url"))
    address = canonical or url
    return ArticleDraft(
        title=_cut(told.get("title"), MAX_TITLE)
        or excerpt(sentences(plain.split("\n\n")[0])[0], TITLE_WORDS).rstrip("."),
        summary=_one_line(told.get("summary")) or excerpt(_running_text(body) or plain, SUMMARY_WORDS),
        body_html=body,
        body_text=text,
        author=_cut(told.get("author"), MAX_NAME) or None,
        source_name=_cut(told.get("source_name"), MAX_NAME) or None,
        url=url,
        canonical_url=canonical_url(address) if address else None,
        language=primary_language(told.get("language")) or guess_language(plain),
        topic=_cut(told.get("topic"), MAX_NAME) or None,
        image_url=absolute_url(told.get("image_url")),
        image_alt=_cut(told.get("image_alt"), MAX_ALT),
        published_at=told.get("published_at"),
    )


def _running_text(body: str) -> str:
    """The paragraphs alone: headings and lists read badly on one line."""
    return html_to_text("".join(_PARAGRAPH.findall(body)), links=False)


def _filled(given: Given) -> Given:
    """Without what is None or empty, so that it overrides nothing."""
    return cast(Given, {name: value for name, value in given.items() if value})


def _lift_heading(body: str, found: Facts) -> tuple[str, Facts]:
    """Take the title out of the body: a first heading that is it, or that becomes it."""
    heading = _HEADING.match(body)
    if heading is None:
        return body, found
    words = html_to_text(heading[2], links=False)
    title = found.get("title")
    if title and not _same(words, title):
        return body, found
    found["title"] = title or words
    return body[heading.end() :].strip(), found


def _part_headline(lines: list[str]) -> list[str]:
    """Set a headline apart that has only a line break below it: one that ends early though its next word had room."""
    filled = [line for line in lines if line]
    if len(filled) < 2 or lines[lines.index(filled[0]) + 1 :][:1] == [""]:
        return lines
    first, second = filled[0], filled[1]
    room = max(len(line) for line in filled[1:]) - len(first) - 1
    if (
        len(first) <= HEADLINE
        and not re.search(r"[.,;:…-]$", first)
        and second[0].isupper()
        and len(second.split()[0]) < room
    ):
        place = lines.index(first) + 1
        return [*lines[:place], "", *lines[place:]]
    return lines


def _is_headline(paragraph: str, title: str | None) -> bool:
    if title:
        return _same(paragraph, title)
    return len(paragraph) <= HEADLINE and not re.search(r"[.,;:…]$", paragraph) and paragraph[0] not in "-–—•*"


def _same(one: str, other: str) -> bool:
    return re.sub(r"\W+", "", one).casefold() == re.sub(r"\W+", "", other).casefold()


def _one_line(value: str | None) -> str:
    return clean_line(clean_characters(value).replace("\n", " ")) if value else ""


def _cut(value: str | None, limit: int) -> str:
    text = _one_line(value)
    return text if len(text) <= limit else text[: limit - 1].rsplit(" ", 1)[0] + "…"


def _bounded(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise RefusedError(_("This text is too long for an article: %(count)d characters at most.", count=MAX_TEXT))
    return text
