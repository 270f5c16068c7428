"""The sections and exclusions of a digest as fields of a form, which works by submit buttons alone."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from newsletter.core.i18n import gettext as _
from newsletter.issues.selection.rules import MOST, Attribute, Filter, Rules, Section
from newsletter.newsletters.wording import slugify

HOWS: Final = ("any", "all", "none")
NUMBERS: Final = ("count", "offset", "minimum")
MOST_SECTIONS, MOST_CONDITIONS = 20, 50
_NUMBER = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class ConditionFields:
    """A row of three fields: how it counts, what it looks at, and the word that this must be."""

    how: str = "any"
    attribute: str = Attribute.TOPIC.value
    value: str = ""


@dataclass(frozen=True, slots=True)
class SectionFields:
    """A section as it stands in the form. `key` is made from the title the first time and then stays."""

    key: str = ""
    title: str = ""
    count: str = ""
    offset: str = ""
    minimum: str = ""
    order: str = ""
    conditions: tuple[ConditionFields, ...] = (ConditionFields(),)


@dataclass(frozen=True, slots=True)
class Parts:
    """All of them. What stands in a form is kept whatever it is; `document` is what the rules are read from."""

    sections: tuple[SectionFields, ...] = ()
    exclude: tuple[ConditionFields, ...] = field(default=())

    def document(self) -> dict[str, Any]:
        """What the rules are read from, when nothing is `wrong`. Rows without a word are left out, and so are numbers
        that are not given.
        """
        found: dict[str, Any] = {}
        if self.sections:
            keys: set[str] = set()
            found["sections"] = [_section_document(item, keys) for item in self.sections]
        if exclude := _filter_document(self.exclude):
            found["exclude"] = exclude
        return found

    def wrong(self) -> dict[str, str]:
        """What is no number though it should be, by the name of its field."""
        said = _("Give a whole number from 0 to %(most)d, or nothing.", most=MOST)
        return {
            f"s{at}-{name}": said
            for at, section in enumerate(self.sections)
            for name in NUMBERS
            if (value := str(getattr(section, name))) and not (_NUMBER.fullmatch(value) and int(value) <= MOST)
        }

    def changed(self, verb: str) -> "Parts | None":
        """The form after one of its buttons, for example `section-up:2`; None for a button that is none of these."""
        name, *places = verb.split(":")
        at = [int(place) for place in places if _NUMBER.fullmatch(place)]
        sections, exclude = list(self.sections), list(self.exclude)
        match name, at:
            case "section-add", []:
                sections.append(SectionFields())
            case "section-drop", [number] if number < len(sections):
                del sections[number]
            case "section-up", [number] if 0 < number < len(sections):
                sections[number - 1 : number + 1] = reversed(sections[number - 1 : number + 1])
            case "section-down", [number] if number < len(sections) - 1:
                sections[number : number + 2] = reversed(sections[number : number + 2])
            case "condition-add", [number] if number < len(sections):
                sections[number] = replace(
                    sections[number], conditions=(*sections[number].conditions, ConditionFields())
                )
            case "condition-drop", [number, row] if number < len(sections):
                rows = sections[number].conditions
                sections[number] = replace(sections[number], conditions=(*rows[:row], *rows[row + 1 :]))
            case "exclusion-add", []:
                exclude.append(ConditionFields())
            case "exclusion-drop", [row] if row < len(exclude):
                del exclude[row]
            case _:
                return None
        return Parts(tuple(sections[:MOST_SECTIONS]), tuple(exclude[:MOST_CONDITIONS]))


def parts_of(rules: Rules) -> Parts:
    """The fields that show these rules."""
    return Parts(tuple(map(_section_fields, rules.sections)), _rows(rules.exclude))


def parts_sent(form: Mapping[str, str]) -> Parts:
    """The fields as they came back, in their order."""
    sections = []
    for number in range(MOST_SECTIONS):
        prefix = f"s{number}-"
        if f"{prefix}title" not in form:
            break
        given = {name: form.get(prefix + name, "").strip() for name in ("key", "title", *NUMBERS, "order")}
        sections.append(SectionFields(**given, conditions=_rows_sent(form, prefix)))
    return Parts(tuple(sections), _rows_sent(form, "x-"))


def _rows_sent(form: Mapping[str, str], prefix: str) -> tuple[ConditionFields, ...]:
    rows = []
    for number in range(MOST_CONDITIONS):
        name = f"{prefix}c{number}-"
        if f"{name}value" not in form:
            break
        rows.append(
            ConditionFields(
                form.get(f"{name}how", "any"), form.get(f"{name}attribute", ""), form.get(f"{name}value", "").strip()
            )
        )
    return tuple(rows)


def _section_document(section: SectionFields, keys: set[str]) -> dict[str, Any]:
    key = base = section.key or (slugify(section.title) if section.title else "partie")
    number = 1
    while key in keys:
        number += 1
        key = f"{base}-{number}"
    keys.add(key)
    found: dict[str, Any] = {"key": key, "title": section.title}
    for name in NUMBERS:
        if (value := str(getattr(section, name))) and int(value):
            found[name] = int(value)
    if section.order:
        found["order"] = section.order
    if conditions := _filter_document(section.conditions):
        found["filter"] = conditions
    return found


def _filter_document(rows: Sequence[ConditionFields]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        if row.value:
            how = row.how if row.how in HOWS else "any"
            found.setdefault(how, []).append({"field": row.attribute, "value": row.value})
    return found


def _section_fields(section: Section) -> SectionFields:
    return SectionFields(
        key=section.key,
        title=section.title,
        count=str(section.count or ""),
        offset=str(section.offset or ""),
        minimum=str(section.minimum or ""),
        order=section.order.value if section.order else "",
        conditions=_rows(section.filter),
    )


def _rows(conditions: Filter) -> tuple[ConditionFields, ...]:
    return tuple(
        ConditionFields(how, item.field.value, item.value) for how in HOWS for item in getattr(conditions, how)
    )
