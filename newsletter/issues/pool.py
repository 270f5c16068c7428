"""Candidates of a digest and the pool of an issue, read from the tables."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from newsletter.articles.models import Article, Placement
from newsletter.core.database import among
from newsletter.issues.models import DigestRun, Issue, IssueArticle, Judgement, RunOutcome
from newsletter.issues.selection.candidate import Candidate, PoolItem, Verdict
from newsletter.issues.selection.pick import Pool
from newsletter.issues.selection.rules import Rules, Updated, read_rules
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Newsletter, Schedule

CLOSING = (RunOutcome.ISSUE, RunOutcome.NOTHING, RunOutcome.TOO_LITTLE)
SEARCHED = 4000  # characters of an article that are searched for keywords
GRACE = timedelta(hours=1)  # an article may be committed a little after the moment it was placed


def rules_of(newsletter: Newsletter, schedule: Schedule) -> Rules:
    """The rules by which a cadence's digests are composed."""
    return read_rules(schedule.rules if schedule.rules is not None else newsletter.rules)


def window_start(session: Session, schedule: Schedule, *, before: datetime | None = None) -> datetime:
    """Where the next window of a cadence begins: at the cut-off of the last one that was closed, before a moment."""
    return next(iter(_windows(session, schedule, 1, before)), (schedule.created_at, schedule.created_at))[1]


def candidates(
    session: Session,
    newsletter: Newsletter,
    schedule: Schedule,
    *,
    cut_off: datetime,
    rules: Rules | None = None,
    judged_before: datetime | None = None,
) -> list[Candidate]:
    """What the next digest of a cadence may hold: what came in since the window before the last `carry` ones and what
    is pinned or in reserve, less what an earlier run was done with.

    `judged_before`: as it was at that moment, runs with a later cut-off left out; for a rehearsal.
    """
    rules = rules or rules_of(newsletter, schedule)
    horizon = _horizon(session, schedule, judged_before)
    here = (
        Placement.newsletter_id == newsletter.id,
        Placement.placed_at < cut_off,
        # What an editor withdraws stays out, also of a digest whose cut-off was before.
        Placement.withdrawn_at.is_(None),
    )
    recent = select(Placement.article_id).where(*here, Placement.placed_at >= horizon)
    kept = select(Placement.article_id).where(*here, or_(Placement.pin.is_not(None), Placement.reserve))
    ids = {*session.scalars(recent), *session.scalars(kept)}
    told: set[int] = set()
    if rules.updated is Updated.AGAIN:
        told = _revised_since(session, schedule, newsletter.id, horizon)
    return _read(session, newsletter, schedule, ids, told, judged_before=judged_before)


def by_hand(session: Session, newsletter: Newsletter, article_id: int) -> Candidate | None:
    """An article as a candidate, whatever was judged of it; None: it is a translation, or not of this newsletter."""
    main = schedules.main_of(session, newsletter.id)
    found = _read(session, newsletter, main, {article_id}, {article_id}, judged_before=None)
    return found[0] if found else None


def pool_of(session: Session, issue: Issue) -> Pool:
    """The pool of an issue, by the rules that it was composed by."""
    rows = session.execute(
        select(IssueArticle, Article.language, Article.author, Article.source_name, Placement.topic_id)
        .join(Article, Article.id == IssueArticle.article_id)
        .outerjoin(
            Placement,
            and_(Placement.article_id == Article.id, Placement.newsletter_id == IssueArticle.newsletter_id),
        )
        .where(IssueArticle.issue_id == issue.id)
        .order_by(IssueArticle.position)
    ).all()
    spoken = _translations(session, [place.article_id for place, *_rest in rows])
    items = [
        PoolItem(
            article_id=place.article_id,
            story_id=place.story_id,
            section=place.section,
            pinned=place.pinned,
            languages=frozenset({language, *spoken.get(place.article_id, ())}),
            topic_id=topic_id,
            author=author or "",
            source=source or "",
        )
        for place, language, author, source, topic_id in rows
    ]
    return Pool(items, read_rules(issue.rules))


