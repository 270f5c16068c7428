"""Which pieces an issue is made of, in which order: one story leads, the next are cards, the rest are lines."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import Final, NamedTuple

from newsletter.issues.content import Story

CARDS: Final = 5
MOST_WEIGHT: Final = 90_000  # bytes of HTML; Gmail hides what comes after some 102 kB, the unsubscribe link with it


class Kind(StrEnum):
    """What a piece is. The first of several has no rule above it, so it is a piece of its own."""

    HEAD = "head"
    LEAD = "lead"
    HEADING = "heading"
    FIRST_CARD = "card0"
    CARD = "card"
    LINES = "lines"  # what stands around lines
    FIRST_LINE = "line0"
    LINE = "line"
    LINES_END = "lines-end"
    GROUP_END = "group-end"
    ONLINE = "online"  # a story that only the web page has room for
    ONLINE_HEADING = "online-heading"
    MORE = "more"
    FOOT = "foot"


class Piece(NamedTuple):
    """`which`: the story's article, the heading's place among all headings, or the count of those that are online."""

    kind: Kind
    which: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """What stands under one heading: cards, then lines."""

    heading: int
    cards: tuple[int, ...]
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of the stories, by article; `left_out` are those that are online only."""

    lead: int | None
    groups: tuple[Group, ...] = ()
    left_out: tuple[int, ...] = ()


class Headings:
    """The headings of an issue, numbered. Sections are headings; without any, the topics are those of the cards."""

    IN_BRIEF: Final = 0
    OTHERS: Final = 1

    def __init__(self, stories: Sequence[Story]) -> None:
        self.sections = any(story.section for story in stories)
        titles = dict.fromkeys(title for story in stories if (title := self._title(story)))
        self.titles = ("", "", *titles)
        places = {title: place for place, title in enumerate(self.titles) if title}
        self._of = {story.article_id: places.get(self._title(story), self.OTHERS) for story in stories}

    def _title(self, story: Story) -> str:
        return story.section if self.sections else story.topic

    def group(self, articles: Sequence[int]) -> dict[int, list[int]]:
        """Articles by heading, in the order in which the headings come up; those without one are the last."""
        groups: dict[int, list[int]] = {}
        for article in articles:
            groups.setdefault(self._of[article], []).append(article)
        if others := groups.pop(self.OTHERS, None):
            groups[self.OTHERS] = others
        return groups


def most_cards(articles: Sequence[int], headings: Headings) -> int:
    """How many stories could be cards: five, or one in each section."""
    others = articles[1:]
    return min(len(others), max(CARDS, len(headings.group(others)) if headings.sections else 0))


def lay_out(articles: Sequence[int], headings: Headings, *, cards: int, shown: int) -> Layout:
    """The first story leads; of the next, `cards` are cards and the others lines; behind the first `shown` they are
    online only.

    In an issue with sections each has its cards and its lines, and the cards are dealt out to them in turns. Otherwise
    the first are cards, by topic, and the lines stand together.
    """
    if not articles:
        return Layout(None)
    others, left_out = articles[1:shown], tuple(articles[max(1, shown) :])
    if headings.sections:
        groups = tuple(_sections(headings.group(others), cards))
    else:
        groups = tuple(Group(at, tuple(held), ()) for at, held in headings.group(others[:cards]).items())
        if lines := tuple(others[cards:]):
            groups = (*groups, Group(Headings.IN_BRIEF, (), lines))
    return Layout(articles[0], groups, left_out)


def list_up(articles: Sequence[int], headings: Headings, *, shown: int) -> Layout:
    """The same without cards: every story but the first is a line below its heading."""
    if not articles:
        return Layout(None)
    groups = headings.group(articles[1:shown])
    return Layout(
        articles[0],
        tuple(Group(at, (), tuple(held)) for at, held in groups.items()),
        tuple(articles[max(1, shown) :]),
    )


def pieces_of(layout: Layout, *, left_out: int = 0) -> list[Piece]:
    """What is set, one behind the other; `left_out` stories were online only from the beginning."""
    pieces = [Piece(Kind.HEAD)]
    if layout.lead is not None:
        pieces.append(Piece(Kind.LEAD, layout.lead))
    for group in layout.groups:
        pieces += _pieces_of_group(group)
    if layout.left_out:
        if layout.groups:
            pieces.pop()  # they go on in the last group of the web page
        else:
            pieces.append(Piece(Kind.ONLINE_HEADING))
        pieces += [Piece(Kind.ONLINE, article) for article in layout.left_out]
        pieces.append(Piece(Kind.GROUP_END))
    if online := len(layout.left_out) + left_out:
        pieces.append(Piece(Kind.MORE, online))
    pieces.append(Piece(Kind.FOOT))
    return pieces


def fit(
    arrange: Callable[[int, int], list[Piece]],
    weigh: Callable[[list[Piece]], int],
    *,
    cards: int,
    shown: int,
    most: int = MOST_WEIGHT,
) -> list[Piece]:
    """The pieces that weigh at most `most`: cards become lines from the last one on, then lines are left out.

    `arrange(cards, shown)` gives the pieces, `weigh` their bytes of HTML. A lead alone is never too heavy, since its
    texts and links are cut.
    """
    while (excess := weigh(pieces := arrange(cards, shown)) - most) > 0:
        if cards:
            cards -= 1
        elif shown > 1:
            each = max(1, (weigh(pieces) - weigh(arrange(0, 1))) // (shown - 1))
            shown = max(1, shown - ceil(excess / each))
        else:
            break
    return pieces


def _sections(groups: dict[int, list[int]], cards: int) -> Iterator[Group]:
    """Each section with its share of the cards: the first of each, then the second of each."""
    turns = max(map(len, groups.values()), default=0)
    dealt = [held[turn] for turn in range(turns) for held in groups.values() if turn < len(held)]
    chosen = frozenset(dealt[:cards])
    for at, held in groups.items():
        yield Group(
            at,
            tuple(article for article in held if article in chosen),
            tuple(article for article in held if article not in chosen),
        )


def _pieces_of_group(group: Group) -> Iterator[Piece]:
    yield Piece(Kind.HEADING, group.heading)
    for place, article in enumerate(group.cards):
        yield Piece(Kind.CARD if place else Kind.FIRST_CARD, article)
    if group.lines:
        yield Piece(Kind.LINES)
        for place, article in enumerate(group.lines):
            yield Piece(Kind.LINE if place or group.cards else Kind.FIRST_LINE, article)
        yield Piece(Kind.LINES_END)
    yield Piece(Kind.GROUP_END)
