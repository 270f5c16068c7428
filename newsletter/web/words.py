"""The word beside each state's shape, in the reader's language."""

from newsletter.core.i18n import gettext as _


def word(record: str, status: str) -> str:
    """`record` is issue, delivery or subscription; `status` one of its states."""
    return _words(record)[status]


def _words(record: str) -> dict[str, str]:
    sending = {"sending": _("Sending"), "paused": _("Paused"), "sent": _("Sent")}
    if record == "issue":
        return sending | {"draft": _("Draft"), "scheduled": _("Scheduled"), "cancelled": _("Cancelled")}
    if record == "delivery":
        return sending | {
            "queued": _("Queued"),
            "deferred": _("Deferred"),
            "failed": _("Failed"),
            "unknown": _("Unknown"),
            "skipped": _("Skipped"),
        }
    return {
        "pending": _("Awaiting confirmation"),
        "active": _("Active"),
        "paused": _("Paused"),
        "ended": _("Left"),
    }
