"""Where an issue stands before it leaves, in words of the current language; moments in the newsletter's zone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from newsletter.core.i18n import format_datetime, ngettext
from newsletter.core.i18n import gettext as _
from newsletter.issues import approvals, editing
from newsletter.issues.models import Issue, IssueKind, IssueStatus
from newsletter.issues.preflight import wording
from newsletter.issues.preflight.findings import from_document
from newsletter.newsletters.models import Newsletter, TooLate


def kind_in_words(kind: IssueKind) -> str:
    return {
        IssueKind.DIGEST: _("Digest"),
        IssueKind.BREAKING: _("Breaking news"),
        IssueKind.CORRECTION: _("Correction"),
    }[kind]


def in_words(issue: Issue, newsletter: Newsletter, approved_by: Sequence[str] = ()) -> str:
    """What an issue waits for, or why it was given up; empty for one that has left."""
    reason = issue.pause_reason or {}
    match issue.status:
        case IssueStatus.SCHEDULED if approved_by:
            return _(
                "Approved by %(who)s; leaves on %(when)s.", who=", ".join(approved_by), when=_hour(issue, newsletter)
            )
        case IssueStatus.SCHEDULED:
            return _("Leaves on %(when)s.", when=_hour(issue, newsletter))
        case IssueStatus.DRAFT if approvals.under_review(issue):
            return hour_in_words(issue, newsletter)
        case IssueStatus.DRAFT if reason.get("code") == "held":
            return ngettext(
                "Held: %(num)s new article, and %(count)s are the least.",
                "Held: %(num)s new articles, and %(count)s are the least.",
                reason["found"],
                count=reason["count"],
            )
        case IssueStatus.DRAFT if reason.get("code") == editing.FOUND:
            return _("Stopped: %(found)s", found=_found(reason))
        case IssueStatus.DRAFT:
            return _("A draft: it leaves when somebody sends it.")
        case IssueStatus.CANCELLED if reason.get("code") == "skipped":
            return _("Skipped by %(who)s.", who=reason.get("by", ""))
        case IssueStatus.CANCELLED if reason.get("code") == "too_late":
            return _("Skipped: nobody had approved it by its hour.")
        case IssueStatus.CANCELLED if reason.get("code") == "withdrawn":
            return _("Given up: its articles have been withdrawn.")
    return ""


def hour_in_words(issue: Issue, newsletter: Newsletter) -> str:
    """What an issue under review waits for, and what comes of it when nobody approves it."""
    when = _hour(issue, newsletter)
    if issue.pause_reason is not None:
        return _("It was to leave on %(when)s. Nobody has approved it: it waits until somebody does.", when=when)
    match issue.too_late:
        case TooLate.SEND:
            return _("Under review. It leaves on %(when)s, also when nobody approves it.", when=when)
        case TooLate.SKIP:
            return _("Under review. It leaves on %(when)s if somebody approves it; otherwise it is skipped.", when=when)
    return _(
        "Under review. It leaves on %(when)s if somebody approves it; otherwise it waits until somebody does.",
        when=when,
    )


def notice_in_words(issue: Issue, newsletter: Newsletter, notice: str) -> str:
    """What editors are told about an issue; see proof.Notice."""
    reason = issue.pause_reason or {}
    match notice:
        case "held":
            return ngettext(
                "This digest has %(num)s new article, and %(count)s are the least. It waits for you: send it as it is, "
                "add to it, or discard it.",
                "This digest has %(num)s new articles, and %(count)s are the least. It waits for you: send it as it "
                "is, add to it, or discard it.",
                reason.get("found", 0),
                count=reason.get("count", 0),
            )
        case "stopped":
            return _(
                "This digest does not leave by itself: %(found)s Mend it and send it, or have an owner overrule it.",
                found=_found(reason),
            )
        case "skipped":
            return _(
                "This digest was to leave on %(when)s. Nobody had approved it by then, so it was skipped; its articles "
                "can come in the next one.",
                when=_hour(issue, newsletter),
            )
    return hour_in_words(issue, newsletter)


def _found(reason: Mapping[str, Any]) -> str:
    """What the preflight found, sentence by sentence."""
    return " ".join(wording.in_words(from_document(item)) for item in reason.get("found", ()))


def _hour(issue: Issue, newsletter: Newsletter) -> str:
    return moment(issue.send_at, newsletter) if issue.send_at else ""


def moment(at: datetime, newsletter: Newsletter) -> str:
    """Day and hour where the newsletter is at home."""
    return format_datetime(at, zone=ZoneInfo(newsletter.timezone))
