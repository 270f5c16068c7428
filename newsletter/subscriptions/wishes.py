"""All that a reader may decide about a newsletter, as one thing: what a form shows and gives back."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Newsletter, Schedule, Topic
from newsletter.subscriptions import choices, pausing
from newsletter.subscriptions.interning import ChoiceValues
from newsletter.subscriptions.models import Subscription, SubscriptionStatus


@dataclass(frozen=True, slots=True)
class Options:
    """What there is to choose of a newsletter. `cadences` are in their order, the main one first."""

    newsletter: Newsletter
    topics: tuple[Topic, ...]
    cadences: tuple[Schedule, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a reader decided. `cadence`: id of one. `paused_until`: the day on which a break ends, None: no break."""

    choice: ChoiceValues
    cadence: int
    paused_until: date | None = None


def options(session: Session, newsletter: Newsletter) -> Options:
    """What there is to choose; a newsletter has a handful of topics and cadences."""
    topics = newsletters.topics(session, newsletter.id)
    return Options(newsletter, tuple(topics), tuple(schedules.of_newsletter(session, newsletter.id)))


def of(session: Session, newsletter: Newsletter, subscription: Subscription) -> Wish:
    """What a reader has decided so far."""
    until = subscription.paused_until if subscription.status is SubscriptionStatus.PAUSED else None
    return Wish(
        choices.values_of(session, subscription),
        choices.cadence_of(session, subscription).id,
        until.astimezone(ZoneInfo(newsletter.timezone)).date() if until else None,
    )


def check_cadence(session: Session, newsletter: Newsletter, schedule_id: int) -> Schedule:
    """The cadence of this id; RefusedError when the newsletter has none such."""
    found = session.get(Schedule, schedule_id)
    if found is None or found.newsletter_id != newsletter.id:
        raise RefusedError(_("This rhythm belongs to another newsletter."))
    if found.removed_at is not None:
        raise RefusedError(_("This rhythm is gone. Choose another."))
    return found


def grant(
    session: Session,
    newsletter: Newsletter,
    subscription: Subscription,
    wish: Wish,
    *,
    now: datetime,
    actor: str = "",
    network: str = "",
) -> None:
    """Do what a reader wishes, each change with its record; RefusedError, for the unit to roll back, when a part of it
    makes no sense.
    """
    schedule = check_cadence(session, newsletter, wish.cadence)
    choices.set_choice(session, subscription, wish.choice, now=now, actor=actor, network=network)
    choices.set_cadence(session, subscription, schedule, now=now, actor=actor, network=network)
    if wish.paused_until == of(session, newsletter, subscription).paused_until:
        return
    if wish.paused_until is None:
        pausing.resume(session, subscription, now=now, actor=actor, network=network)
    else:
        until = pausing.moment_of(newsletter, wish.paused_until, now=now)
        pausing.pause(session, subscription, until, now=now, actor=actor, network=network)
