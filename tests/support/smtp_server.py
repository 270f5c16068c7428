"""SMTP servers on loopback: one that plays a script, and a sink that takes everything and remembers it.

def greets_late(server: Conversation) -> None:
    server.say("220 hello")
    server.hear("EHLO")
    ...

with ScriptedServer(greets_late) as server: ...          # the n-th connection plays the n-th script, later ones the
last with SmtpSink() as sink: ... sink.wait_for(3); sink.received[0].recipient
"""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

CHUNK = 65536
STANDARD_EXTENSIONS = ("PIPELINING", "SIZE 20000000", "8BITMIME", "ENHANCEDSTATUSCODES")


class HungUp(Exception):
    """The client closed the connection."""


class Conversation:
    """One connection as a script sees it. `lines` are all commands heard; `raw` is every byte heard."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._buffer = b""
        self.lines: list[str] = []
        self.raw = b""

    def say(self, *lines: str, end: str = "\r\n") -> None:
        self.say_bytes("".join(line + end for line in lines).encode())

    def say_bytes(self, data: bytes) -> None:
        self._socket.sendall(data)

    def drip(self, text: str, pause: float = 0.001) -> None:
        """Say it one byte in a packet."""
        for byte in text.encode():
            self._socket.sendall(bytes((byte,)))
            time.sleep(pause)

    def hear(self, verb: str = "") -> str:
        """The next command line; fails when it does not begin with `verb`."""
        while b"\n" not in self._buffer:
            self._receive()
        line, _, self._buffer = self._buffer.partition(b"\n")
        text = line.removesuffix(b"\r").decode("utf-8", "replace")
        self.lines.append(text)
        assert text.upper().startswith(verb), f"expected {verb}, heard {text!r}"
        return text

    def hear_message(self) -> bytes:
        """Everything up to the final dot, with the dots that were added taken off."""
        data = b"\r\n" + self._buffer  # as if the line end of DATA stood here: an empty message is only a dot, too
        self._buffer = b""
        searched = 0
        while (end := data.find(b"\r\n.\r\n", searched)) < 0:
            searched = max(0, len(data) - 4)
            self._receive()
            data, self._buffer = data + self._buffer, b""
        self._buffer = data[end + 5 :]
        return (data[:end].replace(b"\r\n.", b"\r\n") + b"\r\n")[2:]

    def hear_bytes(self, count: int) -> bytes:
        """That many bytes, whatever they are."""
        while len(self._buffer) < count:
            self._receive()
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def start_tls(self, context: ssl.SSLContext) -> None:
        self._socket = context.wrap_socket(self._socket, server_side=True)

    def close(self) -> None:
        """An orderly end (FIN)."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def hear_some(self) -> bytes:
        """Whatever has come, at least a byte."""
        if not self._buffer:
            self._receive()
        data, self._buffer = self._buffer, b""
        return data

    def close_half(self) -> None:
        """Say nothing more, and go on listening until the client hangs up."""
        self._socket.shutdown(socket.SHUT_WR)
        self.stall()

    def reset(self) -> None:
        """A rude end (RST)."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def stall(self, seconds: float = 5) -> None:
        """Say nothing until the client hangs up."""
        self._socket.settimeout(seconds)
        with contextlib.suppress(OSError, HungUp):
            while True:
                self._receive()

    def greet(self, *extensions: str) -> None:
        """Greeting and EHLO."""
        self.say("220 server.example ESMTP")
        self.hear("EHLO")
        names = ["server.example", *extensions]
        self.say(*(f"250{' ' if name is names[-1] else '-'}{name}" for name in names))

    def hear_envelope(self, *replies: str) -> None:
        """MAIL, RCPT and DATA from a client that pipelines, answered at once: with these replies, or all taken."""
        for verb in ("MAIL", "RCPT", "DATA"):
            self.hear(verb)
        self.say(*(replies or ("250 ok", "250 ok", "354 go on")))

    def take(self, final: str = "250 2.0.0 taken") -> bytes:
        """One whole transaction, command by command; answers the dot with `final`."""
        for verb in ("MAIL", "RCPT"):
            self.hear(verb)
            self.say("250 2.1.0 ok")
        self.hear("DATA")
        self.say("354 go on")
        message = self.hear_message()
        if final:
            self.say(final)
        return message

    def leave(self) -> None:
        """Wait for QUIT, or for the client to hang up."""
        self.hear("QUIT")
        self.say("221 bye")

    def _receive(self) -> None:
        data = self._socket.recv(CHUNK)
        if not data:
            raise HungUp
        self.raw += data
        self._buffer += data


Script = Callable[[Conversation], None]


class ScriptedServer:
    """Plays scripts on a port of 127.0.0.1, each connection in a thread; a failed assertion in a script fails the
    test.
    """

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.conversations: list[Conversation] = []
        self.errors: list[BaseException] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()[:2]
        self._stopping = False
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"smtp://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self.stop()
        if error is None and self.errors:
            raise self.errors[0]

    def stop(self) -> None:
        self._stopping = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for conversation in list(self.conversations):
            conversation.close()
        for thread in list(self._threads):
            thread.join(5)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            script = self.scripts[min(len(self.conversations), len(self.scripts) - 1)]
            conversation = Conversation(sock)
            self.conversations.append(conversation)
            self._start(self._play, script, conversation)

    def _play(self, script: Script, conversation: Conversation) -> None:
        try:
            script(conversation)
        except (HungUp, OSError):
            pass
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            self.errors.append(error)
        finally:
            conversation.close()


@dataclass(frozen=True)
class Received:
    """A message that the sink took, byte by byte as it was before dots were added."""

    sender: str
    recipient: str
    data: bytes


class SmtpSink(ScriptedServer):
    """Takes everything and remembers it in `received`. Every attribute may be changed while it runs.

    refuse: replies by recipient, given to RCPT (`{"a@x.example": "550 5.1.1 no such user"}`).
    refuse_once: the same, each used for one attempt only.
    drop_after_dot, drop_before_dot: how many of the next messages end in a closed connection, after and before they
    were remembered or taken. down: connections are closed without a word.
    per_connection, most_connections: 421 to what goes beyond so many messages or connections; 0 is no limit.
    ehlo_takes: seconds. on_message: called with each message before it is answered.
    """

    def __init__(self, extensions: tuple[str, ...] = STANDARD_EXTENSIONS) -> None:
        super().__init__(self._serve)
        self.extensions = extensions
        self.refuse: dict[str, str] = {}
        self.refuse_once: dict[str, str] = {}
        self.drop_after_dot = 0
        self.drop_before_dot = 0
        self.down = False
        self.per_connection = 0
        self.most_connections = 0
        self.ehlo_takes = 0.0
        self.on_message: Callable[[Received], None] = lambda message: None
        self.now_connected = 0
        self.received: list[Received] = []
        self._changed = threading.Condition()

    @property
    def recipients(self) -> list[str]:
        return [message.recipient for message in self.received]

    def wait_for(self, count: int, timeout: float = 10) -> list[Received]:
        """The messages, as soon as there are `count`; fails when they do not come in time."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.received) >= count, timeout)
        assert arrived, f"{len(self.received)} messages came of {count}"
        return list(self.received)

    def _serve(self, client: Conversation) -> None:
        if self.down:
            return
        with self._changed:
            self.now_connected += 1
            too_many = 0 < self.most_connections < self.now_connected
        try:
            if too_many:
                client.say("421 4.7.0 too many connections")
            else:
                self._converse(client)
        finally:
            with self._changed:
                self.now_connected -= 1

    def _converse(self, client: Conversation) -> None:
        client.say("220 sink.example ESMTP")
        sender = recipient = ""
        taken = 0
        while True:
            line = client.hear()
            verb = line[:4].upper()
            if verb == "QUIT":
                client.say("221 2.0.0 bye")
                return
            if verb == "EHLO":
                time.sleep(self.ehlo_takes)
                names = ["sink.example", *self.extensions]
                client.say(*(f"250{' ' if name is names[-1] else '-'}{name}" for name in names))
            elif verb == "MAIL":
                if self.per_connection and taken >= self.per_connection:
                    client.say("421 4.7.0 enough for one connection")
                    return
                sender, recipient = _path(line), ""
                client.say("250 2.1.0 ok")
            elif verb == "RCPT":
                refusal = self.refuse.get(_path(line)) or self.refuse_once.pop(_path(line), "")
                recipient = "" if refusal else _path(line)
                client.say(refusal or "250 2.1.5 ok")
            elif verb == "BDAT" or (verb == "DATA" and recipient):
                taken += 1
                if not self._take(client, line, sender, recipient):
                    return
                recipient = ""
            else:
                client.say("503 5.5.1 not now" if verb == "DATA" else "250 2.0.0 ok")

    def _take(self, client: Conversation, line: str, sender: str, recipient: str) -> bool:
        verb, *size = line.split()
        if verb.upper() == "DATA":
            client.say("354 go on")
        if self.drop_before_dot > 0:
            self.drop_before_dot -= 1
            client.hear_bytes(1)
            client.reset()
            return False
        data = client.hear_bytes(int(size[0])) if size else client.hear_message()
        if not recipient:
            client.say("503 5.5.1 no recipients")
            return True
        message = Received(sender, recipient, data)
        self.on_message(message)
        with self._changed:
            self.received.append(message)
            self._changed.notify_all()
        if self.drop_after_dot > 0:
            self.drop_after_dot -= 1
            return False
        client.say("250 2.0.0 taken")
        return True


def _path(line: str) -> str:
    return line[line.index("<") + 1 : line.index(">")]
