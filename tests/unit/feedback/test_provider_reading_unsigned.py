"""What the events of Postmark, Brevo, Mailjet, SparkPost and Resend say, by the bodies that they document."""

import json
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
HARD, SOFT, SENDER, CONTENT = ReplyClass.HARD, ReplyClass.SOFT, ReplyClass.SENDER, ReplyClass.CONTENT
MESSAGE = ReplyClass.MESSAGE


def body(name: str) -> Any:
    return json.loads((BODIES / f"{name}.json").read_bytes())


def read(slug: str, value: Any) -> Reading:
    return PROVIDERS[slug].read(json.dumps(value).encode())


def said(reading: Reading) -> list[tuple[str, Kind, ReplyClass | None]]:
    return [(item.recipient.partition("@")[0], item.kind, item.reply_class) for item in reading.evidence]


def only(reading: Reading) -> Evidence:
    assert len(reading.evidence) == 1
    return reading.evidence[0]


# Postmark


def test_a_bounce_of_postmark() -> None:
    evidence = only(read("postmark", body("postmark")))
    assert (evidence.kind, evidence.recipient, evidence.reply_class) == (Kind.BOUNCE, "ama@nowhere.example", HARD)
    assert (evidence.status, evidence.event_id) == ("5.1.1", "Bounce:4323372036854775807")
    assert evidence.occurred_at == FIVE.replace(second=7, microsecond=642111)
    assert evidence.proofs[:3] == ("883953f4-6105-42a2-a16a-77a8eac79483", "d.2f7c0a1de94b8853", "7")
    assert ENVELOPE in evidence.proofs[3]


@pytest.mark.parametrize(
    ("kind", "said", "found"),
    [
        ("BadEmailAddress", Kind.BOUNCE, HARD),
        ("SoftBounce", Kind.BOUNCE, SOFT),
        ("Transient", Kind.BOUNCE, SOFT),
        ("DnsError", Kind.BOUNCE, SOFT),
        ("Blocked", Kind.BOUNCE, SENDER),
        ("DMARCPolicy", Kind.BOUNCE, SENDER),
        ("SMTPApiError", Kind.BOUNCE, SENDER),
        ("SpamNotification", Kind.BOUNCE, CONTENT),
        ("VirusNotification", Kind.BOUNCE, CONTENT),
        ("TemplateRenderingFailed", Kind.BOUNCE, MESSAGE),
        ("Unknown", Kind.BOUNCE, SOFT),
        ("AutoResponder", Kind.AUTO_REPLY, None),
        ("ChallengeVerification", Kind.AUTO_REPLY, None),
        ("AddressChange", Kind.AUTO_REPLY, None),
        ("SpamComplaint", Kind.COMPLAINT, None),
        ("Unsubscribe", Kind.UNSUBSCRIBE, None),
        ("OpenRelayTest", Kind.OTHER, None),
    ],
)
def test_the_types_of_postmark(kind: str, said: Kind, found: ReplyClass | None) -> None:
    evidence = only(read("postmark", body("postmark") | {"Type": kind, "Details": "", "Description": ""}))
    assert (evidence.kind, evidence.reply_class) == (said, found)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("smtp;550 5.7.1 blocked using Spamhaus", SENDER),
        ("smtp;554 message rejected as spam", CONTENT),
        ("smtp;552 5.2.2 over quota", SOFT),
        ("smtp;552 5.3.4 message too large", MESSAGE),
        ("smtp;550 rejected", HARD),
    ],
)
def test_a_hard_bounce_is_one_for_what_the_server_said(words: str, found: ReplyClass) -> None:
    assert only(read("postmark", body("postmark") | {"Details": words})).reply_class is found


