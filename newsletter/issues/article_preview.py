"""An article alone, as the mail of a digest would lead with it and as the archive shows it whole; nothing is stored."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from newsletter.articles.draft import ArticleDraft
from newsletter.articles.pictures import ReadyPicture
from newsletter.core.i18n import known_locale
from newsletter.core.prose import reading_minutes
from newsletter.core.templating import RenderedMail
from newsletter.core.urls import Links
from newsletter.issues import dressing, preview
from newsletter.issues.content import DigestContent, Image, Story
from newsletter.issues.typesetting import Typesetter
from newsletter.newsletters.models import Newsletter

ONLY = 1  # stands for the article's id


def article_mail(
    session: Session,
    newsletter: Newsletter,
    draft: ArticleDraft,
    picture: ReadyPicture | None,
    *,
    links: Links,
    now: datetime,
) -> RenderedMail:
    """The mail that this article leads, set as issues are and in what the newsletter wears. A picture that is not
    fetched yet comes from where it is.
    """
    day = now.astimezone(ZoneInfo(newsletter.timezone)).date()
    locale = known_locale(newsletter.language) or "en"
    content = DigestContent(
        newsletter=newsletter.name,
        publisher=newsletter.publisher,
        postal_address=newsletter.postal_address,
        web_url=links.archive(newsletter.slug),
        number=0,
        day=day,
        stories=(_story(draft, picture, links, newsletter),),
        replies_welcome=newsletter.reply_to is not None,
        dress=dressing.dress_of(session, newsletter, links),
    )
    setter = Typesetter(content, locale=locale)
    return preview.seen_by(None, preview.set_mail(setter, [ONLY]), links)


def _story(draft: ArticleDraft, picture: ReadyPicture | None, links: Links, newsletter: Newsletter) -> Story:
    published = draft.published_at
    return Story(
        article_id=ONLY,
        title=draft.title,
        url=draft.url or "",
        summary=draft.summary,
        topic=draft.topic or "",
        author=draft.author or "",
        source=draft.source_name or "",
        minutes=reading_minutes(draft.body_text),
        day=published.astimezone(ZoneInfo(newsletter.timezone)).date() if published else None,
        image=image_of(draft, picture, links),
        key="a1",
        body_html="" if draft.url else draft.body_html,
        language=draft.language if draft.language != newsletter.language else "",
    )


def image_of(draft: ArticleDraft, picture: ReadyPicture | None, links: Links) -> Image | None:
    if picture is not None:
        address = links.media(picture.key, picture.content_type)
        return Image(address, draft.image_alt, picture.width, picture.height)
    return Image(draft.image_url, draft.image_alt) if draft.image_url else None
