"""A reader asks to subscribe. Nothing here ever tells the caller what was known about the address."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter.core import ratelimit
from newsletter.core.addresses import Address
from newsletter.core.tokens import Signer, hash_token
from newsletter.core.urls import CONFIRM
from newsletter.delivery import transactional
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import consent, mails, records, wishes
from newsletter.subscriptions.models import (
    Confirmation,
    ConsentKind,
    EndedReason,
    Subscriber,
    Subscription,
    SubscriptionStatus,
)
from newsletter.subscriptions.wishes import Wish
from newsletter.suppression import ledger as suppression

LIFETIME = timedelta(days=7)
REST = timedelta(hours=24)  # between two confirmation mails for one subscription
UNANSWERED = 3  # confirmation mails without an answer, then no more
MAILS_A_DAY = 6  # to one mailbox, over all newsletters: a form must not become a way to fill somebody's inbox


def request_subscription(
    session: Session,
    signer: Signer,
    *,
    newsletter: Newsletter,
    address: Address,
    language: str,
    form: str,
    network: str,
    wording: str,
    now: datetime,
    wish: Wish | None = None,
    name: str = "",
) -> None:
    """Write the request down; the worker mails what there is to mail. `wish` and `name` are kept until the
    confirmation, and only where one is mailed: nobody changes what a reader has chosen by typing their address.

    A new, pending or ended subscription gets a confirmation mail, an active one a mail that says so, a suppressed
    address nothing.
    """
    if not suppression.may_confirm(session, address.key):
        return
    subscriber = records.subscriber_for(session, address, language=language, now=now)
    subscription = records.subscription_for(session, subscriber.id, newsletter.id, now=now)
    if subscription.status in (SubscriptionStatus.ACTIVE, SubscriptionStatus.PAUSED):
        _say_already_subscribed(session, subscriber, newsletter, now=now)
        return
    if subscription.ended_reason is EndedReason.NOT_ME:
        return
    if not may_mail_confirmation(session, subscription, now=now) or not may_mail(session, address, now=now):
        return
    if subscription.status is SubscriptionStatus.ENDED:
        records.reopen(subscription)
        subscriber.language = language
    if wish is not None:
        wishes.grant(session, newsletter, subscription, wish, now=now, network=network)
    consent.record(session, subscription, ConsentKind.REQUESTED, now=now, wording=wording, form=form, network=network)
    queue_confirmation(
        session, signer, subscriber, subscription, wording=wording, language=language, now=now, name=name
    )


def queue_confirmation(
    session: Session,
    signer: Signer,
    subscriber: Subscriber,
    subscription: Subscription,
    *,
    wording: str,
    language: str,
    now: datetime,
    name: str = "",
) -> None:
    """Make a confirmation and queue its mail; the links of earlier ones stop working."""
    session.execute(
        update(Confirmation)
        .where(
            Confirmation.subscription_id == subscription.id,
            Confirmation.used_at.is_(None),
            Confirmation.replaced_at.is_(None),
        )
        .values(replaced_at=now)
    )
    nonce = secrets.token_urlsafe(18)
    session.add(
        Confirmation(
            subscription_id=subscription.id,
            token_hash=hash_token(signer.derive_token(CONFIRM, nonce)),
            nonce=nonce,
            wording=wording,
            name=records.clean_name(name) or None,
            created_at=now,
            expires_at=now + LIFETIME,
        )
    )
    transactional.queue(
        session,
        kind=mails.CONFIRM,
        email=subscriber.email,
        email_key=subscriber.email_key,
        language=language,
        newsletter_id=subscription.newsletter_id,
        params={"nonce": nonce},
        lifetime=timedelta(hours=24),
        now=now,
    )


def may_mail_confirmation(session: Session, subscription: Subscription, *, now: datetime) -> bool:
    """At most one confirmation mail a day for a subscription, and three without an answer."""
    last_used = (
        select(func.coalesce(func.max(Confirmation.id), 0))
        .where(Confirmation.subscription_id == subscription.id, Confirmation.used_at.is_not(None))
        .scalar_subquery()
    )
    unanswered, latest = session.execute(
        select(func.count(), func.max(Confirmation.created_at)).where(
            Confirmation.subscription_id == subscription.id, Confirmation.id > last_used
        )
    ).one()
    return unanswered == 0 or (unanswered < UNANSWERED and now - latest >= REST)


def may_mail(session: Session, address: Address, *, now: datetime) -> bool:
    """Count a mail to the mailbox behind an address, however it is spelled; False when it had enough today."""
    return ratelimit.hit(session, f"mails:{address.mailbox}", limit=MAILS_A_DAY, window=timedelta(days=1), now=now)


def _say_already_subscribed(session: Session, subscriber: Subscriber, newsletter: Newsletter, *, now: datetime) -> None:
    key = f"already:{newsletter.id}:{subscriber.id}"
    if ratelimit.hit(session, key, limit=1, window=REST, now=now):
        transactional.queue(
            session,
            kind=mails.ALREADY_SUBSCRIBED,
            email=subscriber.email,
            email_key=subscriber.email_key,
            language=subscriber.language,
            newsletter_id=newsletter.id,
            params={"subscriber_id": subscriber.id},
            lifetime=timedelta(hours=24),
            now=now,
        )