def test_other_records_of_postmark() -> None:
    base = {"MessageID": "m-1", "Recipient": "a@x.example", "ChangedAt": "2026-11-24T17:00:00Z"}
    stopped = base | {"RecordType": "SubscriptionChange", "SuppressSending": True}
    for reason, kind in (
        ("HardBounce", Kind.BOUNCE),
        ("SpamComplaint", Kind.COMPLAINT),
        ("ManualSuppression", Kind.UNSUBSCRIBE),
    ):
        evidence = only(read("postmark", stopped | {"SuppressionReason": reason}))
        assert (evidence.kind, evidence.recipient, evidence.occurred_at) == (kind, "a@x.example", FIVE)
    assert read("postmark", stopped | {"SuppressSending": False}) == Reading()
    assert only(read("postmark", base | {"RecordType": "Delivery"})).kind is Kind.DELIVERED
    assert (
        only(read("postmark", {"RecordType": "SpamComplaint", "ID": 42, "Email": "a@x.example"})).event_id
        == "SpamComplaint:42"
    )
    assert read("postmark", base | {"RecordType": "Open"}) == Reading()
    assert read("postmark", base | {"RecordType": "Seance"}) == Reading(unknown=1)
    assert read("postmark", body("postmark") | {"Type": "Seance"}) == Reading(unknown=1)


# Brevo


def test_the_events_of_brevo() -> None:
    reading = read("brevo", body("brevo"))
    assert said(reading) == [
        ("ama", Kind.BOUNCE, HARD),
        ("b1", Kind.BOUNCE, CONTENT),
        ("b2", Kind.BOUNCE, SOFT),
        ("b3", Kind.BOUNCE, SOFT),
        ("b4", Kind.BOUNCE, SENDER),
        ("b5", Kind.BOUNCE, HARD),
        ("b6", Kind.COMPLAINT, None),
        ("b7", Kind.UNSUBSCRIBE, None),
        ("b8", Kind.DELAYED, None),
    ]
    first = reading.evidence[0]
    assert first.proofs == ("<d.2f7c0a1de94b8853@zio.example>", ENVELOPE)
    assert (first.occurred_at, first.status, reading.unknown) == (FIVE, "5.1.1", 1)
    assert len({item.event_id for item in reading.evidence}) == 9


def test_brevo_has_no_identifier_for_what_names_no_message() -> None:
    assert only(read("brevo", {"event": "spam", "email": "a@x.example", "ts_event": 1795539600})).event_id == ""


# Mailjet


def test_the_events_of_mailjet() -> None:
    reading = read("mailjet", body("mailjet"))
    assert said(reading) == [
        ("ama", Kind.BOUNCE, HARD),
        ("m1", Kind.BOUNCE, SOFT),
        ("m2", Kind.BOUNCE, SENDER),
        ("m3", Kind.BOUNCE, CONTENT),
        ("m4", Kind.BOUNCE, SOFT),
        ("m5", Kind.COMPLAINT, None),
        ("m6", Kind.BOUNCE, SENDER),
        ("m7", Kind.COMPLAINT, None),
        ("m8", Kind.UNSUBSCRIBE, None),
        ("m9", Kind.DELIVERED, None),
    ]
    first = reading.evidence[0]
    assert first.proofs == ("d.2f7c0a1de94b8853", ENVELOPE, "1ab23cd4-e567-8901-2345-6789f0gh1i2j")
    assert (first.occurred_at, reading.unknown) == (FIVE, 1)
    assert "Host not found" in first.reason


def test_mailjet_may_send_one_event_alone() -> None:
    assert said(read("mailjet", body("mailjet")[0])) == [("ama", Kind.BOUNCE, HARD)]


@pytest.mark.parametrize(
    ("hard", "found"), [(True, HARD), ("true", HARD), (1, HARD), (False, SOFT), ("no", SOFT), (None, SOFT)]
)
def test_mailjet_says_whether_an_error_stays(hard: Any, found: ReplyClass) -> None:
    event = body("mailjet")[0] | {
        "hard_bounce": hard,
        "error": "invalid domain",
        "error_related_to": "domain",
        "comment": "",
    }
    assert only(read("mailjet", event)).reply_class is found


# SparkPost


