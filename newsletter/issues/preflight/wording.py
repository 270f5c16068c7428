"""Findings in words of the current language: what was found, what to do, and how bad it is."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from newsletter.core.i18n import current_locale, format_number, ngettext
from newsletter.core.i18n import gettext as _
from newsletter.issues.preflight import sentences_of_delivery, sentences_of_message
from newsletter.issues.preflight.findings import Finding, Level


def in_words(finding: Finding) -> str:
    """What was found, in a sentence; a key that this version does not know stands for itself."""
    what, _todo = _sentences(finding.key)
    told = what % _values(finding.params)
    if partly := finding.params.get("partly"):
        some = _("In part: %(programs)s.", programs=", ".join(partly))
        return f"{told} {some}"
    return told


def advice(finding: Finding) -> str:
    """What to do about it."""
    return _sentences(finding.key)[1] % _values(finding.params)


def level_in_words(level: Level) -> str:
    return {Level.FATAL: _("Fatal"), Level.WARNING: _("Warning"), Level.NOTICE: _("Notice")}[level]


def state_of(level: Level) -> str:
    """The state by which a page shows it."""
    return {Level.FATAL: "failed", Level.WARNING: "warn", Level.NOTICE: "ok"}[level]


def known() -> set[str]:
    """Every key that there are words for."""
    return set(_tables(current_locale()))


def _sentences(key: str) -> tuple[str, str]:
    return _tables(current_locale()).get(key, (key, ""))


@cache
def _tables(_locale: str) -> dict[str, tuple[str, str]]:
    """All sentences in the current language, which is `_locale`: put together once, not for each finding."""
    return sentences_of_message.sentences() | sentences_of_delivery.sentences()


def _values(params: Mapping[str, Any]) -> dict[str, str]:
    return {name: _value(name, value, params) for name, value in params.items()}


def _value(name: str, value: Any, params: Mapping[str, Any]) -> str:
    if name == "shorten":
        return {"pictures": _("pictures"), "styles": _("styles"), "words": _("words")}.get(value, str(value))
    if isinstance(value, list | tuple):
        names = [str(item) for item in value]
        if params.get("more"):
            names.append(ngettext("and %(num)s more program", "and %(num)s more programs", params["more"]))
        return ", ".join(names)
    if isinstance(value, int) and name != "status":
        return format_number(value)
    if isinstance(value, float):
        text = f"{value:g}"
        return text.replace(".", ",") if current_locale() == "fr" else text
    return str(value)
