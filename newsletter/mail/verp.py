"""Addresses that name a record: the envelope sender of a message (VERP), and the address that unsubscribes by mail.

The token hides the number and proves that we made it. Eight bytes of number are masked with a key stream from the
twelve bytes of HMAC that stand before them, so one number has one token, and tokens of neighbours have nothing in
common. Its alphabet survives a server that folds the case of a local part.
"""

import binascii
import hmac
from base64 import b32decode, b32encode

from newsletter.core.tokens import Mac
from newsletter.mail.addrspec import ascii_domain

DELIVERY = "b"
TRANSACTIONAL = "t"
UNSUBSCRIBE = "unsub"

_PROOF = 12
_NUMBER = 8
TOKEN_LENGTH = 2 * (_PROOF + _NUMBER)
_SHORT_PROOF = 8
SHORT_LENGTH = 26
_PADDING = "=" * (-SHORT_LENGTH % 8)


def envelope_sender(delivery_id: int, secret: bytes, domain: str) -> str:
    """`b+<token>@domain`, the MAIL FROM of a delivery; its local part has 42 characters."""
    return Tagger(DELIVERY, secret, domain).address(delivery_id)


def transactional_sender(mail_id: int, secret: bytes, domain: str) -> str:
    """`t+<token>@domain`, the MAIL FROM of a transactional mail."""
    return Tagger(TRANSACTIONAL, secret, domain).address(mail_id)


def unsubscribe_address(number: int, secret: bytes, domain: str) -> str:
    """`unsub+<token>@domain`, where a mail of any content unsubscribes; the number says whom."""
    return Tagger(UNSUBSCRIBE, secret, domain).address(number)


def parse(address: str, secret: bytes) -> int | None:
    """The delivery that an envelope sender names, or None when the token is not ours."""
    return parse_tagged(DELIVERY, address, secret)


def parse_transactional(address: str, secret: bytes) -> int | None:
    """The transactional mail that an envelope sender names, or None."""
    return parse_tagged(TRANSACTIONAL, address, secret)


def parse_unsubscribe(address: str, secret: bytes) -> int | None:
    """The number that an unsubscribe address names, or None."""
    return parse_tagged(UNSUBSCRIBE, address, secret)


class Tokens:
    """Writes and reads the tokens of one purpose: a number, hidden, behind a proof that we wrote it. Their letters
    survive a server that folds case. `short`: 26 letters and digits (64 bits of proof) where room is dear, else 40
    hexadecimal digits.
    """

    def __init__(self, purpose: str, secret: bytes, *, short: bool = False) -> None:
        self._proof = Mac(secret, f"verp:{purpose}:".encode())
        self._mask = Mac(secret, b"verp-mask:")
        self._short = short
        self._proof_size = _SHORT_PROOF if short else _PROOF
        self._length = SHORT_LENGTH if short else TOKEN_LENGTH

    def of(self, number: int) -> str:
        """The token of a number of 0 to 2**64 - 1, always the same."""
        plain = number.to_bytes(_NUMBER, "big")
        proof = self._proof.digest(plain)[: self._proof_size]
        data = proof + self._masked(plain, proof)
        return b32encode(data).rstrip(b"=").decode().lower() if self._short else data.hex()

    def read(self, token: str) -> int | None:
        """The number behind a token, in any case; None unless the token proves itself."""
        if len(token) != self._length:
            return None
        try:
            data = b32decode(token.upper() + _PADDING) if self._short else binascii.unhexlify(token)
        except ValueError:
            return None
        proof = data[: self._proof_size]
        plain = self._masked(data[self._proof_size :], proof)
        known = hmac.compare_digest(proof, self._proof.digest(plain)[: self._proof_size])
        return int.from_bytes(plain, "big") if known else None

    def _masked(self, data: bytes, proof: bytes) -> bytes:
        stream = int.from_bytes(self._mask.digest(proof)[:_NUMBER])
        return (int.from_bytes(data) ^ stream).to_bytes(_NUMBER)


class Tagger:
    """Writes many addresses of one tag and domain; each tag has tokens of its own."""

    def __init__(self, tag: str, secret: bytes, domain: str) -> None:
        self._tokens = Tokens(tag, secret)
        self._before = f"{tag}+"
        self._behind = f"@{ascii_domain(domain)}"

    def address(self, number: int) -> str:
        """`tag+<token>@domain` for a number of 0 to 2**64 - 1."""
        return self._before + self._tokens.of(number) + self._behind


def parse_tagged(tag: str, address: str, secret: bytes) -> int | None:
    """The number behind `tag+<token>@anything`, in any case and with or without angle brackets; None unless the token
    proves itself.
    """
    local, at, _ = address.strip().removeprefix("<").rpartition("@")
    found, plus, token = local.lower().partition("+")
    return Tokens(tag, secret).read(token) if at and plus and found == tag else None
