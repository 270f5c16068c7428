"""Rules in words of the current language, so that nobody has to read JSON to know who gets an issue."""

from collections.abc import Callable
from datetime import date
from typing import Final

from newsletter.core.i18n import format_date, ngettext
from newsletter.core.i18n import gettext as _
from newsletter.newsletters.editions import Edition
from newsletter.subscriptions.segments.names import Names
from newsletter.subscriptions.segments.rule import Condition, Field, Group, Match, Op, Rule, Way


def in_words(rule: Rule, known: Names) -> list[str]:
    """The rule as lines: how its parts are matched, then one line for each."""
    return [match_in_words(rule.match), *(_part(item, known) for item in rule.of)]


def condition_in_words(item: Condition, known: Names) -> str:
    """For example “joined the newsletter less than 30 days ago”."""
    return _SAID[item.field](item, known)


def match_in_words(match: Match) -> str:
    return {
        Match.ALL: _("Readers of whom all of this is true:"),
        Match.ANY: _("Readers of whom at least one of these is true:"),
        Match.NONE: _("Readers of whom none of this is true:"),
    }[match]


def field_in_words(field: Field) -> str:
    """What a condition is called where one is chosen."""
    return {
        Field.DOMAIN: _("Domain of the address"),
        Field.LANGUAGE: _("Language"),
        Field.EDITION: _("Edition"),
        Field.TOPIC: _("Topic"),
        Field.CADENCE: _("Rhythm"),
        Field.JOINED: _("Day they joined"),
        Field.CAME_BY: _("How they joined"),
        Field.ATTRIBUTE: _("Attribute from a file"),
        Field.ISSUE: _("Issue they were sent"),
        Field.NOTHING_SENT: _("Nothing was sent to them of late"),
        Field.BOUNCED: _("Mail came back of late"),
    }[field]


def op_in_words(field: Field, op: Op) -> str:
    """How a condition compares, for a list of choices."""
    if field is Field.JOINED:
        return {
            Op.WITHIN: _("less than"),
            Op.SINCE: _("on this day or later"),
            Op.BEFORE: _("before"),
        }[op]
    return {
        Op.IS: _("is"),
        Op.ENDS: _("ends with"),
        Op.CONTAINS: _("contains"),
        Op.THERE: _("is there"),
        Op.SENT: _("was sent"),
        Op.WITHIN: _("in the last"),
    }[op]


def days_in_words(field: Field) -> str:
    """What stands behind a number of days."""
    return _("days ago") if field is Field.JOINED else _("days")


def way_in_words(way: Way) -> str:
    return {Way.FORM: _("by the form"), Way.IMPORT: _("by a file"), Way.STAFF: _("by staff")}[way]


def edition_in_words(edition: Edition) -> str:
    return {Edition.FULL: _("full"), Edition.LIGHT: _("light"), Edition.TEXT: _("text only")}[edition]


def language_in_words(language: str) -> str:
    return {"fr": "français", "en": "English"}.get(language, language)


def _part(item: Condition | Group, known: Names) -> str:
    if isinstance(item, Condition):
        return condition_in_words(item, known)
    inner = ""
    for each in item.of:
        words = condition_in_words(each, known)
        inner = _("%(conditions)s; %(condition)s", conditions=inner, condition=words) if inner else words
    return {
        Match.ALL: _("all of: %(conditions)s", conditions=inner),
        Match.ANY: _("at least one of: %(conditions)s", conditions=inner),
        Match.NONE: _("none of: %(conditions)s", conditions=inner),
    }[item.match]


def _domain(item: Condition, known: Names) -> str:
    if item.op is Op.ENDS:
        return _("has an address whose domain ends with “%(domain)s”", domain=item.value)
    return _("has an address at %(domain)s", domain=item.value)


def _language(item: Condition, known: Names) -> str:
    return _("reads in %(language)s", language=language_in_words(str(item.value)))


def _edition(item: Condition, known: Names) -> str:
    return _("has chosen the edition “%(edition)s”", edition=edition_in_words(Edition(str(item.value))))


def _topic(item: Condition, known: Names) -> str:
    return _("gets the topic “%(topic)s”", topic=_name(item, known))


def _cadence(item: Condition, known: Names) -> str:
    return _("is on the rhythm “%(cadence)s”", cadence=_name(item, known))


def _joined(item: Condition, known: Names) -> str:
    if item.op is Op.WITHIN:
        return ngettext(
            "joined the newsletter less than %(num)s day ago",
            "joined the newsletter less than %(num)s days ago",
            int(item.value),
        )
    day = format_date(date.fromisoformat(str(item.value)), style="long")
    if item.op is Op.SINCE:
        return _("joined the newsletter on %(day)s or later", day=day)
    return _("joined the newsletter before %(day)s", day=day)


def _came_by(item: Condition, known: Names) -> str:
    return {
        Way.FORM: _("joined by the form"),
        Way.IMPORT: _("came in by a file"),
        Way.STAFF: _("was added by staff"),
    }[Way(str(item.value))]


def _attribute(item: Condition, known: Names) -> str:
    match item.op:
        case Op.THERE:
            return _("has an attribute “%(name)s”", name=item.name)
        case Op.CONTAINS:
            return _("has “%(text)s” in the attribute “%(name)s”", name=item.name, text=item.value)
    return _("has the attribute “%(name)s” equal to “%(text)s”", name=item.name, text=item.value)


def _issue(item: Condition, known: Names) -> str:
    return _("was sent %(issue)s", issue=_name(item, known))


def _nothing_sent(item: Condition, known: Names) -> str:
    return ngettext(
        "was sent nothing in the last %(num)s day", "was sent nothing in the last %(num)s days", int(item.value)
    )


def _bounced(item: Condition, known: Names) -> str:
    return ngettext(
        "has had mail come back in the last %(num)s day",
        "has had mail come back in the last %(num)s days",
        int(item.value),
    )


def _name(item: Condition, known: Names) -> str:
    return known.of(item.field).get(int(item.value)) or _("(gone: %(number)s)", number=item.value)


_SAID: Final[dict[Field, Callable[[Condition, Names], str]]] = {
    Field.DOMAIN: _domain,
    Field.LANGUAGE: _language,
    Field.EDITION: _edition,
    Field.TOPIC: _topic,
    Field.CADENCE: _cadence,
    Field.JOINED: _joined,
    Field.CAME_BY: _came_by,
    Field.ATTRIBUTE: _attribute,
    Field.ISSUE: _issue,
    Field.NOTHING_SENT: _nothing_sent,
    Field.BOUNCED: _bounced,
}
