"""What a reader chose of a newsletter: topics, how much of an issue, at which hour, in which rhythm.

Readers who chose alike share a row (see Choice), so whoever composes groups a million of them by one column.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Schedule
from newsletter.newsletters.wording import check_time_zone
from newsletter.subscriptions import consent
from newsletter.subscriptions.interning import EVERYTHING as EVERYTHING  # noqa: PLC0414 - other rooms have it from here
from newsletter.subscriptions.interning import ChoiceValues as ChoiceValues  # noqa: PLC0414 - the same
from newsletter.subscriptions.interning import intern, of_row
from newsletter.subscriptions.models import Choice, ConsentKind, Subscription


def values_of(session: Session, subscription: Subscription) -> ChoiceValues:
    """What a reader chose; who chose nothing gets everything as it comes."""
    row = session.get(Choice, subscription.choice_id) if subscription.choice_id is not None else None
    return EVERYTHING if row is None else of_row(row)


def set_choice(
    session: Session,
    subscription: Subscription,
    values: ChoiceValues,
    *,
    now: datetime,
    actor: str = "",
    network: str = "",
) -> None:
    """Keep what a reader chose, with a record of the change; RefusedError for what makes no sense."""
    checked = check(session, subscription.newsletter_id, values)
    before = values_of(session, subscription)
    if checked == before:
        return
    subscription.choice_id = intern(session, subscription.newsletter_id, [checked])[checked]
    wording = _("%(before)s → %(after)s", before=_as_text(before), after=_as_text(checked))
    consent.record(session, subscription, ConsentKind.CHANGED, now=now, wording=wording, actor=actor, network=network)


def set_cadence(
    session: Session,
    subscription: Subscription,
    schedule: Schedule,
    *,
    now: datetime,
    actor: str = "",
    network: str = "",
) -> None:
    """Put a reader on a cadence of the newsletter, with a record of the change; on the main one they stay when others
    come and go.
    """
    chosen = cadence_id(session, subscription.newsletter_id, schedule)
    if chosen == subscription.schedule_id:
        return
    before = cadence_of(session, subscription)
    subscription.schedule_id = chosen
    wording = _("%(before)s → %(after)s", before=before.slug, after=schedule.slug)
    consent.record(session, subscription, ConsentKind.CHANGED, now=now, wording=wording, actor=actor, network=network)


def cadence_id(session: Session, newsletter_id: int, schedule: Schedule) -> int | None:
    """What a subscription keeps of a cadence; RefusedError for one of another newsletter."""
    if schedule.newsletter_id != newsletter_id:
        raise RefusedError(_("This rhythm belongs to another newsletter."))
    return None if schedule.id == schedules.main_of(session, newsletter_id).id else schedule.id


def cadence_of(session: Session, subscription: Subscription) -> Schedule:
    """The cadence a reader is on; the main one when theirs is gone."""
    chosen = session.get(Schedule, subscription.schedule_id) if subscription.schedule_id is not None else None
    if chosen is not None and chosen.removed_at is None:
        return chosen
    return schedules.main_of(session, subscription.newsletter_id)


def check(session: Session, newsletter_id: int, values: ChoiceValues) -> ChoiceValues:
    """The values in their one form: all topics are none in particular, a zone without an hour says nothing.

    RefusedError for what makes no sense.
    """
    if values.hour is not None and not 0 <= values.hour <= 23:
        raise RefusedError(_("An hour is a number from 0 to 23."))
    if values.timezone is not None:
        check_time_zone(values.timezone)
    topics = values.topics
    if topics is not None:
        known = {topic.id for topic in newsletters.topics(session, newsletter_id)}
        if not topics <= known:
            raise RefusedError(_("This topic belongs to another newsletter."))
        if not topics:
            raise RefusedError(_("Choose at least one topic. To get nothing any more, leave the newsletter."))
        topics = None if topics == known else topics
    zone = values.timezone if values.hour is not None else None
    return ChoiceValues(topics, values.edition, values.hour, zone, values.breaking)


def _as_text(values: ChoiceValues) -> str:
    topics = "*" if values.topics is None else ",".join(map(str, sorted(values.topics)))
    hour = "" if values.hour is None else f" hour={values.hour} {values.timezone or ''}".rstrip()
    return f"topics={topics} edition={values.edition}{hour} breaking={'yes' if values.breaking else 'no'}"
