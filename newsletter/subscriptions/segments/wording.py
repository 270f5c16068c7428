"""Rules in words of the current language, so that nobody has to read JSON to know who gets an issue."""

from newsletter.core.i18n import gettext as _
from newsletter.subscriptions.segments.conditions import CONDITIONS, Names
from newsletter.subscriptions.segments.rule import Condition, Group, Match, Rule


def in_words(rule: Rule, known: Names) -> list[str]:
    """The rule as lines: how its parts are matched, then one line for each."""
    return [match_in_words(rule.match), *(_part(item, known) for item in rule.of)]


def condition_in_words(item: Condition, known: Names) -> str:
    """For example “joined the newsletter less than 30 days ago”."""
    return CONDITIONS[item.field].said(item, known)


def match_in_words(match: Match) -> str:
    return {
        Match.ALL: _("Readers of whom all of this is true:"),
        Match.ANY: _("Readers of whom at least one of these is true:"),
        Match.NONE: _("Readers of whom none of this is true:"),
    }[match]


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
