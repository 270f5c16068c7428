"""How the text of a message is seen, in light and in dark: its colour, what is behind it, its size, whether at all."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter
from typing import Final

from newsletter.core.colour import BLACK, WHITE, Colour, first_colour, read_colour
from newsletter.issues.preflight.css import Rule
from newsletter.issues.preflight.matching import Applied, Matcher
from newsletter.issues.preflight.page import Element, Page

LOOKED_AT: Final = frozenset(
    {"color", "background", "background-color", "background-image", "font", "font-size", "font-weight"}
    | {"display", "visibility", "opacity", "max-height"}
)
UNSEEN: Final = frozenset({"head", "title", "style", "script", "template", "noscript"})
DEFAULT_SIZE: Final = 16.0
LINK: Final = Colour(0, 0, 0xEE / 255)
LINK_IN_DARK: Final = Colour(0x9E / 255, 0x9E / 255, 1)
BOLD: Final = frozenset({"bold", "bolder", "600", "700", "800", "900"})
HEADINGS: Final = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "h4": 1.0, "h5": 0.83, "h6": 0.67, "small": 0.83}

Hints = tuple[tuple[str, str], ...]
"""What attributes say of a look, as properties and their values."""

_SIZE: Final = re.compile(r"(\d+\.?\d*|\.\d+)(px|pt|em|rem|%)?")
_SIZES: Final = {
    "xx-small": 9.0,
    "x-small": 10.0,
    "small": 13.0,
    "medium": 16.0,
    "large": 18.0,
    "x-large": 24.0,
    "xx-large": 32.0,
}


class Theme(StrEnum):
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Look:
    """How text directly in an element looks. `size` in pixels; `background` None: a picture is behind it. `hidden`: not
    shown, with all that is inside.
    """

    colour: Colour
    background: Colour | None
    size: float
    bold: bool
    hidden: bool

    @property
    def seen(self) -> bool:
        # MJML sets blanks between cells in no size at all; what is inside has its own again.
        return not self.hidden and self.size > 1.5


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of text and how it looks."""

    text: str
    look: Look
    element: Element


def texts(page: Page) -> tuple[list[Said], list[Said]]:
    """What a reader sees of the text, in its order: by day, and at night, where nothing is told of a page that is the
    same. What its rules mean is found out for both at once.
    """
    plain = _told(rule for rule in page.rules if all(_always(condition) for condition in rule.conditions))
    dark = _told(rule for rule in page.rules if _is_dark(rule))
    matcher = Matcher([*plain, *dark])
    by_day, by_night = _Sight(Theme.LIGHT, len(plain)), _Sight(Theme.DARK, len(plain) + len(dark))
    for element in page.elements:
        hints, applied = tuple(_hints(element)), matcher.declarations_for(element)
        by_day.look_at(element, hints, applied)
        if dark:
            by_night.look_at(element, hints, applied)
    return by_day.said, by_night.said


def has_signs(text: str) -> bool:
    """Whether anything of a text is seen: blanks and joiners, which pad a preheader, are not."""
    return any(not sign.isspace() and unicodedata.category(sign) not in ("Cf", "Mn", "Cc") for sign in text)


class _Sight:
    """How a page looks in one theme, element by element; the first `rules` of all count in it.

    The cards and cells of an issue are alike, and what is alike is looked at once: equal objects are the same one here.
    """

    def __init__(self, theme: Theme, rules: int) -> None:
        dark = theme is Theme.DARK
        self._theme = theme
        self._start = Look(WHITE if dark else BLACK, BLACK if dark else WHITE, DEFAULT_SIZE, bold=False, hidden=False)
        self._rules = rules
        self._looks: list[Look] = []
        self._values: dict[tuple[int, Hints, int], dict[str, str]] = {}
        self._known: dict[tuple[int, int, str, bool], Look] = {}
        self.said: list[Said] = []

    def look_at(self, element: Element, hints: Hints, applied: tuple[Applied, ...]) -> None:
        """The next element of the page, in its order, with the rules that mean it."""
        above = self._looks[element.parent.place] if element.parent else self._start
        values = self._values_of(element, hints, applied)
        alike = (id(values), id(above), element.name, bool(element.attributes.get("href")))
        if alike not in self._known:
            self._known[alike] = _look(element, values, above, self._theme)
        look = self._known[alike]
        self._looks.append(look)
        if look.seen and element.name not in UNSEEN:
            self.said += [Said(text, look, element) for text in element.texts if has_signs(text)]

    def _values_of(self, element: Element, hints: Hints, applied: tuple[Applied, ...]) -> dict[str, str]:
        alike = (id(element.style), hints, id(applied))
        if alike not in self._values:
            self._values[alike] = _values(element, hints, [item for item in applied if item.rule < self._rules])
        return self._values[alike]


