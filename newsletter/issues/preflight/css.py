"""Style sheets and style attributes as far as the checks look: declarations, and rules with their conditions.

A tokenizer of a few regular expressions, each of which runs once over the text: CSS of any length takes time in
proportion to it. What is not understood is left out, as a browser leaves it out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MOST_RULES: Final = 2000
DEEPEST: Final = 8  # blocks inside blocks

_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_PIECE: Final = re.compile(r"[{};]|\"[^\"\n]*\"?|'[^'\n]*'?|[^{};\"']+")
_PROPERTY: Final = re.compile(r"(-{0,2}[a-zA-Z][\w-]*) ?: ?(.*?) ?(! ?important)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Declaration:
    """`name` and `value` in lower case, but for what stands in quotes."""

    name: str
    value: str
    important: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """`conditions`: preludes of the at-rules around it, such as "@media (max-width:620px)"; `selector` is empty for an
    at-rule with declarations of its own, such as @font-face, or with none, such as @import.
    """

    conditions: tuple[str, ...]
    selector: str
    declarations: tuple[Declaration, ...]


def declarations(style: str) -> tuple[Declaration, ...]:
    """The declarations of a style attribute or of the block of a rule."""
    return tuple(_declared(_COMMENT.sub(" ", style)))


def rules(sheet: str) -> list[Rule]:
    """The rules of a style sheet, at most 2000."""
    found: list[Rule] = []
    open_blocks: list[str] = []  # preludes; of at-rules and of selectors
    written: list[str] = []
    for piece in _PIECE.findall(_COMMENT.sub(" ", sheet.replace("<!--", " ").replace("-->", " "))):
        if len(found) >= MOST_RULES:
            break
        if piece == "{":
            open_blocks.append(" ".join("".join(written).split()))
            written = []
        elif piece == "}":
            found += _block(open_blocks, "".join(written))
            written = []
            del open_blocks[-1:]
        elif piece == ";" and not (open_blocks and not _holds_rules(open_blocks[-1])):
            found += _statement(open_blocks, "".join(written))
            written = []
        else:
            written.append(piece)
    return found


def _holds_rules(prelude: str) -> bool:
    return prelude.lower().startswith(("@media", "@supports", "@layer", "@container", "@keyframes"))


def _block(open_blocks: list[str], content: str) -> list[Rule]:
    if not open_blocks or len(open_blocks) > DEEPEST or _holds_rules(open_blocks[-1]):
        # The rules inside were told one by one; an empty one is told for its condition alone.
        return [Rule(tuple(open_blocks), "", ())] if open_blocks and _holds_rules(open_blocks[-1]) else []
    *outer, prelude = open_blocks
    own = tuple(_declared(content))
    if prelude.startswith("@"):
        return [Rule((*outer, prelude), "", own)]
    return [Rule(tuple(outer), prelude, own)]


def _statement(open_blocks: list[str], text: str) -> list[Rule]:
    text = " ".join(text.split())
    return [Rule((*open_blocks, text), "", ())] if text.startswith("@") else []


def _declared(text: str) -> Iterator[Declaration]:
    written: list[str] = []
    for piece in [*_PIECE.findall(text), ";"]:
        if piece != ";":
            written.append(piece)
            continue
        # Each blank is one, so that the expression has no run of them to go back over.
        found = _PROPERTY.fullmatch(" ".join("".join(written)[:4000].split()))
        written = []
        if found and found[2]:
            yield Declaration(found[1].lower(), _lower(found[2]), found[3] is not None)


def _lower(value: str) -> str:
    """In lower case outside of quotes, where case says nothing."""
    if '"' not in value and "'" not in value:
        return value.lower()
    return "".join(part if part[:1] in "\"'" else part.lower() for part in _PIECE.findall(value))
