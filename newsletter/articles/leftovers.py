"""What a web page leaves around the text that was copied out of it: buttons, menus, credits, banners.

A line goes only when all of it is such a thing, word for word; a sentence that merely begins like one is the author's.
Dates, bylines and sources that stand there are kept aside: they are facts about the article.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from newsletter.articles import phrases
from newsletter.articles.dates import parse_date
from newsletter.articles.draft import Facts

BYLINE_WITHIN: Final = 8  # lines from the top; a name further down is part of the text
MOST_RELATED: Final = 3  # headlines below "Lire aussi"; further ones are the article's
LONGEST: Final = 500  # characters of a line that may be a leftover

_HEADLINE: Final = re.compile(r"(?=(?:\S+\s+){3,}\S)(?:[^.!?…]|[.!?…](?!\s|$)){10,150}(?<![:»”])")
_DECORATION: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Sifted:
    """`lines` has an entry for each line that came in, None where it was a leftover; `found` is what leftovers told."""

    lines: tuple[str | None, ...]
    found: Facts


def sift(lines: Sequence[str], zone: tzinfo) -> Sifted:
    """Tell the lines of an article from what a page left around them; `zone` is that of its dates.

    Empty lines stay; they say where a block ends.
    """
    kept: list[str | None] = [None if line.strip() and _is_leftover(line.strip()) else line for line in lines]
    kept = [_without_tail(line) if line else line for line in kept]
    _drop_related(kept, lines)
    _drop_menus(kept)
    _drop_beside(kept, lines)
    found = _facts(lines, kept, zone)
    return Sifted(tuple(kept), found)


def _is_leftover(line: str) -> bool:
    if len(line) > 500:
        return False
    return any(pattern.fullmatch(line) for pattern in (_DECORATION, phrases.BITS, phrases.LINES, phrases.TRAIL))


def _drop_related(kept: list[str | None], lines: Sequence[str]) -> None:
    """A label of related pieces goes, and when it stands alone the headlines below it: lone lines without an end."""
    below = 0
    for index, line in enumerate(lines):
        text = (kept[index] or "").strip()
        if not line.strip():
            continue
        if related := phrases.RELATED.fullmatch(text):
            kept[index] = None
            below = 0 if len((related["rest"] or "").strip(" :\xa0\u202f>→|–-")) > 2 else MOST_RELATED
        elif below and _HEADLINE.fullmatch(text) and not _goes_on_below(lines, index):
            kept[index] = None
            below -= 1
        else:
            below = 0


def _goes_on_below(lines: Sequence[str], index: int) -> bool:
    """Whether a line is the first of a paragraph that was broken over several, double-spaced or not."""
    following = next((line.strip() for line in lines[index + 1 : index + 4] if line.strip()), "")
    unbroken = index + 1 < len(lines) and lines[index + 1].strip() != ""
    return unbroken or following[:1].islower()


def _drop_menus(lines: list[str | None]) -> None:
    """Three or more menu words one below the other are a menu; one alone may be a heading."""
    run: list[int] = []
    for index, line in enumerate([*lines, "."]):
        text = (line or "").strip()
        if text and phrases.MENU.fullmatch(text):
            run.append(index)
        elif text:
            if len(run) >= 3:
                for place in run:
                    lines[place] = None
            run = []


def _drop_beside(kept: list[str | None], lines: Sequence[str]) -> None:
    """A bare number beside a leftover is its count."""
    filled = [index for index, line in enumerate(lines) if line.strip()]
    for rank, index in enumerate(filled):
        line = kept[index]
        if line and phrases.BARE_NUMBER.fullmatch(line.strip()):
            beside = filled[max(rank - 1, 0) : rank] + filled[rank + 1 : rank + 2]
            if any(kept[place] is None for place in beside):
                kept[index] = None


def _facts(lines: Sequence[str], kept: list[str | None], zone: tzinfo) -> Facts:
    """Date, byline and source from the lines around the text. Byline and source lines are dropped in `kept`."""
    found = Facts()
    filled = [index for index, line in enumerate(lines) if line.strip()]
    for rank, index in enumerate(filled):
        text = lines[index].strip()
        if len(text) > 200:
            continue
        if kept[index] is None:
            if (
                "published_at" not in found
                and (match := phrases.PUBLISHED.search(text))
                and (date := parse_date(match[1], zone))
            ):
                found["published_at"] = date
            if "source_name" not in found and (match := phrases.CREDIT.fullmatch(text)) and "©" not in text:
                found["source_name"] = match[1]
        elif "author" not in found and rank < BYLINE_WITHIN and (match := phrases.BYLINE.fullmatch(text)):
            found["author"], kept[index] = match[1], None
        elif match := phrases.SOURCE.fullmatch(text):
            found["source_name"], kept[index] = match[1].strip(), None
    return found


def _without_tail(line: str) -> str:
    return phrases.RIGHTS_TAIL.sub("", phrases.RELATED_TAIL.sub("", line))
