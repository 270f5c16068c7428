"""DKIM signatures (RFC 6376, RFC 8301, RFC 8463): relaxed/relaxed, the whole body, and more names signed than are
present.

A name listed once more than it occurs ("oversigned") makes a field of that name, added on the way, break the
signature. The message is signed with every key given, RSA and Ed25519 side by side, since many receivers know only the
first.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256

from newsletter.mail import headers, words
from newsletter.mail.addrspec import ascii_domain
from newsletter.mail.headers import Header

RSA_BITS = 2048
MAX_TXT = 255

# Fields that other hosts add, and the signatures themselves.
UNSIGNED = frozenset({"return-path", "received", "dkim-signature", "arc-seal", "authentication-results"})
OVERSIGNED = tuple(
    name.lower()
    for name in (
        headers.FROM,
        headers.TO,
        headers.CC,
        headers.SUBJECT,
        headers.DATE,
        headers.REPLY_TO,
        headers.SENDER,
        headers.MESSAGE_ID,
        headers.MIME_VERSION,
        headers.CONTENT_TYPE,
        headers.CONTENT_TRANSFER_ENCODING,
        headers.LIST_ID,
        headers.LIST_UNSUBSCRIBE,
        headers.LIST_UNSUBSCRIBE_POST,
    )
)

_SIGNATURE_LINE = words.FOLD_AT - 2
_SOME_HASH = base64.b64encode(bytes(32)).decode("ascii")
_SELECTOR = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")
_FOLDS = re.compile(rb"\r\n(?=[ \t])")
_BLANKS = re.compile(rb"[ \t]+")
_TRAILING = re.compile(rb"[ \t]+(?=\r\n)")
_NEXT_FIELD = re.compile(rb"\r\n(?![ \t])")


class Algorithm(StrEnum):
    """How a key signs; the value is that of the tag `a=`."""

    RSA = "rsa-sha256"
    ED25519 = "ed25519-sha256"


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A private key and where its public half is published. Raises ValueError when they do not make sense together.

    The key is read here, not at each signature, and once in a process: reading checks it, which takes longer than a
    hundred signatures, and every job opens its keys anew.
    """

    domain: str
    selector: str
    algorithm: Algorithm
    private_key_pem: bytes = field(repr=False)
    _key: RSAPrivateKey | Ed25519PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "domain", ascii_domain(self.domain))
        object.__setattr__(self, "algorithm", Algorithm(self.algorithm))
        if not _SELECTOR.fullmatch(self.selector):
            raise ValueError(f"not a DKIM selector: {self.selector!r}")
        try:
            key = _read_key(self.private_key_pem)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ValueError(f"the DKIM key {self.selector} cannot be read") from error
        fits = isinstance(key, RSAPrivateKey) if self.algorithm is Algorithm.RSA else isinstance(key, Ed25519PrivateKey)
        if not fits or (isinstance(key, RSAPrivateKey) and key.key_size < RSA_BITS):
            raise ValueError(f"the DKIM key {self.selector} is no key for {self.algorithm}, or too short")
        object.__setattr__(self, "_key", key)

    def sign_bytes(self, data: bytes) -> bytes:
        """The raw signature. Ed25519 signs the SHA-256 of the data (RFC 8463 section 3)."""
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(data, padding.PKCS1v15(), SHA256())
        return self._key.sign(hashlib.sha256(data).digest())

    def public_bytes(self) -> bytes:
        """What the tag `p=` of the DNS record holds before base64."""
        public = self._key.public_key()
        if isinstance(self._key, RSAPrivateKey):
            return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


@lru_cache(maxsize=64)
def _read_key(pem: bytes) -> PrivateKeyTypes:
    return serialization.load_pem_private_key(pem, None)


