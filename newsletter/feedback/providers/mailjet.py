"""Mailjet, which signs nothing (its page "Event API: real-time notifications")."""

from typing import Any, Final

from newsletter.feedback.providers.events import bounce, told
from newsletter.feedback.providers.shared import BasicAuth, Reading, read_each
from newsletter.feedback.providers.values import address, is_true, text
from newsletter.mail.evidence import Evidence, Kind
from newsletter.mail.replies import ReplyClass

# Its table "Possible values for errors". What is not here goes by `hard_bounce`.
_ERRORS: Final = {
    "quota exceeded": ReplyClass.SOFT,
    "blacklisted": ReplyClass.SOFT,
    "greylisted": ReplyClass.SOFT,
    "preblocked": ReplyClass.SOFT,
    "duplicate in campaign": ReplyClass.MESSAGE,
    "relay/access denied": ReplyClass.SENDER,
    "sender blocked": ReplyClass.SENDER,
    "policy issue": ReplyClass.SENDER,
    "content blocked": ReplyClass.CONTENT,
    "bad or empty template": ReplyClass.MESSAGE,
    "error in template language": ReplyClass.MESSAGE,
    "system issue": ReplyClass.SOFT,
    "protocol issue": ReplyClass.SOFT,
    "connection issue": ReplyClass.SOFT,
}
_RELATED: Final = {
    "content": ReplyClass.CONTENT,
    "spam": ReplyClass.SENDER,
    "system": ReplyClass.SOFT,
    "mailjet": ReplyClass.SOFT,
}
_NOT_TRIED = ("blacklisted", "preblocked", "duplicate in campaign", "typofix")
_TOLD: Final = {"spam": Kind.COMPLAINT, "unsub": Kind.UNSUBSCRIBE, "sent": Kind.DELIVERED}
_SILENT = ("open", "click")


class Mailjet(BasicAuth):
    name = "Mailjet"

    def read(self, body: bytes) -> Reading:
        return read_each(body, _read)


def _read(event: dict[str, Any]) -> list[Evidence] | None:
    kind, who = text(event, "event"), address(event, "email")
    error, at = text(event, "error").lower(), text(event, "time")
    message = text(event, "MessageID") or text(event, "Message_GUID")
    about: dict[str, Any] = {
        "proofs": [text(event, "CustomID"), text(event, "Payload"), text(event, "Message_GUID")],
        "event_id": f"{kind}:{message}:{at}" if message and at else "",
        "reason": text(event, "comment") or error,
        "at": at,
    }
    if kind in ("bounce", "blocked"):
        if error == "spam reporter":
            return [told(Kind.COMPLAINT, who, **about)]
        return [bounce(who, _class_of(event, error, kind), sure=error in _NOT_TRIED, **about)]
    if kind in _TOLD:
        return [told(_TOLD[kind], who, **about)]
    return [] if kind in _SILENT else None


def _class_of(event: dict[str, Any], error: str, kind: str) -> ReplyClass:
    """By the error first: `hard_bounce` is said of senders that were refused as well."""
    if found := _ERRORS.get(error) or _RELATED.get(text(event, "error_related_to").lower()):
        return found
    if is_true(event, "hard_bounce"):
        return ReplyClass.HARD
    return ReplyClass.SENDER if kind == "blocked" and not error else ReplyClass.SOFT
