"""The subject and the preheader of an issue, made from its stories when nobody wrote them."""

import re
from collections.abc import Sequence

from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.core.prose import excerpt
from newsletter.issues.content import Story

LONGEST_SUBJECT = 70  # characters; a phone shows 40, a desktop about 70
LONGEST_PREHEADER = 110

_SMALL_WORDS = re.compile(r"(?: [^\W\d_A-Z]{1,3}\b)+$")


def make_subject(stories: Sequence[Story], *, newsletter: str, number: int) -> str:
    """The first headline, with the count of the others where that fits; without stories the newsletter's name.

    In the current language, at most 70 characters.
    """
    titles = [story.title for story in stories if story.title]
    if not titles:
        return shorten(_("%(newsletter)s, issue %(number)s", newsletter=newsletter, number=number), LONGEST_SUBJECT)
    title, others = titles[0], len(titles) - 1
    if others:
        whole = ngettext(
            "%(title)s, and one more story",
            "%(title)s, and %(count)s more stories",
            others,
            title=title.rstrip("."),
            count=_number_word(others),
        )
        if len(whole) <= LONGEST_SUBJECT and not title.endswith(("?", "!", "…", "»", "”")):
            return whole
    return shorten(title, LONGEST_SUBJECT)


def make_preheader(stories: Sequence[Story]) -> str:
    """The headlines behind the first, as many as fit; a single story's summary."""
    titles = [story.title for story in stories if story.title]
    if len(titles) < 2:
        return shorten(excerpt(stories[0].summary, LONGEST_PREHEADER), LONGEST_PREHEADER) if stories else ""
    text = ""
    for title in titles[1:]:
        sentence = title if title.endswith((".", "?", "!", "…", "»", "”")) else f"{title}."
        if text and len(text) + 1 + len(sentence) > LONGEST_PREHEADER:
            break
        text = f"{text} {sentence}".lstrip()
    return shorten(text, LONGEST_PREHEADER)


def shorten(text: str, longest: int) -> str:
    """The text, or its beginning with an ellipsis: cut after a word where that keeps half of the room.

    Articles and prepositions before the cut go too: "au cosmodrome…" and not "au cosmodrome de…".
    """
    if len(text) <= longest:
        return text
    room = text[:longest]
    cut = room.rfind(" ")
    kept = _SMALL_WORDS.sub("", room[:cut]) if cut * 2 >= longest else room[:-1]
    return kept.rstrip(" \u00a0\u202f,;:.–—-«“(") + "…"


def _number_word(number: int) -> str:
    """Numbers up to ten as words: a subject is a sentence."""
    words = [_("two"), _("three"), _("four"), _("five"), _("six"), _("seven"), _("eight"), _("nine"), _("ten")]
    return words[number - 2] if 2 <= number <= 10 else str(number)
