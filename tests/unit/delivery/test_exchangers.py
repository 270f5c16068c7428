"""Grouping domains by who takes their mail, asked from a name server of the test's own."""

import socket
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from newsletter.delivery.resolving import Resolve, organisation, resolver

ZONE = {
    "poste.example.": ["10 alt1.aspmx.l.google.com.", "5 aspmx.l.google.com."],
    "ecole.example.": ["10 mx2.mail.ovh.net."],
    "journal.co.tg.": ["10 mail.hosting.co.tg."],
    "nomail.example.": ["0 ."],
    "plain.example.": [],
}


class NameServer:
    """Answers for MX of `ZONE` over UDP; `silent.example` gets no answer at all."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, client = self._socket.recvfrom(4096)
            if not data:
                return
            query = dns.message.from_wire(data)
            name = query.question[0].name.to_text()
            if name == "silent.example.":
                continue
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.AA
            if name not in ZONE:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            elif ZONE[name]:
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "MX", *ZONE[name]))
            self._socket.sendto(answer.to_wire(), client)


@pytest.fixture
def resolve() -> Iterator[Resolve]:
    server = NameServer()
    asking = dns.resolver.Resolver(configure=False)
    asking.nameservers, asking.port, asking.timeout = ["127.0.0.1"], server.port, 0.5
    yield resolver(asking, seconds=1.0)
    server.close()


@pytest.mark.parametrize(
    ("domain", "exchanger"),
    [
        ("poste.example", "google.com"),
        ("ecole.example", "ovh.net"),
        ("journal.co.tg", "hosting.co.tg"),
        ("plain.example", "plain.example"),
        ("nomail.example", None),
        ("missing.example", None),
        ("silent.example", None),
        (f"{'x' * 70}.example", None),
        ("a..b", None),
    ],
)
def test_a_domain_stands_for_the_organisation_of_its_best_exchanger(
    resolve: Resolve, domain: str, exchanger: str | None
) -> None:
    assert resolve(domain) == exchanger


def test_hosts_of_one_organisation_have_one_name() -> None:
    assert {organisation(host) for host in ("mx1.Orange.fr.", "smtp.in.orange.fr", "orange.fr")} == {"orange.fr"}
    assert organisation("mx.bbc.co.uk") == "bbc.co.uk"
    assert organisation("localhost") == "localhost"
