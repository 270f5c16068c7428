"""Articles of an issue as the stories that it tells."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.articles import pictures
from newsletter.articles import queries as articles
from newsletter.articles.models import Article
from newsletter.articles.pictures import ReadyPicture
from newsletter.core.prose import reading_minutes
from newsletter.core.urls import Links
from newsletter.issues.content import Elsewhere, Image, Story
from newsletter.issues.models import IssueArticle
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter


def stories(
    session: Session,
    newsletter: Newsletter,
    held: Sequence[int],
    *,
    language: str,
    links: Links,
    sections: Mapping[int, str],
    rules: Mapping[str, Any] | None,
) -> tuple[Story, ...]:
    """The stories of articles in their order. `sections` are titles, by article.

    A picture comes from us or not at all: one at its publisher's address would tell the publisher who reads, and change
    or go after the mail is out.
    """
    chosen = articles.in_language(session, list(held), language)
    topics = {topic.id: topic.name for topic in newsletters.topics(session, newsletter.id)}
    filed = articles.topic_ids(session, newsletter.id, list(held))
    elsewhere = articles.also_in(session, held)
    shown = pictures.ready(session, {*held, *(article.id for article in chosen.values())})
    zone = ZoneInfo(newsletter.timezone)
    marked = (rules or {}).get("updated", "ignore") != "ignore"
    return tuple(
        Story(
            article_id=item,
            title=article.title,
            url=article.url or "",
            summary=article.summary,
            section=sections.get(item, ""),
            topic=topics.get(filed.get(item) or 0, ""),
            author=article.author or "",
            source=article.source_name or "",
            minutes=reading_minutes(article.body_text),
            day=article.published_at.astimezone(zone).date() if article.published_at else None,
            image=_image(shown.get(article.id) or shown.get(item), article, links),
            key=f"a{article.id}",
            body_html="" if article.url else article.body_html,
            updated=marked and article.revised_at is not None,
            also_in=_places(elsewhere.get(item, ()), article),
            language=article.language if article.language != language else "",
        )
        for item in held
        for article in (chosen[item],)
    )


def sections_of(session: Session, issue_id: int) -> dict[int, str]:
    """The section of each article of an issue that has one, as a key of its rules."""
    rows = session.execute(
        select(IssueArticle.article_id, IssueArticle.section).where(
            IssueArticle.issue_id == issue_id, IssueArticle.section.is_not(None)
        )
    )
    return {article: section for article, section in rows if section}


def section_titles(sections: Mapping[int, str], rules: Mapping[str, Any] | None) -> dict[int, str]:
    """The title of each article's section, as the rules have it."""
    titles = {item["key"]: item["title"] for item in (rules or {}).get("sections", [])}
    return {article: titles[key] for article, key in sections.items() if titles.get(key)}


def _image(picture: ReadyPicture | None, article: Article, links: Links) -> Image | None:
    if picture is None:
        return None
    address = links.media(picture.key, picture.content_type)
    return Image(address, article.image_alt, picture.width, picture.height)


def _places(others: Collection[Article], article: Article) -> tuple[Elsewhere, ...]:
    """Where else a story is told, each place once."""
    places = {
        other.source_name: other.url
        for other in others
        if other.source_name and other.url and other.source_name != article.source_name
    }
    return tuple(Elsewhere(name, url) for name, url in places.items())
