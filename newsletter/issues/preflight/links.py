"""The links of a message: that they lead somewhere, openly, and that there is one to leave by."""

from typing import Final
from urllib.parse import SplitResult, urlsplit

from newsletter.core.shown import same_site, shown_domain
from newsletter.issues.preflight.findings import Finding, Level, all_of, found
from newsletter.issues.preflight.page import Element, Page

# Spam filters distrust what hides behind these, and readers cannot see where they lead.
SHORTENERS: Final = frozenset(
    {
        "adf.ly",
        "bit.do",
        "bit.ly",
        "bitly.com",
        "buff.ly",
        "cutt.ly",
        "dlvr.it",
        "fb.me",
        "goo.gl",
        "is.gd",
        "lnkd.in",
        "ow.ly",
        "rb.gy",
        "rebrand.ly",
        "s.id",
        "shorturl.at",
        "shorturl.ac",
        "t.co",
        "t.ly",
        "tiny.cc",
        "tinyurl.com",
        "urlz.fr",
        "v.gd",
        "vu.fr",
    }
)
OTHER_SCHEMES: Final = frozenset({"mailto", "tel", "sms", "geo"})
WEB: Final = frozenset({"http", "https"})


def check(page: Page) -> list[Finding]:
    """What is wrong with where the links lead."""
    kinds: dict[str, list[str]] = {}
    for link in page.named("a", "area"):
        if "href" not in link.attributes:
            continue
        target, text = link.attributes["href"].strip(), page.text_of(link)
        if kind := _fault(target, text, link):
            kinds.setdefault(kind, []).append(_place(target, text))
    return [
        *all_of("link_script", Level.FATAL, kinds.get("script", [])),
        *all_of("link_empty", Level.WARNING, kinds.get("empty", [])),
        *all_of("link_relative", Level.WARNING, kinds.get("relative", [])),
        *all_of("link_shown_otherwise", Level.WARNING, kinds.get("otherwise", [])),
        *all_of("link_shortened", Level.WARNING, kinds.get("shortened", [])),
        *all_of("link_http", Level.WARNING, kinds.get("http", [])),
        *all_of("link_silent", Level.WARNING, kinds.get("silent", [])),
    ]


def addresses(page: Page) -> list[str]:
    """Where the links lead on the web, each once."""
    targets = (link.attributes.get("href", "").strip() for link in page.named("a", "area"))
    return list(dict.fromkeys(target for target in targets if (parts := _split(target)) and parts.scheme in WEB))


def leaving(page: Page, text: str, unsubscribe_url: str, *, html: bool) -> list[Finding]:
    """Whether a reader finds the link to leave by. `html`: the message has an HTML part."""
    targets = {link.attributes.get("href", "").strip() for link in page.named("a")}
    if html and unsubscribe_url not in targets:
        return [found("no_way_out", Level.FATAL)]
    if unsubscribe_url not in text:
        return [found("no_way_out_in_text", Level.WARNING if html else Level.FATAL)]
    return []


def _fault(target: str, text: str, link: Element) -> str:
    if target in ("", "#"):
        return "empty"
    if target.startswith("#"):
        return ""
    parts = _split(target)
    if parts is None or not parts.scheme:
        return "relative"
    if parts.scheme in ("javascript", "vbscript", "data"):
        return "script"
    if parts.scheme not in WEB:
        return "" if parts.scheme in OTHER_SCHEMES else "relative"
    host = _host(parts)
    if not host:
        return "empty"
    if (shown := shown_domain(text)) and not same_site(shown, host):
        return "otherwise"
    if host in SHORTENERS:
        return "shortened"
    if parts.scheme == "http":
        return "http"
    named = text or link.attributes.get("aria-label", "") or link.attributes.get("title", "")
    return "" if named.strip() or link.name == "area" else "silent"


def _split(target: str) -> SplitResult | None:
    try:
        return urlsplit(target[:4000])
    except ValueError:
        return None


def _host(parts: SplitResult) -> str:
    try:
        return (parts.hostname or "").removeprefix("www.").rstrip(".")
    except ValueError:
        return ""


def _place(target: str, text: str) -> str:
    return f"{text[:60]} → {target}" if text and text != target else target or text
