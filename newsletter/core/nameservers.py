"""Asking the domain name system, within a time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename
from dns.rdtypes.txtbase import TXTBase

NO_NAME: Final = "no_name"
"""The name does not exist."""
NO_ANSWER: Final = "no_answer"
"""No name server has answered in time, or it cannot."""
SECONDS = 3.0
MOST_RECORDS = 50
MOST_TEXT = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """Records as text: of TXT the strings joined, of MX `10 host`, hosts in lower case without the last dot. `problem`
    is empty, NO_NAME or NO_ANSWER; a name that exists without such records has none of both.
    """

    records: tuple[str, ...] = ()
    problem: str = ""

    @property
    def unknown(self) -> bool:
        """Whether nothing can be said about the name."""
        return self.problem == NO_ANSWER


Ask = Callable[[str, str], Answer]
"""Name and kind (TXT, MX, A, AAAA, CNAME, PTR) in; never raises."""


def nameservers(
    configured: dns.resolver.Resolver | None = None, *, seconds: float = SECONDS, altogether: float = 20.0
) -> Ask:
    """Asks the machine's name servers, or those of a resolver that is given: `seconds` for one question at most, and
    for all of them `altogether`. The same question is asked once.
    """
    try:
        resolver = configured or dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        return lambda _name, _kind: Answer(problem=NO_ANSWER)
    ends = time.monotonic() + altogether
    known: dict[tuple[str, str], Answer] = {}

    def ask(name: str, kind: str) -> Answer:
        key = (name.lower().rstrip("."), kind)
        if key not in known:
            known[key] = _ask(resolver, *key, min(seconds, ends - time.monotonic()))
        return known[key]

    return ask


def _ask(resolver: dns.resolver.Resolver, name: str, kind: str, seconds: float) -> Answer:
    if seconds <= 0:
        return Answer(problem=NO_ANSWER)
    try:
        asked = dns.reversename.from_address(name) if kind == "PTR" else dns.name.from_text(name)
        found = resolver.resolve(asked, kind, lifetime=seconds, search=False)
    except dns.resolver.NXDOMAIN:
        return Answer(problem=NO_NAME)
    except dns.resolver.NoAnswer:
        return Answer()
    except (dns.exception.DNSException, OSError):
        return Answer(problem=NO_ANSWER)
    except (UnicodeError, ValueError):
        return Answer(problem=NO_NAME)
    return Answer(tuple(_text(record, kind) for record in list(found)[:MOST_RECORDS]))


def _text(record: object, kind: str) -> str:
    if isinstance(record, TXTBase):
        return b"".join(record.strings).decode("utf-8", "replace")[:MOST_TEXT]
    text = str(record)
    return text.rstrip(".").lower() if kind != "TXT" else text
