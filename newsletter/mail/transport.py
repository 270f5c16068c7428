"""Handing messages to the next hop: where it is, and what became of each message."""

import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from newsletter.core.errors import RefusedError
from newsletter.mail.addrspec import wire_form
from newsletter.mail.commands import Envelope
from newsletter.mail.replies import BEFORE_MESSAGE, Phase, Reply, ReplyClass, classify
from newsletter.mail.smtp import Security, SmtpConnection
from newsletter.mail.wire import ConnectionLost, Desync, Refused, SmtpError, Timeouts, TlsFailed

__all__ = ["Envelope", "Outcome", "OutcomeKind", "Relay", "Timeouts", "Transport"]

_SCHEMES = {"smtp": (Security.NONE, 25), "smtps": (Security.TLS, 465), "smtp+starttls": (Security.STARTTLS, 587)}

# A refusal of these kinds is about the way out or about us, so the message waits until that is mended, even after a
# 5yz.
_NOT_ABOUT_THE_MESSAGE = frozenset(
    {ReplyClass.TEMPORARY, ReplyClass.LANE, ReplyClass.TRANSACTION, ReplyClass.OURS, ReplyClass.DESYNC}
)


@dataclass(frozen=True, slots=True)
class Relay:
    """The next hop: host, port, protection, and the account there."""

    host: str
    port: int = 25
    security: Security = Security.NONE
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> "Relay":
        """Read `smtp://user:password@host:port`, `smtps://...` or `smtp+starttls://...`; user and password are
        percent-decoded.

        Raises RefusedError with a sentence that does not repeat the password.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise RefusedError("The address of the relay cannot be read; is its port a number?") from error
        if parts.scheme not in _SCHEMES:
            raise RefusedError("The address of the relay must begin with smtp://, smtps:// or smtp+starttls://.")
        if not host or not url.isprintable():
            raise RefusedError("The address of the relay names no host.")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise RefusedError(
                "The address of the relay ends after the port; write / ? # in a password as %2F %3F %23."
            )
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if "\0" in user + password or (password and not user):
            raise RefusedError("The user of the relay cannot be read.")
        security, default_port = _SCHEMES[parts.scheme]
        return cls(host, port or default_port, security, user, password)

    def __str__(self) -> str:
        """The address without the password."""
        scheme = next(scheme for scheme, (security, _) in _SCHEMES.items() if security is self.security)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{quote(self.user) + '@' if self.user else ''}{host}:{self.port}"


class OutcomeKind(StrEnum):
    """What became of a message."""

    SENT = "sent"
    """The next hop took it."""
    DEFERRED = "deferred"
    """It was not taken, surely; send it again later."""
    REJECTED = "rejected"
    """It will never be taken."""
    AMBIGUOUS = "ambiguous"
    """The connection died between the final dot and its reply: it may have been taken."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message, with the server's reply where there was one, and what it calls for (`reply_class`).

    `detail` is one line for people; `phase` is where it was decided.
    """

    kind: OutcomeKind
    reply: Reply | None
    phase: Phase
    reply_class: ReplyClass
    detail: str


class Transport:
    """One connection to a relay, opened when a message needs it and kept for the next ones.

    A context manager; leaving it says goodbye to the server. Not for several threads at once.
    """

    def __init__(
        self,
        relay: Relay,
        *,
        helo: str = "",
        timeouts: Timeouts | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.relay = relay
        self._helo = helo
        self._timeouts = timeouts or Timeouts()
        self._context = context
        self._connection: SmtpConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        """Hand over one message and say what became of it.

        Never raises for what the network or the server does. A connection that turns out to have been closed while it
        was idle is opened again, once, and nothing is held against the message. Raises ValueError for defects of ours:
        a sender that cannot be written, or a message with a lone CR or LF.
        """
        sender = wire_form(envelope.sender) if envelope.sender else ""
        try:
            written = Envelope(sender, wire_form(envelope.recipient), envelope.envelope_id)
        except ValueError as error:
            return _outcome(Refused(Phase.RCPT, Reply(553, "5.1.3", str(error))))
        reused = self._connection is not None
        try:
            return self._attempt(written, message)
        except SmtpError as error:
            if not (reused and _was_stale(error)):
                return _outcome(error)
        try:
            return self._attempt(written, message)
        except SmtpError as error:
            return _outcome(error)

    def check(self) -> str:
        """Whether the relay takes our connection, login included: empty, or why it does not, in one line for people."""
        try:
            self._connected().noop()
        except SmtpError as error:
            self._forget_closed()
            return str(error)
        return ""

    def close(self) -> None:
        """Say goodbye. The next message opens a new connection."""
        if self._connection is not None:
            self._connection.quit()
            self._connection = None

    def _attempt(self, envelope: Envelope, message: bytes) -> Outcome:
        try:
            reply = self._connected().send(envelope, message)
        except SmtpError:
            self._forget_closed()
            raise
        except BaseException:
            # A worker's time limit may strike between any two bytes; what the server waits for then, nobody knows.
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            raise
        return Outcome(OutcomeKind.SENT, reply, Phase.DOT, ReplyClass.ACCEPTED, str(reply))

    def _connected(self) -> SmtpConnection:
        if self._connection is None:
            relay = self.relay
            self._connection = SmtpConnection.open(
                relay.host,
                relay.port,
                security=relay.security,
                user=relay.user,
                password=relay.password,
                helo=self._helo,
                timeouts=self._timeouts,
                context=self._context,
            )
        return self._connection

    def _forget_closed(self) -> None:
        if self._connection is not None and self._connection.closed:
            self._connection = None


def _was_stale(error: SmtpError) -> bool:
    """Whether a connection that had been in use before was closed behind our back, before this message began."""
    closing = isinstance(error, ConnectionLost) or (isinstance(error, Refused) and error.reply.code == 421)
    return closing and error.phase in (Phase.IDLE, Phase.MAIL)


def _outcome(error: SmtpError) -> Outcome:
    if isinstance(error, Refused):
        reply_class = classify(error.reply, error.phase)
        kind = _kind(error.reply, reply_class, error.phase)
        return Outcome(kind, error.reply, error.phase, reply_class, str(error))
    if isinstance(error, ConnectionLost) and error.ambiguous:
        return Outcome(OutcomeKind.AMBIGUOUS, None, error.phase, ReplyClass.TEMPORARY, str(error))
    if isinstance(error, TlsFailed):
        reply_class = ReplyClass.SENDER
    elif isinstance(error, Desync):
        reply_class = ReplyClass.DESYNC
    else:
        reply_class = ReplyClass.LANE if error.phase in BEFORE_MESSAGE else ReplyClass.TEMPORARY
    return Outcome(OutcomeKind.DEFERRED, None, error.phase, reply_class, str(error))


def _kind(reply: Reply, reply_class: ReplyClass, phase: Phase) -> OutcomeKind:
    """Rejected only by a 5yz about this message or its recipient; a refusal of our own self can be mended and waits."""
    about_us = reply_class is ReplyClass.SENDER and (phase in BEFORE_MESSAGE or phase is Phase.MAIL)
    if reply.digit != 5 or about_us or reply.code in (530, 535) or reply_class in _NOT_ABOUT_THE_MESSAGE:
        return OutcomeKind.DEFERRED
    return OutcomeKind.REJECTED
