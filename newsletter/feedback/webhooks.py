"""Addresses that mailbox providers and relays report to, each with a secret of its own."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.tokens import Vault, hash_token, new_token
from newsletter.core.urls import Links
from newsletter.feedback import inbox, providers
from newsletter.feedback.inbox import Incoming
from newsletter.feedback.models import Webhook
from newsletter.feedback.providers import Fetch, Reading, Request

LARGEST = 5 * 1024 * 1024
PER_PROVIDER = 20


@dataclass(frozen=True, slots=True)
class Door:
    """A webhook as a request that arrives finds it."""

    id: int
    provider: str
    secret: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A webhook as it is shown to staff; its address is as good as a password."""

    id: int
    provider: str
    name: str
    url: str
    received: int
    unknown: int
    refused: int
    last_refusal: str | None
    last_received_at: datetime | None


def add(session: Session, provider: str, secret: str, *, vault: Vault, actor: str, now: datetime) -> Webhook:
    """A new address for a provider's reports. RefusedError for a provider not known, or a secret that is none."""
    found = providers.PROVIDERS.get(provider)
    if found is None:
        known = ", ".join(sorted(providers.PROVIDERS))
        raise RefusedError(_("%(name)s is not known. Name one of %(known)s.", name=provider, known=known))
    found.check_secret(secret)
    if session.scalar(select(func.count(Webhook.id)).where(Webhook.provider == provider)) == PER_PROVIDER:
        raise RefusedError(_("There are %(count)s for this provider already. Remove one first.", count=PER_PROVIDER))
    token = new_token()
    webhook = Webhook(
        provider=provider,
        address_key=hash_token(token),
        locked_token=vault.lock(token),
        locked_secret=vault.lock(secret),
        received=0,
        unknown=0,
        refused=0,
        created_at=now,
    )
    session.add(webhook)
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="webhook.added",
        subject="webhook",
        subject_id=webhook.id,
        now=now,
        provider=provider,
    )
    return webhook


def remove(session: Session, webhook_id: int, *, actor: str, now: datetime) -> None:
    """Listen to it no more; NotFoundError when there is none of this number."""
    webhook = session.get(Webhook, webhook_id)
    if webhook is None:
        raise NotFoundError(_("There is no webhook of the number %(id)s.", id=webhook_id))
    audit.record(
        session,
        actor=actor,
        action="webhook.removed",
        subject="webhook",
        subject_id=webhook.id,
        now=now,
        provider=webhook.provider,
    )
    session.delete(webhook)


def all_webhooks(session: Session, vault: Vault, links: Links) -> list[Listed]:
    """Every webhook, with its address."""
    return [
        Listed(
            id=row.id,
            provider=row.provider,
            name=providers.PROVIDERS[row.provider].name,
            url=_url(row, vault, links),
            received=row.received,
            unknown=row.unknown,
            refused=row.refused,
            last_refusal=row.last_refusal,
            last_received_at=row.last_received_at,
        )
        for row in session.scalars(select(Webhook).order_by(Webhook.provider, Webhook.id))
    ]


def _url(row: Webhook, vault: Vault, links: Links) -> str:
    """Its address; empty when it was locked under another secret key, and has to be made anew."""
    try:
        return links.webhook(row.provider, vault.unlock(row.locked_token))
    except ValueError:
        return ""


def find(session: Session, provider: str, token: str, vault: Vault) -> Door | None:
    """The webhook behind an address; None where there is none."""
    row = session.scalar(select(Webhook).where(Webhook.address_key == hash_token(token), Webhook.provider == provider))
    return Door(row.id, row.provider, vault.unlock(row.locked_secret)) if row is not None else None


def verify(door: Door, request: Request, *, fetch: Fetch | None, now: datetime) -> bytes:
    """Make sure that the provider sent it; returns what makes a second one the same. Raises ForgedError, or
    UncertainError when that cannot be told at present.

    Outside any transaction: a certificate may have to be fetched.
    """
    provider = providers.PROVIDERS[door.provider]
    provider.verify(request, door.secret, now=now, fetch=fetch)
    return provider.sameness(request)


def take(session: Session, door: Door, body: bytes, sameness: bytes, *, now: datetime) -> None:
    """Write down what a provider has sent. A second time changes nothing."""
    new = inbox.store(
        session, [Incoming(f"{inbox.WEBHOOK}{door.id}:{door.provider}", body, sameness=sameness)], now=now
    )
    session.execute(
        update(Webhook).where(Webhook.id == door.id).values(received=Webhook.received + len(new), last_received_at=now)
    )


def turn_away(session: Session, door: Door, reason: str) -> None:
    """Count what was not the provider's, with why."""
    session.execute(
        update(Webhook).where(Webhook.id == door.id).values(refused=Webhook.refused + 1, last_refusal=reason[:300])
    )


def unwrap(session: Session, source: str, body: bytes) -> Reading:
    """The events in the body of a webhook; those that are not understood are counted."""
    number, _colon, slug = source.removeprefix(inbox.WEBHOOK).partition(":")
    found = providers.PROVIDERS[slug].read(body)
    if found.unknown:
        session.execute(
            update(Webhook).where(Webhook.id == int(number)).values(unknown=Webhook.unknown + found.unknown)
        )
    return found
