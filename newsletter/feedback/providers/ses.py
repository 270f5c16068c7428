"""Amazon SES, through Amazon SNS (its pages "Amazon SNS notification contents" and "Examples of event data")."""

from datetime import datetime
from typing import Any, Final

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.feedback.providers import sns
from newsletter.feedback.providers.events import bounce, told
from newsletter.feedback.providers.shared import Fetch, Reading, Request
from newsletter.feedback.providers.values import address, dig, is_true, parse_json, parts, text
from newsletter.mail.evidence import Evidence, Kind
from newsletter.mail.replies import ReplyClass

_SILENT = ("send", "open", "click")
_SUBTYPES: Final = {
    "mailboxfull": ReplyClass.SOFT,
    "customtimeoutexceeded": ReplyClass.SOFT,
    "messagetoolarge": ReplyClass.MESSAGE,
    "contentrejected": ReplyClass.CONTENT,
    "attachmentrejected": ReplyClass.CONTENT,
}
_FOR_GOOD = ("suppressed", "onaccountsuppressionlist")
_TOKENS = ("message-id", "list-unsubscribe", "return-path")
_TEST = "Successfully validated"


class Ses:
    name = "Amazon SES"

    def asks_for(self) -> str:
        return _("the ARN of the SNS topic, arn:aws:sns:REGION:ACCOUNT:TOPIC; several by commas")

    def check_secret(self, secret: str) -> None:
        sns.check_topics(secret)

    def verify(self, request: Request, secret: str, *, now: datetime, fetch: Fetch | None) -> None:
        sns.verify(request, secret, now=now, fetch=fetch)

    def sameness(self, request: Request) -> bytes:
        return b"sns:" + text(sns.envelope_of(request.body), "MessageId").encode()

    def read(self, body: bytes) -> Reading:
        envelope = sns.envelope_of(body)
        kind, message = text(envelope, "Type"), dig(envelope, "Message")
        if kind == sns.CONFIRMATION:
            return Reading(subscribe_url=sns.subscribe_url(envelope))
        if kind != "Notification" or not isinstance(message, str):
            return Reading(unknown=0 if kind == "UnsubscribeConfirmation" else 1)
        if message.startswith(_TEST):
            return Reading()
        try:
            event = parse_json(message.encode("utf-8", "replace"))
        except RefusedError:
            return Reading(unknown=1)
        found = _events(event, text(envelope, "MessageId"))
        return Reading(found) if found is not None else Reading(unknown=1)


def class_of(kind: str, detail: str) -> ReplyClass:
    """What a bounce type and its subtype mean (the table "Bounce types")."""
    known = _SUBTYPES.get(detail.lower())
    return known or (ReplyClass.HARD if kind.lower() == "permanent" else ReplyClass.SOFT)


def bounced_for_good(detail: str) -> bool:
    """Whether Amazon did not try, since the address is on a list of those that are gone."""
    return detail.lower() in _FOR_GOOD


def headers_of(mail: Any) -> list[str]:
    """The headers that may hold a token of ours, from a list of names and values."""
    return [text(item, "value") for item in parts(mail, "headers") if text(item, "name").lower() in _TOKENS]


def _events(event: Any, number: str) -> list[Evidence] | None:
    """The events of a notification; None for a kind that is not known."""
    kind = (text(event, "eventType") or text(event, "notificationType")).lower()
    mail = dig(event, "mail")
    about: dict[str, Any] = {"proofs": _proofs(mail)}
    if kind == "bounce":
        return [_bounced(event, item, number, about) for item in parts(event, "bounce", "bouncedRecipients")]
    if kind == "complaint":
        return [_complained(event, item, number, about) for item in parts(event, "complaint", "complainedRecipients")]
    if kind == "delivery":
        about["at"] = text(event, "delivery", "timestamp")
        gone = [address({"": item}, "") for item in parts(event, "delivery", "recipients")]
        return [told(Kind.DELIVERED, who, event_id=_id(number, who), **about) for who in gone]
    if kind == "deliverydelay":
        return [_delayed(event, item, number, about) for item in parts(event, "deliveryDelay", "delayedRecipients")]
    meant = [address({"": item}, "") for item in parts(mail, "destination")]
    if kind == "reject":
        about["reason"] = text(event, "reject", "reason")
        return [bounce(who, ReplyClass.CONTENT, event_id=_id(number, who), sure=True, **about) for who in meant]
    if kind == "rendering failure":
        about["reason"] = text(event, "failure", "errorMessage")
        return [bounce(who, ReplyClass.MESSAGE, event_id=_id(number, who), sure=True, **about) for who in meant]
    if kind == "subscription":
        left = is_true(event, "subscription", "newTopicPreferences", "unsubscribeAll")
        return [told(Kind.UNSUBSCRIBE, who, event_id=_id(number, who), **about) for who in meant if left]
    return [] if kind in _SILENT else None


def _bounced(event: Any, item: Any, number: str, about: dict[str, Any]) -> Evidence:
    kind, detail = text(event, "bounce", "bounceType"), text(event, "bounce", "bounceSubType")
    who = address(item, "emailAddress")
    about = about | {
        "reason": text(item, "diagnosticCode") or f"{kind} {detail}".strip(),
        "event_id": _id(number, who),
        "at": text(event, "bounce", "timestamp"),
    }
    if detail.lower() == "unsubscribedrecipient":
        return told(Kind.UNSUBSCRIBE, who, **about)
    return bounce(who, class_of(kind, detail), status=text(item, "status"), sure=bounced_for_good(detail), **about)


def _complained(event: Any, item: Any, number: str, about: dict[str, Any]) -> Evidence:
    kind, who = text(event, "complaint", "complaintFeedbackType"), address(item, "emailAddress")
    return told(
        Kind.OTHER if kind == "not-spam" else Kind.COMPLAINT,
        who,
        reason=kind or text(event, "complaint", "complaintSubType"),
        event_id=_id(number, who),
        at=text(event, "complaint", "timestamp"),
        **about,
    )


def _delayed(event: Any, item: Any, number: str, about: dict[str, Any]) -> Evidence:
    who = address(item, "emailAddress")
    return told(
        Kind.DELAYED,
        who,
        reason=text(item, "diagnosticCode") or text(event, "deliveryDelay", "delayType"),
        event_id=_id(number, who),
        at=text(event, "deliveryDelay", "timestamp"),
        **about,
    )


def _id(number: str, who: str) -> str:
    """One notification may be about several recipients."""
    return f"{number}:{who}" if number else ""


def _proofs(mail: Any) -> list[str]:
    return [
        text(mail, "source"),
        *headers_of(mail),
        text(mail, "commonHeaders", "messageId"),
        text(mail, "commonHeaders", "returnPath"),
        text(mail, "messageId"),
    ]
