"""Why an issue has stopped by itself, in words, and what whoever lets it go on should look at first."""

from collections.abc import Mapping
from typing import Any

from newsletter.core.i18n import NO_BREAK, current_locale, format_number
from newsletter.core.i18n import gettext as _
from newsletter.issues.brake import Fault


def in_words(reason: Mapping[str, Any]) -> str:
    """What happened, in one or two sentences of the current language."""
    code = reason["code"]
    if code == Fault.CANNOT_BE_WRITTEN:
        return _("The messages cannot be written, and nobody has got one: %(message)s", message=reason["message"])
    if code == Fault.NO_AUDIENCE:
        return _("Nobody has got it: %(message)s", message=reason["message"])
    figures = {
        "count": format_number(reason["count"]),
        "of": format_number(reason["of"]),
        "share": _percent(reason["count"] / reason["of"]),
        "limit": _percent(reason["limit"]),
    }
    if code == Fault.HARD_BOUNCES:
        return _(
            "%(count)s of %(of)s messages went to addresses that do not exist: %(share)s, and %(limit)s is the limit.",
            **figures,
        )
    if code == Fault.COMPLAINTS:
        return _("%(count)s of %(of)s readers have called it spam: %(share)s, and %(limit)s is the limit.", **figures)
    if reason["domain"]:
        return _(
            "%(domain)s refused the content of %(count)s of %(of)s messages: %(share)s, and %(limit)s is the limit.",
            domain=reason["domain"],
            **figures,
        )
    return _(
        "The content of %(count)s of %(of)s messages was refused: %(share)s, and %(limit)s is the limit.", **figures
    )


def advice(reason: Mapping[str, Any]) -> str:
    """What to look at before it goes on."""
    code = reason["code"]
    if code == Fault.CANNOT_BE_WRITTEN:
        return _("Correct it, then resume: it is tried again.")
    if code == Fault.NO_AUDIENCE:
        return _("Choose who gets it, then resume.")
    if code == Fault.HARD_BOUNCES:
        return _("Look at where these addresses come from: an old or bought list ruins the name of the sender.")
    if code == Fault.COMPLAINTS:
        return _("Ask whether these readers expected this issue. Each further complaint costs places in the inbox.")
    return _("Look at the links and pictures of the issue: one of them may be on a list of the spam filters.")


def _percent(share: float) -> str:
    text = f"{share * 100:.1f}".removesuffix(".0")
    return f"{text.replace('.', ',')}{NO_BREAK}%" if current_locale() == "fr" else f"{text}%"
