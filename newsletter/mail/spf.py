"""Sender Policy Framework (RFC 7208): what a domain's record says, what it costs to evaluate, and whether it lets an
address send.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address, ip_network

from newsletter.core.nameservers import Answer, Ask

MOST_LOOKUPS = 10  # section 4.6.4
MOST_VOID = 2
MOST_HOSTS = 10
_COUNTED = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
_TERM = re.compile(
    r"([+\-~?]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?::([^/\s]+))?((?:/\d{1,3})?(?://\d{1,3})?)", re.IGNORECASE
)
_MODIFIER = re.compile(r"(redirect|exp|[a-z][a-z0-9_.-]{0,60})=(\S*)", re.IGNORECASE)


class Result(StrEnum):
    """What a check says (section 2.6)."""

    PASS = "pass"  # noqa: S105 - the RFC's word
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    NONE = "none"
    PERMERROR = "permerror"
    TEMPERROR = "temperror"


_QUALIFIERS = {"+": Result.PASS, "-": Result.FAIL, "~": Result.SOFTFAIL, "?": Result.NEUTRAL}


@dataclass(frozen=True, slots=True)
class Term:
    """A mechanism, or the modifier `redirect`; `value` is what follows the colon."""

    name: str
    qualifier: str = "+"
    value: str = ""
    prefix: str = ""

    def __str__(self) -> str:
        sign = "" if self.qualifier == "+" else self.qualifier
        return f"{sign}{self.name}{':' if self.value else ''}{self.value}{self.prefix}"


@dataclass(slots=True)
class Policy:
    """What the record of a domain says. `records` are all that claim to be one. `wrong` are terms that nobody
    understands; `lookups` and `void` are what evaluating costs at most; `includes` every domain that is asked, however
    deep; `all` the qualifier of the final `all`. `missing`: domains included that have no record; `unknown`: a question
    was not answered.
    """

    records: tuple[str, ...] = ()
    terms: list[Term] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    lookups: int = 0
    void: int = 0
    includes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    all: str = ""
    unknown: bool = False


def records_of(answer: Answer) -> tuple[str, ...]:
    """The records of a name that are SPF (section 4.5)."""
    return tuple(item for item in answer.records if item.lower() == "v=spf1" or item.lower().startswith("v=spf1 "))


def parse(record: str) -> tuple[list[Term], list[str]]:
    """The terms of a record in their order, and those that cannot be understood."""
    terms: list[Term] = []
    wrong: list[str] = []
    for word in record.split()[1:][:100]:
        if found := _TERM.fullmatch(word):
            terms.append(Term(found[2].lower(), found[1] or "+", (found[3] or "").lower(), found[4]))
        elif modifier := _MODIFIER.fullmatch(word):
            if modifier[1].lower() == "redirect":
                terms.append(Term("redirect", "+", modifier[2].lower()))
        else:
            wrong.append(word[:100])
    return terms, wrong


def read(domain: str, ask: Ask) -> Policy:
    """The policy of a domain, with all that it includes."""
    answer = ask(domain, "TXT")
    policy = Policy(records=records_of(answer), unknown=answer.unknown)
    if policy.records:
        policy.terms, policy.wrong = parse(policy.records[0])
        _walk(policy, policy.terms, domain, ask, (domain,))
        policy.all = next((term.qualifier for term in policy.terms if term.name == "all"), "")
    return policy


def _walk(policy: Policy, terms: list[Term], domain: str, ask: Ask, above: tuple[str, ...]) -> None:
    ends = any(term.name == "all" for term in terms)
    for term in terms:
        if term.name not in _COUNTED or (term.name == "redirect" and ends):
            continue
        policy.lookups += 1
        if policy.lookups > 4 * MOST_LOOKUPS:
            return
        target = term.value or domain
        if "%" in target:
            continue  # a macro: what it asks for depends on the message
        if term.name in ("include", "redirect"):
            _enter(policy, target, ask, above)
        elif term.name in ("a", "mx", "exists"):
            answer = ask(target, "MX" if term.name == "mx" else "A")
            policy.unknown = policy.unknown or answer.unknown
            if not answer.records and not answer.unknown and not (term.name == "a" and ask(target, "AAAA").records):
                policy.void += 1


def _enter(policy: Policy, target: str, ask: Ask, above: tuple[str, ...]) -> None:
    policy.includes.append(target)
    if target in above or len(above) > MOST_LOOKUPS:
        policy.wrong.append(f"include:{target}")  # it includes itself
        return
    answer = ask(target, "TXT")
    found = records_of(answer)
    policy.unknown = policy.unknown or answer.unknown
    if len(found) == 1:
        terms, wrong = parse(found[0])
        policy.wrong += wrong
        _walk(policy, terms, target, ask, (*above, target))
    elif not answer.unknown:
        policy.missing.append(target)
        policy.void += not answer.records


def check_host(ip: str, domain: str, ask: Ask) -> Result:
    """Whether a domain lets an address send (section 4). Macros are not expanded: such a term matches nothing."""
    return _Check(ip, ask).of(domain)


class _Check:
    def __init__(self, ip: str, ask: Ask) -> None:
        self._ip = ip_address(ip)
        self._ask = ask
        self._lookups = 0

    def of(self, domain: str) -> Result:
        answer = self._ask(domain, "TXT")
        if answer.unknown:
            return Result.TEMPERROR
        found = records_of(answer)
        if len(found) != 1:
            return Result.PERMERROR if found else Result.NONE
        terms, wrong = parse(found[0])
        if wrong:
            return Result.PERMERROR
        for term in terms:
            self._lookups += term.name in _COUNTED
            if self._lookups > MOST_LOOKUPS:
                return Result.PERMERROR
            if (result := self._term(term, domain)) is not None:
                return result
        return Result.NEUTRAL

    def _term(self, term: Term, domain: str) -> Result | None:
        """What a term decides, or None."""
        target = term.value or domain
        if "%" in target:
            return None
        if term.name == "redirect":
            result = self.of(target)
            return Result.PERMERROR if result is Result.NONE else result
        if term.name == "include":
            result = self.of(target)
            if result in (Result.PERMERROR, Result.TEMPERROR):
                return result
            if result is Result.NONE:
                return Result.PERMERROR
            return _QUALIFIERS[term.qualifier] if result is Result.PASS else None
        return _QUALIFIERS[term.qualifier] if self._matches(term, target) else None

    def _matches(self, term: Term, target: str) -> bool:
        match term.name:
            case "all":
                return True
            case "ip4" | "ip6":
                return self._within(f"{term.value}{term.prefix}")
            case "a":
                return any(self._within(f"{host}{self._prefix(term)}") for host in self._addresses(target))
            case "mx":
                hosts = [item.partition(" ")[2] for item in self._ask(target, "MX").records[:MOST_HOSTS]]
                found = (address for host in hosts for address in self._addresses(host))
                return any(self._within(f"{address}{self._prefix(term)}") for address in found)
            case "exists":
                return bool(self._ask(target, "A").records)
        return False

    def _addresses(self, host: str) -> tuple[str, ...]:
        return self._ask(host, "A" if self._ip.version == 4 else "AAAA").records

    def _prefix(self, term: Term) -> str:
        four, _slashes, six = term.prefix.partition("//")
        return four if self._ip.version == 4 else (f"/{six}" if six else "")

    def _within(self, network: str) -> bool:
        try:
            return self._ip in ip_network(network, strict=False)
        except (ValueError, TypeError):
            return False