def generate_key(algorithm: Algorithm) -> bytes:
    """A new private key as PEM (PKCS 8, not encrypted)."""
    key: RSAPrivateKey | Ed25519PrivateKey
    key = (
        generate_private_key(65537, RSA_BITS) if Algorithm(algorithm) is Algorithm.RSA else Ed25519PrivateKey.generate()
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def dns_record(key: DkimKey) -> tuple[str, str]:
    """Name and value of the TXT record that publishes the key; `txt_strings` cuts the value for a zone file."""
    kind = "rsa" if key.algorithm is Algorithm.RSA else "ed25519"
    public = base64.b64encode(key.public_bytes()).decode("ascii")
    return f"{key.selector}._domainkey.{key.domain}", f"v=DKIM1; k={kind}; p={public}"


def txt_strings(value: str) -> list[str]:
    """The strings of a TXT record, of at most 255 bytes each; a resolver joins them without a blank (RFC 6376 section
    3.6.2.2).
    """
    return [value[at : at + MAX_TXT] for at in range(0, len(value), MAX_TXT)]


def sign(message: bytes, keys: Sequence[DkimKey], now: datetime) -> bytes:
    """The message with one DKIM-Signature for each key in front of it; without keys, the message itself.

    `message` has CRLF line ends only (ValueError otherwise: a line end changed later would break the signature). `now`
    is aware.
    """
    ends = message.count(b"\r\n")
    if message.count(b"\r") != ends or message.count(b"\n") != ends:
        raise ValueError("a CR or LF stands alone in the message to sign")
    block, _, body = message.partition(b"\r\n\r\n")
    names, signed = _signed_fields(block.removesuffix(b"\r\n"))
    digest = hashlib.sha256(relaxed_body(body)).digest()
    return b"".join([*(_Frame(key, names, now).sign(signed, digest) for key in keys), message])


class Signing:
    """Signs messages that share most of their fields, at little more than the price of the signatures.

    `shared` are the fields that stay, `own` the names of those that each message has for itself; no name occurs twice.
    """

    def __init__(self, keys: Sequence[DkimKey], shared: Sequence[Header], own: Sequence[str], now: datetime) -> None:
        names = [*(field.name.lower() for field in shared), *map(str.lower, own), *OVERSIGNED]
        self._shared = b"".join(relaxed_field(field) for field in shared)
        self._frames = [_Frame(key, names, now) for key in keys]

    def sign(self, own: Sequence[Header], body_digest: bytes) -> bytes:
        """One DKIM-Signature for each key. `own`: the message's own fields, in the order of their names; `body_digest`:
        SHA-256 of the body in relaxed form.
        """
        signed = b"".join([self._shared, *[relaxed_field(field) for field in own]])
        return b"".join([frame.sign(signed, body_digest) for frame in self._frames])


def relaxed_field(field: Header) -> bytes:
    """A field in relaxed form, with CRLF."""
    return relaxed_header(field.line.removesuffix(b"\r\n")) + b"\r\n"


def relaxed_header(line: bytes) -> bytes:
    """A field without its last CRLF in relaxed form, without one either (RFC 6376 section 3.4.2)."""
    name, _, value = line.partition(b":")
    if b"\r" in value:
        value = _FOLDS.sub(b"", value)
    if b"\t" in value or b"  " in value:
        value = _BLANKS.sub(b" ", value)
    return name.strip(b" \t").lower() + b":" + value.strip(b" ")


def relaxed_body(body: bytes) -> bytes:
    """The body in relaxed form: runs of blanks are one space, none at a line's end, no empty lines at the end (section
    3.4.4).
    """
    if b"\t" in body or b"  " in body:
        body = _BLANKS.sub(b" ", body)
    if b" \r\n" in body:
        body = _TRAILING.sub(b"", body)
    body = body.rstrip(b" ") if not body.endswith(b"\r\n") else body
    body = body.rstrip(b"\r\n")  # only pairs of them occur
    return body + b"\r\n" if body else b""


def _signed_fields(block: bytes) -> tuple[list[str], bytes]:
    """The names for `h=`, and the fields they stand for in relaxed form.

    Of fields with the same name a verifier takes the last first, so they are listed from the bottom up.
    """
    names: list[str] = []
    lines: list[bytes] = []
    for line in reversed(_NEXT_FIELD.split(block)):
        field_name = line.partition(b":")[0].strip().lower().decode("ascii", "replace")
        if field_name and field_name not in UNSIGNED:
            names.append(field_name)
            lines.append(relaxed_header(line) + b"\r\n")
    return [*names, *OVERSIGNED], b"".join(lines)


class _Frame:
    """A signature field of one key but for the hash of the body and the signature itself, raw and in relaxed form."""

    def __init__(self, key: DkimKey, names: Sequence[str], now: datetime) -> None:
        listed = [f"{name}:" for name in names[:-1]] + [f"{names[-1]};"]
        listed[0] = "h=" + listed[0]
        tokens = [
            "v=1;",
            f"a={key.algorithm};",
            "c=relaxed/relaxed;",
            f"d={key.domain};",
            f"s={key.selector};",
            f"t={int(now.timestamp())};",
            *listed,
            f"bh={_SOME_HASH};",
            "b=",
        ]
        raw = words.fold(headers.DKIM_SIGNATURE, tokens).removesuffix(b"\r\n")
        self._key = key
        self._head, _, self._tail = raw.rpartition(_SOME_HASH.encode())
        self._relaxed_head, _, self._relaxed_tail = relaxed_header(raw).rpartition(_SOME_HASH.encode())

    def sign(self, signed: bytes, body_digest: bytes) -> bytes:
        """The field. `signed`: what is signed before it."""
        body_hash = binascii.b2a_base64(body_digest, newline=False)
        data = b"".join((signed, self._relaxed_head, body_hash, self._relaxed_tail))
        value = binascii.b2a_base64(self._key.sign_bytes(data), newline=False)
        pieces = [value[at : at + _SIGNATURE_LINE] for at in range(0, len(value), _SIGNATURE_LINE)]
        return b"".join((self._head, body_hash, self._tail, b"\r\n ", b"\r\n ".join(pieces), b"\r\n"))
