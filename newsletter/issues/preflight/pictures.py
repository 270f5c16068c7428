"""The pictures of a message: described, of a known size, fetched by https, and not too heavy."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from newsletter.issues.preflight.findings import Finding, Level, all_of, found
from newsletter.issues.preflight.page import Element, Page

WEB: Final = ("http", "https")
HEAVY: Final = 400_000  # bytes; ten seconds where the network is slow
HEAVY_TOGETHER: Final = 1_500_000


def check(page: Page) -> list[Finding]:
    """What is wrong with the pictures as they stand in the HTML."""
    pictures = page.named("img")
    sized = [item for item in pictures if not _is_pixel(item)]
    return [
        *all_of("picture_no_alt", Level.WARNING, [_name(item) for item in pictures if "alt" not in item.attributes]),
        *all_of("picture_no_size", Level.NOTICE, [_name(item) for item in sized if not _has_size(item)]),
        *all_of("picture_http", Level.WARNING, [_name(item) for item in pictures if _scheme(item) == "http"]),
        *all_of("picture_nowhere", Level.WARNING, [_name(item) for item in pictures if _scheme(item) == ""]),
        *all_of("picture_inside", Level.WARNING, [_shown(item) for item in pictures if _scheme(item) == "data"]),
    ]


def addresses(page: Page) -> list[str]:
    """Where the pictures are fetched, each once."""
    return list(dict.fromkeys(item.attributes["src"].strip() for item in page.named("img") if _scheme(item) in WEB))


def weigh(bytes_of: Mapping[str, int]) -> list[Finding]:
    """What is too heavy: `bytes_of` pictures, by address."""
    heavy = {url: size for url, size in bytes_of.items() if size > HEAVY}
    findings = all_of(
        "picture_heavy",
        Level.WARNING,
        list(heavy),
        kilobytes=max(heavy.values(), default=0) // 1000,
        most=HEAVY // 1000,
    )
    total = sum(bytes_of.values())
    if total > HEAVY_TOGETHER and len(bytes_of) > 1:
        findings.append(found("pictures_heavy", Level.WARNING, kilobytes=total // 1000, most=HEAVY_TOGETHER // 1000))
    return findings


def _scheme(picture: Element) -> str:
    try:
        return urlsplit(picture.attributes.get("src", "").strip()[:2000]).scheme.lower()
    except ValueError:
        return ""


def _has_size(picture: Element) -> bool:
    return all(picture.attributes.get(name, "").strip().rstrip("%px").isdecimal() for name in ("width", "height"))


def _is_pixel(picture: Element) -> bool:
    return picture.attributes.get("width") in ("0", "1") and picture.attributes.get("height") in ("0", "1")


def _name(picture: Element) -> str:
    return picture.attributes.get("src", "").strip() or _shown(picture)


def _shown(picture: Element) -> str:
    return picture.attributes.get("alt", "").strip() or "<img>"
