"""What SNS signed is taken, and nothing else; topics are confirmed where SNS says."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from newsletter.core.errors import RefusedError
from newsletter.feedback.providers import ForgedError, Request, sns
from tests.support.sns import (
    CONFIRM,
    OTHER_KEY,
    SES,
    TOPIC,
    Fields,
    Web,
    confirmation,
    envelope,
    posted,
    signature_of,
    signed,
    verify,
)


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    sns._certificates.clear()
    yield
    sns._certificates.clear()


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("fields", [envelope(), envelope(Subject="Amazon SES"), confirmation()])
def test_what_sns_signed_is_taken(fields: Fields, version: str) -> None:
    verify(signed(fields | {"SignatureVersion": version}))


def test_unsubscribing_is_signed_in_the_same_way() -> None:
    verify(signed(confirmation(Type="UnsubscribeConfirmation")))


def test_one_of_several_topics_is_enough() -> None:
    verify(signed(envelope()), topics=f"arn:aws:sns:eu-west-3:123456789012:other, {TOPIC}")


@pytest.mark.parametrize(
    "missing", ["Type", "TopicArn", "Timestamp", "SignatureVersion", "SigningCertURL", "Signature"]
)
def test_each_field_is_needed(missing: str) -> None:
    fields = json.loads(signed(envelope()).body)
    del fields[missing]
    with pytest.raises(ForgedError):
        verify(Request({"x-amz-sns-message-type": "Notification"}, json.dumps(fields).encode()))


@pytest.mark.parametrize("headers", [{}, {"x-amz-sns-message-type": "SubscriptionConfirmation"}])
def test_the_header_names_the_type(headers: dict[str, str]) -> None:
    with pytest.raises(ForgedError, match="type"):
        verify(Request(headers, signed(envelope()).body))


@pytest.mark.parametrize(
    "changed",
    [
        {"Message": '{"notificationType": "Delivery"}\nEté'},
        {"MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf325"},
        {"Timestamp": "2026-11-24T17:00:30.124Z"},
        {"Subject": "added"},
    ],
)
def test_what_was_changed_by_one_letter_is_forged(changed: Fields) -> None:
    fields = json.loads(signed(envelope()).body) | changed
    with pytest.raises(ForgedError, match="signature"):
        verify(posted(fields))


def test_a_confirmation_of_another_address_is_forged() -> None:
    fields = json.loads(signed(confirmation()).body) | {"SubscribeURL": CONFIRM + "&AuthenticateOnUnsubscribe=true"}
    with pytest.raises(ForgedError, match="signature"):
        verify(posted(fields))


def test_half_a_letter_is_not_the_sign_that_stands_for_it() -> None:
    fields = json.loads(signed(envelope(Message="what?")).body)
    with pytest.raises(ForgedError, match="signature"):
        verify(posted(fields | {"Message": "what\ud800"}))


def test_the_key_is_the_one_of_the_certificate() -> None:
    with pytest.raises(ForgedError, match="signature"):
        verify(signed(envelope(), OTHER_KEY))


@pytest.mark.parametrize("signature", ["", "é", "not base64!", "QUJD"])
def test_a_signature_that_is_none_is_forged(signature: str) -> None:
    with pytest.raises(ForgedError, match="signature"):
        verify(posted(envelope(Signature=signature)))


@pytest.mark.parametrize("version", ["3", "0", "", "1.0", None, [], {"a": 1}])
def test_other_versions_of_the_signature_are_not_taken(version: Any) -> None:
    fields = envelope(Signature=signature_of(envelope())) | {"SignatureVersion": version}
    with pytest.raises(ForgedError):
        verify(posted(fields))


def test_a_signature_of_the_weaker_hash_does_not_pass_for_the_stronger() -> None:
    weak = signature_of(envelope(SignatureVersion="1"))
    with pytest.raises(ForgedError):
        verify(posted(envelope(Signature=weak)))


@pytest.mark.parametrize("at", ["2026-11-24T15:00:59Z", "2026-11-24T17:07:00Z", "2020-01-01T00:00:00Z"])
def test_old_messages_and_those_of_the_future_are_not_taken(at: str) -> None:
    web = Web()
    with pytest.raises(ForgedError, match="time"):
        verify(signed(envelope(Timestamp=at)), web)
    assert web.asked == []


@pytest.mark.parametrize("at", ["2026-11-24T15:01:01Z", "2026-11-24T17:05:00Z"])
def test_retries_and_clocks_that_are_fast_are_taken(at: str) -> None:
    verify(signed(envelope(Timestamp=at)))


@pytest.mark.parametrize("at", ["", "yesterday", "nan", "inf", "1e400", None, 10**30, [], True])
def test_a_time_that_is_none_is_forged(at: Any) -> None:
    with pytest.raises(ForgedError, match="time"):
        verify(signed(envelope(Timestamp=at)))


@pytest.mark.parametrize(
    "topic", ["arn:aws:sns:eu-west-3:666666666666:bounces", TOPIC + "2", TOPIC[:-1], "", None, [TOPIC]]
)
def test_nothing_is_fetched_for_another_topic(topic: Any) -> None:
    web = Web()
    with pytest.raises(ForgedError, match="topic"):
        verify(signed(envelope(TopicArn=topic)), web)
    assert web.asked == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_message_of_sns_is_forged(body: bytes) -> None:
    with pytest.raises(ForgedError):
        verify(Request({"x-amz-sns-message-type": "Notification"}, body))


def test_the_same_message_is_the_same_however_often_it_comes() -> None:
    first, again = SES.sameness(signed(envelope())), SES.sameness(signed(envelope(SignatureVersion="1")))
    assert first == again == b"sns:22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"
    assert SES.sameness(signed(envelope(MessageId="another"))) != first


# Confirming a topic


def test_a_topic_is_confirmed_where_sns_says() -> None:
    reading = SES.read(signed(confirmation()).body)
    assert (reading.subscribe_url, reading.evidence, reading.unknown) == (CONFIRM, [], 0)


@pytest.mark.parametrize(
    "url",
    [
        CONFIRM.replace("sns.eu-west-3.amazonaws.com", "127.0.0.1"),
        CONFIRM.replace("sns.eu-west-3.amazonaws.com", "169.254.169.254"),
        CONFIRM.replace("sns.eu-west-3.amazonaws.com", "localhost"),
        CONFIRM.replace("sns.eu-west-3.amazonaws.com", "sns.eu-west-3.amazonaws.com@169.254.169.254"),
        CONFIRM.replace("amazonaws.com/", "amazonaws.com.evil.example/"),
        CONFIRM.replace("amazonaws.com/", "amazonaws.com:22/"),
        CONFIRM.replace("https", "http"),
        CONFIRM.replace("https", "file"),
        CONFIRM.replace("ConfirmSubscription", "DeleteTopic"),
        CONFIRM + "&Action=DeleteTopic",
        CONFIRM.replace(":bounces", ":others"),
        CONFIRM.replace("TopicArn", "Topic"),
        "https://[::1",
        "",
        None,
        ["https://evil.example"],
    ],
)
def test_a_topic_is_confirmed_nowhere_else(url: Any) -> None:
    with pytest.raises(RefusedError):
        SES.read(posted(confirmation(SubscribeURL=url)).body)


# What an operator enters


@pytest.mark.parametrize(
    "secret", [TOPIC, f"{TOPIC},{TOPIC}2", f" {TOPIC}\n{TOPIC} ", TOPIC.replace("arn:aws:", "arn:aws-cn:")]
)
def test_topics_are_taken(secret: str) -> None:
    SES.check_secret(secret)


@pytest.mark.parametrize(
    "secret", ["", " , ", "bounces", TOPIC + ":sub", TOPIC.replace("sns", "sqs"), f"{TOPIC},x", "ärn:aws"]
)
def test_what_is_no_topic_is_refused(secret: str) -> None:
    with pytest.raises(RefusedError, match="arn:aws:sns:eu-west-3"):
        SES.check_secret(secret)
