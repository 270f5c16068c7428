"""Looking at a sender's domain as mailbox providers do: what its records say, what is missing, what to type.

Pure but for the questions, which are arguments. What is found is a key with values; `dns_wording` puts it into words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

from newsletter.core.nameservers import Ask
from newsletter.mail import dkim, dmarc, domain_records, spf
from newsletter.mail.domain_records import Fetch, KeyState
from newsletter.newsletters import providers
from newsletter.newsletters.senders import KeyStage, ShownKey, bounce_domain

MANY_LOOKUPS = 8


class Level(StrEnum):
    OK = "ok"
    ADVICE = "advice"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `name`: of the record; `record`: what to publish there, ready to paste."""

    key: str
    level: Level
    name: str = ""
    record: str = ""
    params: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Finding":
        return cls(value["key"], Level(value["level"]), value["name"], value["record"], value["params"])


@dataclass(frozen=True, slots=True)
class Way:
    """How mail leaves: the relay's host, whether the connection to it is safe, and whether we sign in."""

    host: str
    safe: bool
    signed_in: bool

    @property
    def is_local(self) -> bool:
        """Whether the relay is this machine or stands beside it."""
        if self.host in ("localhost", ""):
            return True
        try:
            address = ip_address(self.host)
        except ValueError:
            return "." not in self.host
        return address.is_loopback or address.is_private


def examine(domain: str, keys: Sequence[ShownKey], way: Way, ask: Ask, fetch: Fetch) -> list[Finding]:
    """Everything about a domain, the worst first. Where DNS does not answer it says that alone."""
    if ask(domain, "NS").unknown and ask(f"_dmarc.{domain}", "TXT").unknown:
        return [Finding("no_answer", Level.ADVICE, domain)]
    found = [
        *_dkim(keys, ask),
        *_spf(domain, way, ask),
        *_bounces(domain, way, ask),
        *_dmarc(domain, ask),
        *_relay(way, ask),
        *_transport(domain, ask, fetch),
        *_indicator(domain, ask),
    ]
    order = {Level.BAD: 0, Level.ADVICE: 1, Level.OK: 2}
    return sorted(found, key=lambda item: order[item.level])


def _dkim(keys: Sequence[ShownKey], ask: Ask) -> Iterator[Finding]:
    for key in keys:
        state = domain_records.key_state(key.name, key.value, ask)
        if key.stage is KeyStage.GONE:
            if state is KeyState.PUBLISHED:
                yield Finding("dkim_removable", Level.ADVICE, key.name)
            continue
        level = Level.BAD if key.stage is KeyStage.SIGNING else Level.ADVICE
        if state is KeyState.PUBLISHED:
            yield Finding("dkim_published", Level.OK, key.name, params={"waiting": key.stage is KeyStage.WAITING})
        elif state is KeyState.UNKNOWN:
            yield Finding("unanswered", Level.ADVICE, key.name)
        elif key.algorithm == dkim.Algorithm.ED25519 and state is KeyState.MISSING:
            # Whoever does not know the algorithm passes over the signature; with RSA in place nothing is lost.
            yield Finding("dkim_missing", Level.ADVICE, key.name, key.value)
        else:
            yield Finding(f"dkim_{state}", level, key.name, key.value)


def _spf(domain: str, way: Way, ask: Ask) -> Iterator[Finding]:
    name = bounce_domain(domain)
    policy = spf.read(name, ask)
    provider = providers.of_host(way.host)
    wanted = provider.spf
    if not policy.records:
        yield Finding(
            "unanswered" if policy.unknown else "spf_missing",
            Level.ADVICE if policy.unknown else Level.BAD,
            name,
            f"v=spf1 {wanted} -all",
        )
        return
    before = len(policy.records) > 1
    if before:
        merged = " ".join(dict.fromkeys(str(term) for item in policy.records for term in spf.parse(item)[0]))
        yield Finding("spf_several", Level.BAD, name, f"v=spf1 {merged}", {"count": len(policy.records)})
    if policy.wrong:
        yield Finding("spf_wrong", Level.BAD, name, params={"wrong": ", ".join(policy.wrong)[:200]})
    if policy.missing:
        yield Finding("spf_include_missing", Level.BAD, name, params={"missing": ", ".join(policy.missing)[:200]})
    if policy.lookups > spf.MOST_LOOKUPS or policy.void > spf.MOST_VOID:
        yield Finding("spf_too_many", Level.BAD, name, params={"count": policy.lookups, "void": policy.void})
    elif policy.lookups >= MANY_LOOKUPS:
        yield Finding("spf_many", Level.ADVICE, name, params={"count": policy.lookups})
    if policy.all == "+":
        yield Finding("spf_everybody", Level.BAD, name, _with(policy, wanted))
    elif not policy.all and not any(term.name == "redirect" for term in policy.terms):
        yield Finding("spf_no_end", Level.ADVICE, name, _with(policy, wanted))
    included = wanted.removeprefix("include:")
    if provider.name and included not in policy.includes:
        yield Finding("spf_provider", Level.BAD, name, _with(policy, wanted), {"provider": provider.name})
    elif not (before or policy.wrong or policy.missing or policy.all == "+" or policy.lookups > spf.MOST_LOOKUPS):
        yield Finding("spf_fine", Level.OK, name, params={"count": policy.lookups})


def _with(policy: spf.Policy, wanted: str) -> str:
    """The record as it is with one term more, and an end. There may be only one record, so it is never a second one."""
    terms = [str(term) for term in policy.terms if term.name != "all"]
    if wanted not in terms and providers.UNKNOWN not in wanted:
        terms.append(wanted)
    end = policy.all if policy.all in ("-", "~") else "-"
    return " ".join(["v=spf1", *terms, f"{end}all"])


