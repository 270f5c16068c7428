"""Providers that sign nothing, known by a secret address and a password: Postmark, Brevo, Mailjet, SparkPost."""

from typing import Any, ClassVar

from newsletter.feedback.providers.shared import (
    BasicAuth,
    Reading,
    address,
    bounce,
    dig,
    events_of,
    parse_json,
    text,
    told,
)
from newsletter.mail.evidence import Evidence, Kind
from newsletter.mail.replies import ReplyClass


class Postmark(BasicAuth):
    name = "Postmark"

    _BOUNCES: ClassVar[dict[str, ReplyClass | None]] = {
        "HardBounce": ReplyClass.HARD,
        "BadEmailAddress": ReplyClass.HARD,
        "AddressChange": ReplyClass.SOFT,
        "SoftBounce": ReplyClass.SOFT,
        "Transient": ReplyClass.SOFT,
        "DnsError": ReplyClass.SOFT,
        "Undeliverable": ReplyClass.SOFT,
        "Unknown": None,
        "Blocked": ReplyClass.SENDER,
        "SpamNotification": ReplyClass.CONTENT,
        "VirusNotification": ReplyClass.CONTENT,
        "SMTPApiError": ReplyClass.SENDER,
        "InboundError": ReplyClass.SENDER,
        "DMARCPolicy": ReplyClass.SENDER,
        "TemplateRenderingFailed": ReplyClass.CONTENT,
        "ManuallyDeactivated": ReplyClass.SOFT,
    }
    _TOLD: ClassVar[dict[str, Kind]] = {
        "AutoResponder": Kind.AUTO_REPLY,
        "ChallengeVerification": Kind.AUTO_REPLY,
        "OpenRelayTest": Kind.OTHER,
        "SpamComplaint": Kind.COMPLAINT,
        "Unsubscribe": Kind.UNSUBSCRIBE,
        "Subscribe": Kind.OTHER,
        "Unconfirmed": Kind.OTHER,
    }

    def read(self, body: bytes) -> Reading:
        reading = Reading()
        for event in events_of(parse_json(body)):
            found = self._read(event)
            if found is not None:
                reading.evidence.append(found)
            elif text(event, "RecordType") not in ("Open", "Click", "SubscriptionChange"):
                reading.unknown += 1
        return reading

    def _read(self, event: dict[str, Any]) -> Evidence | None:
        record, kind = text(event, "RecordType"), text(event, "Type")
        who = address(event, "Email") or address(event, "Recipient")
        about: dict[str, Any] = {
            "proofs": [text(event, "MessageID"), *_values(dig(event, "Metadata")), text(event, "Content")],
            "event_id": f"{record}{text(event, 'ID') or text(event, 'MessageID')}",
            "reason": text(event, "Details") or text(event, "Description"),
        }
        if record == "Delivery":
            return told(Kind.DELIVERED, who, at=text(event, "DeliveredAt"), **about)
        if record == "SpamComplaint":
            return told(Kind.COMPLAINT, who, at=text(event, "BouncedAt"), **about)
        if record == "SubscriptionChange":
            return self._changed(event, who, about)
        if record == "Bounce" and kind in self._TOLD:
            return told(self._TOLD[kind], who, at=text(event, "BouncedAt"), **about)
        if record == "Bounce" and kind in self._BOUNCES:
            return bounce(who, self._BOUNCES[kind], at=text(event, "BouncedAt"), **about)
        return None

    def _changed(self, event: dict[str, Any], who: str, about: dict[str, Any]) -> Evidence | None:
        if event.get("SuppressSending") is not True:
            return None
        at, why = text(event, "ChangedAt"), text(event, "SuppressionReason")
        about["event_id"] += at
        if why == "HardBounce":
            return bounce(who, ReplyClass.HARD, at=at, **about)
        return told(Kind.COMPLAINT if why == "SpamComplaint" else Kind.UNSUBSCRIBE, who, at=at, **about)


class Brevo(BasicAuth):
    name = "Brevo"

    _BOUNCES: ClassVar[dict[str, ReplyClass | None]] = {
        "hard_bounce": ReplyClass.HARD,
        "invalid_email": ReplyClass.HARD,
        "soft_bounce": ReplyClass.SOFT,
        "blocked": ReplyClass.SENDER,
        "error": ReplyClass.SENDER,
    }
    _TOLD: ClassVar[dict[str, Kind]] = {
        "spam": Kind.COMPLAINT,
        "complaint": Kind.COMPLAINT,
        "unsubscribe": Kind.UNSUBSCRIBE,
        "unsubscribed": Kind.UNSUBSCRIBE,
        "deferred": Kind.DELAYED,
        "delivered": Kind.DELIVERED,
    }
    _SILENT = ("request", "opened", "unique_opened", "click", "proxy_open", "unique_proxy_open", "sent")

    def read(self, body: bytes) -> Reading:
        reading = Reading()
        for event in events_of(parse_json(body)):
            kind, who = text(event, "event"), address(event, "email")
            about: dict[str, Any] = {
                "proofs": [text(event, "message-id")],
                "event_id": "".join((kind, text(event, "message-id"), text(event, "ts_event") or text(event, "ts"))),
                "reason": text(event, "reason"),
                "at": text(event, "ts_event") or text(event, "ts"),
            }
            if kind in self._BOUNCES:
                reading.evidence.append(bounce(who, self._BOUNCES[kind], **about))
            elif kind in self._TOLD:
                reading.evidence.append(told(self._TOLD[kind], who, **about))
            elif kind not in self._SILENT:
                reading.unknown += 1
        return reading


