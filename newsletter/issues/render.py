"""An issue as a mail and as a page: pure, from DigestContent to HTML and text."""

import re
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from newsletter.core.i18n import format_date, format_number, ngettext, use_locale
from newsletter.core.i18n import gettext as _
from newsletter.core.prose import clean_characters, clean_line, clean_paragraphs, excerpt
from newsletter.core.templating import RenderedMail, compact, mjml_to_html, render
from newsletter.delivery.slots import SLOT_PREFERENCES, SLOT_UNSUBSCRIBE, protect
from newsletter.issues.content import DigestContent, Image, Story
from newsletter.issues.layout import Layout, fit, layout_stories
from newsletter.issues.personal import for_nobody, with_slots
from newsletter.issues.subject import LONGEST_PREHEADER, make_preheader, make_subject, shorten

LEAD_WORDS: Final = 75
CARD_WORDS: Final = 38
LONGEST_TITLE: Final = 200
LONGEST_SUMMARY: Final = 900
LONGEST_URL: Final = 2000  # longer ones break in some mail programs, and a few of them would fill the mail
PICTURE_WIDTH: Final = 536  # pixels between the margins of a column of 600
LEAST_PICTURE: Final = 200  # pixels; what is narrower is an icon or counts readers

_UNSAFE_IN_URL: Final = re.compile("[\0-\x20\x7f-\xa0\u2028\u2029\"'<>\\\\^`{|}]")


def render_digest(content: DigestContent, locale: str) -> RenderedMail:
    """The mail of an issue, one for all readers of a language, with at most 90 kB of HTML.

    Marks of `newsletter.delivery.slots` stand where a reader's own links and data go, in the HTML, the text, the
    subject and the preheader. HTML and text have the same stories: those that did not fit are counted, with a link to
    the web page that has them.
    """
    with use_locale(locale):
        written = content
        content = _tidy(content)
        values = _values(_protected(content, written), locale)

        def html(layout: Layout) -> str:
            return compact(mjml_to_html(render("digest/body.mjml", **values, **_of_layout(layout))))

        planned = layout_stories(values["digest"].stories, left_out=content.left_out)
        layout = fit(planned, lambda tried: len(html(tried).encode()))
        return RenderedMail(
            subject=render("digest/subject.txt", subject=values["digest"].subject),
            preheader=values["digest"].preheader,
            html=html(layout),
            text=render("digest/body.txt", **values, **_of_layout(layout)),
        )


def render_web(content: DigestContent, locale: str) -> str:
    """The issue as a fragment for the archive's page, below a heading of that page: every story, nothing personal.

    It has no style attribute, as the policy of our pages wants it. Stories without an address of their own are whole.
    """
    with use_locale(locale):
        content = _tidy(
            replace(
                content,
                subject=for_nobody(content.subject),
                preheader=for_nobody(content.preheader),
                introduction=for_nobody(content.introduction),
            ),
            web=True,
        )
        layout = layout_stories(content.stories)
        return compact(render("digest/web.html", **_values(content, locale), **_of_layout(layout)))


def _tidy(content: DigestContent, *, web: bool = False) -> DigestContent:
    """The content with clean characters, excerpts, safe links and a subject; a mail leads to the web page."""
    page = "" if web else content.web_url
    stories = tuple(
        _tidy_story(story, LEAD_WORDS if place == 0 else CARD_WORDS, page)
        for place, story in enumerate(content.stories)
    )
    newsletter = _line(content.newsletter)
    return replace(
        content,
        newsletter=newsletter,
        publisher=_line(content.publisher),
        postal_address=_line(content.postal_address),
        stories=stories,
        subject=_line(content.subject) or make_subject(stories, newsletter=newsletter, number=content.number),
        preheader=_fit_preheader(_line(content.preheader)) or make_preheader(stories),
        introduction="\n\n".join(clean_paragraphs(content.introduction)),
    )


def _fit_preheader(text: str) -> str:
    """Cut where inboxes cut; a text that is too long with its fallbacks says the same to everybody."""
    public = for_nobody(text)
    return text if len(public) <= LONGEST_PREHEADER else shorten(public, LONGEST_PREHEADER)


def _tidy_story(story: Story, words: int, page: str) -> Story:
    own_page = f"{page}#{story.key}" if story.key else page
    return replace(
        story,
        title=shorten(_line(story.title), LONGEST_TITLE),
        url=_safe_url(story.url) or own_page,
        summary=shorten(excerpt(_line(story.summary), words), LONGEST_SUMMARY),
        topic=_line(story.topic),
        author=shorten(_line(story.author), LONGEST_TITLE),
        source=shorten(_line(story.source), LONGEST_TITLE),
        image=_tidy_image(story.image),
    )


def _tidy_image(image: Image | None) -> Image | None:
    if image is None or not (url := _safe_url(image.url)) or 0 < image.width < LEAST_PICTURE:
        return None
    return replace(image, url=url, alt=shorten(_line(image.alt), LONGEST_TITLE))


def _line(text: str) -> str:
    return clean_line(clean_characters(text).replace("\n", " "))


def _safe_url(url: str) -> str:
    """An address of the web that can stand in a link; empty for any other, which no reader could open."""
    url = _UNSAFE_IN_URL.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), url.strip())
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return ""
    return url if usable and len(url) <= LONGEST_URL else ""


def _protected(content: DigestContent, written: DigestContent) -> DigestContent:
    """The content with slots where an editor wants a reader's own data; nothing else can be taken for the mark of one.

    `written` is what came from the editor: a subject that was made of headlines holds none.
    """
    return replace(
        content,
        newsletter=protect(content.newsletter),
        publisher=protect(content.publisher),
        postal_address=protect(content.postal_address),
        web_url=protect(content.web_url),
        stories=tuple(_protected_story(story) for story in content.stories),
        subject=with_slots(content.subject) if _line(written.subject) else protect(content.subject),
        preheader=with_slots(content.preheader) if _line(written.preheader) else protect(content.preheader),
        introduction=with_slots(content.introduction),
    )


def _protected_story(story: Story) -> Story:
    image = story.image and replace(story.image, url=protect(story.image.url), alt=protect(story.image.alt))
    return replace(
        story,
        title=protect(story.title),
        url=protect(story.url),
        summary=protect(story.summary),
        topic=protect(story.topic),
        author=protect(story.author),
        source=protect(story.source),
        image=image,
    )


def _values(content: DigestContent, locale: str) -> dict[str, Any]:
    return {
        "digest": content,
        "locale": locale,
        "day": format_date(content.day),
        "introduction": [text for text in content.introduction.split("\n\n") if text],
        "sender": ", ".join(filter(None, (content.publisher, content.postal_address))),
        "minutes": _minutes,
        "unsubscribe": SLOT_UNSUBSCRIBE,
        "preferences": SLOT_PREFERENCES,
    }


def _of_layout(layout: Layout) -> dict[str, Any]:
    return {
        "layout": layout,
        "picture_height": _picture_height(layout.lead.image) if layout.lead and layout.lead.image else 0,
        "more_online": ngettext("One more story is online", "%(num)s more stories are online", layout.left_out),
    }


def _picture_height(image: Image) -> int:
    return round(PICTURE_WIDTH * image.height / image.width) if image.width and image.height else 0


def _minutes(minutes: int) -> str:
    return _("%(minutes)s min", minutes=format_number(minutes))
