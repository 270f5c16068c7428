"""What a reader chose, changed by a personal link without any password."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.addresses import mask
from newsletter.core.errors import RefusedError
from newsletter.core.tokens import Signer
from newsletter.core.urls import PREFERENCES
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import consent, measuring, records, returning, unsubscribe
from newsletter.subscriptions import wishes as wishing
from newsletter.subscriptions.models import (
    ConsentKind,
    EndedReason,
    Measuring,
    Subscriber,
    Subscription,
    SubscriptionStatus,
)
from newsletter.subscriptions.wishes import Options, Wish
from newsletter.suppression import ledger as suppression

READING = (SubscriptionStatus.ACTIVE, SubscriptionStatus.PAUSED)
NOTHING_ELSE: Final[Mapping[int, Wish]] = {}
NO_ANSWER: Final[Mapping[int, tuple[Measuring | None, str]]] = {}


class WishError(RefusedError):
    """What is wished of this newsletter makes no sense."""

    def __init__(self, newsletter_id: int, sentence: str) -> None:
        super().__init__(sentence)
        self.newsletter_id = newsletter_id


@dataclass(frozen=True, slots=True)
class PreferencesView:
    """A reader's choices; `newsletters` has every newsletter with the status of the reader's subscription, None for
    none. `wishes`: what there is to choose and what was chosen, by newsletter, of those that the reader is in.
    `said`: of the same, what was said to being measured. `given_up`: nothing is sent, because too much of it came back.
    """

    subscriber_id: int
    masked_email: str
    language: str
    newsletters: list[tuple[Newsletter, SubscriptionStatus | None]]
    wishes: dict[int, tuple[Options, Wish]]
    said: dict[int, Measuring | None]
    given_up: bool = False


def look_up(session: Session, signer: Signer, token: str) -> PreferencesView | None:
    """The choices behind a link; None for a forged token or an erased reader."""
    numbers = signer.read(PREFERENCES, token, 1)
    subscriber = session.get(Subscriber, numbers[0]) if numbers else None
    if subscriber is None:
        return None
    held = _subscriptions(session, subscriber.id)
    everything = newsletters.all_newsletters(session)
    return PreferencesView(
        subscriber_id=subscriber.id,
        masked_email=mask(subscriber.email),
        language=subscriber.language,
        newsletters=[(item, held[item.id].status if item.id in held else None) for item in everything],
        wishes={
            item.id: (wishing.options(session, item), wishing.of(session, item, held[item.id]))
            for item in everything
            if item.id in held and held[item.id].status in READING
        },
        said={number: item.measuring for number, item in held.items() if item.status in READING},
        given_up=returning.is_given_up(session, subscriber.email_key),
    )


def save(
    session: Session,
    view: PreferencesView,
    *,
    language: str,
    newsletter_ids: set[int],
    wording: str,
    network: str,
    now: datetime,
    wished: Mapping[int, Wish] = NOTHING_ELSE,
    answered: Mapping[int, tuple[Measuring | None, str]] = NO_ANSWER,
) -> None:
    """Set the language, join the newsletters that are chosen and leave the others; of those that stay, do what is
    wished, by newsletter, and keep what is answered to being measured, with the words of the answer. WishError when a
    part of that makes no sense: then the unit is to be rolled back whole.

    The link came by mail to the address, so what is ticked here needs no second confirmation. An address that is
    suppressed joins nothing.
    """
    subscriber = session.get_one(Subscriber, view.subscriber_id)
    subscriber.language = language
    held = _subscriptions(session, subscriber.id, lock=True)
    may_join = suppression.find(session, subscriber.email_key) is None
    for newsletter, _status in view.newsletters:
        subscription = held.get(newsletter.id)
        subscribed = subscription is not None and subscription.status in READING
        if newsletter.id in newsletter_ids and not subscribed and may_join:
            _join(session, subscriber.id, newsletter.id, wording=wording, network=network, now=now)
        elif newsletter.id not in newsletter_ids and subscription is not None and subscribed:
            unsubscribe.end(session, subscription.id, EndedReason.UNSUBSCRIBED, network=network, now=now)
        elif subscription is not None and subscribed:
            if newsletter.id in wished:
                _grant(session, newsletter, subscription, wished[newsletter.id], network=network, now=now)
            if newsletter.id in answered:
                answer, words = answered[newsletter.id]
                measuring.say(session, subscription, answer, wording=words, network=network, now=now)


def leave_all(session: Session, view: PreferencesView, *, network: str, now: datetime) -> None:
    """Leave every newsletter, requests that were never confirmed included."""
    for subscription in _subscriptions(session, view.subscriber_id).values():
        unsubscribe.end(session, subscription.id, EndedReason.UNSUBSCRIBED, network=network, now=now)


def _join(
    session: Session, subscriber_id: int, newsletter_id: int, *, wording: str, network: str, now: datetime
) -> None:
    subscription = records.subscription_for(session, subscriber_id, newsletter_id, now=now)
    records.activate(subscription, now=now)
    consent.record(
        session,
        subscription,
        ConsentKind.CONFIRMED,
        now=now,
        wording=wording,
        form="preference centre",
        network=network,
    )


def _grant(
    session: Session, newsletter: Newsletter, subscription: Subscription, wish: Wish, *, network: str, now: datetime
) -> None:
    try:
        wishing.grant(session, newsletter, subscription, wish, network=network, now=now)
    except RefusedError as error:
        raise WishError(newsletter.id, str(error)) from None


def _subscriptions(session: Session, subscriber_id: int, *, lock: bool = False) -> dict[int, Subscription]:
    # In one order: readers who leave several newsletters at a time take turns, where each could wait for the other.
    query = select(Subscription).where(Subscription.subscriber_id == subscriber_id).order_by(Subscription.newsletter_id)
    # What was read before the lock is read again: another page may have been saved meanwhile.
    again = query.with_for_update().execution_options(populate_existing=True)
    rows = session.scalars(again if lock else query)
    return {row.newsletter_id: row for row in rows}
