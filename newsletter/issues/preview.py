"""An issue as readers will see it: the same code for a preview and for the freeze."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from newsletter.articles import queries as articles
from newsletter.articles.models import Article
from newsletter.core.prose import reading_minutes
from newsletter.core.templating import RenderedMail
from newsletter.core.urls import Links
from newsletter.delivery.personalise import Recipient, fill
from newsletter.issues.content import DigestContent, Image, Story
from newsletter.issues.contents import check_mail
from newsletter.issues.editing import article_ids
from newsletter.issues.models import Block, Issue, Variant
from newsletter.issues.render import render_digest, render_web
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Edition, Newsletter


def preview(
    session: Session, issue: Issue, *, language: str, links: Links, reader: Recipient | None = None
) -> RenderedMail:
    """The mail of an issue in a language as this reader would get it; without one, as the public may see it.

    Raises RefusedError for an issue that could not be sent.
    """
    newsletter = newsletters.by_id(session, issue.newsletter_id)
    mail = render_digest(_content(session, issue, newsletter, language=language, links=links), language)
    check_mail(mail, issue, newsletter, links=links)
    return _seen_by(reader, mail, links)


def preview_next(
    session: Session,
    newsletter: Newsletter,
    held: list[int],
    *,
    language: str,
    links: Links,
    now: datetime,
    reader: Recipient | None = None,
) -> RenderedMail:
    """The same for an issue that has not been made, of these articles."""
    content = digest_content(
        session,
        newsletter,
        held,
        number=0,
        moment=now,
        subject="",
        introduction="",
        web_url=links.archive(newsletter.slug),
        language=language,
    )
    return _seen_by(reader, render_digest(content, language), links)


def make_variant(session: Session, issue: Issue, newsletter: Newsletter, *, language: str, links: Links) -> Variant:
    """Everything that is sent and shown of an issue in one language, as it will stay.

    Raises RefusedError for an issue that could not be sent.
    """
    content = _content(session, issue, newsletter, language=language, links=links)
    mail = render_digest(content, language)
    check_mail(mail, issue, newsletter, links=links)
    whole = Block(
        issue_id=issue.id,
        key=f"whole:{language}",
        html=mail.html,
        text=mail.text,
        web_html=render_web(content, language),
    )
    session.add(whole)
    session.flush()
    return Variant(
        issue_id=issue.id,
        key=whole.key,
        language=language,
        edition=Edition.FULL,
        articles=article_ids(session, issue.id),
        blocks=[whole.id],
        subject=mail.subject,
        preheader=mail.preheader,
        public=True,
        readers=0,
    )


def _seen_by(reader: Recipient | None, mail: RenderedMail, links: Links) -> RenderedMail:
    """The mail with its slots filled."""
    somebody = reader or Recipient(0, "", "", links.home(), links.home())
    return RenderedMail(
        subject=fill(mail.subject, somebody, html=False),
        preheader=fill(mail.preheader, somebody, html=False),
        html=fill(mail.html, somebody, html=True),
        text=fill(mail.text, somebody, html=False),
    )


def _content(session: Session, issue: Issue, newsletter: Newsletter, *, language: str, links: Links) -> DigestContent:
    return digest_content(
        session,
        newsletter,
        article_ids(session, issue.id),
        number=issue.number,
        moment=issue.cut_off,
        subject=issue.subject,
        introduction=issue.introduction,
        web_url=links.archive(newsletter.slug, issue.number),
        language=language,
    )


def digest_content(
    session: Session,
    newsletter: Newsletter,
    held: list[int],
    *,
    number: int,
    moment: datetime,
    subject: str,
    introduction: str,
    web_url: str,
    language: str,
) -> DigestContent:
    """What an issue says in a language: each article translated where a translation exists, dated in the newsletter's
    zone.

    A subject that an editor wrote is in the newsletter's language; in another one it is made from the stories.
    """
    in_language = articles.in_language(session, held, language)
    topics = {topic.id: topic.name for topic in newsletters.topics(session, newsletter.id)}
    filed = articles.topic_ids(session, newsletter.id, held)
    own = language == newsletter.language
    return DigestContent(
        newsletter=newsletter.name,
        publisher=newsletter.publisher,
        postal_address=newsletter.postal_address,
        web_url=web_url,
        number=number,
        day=moment.astimezone(ZoneInfo(newsletter.timezone)).date(),
        stories=tuple(_story(in_language[item], topics.get(filed.get(item) or 0, "")) for item in held),
        subject=subject if own else "",
        introduction=introduction if own else "",
        replies_welcome=newsletter.reply_to is not None,
    )


def _story(article: Article, topic: str) -> Story:
    return Story(
        title=article.title,
        url=article.url or "",
        summary=article.summary,
        topic=topic,
        author=article.author or "",
        source=article.source_name or "",
        minutes=reading_minutes(article.body_text),
        image=Image(article.image_url, article.image_alt) if article.image_url else None,
        key=f"a{article.id}",
        body_html="" if article.url else article.body_html,
    )
