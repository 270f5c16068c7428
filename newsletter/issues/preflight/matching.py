"""Which rules of a style sheet mean which element: types, classes, ids, attributes, inside of (` `, `>`).

Selectors that are not understood match nothing. A budget of steps bounds what a hostile style sheet may cost.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from newsletter.issues.preflight.css import Declaration, Rule
from newsletter.issues.preflight.page import Element

MOST_STEPS: Final = 400_000
LONGEST: Final = 8  # compounds of a selector

_COMPOUND: Final = re.compile(
    r"(?:\*|[a-z][\w-]*)?(?:[.#][\w-]+|\[[\w-]+(?:[~|^$*]?=(?:\"[^\"]*\"|[^\]\"]*))?\]|:root)*", re.I
)
_PART: Final = re.compile(r"[.#][\w-]+|\[[^\]]*\]|:root|\*|[\w-]+", re.I)
_STEP: Final = re.compile(r"\s*>\s*|\s+")


@dataclass(frozen=True, slots=True)
class Applied:
    """A declaration of a rule for an element; the one with the highest `weight` counts. `rule`: which of all."""

    declaration: Declaration
    weight: tuple[bool, int, int]
    rule: int


@dataclass(frozen=True, slots=True)
class _Selector:
    compounds: tuple[tuple[str, ...], ...]  # from the right
    closely: tuple[bool, ...]  # whether the next one to the left is the parent
    declarations: tuple[Declaration, ...]
    specificity: int
    order: int
    rule: int
    attributes: tuple[str, ...]  # what the first compound asks of them


class Matcher:
    """Finds the declarations of rules for elements."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._by_key: dict[str, list[_Selector]] = {}
        self._likely_for: dict[tuple[str, str, str], list[_Selector]] = {}
        self._inside: dict[tuple[int, int, int], bool] = {}
        self._applied: dict[tuple[int, ...], tuple[Applied, ...]] = {}
        self._left = MOST_STEPS
        order = 0
        for number, rule in enumerate(rules):
            for text in rule.selector.split(","):
                if (selector := _read(text.strip(), rule.declarations, order, number)) is not None:
                    self._by_key.setdefault(_key(selector.compounds[0]), []).append(selector)
                    order += 1

    def declarations_for(self, element: Element) -> tuple[Applied, ...]:
        """In no order; `weight` says which one counts. Elements that the same rules mean get the same object."""
        meant = [selector for selector in self._likely(element) if self._left > 0 and self._means(selector, element)]
        known = tuple([selector.order for selector in meant])
        if known not in self._applied:
            self._applied[known] = tuple(
                Applied(item, (item.important, selector.specificity, selector.order), selector.rule)
                for selector in meant
                for item in selector.declarations
            )
        return self._applied[known]

    def _likely(self, element: Element) -> Sequence[_Selector]:
        """Those that may mean an element, by its name, classes and id; found once for all that are alike in these, as
        the cards of an issue are.
        """
        kind = (element.name, element.attributes.get("class", ""), element.attributes.get("id", ""))
        if kind not in self._likely_for:
            keys = {"*", element.name, *(f".{name}" for name in _classes(element)), f"#{kind[2]}"}
            tried = [selector for key in keys for selector in self._by_key.get(key, ())][: max(self._left, 0)]
            self._left -= len(tried)
            self._likely_for[kind] = [
                selector
                for selector in tried
                if all(part[0] == "[" or _is(element, part) for part in selector.compounds[0])
            ]
        return self._likely_for[kind]

    def _means(self, selector: _Selector, element: Element) -> bool:
        """Whether a likely selector means an element."""
        self._left -= 1
        return all(_is(element, part) for part in selector.attributes) and self._stands(selector, element, 0)

    def _matches(self, selector: _Selector, element: Element, place: int) -> bool:
        self._left -= 1
        if self._left <= 0 or not all(_is(element, part) for part in selector.compounds[place]):
            return False
        return self._stands(selector, element, place)

    def _stands(self, selector: _Selector, element: Element, place: int) -> bool:
        """Whether an element stands where a selector wants it, which is said to the left of its compound."""
        if place + 1 == len(selector.compounds):
            return True
        parent = element.parent
        if selector.closely[place]:
            return parent is not None and self._matches(selector, parent, place + 1)
        return self._is_inside(selector, parent, place + 1)

    def _is_inside(self, selector: _Selector, element: Element | None, place: int) -> bool:
        """Whether the rest of a selector means the element or one around it; asked once for all that stand in it."""
        if element is None:
            return False
        asked = (selector.order, place, element.place)
        if asked not in self._inside:
            self._inside[asked] = self._matches(selector, element, place) or self._is_inside(
                selector, element.parent, place
            )
        return self._inside[asked]


def _read(text: str, declarations: tuple[Declaration, ...], order: int, rule: int) -> _Selector | None:
    if not text or len(text) > 400:
        return None
    steps = [">" if ">" in found else " " for found in _STEP.findall(text)]
    compounds = _STEP.split(text)
    if len(compounds) > LONGEST or not all(item and _COMPOUND.fullmatch(item) for item in compounds):
        return None
    parts = [tuple(_PART.findall(item)) for item in reversed(compounds)]
    return _Selector(
        tuple(parts),
        tuple(step == ">" for step in reversed(steps)),
        declarations,
        sum(_weight(part) for compound in parts for part in compound),
        order,
        rule,
        tuple(part for part in parts[0] if part[0] == "["),
    )


def _key(compound: tuple[str, ...]) -> str:
    """What finds the selector fast: a class or an id before a type."""
    named = next((part for part in compound if part[0] in ".#"), None)
    return named or next((part.lower() for part in compound if part[0].isalpha()), "*")


def _weight(part: str) -> int:
    if part[0] == "#":
        return 10_000
    if part[0] in ".[:":
        return 100
    return 0 if part == "*" else 1


def _is(element: Element, part: str) -> bool:
    match part[0]:
        case "*":
            return True
        case ".":
            return part[1:] in _classes(element)
        case "#":
            return element.attributes.get("id") == part[1:]
        case ":":
            return element.name == "html"
        case "[":
            name, equals, value = part[1:-1].partition("=")
            if not equals:
                return name.lower() in element.attributes
            return element.attributes.get(name.lower()) == value.strip("\"'")
    return element.name == part.lower()


def _classes(element: Element) -> list[str]:
    return element.attributes.get("class", "").split()[:20]
