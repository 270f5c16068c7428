"""Handing messages to the next hop: where it is, and what became of each message."""

import ssl
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from newsletter.core.errors import RefusedError
from newsletter.mail.addrspec import wire_form
from newsletter.mail.commands import Envelope
from newsletter.mail.outcomes import Outcome, OutcomeKind, failed
from newsletter.mail.replies import Phase, Reply
from newsletter.mail.smtp import Security, SmtpConnection
from newsletter.mail.wire import Refused, SmtpError, Timeouts

__all__ = ["Envelope", "Outcome", "OutcomeKind", "Relay", "Timeouts", "Transport"]

_SCHEMES = {"smtp": (Security.NONE, 25), "smtps": (Security.TLS, 465), "smtp+starttls": (Security.STARTTLS, 587)}


@dataclass(frozen=True, slots=True)
class Relay:
    """The next hop: host, port, protection, and the account there."""

    host: str
    port: int = 25
    security: Security = Security.NONE
    user: str = ""
    password: str = field(default="", repr=False)
    auth: str = ""

    @classmethod
    def parse(cls, url: str) -> "Relay":
        """Read `smtp://user:password@host:port`, `smtps://...` or `smtp+starttls://...`; user and password are
        percent-decoded.

        `?auth=xoauth2` behind it says that the password is an access token (OAuth 2.0) and must be used as one, which
        happens by itself where the server offers no other way to log in.

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
        if parts.path not in ("", "/") or parts.query not in ("", "auth=xoauth2") or parts.fragment:
            raise RefusedError(
                "The address of the relay ends after the port; write / ? # in a password as %2F %3F %23."
            )
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if "\0" in user + password or ((password or parts.query) and not user):
            raise RefusedError("The user of the relay cannot be read.")
        security, default_port = _SCHEMES[parts.scheme]
        return cls(host, port or default_port, security, user, password, parts.query.partition("=")[2])

    def __str__(self) -> str:
        """The address without the password."""
        scheme = next(scheme for scheme, (security, _) in _SCHEMES.items() if security is self.security)
        host = f"[{self.host}]" if ":" in self.host else self.host
        query = f"?auth={self.auth}" if self.auth else ""
        return f"{scheme}://{quote(self.user) + '@' if self.user else ''}{host}:{self.port}{query}"

    def connect(self, *, helo: str, timeouts: Timeouts, context: ssl.SSLContext | None) -> SmtpConnection:
        """An open connection, ready for messages. Raises SmtpError."""
        return SmtpConnection.open(
            self.host,
            self.port,
            security=self.security,
            user=self.user,
            password=self.password,
            auth=self.auth,
            helo=helo,
            timeouts=timeouts,
            context=context,
        )


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
            return failed(Refused(Phase.RCPT, Reply(553, "5.1.3", str(error))))
        reused = self._connection is not None
        try:
            return self._attempt(written, message)
        except SmtpError as error:
            if not reused:
                return failed(error)
        try:
            return self._attempt(written, message)
        except SmtpError as error:
            return failed(error)

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
        """Raises SmtpError when no connection could be had, or the one there was turned out to be closed."""
        connection = self._connected()
        try:
            return connection.send(envelope, message)
        except SmtpError:
            raise
        except BaseException:
            # A worker's time limit may strike between any two bytes; what the server waits for then, nobody knows.
            connection.close()
            raise
        finally:
            self._forget_closed()

    def _connected(self) -> SmtpConnection:
        if self._connection is None:
            self._connection = self.relay.connect(helo=self._helo, timeouts=self._timeouts, context=self._context)
        return self._connection

    def _forget_closed(self) -> None:
        if self._connection is not None and self._connection.closed:
            self._connection = None
