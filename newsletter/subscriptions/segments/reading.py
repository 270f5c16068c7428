"""A rule as a document, checked whole: what a form, a file and the database hold."""

import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import idna

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.core.ids import LARGEST_ID
from newsletter.newsletters.editions import Edition
from newsletter.subscriptions.segments.conditions import CONDITIONS, kind_of
from newsletter.subscriptions.segments.rule import (
    LONGEST_NAME,
    LONGEST_TEXT,
    MOST_CLICK_DAYS,
    MOST_CONDITIONS,
    MOST_DAYS,
    MOST_GROUPS,
    VERSION,
    Condition,
    Field,
    Group,
    Kind,
    Match,
    Op,
    Rule,
    Way,
)

UNSAFE: Final = ("Cc", "Cs", "Co", "Cn", "Zl", "Zp")  # nobody types these, and PostgreSQL keeps no NUL
EARLIEST: Final = 1970


class RuleError(RefusedError):
    """The document is no rule; the sentence says which part of it and why."""


def read_rule(document: object) -> Rule:
    """The rule of a document; RuleError in words for anything that is none."""
    whole = _object(document, {"version", "match", "of"})
    if whole.get("version") != VERSION or isinstance(whole.get("version"), bool):
        raise RuleError(_("This rule is of a version that is not known here: %(known)d is.", known=VERSION))
    items = _list(whole)
    found = tuple(
        _group(item) if isinstance(item, Mapping) and "of" in item else read_condition(item) for item in items
    )
    rule = Rule(_word(Match, whole.get("match"), "match"), found)
    if sum(isinstance(item, Group) for item in found) > MOST_GROUPS:
        raise RuleError(_("A rule has %(count)d groups at most.", count=MOST_GROUPS))
    if sum(1 for _item in rule.conditions()) > MOST_CONDITIONS:
        raise RuleError(_("A rule has %(count)d conditions at most.", count=MOST_CONDITIONS))
    return rule


def document_of(rule: Rule) -> dict[str, Any]:
    """The document that `read_rule` reads."""
    parts = [
        {"match": item.match.value, "of": [_plain(inner) for inner in item.of]}
        if isinstance(item, Group)
        else _plain(item)
        for item in rule.of
    ]
    return {"version": VERSION, "match": rule.match.value, "of": parts}


def read_condition(item: object) -> Condition:
    """One condition; RuleError in words when it makes no sense."""
    given = _object(item, {"field", "op", "value", "name"})
    field = _word(Field, given.get("field"), "field")
    op = _word(Op, given.get("op"), "op")
    asked = CONDITIONS[field]
    if op not in asked.takes:
        known = ", ".join(asked.takes)
        raise RuleError(
            _("“%(field)s” cannot be asked by “%(op)s”, but by: %(known)s.", field=field, op=op, known=known)
        )
    name = given.get("name", "")
    if asked.named:
        name = _text(name, LONGEST_NAME, _("Name the attribute."))
    elif name != "":
        raise RuleError(_("Only an attribute has a name."))
    return Condition(field, op, _value(asked.takes[op], given.get("value", "")), name)


def _group(item: object) -> Group:
    given = _object(item, {"match", "of"})
    inner = _list(given)
    if any(isinstance(each, Mapping) and "of" in each for each in inner):
        raise RuleError(_("A group has conditions in it, and no other group."))
    return Group(_word(Match, given.get("match"), "match"), tuple(read_condition(each) for each in inner))


def _object(item: object, known: set[str]) -> Mapping[str, Any]:
    if not isinstance(item, Mapping):
        raise RuleError(_("A rule, a group and a condition are JSON objects."))
    unknown = sorted(str(name)[:40] for name in item if name not in known)
    if unknown:
        names = {"name": unknown[0], "known": ", ".join(sorted(known))}
        raise RuleError(_("“%(name)s” is not known here. These are: %(known)s.", **names))
    return item


