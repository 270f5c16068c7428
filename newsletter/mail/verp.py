"""Addresses that name a record: the envelope sender of a message (VERP), and the address that unsubscribes by mail.

The token hides the number and proves that we made it. Eight bytes of number are masked with a key stream from the
twelve bytes of HMAC that stand before them, so one number has one token, and tokens of neighbours have nothing in
common. Its alphabet survives a server that folds the case of a local part.
"""

import binascii
import hmac

from newsletter.core.tokens import Mac
from newsletter.mail.addrspec import ascii_domain

DELIVERY = "b"
TRANSACTIONAL = "t"
UNSUBSCRIBE = "unsub"

_PROOF = 12
_NUMBER = 8
_TOKEN_LENGTH = 2 * (_PROOF + _NUMBER)


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


class Tagger:
    """Writes many addresses of one tag and domain; each tag has tokens of its own."""

    def __init__(self, tag: str, secret: bytes, domain: str) -> None:
        self._macs = _Macs(tag, secret)
        self._before = f"{tag}+"
        self._behind = f"@{ascii_domain(domain)}"

    def address(self, number: int) -> str:
        """`tag+<token>@domain` for a number of 0 to 2**64 - 1."""
        plain = number.to_bytes(_NUMBER, "big")
        proof = self._macs.proof(plain)
        return self._before + (proof + self._macs.masked(plain, proof)).hex() + self._behind


def parse_tagged(tag: str, address: str, secret: bytes) -> int | None:
    """The number behind `tag+<token>@anything`, in any case and with or without angle brackets; None unless the token
    proves itself.
    """
    local, at, _ = address.strip().removeprefix("<").rpartition("@")
    found, plus, token = local.lower().partition("+")
    if not at or not plus or found != tag or len(token) != _TOKEN_LENGTH:
        return None
    try:
        data = binascii.unhexlify(token)
    except ValueError:
        return None
    proof, masked = data[:_PROOF], data[_PROOF:]
    macs = _Macs(tag, secret)
    plain = macs.masked(masked, proof)
    return int.from_bytes(plain, "big") if hmac.compare_digest(proof, macs.proof(plain)) else None


class _Macs:
    """The two uses of the secret for one tag."""

    def __init__(self, tag: str, secret: bytes) -> None:
        self._proof = Mac(secret, f"verp:{tag}:".encode())
        self._mask = Mac(secret, b"verp-mask:")

    def proof(self, plain: bytes) -> bytes:
        return self._proof.digest(plain)[:_PROOF]

    def masked(self, data: bytes, proof: bytes) -> bytes:
        stream = int.from_bytes(self._mask.digest(proof)[:_NUMBER])
        return (int.from_bytes(data) ^ stream).to_bytes(_NUMBER)
