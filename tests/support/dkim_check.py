"""Signatures judged by dkimpy, an implementation that shares nothing with ours."""

import base64
import types
from collections.abc import Mapping, Sequence

import dkim
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from newsletter.mail.dkim import DkimKey, dns_record


class _VerifyKey:
    """The one class that dkimpy takes from PyNaCl, which is not installed for it alone."""

    def __init__(self, key: bytes, encoder: object) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))

    def verify(self, message: bytes, signature: bytes) -> None:
        self._key.verify(signature, message)


if not hasattr(dkim, "nacl"):
    dkim.nacl = types.SimpleNamespace(
        signing=types.SimpleNamespace(VerifyKey=_VerifyKey),
        encoding=types.SimpleNamespace(Base64Encoder=None),
        exceptions=types.SimpleNamespace(ValueError=ValueError, BadSignatureError=InvalidSignature),
    )


def verify_all(message: bytes, keys: Sequence[DkimKey]) -> list[bool]:
    """Whether each DKIM-Signature of the message, from the top, is valid against the records of these keys."""
    return verify_by_records(message, dict(dns_record(key) for key in keys))


def verify_by_records(message: bytes, records: Mapping[str, str]) -> list[bool]:
    """The same with the TXT records themselves, by name."""
    zone = {f"{name}.".encode(): value.encode() for name, value in records.items()}

    def lookup(name: bytes, timeout: float = 5) -> bytes | None:
        return zone.get(name)

    judge = dkim.DKIM(message, minkey=1024)
    count = sum(1 for name, _ in judge.headers if name.lower() == b"dkim-signature")
    results = []
    for index in range(count):
        try:
            results.append(bool(dkim.DKIM(message).verify(idx=index, dnsfunc=lookup)))
        except dkim.DKIMException:
            results.append(False)
    return results
