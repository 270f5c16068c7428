"""What staff do to subscriptions; every change says who did it."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core.addresses import Address, parse_address
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.tokens import Signer
from newsletter.delivery import bounces
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import consent, pausing, records, signup, unsubscribe
from newsletter.subscriptions.models import (
    Confirmation,
    ConsentKind,
    EndedReason,
    Subscriber,
    Subscription,
    SubscriptionStatus,
)
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import SuppressionReason


def add_subscriber(
    session: Session,
    signer: Signer,
    newsletter: Newsletter,
    address: Address,
    *,
    name: str,
    status: SubscriptionStatus,
    proof: str,
    actor: str,
    now: datetime,
) -> Subscription:
    """Add a reader: `active` with a proof of consent in words, or `pending`, which mails a confirmation.

    RefusedError when the address is blocked, or is subscribed already.
    """
    if suppression.find(session, address.key) is not None:
        raise RefusedError(_("This address is blocked: nothing may be mailed to it."))
    subscriber = records.subscriber_for(session, address, language=newsletter.language, name=name, now=now)
    subscription = records.subscription_for(session, subscriber.id, newsletter.id, now=now)
    if subscription.status is SubscriptionStatus.ACTIVE:
        raise RefusedError(_("%(email)s is subscribed already.", email=subscriber.email))
    if status is SubscriptionStatus.ACTIVE:
        if not proof.strip():
            raise RefusedError(_("Say where and when this person agreed: it is the proof of consent."))
        activate(session, subscription, kind=ConsentKind.ADDED_BY_STAFF, wording=proof, actor=actor, now=now)
    else:
        records.reopen(subscription)
        consent.record(session, subscription, ConsentKind.REQUESTED, now=now, wording=proof, form="staff", actor=actor)
        signup.queue_confirmation(
            session, signer, subscriber, subscription, wording=proof, language=subscriber.language, now=now
        )
    audit.record(
        session,
        actor=actor,
        action="subscriber.added",
        subject="subscription",
        subject_id=subscription.id,
        now=now,
        status=status,
    )
    return subscription


def activate(
    session: Session, subscription: Subscription, *, kind: ConsentKind, wording: str, actor: str, now: datetime
) -> None:
    """Make a subscription active on a proof of consent that was given elsewhere."""
    records.activate(subscription, now=now)
    consent.record(session, subscription, kind, now=now, wording=wording, actor=actor)


def end_subscription(session: Session, subscription_id: int, *, actor: str, now: datetime) -> None:
    """End a reader's subscription, queued mail included."""
    subscription = session.get(Subscription, subscription_id)
    if subscription is None or session.get(Subscriber, subscription.subscriber_id) is None:
        raise NotFoundError(_("This subscription does not exist."))
    if unsubscribe.end(session, subscription_id, EndedReason.BY_STAFF, actor=actor, now=now):
        audit.record(
            session,
            actor=actor,
            action="subscriber.ended",
            subject="subscription",
            subject_id=subscription_id,
            now=now,
        )


def pause_subscription(
    session: Session, newsletter: Newsletter, subscription_id: int, day: date, *, actor: str, now: datetime
) -> None:
    """Send a reader nothing until a day. RefusedError for a day that makes no sense, and for who does not read."""
    subscription = _locked(session, newsletter, subscription_id)
    until = pausing.moment_of(newsletter, day, now=now)
    pausing.pause(session, subscription, until, now=now, actor=actor)
    _note_subscription(session, "subscriber.paused", subscription_id, actor=actor, now=now, until=until.isoformat())


def resume_subscription(
    session: Session, newsletter: Newsletter, subscription_id: int, *, actor: str, now: datetime
) -> None:
    """End a reader's break before its day."""
    subscription = _locked(session, newsletter, subscription_id)
    if subscription.status is SubscriptionStatus.PAUSED:
        pausing.resume(session, subscription, now=now, actor=actor)
        _note_subscription(session, "subscriber.resumed", subscription_id, actor=actor, now=now)


def resend_confirmation(
    session: Session, signer: Signer, newsletter: Newsletter, subscription_id: int, *, actor: str, now: datetime
) -> None:
    """Ask the owner of an address once more. RefusedError for who is not asked, must not be written to, or was asked
    often enough: the caps are those of the form, since the mailbox is the same.
    """
    subscription = _locked(session, newsletter, subscription_id)
    subscriber = session.get_one(Subscriber, subscription.subscriber_id)
    if subscription.status is not SubscriptionStatus.PENDING:
        raise RefusedError(_("Only who has not confirmed yet can be asked again."))
    if not suppression.may_confirm(session, subscriber.email_key):
        raise RefusedError(_("This address is blocked: nothing may be mailed to it."))
    if not signup.may_mail_confirmation(session, subscription, now=now):
        raise RefusedError(_("A confirmation leaves once a day, and three times without an answer: no more."))
    if not signup.may_mail(session, parse_address(subscriber.email), now=now):
        raise RefusedError(_("This mailbox got enough mails for today. Try again tomorrow."))
    latest = select(Confirmation.wording).where(Confirmation.subscription_id == subscription_id)
    wording = session.scalar(latest.order_by(Confirmation.id.desc()).limit(1)) or ""
    language = subscriber.language
    signup.queue_confirmation(session, signer, subscriber, subscription, wording=wording, language=language, now=now)
    _note_subscription(session, "subscriber.asked_again", subscription_id, actor=actor, now=now)


def _locked(session: Session, newsletter: Newsletter, subscription_id: int) -> Subscription:
    subscription = session.get(Subscription, subscription_id, with_for_update=True)
    if subscription is None or subscription.newsletter_id != newsletter.id:
        raise NotFoundError(_("This subscription does not exist."))
    return subscription


def _note_subscription(
    session: Session, action: str, subscription_id: int, *, actor: str, now: datetime, **details: Any
) -> None:
    audit.record(
        session, actor=actor, action=action, subject="subscription", subject_id=subscription_id, now=now, **details
    )


def block(session: Session, email_key: str, *, why: str, actor: str, now: datetime) -> None:
    """Never write to an address; what waits for it is withdrawn. RefusedError without a reason, or when it is so
    already.
    """
    _need_reason(why)
    if suppression.find(session, email_key) is not None:
        raise RefusedError(_("Nothing is sent to this address already."))
    suppression.suppress(session, email_key, SuppressionReason.MANUAL, source=actor, note=why, now=now)
    who = session.scalar(select(Subscriber.id).where(Subscriber.email_key == email_key))
    if who is not None:
        bounces.withdraw(session, [who], now=now)
    _note(session, "address.blocked", who, why=why, actor=actor, now=now)


def unblock(session: Session, email_key: str, *, why: str, actor: str, now: datetime) -> None:
    """Write to an address again. RefusedError without a reason, or when nothing holds it up."""
    _need_reason(why)
    if not suppression.lift(session, email_key, by=f"{actor}: {why}"[:320], now=now):
        raise RefusedError(_("Nothing holds this address up."))
    who = session.scalar(select(Subscriber.id).where(Subscriber.email_key == email_key))
    _note(session, "address.unblocked", who, why=why, actor=actor, now=now)


def _need_reason(why: str) -> None:
    if not why.strip():
        raise RefusedError(_("Say why: somebody will ask."))


def _note(session: Session, action: str, who: int | None, *, why: str, actor: str, now: datetime) -> None:
    audit.record(session, actor=actor, action=action, subject="subscriber", subject_id=who, now=now, why=why)
