"""What a newcomer finds after the first start: a sample newsletter with articles, and a way in for the first member of
staff.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts import users
from newsletter.accounts.models import Role, User
from newsletter.articles.editing import add_article
from newsletter.articles.samples import load_samples
from newsletter.core.clock import utc_now
from newsletter.core.i18n import current_locale
from newsletter.core.installation import Installation
from newsletter.newsletters import queries
from newsletter.newsletters.editing import NewsletterValues, create_newsletter, ensure_topic
from newsletter.newsletters.models import Newsletter

SAMPLE = NewsletterValues(
    slug="depeche",
    name="La Dépêche du soir",
    publisher="Le Courrier du Zio",
    description="L’essentiel de la journée au Togo et dans le monde, en cinq minutes de lecture.",
    from_address="redaction@courrier-du-zio.example",
    from_name="La Dépêche du soir",
    language="fr",
    timezone="Africa/Lome",
    postal_address="12 rue du Marché, Tsévié, Togo",
)
OWNER = "redaction@courrier-du-zio.example"


@dataclass(frozen=True, slots=True)
class FirstRun:
    """What to print; `sign_in_url` is None once somebody has set a password."""

    form_url: str
    mailbox_url: str
    sign_in_url: str | None


def prepare(installation: Installation) -> FirstRun:
    """Make the sample newsletter and the first account when there are none, and a fresh link while nobody has signed
    in.
    """
    now = utc_now()
    with installation.database.unit() as session:
        newsletters = queries.all_newsletters(session)
        newsletter = newsletters[0] if newsletters else _make_sample(session, installation, now=now)
        link = _sign_in_link(session, installation, now=now)
    return FirstRun(
        form_url=installation.links.form(newsletter.slug),
        mailbox_url=installation.links.mailbox(),
        sign_in_url=link,
    )


def _make_sample(session: Session, installation: Installation, *, now: datetime) -> Newsletter:
    newsletter = create_newsletter(session, SAMPLE, now=now, vault=installation.vault)
    # One second apart, the first one last: a digest begins with the newest.
    for place, (french, english) in enumerate(load_samples()):
        placed_at = now - timedelta(seconds=1 + place)
        topic = ensure_topic(session, newsletter.id, french.topic) if french.topic else None
        topic_id = topic.id if topic else None
        original, _created = add_article(session, french, newsletter_id=newsletter.id, topic_id=topic_id, now=placed_at)
        add_article(
            session,
            english,
            newsletter_id=newsletter.id,
            topic_id=topic_id,
            translation_of=original.id,
            now=placed_at,
        )
    return newsletter


def _sign_in_link(session: Session, installation: Installation, *, now: datetime) -> str | None:
    if session.scalar(select(User.id).where(User.password_hash.is_not(None)).limit(1)) is not None:
        return None
    owner = session.scalar(select(User).order_by(User.id).limit(1))
    if owner is None:
        owner = users.create_user(session, OWNER, Role.OWNER, language=current_locale(), now=now, actor="first start")
    return installation.links.password(users.make_password_link(session, owner.id, now=now))
