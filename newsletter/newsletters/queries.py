"""Reading newsletters."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.newsletters.models import Newsletter, Topic


def all_newsletters(session: Session) -> list[Newsletter]:
    """Every newsletter, oldest first. A newsroom has a handful."""
    return list(session.scalars(select(Newsletter).order_by(Newsletter.id)))


def by_slug(session: Session, slug: str, *, within: Collection[int] | None = None) -> Newsletter:
    """The newsletter of this short name. One that is not among the ids `within`, if given, does not exist."""
    # PostgreSQL refuses a text with NUL in it, and an address of a page may hold any character.
    found = session.scalar(select(Newsletter).where(Newsletter.slug == slug)) if slug.isprintable() else None
    if found is None or (within is not None and found.id not in within):
        raise NotFoundError(_("There is no newsletter called “%(slug)s”.", slug=slug[:60]))
    return found


def by_id(session: Session, newsletter_id: int) -> Newsletter:
    found = session.get(Newsletter, newsletter_id)
    if found is None:
        raise NotFoundError(_("This newsletter does not exist."))
    return found


def topics(session: Session, newsletter_id: int) -> list[Topic]:
    return list(session.scalars(select(Topic).where(Topic.newsletter_id == newsletter_id).order_by(Topic.name)))
