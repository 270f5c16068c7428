"""Sender domains: their signing keys, how they are rotated, and the DNS records that make mailbox providers trust what
is sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.tokens import Vault
from newsletter.mail import dkim
from newsletter.mail.headers import Mailbox
from newsletter.mail.identity import Identity
from newsletter.newsletters import providers
from newsletter.newsletters.models import Newsletter, SenderDomain, SigningKey

# Two signatures on each message (RFC 8463 section 3): Ed25519 for verifiers that know it, RSA for all the others.
ALGORITHMS = {"r": dkim.Algorithm.RSA, "e": dkim.Algorithm.ED25519}
KEPT_IN_DNS = timedelta(days=7)
"""How long the public half of a key that signs no more stays: what waits for a retry is checked against it."""


class KeyStage(StrEnum):
    """Where a key is in its life."""

    WAITING = "waiting"
    SIGNING = "signing"
    LEAVING = "leaving"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A record to publish; `purpose` is a key such as `dkim`, that pages and commands put into words. `stage`: of a
    key.
    """

    kind: str
    name: str
    value: str
    purpose: str
    stage: KeyStage | None = None


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key as it is shown: never its private half."""

    selector: str
    algorithm: str
    stage: KeyStage
    name: str
    value: str
    retired_at: datetime | None


def identity(session: Session, newsletter: Newsletter, vault: Vault) -> Identity:
    """As whom a newsletter writes to a single person."""
    return Identity(
        Mailbox(newsletter.from_address, newsletter.from_name),
        bounce_domain(newsletter.domain),
        signing_keys(session, newsletter.domain, vault),
        Mailbox(newsletter.reply_to) if newsletter.reply_to else None,
    )


def bounce_domain(domain: str) -> str:
    """Where bounces go: the domain of every envelope sender, below the from address's so that SPF aligns (RFC 9989
    section 4.4).
    """
    return f"bounces.{domain}"


def by_name(session: Session, domain: str) -> SenderDomain:
    """NotFoundError when nothing is sent from there."""
    found = session.scalar(select(SenderDomain).where(SenderDomain.domain == domain.lower()))
    if found is None:
        raise NotFoundError(_("Nothing is sent from %(domain)s.", domain=domain))
    return found


def ensure_domain(session: Session, domain: str, *, vault: Vault, now: datetime) -> SenderDomain:
    """The row of a sender domain; a new one gets its two signing keys."""
    found = session.scalar(select(SenderDomain).where(SenderDomain.domain == domain))
    if found is not None:
        return found
    found = SenderDomain(domain=domain, created_at=now)
    session.add(found)
    session.flush()
    _make_keys(session, found, vault=vault, starts_at=now, now=now)
    return found


def signing_keys(session: Session, domain: str, vault: Vault) -> list[dkim.DkimKey]:
    """The keys that sign mail of a domain now, RSA first; ValueError when the secret key has changed since they were
    made.
    """
    signing = and_(SigningKey.starts_at.is_not(None), SigningKey.retired_at.is_(None))
    return [_key(domain, row, vault) for row in _rows(session, domain, signing)]


def keys(session: Session, domain: str, vault: Vault, *, now: datetime) -> list[ShownKey]:
    """Every key whose public half belongs into DNS, and those whose half may be taken out since last week."""
    recent = or_(SigningKey.retired_at.is_(None), SigningKey.retired_at > now - 2 * KEPT_IN_DNS)
    return [_shown(domain, row, vault, now) for row in _rows(session, domain, recent)]


def begin_rotation(session: Session, domain: str, *, vault: Vault, actor: str, now: datetime) -> None:
    """Make the next pair of keys: to be published, and not used before it is. RefusedError while one waits already."""
    found = by_name(session, domain)
    if _rows(session, domain, SigningKey.starts_at.is_(None)):
        raise RefusedError(_("New keys wait already to be published."))
    _make_keys(session, found, vault=vault, starts_at=None, now=now)
    _note(session, found, "domain.rotation_begun", actor, now)


def finish_rotation(session: Session, domain: str, *, actor: str, now: datetime) -> None:
    """Sign with the new pair from now on. The old one stays in DNS for a week. RefusedError when no pair waits."""
    found = by_name(session, domain)
    waiting = _rows(session, domain, SigningKey.starts_at.is_(None))
    if not waiting:
        raise RefusedError(_("There are no new keys. Make them first."))
    signing = and_(SigningKey.starts_at.is_not(None), SigningKey.retired_at.is_(None))
    for row in _rows(session, domain, signing):
        row.retired_at = now
    for row in waiting:
        row.starts_at = now
    _note(session, found, "domain.rotation_finished", actor, now)


def abandon_rotation(session: Session, domain: str, *, actor: str, now: datetime) -> None:
    """Drop the pair that waits. RefusedError when there is none."""
    found = by_name(session, domain)
    waiting = _rows(session, domain, SigningKey.starts_at.is_(None))
    if not waiting:
        raise RefusedError(_("There are no new keys. Make them first."))
    for row in waiting:
        session.delete(row)
    _note(session, found, "domain.rotation_abandoned", actor, now)


def dns_records(session: Session, domain: str, vault: Vault, *, now: datetime, relay_host: str = "") -> list[DnsRecord]:
    """What to publish in DNS for a sender domain, ready to paste.

    The SPF line and the MX depend on the relay; `PROVIDER` stands where it is not known to us.
    """
    shown = [item for item in keys(session, domain, vault, now=now) if item.stage is not KeyStage.GONE]
    bounces = bounce_domain(domain)
    provider = providers.of_host(relay_host)
    return [
        *(DnsRecord("TXT", item.name, item.value, "dkim", item.stage) for item in shown),
        DnsRecord("TXT", bounces, f"v=spf1 {provider.spf} -all", "spf"),
        DnsRecord("MX", bounces, f"10 {provider.exchanger}", "bounces"),
        DnsRecord("TXT", f"_dmarc.{domain}", f"v=DMARC1; p=none; rua=mailto:dmarc@{bounces}", "dmarc"),
    ]


def _make_keys(
    session: Session, domain: SenderDomain, *, vault: Vault, starts_at: datetime | None, now: datetime
) -> None:
    taken = set(session.scalars(select(SigningKey.selector).where(SigningKey.sender_domain_id == domain.id)))
    for prefix, algorithm in ALGORITHMS.items():
        names = (f"{prefix}{now:%Y%m%d}{letter}" for letter in ("", *"bcdefghijklmnopqrstuvwxyz"))
        session.add(
            SigningKey(
                sender_domain_id=domain.id,
                selector=next(name for name in names if name not in taken),
                algorithm=algorithm,
                locked_private_key=vault.lock(dkim.generate_key(algorithm).decode()),
                created_at=now,
                starts_at=starts_at,
            )
        )
    session.flush()


def _rows(session: Session, domain: str, which: ColumnElement[bool]) -> Sequence[SigningKey]:
    query = (
        select(SigningKey)
        .join(SenderDomain, SenderDomain.id == SigningKey.sender_domain_id)
        .where(SenderDomain.domain == domain.lower(), which)
        .order_by(SigningKey.id)
    )
    return session.scalars(query).all()


def _key(domain: str, row: SigningKey, vault: Vault) -> dkim.DkimKey:
    private = vault.unlock(row.locked_private_key).encode()
    return dkim.DkimKey(domain, row.selector, dkim.Algorithm(row.algorithm), private)


def _shown(domain: str, row: SigningKey, vault: Vault, now: datetime) -> ShownKey:
    name, value = dkim.dns_record(_key(domain, row, vault))
    return ShownKey(row.selector, row.algorithm, _stage(row, now), name, value, row.retired_at)


def _stage(row: SigningKey, now: datetime) -> KeyStage:
    if row.starts_at is None:
        return KeyStage.WAITING
    if row.retired_at is None:
        return KeyStage.SIGNING
    return KeyStage.LEAVING if now < row.retired_at + KEPT_IN_DNS else KeyStage.GONE


def _note(session: Session, domain: SenderDomain, action: str, actor: str, now: datetime) -> None:
    audit.record(
        session, actor=actor, action=action, subject="domain", subject_id=domain.id, now=now, domain=domain.domain
    )
