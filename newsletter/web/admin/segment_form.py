"""The rule builder as a form: what was typed, as it was typed, row by row.

A row is `PLACE.field`, `PLACE.op`, `PLACE.value` and `PLACE.name`; a place is a number, or two of them for a row in a
group. Adding and removing are buttons of the form, so that the builder needs no script.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from werkzeug.datastructures import MultiDict

from newsletter.core.i18n import gettext as _
from newsletter.subscriptions.segments import reading
from newsletter.subscriptions.segments.conditions import CONDITIONS, Choices, Names, kind_of
from newsletter.subscriptions.segments.reading import RuleError
from newsletter.subscriptions.segments.rule import (
    MOST_CONDITIONS,
    MOST_GROUPS,
    VERSION,
    Condition,
    Field,
    Group,
    Kind,
    Match,
    Op,
    Rule,
)

ROWS_READ: Final = MOST_CONDITIONS + MOST_GROUPS
ADDED: Final = frozenset(f"{field}.{op}" for field, asked in CONDITIONS.items() for op in asked.takes)
LONGEST: Final = 400  # characters of a field that are kept to be shown again


@dataclass(slots=True)
class Row:
    """A condition as it stands in the form. `fresh`: it was added just now."""

    field: Field
    op: Op
    value: str = ""
    name: str = ""
    error: str = ""
    fresh: bool = False

    @property
    def kind(self) -> Kind:
        return kind_of(self.field, self.op)

    @property
    def ops(self) -> Choices:
        """The ways to compare that take the same entry."""
        asked = CONDITIONS[self.field]
        return [(op.value, asked.op(op)) for op, kind in asked.takes.items() if kind is self.kind]

    @property
    def unit(self) -> str:
        return CONDITIONS[self.field].unit()

    @property
    def label(self) -> str:
        return CONDITIONS[self.field].label()

    def document(self) -> dict[str, Any]:
        made: dict[str, Any] = {"field": self.field.value, "op": self.op.value, "value": self.value}
        return made | ({"name": self.name} if CONDITIONS[self.field].named else {})


@dataclass(slots=True)
class Box:
    """A group of rows."""

    match: str
    rows: list[Row]
    fresh: bool = False


@dataclass(slots=True)
class Draft:
    """A rule that somebody works on; `error` is about all of it."""

    name: str = ""
    match: str = Match.ALL.value
    parts: list[Row | Box] = field(default_factory=list)
    error: str = ""


def draft_of(name: str, rule: Rule) -> Draft:
    """The form of a rule that is kept."""
    parts: list[Row | Box] = [
        Box(item.match.value, [_row_of(each) for each in item.of]) if isinstance(item, Group) else _row_of(item)
        for item in rule.of
    ]
    return Draft(name, rule.match.value, parts)


def read(form: MultiDict[str, str]) -> Draft:
    """What was sent; what no form of ours sends is left out."""
    parts: list[Row | Box] = []
    for at in range(ROWS_READ):
        if f"{at}.match" in form:
            rows = [_row(form, f"{at}.{inner}") for inner in range(ROWS_READ)]
            parts.append(Box(form[f"{at}.match"][:LONGEST], [row for row in rows if row is not None]))
        elif (row := _row(form, str(at))) is not None:
            parts.append(row)
    return Draft(form.get("name", "")[:LONGEST], form.get("match", "")[:LONGEST], parts)


def change(draft: Draft, verb: str, form: Mapping[str, str]) -> None:
    """Do what a button of the builder says: `add`, `add:PLACE`, `group` or `drop:PLACE`."""
    what, _colon, place = verb.partition(":")
    outer, _dot, inner = place.partition(".")
    part = draft.parts[int(outer)] if outer.isdecimal() and int(outer) < len(draft.parts) else None
    if what == "group":
        if sum(isinstance(item, Box) for item in draft.parts) >= MOST_GROUPS:
            draft.error = _("A rule has %(count)d groups at most.", count=MOST_GROUPS)
        else:
            draft.parts.append(Box(Match.ANY.value, [], fresh=True))
    elif what == "add":
        _add(draft, part if isinstance(part, Box) else None, form.get(f"{outer}.new" if outer else "new", ""))
    elif what == "drop" and part is not None:
        if isinstance(part, Box) and inner.isdecimal() and int(inner) < len(part.rows):
            part.rows.pop(int(inner))
        elif not inner:
            draft.parts.remove(part)


def rule_of(draft: Draft) -> Rule | None:
    """The rule, if it makes sense; else None, with what is wrong said where it is."""
    for row in rows_of(draft):
        try:
            reading.read_condition(row.document())
        except RuleError as error:
            row.error = str(error)
    document = {
        "version": VERSION,
        "match": draft.match,
        "of": [
            {"match": part.match, "of": [row.document() for row in part.rows]}
            if isinstance(part, Box)
            else part.document()
            for part in draft.parts
        ],
    }
    try:
        return reading.read_rule(document)
    except RuleError as error:
        draft.error = draft.error or ("" if any(row.error for row in rows_of(draft)) else str(error))
        return None


def rows_of(draft: Draft) -> list[Row]:
    return [row for part in draft.parts for row in (part.rows if isinstance(part, Box) else [part])]


def offered(known: Names) -> Choices:
    """The conditions that can be added to a rule of this newsletter."""
    return [
        (f"{field}.{op}", words)
        for field, asked in CONDITIONS.items()
        if not asked.lacking(known)
        for op, words in asked.offered()
    ]


def matches() -> Choices:
    return [
        (Match.ALL.value, _("all of these are true")),
        (Match.ANY.value, _("at least one of these is true")),
        (Match.NONE.value, _("none of these is true")),
    ]


def choices(known: Names) -> dict[Field, Choices]:
    """What can be chosen for each condition that is chosen from a list."""
    lists = {field: asked.choices(known) for field, asked in CONDITIONS.items()}
    return {field: items for field, items in lists.items() if items is not None}


def _add(draft: Draft, box: Box | None, asked: str) -> None:
    if asked not in ADDED:
        draft.error = _("Choose the condition that you want to add.")
    elif len(rows_of(draft)) >= MOST_CONDITIONS:
        draft.error = _("A rule has %(count)d conditions at most.", count=MOST_CONDITIONS)
    else:
        what, _dot, op = asked.partition(".")
        row = Row(Field(what), Op(op), fresh=True)
        (draft.parts if box is None else box.rows).append(row)


def _row(form: MultiDict[str, str], place: str) -> Row | None:
    what, op = form.get(f"{place}.field", ""), form.get(f"{place}.op", "")
    if what not in set(Field) or op not in set(Op) or Op(op) not in CONDITIONS[Field(what)].takes:
        return None
    value, name = form.get(f"{place}.value", "")[:LONGEST], form.get(f"{place}.name", "")[:LONGEST]
    return Row(Field(what), Op(op), value, name)


def _row_of(item: Condition) -> Row:
    return Row(item.field, item.op, str(item.value), item.name)
