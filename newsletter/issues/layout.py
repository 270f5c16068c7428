"""How the stories of an issue are laid out: one leads, the next are cards by topic, the rest are lines."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

from newsletter.issues.content import Story

CARDS = 5
MOST_WEIGHT = 90_000  # bytes of HTML; Gmail hides what comes after some 102 kB, the unsubscribe link with it


@dataclass(frozen=True, slots=True)
class Group:
    """Cards under one heading; an empty topic is that of stories without one."""

    topic: str
    stories: tuple[Story, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of the stories; `left_out` counts those that are online only."""

    lead: Story | None
    cards: tuple[Story, ...] = ()
    lines: tuple[Story, ...] = ()
    left_out: int = 0

    def groups(self) -> Iterator[Group]:
        """Cards by topic, in the order in which the topics come up; those without a topic are the last."""
        topics = sorted(dict.fromkeys(card.topic for card in self.cards), key=lambda topic: not topic)
        for topic in topics:
            yield Group(topic, tuple(card for card in self.cards if card.topic == topic))


def layout_stories(stories: Sequence[Story], *, left_out: int = 0) -> Layout:
    """The first story leads, the next five are cards, the others lines."""
    return Layout(
        lead=stories[0] if stories else None,
        cards=tuple(stories[1 : 1 + CARDS]),
        lines=tuple(stories[1 + CARDS :]),
        left_out=left_out,
    )


def fit(layout: Layout, weigh: Callable[[Layout], int], *, most: int = MOST_WEIGHT) -> Layout:
    """The layout that weighs at most `most`: cards become lines from the last one on, then lines are left out.

    `weigh` gives the bytes of HTML of a layout. A lead alone is never too heavy, since its texts and links are cut.
    """
    while (excess := weigh(layout) - most) > 0:
        if layout.cards:
            layout = replace(layout, cards=layout.cards[:-1], lines=(layout.cards[-1], *layout.lines))
        elif layout.lines:
            each = max(1, (weigh(layout) - weigh(replace(layout, lines=()))) // len(layout.lines))
            gone = min(len(layout.lines), ceil(excess / each))
            layout = replace(layout, lines=layout.lines[:-gone], left_out=layout.left_out + gone)
        else:
            return layout
    return layout
