"""Cadences of a newsletter: when its digests leave."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import use_locale
from newsletter.newsletters.models import Newsletter, Schedule

MAIN = "main"


def make_main(session: Session, newsletter: Newsletter, *, rule: str, now: datetime) -> Schedule:
    """The cadence that every newsletter has from the start; without a rule, its digests leave by hand."""
    with use_locale(newsletter.language):
        name = _("Regular issue")
    made = Schedule(
        newsletter_id=newsletter.id,
        slug=MAIN,
        name=name,
        position=0,
        rule=rule,
        skipped=[],
        since=now,
        next_cut_off_at=now if rule else None,
        created_at=now,
    )
    session.add(made)
    session.flush()
    return made


def main_of(session: Session, newsletter_id: int) -> Schedule:
    """The cadence of the readers who chose none."""
    query = select(Schedule).where(Schedule.newsletter_id == newsletter_id).order_by(Schedule.position).limit(1)
    return session.scalars(query).one()
