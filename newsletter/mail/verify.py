"""Checking DKIM signatures (RFC 6376, RFC 8301, RFC 8463) as a receiver does, each of them, with the reason in a word.

What is written here shares the canonical forms with `mail.dkim` and nothing else; tests hold it against another
implementation. Stricter than the standard in one thing: a signature of only a part of the body (`l=`) is refused.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from newsletter.mail.dkim import relaxed_body, relaxed_header

MOST_SIGNATURES: Final = 10
LEAST_BITS: Final = 1024  # RFC 8301 section 3.2

_NEXT_FIELD: Final = re.compile(rb"\r\n(?![ \t])")
_TAG: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=\s*(.*?)\s*", re.DOTALL)
_SIGNATURE_VALUE: Final = re.compile(rb"(^|;)([ \t\r\n]*b[ \t\r\n]*=)[^;]*", re.DOTALL)

Lookup = Callable[[str], str | None]
"""The TXT record of a name such as `s._domainkey.example.org`, its strings joined; None when there is none."""


class Fault(StrEnum):
    """Why a signature does not count."""

    UNREADABLE = "unreadable"  # a tag is missing, twice, or not what it has to be
    ALGORITHM = "algorithm"
    LENGTH = "length"  # it has l=
    FROM_UNSIGNED = "from_unsigned"
    IDENTITY = "identity"  # i= is not below d=
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    NO_KEY = "no_key"
    REVOKED = "revoked"
    KEY = "key"  # the record cannot be read, is for something else, or its key is too short
    BODY = "body"  # the body has changed
    SIGNATURE = "signature"  # a signed field has changed, or the key is another one


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one signature. `signed`: names of fields in lower case, as often as `h=` has them. `fault` None: it is
    valid.
    """

    domain: str
    selector: str
    algorithm: str
    signed: tuple[str, ...]
    fault: Fault | None


