"""Sender domains: their signing keys and the DNS records that make mailbox providers trust what is sent."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.tokens import Vault
from newsletter.mail import dkim
from newsletter.newsletters.models import SenderDomain, SigningKey

# Two signatures on each message (RFC 8463 section 3): Ed25519 for verifiers that know it, RSA for all the others.
ALGORITHMS = {"r": dkim.Algorithm.RSA, "e": dkim.Algorithm.ED25519}


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A record to publish; `purpose` is a key such as `dkim`, that pages and commands put into words."""

    kind: str
    name: str
    value: str
    purpose: str


def bounce_domain(domain: str) -> str:
    """Where bounces go: the domain of every envelope sender, below the from address's so that SPF aligns (RFC 7489
    section 3.1.2).
    """
    return f"bounces.{domain}"


def ensure_domain(session: Session, domain: str, *, vault: Vault, now: datetime) -> SenderDomain:
    """The row of a sender domain; a new one gets its two signing keys."""
    found = session.scalar(select(SenderDomain).where(SenderDomain.domain == domain))
    if found is not None:
        return found
    found = SenderDomain(domain=domain, created_at=now)
    session.add(found)
    session.flush()
    for prefix, algorithm in ALGORITHMS.items():
        private = dkim.generate_key(algorithm).decode()
        session.add(
            SigningKey(
                sender_domain_id=found.id,
                selector=f"{prefix}{now:%Y%m%d}",
                algorithm=algorithm,
                locked_private_key=vault.lock(private),
                created_at=now,
            )
        )
    session.flush()
    return found


def signing_keys(session: Session, domain: str, vault: Vault) -> list[dkim.DkimKey]:
    """The keys that sign mail of a domain, RSA first; ValueError when the secret key has changed since they were
    made.
    """
    query = (
        select(SigningKey)
        .join(SenderDomain, SenderDomain.id == SigningKey.sender_domain_id)
        .where(SenderDomain.domain == domain)
        .order_by(SigningKey.id)
    )
    return [
        dkim.DkimKey(domain, row.selector, dkim.Algorithm(row.algorithm), vault.unlock(row.locked_private_key).encode())
        for row in session.scalars(query)
    ]


def dns_records(session: Session, domain: str, vault: Vault) -> list[DnsRecord]:
    """What to publish in DNS for a sender domain, ready to paste.

    The SPF line and the MX depend on the relay, which the newsroom's provider names; `PROVIDER` stands where it goes.
    """
    keys = [dkim.dns_record(key) for key in signing_keys(session, domain, vault)]
    bounces = bounce_domain(domain)
    return [
        *(DnsRecord("TXT", name, value, "dkim") for name, value in keys),
        DnsRecord("TXT", bounces, "v=spf1 include:PROVIDER -all", "spf"),
        DnsRecord("MX", bounces, "10 PROVIDER", "bounces"),
        DnsRecord("TXT", f"_dmarc.{domain}", f"v=DMARC1; p=none; rua=mailto:dmarc@{domain}", "dmarc"),
    ]
