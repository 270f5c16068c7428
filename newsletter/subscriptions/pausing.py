"""A break: nothing comes until a day that the reader names, breaking news neither."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlalchemy.orm import Session

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.delivery import ledger
from newsletter.delivery.models import SkipReason
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import consent
from newsletter.subscriptions.models import ConsentKind, Subscription, SubscriptionStatus

LONGEST = timedelta(days=2 * 365)


def moment_of(newsletter: Newsletter, day: date, *, now: datetime) -> datetime:
    """When a break until a day ends: as that day begins where the newsletter is at home. RefusedError for a day that
    is not to come, or beyond two years.
    """
    zone = ZoneInfo(newsletter.timezone)
    today = now.astimezone(zone).date()
    if day <= today:
        raise RefusedError(_("A break ends on a day to come."))
    if day > today + LONGEST:
        raise RefusedError(_("A break lasts two years at most. To get nothing any more, leave the newsletter."))
    return datetime.combine(day, time(), zone).astimezone(UTC)


def first_day(newsletter: Newsletter, *, now: datetime) -> date:
    """The first day that a break can end on."""
    return now.astimezone(ZoneInfo(newsletter.timezone)).date() + timedelta(days=1)


def pause(
    session: Session, subscription: Subscription, until: datetime, *, now: datetime, actor: str = "", network: str = ""
) -> None:
    """Send nothing until then, and take back what is queued. Only who reads a newsletter can pause it."""
    if subscription.status not in (SubscriptionStatus.ACTIVE, SubscriptionStatus.PAUSED):
        raise RefusedError(_("Only an active subscription can take a break."))
    if subscription.status is SubscriptionStatus.PAUSED and subscription.paused_until == until:
        return
    subscription.status = SubscriptionStatus.PAUSED
    subscription.paused_until = until
    session.flush()  # a worker that looks again finds the break
    ledger.withdraw(
        session,
        subscriber_id=subscription.subscriber_id,
        newsletter_id=subscription.newsletter_id,
        reason=SkipReason.PAUSED,
        now=now,
    )
    wording = f"paused until {until.isoformat()}"
    consent.record(session, subscription, ConsentKind.CHANGED, now=now, wording=wording, actor=actor, network=network)


def resume(session: Session, subscription: Subscription, *, now: datetime, actor: str = "", network: str = "") -> None:
    """End a break before its day; nothing happens to who takes none."""
    if subscription.status is not SubscriptionStatus.PAUSED:
        return
    subscription.status = SubscriptionStatus.ACTIVE
    subscription.paused_until = None
    consent.record(session, subscription, ConsentKind.CHANGED, now=now, wording="resumed", actor=actor, network=network)


def resume_due(session: Session, *, now: datetime) -> None:
    """End every break whose day has come, in one statement. Its record is that of its beginning, which names the
    day.
    """
    session.execute(
        update(Subscription)
        .where(Subscription.paused_until <= now, Subscription.status == SubscriptionStatus.PAUSED)
        .values(status=SubscriptionStatus.ACTIVE, paused_until=None)
        .execution_options(synchronize_session=False)
    )
