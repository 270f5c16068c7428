"""What the readers of all providers share: the request as it came, careful JSON, secrets, and pieces of an event."""

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.mail import verdict
from newsletter.mail.evidence import MAX_REASON, Evidence, Kind
from newsletter.mail.replies import ReplyClass

MOST_EVENTS = 10_000
MOST_DEPTH = 32
MOST_VALUE = 4000
MOST_ADDRESS = 320
WINDOW = timedelta(minutes=5)
"""How far a provider's clock and ours may be apart; an older request is one that somebody sends again."""

Fetch = Callable[[str], bytes]
"""Gets an address of the web without following redirects; raises OSError or RefusedError."""


class ForgedError(Exception):
    """A request that the provider did not send; the message says how that shows."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: names of `headers` in lower case, `body` byte for byte."""

    headers: Mapping[str, str]
    body: bytes

    def get(self, name: str) -> str:
        """A header's value, empty where there is none."""
        return self.headers.get(name.lower(), "")


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
        """ForgedError unless the provider sent this."""

    def sameness(self, request: Request) -> bytes:
        """What makes a second request the same one."""

    def read(self, body: bytes) -> Reading:
        """The events of a body. RefusedError when it is nothing of the kind."""


class BasicAuth:
    """Providers that sign nothing: the address is secret, and it holds a user and a password besides."""

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
        except (ValueError, binascii.Error):
            raise ForgedError("user and password cannot be read") from None
        if not hmac.compare_digest(said, secret.encode()):
            raise ForgedError("another user or password")

    def sameness(self, request: Request) -> bytes:
        return request.body


# JSON that anybody may have written


def parse_json(body: bytes) -> Any:
    """The value of a body; RefusedError for what is no JSON, or nested more than anybody needs."""
    if _depth(body) > MOST_DEPTH:
        raise RefusedError(_("This is nested too deeply."))
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError(_("This is no JSON.")) from None


def _depth(body: bytes) -> int:
    """How deeply brackets are nested, those within texts included: never less than it is."""
    depth = deepest = 0
    for byte in body.translate(None, delete=_NO_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
        if deepest > 4 * MOST_DEPTH:
            break
    return deepest


_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def events_of(value: Any) -> list[dict[str, Any]]:
    """A list of objects, or a single one."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items[:MOST_EVENTS] if isinstance(item, dict)]


def dig(value: Any, *path: str | int) -> Any:
    """What lies below a path; None where there is none."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def text(value: Any, *path: str | int) -> str:
    """A text or a number below a path as text; empty for anything else."""
    found = dig(value, *path)
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return ""
    return str(found).replace("\0", "").encode("utf-8", "replace").decode()[:MOST_VALUE].strip()


def address(value: Any, *path: str | int) -> str:
    """An address below a path; empty where what stands there is none."""
    found = text(value, *path)
    bare = found.rpartition("<")[2].rstrip("> ")
    return bare[:MOST_ADDRESS] if "@" in bare else ""


def moment(value: str) -> datetime | None:
    """A moment in ISO 8601 or in seconds since 1970; None for anything else."""
    try:
        number = float(value)
        return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def check_time(value: str, *, now: datetime, window: timedelta = WINDOW) -> None:
    """ForgedError for a time that is none, or too far from now."""
    found = moment(value)
    if found is None:
        raise ForgedError("the time cannot be read")
    if abs(now - found) > window:
        raise ForgedError("the time is too long ago")


# Pieces of an event


def bounce(
    recipient: str,
    reply_class: ReplyClass | None,
    *,
    reason: str = "",
    status: str = "",
    proofs: Iterable[str] = (),
    event_id: str = "",
    at: str = "",
) -> Evidence:
    """A bounce. `reply_class` is what the provider calls it; None: as the words of the other side say. Where it says
    hard, and those words clearly speak of something else, they are heard.
    """
    said = verdict.judge(status, reason)
    found = reply_class
    if found is None or (found is ReplyClass.HARD and reason and said.reply_class in _NOT_THE_ADDRESS):
        found = said.reply_class
    return Evidence(
        Kind.BOUNCE,
        recipient,
        found,
        (status or said.status)[:20],
        reason[:MAX_REASON],
        tuple(filter(None, proofs)),
        event_id,
        moment(at) if at else None,
    )


def told(
    kind: Kind, recipient: str, *, reason: str = "", proofs: Iterable[str] = (), event_id: str = "", at: str = ""
) -> Evidence:
    """Anything that is no bounce."""
    return Evidence(
        kind,
        recipient,
        reason=reason[:MAX_REASON],
        proofs=tuple(filter(None, proofs)),
        event_id=event_id,
        occurred_at=moment(at) if at else None,
    )


_NOT_THE_ADDRESS = frozenset({ReplyClass.CONTENT, ReplyClass.SENDER, ReplyClass.MESSAGE})
