"""The HTML of a message as the checks look at it: elements in their order, each with its parent, and the text between.

Bounded in bytes, elements and depth, so that no message, however it was made, takes long to be looked at.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from newsletter.core.tags import RAW, VOID, Close, Open, read_tags
from newsletter.issues.preflight import css
from newsletter.issues.preflight.css import Declaration, Rule

MOST_CHARACTERS: Final = 600_000  # what is behind them no mail program shows
MOST_ELEMENTS: Final = 12_000
DEEPEST: Final = 120  # elements below that are taken for their parents
LONGEST_VALUE: Final = 8000  # characters of an attribute

# End tags that may be left out: one of these ends the one before it.
_ENDS: Final = {"p": {"p"}, "li": {"li"}, "td": {"td", "th"}, "th": {"td", "th"}, "tr": {"tr", "td", "th"}}


@dataclass(slots=True, eq=False)
class Element:
    """`place` in the page's list; `texts` are the pieces directly below it."""

    name: str
    attributes: dict[str, str]
    parent: "Element | None"
    place: int
    depth: int = 0
    style: tuple[Declaration, ...] = ()
    texts: list[str] = field(default_factory=list)

    def up(self) -> Iterator["Element"]:
        """The element and all around it, from the inside out."""
        current: Element | None = self
        while current is not None:
            yield current
            current = current.parent


@dataclass(slots=True)
class Page:
    """`rules` of its style sheets; `cut`: it is longer or deeper than is looked at."""

    elements: list[Element]
    rules: list[Rule]
    cut: bool

    def named(self, *names: str) -> list[Element]:
        return [element for element in self.elements if element.name in names]

    def text_of(self, element: Element) -> str:
        """The text inside an element, pictures by what is said of them; cut to 300 characters."""
        pieces = list(element.texts)
        for other in self.elements[element.place + 1 : element.place + 50]:
            if other.depth <= element.depth:
                break
            pieces += [other.attributes.get("alt", "")] if other.name == "img" else other.texts
        return " ".join("".join(pieces).split())[:300]


class _Styles(dict[str, tuple[Declaration, ...]]):
    """What style attributes declare, each read once: those of cards and cells are the same again and again."""

    def __missing__(self, style: str) -> tuple[Declaration, ...]:
        self[style] = css.declarations(style)
        return self[style]


def read_page(html: str) -> Page:
    """The page; nothing in it makes this fail."""
    styles = _Styles()
    page = Page([], [], cut=len(html) > MOST_CHARACTERS)
    stack: list[Element] = []
    names: Counter[str] = Counter()  # of the elements on the stack
    sheets: list[str] = []
    for token in read_tags(html[:MOST_CHARACTERS]):
        match token:
            case str():
                if stack and stack[-1].name == "style":
                    sheets.append(token)
                elif stack:
                    stack[-1].texts.append(token)
            case Open():
                if len(page.elements) >= MOST_ELEMENTS:
                    page.cut = True
                    break
                _open(page, stack, names, styles, token)
            case Close():
                _close(stack, names, token.name)
    for sheet in sheets:
        page.rules += css.rules(sheet)
    page.rules = page.rules[: css.MOST_RULES]
    return page


def _open(page: Page, stack: list[Element], names: Counter[str], styles: _Styles, tag: Open) -> None:
    if stack and stack[-1].name in _ENDS.get(tag.name, ()):
        names[stack.pop().name] -= 1
    attributes = {name: value[:LONGEST_VALUE] for name, value in tag.attributes.items()}
    parent = stack[-1] if stack else None
    element = Element(
        tag.name,
        attributes,
        parent,
        len(page.elements),
        depth=parent.depth + 1 if parent else 0,
        style=styles[attributes["style"]] if attributes.get("style") else (),
    )
    page.elements.append(element)
    if tag.name in VOID:
        return
    if len(stack) < DEEPEST or tag.name in RAW:
        stack.append(element)
        names[tag.name] += 1
    else:
        page.cut = True


def _close(stack: list[Element], names: Counter[str], name: str) -> None:
    while names[name] > 0:
        ended = stack.pop().name
        names[ended] -= 1
        if ended == name:
            return
