"""MJML of a newsletter's own, read and judged: a text with blocks, into trees of known elements and named slots.

It is no template language: there is nothing to compute with. A slot is `{{ name }}`; an element with `if="name"` is
left out where that slot is empty. Whatever is not known is refused with its line and column.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NoReturn

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues.own_mjml import vocabulary
from newsletter.issues.own_mjml.vocabulary import Slot

_BLOCK: Final = re.compile(r"<!--[ \t]*block:[ \t]*([a-z]{1,20})[ \t]*-->")
_COMMENT: Final = re.compile(r"<!--(?!\[)(.*?)-->", re.DOTALL)
_TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]{0,30}+)((?:[^<>\"']|\"[^<>\"]*+\"|'[^<>']*+')*+)>")
_ATTRIBUTE: Final = re.compile(r"\s*+([^\s\"'=/]++)\s*+=\s*+(\"[^\"]*+\"|'[^']*+')")
_SLOT: Final = re.compile(r"\{\{ *([a-z_]{1,30}) *\}\}")
_UNSAFE: Final = re.compile(
    r"url\s*\(|image(?:-set)?\s*\(|@import|@font-face|@charset|expression\s*\(|javascript:|vbscript:|data:|"
    r"behavior\s*:|-moz-binding|\\|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ue000-\uf8ff]",
    re.IGNORECASE,
)


class TemplateError(RefusedError):
    """This MJML cannot be taken; the sentence names line and column."""


@dataclass(frozen=True, slots=True)
class Named:
    """A slot; `at` is its place in the whole text."""

    name: str
    at: int


Part = str | Named


@dataclass(slots=True)
class Element:
    name: str
    attributes: dict[str, list[Part]]
    at: int
    condition: str = ""
    children: "list[Element | Part]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Template:
    """What a text says: the tree of each block, below an element without a name."""

    blocks: dict[str, Element]


def read_template(text: str) -> Template:
    """The blocks of a text. Raises TemplateError."""
    if len(text) > vocabulary.LARGEST:
        raise TemplateError(_("This MJML is too long: %(count)d characters at most.", count=vocabulary.LARGEST))
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    marks = list(_BLOCK.finditer(text))
    before = text[: marks[0].start()] if marks else text
    if not marks or _COMMENT.sub("", before).strip():
        _refuse(text, 0, _("the text begins with a line such as <!-- block: frame -->"))
    blocks: dict[str, Element] = {}
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        name = mark[1]
        if name not in vocabulary.SLOTS:
            names = ", ".join(vocabulary.BLOCKS)
            _refuse(text, mark.start(), _("there is no block “%(name)s”; there are %(names)s", name=name, names=names))
        if name in blocks:
            _refuse(text, mark.start(), _("the block “%(name)s” is there twice", name=name))
        blocks[name] = _Reader(text, name).read(mark.end(), following.start() if following else len(text))
    if missing := [name for name in vocabulary.BLOCKS if name not in blocks]:
        raise TemplateError(_("Blocks are missing: %(names)s.", names=", ".join(missing)))
    return Template(blocks)


def slots_of(element: Element, *, sure: bool = False) -> Iterator[Named]:
    """Every slot in and below an element; `sure`: only those that are never left out."""
    for value in element.attributes.values():
        yield from (part for part in value if isinstance(part, Named))
    for child in element.children:
        if isinstance(child, Named):
            yield child
        elif isinstance(child, Element) and not (sure and child.condition):
            yield from slots_of(child, sure=sure)


class _Reader:
    """Reads one block."""

    def __init__(self, text: str, block: str) -> None:
        self._text = text
        self._block = block
        self._slots = vocabulary.SLOTS[block]
        self._stack: list[Element] = [Element("", {}, 0)]
        self._count = 0

    def read(self, at: int, end: int) -> Element:
        start = at
        while at < end:
            opening = self._text.find("<", at, end)
            self._words(at, end if opening < 0 else opening)
            if opening < 0:
                break
            at = self._markup(opening, end)
        if len(self._stack) > 1:
            _refuse(self._text, self._stack[-1].at, _("<%(name)s> is not closed", name=self._stack[-1].name))
        self._check_whole(self._stack[0], start)
        return self._stack[0]

    def _markup(self, at: int, end: int) -> int:
        """A comment or a tag; the place behind it."""
        if comment := _COMMENT.match(self._text, at, end):
            return comment.end()
        tag = _TAG.match(self._text, at, end)
        if tag is None:
            _refuse(self._text, at, _("this tag cannot be read"))
        closing, name, rest = tag[1], tag[2].lower(), tag[3]
        if closing:
            if len(self._stack) == 1 or self._stack[-1].name != name:
                _refuse(self._text, at, _("</%(name)s> closes nothing that is open here", name=name))
            self._stack.pop()
            return tag.end()
        alone = rest.rstrip().endswith("/")
        made = self._open(name, rest.rstrip().removesuffix("/"), at, tag.start(3))
        if name == "mj-style" and not alone:
            return self._style(made, tag.end(), end)
        if not alone and name not in vocabulary.VOID:
            self._stack.append(made)
        return tag.end()

    def _open(self, name: str, rest: str, at: int, rest_at: int) -> Element:
        parent = self._stack[-1]
        self._check_place(name, parent, at)
        self._count += 1
        if self._count > vocabulary.MOST_ELEMENTS or len(self._stack) > vocabulary.DEEPEST:
            _refuse(self._text, at, _("these are too many elements, or too many inside each other"))
        made = Element(name, {}, at)
        place = 0
        while rest[place:].strip():
            found = _ATTRIBUTE.match(rest, place)
            if found is None:
                _refuse(self._text, rest_at + place, _('an attribute is written name="value"'))
            self._attribute(
                made, found[1].lower(), found[2][1:-1], rest_at + found.start(1), rest_at + found.start(2) + 1
            )
            place = found.end()
        if made.condition and made.condition not in self._slots:
            _refuse(self._text, at, self._no_such_slot(made.condition))
        parent.children.append(made)
        return made

    def _check_place(self, name: str, parent: Element, at: int) -> None:
        in_html = any(element.name in vocabulary.HOLDS_HTML for element in self._stack)
        in_attributes = parent.name == "mj-attributes"
        if in_html and name in vocabulary.HTML and not any(item.name == "mj-attributes" for item in self._stack):
            return
        if name in vocabulary.PARENTS and not in_html:
            wanted = vocabulary.PARENTS[name]
            top = parent.name == "" and (name == "mjml") == (self._block == "frame")
            if self._block == "line":
                top = False
            if parent.name in wanted and (parent.name or top) and (in_attributes or parent.name != "mj-attributes"):
                return
        if name in vocabulary.HTML and self._block == "line":
            return
        _refuse(self._text, at, _("<%(name)s> may not stand here", name=name))

    def _attribute(self, made: Element, name: str, value: str, at: int, value_at: int) -> None:
        mjml = made.name.startswith("mj")
        known = vocabulary.MJML_ATTRIBUTES if mjml else vocabulary.HTML_ATTRIBUTES
        if name not in known and not (made.name == "mjml" and name in ("lang", "dir")):
            _refuse(self._text, at, _("the attribute “%(name)s” is not allowed", name=name))
        if name in made.attributes:
            _refuse(self._text, at, _("the attribute “%(name)s” is there twice", name=name))
        self._check_safe(value, value_at)
        if name == "if":
            made.condition = value.strip()
            return
        parts = list(self._parts(value, value_at))
        asked = [part for part in parts if isinstance(part, Named)]
        whole = len(parts) == 1 and bool(asked)
        for part in asked:
            kind = self._slots[part.name]
            fits = {
                Slot.URL: name == "href" and whole,
                Slot.PICTURE: name == "src" and whole,
                Slot.TEXT: name in vocabulary.READ,
            }.get(kind, False)
            if not fits:
                _refuse(self._text, part.at, _("{{ %(slot)s }} may not stand in “%(name)s”", slot=part.name, name=name))
        if name == "src" and not asked:
            _refuse(
                self._text,
                value_at,
                _("a picture is a slot, such as {{ picture }} or {{ logo }}: mails load nothing else"),
            )
        if name == "href" and not asked and not value.startswith(("https://", "mailto:")):
            _refuse(self._text, value_at, _("a link is a slot such as {{ url }}, or begins with https://"))
        made.attributes[name] = parts

    def _style(self, made: Element, at: int, end: int) -> int:
        """The text of a style sheet, up to its end tag."""
        close = self._text.find("</mj-style>", at, end)
        if close < 0:
            _refuse(self._text, made.at, _("<%(name)s> is not closed", name="mj-style"))
        sheet = self._text[at:close]
        self._check_safe(sheet, at)
        if (place := sheet.find("<")) >= 0 or (place := sheet.find("{{")) >= 0:
            _refuse(self._text, at + place, _("a style sheet has neither tags nor slots"))
        made.children.append(sheet)
        return close + len("</mj-style>")

    def _words(self, at: int, end: int) -> None:
        """Text between tags."""
        words = self._text[at:end]
        parent = self._stack[-1]
        html = self._block == "line" or any(element.name in vocabulary.HOLDS_HTML for element in self._stack)
        self._check_safe(words, at)
        for part in self._parts(words, at):
            if isinstance(part, str):
                if part.strip() and not html:
                    _refuse(self._text, at + words.index(part.strip()[0]), _("text stands inside of mj-text"))
                parent.children.append(part)
                continue
            kind = self._slots[part.name]
            if kind is Slot.ROWS:
                fits = parent.name == "mj-column"
            elif part.name == "lines":
                fits = parent.name == "mj-text"
            elif kind is Slot.HTML:
                fits = html and not any(
                    element.name in ("p", "a", "span", "h1", "h2", "h3", "h4") for element in self._stack
                )
            else:
                fits = html and kind is Slot.TEXT
            if not fits:
                _refuse(self._text, part.at, _("{{ %(slot)s }} may not stand here", slot=part.name))
            parent.children.append(part)

    def _parts(self, text: str, at: int) -> Iterator[Part]:
        place = 0
        for found in _SLOT.finditer(text):
            if found.start() > place:
                yield self._literal(text[place : found.start()], at + place)
            if found[1] not in self._slots:
                _refuse(self._text, at + found.start(), self._no_such_slot(found[1]))
            yield Named(found[1], at + found.start())
            place = found.end()
        if place < len(text):
            yield self._literal(text[place:], at + place)

    def _literal(self, text: str, at: int) -> str:
        for sign in ("{{", "}}", "{%", "{#"):
            if (place := text.find(sign)) >= 0:
                _refuse(self._text, at + place, _("a slot is written {{ name }}, and nothing is computed in it"))
        if (place := text.find("@@")) >= 0:
            _refuse(self._text, at + place, _("“@@” is not allowed"))
        return text

    def _check_safe(self, text: str, at: int) -> None:
        if found := _UNSAFE.search(text):
            shown = found[0] if found[0].isprintable() else "\\"
            _refuse(self._text, at + found.start(), _("“%(what)s” is not allowed", what=shown))

    def _check_whole(self, root: Element, at: int) -> None:
        """What a block must have: its required slots, those with marks around them once, and a frame its body."""
        sure = [slot.name for slot in slots_of(root, sure=True)]
        all_ = [slot.name for slot in slots_of(root)]
        for name in vocabulary.REQUIRED[self._block]:
            if name not in sure:
                _refuse(
                    self._text,
                    at,
                    _(
                        "the block “%(block)s” must have {{ %(slot)s }}, outside of any if",
                        block=self._block,
                        slot=name,
                    ),
                )
        for name in vocabulary.ONCE:
            if all_.count(name) > 1:
                _refuse(self._text, at, _("{{ %(slot)s }} may stand once only", slot=name))
        tags = [child for child in root.children if isinstance(child, Element)]
        if self._block == "frame" and [tag.name for tag in tags] != ["mjml"]:
            _refuse(self._text, at, _("the block “frame” is one <mjml> element"))
        if self._block == "frame" and (tags[0].condition or not _has_one_body(tags[0])):
            _refuse(self._text, at, _("the frame has one <mj-body>"))

    def _no_such_slot(self, name: str) -> str:
        names = ", ".join(sorted(self._slots))
        return _("there is no slot “%(name)s” here; there are %(names)s", name=name, names=names)


def _has_one_body(mjml: Element) -> bool:
    names = [child.name for child in mjml.children if isinstance(child, Element)]
    return names.count("mj-body") == 1 and names.count("mj-head") <= 1 and names[-1] == "mj-body"


def _refuse(text: str, at: int, what: str) -> NoReturn:
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    raise TemplateError(_("Line %(line)d, column %(column)d: %(what)s.", line=line, column=column, what=what))
