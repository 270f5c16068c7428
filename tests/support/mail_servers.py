"""An IMAP and a POP3 server on loopback, as far as reading a mailbox needs them; they break off where a test says."""

import re
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self


@dataclass
class Box:
    """A mailbox: messages by their number, and what clients said. `hang_up` sees each command line; True: the
    connection ends there, without an answer. `password` is the right one.
    """

    messages: dict[int, bytes] = field(default_factory=dict)
    validity: int = 1
    password: str = "secret"
    folder: str = "INBOX"
    said: list[str] = field(default_factory=list)
    hang_up: Callable[[str], bool] = lambda _line: False
    nonsense: bool = False
    silent: bool = False

    def add(self, *messages: bytes) -> None:
        for message in messages:
            self.messages[max(self.messages, default=0) + 1] = message


class _Server:
    """Serves a box over connections, one thread each."""

    greeting = ""

    def __init__(self, box: Box, *, tls: ssl.SSLContext | None = None) -> None:
        self.box = box
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rwb") as stream:
                if self.box.silent:
                    stream.read()
                    return
                self._say(stream, "\x00\xff nonsense" if self.box.nonsense else self.greeting)
                self._talk(stream)
        except (OSError, ssl.SSLError, ValueError):
            return

    def _talk(self, stream) -> None:  # type: ignore[no-untyped-def]
        state: dict[str, object] = {}
        while line := stream.readline():
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            self.box.said.append(text)
            if self.box.hang_up(text):
                return
            if not self.answer(stream, text, state):
                return

    def answer(self, stream, line: str, state: dict[str, object]) -> bool:  # type: ignore[no-untyped-def]
        raise NotImplementedError

    @staticmethod
    def _say(stream, *lines: str) -> None:  # type: ignore[no-untyped-def]
        stream.write("".join(f"{line}\r\n" for line in lines).encode("latin-1"))
        stream.flush()


class ImapServer(_Server):
    greeting = "* OK IMAP4rev1 ready"

    def answer(self, stream, line: str, state: dict[str, object]) -> bool:  # type: ignore[no-untyped-def]
        tag, _blank, command = line.partition(" ")
        verb = command.upper()
        if verb.startswith("CAPABILITY"):
            self._say(stream, "* CAPABILITY IMAP4rev1", f"{tag} OK done")
        elif verb.startswith("LOGIN"):
            good = self.box.password in command
            self._say(stream, f"{tag} OK in" if good else f"{tag} NO [AUTHENTICATIONFAILED] wrong password")
        elif verb.startswith(("SELECT", "EXAMINE")):
            if f'"{self.box.folder}"' not in command:
                self._say(stream, f"{tag} NO no such folder")
            else:
                count = len(self.box.messages)
                self._say(stream, f"* {count} EXISTS", f"* OK [UIDVALIDITY {self.box.validity}] ok", f"{tag} OK done")
        elif verb.startswith("UID SEARCH"):
            least = int(re.search(r"UID (\d+):\*", command)[1])  # type: ignore[index]
            last = max(self.box.messages, default=0)
            found = [uid for uid in sorted(self.box.messages) if uid >= least] or ([last] if last else [])
            self._say(stream, "* SEARCH " + " ".join(map(str, found)), f"{tag} OK done")
        elif verb.startswith("UID FETCH"):
            self._fetch(stream, tag, command)
        elif verb.startswith("UID STORE"):
            state["deleted"] = [int(uid) for uid in command.split()[2].split(",")]
            self._say(stream, f"{tag} OK done")
        elif verb.startswith("EXPUNGE"):
            for uid in state.pop("deleted", []):  # type: ignore[attr-defined]
                self.box.messages.pop(uid, None)
            self._say(stream, f"{tag} OK done")
        elif verb.startswith("LOGOUT"):
            self._say(stream, "* BYE", f"{tag} OK done")
            return False
        else:
            self._say(stream, f"{tag} BAD what?")
        return True

    def _fetch(self, stream, tag: str, command: str) -> None:  # type: ignore[no-untyped-def]
        _uid, _fetch, uids, _what = command.split(" ", 3)
        most = int(re.search(r"<0\.(\d+)>", command)[1])  # type: ignore[index]
        for place, uid in enumerate(map(int, uids.split(",")), 1):
            message = self.box.messages.get(uid)
            if message is None:
                continue
            part = message[:most]
            head = f"* {place} FETCH (UID {uid} RFC822.SIZE {len(message)} BODY[]<0> {{{len(part)}}}\r\n"
            stream.write(head.encode() + part + b")\r\n")
        self._say(stream, f"{tag} OK done")


class Pop3Server(_Server):
    greeting = "+OK ready"

    def answer(self, stream, line: str, state: dict[str, object]) -> bool:  # type: ignore[no-untyped-def]
        verb, _blank, rest = line.partition(" ")
        listed = sorted(self.box.messages)
        match verb.upper():
            case "USER":
                self._say(stream, "+OK")
            case "PASS":
                self._say(stream, "+OK in" if rest == self.box.password else "-ERR wrong password")
            case "STAT":
                self._say(stream, f"+OK {len(listed)} 0")
            case "UIDL":
                self._say(stream, "+OK", *(f"{at} uid-{uid}" for at, uid in enumerate(listed, 1)), ".")
            case "LIST":
                sizes = (f"{at} {len(self.box.messages[uid])}" for at, uid in enumerate(listed, 1))
                self._say(stream, "+OK", *sizes, ".")
            case "RETR" | "TOP":
                message = self.box.messages[listed[int(rest.split()[0]) - 1]]
                lines = message.decode("latin-1").removesuffix("\r\n").split("\r\n")
                cut = lines[: int(rest.split()[1]) + 10] if verb.upper() == "TOP" else lines
                self._say(stream, "+OK", *("." + item if item.startswith(".") else item for item in cut), ".")
            case "DELE":
                state.setdefault("deleted", []).append(listed[int(rest) - 1])  # type: ignore[attr-defined]
                self._say(stream, "+OK")
            case "QUIT":
                for uid in state.get("deleted", []):  # type: ignore[attr-defined]
                    self.box.messages.pop(uid, None)
                self._say(stream, "+OK bye")
                return False
            case _:
                self._say(stream, "-ERR what?")
        return True