class Mailjet(BasicAuth):
    name = "Mailjet"

    _TOLD: ClassVar[dict[str, Kind]] = {"spam": Kind.COMPLAINT, "unsub": Kind.UNSUBSCRIBE, "sent": Kind.DELIVERED}
    _RELATED: ClassVar[dict[str, ReplyClass]] = {"content": ReplyClass.CONTENT, "spam": ReplyClass.CONTENT}

    def read(self, body: bytes) -> Reading:
        reading = Reading()
        for event in events_of(parse_json(body)):
            kind, who = text(event, "event"), address(event, "email")
            about: dict[str, Any] = {
                "proofs": [text(event, "CustomID"), text(event, "Payload")],
                "event_id": "".join((kind, text(event, "MessageID"), text(event, "time"))),
                "reason": " ".join(filter(None, (text(event, "error"), text(event, "comment")))),
                "at": text(event, "time"),
            }
            if kind == "bounce":
                soft = self._RELATED.get(text(event, "error_related_to"), ReplyClass.SOFT)
                found = ReplyClass.HARD if event.get("hard_bounce") is True else soft
                reading.evidence.append(bounce(who, found, **about))
            elif kind == "blocked":
                known = text(event, "error").lower()
                dead = "preblocked" in known and event.get("hard_bounce") is True
                reading.evidence.append(bounce(who, ReplyClass.HARD if dead else ReplyClass.SENDER, **about))
            elif kind in self._TOLD:
                reading.evidence.append(told(self._TOLD[kind], who, **about))
            elif kind not in ("open", "click"):
                reading.unknown += 1
        return reading


class SparkPost(BasicAuth):
    name = "SparkPost"

    _HARD = ("10", "30", "90")
    _SOFT = ("20", "21", "22", "23", "24", "25", "40", "60", "70", "80", "100", "1")
    _SENDER = ("50", "51", "52", "53", "54")
    _BOUNCES = ("bounce", "out_of_band", "policy_rejection", "generation_failure", "generation_rejection")
    _TOLD: ClassVar[dict[str, Kind]] = {
        "spam_complaint": Kind.COMPLAINT,
        "list_unsubscribe": Kind.UNSUBSCRIBE,
        "link_unsubscribe": Kind.UNSUBSCRIBE,
        "delay": Kind.DELAYED,
        "delivery": Kind.DELIVERED,
    }
    _SILENT = ("injection", "open", "click", "initial_open", "amp_open", "amp_click", "amp_initial_open", "")

    def read(self, body: bytes) -> Reading:
        reading = Reading()
        for wrapped in events_of(parse_json(body)):
            within = dig(wrapped, "msys")
            # One object whose name says the kind of event; an empty one is a question whether we are there.
            event: Any = next(iter(within.values()), {}) if isinstance(within, dict) else {}
            found = self._read(event, text(event, "type"))
            if found is not None:
                reading.evidence.append(found)
            elif not isinstance(within, dict) or text(event, "type") not in self._SILENT:
                reading.unknown += 1
        return reading

    def _read(self, event: Any, kind: str) -> Evidence | None:
        who = address(event, "rcpt_to") or address(event, "raw_rcpt_to")
        about: dict[str, Any] = {
            "proofs": [text(event, "msg_from"), *_values(dig(event, "rcpt_meta")), text(event, "mailfrom")],
            "event_id": text(event, "event_id"),
            "reason": text(event, "raw_reason") or text(event, "reason"),
            "at": text(event, "timestamp"),
        }
        if kind in self._BOUNCES:
            return bounce(who, self._class_of(text(event, "bounce_class"), kind), **about)
        return told(self._TOLD[kind], who, **about) if kind in self._TOLD else None

    def _class_of(self, number: str, kind: str) -> ReplyClass | None:
        """By the bounce class (its table "Bounce Classification Codes"); None where that says nothing."""
        if number in self._HARD:
            return ReplyClass.HARD
        if number in self._SOFT:
            return ReplyClass.SOFT
        return ReplyClass.SENDER if number in self._SENDER or kind not in ("bounce", "out_of_band") else None


def _values(value: Any) -> list[str]:
    """Texts of an object that the sender filled."""
    return [text(value, name) for name in list(value)[:50]] if isinstance(value, dict) else []
