"""Postmark, which signs nothing (its pages "Bounce webhook", "Spam complaint webhook" and "Subscription change
webhook").
"""

from typing import Any, Final

from newsletter.feedback.providers.events import bounce, told
from newsletter.feedback.providers.shared import BasicAuth, Reading, read_each
from newsletter.feedback.providers.values import address, is_true, text, texts
from newsletter.mail.evidence import Evidence, Kind
from newsletter.mail.replies import ReplyClass

# Its table "Bounce types".
_BOUNCES: Final[dict[str, ReplyClass | None]] = {
    "HardBounce": ReplyClass.HARD,
    "BadEmailAddress": ReplyClass.HARD,
    "SoftBounce": ReplyClass.SOFT,
    "Transient": ReplyClass.SOFT,
    "DnsError": ReplyClass.SOFT,
    "Undeliverable": ReplyClass.SOFT,
    "ManuallyDeactivated": ReplyClass.SOFT,
    "Unknown": None,
    "Blocked": ReplyClass.SENDER,
    "DMARCPolicy": ReplyClass.SENDER,
    "SMTPApiError": ReplyClass.SENDER,
    "InboundError": ReplyClass.SENDER,
    "SpamNotification": ReplyClass.CONTENT,
    "VirusNotification": ReplyClass.CONTENT,
    "TemplateRenderingFailed": ReplyClass.MESSAGE,
}
_TOLD: Final = {
    "AutoResponder": Kind.AUTO_REPLY,
    "AddressChange": Kind.AUTO_REPLY,
    "ChallengeVerification": Kind.AUTO_REPLY,
    "SpamComplaint": Kind.COMPLAINT,
    "Unsubscribe": Kind.UNSUBSCRIBE,
    "Subscribe": Kind.OTHER,
    "OpenRelayTest": Kind.OTHER,
    "Unconfirmed": Kind.OTHER,
}
_SILENT = ("Open", "Click", "Inbound")


class Postmark(BasicAuth):
    name = "Postmark"

    def read(self, body: bytes) -> Reading:
        return read_each(body, _read)


def _read(event: dict[str, Any]) -> list[Evidence] | None:
    record, kind = text(event, "RecordType"), text(event, "Type")
    who = address(event, "Email") or address(event, "Recipient")
    number = text(event, "ID") or text(event, "MessageID")
    about: dict[str, Any] = {
        # "Content" is the bounce as it came, in the servers that are set to keep it.
        "proofs": [text(event, "MessageID"), *texts(event, "Metadata"), text(event, "Content")],
        "event_id": f"{record}:{number}" if number else "",
        "reason": text(event, "Details") or text(event, "Description"),
        "at": text(event, "BouncedAt") or text(event, "DeliveredAt") or text(event, "ChangedAt"),
    }
    if record == "SubscriptionChange":
        return _changed(event, who, about)
    if record == "Delivery":
        return [told(Kind.DELIVERED, who, **about)]
    if record == "SpamComplaint":
        return [told(Kind.COMPLAINT, who, **about)]
    if record == "Bounce" and kind in _TOLD:
        return [told(_TOLD[kind], who, **about)]
    if record == "Bounce" and kind in _BOUNCES:
        return [bounce(who, _BOUNCES[kind], **about)]
    return [] if record in _SILENT else None


def _changed(event: dict[str, Any], who: str, about: dict[str, Any]) -> list[Evidence]:
    """Postmark stops sending to an address, or does so again, which is no news: only a reader can subscribe."""
    if not is_true(event, "SuppressSending"):
        return []
    why, at = text(event, "SuppressionReason"), text(event, "ChangedAt")
    about |= {"event_id": f"{about['event_id']}:{at}" if about["event_id"] and at else "", "reason": why}
    if why == "HardBounce":
        return [bounce(who, ReplyClass.HARD, sure=True, **about)]
    return [told(Kind.COMPLAINT if why == "SpamComplaint" else Kind.UNSUBSCRIBE, who, **about)]
