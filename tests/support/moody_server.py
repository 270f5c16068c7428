"""An SMTP server that understands what it is told, does as it likes, and knows what it took.

No socket: `hear` takes bytes and returns replies. `choose` picks one of several moods for each command. It never
answers twice, and does not say 250 to what it throws away: what a server that lies has done, nobody can know.
"""

from collections.abc import Callable

FINE = "fine"
MOODS = (FINE,) * 12 + ("4yz", "5yz", "421", "hang up", "garbage", "many lines", "other 2yz")


class MoodyServer:
    """`taken` has the messages that it took, by recipient; `over` says that it has closed the connection."""

    def __init__(self, choose: Callable[[tuple[str, ...]], str]) -> None:
        self.taken: dict[str, tuple[str, bytes]] = {}
        self.over = False
        self._choose = choose
        self._buffer = b""
        self._sender = self._recipient = ""
        self._expects: int | None = None  # bytes of a chunk; 0 is a message up to its dot

    def hear(self, data: bytes) -> bytes:
        """What it answers to these bytes."""
        self._buffer += data
        said = b""
        while not self.over and (heard := self._next()) is not None:
            said += self._message(heard) if self._expects is not None else self._command(heard.decode())
        return said

    def _next(self) -> bytes | None:
        """The next command line, or message, that has come completely."""
        if self._expects:
            end, skip = self._expects if len(self._buffer) >= self._expects else -1, 0
        elif self._expects == 0:
            end, skip = (b"\r\n" + self._buffer).find(b"\r\n.\r\n"), 3
        else:
            end, skip = self._buffer.find(b"\r\n"), 2
        if end < 0:
            return None
        found, self._buffer = self._buffer[:end], self._buffer[end + skip :]
        return found

    def _command(self, line: str) -> bytes:
        verb = line[:4]
        if verb == "RSET":
            self._sender = self._recipient = ""
            return self._say("250 2.0.0 reset")
        if verb == "MAIL":
            assert not self._sender, "MAIL within a transaction"
            return self._say("250 2.1.0 ok", lambda: self._begin(_path(line)))
        if verb == "RCPT":
            allowed = bool(self._sender)
            return self._say("250 2.1.5 ok" if allowed else "503 5.5.1 no", lambda: self._name(_path(line), allowed))
        if verb == "BDAT":
            self._expects = int(line.split()[1])
            return b""
        assert line == "DATA", line
        if not self._recipient:
            return self._say("503 5.5.1 no recipients") if self._choose(("503", "354")) == "503" else self._open()
        return self._say("354 go on", self._open)

    def _begin(self, sender: str) -> None:
        self._sender = sender

    def _name(self, recipient: str, allowed: bool) -> None:
        self._recipient = recipient if allowed else ""

    def _open(self) -> bytes:
        self._expects = 0
        return b"354 go on\r\n"

    def _message(self, data: bytes) -> bytes:
        dotted, self._expects = self._expects == 0, None
        sender, recipient = self._sender, self._recipient
        self._sender = self._recipient = ""
        if not recipient:
            self._sender = "" if dotted else sender  # a chunk that failed leaves the transaction open until RSET
            return self._say("554 5.5.1 no recipients")
        message = data.replace(b"\r\n..", b"\r\n.").removeprefix(b".") if dotted else data

        def take() -> None:
            assert recipient not in self.taken, "taken twice"
            self.taken[recipient] = (sender, message)

        if self._choose((*("answer",) * 9, "take and hang up")) == "answer":
            return self._say("250 2.0.0 taken", take)
        take()
        self.over = True
        return b""

    def _say(self, reply: str, then: Callable[[], object] = lambda: None) -> bytes:
        mood = self._choose(MOODS) if reply[0] in "23" else FINE
        if mood in (FINE, "many lines", "other 2yz"):
            then()
        if mood == FINE:
            return f"{reply}\r\n".encode()
        if mood == "many lines":
            return f"{reply[:3]}-listen\r\n{reply}\n".encode()
        if mood == "other 2yz":
            return f"{reply[0]}{reply[1:3]}\r\n".encode() if reply[0] == "3" else b"299 ok\r\n"
        self.over = mood in ("421", "hang up")
        replies = {"4yz": "451 4.3.0 later", "5yz": "550 5.7.1 no", "421": "421 4.3.2 closing", "garbage": "what?"}
        return f"{replies[mood]}\r\n".encode() if mood in replies else b""


def _path(line: str) -> str:
    return line[line.index("<") + 1 : line.index(">")]
