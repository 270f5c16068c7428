"""DMARC (RFC 9989, which replaces RFC 7489): the policy of a domain, found by the tree walk, and alignment.

There is no list of public suffixes any more: the records themselves say where an organisation begins (`psd`). The tags
`pct`, `ri` and `rf` are gone.
"""

import re
from dataclasses import dataclass, field

from newsletter.core.nameservers import Ask

MOST_QUERIES = 8
MOST_LABELS = 7
GONE = ("pct", "ri", "rf")
POLICIES = ("none", "quarantine", "reject")
KNOWN = frozenset({"v", "p", "sp", "np", "psd", "t", "rua", "ruf", "adkim", "aspf", "fo", *GONE})
_MAILTO = re.compile(r"mailto:([^!,\s]+@[^!,\s]+)(?:![0-9]+[kmgt]?)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Record:
    """One record, and the name below which it stands."""

    domain: str
    tags: dict[str, str]

    def get(self, tag: str, default: str = "") -> str:
        return self.tags.get(tag, default)

    @property
    def psd(self) -> str:
        return self.get("psd", "u").lower()

    @property
    def is_valid(self) -> bool:
        """Whether it is a policy; one that only says where reports go counts as `p=none` (section 4.7)."""
        return self.get("p", "none").lower() in POLICIES or "rua" in self.tags


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for mail whose author is in a domain. `record` None: nothing is published. `policy` is what receivers
    apply. `several`: names below which more than one record stands, which is as good as none. `unknown`: a question was
    not answered.
    """

    record: Record | None
    organisation: str
    policy: str = ""
    several: tuple[str, ...] = ()
    unknown: bool = False
    gone: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    reports_to: tuple[str, ...] = field(default=())


def parse(text: str) -> dict[str, str] | None:
    """The tags of a record; None for a text that is none. `v=DMARC1` comes first (section 4.7)."""
    parts = [part.strip() for part in text.split(";")]
    name, equals, value = parts[0].partition("=")
    if not equals or name.strip().lower() != "v" or value.strip() != "DMARC1":
        return None
    tags = {"v": "DMARC1"}
    for part in parts[1:50]:
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.strip().lower()[:20], value.strip()[:500])
    return tags


def names(domain: str) -> list[str]:
    """The names that the walk asks, from the domain up; a long one leaps to seven labels (section 4.10)."""
    labels = domain.lower().rstrip(".").split(".")
    found = [".".join(labels)]
    labels = labels[1:] if len(labels) <= MOST_QUERIES else labels[-MOST_LABELS:]
    while labels and len(found) < MOST_QUERIES:
        found.append(".".join(labels))
        labels = labels[1:]
    return found


def discover(domain: str, ask: Ask) -> Policy:
    """The policy of an author's domain."""
    walked, several, unknown = _walk(domain, ask)
    organisation = _organisation(domain, walked)
    own = next((item for item in walked if item.domain == domain.lower() and item.is_valid), None)
    record = own or next((item for item in walked if item.domain == organisation and item.is_valid), None)
    # Below a public suffix that speaks for all of its domains.
    record = record or next((item for item in walked if item.psd == "y" and item.is_valid), None)
    if record is None:
        return Policy(None, organisation, several=several, unknown=unknown)
    said = record.get("p", "none").lower()
    if record is not own:
        said = record.get("sp", said).lower()
    return Policy(
        record,
        organisation,
        policy=said if said in POLICIES else "none",
        several=several,
        unknown=unknown,
        gone=tuple(tag for tag in GONE if tag in record.tags),
        strange=tuple(sorted(set(record.tags) - KNOWN)),
        reports_to=tuple(_MAILTO.findall(record.get("rua"))),
    )


def organisation_of(domain: str, ask: Ask) -> str:
    """The domain that speaks for the whole organisation (section 4.10.2)."""
    return _organisation(domain, _walk(domain, ask)[0])


def are_aligned(author: str, other: str, ask: Ask, *, strict: bool = False) -> bool:
    """Whether an authenticated domain speaks for the author's (section 4.4)."""
    if author.lower() == other.lower():
        return True
    return not strict and organisation_of(author, ask) == organisation_of(other, ask)


def may_report_to(domain: str, address: str, ask: Ask) -> bool:
    """Whether reports about a domain may go to an address of another organisation, which has to say so (RFC 9990)."""
    target = address.rpartition("@")[2].lower()
    if organisation_of(target, ask) == organisation_of(domain, ask):
        return True
    answer = ask(f"{domain}._report._dmarc.{target}", "TXT")
    return answer.unknown or any(parse(item) is not None for item in answer.records)


def _walk(domain: str, ask: Ask) -> tuple[list[Record], tuple[str, ...], bool]:
    found: list[Record] = []
    several: list[str] = []
    unknown = False
    for name in names(domain):
        answer = ask(f"_dmarc.{name}", "TXT")
        unknown = unknown or answer.unknown
        records = [tags for item in answer.records if (tags := parse(item)) is not None]
        if len(records) > 1:
            several.append(name)
        if len(records) != 1:
            continue
        found.append(Record(name, records[0]))
        if found[-1].psd in ("n", "y"):
            break
    return found, tuple(several), unknown


def _organisation(domain: str, walked: list[Record]) -> str:
    for item in walked:
        if item.psd == "n":
            return item.domain
        if item.psd == "y" and item.domain != domain.lower():
            above = item.domain.count(".") + 1
            return ".".join(domain.lower().split(".")[-above - 1 :])
    # The one with the fewest labels; without any record each domain is its own.
    return walked[-1].domain if walked else domain.lower()
