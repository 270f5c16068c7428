"""SparkPost, known by a password (its pages "Webhook event reference" and "Bounce classification codes")."""

from typing import Any, Final

from newsletter.feedback.providers.events import bounce, told
from newsletter.feedback.providers.shared import BasicAuth, Reading, read_each
from newsletter.feedback.providers.values import address, dig, text, texts
from newsletter.mail.evidence import Evidence, Kind
from newsletter.mail.replies import ReplyClass

_CLASSES: Final[dict[str, ReplyClass | None]] = {
    "1": None,
    "10": ReplyClass.HARD,
    "20": ReplyClass.SOFT,
    "21": ReplyClass.SOFT,
    "22": ReplyClass.SOFT,
    "23": ReplyClass.MESSAGE,
    "24": ReplyClass.SOFT,
    "25": ReplyClass.SOFT,
    "26": ReplyClass.SOFT,
    "30": ReplyClass.HARD,
    "40": ReplyClass.SOFT,
    "50": ReplyClass.SENDER,
    "51": ReplyClass.SENDER,
    "52": ReplyClass.CONTENT,
    "53": ReplyClass.CONTENT,
    "54": ReplyClass.SENDER,
    "70": ReplyClass.SOFT,
}
_NOT_TRIED = ("25", "26")  # SparkPost's own lists and rules
# Messages that came back and are no bounces. "Unsubscribe" is among the hard ones in SparkPost's table, and the reader
# gets nothing more either way.
_ANSWERS: Final = {"60": Kind.AUTO_REPLY, "80": Kind.OTHER, "90": Kind.UNSUBSCRIBE, "100": Kind.AUTO_REPLY}
_BOUNCES = ("bounce", "out_of_band")
_OURS = ("policy_rejection", "generation_failure", "generation_rejection")
_TOLD: Final = {
    "spam_complaint": Kind.COMPLAINT,
    "list_unsubscribe": Kind.UNSUBSCRIBE,
    "link_unsubscribe": Kind.UNSUBSCRIBE,
    "delay": Kind.DELAYED,
    "delivery": Kind.DELIVERED,
}
_SILENT = ("injection", "open", "click", "initial_open", "amp_open", "amp_click", "amp_initial_open", "sms_status")


class SparkPost(BasicAuth):
    name = "SparkPost"

    def read(self, body: bytes) -> Reading:
        return read_each(body, _read)


def _read(wrapped: dict[str, Any]) -> list[Evidence] | None:
    within = dig(wrapped, "msys")
    if within == {}:
        return []  # a question whether we are there
    # One object, whose name says the kind of event once more.
    event = next((item for item in within.values() if isinstance(item, dict)), {}) if isinstance(within, dict) else {}
    kind, number = text(event, "type"), text(event, "bounce_class")
    who = address(event, "rcpt_to") or address(event, "raw_rcpt_to")
    about: dict[str, Any] = {
        "proofs": _proofs(event),
        "event_id": text(event, "event_id"),
        "reason": text(event, "raw_reason") or text(event, "reason") or text(event, "fbtype"),
        "at": text(event, "timestamp"),
    }
    if kind in _BOUNCES and number in _ANSWERS:
        return [told(_ANSWERS[number], who, **about)]
    if kind in _BOUNCES:
        return [bounce(who, _CLASSES.get(number), sure=number in _NOT_TRIED, **about)]
    if kind in _OURS:
        return [bounce(who, _CLASSES.get(number) or ReplyClass.SENDER, sure=number in _NOT_TRIED, **about)]
    if kind == "spam_complaint" and text(event, "fbtype").lower() == "not-spam":
        return [told(Kind.OTHER, who, **about)]
    if kind in _TOLD:
        return [told(_TOLD[kind], who, **about)]
    return [] if kind in _SILENT else None


def _proofs(event: Any) -> list[str]:
    return [
        text(event, "msg_from"),
        text(event, "friendly_from"),
        text(event, "mailfrom"),
        *texts(event, "rcpt_meta"),
        text(event, "transmission_id"),
    ]