def _windows(
    session: Session, schedule: Schedule, count: int, before: datetime | None
) -> list[tuple[datetime, datetime]]:
    """The last windows that a cadence has closed, the latest first."""
    query = (
        select(DigestRun.window_start, DigestRun.cut_off)
        .where(DigestRun.schedule_id == schedule.id, DigestRun.outcome.in_(CLOSING))
        .order_by(DigestRun.cut_off.desc())
        .limit(count)
    )
    if before is not None:
        query = query.where(DigestRun.cut_off < before)
    return [(start, end) for start, end in session.execute(query)]


def _horizon(session: Session, schedule: Schedule, before: datetime | None) -> datetime:
    windows = _windows(session, schedule, max(1, schedule.carry), before)
    if not windows:
        return schedule.created_at - GRACE
    return (windows[-1][0] if schedule.carry else windows[0][1]) - GRACE


def _revised_since(session: Session, schedule: Schedule, newsletter_id: int, horizon: datetime) -> set[int]:
    """Articles that a digest of the cadence had, and that their source has changed since, within the window."""
    query = (
        select(Judgement.article_id)
        .join(DigestRun, DigestRun.id == Judgement.run_id)
        .join(Article, Article.id == Judgement.article_id)
        .where(
            Judgement.schedule_id == schedule.id,
            Judgement.verdict == Verdict.IN,
            DigestRun.newsletter_id == newsletter_id,
            Article.revised_at >= horizon,
        )
        .group_by(Judgement.article_id, Article.revised_at)
        .having(func.max(DigestRun.cut_off) < Article.revised_at)
    )
    return set(session.scalars(query))


def _read(
    session: Session,
    newsletter: Newsletter,
    schedule: Schedule,
    ids: Collection[int],
    told: Collection[int],
    *,
    judged_before: datetime | None,
) -> list[Candidate]:
    done = exists().where(
        Judgement.schedule_id == schedule.id,
        Judgement.article_id == Article.id,
        or_(Judgement.verdict == Verdict.IN, and_(Judgement.verdict == Verdict.OUT, Placement.pin.is_(None))),
    )
    if judged_before is not None:
        done = done.where(Judgement.run_id == DigestRun.id, DigestRun.cut_off < judged_before)
    query: Select[Any] = (
        select(
            Article.id,
            Article.story_id,
            Article.title,
            Article.language,
            Article.summary,
            func.substr(Article.body_text, 1, SEARCHED),
            Article.author,
            Article.source_name,
            Article.published_at,
            Placement,
        )
        .join(Placement, and_(Placement.article_id == Article.id, Placement.newsletter_id == newsletter.id))
        .where(
            among(session, Article.id, {*ids, *told}),
            Article.translation_of.is_(None),
            or_(~done, among(session, Article.id, told)) if told else ~done,
        )
    )
    rows = session.execute(query).all()
    topics = {topic.id: topic.name for topic in newsletters.topics(session, newsletter.id)}
    spoken = _translations(session, [row[0] for row in rows])
    return [
        Candidate(
            article_id=article_id,
            story_id=story_id or article_id,
            title=title,
            placed_at=place.placed_at,
            language=language,
            languages=frozenset({language, *spoken.get(article_id, ())}),
            text=f"{summary}\n{text}",
            topic_id=place.topic_id,
            topic=topics.get(place.topic_id or 0, ""),
            author=author or "",
            source=source or "",
            published_at=published_at,
            pin=place.pin,
            pinned_by=place.pinned_by or "",
            boost=place.boost,
            embargo_until=place.embargo_until,
            expires_at=place.expires_at,
            reserve=place.reserve,
            told=article_id in told,
        )
        for article_id, story_id, title, language, summary, text, author, source, published_at, place in rows
    ]


def _translations(session: Session, article_ids: Iterable[int]) -> dict[int, list[str]]:
    """The languages each article has been translated into."""
    found: dict[int, list[str]] = {}
    rows = session.execute(
        select(Article.translation_of, Article.language).where(
            among(session, Article.translation_of, list(article_ids))
        )
    )
    for original, language in rows:
        if original is not None:
            found.setdefault(original, []).append(language)
    return found