class _FaultError(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


def verify(message: bytes, lookup: Lookup, *, now: datetime) -> list[Verdict]:
    """A verdict for each DKIM-Signature from the top, ten at most; none for a message without. `message` has CRLF."""
    block, _, body = message.partition(b"\r\n\r\n")
    fields = _NEXT_FIELD.split(block.removesuffix(b"\r\n"))
    places = [place for place, line in enumerate(fields) if _name(line) == "dkim-signature"]
    return [_judge(fields, place, body, lookup, now) for place in places[:MOST_SIGNATURES]]


def _judge(fields: Sequence[bytes], place: int, body: bytes, lookup: Lookup, now: datetime) -> Verdict:
    value = fields[place].partition(b":")[2]
    tags: Mapping[str, str] = {}
    fault: Fault | None = None
    try:
        tags = read_tags(value.decode("ascii", "replace"))
        _check_tags(tags, now)
        key = _read_key(tags, lookup)
        _check_body(tags, body)
        _check_signature(tags, key, _signed_data(fields, place, tags))
    except _FaultError as error:
        fault = error.fault
    return Verdict(
        tags.get("d", "").lower(), tags.get("s", "").lower(), tags.get("a", ""), tuple(_signed_names(tags)), fault
    )


def read_tags(text: str) -> dict[str, str]:
    """The tags of a signature or a key record (section 3.2). Raises for one that is twice or cannot be read."""
    tags: dict[str, str] = {}
    for item in text.split(";"):
        if not item.strip():
            continue
        found = _TAG.fullmatch(item)
        if found is None or found[1] in tags:
            raise _FaultError(Fault.UNREADABLE)
        tags[found[1]] = found[2]
    return tags


def _check_tags(tags: Mapping[str, str], now: datetime) -> None:
    if tags.get("v") != "1" or any(not tags.get(name) for name in ("a", "b", "bh", "d", "h", "s")):
        raise _FaultError(Fault.UNREADABLE)
    if tags["a"] not in ("rsa-sha256", "ed25519-sha256"):
        raise _FaultError(Fault.ALGORITHM)
    if "l" in tags:
        raise _FaultError(Fault.LENGTH)
    if "from" not in _signed_names(tags):
        raise _FaultError(Fault.FROM_UNSIGNED)
    if "dns/txt" not in tags.get("q", "dns/txt").split(":"):
        raise _FaultError(Fault.UNREADABLE)
    domain = tags["d"].lower()
    identity = tags.get("i", f"@{domain}").rpartition("@")[2].lower()
    if identity != domain and not identity.endswith(f".{domain}"):
        raise _FaultError(Fault.IDENTITY)
    moments = [tags.get(name, "0") for name in ("t", "x")]
    if not all(moment.isdecimal() and len(moment) <= 12 for moment in moments):
        raise _FaultError(Fault.UNREADABLE)
    signed_at, expires_at = map(int, moments)
    if "x" in tags and (expires_at <= now.timestamp() or expires_at <= signed_at):
        raise _FaultError(Fault.EXPIRED)


def _read_key(tags: Mapping[str, str], lookup: Lookup) -> RSAPublicKey | Ed25519PublicKey:
    """The public key of a signature (section 3.6.1, RFC 8463 section 4)."""
    record = lookup(f"{tags['s']}._domainkey.{tags['d']}".lower())
    if record is None:
        raise _FaultError(Fault.NO_KEY)
    try:
        published = read_tags(record)
    except _FaultError:
        raise _FaultError(Fault.KEY) from None
    kind = tags["a"].partition("-")[0]
    services = published.get("s", "*").split(":")
    hashes = published.get("h", "sha256").split(":")
    if published.get("v", "DKIM1") != "DKIM1" or published.get("k", "rsa") != kind or "p" not in published:
        raise _FaultError(Fault.KEY)
    if not ({"*", "email"} & {item.strip() for item in services} and "sha256" in [item.strip() for item in hashes]):
        raise _FaultError(Fault.KEY)
    if not published["p"]:
        raise _FaultError(Fault.REVOKED)
    identity = tags.get("i", f"@{tags['d']}").rpartition("@")[2].lower()
    if "s" in published.get("t", "").split(":") and identity != tags["d"].lower():
        raise _FaultError(Fault.IDENTITY)
    return _key_of(kind, _decoded(published["p"], Fault.KEY))


def _key_of(kind: str, raw: bytes) -> RSAPublicKey | Ed25519PublicKey:
    try:
        if kind == "ed25519":
            return Ed25519PublicKey.from_public_bytes(raw)
        key = serialization.load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        raise _FaultError(Fault.KEY) from None
    if not isinstance(key, RSAPublicKey) or key.key_size < LEAST_BITS:
        raise _FaultError(Fault.KEY)
    return key


def _check_body(tags: Mapping[str, str], body: bytes) -> None:
    form = _forms(tags)[1]
    canonical = relaxed_body(body) if form == "relaxed" else _simple_body(body)
    if hashlib.sha256(canonical).digest() != _decoded(tags["bh"], Fault.UNREADABLE):
        raise _FaultError(Fault.BODY)


def _check_signature(tags: Mapping[str, str], key: RSAPublicKey | Ed25519PublicKey, data: bytes) -> None:
    signature = _decoded(tags["b"], Fault.UNREADABLE)
    try:
        if isinstance(key, RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), SHA256())
        else:
            key.verify(signature, hashlib.sha256(data).digest())
    except InvalidSignature:
        raise _FaultError(Fault.SIGNATURE) from None


def _signed_data(fields: Sequence[bytes], place: int, tags: Mapping[str, str]) -> bytes:
    """What was signed (section 3.7): the fields that `h=` names, of the same name from the bottom up; then the
    signature's own field without its value.
    """
    write = relaxed_header if _forms(tags)[0] == "relaxed" else bytes
    left: dict[str, list[bytes]] = {}
    for at, line in enumerate(fields):
        if at != place:
            left.setdefault(_name(line), []).append(line)
    chosen = [left[name].pop() for name in _signed_names(tags) if left.get(name)]
    name, colon, value = fields[place].partition(b":")
    own = name + colon + _SIGNATURE_VALUE.sub(rb"\1\2", value)
    return b"".join([*(write(line) + b"\r\n" for line in chosen), write(own)])


def _signed_names(tags: Mapping[str, str]) -> list[str]:
    return [name for item in tags.get("h", "").split(":") if (name := item.strip().lower())]


def _forms(tags: Mapping[str, str]) -> tuple[str, str]:
    """Canonical forms of header and body."""
    header, _, body = tags.get("c", "simple/simple").partition("/")
    body = body or "simple"
    if {header, body} - {"simple", "relaxed"}:
        raise _FaultError(Fault.UNREADABLE)
    return header, body


def _simple_body(body: bytes) -> bytes:
    """Section 3.4.3: one CRLF at the end, also of an empty body."""
    while body.endswith(b"\r\n"):
        body = body[:-2]
    return body + b"\r\n"


def _decoded(text: str, fault: Fault) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _FaultError(fault) from None


def _name(line: bytes) -> str:
    return line.partition(b":")[0].strip(b" \t").lower().decode("ascii", "replace")
