"""An SMTP client (RFC 5321) that always knows whether a message may have been taken.

The standard library's client cannot tell a connection lost before the message from one lost after its end, waits for
ever on a reply that never ends, verifies no certificate by itself, and lets a lone LF in a body through. All four
decide who gets a mail twice, or not at all.

`SmtpConnection` blocks and does one thing after the other: one transaction, one recipient. Its steps, `write` and
`read`, are there for an engine that keeps several transactions on the way.
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

from newsletter.mail.commands import Envelope, Extensions, dot_stuffed, mail_and_rcpt, parse_extensions
from newsletter.mail.message import check_lines
from newsletter.mail.replies import Phase, Reply
from newsletter.mail.wire import ConnectionLost, Desync, Refused, Timeouts, TlsFailed, Wire, open_wire

LOGIN_METHODS = ("PLAIN", "LOGIN", "CRAM-MD5")

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
        self._wire = wire
        self._timeouts = timeouts
        self._deadline = time.monotonic() + timeouts.transaction
        self._needs_reset = False

    @classmethod
    def open(
        cls,
        host: str,
        port: int,
        *,
        security: Security,
        user: str = "",
        password: str = "",
        helo: str = "",
        timeouts: Timeouts | None = None,
        context: ssl.SSLContext | None = None,
    ) -> "SmtpConnection":
        """Connect, greet, protect and log in. `helo` is our own host name; empty is the address the connection comes
        from.

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
                connection._log_in(user, password)
        except BaseException:
            wire.close()
            raise
        connection.phase = Phase.IDLE
        return connection

    @property
    def closed(self) -> bool:
        """Whether the connection can take no more messages."""
        return self._wire.closed

    def send(self, envelope: Envelope, message: bytes) -> Reply:
        """Hand over one message; the reply to its final dot, a 2yz.

        `envelope` has its addresses in written form. Raises Refused (the connection stays open unless the reply was a
        421) or ConnectionLost; only its `ambiguous` says that the message may have been taken. Raises ValueError for a
        message that must not leave, before a byte of it does.
        """
        check_lines(message)
        mail, rcpt = mail_and_rcpt(envelope, message, self.extensions)
        self._deadline = time.monotonic() + self._timeouts.transaction
        self._make_ready()
        self._needs_reset = True
        if "PIPELINING" in self.extensions.names:
            self._open_transaction_at_once(mail, rcpt)
        else:
            self._open_transaction_stepwise(mail, rcpt)
        reply = self._send_body(dot_stuffed(message))
        self._needs_reset = False
        self.phase = Phase.IDLE
        return reply

    def noop(self) -> Reply:
        """Ask whether the server is still there. Raises like `send`."""
        self._deadline = time.monotonic() + self._timeouts.transaction
        self._make_ready()
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
        self._wire.close()

    def write(self, data: bytes, phase: Phase) -> None:
        """Send commands, and remember what the next reply will be about. Raises ConnectionLost."""
        self.phase = phase
        try:
            self._wire.send(data, phase, self._timeouts.command, self._deadline)
        except ConnectionLost:
            self._wire.close()
            raise

    def read(self, phase: Phase, timeout: float = 0) -> Reply:
        """The next reply, which is about `phase`; after a 421 the connection is closed. Raises ConnectionLost."""
        self.phase = phase
        reply = self._wire.read_reply(phase, timeout or self._timeouts.command, self._deadline)
        if reply.code == 421:
            self._wire.close()
        return reply

    def _greet(self) -> None:
        self._expect(2, self.read(Phase.GREETING, self._timeouts.greeting))

    def _hello(self, helo: str) -> None:
        """EHLO, or HELO for a server that does not know it; what an earlier EHLO announced is forgotten."""
        local = self._wire.local_host
        name = helo or (f"[IPv6:{local}]" if ":" in local else f"[{local}]")
        if not _HELO_NAME.fullmatch(name):
            raise ValueError(f"not a host name: {helo!r}")
        self.write(f"EHLO {name}\r\n".encode("ascii"), Phase.EHLO)
        code, lines = self._wire.read_lines(Phase.EHLO, self._timeouts.command, self._deadline)
        self.extensions = parse_extensions(lines) if code // 100 == 2 else Extensions()
        if code // 100 == 5:
            self.write(f"HELO {name}\r\n".encode("ascii"), Phase.EHLO)
            self._expect(2, self.read(Phase.EHLO))
        else:
            self._expect(2, Reply(code, "", " ".join(lines)))

    def _start_tls(self, context: ssl.SSLContext | None, host: str) -> None:
        if "STARTTLS" not in self.extensions.names:
            raise TlsFailed(Phase.STARTTLS, "the server does not offer STARTTLS, and nothing is sent in the clear")
        self.write(b"STARTTLS\r\n", Phase.STARTTLS)
        self._expect(2, self.read(Phase.STARTTLS))
        self._encrypt(context, host)

    def _encrypt(self, context: ssl.SSLContext | None, host: str) -> None:
        self.phase = Phase.STARTTLS
        self._wire.start_tls(context or ssl.create_default_context(), host, self._timeouts.connect)
        self.extensions = Extensions()
        self.encrypted = True

    def _is_local(self) -> bool:
        return ip_address(self._wire.peer_host.partition("%")[0]).is_loopback

    def _log_in(self, user: str, password: str) -> None:
        method = next((method for method in LOGIN_METHODS if method in self.extensions.auth), "")
        if not method:
            raise Refused(Phase.AUTH, Reply(530, "5.7.0", "the server offers no way to log in that we know"))
        if method == "PLAIN":
            self._say("AUTH PLAIN " + _base64("\0".join(("", user, password))), 2)
        elif method == "LOGIN":
            self._say("AUTH LOGIN", 3)
            self._say(_base64(user), 3)
            self._say(_base64(password), 2)
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

    def _make_ready(self) -> None:
        """Bring the connection to where a transaction may begin; what the server said unasked is that it wants to
        close.
        """
        self.phase = Phase.IDLE
        if self.closed:
            raise ConnectionLost(Phase.IDLE, "the connection has been closed")
        if self._wire.readable():
            reply = self.read(Phase.IDLE)
            self.close()
            raise Refused(Phase.IDLE, reply) if reply.digit in (4, 5) else Desync(Phase.IDLE, f"unasked: {reply}")
        if self._needs_reset:
            self.write(b"RSET\r\n", Phase.IDLE)
            reply = self.read(Phase.IDLE)
            if reply.digit != 2:
                self.close()
                raise Refused(Phase.IDLE, reply)
            self._needs_reset = False

    def _open_transaction_stepwise(self, mail: bytes, rcpt: bytes) -> None:
        for command, phase, digit in ((mail, Phase.MAIL, 2), (rcpt, Phase.RCPT, 2), (b"DATA\r\n", Phase.DATA, 3)):
            self.write(command, phase)
            self._expect(digit, self.read(phase, self._timeouts.data if phase is Phase.DATA else 0))

    def _open_transaction_at_once(self, mail: bytes, rcpt: bytes) -> None:
        """MAIL, RCPT and DATA in one write, and their replies in order (RFC 2920)."""
        self.write(mail + rcpt + b"DATA\r\n", Phase.MAIL)
        for phase, rest in ((Phase.MAIL, 2), (Phase.RCPT, 1)):
            reply = self.read(phase)
            if reply.digit != 2:
                if not self.closed:
                    self._drain(rest)
                self._expect(2, reply)
        self._expect(3, self.read(Phase.DATA, self._timeouts.data))

    def _drain(self, count: int) -> None:
        """Read the replies to commands that went out behind one that was refused; the refusal stands whatever they are.

        A server that goes on to expect a message although nobody is to get it receives an empty one, and its answer
        means nothing.
        """
        phase = self.phase
        with contextlib.suppress(ConnectionLost):
            reply = Reply(0)
            for _ in range(count):
                if not self.closed:
                    reply = self.read(phase, self._timeouts.drain)
            if reply.digit == 3 and not self.closed:
                self.write(b".\r\n", phase)
                self.read(phase, self._timeouts.drain)

    def _send_body(self, data: bytes) -> Reply:
        """Send the message with its final dot, and wait for the answer.

        Only when the kernel has taken the very last byte can the server have the whole message; until then every loss
        is harmless.
        """
        self.phase = Phase.BODY
        try:
            self._wire.send(data, Phase.BODY, self._timeouts.block, self._deadline)
        except ConnectionLost as lost:
            raise self._early_reply() or lost from None
        self._deadline = time.monotonic() + self._timeouts.dot
        return self._expect(2, self.read(Phase.DOT, self._timeouts.dot))

    def _early_reply(self) -> Refused | None:
        """A refusal that the server gave in the middle of the message before it hung up; the connection is closed."""
        reply = None
        with contextlib.suppress(ConnectionLost, OSError, ValueError):
            if self._wire.readable():
                reply = self.read(Phase.BODY, self._timeouts.quit)
        self.close()
        return Refused(Phase.BODY, reply) if reply and reply.digit in (4, 5) else None

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
