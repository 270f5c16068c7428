"""HTML of unknown origin taken apart and put together again, in time that grows with its length and no faster.

A browser's parser repairs misnested tags by copying them and walks its stack for each: a page of a megabyte made for it
costs minutes. What passes here is well formed, shallow and of known tags, so a parser behind it has little to do.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Final

DEEPEST: Final = 60  # elements; an article has ten, and tags below that are left out while their text stays
VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
# Their content is no markup, up to their end tag (HTML standard, section 13.1.2).
RAW: Final = frozenset(
    {"iframe", "noembed", "noframes", "noscript", "script", "style", "template", "textarea", "title", "xmp"}
)
INLINE: Final = frozenset(
    {"a", "abbr", "b", "cite", "code", "del", "em", "i", "mark", "q", "s", "small", "strong", "sub", "sup"}
)
TABLE: Final = frozenset({"table", "tbody", "td", "th", "thead", "tr"})
# What a start tag ends when its end tag was left out, and where the search for it stops.
_ENDS: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "li": (frozenset({"li"}), frozenset({"ul", "ol"})),
    "dt": (frozenset({"dt", "dd"}), frozenset({"dl"})),
    "dd": (frozenset({"dt", "dd"}), frozenset({"dl"})),
    "td": (frozenset({"td", "th"}), frozenset({"tr", "table"})),
    "th": (frozenset({"td", "th"}), frozenset({"tr", "table"})),
    "tr": (frozenset({"tr"}), frozenset({"table"})),
    "a": (frozenset({"a"}), frozenset({"td", "th", "table"})),
}
_NAME: Final = re.compile(r"[a-zA-Z][^\s/>]{0,40}")
_ATTRIBUTE: Final = re.compile(r"""[\s/]*([^\s/>=][^\s/>=]*)?(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>][^\s>]*)?)?""")
_COMMENT_END: Final = re.compile(r"--!?>")


@dataclass(frozen=True, slots=True)
class Open:
    """A start tag; names in lower case, values unescaped, the first of a repeated attribute."""

    name: str
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Close:
    name: str


def read_tags(html: str) -> Iterator[Open | Close | str]:
    """Tags and unescaped text of a document in their order; comments, doctypes and broken ends are left out."""
    place = 0
    while (at := html.find("<", place)) >= 0:
        if at > place:
            yield unescape(html[place:at])
        name = _NAME.match(html, at + 1)
        if name:
            tag, place = _read_open(html, name)
            if tag is None:
                return
            yield tag
            if tag.name in RAW:
                end = re.compile(rf"</{tag.name}\b", re.IGNORECASE).search(html, place)
                content = html[place : end.start() if end else len(html)]
                yield unescape(content) if tag.name in ("title", "textarea") else content
                place += len(content)
        elif html.startswith("</", at) and (name := _NAME.match(html, at + 2)):
            yield Close(name[0].lower())
            place = html.find(">", name.end()) + 1
        elif html.startswith("<!--", at):
            end = _COMMENT_END.search(html, at + 2)
            place = end.end() if end else 0
        elif html[at + 1 : at + 2] in ("!", "?", "/"):
            place = html.find(">", at) + 1
        else:
            yield "<"
            place = at + 1
        if place == 0:  # what opened here never ends
            return
    if place < len(html):
        yield unescape(html[place:])


def flatten(html: str, kept: Mapping[str, Collection[str]], dropped: Collection[str]) -> str:
    """The same document, well formed and at most `DEEPEST` deep.

    `kept`: names of the tags that stay, with their attributes; of other tags the text stays, of `dropped` ones nothing.
    """
    builder = _Builder(kept, dropped)
    for token in read_tags(html):
        match token:
            case str():
                builder.text(token)
            case Open():
                builder.open(token)
            case Close():
                builder.close(token.name)
    return builder.finish()


def _read_open(html: str, name: re.Match[str]) -> tuple[Open | None, int]:
    """A start tag and the place behind it; None when the document ends inside it."""
    attributes: dict[str, str] = {}
    place = name.end()
    while place < len(html):
        if html[place] == ">":
            return Open(name[0].lower(), attributes), place + 1
        found = _ATTRIBUTE.match(html, place)
        if found is None:
            return None, 0
        place = found.end()
        if found[1]:
            attributes.setdefault(found[1].lower(), unescape(_unquoted(found[2] or "")))
    return None, 0


def _unquoted(value: str) -> str:
    return value[1:-1] if value[:1] in ("'", '"') else value


@dataclass(slots=True)
class _Builder:
    kept: Mapping[str, Collection[str]]
    dropped: Collection[str]
    pieces: list[str] = field(default_factory=list)
    stack: list[str] = field(default_factory=list)
    unopened: Counter[str] = field(default_factory=Counter)  # start tags left out below the deepest place
    hidden: int = 0  # how many elements on the stack are dropped with their text

    def text(self, text: str) -> None:
        if not self.hidden:
            self.pieces.append(escape(text, quote=False))

    def open(self, tag: Open) -> None:
        if tag.name not in self.kept and tag.name not in self.dropped:
            return
        if tag.name not in INLINE and tag.name not in VOID:
            self._end_paragraph()
        if tag.name in _ENDS:
            self._end_like(*_ENDS[tag.name])
        if tag.name not in VOID:
            if len(self.stack) >= DEEPEST:
                self.unopened[tag.name] += 1
                return
            self.stack.append(tag.name)
            self.hidden += tag.name in self.dropped
        if not self.hidden and tag.name in self.kept:
            wanted = {name: value for name, value in tag.attributes.items() if name in self.kept[tag.name]}
            values = "".join(f' {name}="{escape(value)}"' for name, value in wanted.items())
            self.pieces.append(f"<{tag.name}{values}>")

    def close(self, name: str) -> None:
        if self.unopened[name]:
            self.unopened[name] -= 1
            return
        for place in reversed(range(len(self.stack))):
            opened = self.stack[place]
            if opened == name:
                self._end_from(place)
                return
            # An end tag does not reach out of what holds it: inline ones out of a block, others out of a table.
            if (name in INLINE and opened not in INLINE) or (opened in TABLE and name not in TABLE):
                return

    def finish(self) -> str:
        self._end_from(0)
        return "".join(self.pieces)

    def _end_paragraph(self) -> None:
        for place in reversed(range(len(self.stack))):
            if self.stack[place] not in INLINE:
                if self.stack[place] == "p":
                    self._end_from(place)
                return

    def _end_like(self, names: frozenset[str], stops: frozenset[str]) -> None:
        for place in reversed(range(len(self.stack))):
            if self.stack[place] in names:
                self._end_from(place)
                return
            if self.stack[place] in stops:
                return

    def _end_from(self, place: int) -> None:
        while len(self.stack) > place:
            name = self.stack.pop()
            if name in self.dropped:
                self.hidden -= 1
            elif not self.hidden:
                self.pieces.append(f"</{name}>")
