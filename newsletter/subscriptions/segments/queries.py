"""Reading segments."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.subscriptions.segments.models import Segment


def of_newsletter(session: Session, newsletter_id: int) -> list[Segment]:
    """The segments of a newsletter, by name; some dozens."""
    query = select(Segment).where(Segment.newsletter_id == newsletter_id, Segment.removed_at.is_(None))
    return sorted(session.scalars(query), key=lambda item: item.name.casefold())


def by_id(session: Session, newsletter_id: int, segment_id: int) -> Segment:
    """NotFoundError: the newsletter has no such segment, or no more."""
    found = session.get(Segment, segment_id)
    if found is None or found.newsletter_id != newsletter_id or found.removed_at is not None:
        raise NotFoundError(_("This segment does not exist."))
    return found


def by_name(session: Session, newsletter_id: int, name: str) -> Segment:
    """NotFoundError, with those that exist, for a name that none has."""
    known = of_newsletter(session, newsletter_id)
    found = next((item for item in known if item.name.casefold() == name.strip().casefold()), None)
    if found is None:
        names = ", ".join(item.name for item in known) or "—"
        raise NotFoundError(_("There is no segment “%(name)s”. These exist: %(known)s.", name=name[:60], known=names))
    return found
