"""Brevo, which signs nothing (its pages "Transactional webhooks" and "Marketing webhooks")."""

from typing import Any, Final

from newsletter.feedback.providers.events import bounce, told
from newsletter.feedback.providers.shared import BasicAuth, Reading, read_each
from newsletter.feedback.providers.values import address, text
from newsletter.mail.evidence import Evidence, Kind
from newsletter.mail.replies import ReplyClass

# By names without underscores: what is `hard_bounce` of a transactional message is `hardBounce` of a campaign.
_BOUNCES: Final = {
    "hardbounce": ReplyClass.HARD,
    "invalidemail": ReplyClass.HARD,
    "invalid": ReplyClass.HARD,
    "softbounce": ReplyClass.SOFT,
    "blocked": ReplyClass.SENDER,
    "error": ReplyClass.SENDER,
}
_TOLD: Final = {
    "spam": Kind.COMPLAINT,
    "complaint": Kind.COMPLAINT,
    "unsubscribe": Kind.UNSUBSCRIBE,
    "unsubscribed": Kind.UNSUBSCRIBE,
    "deferred": Kind.DELAYED,
    "delivered": Kind.DELIVERED,
}
_SILENT = frozenset(
    {
        "request",
        "sent",
        "opened",
        "uniqueopened",
        "click",
        "proxyopen",
        "uniqueproxyopen",
        "listaddition",
        "contactupdated",
        "contactdeleted",
    }
)


class Brevo(BasicAuth):
    name = "Brevo"

    def read(self, body: bytes) -> Reading:
        return read_each(body, _read)


def _read(event: dict[str, Any]) -> list[Evidence] | None:
    kind, who = text(event, "event").replace("_", "").lower(), address(event, "email")
    message, at = text(event, "message-id"), text(event, "ts_event") or text(event, "ts_epoch") or text(event, "ts")
    about: dict[str, Any] = {
        "proofs": [message, text(event, "X-Mailin-custom")],
        # Its "id" is the one of the webhook.
        "event_id": f"{kind}:{message}:{at}" if message and at else "",
        "reason": text(event, "reason"),
        "at": at,
    }
    if kind == "blocked" and _is_listed(about["reason"]):
        return [bounce(who, ReplyClass.SOFT, sure=True, **about)]
    if kind in _BOUNCES:
        return [bounce(who, _BOUNCES[kind], **about)]
    if kind in _TOLD:
        return [told(_TOLD[kind], who, **about)]
    return [] if kind in _SILENT else None


def _is_listed(reason: str) -> bool:
    """Whether Brevo itself has the address on its list, so that nobody has refused us."""
    words = reason.lower()
    return ("blacklist" in words or "blocklist" in words) and ("user" in words or "contact" in words)
