"""An article from an entry of a feed. Nothing is made up: what the entry does not say stays empty."""

from collections.abc import Collection
from datetime import UTC, tzinfo
from typing import Final

from newsletter.articles.body import clean_body
from newsletter.articles.canonical import absolute_url, canonical_url
from newsletter.articles.draft import MAX_ALT, MAX_NAME, MAX_TITLE, ArticleDraft
from newsletter.articles.language import guess_language, primary_language
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.core.markup import html_to_text
from newsletter.core.prose import clean_characters, clean_line, count_words, excerpt
from newsletter.feeds.entry import ParsedEntry

SUMMARY_WORDS: Final = 45  # of a text that comes without a summary
LONG_SUMMARY: Final = 120  # words; some feeds put the whole article there
TITLE_WORDS: Final = 16
MAX_MARKUP: Final = 300_000  # characters; a long report has a tenth of that


def draft_of(
    entry: ParsedEntry,
    *,
    source: str,
    declared: str | None,
    spoken: Collection[str],
    language: str,
    zone: tzinfo = UTC,
) -> ArticleDraft:
    """The article that an entry tells.

    `source` is the feed's title, `declared` the language it says it is in, `spoken` the languages of the newsletter
    and `language` its own. Raises RefusedError for an entry without words, or with too many of them.
    """
    body, text, summary = _told(entry, zone)
    title = _cut(entry.title, MAX_TITLE) or excerpt(summary, TITLE_WORDS).rstrip(".")
    if not title:
        raise RefusedError(_("This entry has neither a title nor a text."))
    url = absolute_url(entry.url)
    sample = f"{title}\n{summary}\n{text}"
    return ArticleDraft(
        title=title,
        summary=summary,
        body_html=body,
        body_text=text,
        author=_cut(entry.author, MAX_NAME) or None,
        source_name=_cut(source, MAX_NAME) or None,
        url=url,
        canonical_url=canonical_url(url) if url else None,
        language=language_of((entry.language, declared), sample, spoken=spoken, own=language),
        topic=None,
        image_url=absolute_url(entry.image_url),
        image_alt=_cut(entry.image_alt, MAX_ALT),
        published_at=entry.published_at,
    )


def language_of(tags: Collection[str | None], sample: str, *, spoken: Collection[str], own: str) -> str:
    """The first language that is named and that the newsletter speaks. Where another one is named, the words decide:
    many a system says English whatever is written in it. Where none is, it is the newsletter's `own`.
    """
    speaks = set(spoken or LOCALES) | {own}
    named = [tag for tag in map(primary_language, tags) if tag]
    for tag in named:
        if tag in speaks:
            return tag
    guessed = guess_language(sample, own) if named else own
    return guessed if guessed in speaks else own


def _told(entry: ParsedEntry, zone: tzinfo) -> tuple[str, str, str]:
    """Body as HTML, body as text, summary. An entry may have a summary alone, or a text alone."""
    content, summary_html = entry.content_html or "", entry.summary_html or ""
    if max(len(content), len(summary_html)) > MAX_MARKUP:
        raise RefusedError(_("This text is too long for an article: %(count)d characters at most.", count=MAX_MARKUP))
    body, text = _clean(content, zone)
    short_html, short = (body, text) if summary_html == content else _clean(summary_html, zone)
    if not text and count_words(short) > LONG_SUMMARY:
        body, text = short_html, short
    if text and (not short or short == text):
        return body, text, excerpt(html_to_text(body, links=False), SUMMARY_WORDS)
    return body, text, " ".join(html_to_text(short_html, links=False).split())


def _clean(markup: str, zone: tzinfo) -> tuple[str, str]:
    """Safe HTML and its text, both empty when there is not one word in it."""
    if not markup.strip():
        return "", ""
    body, _found = clean_body(markup, zone)
    text = html_to_text(body)
    return (body, text) if count_words(text) else ("", "")


def _cut(value: str | None, limit: int) -> str:
    """One clean line, ended after a word where it is too long."""
    text = clean_line(clean_characters(value or "").replace("\n", " "))
    return text if len(text) <= limit else text[: limit - 1].rsplit(" ", 1)[0] + "…"
