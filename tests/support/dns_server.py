"""A name server on loopback that answers from a table, and a way to ask the table directly."""

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset

from newsletter.core.nameservers import NO_ANSWER, NO_NAME, Answer, Ask

Table = Mapping[tuple[str, str], Sequence[str]]
"""Records by name and kind; TXT without quotes."""


def asking(table: Table, *, silent: Sequence[str] = ()) -> Ask:
    """Answers from a table; names that it does not hold do not exist, `silent` ones are never answered."""
    names = {name for name, _kind in table}

    def ask(name: str, kind: str) -> Answer:
        if name in silent or "*" in silent:
            return Answer(problem=NO_ANSWER)
        records = table.get((name, kind))
        if records is None:
            return Answer(problem="" if name in names else NO_NAME)
        return Answer(tuple(records))

    return ask


class DnsServer:
    """Answers over UDP. `answers` may be changed while it runs; names in `silent` are never answered."""

    def __init__(self, answers: dict[tuple[str, str], list[str]]) -> None:
        self.answers = answers
        self.silent: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def resolver(self) -> dns.resolver.Resolver:
        made = dns.resolver.Resolver(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], self.port
        return made

    def stop(self) -> None:
        self._socket.close()

    def _run(self) -> None:
        while True:
            try:
                data, client = self._socket.recvfrom(4096)
            except OSError:
                return
            reply = self._reply(dns.message.from_wire(data))
            if reply is not None:
                self._socket.sendto(reply, client)

    def _reply(self, query: dns.message.Message) -> bytes | None:
        question = query.question[0]
        name, kind = question.name.to_text().rstrip(".").lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent or "*" in self.silent:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        records = self.answers.get((name, kind))
        if records:
            texts = [_quoted(item) if kind == "TXT" else _absolute(item, kind) for item in records]
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *texts))
        elif name not in {known for known, _kind in self.answers}:
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()


@contextmanager
def dns_server(answers: dict[tuple[str, str], list[str]]) -> Iterator[DnsServer]:
    server = DnsServer(answers)
    try:
        yield server
    finally:
        server.stop()


def _absolute(text: str, kind: str) -> str:
    return f"{text}." if kind in ("NS", "MX", "PTR", "CNAME") and not text.endswith(".") else text


def _quoted(text: str) -> str:
    """A TXT record in strings of 255 octets, as zone files cut it."""
    return " ".join(f'"{text[at : at + 255]}"' for at in range(0, max(len(text), 1), 255))