def test_the_events_of_sparkpost() -> None:
    reading = read("sparkpost", body("sparkpost"))
    assert said(reading) == [
        ("ama", Kind.BOUNCE, HARD),
        ("s1", Kind.BOUNCE, SOFT),
        ("s2", Kind.BOUNCE, SENDER),
        ("s3", Kind.BOUNCE, SOFT),
        ("s4", Kind.AUTO_REPLY, None),
        ("s5", Kind.UNSUBSCRIBE, None),
        ("s6", Kind.COMPLAINT, None),
        ("s7", Kind.UNSUBSCRIBE, None),
        ("s8", Kind.DELAYED, None),
        ("s9", Kind.BOUNCE, SENDER),
    ]
    first = reading.evidence[0]
    assert first.proofs == (ENVELOPE, "zio@zio.example", "d.2f7c0a1de94b8853", "65832150921904138")
    assert (first.event_id, first.occurred_at, first.status) == ("92356927693813856", FIVE, "5.1.1")
    assert reading.unknown == 1


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        ((10, 30), HARD),
        ((20, 21, 22, 24, 25, 26, 40, 70, 1, 999), SOFT),
        ((23,), MESSAGE),
        ((50, 51, 54), SENDER),
        ((52, 53), CONTENT),
    ],
)
def test_the_classes_of_sparkpost(numbers: tuple[int, ...], found: ReplyClass) -> None:
    for number in numbers:
        for written in (number, str(number)):
            event = {"type": "bounce", "bounce_class": written, "rcpt_to": "a@x.example"}
            assert only(read("sparkpost", [{"msys": {"message_event": event}}])).reply_class is found, number


def test_what_a_reader_called_no_spam_is_no_complaint() -> None:
    event = {"type": "spam_complaint", "fbtype": "not-spam", "rcpt_to": "a@x.example"}
    assert only(read("sparkpost", {"msys": {"message_event": event}})).kind is Kind.OTHER


def test_sparkpost_asks_whether_we_are_there() -> None:
    assert read("sparkpost", [{"msys": {}}]) == Reading()


# Resend


def test_a_bounce_of_resend() -> None:
    evidence = only(read("resend", body("resend")))
    assert (evidence.kind, evidence.recipient, evidence.reply_class) == (Kind.BOUNCE, "ama@nowhere.example", HARD)
    assert evidence.proofs[:2] == ("<d.2f7c0a1de94b8853@zio.example>", "<https://zio.example/u/TOKEN>")
    assert "no" not in evidence.proofs
    assert (evidence.reason, evidence.status) == ("smtp; 550 5.1.1 user unknown", "5.1.1")
    assert evidence.event_id == "email.bounced:56761188-7520-42d8-8898-ff6fc54ce618"
    assert evidence.occurred_at == FIVE.replace(second=7, microsecond=126000)


@pytest.mark.parametrize(
    ("bounce", "found"),
    [
        ({"type": "Permanent", "subType": "Suppressed", "message": "on the suppression list, by policy"}, HARD),
        ({"type": "Permanent", "subType": "General", "message": "550 5.7.1 blocked by reputation"}, SENDER),
        ({"type": "Transient", "subType": "MailboxFull", "message": "The mailbox is full."}, SOFT),
        ({"type": "Transient", "subType": "ContentRejected"}, CONTENT),
        ({"type": "Undetermined", "subType": "Undetermined"}, SOFT),
        ({}, HARD),
        (None, HARD),
    ],
)
def test_the_bounces_of_resend(bounce: Any, found: ReplyClass) -> None:
    event = body("resend")
    event["data"]["bounce"] = bounce
    assert only(read("resend", event)).reply_class is found


def test_the_other_events_of_resend() -> None:
    for kind, found in (
        ("email.complained", (Kind.COMPLAINT, None)),
        ("email.delivery_delayed", (Kind.DELAYED, None)),
        ("email.delivered", (Kind.DELIVERED, None)),
        ("email.failed", (Kind.BOUNCE, SENDER)),
        ("email.suppressed", (Kind.BOUNCE, HARD)),
    ):
        evidence = only(read("resend", body("resend") | {"type": kind}))
        assert (evidence.kind, evidence.reply_class) == found
    for kind in ("email.opened", "email.sent", "contact.created", "domain.updated"):
        assert read("resend", body("resend") | {"type": kind}) == Reading()
    assert read("resend", body("resend") | {"type": "email.levitated"}) == Reading(unknown=1)


def test_resend_names_each_recipient() -> None:
    event = body("resend")
    event["data"]["to"] = ["a@x.example", None, "b@x.example"]
    assert [item.recipient for item in read("resend", event).evidence] == ["a@x.example", "b@x.example"]
    event["data"]["to"] = "a@x.example"
    assert only(read("resend", event)).recipient == "a@x.example"
