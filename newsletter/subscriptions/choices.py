"""What a reader chose of a newsletter: topics, how much of an issue, at which hour, in which rhythm.

Readers who chose alike share a row (see Choice), so whoever composes groups a million of them by one column.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.database import insert_into
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Edition, Schedule
from newsletter.subscriptions import consent
from newsletter.subscriptions.models import Choice, ConsentKind, Subscription


@dataclass(frozen=True, slots=True)
class ChoiceValues:
    """`topics` None: all, those to come included. `hour` None: as soon as it is ready; it is read in `timezone`, None:
    the newsletter's.
    """

    topics: frozenset[int] | None = None
    edition: Edition = Edition.FULL
    hour: int | None = None
    timezone: str | None = None
    breaking: bool = True


EVERYTHING = ChoiceValues()


def values_of(session: Session, subscription: Subscription) -> ChoiceValues:
    """What a reader chose; who chose nothing gets everything as it comes."""
    row = session.get(Choice, subscription.choice_id) if subscription.choice_id is not None else None
    if row is None:
        return EVERYTHING
    topics = frozenset(row.topics) if row.topics is not None else None
    return ChoiceValues(topics, row.edition, row.hour, row.timezone, row.breaking)


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
    checked = _checked(session, subscription.newsletter_id, values)
    before = values_of(session, subscription)
    if checked == before:
        return
    chosen = None if checked == EVERYTHING else _row(session, subscription.newsletter_id, checked)
    subscription.choice_id = chosen
    wording = _("%(before)s → %(after)s", before=_as_text(before), after=_as_text(checked))
    consent.record(session, subscription, ConsentKind.CHANGED, now=now, wording=wording, actor=actor, network=network)


def set_cadence(session: Session, subscription: Subscription, schedule: Schedule) -> None:
    """Put a reader on a cadence of the newsletter; on the main one they stay when others come and go."""
    if schedule.newsletter_id != subscription.newsletter_id:
        raise RefusedError(_("This rhythm belongs to another newsletter."))
    main = schedules.main_of(session, subscription.newsletter_id)
    subscription.schedule_id = None if schedule.id == main.id else schedule.id


def _checked(session: Session, newsletter_id: int, values: ChoiceValues) -> ChoiceValues:
    """The values in their one form: all topics are none in particular, a zone without an hour says nothing."""
    if values.hour is not None and not 0 <= values.hour <= 23:
        raise RefusedError(_("An hour is a number from 0 to 23."))
    if values.timezone is not None and values.timezone not in available_timezones():
        raise RefusedError(_("“%(zone)s” is not a time zone. It looks like Africa/Lome.", zone=values.timezone[:60]))
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


def _row(session: Session, newsletter_id: int, values: ChoiceValues) -> int:
    """The shared row of these values, made by whoever comes first."""
    topics = sorted(values.topics) if values.topics is not None else None
    whole = json.dumps([topics, values.edition, values.hour, values.timezone, values.breaking])
    key = hashlib.sha256(whole.encode()).hexdigest()
    made = insert_into(session, Choice).values(
        newsletter_id=newsletter_id,
        key=key,
        topics=topics,
        edition=values.edition,
        hour=values.hour,
        timezone=values.timezone,
        breaking=values.breaking,
    )
    session.execute(made.on_conflict_do_nothing(index_elements=["newsletter_id", "key"]))
    return session.scalars(select(Choice.id).where(Choice.newsletter_id == newsletter_id, Choice.key == key)).one()


def _as_text(values: ChoiceValues) -> str:
    topics = "*" if values.topics is None else ",".join(map(str, sorted(values.topics)))
    hour = "" if values.hour is None else f" hour={values.hour} {values.timezone or ''}".rstrip()
    return f"topics={topics} edition={values.edition}{hour} breaking={'yes' if values.breaking else 'no'}"
