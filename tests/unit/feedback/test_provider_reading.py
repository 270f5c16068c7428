"""What each provider's events say, by the bodies that they document."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from newsletter.feedback.providers import PROVIDERS, Reading
from newsletter.mail.evidence import Evidence, Kind
from newsletter.mail.replies import ReplyClass

BODIES = Path(__file__).parent / "providers"
FIVE = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
ENVELOPE = "b+2f7c0a1de94b8853@bounces.zio.example"
MESSAGE = "<d.2f7c0a1de94b8853@zio.example>"
HARD, SOFT, SENDER, CONTENT = ReplyClass.HARD, ReplyClass.SOFT, ReplyClass.SENDER, ReplyClass.CONTENT
Said = list[tuple[str, Kind, ReplyClass | None]]


def body(name: str) -> Any:
    return json.loads((BODIES / f"{name}.json").read_bytes())


def read(slug: str, value: Any) -> Reading:
    return PROVIDERS[slug].read(json.dumps(value).encode())


def by_sns(event: Any, number: str = "sns-1") -> Any:
    return {
        "Type": "Notification",
        "MessageId": number,
        "Message": event if isinstance(event, str) else json.dumps(event),
    }


def said(reading: Reading) -> Said:
    return [(item.recipient, item.kind, item.reply_class) for item in reading.evidence]


def only(reading: Reading) -> Evidence:
    assert len(reading.evidence) == 1
    return reading.evidence[0]


# Amazon SES


def test_ses_tells_several_recipients_apart() -> None:
    reading = read("ses", by_sns(body("ses_bounce")))
    assert said(reading) == [
        ("ama@nowhere.example", Kind.BOUNCE, HARD),
        ("kofi@full.example", Kind.BOUNCE, SOFT),
        ("esi@strict.example", Kind.BOUNCE, SENDER),
    ]
    assert [item.status for item in reading.evidence] == ["5.1.1", "5.2.2", "5.7.1"]
    assert reading.evidence[0].event_id == "sns-1:ama@nowhere.example"
    assert reading.evidence[0].occurred_at == FIVE.replace(second=7)
    assert reading.evidence[0].reason.endswith("User unknown")
    assert reading.unknown == 0


def test_ses_proves_what_it_is_about() -> None:
    proofs = read("ses", by_sns(body("ses_bounce"))).evidence[0].proofs
    assert proofs[:3] == (
        ENVELOPE,
        MESSAGE,
        "<https://zio.example/u/TOKEN>, <mailto:unsub+77aa@bounces.zio.example>",
    )
    assert "0100017f4ad5b2aa-11111111-2222-3333-4444-555555555555-000000" in proofs
    assert "not ours" not in proofs


@pytest.mark.parametrize(
    ("kind", "detail", "found"),
    [
        ("Permanent", "General", HARD),
        ("Permanent", "NoEmail", HARD),
        ("Permanent", "Suppressed", HARD),
        ("Permanent", "OnAccountSuppressionList", HARD),
        ("Transient", "General", SOFT),
        ("Transient", "MailboxFull", SOFT),
        ("Transient", "MessageTooLarge", ReplyClass.MESSAGE),
        ("Transient", "ContentRejected", CONTENT),
        ("Transient", "AttachmentRejected", CONTENT),
        ("Transient", "CustomTimeoutExceeded", SOFT),
        ("Undetermined", "Undetermined", SOFT),
        ("Permanent", "Newfangled", HARD),
        ("", "", SOFT),
    ],
)
def test_the_types_of_ses(kind: str, detail: str, found: ReplyClass) -> None:
    event = body("ses_bounce")
    event["bounce"] |= {
        "bounceType": kind,
        "bounceSubType": detail,
        "bouncedRecipients": [{"emailAddress": "a@x.example"}],
    }
    evidence = only(read("ses", by_sns(event)))
    assert evidence.reply_class is found
    assert evidence.reason == f"{kind} {detail}".strip()


def test_a_list_of_amazons_own_is_believed_whatever_its_words() -> None:
    event = body("ses_bounce")
    words = (
        "Amazon SES did not send the message to this address because it is on the suppression list, blocked by policy"
    )
    recipient = {"emailAddress": "a@x.example", "diagnosticCode": words}
    event["bounce"] |= {"bounceSubType": "OnAccountSuppressionList", "bouncedRecipients": [recipient]}
    assert only(read("ses", by_sns(event))).reply_class is HARD


def test_other_events_of_ses() -> None:
    mail = {"source": ENVELOPE, "destination": ["a@x.example"], "headers": None}
    recipients = [{"emailAddress": "a@x.example", "diagnosticCode": "451 later"}]
    left = {"newTopicPreferences": {"unsubscribeAll": True}}
    bounced = {"bounceType": "Permanent", "bounceSubType": "UnsubscribedRecipient", "bouncedRecipients": recipients}
    cases: list[tuple[dict[str, Any], list[tuple[Kind, ReplyClass | None]]]] = [
        ({"eventType": "Delivery", "delivery": {"recipients": ["a@x.example"]}}, [(Kind.DELIVERED, None)]),
        ({"eventType": "DeliveryDelay", "deliveryDelay": {"delayedRecipients": recipients}}, [(Kind.DELAYED, None)]),
        ({"eventType": "Reject", "reject": {"reason": "Bad content"}}, [(Kind.BOUNCE, CONTENT)]),
        ({"eventType": "Rendering Failure", "failure": {}}, [(Kind.BOUNCE, ReplyClass.MESSAGE)]),
        ({"eventType": "Subscription", "subscription": left}, [(Kind.UNSUBSCRIBE, None)]),
        ({"eventType": "Subscription", "subscription": {}}, []),
        ({"eventType": "Bounce", "bounce": bounced}, [(Kind.UNSUBSCRIBE, None)]),
        ({"eventType": "Open", "open": {}}, []),
    ]
    for event, found in cases:
        reading = read("ses", by_sns(event | {"mail": mail}))
        assert [(item.kind, item.reply_class) for item in reading.evidence] == found, event
        assert all(item.recipient == "a@x.example" and item.proofs == (ENVELOPE,) for item in reading.evidence)
        assert reading.unknown == 0


def test_a_complaint_of_ses() -> None:
    event = body("ses_complaint")
    evidence = only(read("ses", by_sns(event)))
    assert (evidence.kind, evidence.recipient, evidence.reason) == (Kind.COMPLAINT, "ama@reader.example", "abuse")
    event["complaint"]["complaintFeedbackType"] = "not-spam"
    assert only(read("ses", by_sns(event))).kind is Kind.OTHER


@pytest.mark.parametrize(
    ("message", "unknown"),
    [
        ("Successfully validated SNS topic for Amazon SES event publishing.", 0),
        ("Buy now", 1),
        ('{"eventType": "Teleport"}', 1),
        ("[" * 1000, 1),
        ("[1, 2]", 1),
        ("", 1),
    ],
)
def test_what_else_comes_through_sns(message: str, unknown: int) -> None:
    assert read("ses", by_sns(message)) == Reading(unknown=unknown)


def test_the_end_of_a_subscription_is_nothing_to_fetch() -> None:
    reading = read("ses", by_sns("You have chosen to deactivate") | {"Type": "UnsubscribeConfirmation"})
    assert reading == Reading()


# SendGrid


def test_the_events_of_sendgrid() -> None:
    reading = read("sendgrid", body("sendgrid"))
    assert said(reading) == [
        ("ama@nowhere.example", Kind.BOUNCE, HARD),
        ("kofi@strict.example", Kind.BOUNCE, SENDER),
        ("noemail@this.does.not.exist.example", Kind.BOUNCE, SOFT),
        ("a1@x.example", Kind.BOUNCE, HARD),
        ("a2@x.example", Kind.UNSUBSCRIBE, None),
        ("a3@x.example", Kind.COMPLAINT, None),
        ("a4@x.example", Kind.BOUNCE, ReplyClass.MESSAGE),
        ("a5@x.example", Kind.BOUNCE, HARD),
        ("a6@x.example", Kind.DELAYED, None),
        ("a7@x.example", Kind.COMPLAINT, None),
        ("a8@x.example", Kind.UNSUBSCRIBE, None),
        ("a9@x.example", Kind.DELIVERED, None),
    ]
    first = reading.evidence[0]
    assert (first.proofs, first.event_id, first.occurred_at, first.status) == ((MESSAGE,), "ev-hard", FIVE, "5.1.1")
    assert reading.unknown == 1


@pytest.mark.parametrize(
    ("event", "found"),
    [
        ({"type": "bounce"}, HARD),
        ({"type": "bounce", "reason": "552 5.2.2 over quota"}, SOFT),
        ({"type": "bounce", "reason": "550 5.7.1 message rejected as spam"}, CONTENT),
        ({"type": "bounce", "bounce_classification": "Mailbox Unavailable"}, SOFT),
        ({"type": "bounce", "bounce_classification": "Content"}, CONTENT),
        ({"type": "blocked"}, SENDER),
        ({"type": "blocked", "reason": "550 5.1.1 user unknown"}, SENDER),
        ({"type": "blocked", "reason": "452 4.2.2 mailbox full"}, SOFT),
        ({"type": "blocked", "bounce_classification": "Technical"}, SOFT),
    ],
)
def test_what_sendgrid_blocks_is_no_dead_address(event: dict[str, str], found: ReplyClass) -> None:
    assert only(read("sendgrid", {"event": "bounce", "email": "a@x.example", **event})).reply_class is found


# Mailgun


def test_a_failure_of_mailgun() -> None:
    evidence = only(read("mailgun", body("mailgun")))
    assert replace(evidence, occurred_at=None) == Evidence(
        Kind.BOUNCE,
        "ama@nowhere.example",
        HARD,
        "5.1.1",
        "550 5.1.1 The email account that you tried to reach does not exist",
        (MESSAGE.strip("<>"), ENVELOPE),
        "G9Bn5sl1TC6nu79C8C0bwg",
    )
    assert evidence.occurred_at is not None
    assert evidence.occurred_at.replace(microsecond=0) == FIVE.replace(hour=16, minute=59, second=58)


@pytest.mark.parametrize(
    ("event", "kind", "found"),
    [
        ({"severity": "temporary"}, Kind.DELAYED, None),
        (
            {"reason": "suppress-bounce", "delivery-status": {"code": 605, "message": "Not delivering"}},
            Kind.BOUNCE,
            HARD,
        ),
        ({"reason": "suppress-complaint"}, Kind.COMPLAINT, None),
        ({"reason": "suppress-unsubscribe"}, Kind.UNSUBSCRIBE, None),
        ({"reason": "old", "delivery-status": {"code": 602, "message": "Too old"}}, Kind.BOUNCE, SOFT),
        ({"reason": "espblock", "delivery-status": {}}, Kind.BOUNCE, SENDER),
        (
            {"reason": "bounce", "delivery-status": {"code": 550, "message": "5.7.1 blocked by Spamhaus"}},
            Kind.BOUNCE,
            SENDER,
        ),
        ({"reason": "generic", "delivery-status": {"code": 552, "message": "over quota"}}, Kind.BOUNCE, SOFT),
        ({"event": "rejected", "reject": {"reason": "Sandbox"}}, Kind.BOUNCE, CONTENT),
        ({"event": "complained"}, Kind.COMPLAINT, None),
        ({"event": "unsubscribed"}, Kind.UNSUBSCRIBE, None),
        ({"event": "delivered"}, Kind.DELIVERED, None),
    ],
)
def test_the_events_of_mailgun(event: dict[str, Any], kind: Kind, found: ReplyClass | None) -> None:
    value = body("mailgun")
    value["event-data"] |= event
    evidence = only(read("mailgun", value))
    assert (evidence.kind, evidence.reply_class, evidence.recipient) == (kind, found, "ama@nowhere.example")


def test_events_of_mailgun_that_say_nothing() -> None:
    assert read("mailgun", {"event-data": {"event": "opened"}}) == Reading()
    assert read("mailgun", {"event-data": {"event": "levitated"}}) == Reading(unknown=1)
    assert read("mailgun", {"event-data": 7}) == Reading(unknown=1)


@pytest.mark.parametrize(
    ("form", "kind", "found"),
    [
        (
            b"event=bounced&recipient=a%40x.example&code=550&error=5.1.1+user+unknown&Message-Id=%3Cd.2%40x%3E",
            Kind.BOUNCE,
            HARD,
        ),
        (
            b"event=dropped&recipient=a%40x.example&reason=hardfail&code=605&description=Not+delivering",
            Kind.BOUNCE,
            HARD,
        ),
        (b"event=dropped&recipient=a%40x.example&reason=old&code=602&description=Too+old", Kind.BOUNCE, SOFT),
        (b"event=complained&recipient=a%40x.example", Kind.COMPLAINT, None),
        (b"event=unsubscribed&recipient=a%40x.example", Kind.UNSUBSCRIBE, None),
    ],
)
def test_forms_as_mailgun_posted_them(form: bytes, kind: Kind, found: ReplyClass | None) -> None:
    reading = PROVIDERS["mailgun"].read(form + b"&timestamp=1795539600&token=t&signature=s")
    assert said(reading) == [("a@x.example", kind, found)]
    assert only(reading).occurred_at == FIVE
    if b"Message-Id" in form:
        assert only(reading).proofs == ("<d.2@x>",)
