"""HTML and Markdown of article bodies: made safe, and turned into plain text.

What comes from a page, a feed or an editor's paste is never trusted: everything passes `sanitise` before it is stored.
"""

import re
from html.parser import HTMLParser
from typing import Final

import nh3
from markdown_it import MarkdownIt

from newsletter.core.prose import clean_paragraphs, excerpt, reading_minutes
from newsletter.core.tags import flatten

__all__ = ["clean_paragraphs", "excerpt", "html_to_text", "markdown_to_html", "reading_minutes", "sanitise"]

SECTIONS: Final = frozenset({"article", "aside", "footer", "header", "main", "nav", "section"})
HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
ALLOWED: Final[dict[str, set[str]]] = {
    **{tag: set() for tag in SECTIONS | HEADINGS},
    **{tag: set() for tag in ("p", "div", "br", "hr", "blockquote", "pre", "code", "ul", "li", "dl", "dt", "dd")},
    **{tag: set() for tag in ("strong", "b", "em", "i", "cite", "q", "s", "del", "sub", "sup", "small", "mark")},
    **{tag: set() for tag in ("figure", "figcaption", "table", "thead", "tbody", "tr")},
    "a": {"href", "title"},
    "abbr": {"title"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
# Removed with what is in them; of any other tag that is not allowed the text stays.
DROPPED: Final = {
    *(
        "script",
        "style",
        "template",
        "noscript",
        "iframe",
        "object",
        "embed",
        "svg",
        "math",
        "canvas",
        "audio",
        "video",
    ),
    *("button", "select", "textarea", "title"),
}
SCHEMES: Final = {"http", "https", "mailto"}


def _keep_attribute(_tag: str, name: str, value: str) -> str | None:
    """A link or picture without a scheme means nothing in a mail, and `//host` borrows one that mail does not have.

    Angle brackets leave every value, so that in sanitised HTML they are found in tags alone.
    """
    if name in ("href", "src"):
        value = value.strip().replace("<", "%3C").replace(">", "%3E")
        schemes = SCHEMES if name == "href" else SCHEMES - {"mailto"}
        return value if value.partition(":")[0].lower() in schemes else None
    return value.replace("<", "").replace(">", "")


_CLEANER: Final = nh3.Cleaner(
    tags=set(ALLOWED),
    attributes=ALLOWED,
    clean_content_tags=DROPPED,
    attribute_filter=_keep_attribute,
    url_schemes=SCHEMES,
    url_relative="deny",
    link_rel="noopener noreferrer",
)
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

# An article stands below a title of its own, so its headings begin at the second rank and end at the fourth.
_RANKS: Final = {"h1": "h2", "h5": "h4", "h6": "h4", **dict.fromkeys(SECTIONS, "div")}
_RENAMED: Final = re.compile(rf"<(/?)({'|'.join(_RANKS)})>")
_UNLINKED: Final = re.compile(r'<a(?: title="[^"]*")? rel="noopener noreferrer">(.*?)</a>', re.DOTALL)
_NO_PICTURE: Final = re.compile(r'<img(?: (?!src=)[a-z]+="[^"]*")*>')
_EMPTY: Final = re.compile(r"<(a|p|div|h[2-4]|li|ul|ol|strong|b|em|i|figure)(?: [^>]*)?>(?:\s|&nbsp;|<br>)*</\1>")


def sanitise(html: str) -> str:
    """Well-formed HTML of the allowed tags only; what a person reads stays, what runs, frames, styles or spies goes.

    Headings are h2 to h4, links and pictures have absolute addresses, elements that were left empty are gone.
    """
    cleaned = _CLEANER.clean(flatten(html.replace("\0", ""), ALLOWED, DROPPED))
    # The cleaner has written these tags itself, bare of attributes, so their names can be exchanged in the text.
    cleaned = _RENAMED.sub(lambda match: f"<{match[1]}{_RANKS[match[2]]}>", cleaned)
    cleaned = _UNLINKED.sub(r"\1", _NO_PICTURE.sub("", cleaned))
    for _nesting in range(3):
        cleaned = _EMPTY.sub("", cleaned)
    return re.sub(r"\n{3,}", "\n\n", cleaned).strip()


def markdown_to_html(text: str) -> str:
    """CommonMark with tables and strikethrough, sanitised; HTML inside it is taken as HTML."""
    return sanitise(_MARKDOWN.render(text))


def html_to_text(html: str, *, links: bool = True) -> str:
    """Plain text of an article: blank lines between paragraphs, `- ` before list items, `> ` before quoted lines.

    A link's address follows its text in brackets, unless it is its text or `links` is false. Pictures leave their
    alternative text out: they stand beside the text, not in it.
    """
    reader = _TextReader(links)
    reader.feed(sanitise(html))
    reader.close()
    return reader.text()


class _TextReader(HTMLParser):
    """Collects blocks from sanitised HTML, which has no scripts and closes its tags."""

    BLOCKS: Final = frozenset(
        {"p", "div", "h2", "h3", "h4", "ul", "ol", "li", "blockquote", "pre", "figure", "figcaption", "table", "tr"}
        | {"dl", "dt", "dd", "hr"}
    )

    def __init__(self, links: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._links = links
        self._blocks: list[tuple[str, bool]] = []  # a block and whether it belongs to a list or a table
        self._pieces: list[str] = []
        self._lists: list[int | None] = []  # next number of an ordered list, None for one with dashes
        self._bullet = ""
        self._quotes = 0
        self._preformatted = 0
        self._tables = 0
        self._anchors: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.BLOCKS:
            self._end_block()
        given = dict(attrs)
        match tag:
            case "br":
                self._pieces.append("\n")
            case "ul":
                self._lists.append(None)
            case "ol":
                start = given.get("start") or ""
                self._lists.append(int(start) if start.isascii() and start.isdigit() else 1)
            case "li":
                self._bullet = self._next_bullet()
            case "blockquote":
                self._quotes += 1
            case "pre":
                self._preformatted += 1
            case "table":
                self._tables += 1
            case "td" | "th":
                if "".join(self._pieces).strip():
                    self._pieces.append(" | ")
            case "a":
                self._anchors.append((given.get("href") or "", len(self._pieces)))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._anchors:
            self._end_anchor(*self._anchors.pop())
        if tag in self.BLOCKS:
            self._end_block()
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        elif tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)
        elif tag == "table":
            self._tables = max(0, self._tables - 1)
        elif tag == "pre":
            self._preformatted = max(0, self._preformatted - 1)

    def handle_data(self, data: str) -> None:
        self._pieces.append(data if self._preformatted else re.sub(r"[ \t\r\n\f]+", " ", data))

    def text(self) -> str:
        self._end_block()
        lines: list[str] = []
        for index, (block, tight) in enumerate(self._blocks):
            if index:
                lines.append("\n" if tight and self._blocks[index - 1][1] else "\n\n")
            lines.append(block)
        return "".join(lines)

    def _next_bullet(self) -> str:
        indent = "  " * (len(self._lists) - 1)
        if not self._lists or (number := self._lists[-1]) is None:
            return f"{indent}- "
        self._lists[-1] = number + 1
        return f"{indent}{number}. "

    def _end_anchor(self, href: str, start: int) -> None:
        label = "".join(self._pieces[start:]).strip()
        address = href.removeprefix("mailto:")
        if self._links and label and address and label.rstrip("/") != address.rstrip("/"):
            self._pieces.append(f" ({address})")

    def _end_block(self) -> None:
        text = "".join(self._pieces)
        self._pieces.clear()
        self._anchors = [(href, 0) for href, _start in self._anchors]
        if not self._preformatted:
            text = "\n".join(re.sub(r" +", " ", line).strip(" ") for line in text.split("\n"))
        text = text.strip("\n") if self._preformatted else text.strip()
        if not text:
            return
        first, self._bullet = self._bullet, ""
        margin = "> " * self._quotes
        hang = " " * len(first)
        lines = text.split("\n")
        block = "\n".join(f"{margin}{first if index == 0 else hang}{line}".rstrip() for index, line in enumerate(lines))
        self._blocks.append((block, bool(self._lists or self._tables)))
