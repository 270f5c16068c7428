"""Articles beside an issue, for its editor: those that are out, those that are in, those in reserve; each with why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from newsletter.articles.models import Article, Placement
from newsletter.core.i18n import format_datetime
from newsletter.core.i18n import gettext as _
from newsletter.issues import queries
from newsletter.issues.models import Issue, IssueArticle
from newsletter.newsletters.models import Newsletter

SEARCHED = 2000  # the newest articles, among which a word is looked for
PAGE = 12
MOST_COUNTED = 100


class Tab(StrEnum):
    OUT = "out"
    IN = "in"
    RESERVE = "reserve"


@dataclass(frozen=True, slots=True)
class Item:
    """`why` is empty for what nobody has judged and nothing keeps out. `addable`: nothing forbids it."""

    article: Article
    placement: Placement
    topic: str
    why: str
    addable: bool


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page of one tab. `older`: the article below which the next page begins; None: this is the last."""

    tab: Tab
    text: str
    items: Sequence[Item]
    counts: Mapping[Tab, int]
    older: int | None


def shelf(
    session: Session,
    issue: Issue,
    newsletter: Newsletter,
    told: Mapping[int, str],
    topics: Mapping[int, str],
    *,
    tab: Tab,
    text: str = "",
    before: int | None = None,
    now: datetime,
) -> Shelf:
    """A page of the articles of a newsletter as they stand to an issue, the newest first.

    `told`: why each that was judged is in or out, in words; `topics`: names by id. `text` is looked for in titles,
    authors, sources and addresses of the newest articles.
    """
    query = _rows(issue, tab, text).order_by(Article.id.desc()).limit(PAGE + 1)
    if before is not None:
        query = query.where(Article.id < before)
    rows = session.execute(query).all()
    shown = rows[:PAGE]
    carried = queries.issue_numbers(session, newsletter.id, [article.id for article, _placement in shown])
    items = [
        _item(article, place, issue, newsletter, told, topics, carried, tab=tab, now=now) for article, place in shown
    ]
    return Shelf(tab, text, items, _counts(session, issue, told), shown[-1][0].id if len(rows) > PAGE else None)


def _rows(issue: Issue, tab: Tab, text: str) -> Select[Article, Placement]:
    held = exists().where(IssueArticle.issue_id == issue.id, IssueArticle.article_id == Placement.article_id)
    query = (
        select(Article, Placement)
        .join(Placement, and_(Placement.article_id == Article.id, Placement.newsletter_id == issue.newsletter_id))
        .where(Article.translation_of.is_(None))
    )
    match tab:
        case Tab.IN:
            query = query.where(
                Article.id.in_(select(IssueArticle.article_id).where(IssueArticle.issue_id == issue.id))
            )
        case Tab.RESERVE:
            query = query.where(Placement.reserve, Placement.withdrawn_at.is_(None), ~held)
        case Tab.OUT:
            query = query.where(~Placement.reserve, Placement.withdrawn_at.is_(None), ~held)
    if text:
        newest = (
            select(Placement.article_id)
            .where(Placement.newsletter_id == issue.newsletter_id)
            .order_by(Placement.placed_at.desc())
            .limit(SEARCHED)
        )
        query = query.where(Article.id.in_(newest), _says(text))
    return query


def _says(text: str) -> ColumnElement[bool]:
    """SQL: every word stands somewhere in what names the article."""
    columns = (Article.title, Article.author, Article.source_name, Article.url)
    return and_(
        *(
            or_(*(func.lower(column).contains(word.lower(), autoescape=True) for column in columns))
            for word in text.split()[:8]
        )
    )


def _counts(session: Session, issue: Issue, told: Mapping[int, str]) -> dict[Tab, int]:
    """What each tab has: of those that are out only what was judged is counted, for the others are the whole past."""
    held = set(session.scalars(select(IssueArticle.article_id).where(IssueArticle.issue_id == issue.id)))
    reserve = _rows(issue, Tab.RESERVE, "").with_only_columns(Article.id).limit(MOST_COUNTED).subquery()
    kept = set(session.scalars(select(reserve.c.id)))
    return {Tab.OUT: len(set(told) - held - kept), Tab.IN: len(held), Tab.RESERVE: len(kept)}


def _item(
    article: Article,
    place: Placement,
    issue: Issue,
    newsletter: Newsletter,
    told: Mapping[int, str],
    topics: Mapping[int, str],
    carried: Mapping[int, tuple[int, int]],
    *,
    tab: Tab,
    now: datetime,
) -> Item:
    barred = _barred(place, newsletter, now=now) if tab is not Tab.IN else ""
    why = barred or told.get(article.id, "") or _unjudged(article, place, issue, carried, tab)
    return Item(article, place, topics.get(place.topic_id or 0, ""), why, addable=tab is not Tab.IN and not barred)


def _barred(place: Placement, newsletter: Newsletter, *, now: datetime) -> str:
    """Why it cannot come at all at present."""
    zone = ZoneInfo(newsletter.timezone)
    if place.embargo_until is not None and now < place.embargo_until:
        return _("Under embargo until %(when)s", when=format_datetime(place.embargo_until, zone=zone))
    if place.expires_at is not None and place.expires_at <= now:
        return _("Expired on %(when)s", when=format_datetime(place.expires_at, zone=zone))
    return ""


def _unjudged(
    article: Article, place: Placement, issue: Issue, carried: Mapping[int, tuple[int, int]], tab: Tab
) -> str:
    """Why the rules have said nothing of it."""
    if tab is Tab.IN:
        return ""
    if article.id in carried and carried[article.id][0] != issue.id:
        return _("In issue %(number)d", number=carried[article.id][1])
    if tab is Tab.RESERVE:
        return _("Kept for a day with too little news")
    if place.placed_at >= issue.cut_off:
        return _("Came in after this issue was composed")
    return _("Not among what was new")