def _bounces(domain: str, way: Way, ask: Ask) -> Iterator[Finding]:
    name = bounce_domain(domain)
    found = domain_records.exchangers_of(name, ask)
    wanted = f"10 {providers.of_host(way.host).exchanger}"
    if found.unknown:
        yield Finding("unanswered", Level.ADVICE, name)
    elif found.refused:
        yield Finding("mx_refused", Level.BAD, name, wanted)
    elif not found.hosts:
        yield Finding("mx_missing", Level.BAD, name, wanted)
    elif found.dead:
        yield Finding("mx_dead", Level.BAD, name, params={"hosts": ", ".join(found.dead)})
    elif found.aliases:
        yield Finding("mx_alias", Level.ADVICE, name, params={"hosts": ", ".join(found.aliases)})
    else:
        yield Finding("mx_fine", Level.OK, name, params={"hosts": ", ".join(found.hosts)})


def _dmarc(domain: str, ask: Ask) -> Iterator[Finding]:
    name = f"_dmarc.{domain}"
    policy = dmarc.discover(domain, ask)
    reports = f"rua=mailto:dmarc@{bounce_domain(domain)}"
    if policy.several:
        yield Finding("dmarc_several", Level.BAD, f"_dmarc.{policy.several[0]}", f"v=DMARC1; p=none; {reports}")
        return
    if policy.record is None:
        level = Level.ADVICE if policy.unknown else Level.BAD
        yield Finding("unanswered" if policy.unknown else "dmarc_missing", level, name, f"v=DMARC1; p=none; {reports}")
        return
    record = policy.record
    name = f"_dmarc.{record.domain}"
    if policy.gone:
        kept = {tag: value for tag, value in record.tags.items() if tag not in dmarc.GONE}
        yield Finding("dmarc_gone", Level.ADVICE, name, _tags(kept), {"tags": ", ".join(policy.gone)})
    if policy.strange:
        yield Finding("dmarc_strange", Level.ADVICE, name, params={"tags": ", ".join(policy.strange)[:200]})
    if record.get("aspf").lower() == "s":
        yield Finding("dmarc_strict", Level.ADVICE, name, _tags({**record.tags, "aspf": "r"}))
    if not policy.reports_to:
        yield Finding("dmarc_no_reports", Level.ADVICE, name, f"{_tags(record.tags)}; {reports}")
    for address in policy.reports_to[:5]:
        if not dmarc.may_report_to(record.domain, address, ask):
            yield Finding("dmarc_elsewhere", Level.ADVICE, name, params={"address": address})
    if policy.policy == "none" or record.get("t").lower() == "y":
        further = {tag: value for tag, value in record.tags.items() if tag != "t"} | {"p": "quarantine"}
        yield Finding("dmarc_none", Level.ADVICE, name, _tags(further))
    else:
        yield Finding("dmarc_fine", Level.OK, name, params={"policy": policy.policy})
    if not dmarc.are_aligned(domain, bounce_domain(domain), ask):
        yield Finding("not_aligned", Level.BAD, bounce_domain(domain))


def _tags(tags: dict[str, str]) -> str:
    return "; ".join(f"{tag}={value}" for tag, value in tags.items())


def _relay(way: Way, ask: Ask) -> Iterator[Finding]:
    if way.is_local:
        yield Finding("relay_local", Level.OK, way.host)
        return
    if not way.safe:
        yield Finding("relay_plain", Level.BAD, way.host)
    if not way.signed_in:
        yield Finding("relay_open", Level.ADVICE, way.host)
    if way.safe and way.signed_in:
        yield Finding("relay_safe", Level.OK, way.host)
    addresses = ask(way.host, "A").records or ask(way.host, "AAAA").records
    for address in addresses[:1]:
        name, leads_back, unknown = domain_records.reverse_name(address, ask)
        if not leads_back and not unknown:
            yield Finding("ptr", Level.ADVICE, address, params={"name": name or "?"})


def _transport(domain: str, ask: Ask, fetch: Fetch) -> Iterator[Finding]:
    name = bounce_domain(domain)
    hosts = domain_records.exchangers_of(name, ask).hosts
    if not hosts:
        return
    found = domain_records.transport_policy(name, ask, fetch, hosts)
    if found.problem:
        yield Finding(f"sts_{found.problem}", Level.BAD, f"mta-sts.{name}", params={"detail": found.detail})
    elif found.published:
        yield Finding("sts_fine", Level.OK, f"mta-sts.{name}", params={"mode": found.mode})
    if found.published and not domain_records.tls_reports(name, ask):
        yield Finding("tls_no_reports", Level.ADVICE, f"_smtp._tls.{name}", f"v=TLSRPTv1; rua=mailto:tlsrpt@{name}")


def _indicator(domain: str, ask: Ask) -> Iterator[Finding]:
    found = domain_records.indicator(domain, ask)
    if not found.published:
        return
    name = f"default._bimi.{domain}"
    policy = dmarc.discover(domain, ask)
    if policy.policy not in ("quarantine", "reject"):
        yield Finding("bimi_too_early", Level.ADVICE, name)
    elif not found.location.lower().startswith("https://") or not found.location.lower().split("?")[0].endswith(".svg"):
        yield Finding("bimi_picture", Level.ADVICE, name, params={"location": found.location[:200]})
    else:
        yield Finding("bimi_fine", Level.OK, name)
