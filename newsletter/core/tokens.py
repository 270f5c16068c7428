"""Tokens that stand in links, and the keys behind them. Each purpose has a key of its own, so a token for one never
opens another.
"""

import base64
import hashlib
import hmac
import secrets

from cryptography.fernet import Fernet, InvalidToken

KEY_ID = 1  # the first byte of a signed token, so that keys can be replaced while old links go on working
MAC_BYTES = 16
NUMBER_BYTES = 6
_KEY_ID = bytes([KEY_ID])


def new_token() -> str:
    """192 random bits in 32 characters that are safe in a URL."""
    return secrets.token_urlsafe(24)


def hash_token(token: str) -> str:
    """What is stored of a random token: 64 hexadecimal digits. A token has enough entropy to need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def derive_key(secret: str, purpose: str) -> bytes:
    """32 bytes for one purpose (HMAC-SHA256 of the purpose under the installation's secret)."""
    return hmac.digest(secret.encode(), purpose.encode(), "sha256")


class Mac:
    """HMAC-SHA256 of many texts that begin alike under one key, which is worked in once."""

    def __init__(self, key: bytes, beginning: bytes = b"") -> None:
        self._begun = hmac.new(key, beginning, "sha256")

    def digest(self, rest: bytes) -> bytes:
        mac = self._begun.copy()
        mac.update(rest)
        return mac.digest()


class Signer:
    """Stateless tokens: a few row ids and a MAC. They never expire and need no row of their own."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._macs: dict[str, Mac] = {}

    def sign(self, purpose: str, *numbers: int) -> str:
        """A token of at most 47 characters for one to three numbers below 2**48."""
        payload = b"".join([_KEY_ID, *[number.to_bytes(NUMBER_BYTES) for number in numbers]])
        return base64.urlsafe_b64encode(payload + self._mac(purpose, payload)).rstrip(b"=").decode()

    def read(self, purpose: str, token: str, count: int) -> tuple[int, ...] | None:
        """The numbers of a token that was signed for this purpose, else None."""
        try:
            raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        payload, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        if len(payload) != 1 + NUMBER_BYTES * count or payload[0] != KEY_ID:
            return None
        if not hmac.compare_digest(mac, self._mac(purpose, payload)):
            return None
        return tuple(int.from_bytes(payload[at : at + NUMBER_BYTES]) for at in range(1, len(payload), NUMBER_BYTES))

    def derive_token(self, purpose: str, nonce: str) -> str:
        """A token of 128 bits that only the holder of the secret can make from a stored nonce.

        Lets a worker put a random link into a mail without the link itself ever being written to a table.
        """
        mac = hmac.digest(derive_key(self._secret, purpose), nonce.encode(), "sha256")
        return base64.urlsafe_b64encode(mac[:18]).decode()

    def _mac(self, purpose: str, payload: bytes) -> bytes:
        mac = self._macs.get(purpose)
        if mac is None:
            mac = self._macs[purpose] = Mac(derive_key(self._secret, purpose))
        return mac.digest(payload)[:MAC_BYTES]


class Vault:
    """Encrypts what is stored but must not be read from a copy of the database (Fernet: AES-128-CBC and
    HMAC-SHA256).
    """

    def __init__(self, secret: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(derive_key(secret, "vault")))

    def lock(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def unlock(self, locked: str) -> str:
        """Raises ValueError when the text was locked under another secret key."""
        try:
            return self._fernet.decrypt(locked.encode()).decode()
        except InvalidToken:
            raise ValueError("locked under another NEWSLETTER_SECRET_KEY") from None
