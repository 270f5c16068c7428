"""What providers report by webhook: taken when they have proved who they are, and nothing otherwise."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newsletter.core.clock import utc_now
from newsletter.feedback import tools, webhooks
from tests.functional.conftest import House
from worker.tasks import feedback

AMA = "ama@poste.example"
SIGNING_KEY = "a-signing-key-of-mailgun-that-is-long"
BASIC = "gazette:a-long-enough-password"
SVIX = "whsec_" + base64.b64encode(b"a secret of resend of 32 octets!").decode()
ECDSA_KEY = generate_private_key(SECP256R1())
ECDSA_PUBLIC = base64.b64encode(
    ECDSA_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()


@dataclass
class Post:
    """A request as a provider makes it."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def mailgun(key: str = SIGNING_KEY, token: str = "t" * 50) -> Post:
    at = str(int(utc_now().timestamp()))
    signature = hmac.new(key.encode(), (at + token).encode(), hashlib.sha256).hexdigest()
    event = {
        "event": "failed",
        "severity": "permanent",
        "recipient": AMA,
        "id": f"e{token[:3]}",
        "timestamp": float(at),
    }
    event["delivery-status"] = {"code": 550, "message": "5.1.1 no such user"}
    return Post(
        json.dumps(
            {"signature": {"timestamp": at, "token": token, "signature": signature}, "event-data": event}
        ).encode()
    )


def resend(secret: str = SVIX) -> Post:
    body = json.dumps({"type": "email.complained", "data": {"to": [AMA], "email_id": "1"}}).encode()
    at = str(int(utc_now().timestamp()))
    mac = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), f"msg_1.{at}.".encode() + body, "sha256")
    signature = f"v1,{base64.b64encode(mac).decode()}"
    return Post(body, {"svix-id": "msg_1", "svix-timestamp": at, "svix-signature": signature})


def sendgrid(key: Any = ECDSA_KEY) -> Post:
    event = {"event": "bounce", "type": "bounce", "email": AMA, "sg_event_id": "1", "reason": "550 5.1.1 unknown user"}
    body, at = json.dumps([event]).encode(), str(int(utc_now().timestamp()))
    signature = base64.b64encode(key.sign(at.encode() + body, ECDSA(SHA256()))).decode()
    names = ("X-Twilio-Email-Event-Webhook-Timestamp", "X-Twilio-Email-Event-Webhook-Signature")
    return Post(body, dict(zip(names, (at, signature), strict=True)))


def with_password(event: Any) -> Callable[..., Post]:
    def make(secret: str = BASIC) -> Post:
        return Post(
            json.dumps(event).encode(), {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
        )

    return make


POSTMARK = {"RecordType": "Bounce", "Type": "HardBounce", "ID": 42, "Email": AMA, "Details": "550 5.1.1 no such user"}
BREVO = {"event": "hard_bounce", "email": AMA, "message-id": "<1@x>", "ts_event": 1, "reason": "550 unknown user"}
MAILJET = [{"event": "bounce", "hard_bounce": True, "email": AMA, "MessageID": 1, "time": 1, "error": "user unknown"}]
SPARKPOST = [{"msys": {"message_event": {"type": "bounce", "bounce_class": "10", "rcpt_to": AMA, "event_id": "1"}}}]
WAYS: dict[str, tuple[str, Callable[..., Post], tuple[Any, ...]]] = {
    "mailgun": (SIGNING_KEY, mailgun, ("another-signing-key-that-is-long",)),
    "resend": (SVIX, resend, ("whsec_" + base64.b64encode(b"another secret of 32 octets here").decode(),)),
    "sendgrid": (ECDSA_PUBLIC, sendgrid, (generate_private_key(SECP256R1()),)),
    "postmark": (BASIC, with_password(POSTMARK), ("gazette:another-password",)),
    "brevo": (BASIC, with_password(BREVO), ("gazette:another-password",)),
    "mailjet": (BASIC, with_password(MAILJET), ("gazette:another-password",)),
    "sparkpost": (BASIC, with_password(SPARKPOST), ("gazette:another-password",)),
}


@pytest.fixture(autouse=True)
def issue(house: House) -> None:
    house.add_readers("depeche", "ama", "kofi")
    house.send_digest("depeche")


def hook(house: House, provider: str, secret: str) -> str:
    """A new webhook; its path."""
    here = house.installation
    with here.database.unit() as session:
        webhooks.add(session, provider, secret, vault=here.vault, actor="test", now=utc_now())
    return listed(house)[0].url.removeprefix("http://news.example")


def listed(house: House) -> list[webhooks.Listed]:
    here = house.installation
    with here.database.reading() as session:
        return webhooks.all_webhooks(session, here.vault, here.links)


def post(house: House, path: str, request: Post) -> Any:
    answer = house.reader().post(path, data=request.body, headers=request.headers, content_type="application/json")
    feedback.read()
    return answer


def still_read_by(house: House, title: str) -> set[str]:
    before = len(house.mails())
    house.send_digest("depeche", title)
    return {recipient for mail in house.mails()[before:] for recipient in mail.stored.envelope_recipients}


@pytest.mark.parametrize("provider", WAYS)
def test_a_report_of_the_provider_ends_it(house: House, provider: str) -> None:
    secret, make, _wrong = WAYS[provider]
    path = hook(house, provider, secret)
    answer = post(house, path, make())
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert still_read_by(house, "Une autre nouvelle") == {"kofi@poste.example"}
    assert (listed(house)[0].received, listed(house)[0].refused) == (1, 0)


@pytest.mark.parametrize("provider", WAYS)
def test_a_forged_report_changes_nothing(house: House, provider: str) -> None:
    secret, make, wrong = WAYS[provider]
    path = hook(house, provider, secret)
    body = make().body
    unsigned = body if make().headers else body.replace(b'"signature": "', b'"signature": "0')
    for request in (make(*wrong), Post(unsigned, {"Authorization": "Basic ???"}), Post(unsigned)):
        assert post(house, path, request).status_code == 403
    assert still_read_by(house, "Une autre nouvelle") == {AMA, "kofi@poste.example"}
    found = listed(house)[0]
    assert (found.received, found.refused) == (0, 3)
    assert found.last_refusal


TOPIC = "arn:aws:sns:eu-west-3:123456789012:bounces"


def notification(**changes: str) -> Post:
    """A message of SNS whose certificate is where no name server of this machine finds it."""
    said = {
        "Type": "Notification",
        "MessageId": "1",
        "TopicArn": TOPIC,
        "Message": "{}",
        "Timestamp": utc_now().isoformat(),
        "SignatureVersion": "2",
        "Signature": "AAAA",
        "SigningCertURL": "https://sns.eu-west-3.amazonaws.com/SimpleNotificationService-1.pem",
    }
    return Post(json.dumps(said | changes).encode(), {"x-amz-sns-message-type": "Notification"})


def test_a_certificate_that_is_not_to_be_had_is_no_forgery(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_url: str) -> bytes:
        raise OSError("no route")

    monkeypatch.setattr(tools, "fetch_plainly", away)
    path = hook(house, "ses", TOPIC)
    assert post(house, path, notification()).status_code == 503
    assert (listed(house)[0].received, listed(house)[0].refused) == (0, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"TopicArn": TOPIC + "x"},
        {"SigningCertURL": "https://sns.eu-west-3.amazonaws.com.evil.example/a.pem"},
        {"SigningCertURL": "http://169.254.169.254/a.pem"},
        {"Timestamp": "2020-01-01T00:00:00Z"},
        {"Type": "SubscriptionConfirmation"},
    ],
)
def test_what_sns_did_not_send_is_turned_away_and_nothing_is_fetched(
    house: House, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]
) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(tools, "fetch_plainly", lambda url: fetched.append(url) or b"")
    path = hook(house, "ses", TOPIC)
    assert post(house, path, notification(**changes)).status_code == 403
    assert fetched == []


