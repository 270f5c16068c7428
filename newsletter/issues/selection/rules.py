"""How a digest is composed, as an editor sets it: one document, checked whole, with a default for everything."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _

MOST = 300  # articles in a pool, and so in the longest digest

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=60)]
Count = Annotated[int, Field(ge=1, le=MOST)]
Cap = Annotated[int, Field(ge=1, le=MOST)]


class RulesError(RefusedError):
    """The document is none of rules; the sentence names the field."""


class TooLittle(StrEnum):
    """What becomes of a digest with fewer new articles than the minimum."""

    SKIP = "skip"
    HOLD = "hold"
    TOP_UP = "top_up"
    MERGE = "merge"


class Order(StrEnum):
    NEWEST = "newest"
    SCORE = "score"
    HAND = "hand"


class Languages(StrEnum):
    """Whether readers get articles in another language than theirs."""

    ANY = "any"
    OWN = "own"


class Updated(StrEnum):
    """What becomes of a story that changed after a digest had it."""

    IGNORE = "ignore"
    MARK = "mark"
    AGAIN = "again"


class Attribute(StrEnum):
    """What a condition looks at."""

    TOPIC = "topic"
    AUTHOR = "author"
    KEYWORD = "keyword"
    LANGUAGE = "language"
    SOURCE = "source"


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_enum_values=False)


class Condition(_Document):
    """One attribute of an article and the word that it must be; a keyword stands in the title or the text."""

    field: Attribute
    value: Word


Conditions = Annotated[tuple[Condition, ...], Field(max_length=50)]


class Filter(_Document):
    """Articles that meet at least one of `any` (when there are some), all of `all` and none of `none`."""

    any: Conditions = ()
    all: Conditions = ()
    none: Conditions = ()

    def empty(self) -> bool:
        return not (self.any or self.all or self.none)


class Section(_Document):
    """A part of the digest. An article stands in the first section that takes it.

    `offset`: so many of its articles are passed over. `minimum`: with fewer, the section is left out and its articles
    wait. `order`: instead of the digest's.
    """

    key: Key
    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)] = ""
    filter: Filter = Filter()
    count: Count | None = None
    offset: Annotated[int, Field(ge=0, le=MOST)] = 0
    minimum: Annotated[int, Field(ge=0, le=MOST)] = 0
    order: Order | None = None


class Rules(_Document):
    """Everything that is set about composing. Without sections all articles stand in one.

    `max_items` bounds what one reader gets, `minimum` what makes an issue worth sending.
    """

    sections: Annotated[tuple[Section, ...], Field(max_length=20)] = ()
    max_items: Count = 30
    minimum: Annotated[int, Field(ge=1, le=MOST)] = 1
    too_little: TooLittle = TooLittle.SKIP
    per_author: Cap | None = None
    per_source: Cap | None = None
    order: Order = Order.NEWEST
    languages: Languages = Languages.ANY
    updated: Updated = Updated.IGNORE
    exclude: Filter = Filter()

    @field_validator("sections")
    @classmethod
    def _keys_differ(cls, sections: tuple[Section, ...]) -> tuple[Section, ...]:
        if len({section.key for section in sections}) < len(sections):
            raise ValueError("twice")
        return sections

    def section(self, key: str | None) -> Section | None:
        return next((item for item in self.sections if item.key == key), None)


DEFAULT: Final = Rules()


def read_rules(document: Mapping[str, Any] | None) -> Rules:
    """The rules of a document; None: the defaults. Raises RulesError, which names the field."""
    if document is None:
        return DEFAULT
    try:
        return Rules.model_validate(dict(document))
    except (ValidationError, TypeError) as error:
        raise RulesError(_in_words(error)) from None


def rules_document(rules: Rules) -> dict[str, Any]:
    """What is stored of rules: only what differs from the defaults."""
    return rules.model_dump(mode="json", exclude_defaults=True)


def _in_words(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return _("Rules are one JSON object.")
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "rules"
    limits = first.get("ctx", {})
    match first["type"]:
        case "extra_forbidden":
            return _("There is no rule called “%(field)s”.", field=place)
        case "enum":
            return _("“%(field)s” is one of these: %(choices)s.", field=place, choices=str(limits.get("expected", "")))
        case "greater_than_equal" | "less_than_equal" | "too_long" | "string_too_long" | "string_too_short":
            bound = next(iter(limits.values()), "")
            if isinstance(bound, str):
                bound = limits.get("max_length", limits.get("min_length", ""))
            return _(
                "“%(field)s” is too long, too large or too small; the limit is %(limit)s.", field=place, limit=bound
            )
        case "missing":
            return _("“%(field)s” is missing.", field=place)
        case "value_error":
            return _("Each section has a key of its own, in “%(field)s”.", field=place)
        case "string_pattern_mismatch":
            return _("“%(field)s” has lower-case letters, digits and single hyphens.", field=place)
    return _("“%(field)s” has the wrong form.", field=place)
