"""Further records that a sender's domain publishes, read as a receiver reads them: keys of DKIM, the exchanger of
bounces, names of addresses, MTA-STS, TLS reports, BIMI.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from newsletter.core.nameservers import Ask

_TAG = re.compile(r"\s*([a-z]{1,3})\s*=\s*([^;]*)", re.IGNORECASE)
MOST_POLICY = 64 * 1024

Fetch = Callable[[str], str]
"""Gets a text by https without following a redirect; raises OSError or a refusal in words."""


class KeyState(StrEnum):
    """How a key stands in DNS."""

    PUBLISHED = "published"
    MISSING = "missing"
    OTHER = "other"
    """Another key stands there."""
    REVOKED = "revoked"
    BROKEN = "broken"
    """Something stands there that nobody can read: quotes, blanks, a part of it."""
    UNKNOWN = "unknown"


def key_state(name: str, expected: str, ask: Ask) -> KeyState:
    """Whether the record of a DKIM key is the one it should be (RFC 6376 section 3.6.1). `expected` is our record."""
    answer = ask(name, "TXT")
    if answer.unknown:
        return KeyState.UNKNOWN
    if not answer.records:
        return KeyState.MISSING
    wanted = _key_of(expected)
    found = [_key_of(item) for item in answer.records]
    if wanted in found:
        return KeyState.PUBLISHED
    if any(item == b"" for item in found):
        return KeyState.REVOKED
    return KeyState.BROKEN if all(item is None for item in found) else KeyState.OTHER


def _key_of(record: str) -> bytes | None:
    """The public key of a record; empty when it was revoked, None when it cannot be read."""
    tags = {name.lower(): value.strip() for name, value in _TAG.findall(record)}
    if "p" not in tags:
        return None
    try:
        return base64.b64decode(re.sub(r"\s", "", tags["p"]), validate=True)
    except (ValueError, binascii.Error):
        return None


@dataclass(frozen=True, slots=True)
class Exchangers:
    """Who takes the mail of a domain. `dead` are hosts without an address, `aliases` those that are only a CNAME, which
    RFC 5321 section 5.1 forbids; `refused`: the domain says that it takes none (RFC 7505).
    """

    hosts: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    refused: bool = False
    unknown: bool = False


def exchangers_of(domain: str, ask: Ask) -> Exchangers:
    """Who takes the mail of a domain."""
    answer = ask(domain, "MX")
    hosts = tuple(item.partition(" ")[2] for item in answer.records)
    if any(host in ("", ".") for host in hosts):
        return Exchangers(refused=True)
    known = [(host, ask(host, "A"), ask(host, "AAAA")) for host in hosts[:10]]
    return Exchangers(
        hosts,
        dead=tuple(host for host, four, six in known if not (four.records or six.records or four.unknown)),
        aliases=tuple(host for host in hosts[:10] if ask(host, "CNAME").records),
        unknown=answer.unknown,
    )


def reverse_name(address: str, ask: Ask) -> tuple[str, bool, bool]:
    """The name of an address, whether the name leads back to it, and whether nothing can be said."""
    answer = ask(address, "PTR")
    for name in answer.records[:5]:
        kind = "AAAA" if ":" in address else "A"
        if address in ask(name, kind).records:
            return name, True, False
    return (answer.records[0] if answer.records else ""), False, answer.unknown


@dataclass(frozen=True, slots=True)
class TransportPolicy:
    """MTA-STS of a domain (RFC 8461). `problem` is empty, or a key: no_policy, unreadable, no_mx, uncovered."""

    published: bool = False
    mode: str = ""
    patterns: tuple[str, ...] = field(default=())
    problem: str = ""
    detail: str = ""


def transport_policy(domain: str, ask: Ask, fetch: Fetch, hosts: tuple[str, ...]) -> TransportPolicy:
    """MTA-STS of a domain; `hosts` are its exchangers, which the policy has to name."""
    if not any(item.lower().startswith("v=stsv1") for item in ask(f"_mta-sts.{domain}", "TXT").records):
        return TransportPolicy()
    try:
        text = fetch(f"https://mta-sts.{domain}/.well-known/mta-sts.txt")[:MOST_POLICY]
    except Exception as error:  # noqa: BLE001 - whatever keeps it away, receivers are kept away too
        return TransportPolicy(published=True, problem="no_policy", detail=str(error)[:200])
    lines = [line.partition(":") for line in text.splitlines()]
    fields = {name.strip().lower(): value.strip() for name, _colon, value in lines}
    patterns = tuple(value.strip().lower() for name, _colon, value in lines if name.strip().lower() == "mx")
    mode = fields.get("mode", "").lower()
    if (
        fields.get("version") != "STSv1"
        or mode not in ("enforce", "testing", "none")
        or not fields.get("max_age", "").isdigit()
    ):
        return TransportPolicy(published=True, problem="unreadable")
    if mode != "none" and not patterns:
        return TransportPolicy(published=True, mode=mode, problem="no_mx")
    uncovered = [host for host in hosts if not any(_covers(pattern, host) for pattern in patterns)]
    problem = "uncovered" if uncovered and mode != "none" else ""
    return TransportPolicy(True, mode, patterns, problem, ", ".join(uncovered)[:200])


def _covers(pattern: str, host: str) -> bool:
    if pattern.startswith("*."):
        return host.partition(".")[2] == pattern[2:]
    return pattern == host


def tls_reports(domain: str, ask: Ask) -> str:
    """Where reports about TLS go (RFC 8460), or nothing."""
    for item in ask(f"_smtp._tls.{domain}", "TXT").records:
        if item.lower().startswith("v=tlsrptv1"):
            found = re.search(r"rua\s*=\s*([^;]+)", item, re.IGNORECASE)
            return found[1].strip() if found else ""
    return ""


@dataclass(frozen=True, slots=True)
class Indicator:
    """A BIMI record: where the picture and its certificate are."""

    published: bool = False
    location: str = ""
    authority: str = ""


def indicator(domain: str, ask: Ask) -> Indicator:
    """The picture that mailbox providers may show beside mail of a domain (`default._bimi`)."""
    for item in ask(f"default._bimi.{domain}", "TXT").records:
        if item.lower().startswith("v=bimi1"):
            tags = {name.lower(): value.strip() for name, value in _TAG.findall(item)}
            return Indicator(published=True, location=tags.get("l", ""), authority=tags.get("a", ""))
    return Indicator()