def _told(rules: Iterable[Rule]) -> list[Rule]:
    """The rules without what is not looked at; those that then say nothing are left out."""
    kept = (
        Rule(rule.conditions, rule.selector, tuple([item for item in rule.declarations if item.name in LOOKED_AT]))
        for rule in rules
    )
    return [rule for rule in kept if rule.declarations]


def _always(condition: str) -> bool:
    return condition.lower().replace(" ", "") in ("@media", "@mediascreen", "@mediaall", "@mediaonlyscreen")


def _is_dark(rule: Rule) -> bool:
    return any("prefers-color-scheme" in item and "dark" in item for item in map(str.lower, rule.conditions))


def _values(element: Element, hints: Iterable[tuple[str, str]], applied: Iterable[Applied]) -> dict[str, str]:
    """What counts of each property: attributes, then rules, then the element's own style, then what is important."""
    found: list[tuple[tuple[bool, bool, int, int], str, str]] = [
        ((False, False, -1, 0), name, value) for name, value in hints
    ]
    for order, item in enumerate(element.style):
        if item.name in LOOKED_AT:
            found.append(((item.important, True, 0, order), item.name, item.value))
    for one in applied:
        important, specificity, order = one.weight
        found.append(((important, False, specificity, order), one.declaration.name, one.declaration.value))
    values: dict[str, str] = {}
    for _weight, name, value in sorted(found, key=itemgetter(0)):
        if name == "background":  # says all of them
            values.pop("background-color", None)
            values.pop("background-image", None)
        values.pop(name, None)
        values[name] = value
    return values


def _hints(element: Element) -> Iterator[tuple[str, str]]:
    attributes = element.attributes
    if "bgcolor" in attributes:
        yield "background-color", attributes["bgcolor"]
    if attributes.get("background"):
        yield "background-image", "url()"
    if element.name == "font" and "color" in attributes:
        yield "color", attributes["color"]
    if element.name == "body" and "text" in attributes:
        yield "color", attributes["text"]
    if "hidden" in attributes:
        yield "display", "none"


def _look(element: Element, values: Mapping[str, str], above: Look, theme: Theme) -> Look:
    size, bold = _font(element, values, above)
    own = read_colour(values["color"]) if "color" in values else None
    if own is None and element.name == "a" and element.attributes.get("href") and values.get("color") != "inherit":
        own = LINK_IN_DARK if theme is Theme.DARK else LINK
    background = _background(values, above.background)
    colour = own or above.colour
    return Look(
        colour=colour.over(background) if own and background else colour,
        background=background,
        size=size,
        bold=bold,
        hidden=above.hidden or _is_hidden(values),
    )


def _background(values: Mapping[str, str], above: Colour | None) -> Colour | None:
    """None: a picture, or something that cannot be told."""
    for name in reversed(list(values)):
        if name == "background-image" and values[name] != "none":
            return None
        if name in ("background", "background-color"):
            if "url(" in values[name] or "gradient(" in values[name]:
                return None
            own = first_colour(values[name])
            if own is None:
                continue
            if own.alpha < 1:
                return own.over(above) if above else None
            return own
    return above


def _is_hidden(values: Mapping[str, str]) -> bool:
    return (
        values.get("display") == "none"
        or values.get("visibility") == "hidden"
        or values.get("opacity") in ("0", "0.0", "0%")
        or values.get("max-height") in ("0", "0px")
    )


def _font(element: Element, values: Mapping[str, str], above: Look) -> tuple[float, bool]:
    """Pixels, and whether it is bold."""
    size = above.size * HEADINGS.get(element.name, 1.0)
    bold = above.bold or element.name in ("h1", "h2", "h3", "h4", "h5", "h6", "b", "strong", "th")
    for name, value in values.items():
        if name == "font-weight":
            bold = value in BOLD
        elif name == "font-size":
            size = _pixels(value, above.size)
        elif name == "font":
            words = value.partition("/")[0].split()
            sizes = [word for word in words if _SIZE.fullmatch(word) and not word.isdigit()]
            size = _pixels(sizes[0], above.size) if sizes else size
            bold = any(word in BOLD for word in words)
    return size, bold


def _pixels(value: str, above: float) -> float:
    if value in _SIZES:
        return _SIZES[value]
    found = _SIZE.fullmatch(value)
    if found is None:
        return above
    number = float(found[1])
    match found[2]:
        case "pt":
            return number * 4 / 3
        case "em":
            return number * above
        case "%":
            return number / 100 * above
        case "rem":
            return number * DEFAULT_SIZE
    return number