def test_a_report_sent_again_is_taken_and_changes_nothing(house: House) -> None:
    path = hook(house, "mailgun", SIGNING_KEY)
    request = mailgun()
    assert [post(house, path, request).status_code for _time in range(3)] == [200] * 3
    assert listed(house)[0].received == 1


def test_a_token_that_was_heard_cannot_vouch_for_another_body(house: House) -> None:
    path = hook(house, "mailgun", SIGNING_KEY)
    request = mailgun()
    harmless = Post(request.body.replace(AMA.encode(), b"nobody@nowhere.example"))
    post(house, path, harmless)
    assert post(house, path, request).status_code == 200
    assert AMA in still_read_by(house, "Une autre nouvelle")


@pytest.mark.parametrize(
    "path", ["/hooks/mailgun/x", "/hooks/nobody/x", "/hooks/mailgun/" + "a" * 500, "/hooks/mailgun/%00"]
)
def test_an_address_that_is_none_says_nothing(house: House, path: str) -> None:
    hook(house, "mailgun", SIGNING_KEY)
    assert house.reader().post(path, data=mailgun().body).status_code == 404
    assert house.reader().get(path).status_code == 404


def test_an_address_of_another_provider_is_none(house: House) -> None:
    path = hook(house, "mailgun", SIGNING_KEY)
    assert house.reader().post(path.replace("mailgun", "resend"), data=b"{}").status_code == 404


def test_what_is_too_long_is_not_taken(house: House) -> None:
    path = hook(house, "postmark", BASIC)
    request = with_password(POSTMARK)()
    assert post(house, path, Post(b"[" + b" " * webhooks.LARGEST + b"]", request.headers)).status_code == 413
    large = Post(json.dumps([POSTMARK] * 5000).encode(), request.headers)
    assert len(large.body) > 400_000
    assert post(house, path, large).status_code == 200


def test_somebody_is_there_when_asked(house: House) -> None:
    path = hook(house, "brevo", BASIC)
    answer = house.reader().get(path)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"[" * 5000, b'{"event-data": 1}', b"\xff\xfe"])
def test_nonsense_of_the_provider_is_kept_and_harms_nobody(house: House, body: bytes) -> None:
    path = hook(house, "postmark", BASIC)
    assert post(house, path, Post(body, with_password(POSTMARK)().headers)).status_code == 200
    assert post(house, path, with_password(POSTMARK)()).status_code == 200
    assert AMA not in still_read_by(house, "Une autre nouvelle")
