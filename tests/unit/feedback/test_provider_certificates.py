"""The certificates of SNS come from SNS alone, and nothing is fetched for anybody else."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from newsletter.core.errors import RefusedError
from newsletter.feedback.providers import ForgedError, UncertainError, sns
from tests.support.sns import CERTIFICATE, NOW, SES, TOPIC, Web, certified, envelope, signed, verify


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    sns._certificates.clear()
    yield
    sns._certificates.clear()


def test_the_certificate_is_fetched_once() -> None:
    web = Web()
    for _again in range(3):
        verify(signed(envelope()), web)
    assert web.asked == [CERTIFICATE]


def test_no_more_certificates_are_kept_than_a_few() -> None:
    for number in range(50):
        verify(signed(envelope(SigningCertURL=f"https://sns.eu-west-3.amazonaws.com/{number}.pem")))
    assert len(sns._certificates) <= 20


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-3.amazonaws.com/x.pem",
        "ftp://sns.eu-west-3.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem",
        "https://evil.example/sns.eu-west-3.amazonaws.com/x.pem",
        "https://evil@sns.eu-west-3.amazonaws.com/x.pem",
        "https://sns.eu-west-3.amazonaws.com@evil.example/x.pem",
        "https://sns.eu-west-3.amazonaws.com:443/x.pem",
        "https://sns.eu-west-3.amazonaws.com:8443/x.pem",
        "https://sns.eu-west-3.amazonaws.com\\@evil.example/x.pem",
        "https://sns.eu-west-3.amazonaws.com./x.pem",
        "https://SNS.eu-west-3.amazonaws.com/x.pem",
        "https://snsxeu-west-3xamazonaws.com/x.pem",
        "https://sns.eu-west-3.amazonaws.com/x.pem?a=b",
        "https://sns.eu-west-3.amazonaws.com/x.pem#y",
        "https://sns.eu-west-3.amazonaws.com/x.crt",
        "https://sns.eu-west-3.amazonaws.com/?x.pem",
        "https://sns.eu-west-3.evil.amazonaws.com/x.pem",
        "https://bucket.s3.amazonaws.com/x.pem",
        "https://sns.amazonaws.com/x.pem",
        "https://sns.eu-west-3.amazonaws.com.cn.evil.example/x.pem",
        "https://sns.eu-wést-3.amazonaws.com/x.pem",
        "https://sns.eu-west-3.amazonaws.com/x.pem\n",
        "https://evil.example\n.sns.eu-west-3.amazonaws.com/x.pem",
        "\thttps://evil.example/x.pem",
        "https://[::1/x.pem",
        "//sns.eu-west-3.amazonaws.com/x.pem",
        "",
        None,
        7,
        {"url": CERTIFICATE},
    ],
)
def test_a_certificate_from_elsewhere_is_not_fetched(url: Any) -> None:
    web = Web()
    request = signed(envelope(SigningCertURL=url))
    if isinstance(url, str) and url.strip() == "https://sns.eu-west-3.amazonaws.com/x.pem":
        verify(request, web)  # only blanks around it, which are never asked for
        assert web.asked == [url.strip()]
        return
    with pytest.raises(ForgedError, match="not from SNS"):
        verify(request, web)
    assert web.asked == []


@pytest.mark.parametrize("host", ["sns.us-gov-west-1.amazonaws.com", "sns.cn-north-1.amazonaws.com.cn"])
def test_other_parts_of_amazon_are_known(host: str) -> None:
    verify(signed(envelope(SigningCertURL=f"https://{host}/SimpleNotificationService-1.pem")))


def test_a_certificate_of_somebody_else_is_not_taken() -> None:
    with pytest.raises(ForgedError, match="somebody else"):
        verify(signed(envelope()), Web(certified(name="evil.example")))
    with pytest.raises(ForgedError, match="somebody else"):
        verify(signed(envelope()), Web(certified(name="amazonaws.com.evil.example", san="notamazonaws.com")))


def test_a_name_beside_the_subject_counts() -> None:
    verify(signed(envelope()), Web(certified(name="Amazon SNS", san="sns.eu-west-3.amazonaws.com")))


def test_a_certificate_that_has_ended_is_not_taken() -> None:
    with pytest.raises(ForgedError, match="at present"):
        verify(signed(envelope()), Web(certified(ends=NOW - timedelta(seconds=1))))


def test_a_certificate_that_is_kept_ends_too() -> None:
    web, later = Web(certified(ends=NOW + timedelta(hours=1))), NOW + timedelta(hours=1, seconds=1)
    verify(signed(envelope()), web)
    with pytest.raises(ForgedError, match="at present"):
        verify(signed(envelope(Timestamp=later.isoformat())), web, now=later)


def test_a_key_that_is_not_rsa_is_not_taken() -> None:
    with pytest.raises(ForgedError, match="kind of key"):
        verify(signed(envelope()), Web(certified(ec.generate_private_key(ec.SECP256R1()))))


@pytest.mark.parametrize(
    "found", [b"<html>", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"\0" * 99]
)
def test_what_is_no_certificate_is_not_taken(found: bytes) -> None:
    with pytest.raises(ForgedError, match="no certificate"):
        verify(signed(envelope()), Web(found))


@pytest.mark.parametrize("error", [OSError("no route"), TimeoutError("slow"), RefusedError("redirected")])
def test_a_certificate_that_is_not_to_be_had_proves_nothing_either_way(error: Exception) -> None:
    with pytest.raises(UncertainError):
        verify(signed(envelope()), Web(error))
    with pytest.raises(UncertainError):
        SES.verify(signed(envelope()), TOPIC, now=NOW, fetch=None)
