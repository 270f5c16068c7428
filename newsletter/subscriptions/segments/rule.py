"""What a segment asks of a reader: conditions in groups, as values. Pure, like `conditions`, `reading` and `wording`.

A condition on something new is a word of `Field` here, a class in `conditions`, a function in `sql`, and nothing else.
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
MOST_CLICK_DAYS: Final = 365  # who clicked is forgotten soon after


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
    CLICKED = "clicked"


class Op(StrEnum):
    IS = "is"
    ENDS = "ends"
    CONTAINS = "contains"
    THERE = "there"
    BEFORE = "before"
    SINCE = "since"
    WITHIN = "within"
    NOT_WITHIN = "not_within"
    SENT = "sent"


class Kind(StrEnum):
    """What a condition compares with. ID: of a topic, a cadence or an issue. CLICK_DAYS: as many as are kept."""

    DOMAIN = "domain"
    LANGUAGE = "language"
    EDITION = "edition"
    WAY = "way"
    ID = "id"
    DATE = "date"
    DAYS = "days"
    CLICK_DAYS = "click_days"
    TEXT = "text"
    NOTHING = "nothing"


class Way(StrEnum):
    """How a reader came to the newsletter."""

    FORM = "form"
    IMPORT = "import"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Condition:
    """`value`: a text, a date as ISO 8601 has it, a number of days or an id, as its kind is; empty for NOTHING."""

    field: Field
    op: Op
    value: str | int = ""
    name: str = ""


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
