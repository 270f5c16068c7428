"""What the providers share: the request as it came, how they are told from others, and the shape of what they say."""

import base64
import hmac
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.feedback.providers.values import items_of, parse_json
from newsletter.mail.evidence import Evidence

log = logging.getLogger(__name__)

WINDOW = timedelta(minutes=5)
"""How far a provider's clock and ours may be apart; an older request is one that somebody sends again."""
_SECONDS = re.compile(r"[0-9]{1,11}")

Fetch = Callable[[str], bytes]
"""Gets an address of the web without following redirects; raises OSError or RefusedError."""


class ForgedError(Exception):
    """A request that the provider did not send; the message says how that shows."""


class UncertainError(Exception):
    """Nobody can tell at present whether the provider sent it, for something that is needed could not be fetched. To be
    answered with 503: SNS sends again after a 5xx, and never after a 4xx.
    """


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: `body` byte for byte, the names of `headers` in any case."""

    headers: Mapping[str, str]
    body: bytes

    def get(self, name: str) -> str:
        """A header's value, empty where there is none."""
        name = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == name), "")

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters."""
        return self.get("content-type").partition(";")[0].strip().lower()


@dataclass(slots=True)
class Reading:
    """What a body says. `unknown`: events that were not understood. `subscribe_url`: an address to be fetched before
    the provider sends anything.
    """

    evidence: list[Evidence] = field(default_factory=list)
    unknown: int = 0
    subscribe_url: str = ""


class Provider(Protocol):
    """One provider. `name` is for people."""

    @property
    def name(self) -> str: ...

    def asks_for(self) -> str:
        """What an operator has to enter, in words."""

    def check_secret(self, secret: str) -> None:
        """RefusedError when it cannot be what is asked for."""

    def verify(self, request: Request, secret: str, *, now: datetime, fetch: Fetch | None) -> None:
        """ForgedError unless the provider sent this; UncertainError when that cannot be told at present."""

    def sameness(self, request: Request) -> bytes:
        """What makes a second request the same one, of a request that has been verified."""

    def read(self, body: bytes) -> Reading:
        """The events of a body. RefusedError when it is nothing of the kind."""


class BasicAuth:
    """Providers that sign nothing: the address is secret, and it holds a user and a password besides (RFC 7617)."""

    def asks_for(self) -> str:
        return _("user:password, which you put into the address at the provider: https://user:password@…")

    def check_secret(self, secret: str) -> None:
        user, colon, password = secret.partition(":")
        if not user or not colon or len(password) < 12 or not secret.isascii() or not secret.isprintable():
            raise RefusedError(_("Enter user:password, the password with 12 characters or more."))

    def verify(self, request: Request, secret: str, *, now: datetime, fetch: Fetch | None) -> None:
        scheme, _blank, given = request.get("authorization").partition(" ")
        if scheme.lower() != "basic":
            raise ForgedError("no user and password")
        try:
            said = base64.b64decode(given.strip(), validate=True)
        except ValueError:
            raise ForgedError("user and password cannot be read") from None
        if not hmac.compare_digest(said, secret.encode()):
            raise ForgedError("another user or password")

    def sameness(self, request: Request) -> bytes:
        return request.body


def seconds(value: str) -> datetime | None:
    """A moment written as whole seconds since 1970, and in no other way: where a signature runs a time and a token
    together, a second way to write the same time would make another token of the same signature.
    """
    return datetime.fromtimestamp(int(value), UTC) if _SECONDS.fullmatch(value) else None


def check_time(found: datetime | None, *, now: datetime, oldest: timedelta = WINDOW) -> None:
    """ForgedError for a time that is none, older than `oldest`, or more than five minutes ahead."""
    if found is None:
        raise ForgedError("the time cannot be read")
    if now - found > oldest:
        raise ForgedError("the time is too long ago")
    if found - now > WINDOW:
        raise ForgedError("the time is yet to come")


def read_each(body: bytes, read: Callable[[dict[str, Any]], list[Evidence] | None]) -> Reading:
    """Read a list of events, or a single one. `read` gives what one says: nothing for an event that is of no interest,
    None for one that is not known. One that is odd harms no other.
    """
    reading = Reading()
    for item in items_of(parse_json(body)):
        try:
            found = read(item) if isinstance(item, dict) else None
        except Exception:
            log.exception("an event of a provider cannot be read")
            found = None
        if found is None:
            reading.unknown += 1
        else:
            reading.evidence += found
    return reading
