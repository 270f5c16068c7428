"""What some mail programs leave out of a message, by name; the data are those of caniemail.com."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from newsletter.issues.preflight.css import Declaration, Rule
from newsletter.issues.preflight.findings import Finding, Level, place
from newsletter.issues.preflight.page import Element, Page

DATA: Final = Path(__file__).with_name("clients.json")
NAMED: Final = 5
FOR_FRANCOPHONES: Final = 26  # the first so many programs are those that our readers use

_FUNCTION: Final = re.compile(r"([a-z-]+)\(")
_UNIT: Final = re.compile(r"(?<![\w#-])-?(?:\d+\.?\d*|\.\d+)([a-z]+)\b")
_PSEUDO: Final = re.compile(r"::?[a-z-]+")
_MEDIA: Final = re.compile(r"\(\s*([a-z-]+)")
_IMAGE: Final = re.compile(r"\.(svg|webp|avif|bmp|tiff?|heic)(?:$|[?#])", re.I)


def check(page: Page) -> list[Finding]:
    """One notice for each thing that a program of our readers does not show, or shows in part; five programs at most,
    the most used first.
    """
    features = _data()["features"]
    used: dict[str, str] = {}
    for key, where in _used(page):
        if key in features:
            used.setdefault(key, where)
    by_title: dict[str, Finding] = {}
    for key, where in used.items():
        feature = features[key]
        if (finding := _finding(feature, where)) is not None:
            by_title.setdefault(feature["title"], finding)
    return list(by_title.values())


def _finding(feature: dict[str, Any], where: str) -> Finding | None:
    lacking = [number for number in feature.get("n", []) if number < FOR_FRANCOPHONES]
    partly = [number for number in feature.get("a", []) if number < FOR_FRANCOPHONES]
    # What is shown in part is worth a word only beside what is not: nearly everything is.
    if not lacking:
        return None
    clients = _data()["clients"]
    return Finding(
        "left_out_by",
        Level.NOTICE,
        {
            "feature": feature["title"],
            "programs": [clients[number] for number in lacking[:NAMED]],
            "more": max(0, len(lacking) - NAMED),
            "partly": [clients[number] for number in partly[: max(0, NAMED - len(lacking))]],
            "page": f"https://www.caniemail.com/features/{feature['page']}/",
        },
        (place(where),),
    )


def _used(page: Page) -> Iterator[tuple[str, str]]:
    """(key, where) of what the message uses."""
    known: set[tuple[str, int]] = set()  # a style attribute is read once, so the same one is the same object
    for element in page.elements:
        yield from _of_element(element)
        style = (element.name, id(element.style))
        if style not in known:
            known.add(style)
            yield from _of_declarations(element.style, f"<{element.name} style>")
    for rule in page.rules:
        yield from _of_rule(rule)
        yield from _of_declarations(rule.declarations, rule.selector or rule.conditions[-1])


def _of_element(element: Element) -> Iterator[tuple[str, str]]:
    name, where = element.name, f"<{element.name}>"
    yield f"element:{name}", where
    if name in ("input", "button"):
        yield f"element:{name}[type={element.attributes.get('type', 'text').lower()}]", where
    for attribute in element.attributes:
        yield f"attribute:{attribute}", f"{where} {attribute}"
    if name == "a":
        target = element.attributes.get("href", "").strip().lower()
        if target.startswith("mailto:"):
            yield "link:mailto", target
        elif target.startswith("#") and len(target) > 1:
            yield "link:local", target
    elif name == "img":
        source = element.attributes.get("src", "").strip()
        if source.lower().startswith("data:"):
            yield "image:data", where
        elif found := _IMAGE.search(source[-300:]):
            kind = found[1].lower()
            yield f"image:{'tiff' if kind == 'tif' else kind}", source
    elif name == "meta" and element.attributes.get("name", "").lower() == "color-scheme":
        yield "meta:color-scheme", where


def _of_declarations(declarations: tuple[Declaration, ...], where: str) -> Iterator[tuple[str, str]]:
    for item in declarations:
        shown = f"{where} {item.name}"
        yield f"property:{item.name}", shown
        yield f"value:{item.name}={item.value}", shown
        if item.important:
            yield "important", shown
        value = item.value[:500]
        for function in _FUNCTION.findall(value):
            yield f"function:{function}", shown
        for unit in _UNIT.findall(value):
            yield f"unit:{unit}", shown


def _of_rule(rule: Rule) -> Iterator[tuple[str, str]]:
    for condition in rule.conditions:
        words = condition.lower()
        yield f"rule:{words[1:].partition(' ')[0].partition('(')[0]}", condition
        if words.startswith("@media"):
            for feature in _MEDIA.findall(words):
                yield f"media:{feature}", condition
    for pseudo in _PSEUDO.findall(rule.selector[:500]):
        yield f"selector:{pseudo}", rule.selector


@cache
def _data() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return loaded
