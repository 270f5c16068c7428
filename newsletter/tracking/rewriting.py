"""The links of a message on their way through us. Pure: HTML in, HTML out; a book says which number an address has.

In blocks a link that is followed is the mark of `delivery.slots.link_slot`; what stands there in a message is decided
when the message is made ready, and whoever looks at a block puts the real address back.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape, unescape
from typing import Final
from urllib.parse import urlsplit

from newsletter.core.shown import shown_domain
from newsletter.delivery import slots
from newsletter.delivery.slots import link_slot
from newsletter.tracking.words import LinkKind

LONGEST: Final = 4000  # characters of an address
MOST_LINKS: Final = 30_000  # of an issue; what comes after leads there directly

_ANCHOR: Final = re.compile(r"""<a(?=[\s])(?P<inside>(?:[^>"']|"[^"]*"|'[^']*')*)>(?P<shown>.*?)</a\s*>""", re.S | re.I)
_HREF: Final = re.compile(r"""(?<![\w-])href\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')""", re.I)
_TAG: Final = re.compile(r"<[^>]*>")
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f\\]")
_SLOT: Final = re.compile(r"@@LINK:([0-9]{1,9})@@")


@dataclass(slots=True)
class Link:
    """An address of an issue, see models.IssueLink."""

    number: int
    url: str
    article_id: int | None
    kind: LinkKind
    followed: bool = False


class LinkBook:
    """The links of one issue, numbered from 1 as they come up. `site_url` is ours: what is below it is never followed,
    so that leaving, preferences and the archive work whatever happens to the rest.
    """

    def __init__(self, site_url: str) -> None:
        self._site = site_url.rstrip("/")
        self._links: dict[str, Link] = {}

    def note(self, url: str, *, article_id: int | None, own: str) -> Link | None:
        """The link of this address, `own` being the one of the article in whose piece it stands; None for what is not
        followed and not counted: another scheme, our own pages, what is no address.
        """
        if not self._is_foreign(url):
            return None
        if (known := self._links.get(url)) is not None:
            return known
        if len(self._links) >= MOST_LINKS:
            return None
        kind = LinkKind.OTHER
        if article_id is not None:
            kind = LinkKind.ARTICLE if url == own else LinkKind.ELSEWHERE
        link = self._links[url] = Link(len(self._links) + 1, url, article_id, kind)
        return link

    def __iter__(self) -> Iterator[Link]:
        return iter(self._links.values())

    def _is_foreign(self, url: str) -> bool:
        if not url.lower().startswith("https://") or len(url) > LONGEST or _UNSAFE.search(url):
            return False
        try:
            host = urlsplit(url).hostname
        except ValueError:
            return False
        return bool(host) and url != self._site and not url.startswith((f"{self._site}/", f"{self._site}#"))


def rewrite(html: str, book: LinkBook, *, follow: bool, article_id: int | None = None, own: str = "") -> str:
    """The HTML of a piece with its links noted in the book and, to `follow` them, marks in their places.

    A link whose text is an address of a site stays as it is: led through us, it would show one site and open another.
    """

    def replace(found: re.Match[str]) -> str:
        href = _HREF.search(found["inside"])
        if href is None:
            return found[0]
        url = _address(href["double"] if href["double"] is not None else href["single"])
        link = book.note(url, article_id=article_id, own=own) if url else None
        if link is None or not follow or shown_domain(_text(found["shown"])):
            return found[0]
        link.followed = True
        at = found.start("inside") - found.start()
        inside = f'{found["inside"][: href.start()]}href="{link_slot(link.number)}"{found["inside"][href.end() :]}'
        return found[0][:at] + inside + found[0][at + len(found["inside"]) :]

    return _ANCHOR.sub(replace, html)


def resolve(html: str, address: Callable[[int], str]) -> str:
    """The HTML with an address in the place of each mark. What it gives stands in an attribute as it is: escaped."""
    return _SLOT.sub(lambda found: address(int(found[1])), html)


def unfollowed(html: str, urls: Mapping[int, str]) -> str:
    """The HTML with the real addresses again, for whoever only looks at it; a link that is not known leads nowhere."""
    return resolve(html, lambda number: slots.protect(escape(urls.get(number, "#"))))


def _address(value: str) -> str:
    """The address in an attribute; empty for one that has a reader's own data in it."""
    pieces = slots.split(unescape(value).strip())
    return pieces[0] if len(pieces) == 1 else ""


def _text(shown: str) -> str:
    return " ".join(unescape(_TAG.sub("", shown)).split())
