"""What a segment asks of a reader: conditions in groups, as values. Pure, like `reading` and `wording`.

A condition on something new is an entry in each of four tables, and nothing else: `Field` and `TAKES` here, `_SAID` of
`wording`, `_BY_FIELD` of `sql`. What a link was clicked by is to be added there. A table of a room beside this one is
named there by `sqlalchemy.table`, for rooms of one layer do not import each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

VERSION: Final = 1
MOST_CONDITIONS: Final = 20
MOST_GROUPS: Final = 10
LONGEST_TEXT: Final = 255
LONGEST_NAME: Final = 60  # of an attribute, as files bring it
MOST_DAYS: Final = 3650


class Match(StrEnum):
    """How many of its conditions a group wants met."""

    ALL = "all"
    ANY = "any"
    NONE = "none"


class Field(StrEnum):
    """What a condition looks at."""

    DOMAIN = "domain"
    LANGUAGE = "language"
    EDITION = "edition"
    TOPIC = "topic"
    CADENCE = "cadence"
    JOINED = "joined"
    CAME_BY = "came_by"
    ATTRIBUTE = "attribute"
    ISSUE = "issue"
    NOTHING_SENT = "nothing_sent"
    BOUNCED = "bounced"


class Op(StrEnum):
    IS = "is"
    ENDS = "ends"
    CONTAINS = "contains"
    THERE = "there"
    BEFORE = "before"
    SINCE = "since"
    WITHIN = "within"
    SENT = "sent"


class Kind(StrEnum):
    """What a condition compares with. ID: of a topic, a cadence or an issue."""

    DOMAIN = "domain"
    LANGUAGE = "language"
    EDITION = "edition"
    WAY = "way"
    ID = "id"
    DATE = "date"
    DAYS = "days"
    TEXT = "text"
    NOTHING = "nothing"


class Way(StrEnum):
    """How a reader came to the newsletter."""

    FORM = "form"
    IMPORT = "import"
    STAFF = "staff"


TAKES: Final[dict[Field, dict[Op, Kind]]] = {
    Field.DOMAIN: {Op.IS: Kind.DOMAIN, Op.ENDS: Kind.DOMAIN},
    Field.LANGUAGE: {Op.IS: Kind.LANGUAGE},
    Field.EDITION: {Op.IS: Kind.EDITION},
    Field.TOPIC: {Op.IS: Kind.ID},
    Field.CADENCE: {Op.IS: Kind.ID},
    Field.JOINED: {Op.WITHIN: Kind.DAYS, Op.SINCE: Kind.DATE, Op.BEFORE: Kind.DATE},
    Field.CAME_BY: {Op.IS: Kind.WAY},
    Field.ATTRIBUTE: {Op.IS: Kind.TEXT, Op.CONTAINS: Kind.TEXT, Op.THERE: Kind.NOTHING},
    Field.ISSUE: {Op.SENT: Kind.ID},
    Field.NOTHING_SENT: {Op.WITHIN: Kind.DAYS},
    Field.BOUNCED: {Op.WITHIN: Kind.DAYS},
}
NAMED: Final = frozenset({Field.ATTRIBUTE})  # conditions that say of what: the name of an attribute


@dataclass(frozen=True, slots=True)
class Condition:
    """`value`: a text, a date as ISO 8601 has it, a number of days or an id, as `TAKES` says; empty for NOTHING."""

    field: Field
    op: Op
    value: str | int = ""
    name: str = ""

    @property
    def kind(self) -> Kind:
        return TAKES[self.field][self.op]


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions, of which all, any or none are to be met."""

    match: Match
    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions and groups, of which all, any or none are to be met: two levels, and no more."""

    match: Match
    of: tuple[Condition | Group, ...]

    def conditions(self) -> Iterator[Condition]:
        """Every condition, whatever its group."""
        for item in self.of:
            if isinstance(item, Group):
                yield from item.of
            else:
                yield item

    def ids(self, field: Field) -> set[int]:
        """The topics, cadences or issues that are named."""
        return {int(item.value) for item in self.conditions() if item.field is field}