def _list(given: Mapping[str, Any]) -> list[Any]:
    items = given.get("of")
    if not isinstance(items, list):
        raise RuleError(_("“of” is a list of conditions."))
    if not items:
        raise RuleError(_("Add a condition: without one a segment would be everybody."))
    if len(items) > MOST_CONDITIONS + MOST_GROUPS:
        raise RuleError(_("A rule has %(count)d conditions at most.", count=MOST_CONDITIONS))
    return items


def _word(kind: Any, value: object, name: str) -> Any:
    if not isinstance(value, str) or value not in set(kind):
        given = {"name": name, "value": str(value)[:40], "known": ", ".join(kind)}
        raise RuleError(_("“%(value)s” is no “%(name)s”. These are: %(known)s.", **given))
    return kind(value)


def _value(kind: Kind, value: object) -> str | int:
    match kind:
        case Kind.NOTHING:
            if value not in ("", None):
                raise RuleError(_("This condition compares with nothing."))
            return ""
        case Kind.DOMAIN:
            return _domain(_text(value, LONGEST_TEXT, _("Enter a domain. It looks like poste.example.")))
        case Kind.LANGUAGE:
            return _one_of(value, LOCALES)
        case Kind.EDITION:
            return _one_of(value, tuple(Edition))
        case Kind.WAY:
            return _one_of(value, tuple(Way))
        case Kind.TEXT:
            return _text(value, LONGEST_TEXT, _("Enter the text that is looked for."))
        case Kind.DATE:
            return _date(value)
        case Kind.DAYS:
            return _number(value, MOST_DAYS, _("A number of days is from 1 to %(most)d.", most=MOST_DAYS))
        case Kind.CLICK_DAYS:
            words = _("Who clicked is known for %(most)d days: a number from 1 to that.", most=MOST_CLICK_DAYS)
            return _number(value, MOST_CLICK_DAYS, words)
        case Kind.ID:
            return _number(value, LARGEST_ID, _("Choose one of the list."))


def _one_of(value: object, known: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in known:
        raise RuleError(_("“%(value)s” is not one of these: %(known)s.", value=str(value)[:40], known=", ".join(known)))
    return str(value)


def _number(value: object, most: int, words: str) -> int:
    """A number, also as a form has it."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal() and len(value.strip()) < 20:
        value = int(value.strip())
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise RuleError(words)
    return value


def _text(value: object, longest: int, words: str) -> str:
    if not isinstance(value, str):
        raise RuleError(words)
    text = unicodedata.normalize("NFC", value).strip()
    if not text:
        raise RuleError(words)
    if len(text) > longest:
        raise RuleError(_("This text is too long: %(count)d characters at most.", count=longest))
    if any(unicodedata.category(character) in UNSAFE for character in text):
        raise RuleError(_("This text has invisible or control characters in it. Type it again."))
    return text


def _domain(text: str) -> str:
    """As addresses are kept: small letters, and a name in another script as DNS has it."""
    name = text.rpartition("@")[2].lower()
    if not name.isascii():
        try:
            lead = "." if name.startswith(".") else ""
            name = lead + idna.encode(name.removeprefix("."), uts46=True).decode()
        except idna.IDNAError:
            raise RuleError(_("Enter a domain. It looks like poste.example.")) from None
    if not name.strip(".") or not all(character.isalnum() or character in ".-_" for character in name):
        raise RuleError(_("Enter a domain. It looks like poste.example."))
    return name


def _date(value: object) -> str:
    try:
        found = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or not EARLIEST <= found.year < 3000:
        raise RuleError(_("This is no date. It looks like 2026-12-24."))
    return found.isoformat()


def _plain(item: Condition) -> dict[str, Any]:
    made: dict[str, Any] = {"field": item.field.value, "op": item.op.value}
    if kind_of(item.field, item.op) is not Kind.NOTHING:
        made["value"] = item.value
    return made | ({"name": item.name} if item.name else {})
