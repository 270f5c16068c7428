"""How a message is made: its size, its language and title, what no mail program runs, and the text beside the HTML."""

import re
from collections.abc import Sequence
from typing import Final

from newsletter.issues.preflight import seen
from newsletter.issues.preflight.findings import Finding, Level, all_of, found
from newsletter.issues.preflight.page import Element, Page
from newsletter.issues.preflight.seen import Said

GMAIL_CUTS: Final = 102_000  # bytes of the HTML part
NEARLY: Final = 90_000
ACTIVE: Final = ("script", "form", "iframe", "object", "embed", "applet", "frame", "frameset")
LIKE_ENOUGH: Final = 0.5  # of the words of the HTML that the text has too; SpamAssassin counts them alike
FEWEST_WORDS: Final = 20

_WORD: Final = re.compile(r"\w+")


def check(page: Page, html: str, text: str, by_day: Sequence[Said]) -> list[Finding]:
    """What is wrong with how it is made. `by_day` is the text of the HTML that is seen."""
    active = [f"<{item.name}>" for item in page.named(*ACTIVE)]
    active += [
        f"{name}=…" for item in page.elements for name in item.attributes if name.startswith("on") and name != "on"
    ]
    return [
        *_size(page, html, text),
        *all_of("active", Level.FATAL, active),
        *all_of("positioned", Level.WARNING, _positioned(page)),
        *_language(page),
        *([found("page_cut", Level.WARNING)] if page.cut else []),
        *_text(by_day, text),
    ]


def _size(page: Page, html: str, text: str) -> list[Finding]:
    size = len(html.encode(errors="replace"))
    if size < NEARLY:
        return []
    styles = sum(len(piece) for item in page.named("style") for piece in item.texts)
    inline = sum(len(item.attributes.get("style", "")) for item in page.elements)
    inside = sum(len(url) for item in page.named("img") if (url := item.attributes.get("src", "")).startswith("data:"))
    words = sum(len(piece) for item in page.elements if item.name != "style" for piece in item.texts)
    parts = {"pictures": inside, "styles": styles + inline, "words": words}
    return [
        found(
            "gmail_cuts" if size > GMAIL_CUTS else "gmail_nearly_cuts",
            Level.WARNING,
            kilobytes=size // 1000,
            most=GMAIL_CUTS // 1000,
            shorten=max(parts, key=lambda name: parts[name]),
        )
    ]


def _positioned(page: Page) -> list[str]:
    own = [
        item.value
        for element in page.elements
        for item in element.style
        if item.name == "position" and _moves(item.value)
    ]
    ruled = [
        f"{rule.selector}: {item.value}"
        for rule in page.rules
        for item in rule.declarations
        if item.name == "position" and _moves(item.value)
    ]
    return own + ruled


def _moves(value: str) -> bool:
    return value not in ("static", "initial", "inherit", "unset")


def _language(page: Page) -> list[Finding]:
    findings = []
    if not any(item.attributes.get("lang", "").strip() for item in page.named("html")):
        findings.append(found("language_missing", Level.WARNING))
    if not any(seen.has_signs("".join(item.texts)) for item in page.named("title") if _in_head(item)):
        findings.append(found("title_missing", Level.WARNING))
    return findings


def _in_head(element: Element) -> bool:
    return not any(other.name in ("body", "svg") for other in element.up())


def _text(by_day: Sequence[Said], text: str) -> list[Finding]:
    """The text part, against the words that are seen of the HTML."""
    if not seen.has_signs(text):
        return [found("text_missing", Level.WARNING)]
    shown = {word.lower() for said in by_day for word in _WORD.findall(said.text)}
    if len(shown) < FEWEST_WORDS:
        return []
    both = len(shown & {word.lower() for word in _WORD.findall(text)})
    if both / len(shown) >= LIKE_ENOUGH:
        return []
    return [found("text_differs", Level.WARNING, percent=round(100 * both / len(shown)))]
