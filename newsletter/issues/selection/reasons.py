"""Why an article is in a digest or is not, in a sentence of the current language."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from newsletter.core.i18n import format_date
from newsletter.core.i18n import gettext as _
from newsletter.issues.selection.candidate import Verdict


def in_words(verdict: Verdict, reason: Mapping[str, Any]) -> str:
    """For example “In: pinned by ama@gazette.example” or “Out: this author has 2 already”."""
    why = _why(reason)
    match verdict:
        case Verdict.IN:
            return _("In: %(why)s", why=why)
        case Verdict.OUT:
            return _("Out: %(why)s", why=why)
    return _("Not this time: %(why)s", why=why)


def _why(reason: Mapping[str, Any]) -> str:  # noqa: PLR0912 - a table of sentences
    count, name = reason.get("count", 0), str(reason.get("name", ""))
    match reason["code"]:
        case "new":
            return _("new")
        case "pinned" if reason.get("by"):
            return _("pinned by %(who)s", who=reason["by"])
        case "pinned":
            return _("pinned")
        case "topped_up":
            return _("from the reserve, for there was too little that is new")
        case "added":
            return _("added by %(who)s", who=reason.get("by", ""))
        case "moved":
            return _("put there by %(who)s", who=reason.get("by", ""))
        case "dropped":
            return _("an editor has taken it out")
        case "cancelled":
            return _("the issue was cancelled")
        case "full":
            return _("the digest has %(count)s already", count=count)
        case "section_full":
            return _("the section has %(count)s already", count=count)
        case "section_minimum":
            return _("its section has %(found)s of at least %(count)s", found=reason.get("found", 0), count=count)
        case "offset":
            return _("the first %(count)s of its section are passed over", count=count)
        case "author":
            return _("%(name)s has %(count)s already", name=name, count=count)
        case "source":
            return _("%(name)s has %(count)s already", name=name, count=count)
        case "same_story":
            return _("article %(article)s tells the same story", article=reason.get("article", ""))
        case "embargo":
            return _("under embargo until %(day)s", day=_day(reason["until"]))
        case "expired":
            return _("expired on %(day)s", day=_day(reason["at"]))
        case "excluded":
            return _("the rules exclude it")
        case "no_section":
            return _("no section takes it")
        case "told":
            return _("an earlier digest had it")
        case "reserve":
            return _("it is in the reserve")
        case "too_little":
            return _("the digest was skipped: %(found)s new, and %(count)s are the least", **_figures(reason))
        case "seen":
            return _("this reader has had the story")
        case "topic":
            return _("this reader did not choose its topic")
        case "language":
            return _("it is not in this reader's language")
    return str(reason["code"])


def _figures(reason: Mapping[str, Any]) -> dict[str, Any]:
    return {"found": reason.get("found", 0), "count": reason.get("count", 0)}


def _day(moment: str) -> str:
    return format_date(datetime.fromisoformat(moment).date())
