"""An SMTP client (RFC 5321) that always knows whether a message may have been taken.

The standard library's client cannot tell a connection lost before the message from one lost after its end, waits for
ever on a reply that never ends, verifies no certificate by itself, and lets a lone LF in a body through. All four
decide who gets a mail twice, or not at all.

`SmtpConnection` opens the connection, protects it and logs in, and then carries what `session` says, one message
after the other. An engine that keeps many connections busy takes an open one over, by its `wire` and `extensions`.
"""

import base64
import binascii
import contextlib
import hmac
import re
import ssl
import time
from enum import StrEnum
from ipaddress import ip_address

from newsletter.mail.commands import Envelope, Extensions, parse_extensions
from newsletter.mail.message import check_lines
from newsletter.mail.outcomes import Outcome
from newsletter.mail.replies import Phase, Reply
from newsletter.mail.session import Parcel, Session
from newsletter.mail.wire import CHUNK, ConnectionLost, Desync, Refused, Timeouts, TlsFailed, Wire, open_wire

LOGIN_METHODS = ("PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2")

_HELO_NAME = re.compile(r"[A-Za-z0-9._-]{1,255}|\[[A-Za-z0-9.:]{1,64}\]")


class Security(StrEnum):
    """How a connection is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class SmtpConnection:
    """A connection to one server, ready for messages once `open` has returned it."""

    def __init__(self, wire: Wire, timeouts: Timeouts) -> None:
        self.phase = Phase.GREETING
        self.extensions = Extensions()
        self.encrypted = False
        self.round_trip = 0.0
        self.wire = wire
        self._timeouts = timeouts
        self._deadline = time.monotonic() + timeouts.transaction
        self._session: Session | None = None
        self._waiting: Parcel | None = None

    @classmethod
    def open(
        cls,
        host: str,
        port: int,
        *,
        security: Security,
        user: str = "",
        password: str = "",
        auth: str = "",
        helo: str = "",
        timeouts: Timeouts | None = None,
        context: ssl.SSLContext | None = None,
    ) -> "SmtpConnection":
        """Connect, greet, protect and log in. `helo` is our own host name; empty is the address the connection comes
        from. `auth` names the one method to log in by; empty is the first we know of those that the server offers.

        A password goes only through TLS or to this machine itself: to another one STARTTLS is required even when
        `security` does not ask for it. Raises ConnectionLost (TlsFailed without a verified certificate) or Refused;
        the connection is closed then.
        """
        timeouts = timeouts or Timeouts()
        wire = open_wire(host, port, timeouts.connect)
        try:
            connection = cls(wire, timeouts)
            if security is Security.TLS:
                connection._encrypt(context, host)
            connection._greet()
            connection._hello(helo)
            if security is Security.STARTTLS or (user and not (connection.encrypted or connection._is_local())):
                connection._start_tls(context, host)
                connection._hello(helo)
            if user:
                connection._log_in(user, password, auth.upper())
        except BaseException:
            wire.close()
            raise
        connection.phase = Phase.IDLE
        return connection

    @property
    def closed(self) -> bool:
        """Whether the connection can take no more messages."""
        return self.wire.closed

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        """Hand over one message and say what became of it; the connection is then closed, or fit for the next one.

        `envelope` has its addresses in written form. Raises ConnectionLost when the connection turns out to be gone
        although it had worked: nothing is known about the message, and nothing was done with it. Raises ValueError for
        a message that must not leave, before a byte of it does.
        """
        check_lines(message)
        session = self._ready_session()
        self._waiting = Parcel(None, envelope, message)
        session.begin(time.monotonic())
        while session.busy and not session.closed:
            self._carry(session)
        self._waiting = None
        if session.closed:
            self.close()
        if not session.ended:
            raise ConnectionLost(Phase.IDLE, session.closed)
        return session.ended.pop()[1]

    def noop(self) -> Reply:
        """Ask whether the server is still there. Raises like `send`."""
        self._deadline = time.monotonic() + self._timeouts.transaction
        if self._ready_session().closed:
            self.close()
            raise ConnectionLost(Phase.IDLE, "the connection has been closed")
        self.write(b"NOOP\r\n", Phase.IDLE)
        return self._expect(2, self.read(Phase.IDLE))

    def quit(self) -> None:
        """Say goodbye and close, without waiting long for the answer."""
        if not self.closed:
            with contextlib.suppress(ConnectionLost):
                self._deadline = time.monotonic() + self._timeouts.quit
                self.write(b"QUIT\r\n", self.phase)
                self.read(self.phase)
        self.close()

    def close(self) -> None:
        """Close without a word."""
        self.wire.close()

    def write(self, data: bytes, phase: Phase) -> None:
        """Send commands, and remember what the next reply will be about. Raises ConnectionLost."""
        self.phase = phase
        try:
            self.wire.send(data, phase, self._end(self._timeouts.command))
        except ConnectionLost:
            self.wire.close()
            raise

    def read(self, phase: Phase, timeout: float = 0) -> Reply:
        """The next reply, which is about `phase`; after a 421 the connection is closed. Raises ConnectionLost."""
        self.phase = phase
        reply = self.wire.read_reply(phase, self._end(timeout or self._timeouts.command))
        if reply.code == 421:
            self.wire.close()
        return reply

    def _greet(self) -> None:
        self._expect(2, self.read(Phase.GREETING, self._timeouts.greeting))

    def _hello(self, helo: str) -> None:
        """EHLO, or HELO for a server that does not know it; what an earlier EHLO announced is forgotten."""
        local = self.wire.local_host
        name = helo or (f"[IPv6:{local}]" if ":" in local else f"[{local}]")
        if not _HELO_NAME.fullmatch(name):
            raise ValueError(f"not a host name: {helo!r}")
        self.write(f"EHLO {name}\r\n".encode("ascii"), Phase.EHLO)
        asked = time.monotonic()
        reply = self.wire.read_raw(Phase.EHLO, self._end(self._timeouts.command))
        self.round_trip = time.monotonic() - asked
        self.extensions = parse_extensions(reply.lines()) if reply.code // 100 == 2 else Extensions()
        if reply.code // 100 == 5:
            self.write(f"HELO {name}\r\n".encode("ascii"), Phase.EHLO)
            self._expect(2, self.read(Phase.EHLO))
        else:
            self._expect(2, reply.parse())

    def _start_tls(self, context: ssl.SSLContext | None, host: str) -> None:
        if "STARTTLS" not in self.extensions.names:
            raise TlsFailed(Phase.STARTTLS, "the server does not offer STARTTLS, and nothing is sent in the clear")
        self.write(b"STARTTLS\r\n", Phase.STARTTLS)
        self._expect(2, self.read(Phase.STARTTLS))
        self._encrypt(context, host)

    def _encrypt(self, context: ssl.SSLContext | None, host: str) -> None:
        self.phase = Phase.STARTTLS
        self.wire.start_tls(context or ssl.create_default_context(), host, self._timeouts.connect)
        self.extensions = Extensions()
        self.encrypted = True

    def _is_local(self) -> bool:
        return ip_address(self.wire.peer_host.partition("%")[0]).is_loopback

    def _log_in(self, user: str, password: str, auth: str) -> None:
        methods = (auth,) if auth else LOGIN_METHODS
        method = next((method for method in methods if method in self.extensions.auth), "")
        if not method:
            raise Refused(Phase.AUTH, Reply(530, "5.7.0", "the server offers no way to log in that we know"))
        if method == "PLAIN":
            self._say("AUTH PLAIN " + _base64("\0".join(("", user, password))), 2)
        elif method == "LOGIN":
            self._say("AUTH LOGIN", 3)
            self._say(_base64(user), 3)
            self._say(_base64(password), 2)
        elif method == "XOAUTH2":
            self._present_token(user, password)
        else:
            challenge = self._say("AUTH CRAM-MD5", 3).text
            try:
                digest = hmac.digest(password.encode(), base64.b64decode(challenge), "md5").hex()
            except binascii.Error:
                raise Desync(Phase.AUTH, "a challenge that is no base64") from None
            self._say(_base64(f"{user} {digest}"), 2)

    def _say(self, line: str, digit: int) -> Reply:
        self.write(line.encode("ascii") + b"\r\n", Phase.AUTH)
        return self._expect(digit, self.read(Phase.AUTH))

    def _present_token(self, user: str, token: str) -> None:
        """XOAUTH2, as Google and Microsoft describe it. Why a token is refused comes as a challenge, and the refusal
        itself only after an empty answer to that (as in RFC 7628 section 3.2.3).
        """
        credentials = _base64(f"user={user}\x01auth=Bearer {token}\x01\x01")
        self.write(f"AUTH XOAUTH2 {credentials}\r\n".encode("ascii"), Phase.AUTH)
        reply = self.read(Phase.AUTH)
        if reply.digit == 3:
            self.write(b"\r\n", Phase.AUTH)
            reply = self.read(Phase.AUTH)
        self._expect(2, reply)

    def _ready_session(self) -> Session:
        """The conversation, closed when the server has spoken unasked or hung up meanwhile."""
        if self._session is None:
            self._session = Session(self.extensions, self._timeouts, self._supply, round_trip=self.round_trip)
        if self.closed or self.wire.unread:
            self._session.lose("the connection has been closed" if self.closed else "the server spoke unasked")
        elif (data := self.wire.received()) is not None:
            self._hear(self._session, data)
        return self._session

    def _supply(self) -> Parcel | None:
        parcel, self._waiting = self._waiting, None
        return parcel

    def _carry(self, session: Session) -> None:
        """Hand over what is to be sent, or wait for what is awaited."""
        try:
            if not session.out:
                session.feed(self.wire.receive(Phase.IDLE, session.deadline), time.monotonic())
                return
            block = session.out.block(CHUNK)
            session.out.about_to_send(len(block))
            session.took(self.wire.send_block(block, Phase.IDLE, session.deadline), time.monotonic())
        except ConnectionLost as lost:
            if session.out and (data := self.wire.received()):
                self._hear(session, data)  # a refusal in the middle of the message, before the server hung up
            session.lose(lost.detail)

    def _hear(self, session: Session, data: bytes) -> None:
        if data:
            session.feed(data, time.monotonic())
        else:
            session.lose("the server closed the connection")

    def _end(self, timeout: float) -> float:
        return min(time.monotonic() + timeout, self._deadline)

    def _expect(self, digit: int, reply: Reply) -> Reply:
        """The reply when it begins with the digit; raises Refused for 4yz and 5yz, Desync for anything else."""
        if reply.digit == digit:
            return reply
        phase = self.phase
        if reply.code == 421 or reply.digit not in (4, 5):
            self.close()
        if reply.digit not in (4, 5):
            raise Desync(phase, f"unexpected: {reply}")
        if not self.closed and phase is not Phase.AUTH:
            self.phase = Phase.IDLE
        raise Refused(phase, reply)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
