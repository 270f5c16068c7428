"""Topics of a newsletter, named and renamed by staff."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.newsletters.models import Newsletter, Topic
from newsletter.newsletters.wording import LONGEST_NAME, LONGEST_SLUG, check_line, check_slug, slugify


def by_slug(session: Session, newsletter: Newsletter, slug: str) -> Topic:
    """The topic of this short name; NotFoundError when there is none, with those that exist."""
    known = {item.slug: item for item in session.scalars(select(Topic).where(Topic.newsletter_id == newsletter.id))}
    if slug not in known:
        raise NotFoundError(
            _(
                "There is no topic “%(name)s”. These exist: %(topics)s.",
                name=slug[:LONGEST_SLUG],
                topics=", ".join(sorted(known)) or "—",
            )
        )
    return known[slug]


def add(session: Session, newsletter: Newsletter, name: str, *, slug: str = "") -> Topic:
    """A new topic; its short name is made from its name unless given. Readers of all topics get it too."""
    name = _name(name)
    slug = check_slug(slug or slugify(name))
    if session.scalar(select(Topic.id).where(Topic.newsletter_id == newsletter.id, Topic.slug == slug)):
        raise RefusedError(_("There is a topic called “%(slug)s” already.", slug=slug))
    made = Topic(newsletter_id=newsletter.id, slug=slug, name=name)
    session.add(made)
    session.flush()
    return made


def rename(session: Session, topic: Topic, name: str) -> None:
    """Another name; the short one stays, for files that readers are imported from name it."""
    topic.name = _name(name)
    session.flush()


def _name(text: str) -> str:
    name = check_line(" ".join(text.split()), LONGEST_NAME)
    if not name:
        raise RefusedError(_("Give the topic a name."))
    return name
