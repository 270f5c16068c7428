"""Candidates of a digest and the pool of an issue, read from the tables."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from newsletter.articles.models import Article, Placement
from newsletter.core.database import among
from newsletter.issues.models import DigestRun, Issue, IssueArticle, Judgement
from newsletter.issues.selection.candidate import Candidate, PoolItem, Verdict
from newsletter.issues.selection.outcome import CLOSING, RunOutcome
from newsletter.issues.selection.pick import Pool
from newsletter.issues.selection.rules import Rules, Updated, read_rules
from newsletter.issues.selection.window import Offer, Past, horizon, open_to
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter, Schedule

SEARCHED = 4000  # characters of an article that are searched for keywords


def rules_of(newsletter: Newsletter, schedule: Schedule) -> Rules:
    """The rules by which a cadence's digests are composed."""
    return read_rules(schedule.rules if schedule.rules is not None else newsletter.rules)


def window_start(session: Session, schedule: Schedule, *, before: datetime | None = None) -> datetime:
    """Where the next window of a cadence begins: at the cut-off of the last one that was closed, before a moment."""
    return next(iter(windows(session, schedule, before=before)), (schedule.created_at, schedule.created_at))[1]


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
    since = horizon(windows(session, schedule, before=judged_before), carry=schedule.carry, begin=schedule.created_at)
    found = offers(session, newsletter, schedule, since=since, cut_off=cut_off)
    judged = past(session, schedule, [item.article_id for item in found], before=judged_before)
    again = rules.updated is Updated.AGAIN
    return read(session, newsletter, open_to(found, judged, since=since, cut_off=cut_off, again=again))


def by_hand(session: Session, newsletter: Newsletter, article_id: int) -> Candidate | None:
    """An article as a candidate, whatever was judged of it; None: it is a translation, or not of this newsletter."""
    found = read(session, newsletter, {article_id: True})
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


def windows(session: Session, schedule: Schedule, *, before: datetime | None = None) -> list[tuple[datetime, datetime]]:
    """The last windows that a cadence has closed, the latest first: as many as `horizon` looks at."""
    query = (
        select(DigestRun.window_start, DigestRun.cut_off)
        .where(DigestRun.schedule_id == schedule.id, DigestRun.outcome.in_(CLOSING))
        .order_by(DigestRun.cut_off.desc())
        .limit(max(1, schedule.carry))
    )
    if before is not None:
        query = query.where(DigestRun.cut_off < before)
    return [(start, end) for start, end in session.execute(query)]


def offers(
    session: Session,
    newsletter: Newsletter,
    schedule: Schedule,
    *,
    since: datetime,
    cut_off: datetime,
    withdrawn: bool = False,
) -> list[Offer]:
    """Articles that came in, or changed after a digest had them, in `[since, cut_off)`, and those that are kept.

    `withdrawn`: those too that were withdrawn after `since`, for a look back. Else what an editor withdraws stays out,
    also of a digest whose cut-off was before.
    """
    there = Placement.withdrawn_at.is_(None)
    here = (
        Placement.newsletter_id == newsletter.id,
        Placement.placed_at < cut_off,
        or_(there, Placement.withdrawn_at > since) if withdrawn else there,
    )
    had = (
        select(Judgement.article_id)
        .join(Article, Article.id == Judgement.article_id)
        .where(Judgement.schedule_id == schedule.id, Judgement.verdict == Verdict.IN, Article.revised_at >= since)
    )
    kinds = (
        Placement.placed_at >= since,
        Placement.embargo_until >= since,
        or_(Placement.pin.is_not(None), Placement.reserve),
        Placement.article_id.in_(had),
    )
    found: dict[int, Offer] = {}
    for kind in kinds:  # each by its own index
        for place, revised_at in session.execute(
            select(Placement, Article.revised_at)
            .join(Article, Article.id == Placement.article_id)
            .where(*here, kind, Article.translation_of.is_(None))
        ):
            found[place.article_id] = Offer(
                article_id=place.article_id,
                placed_at=place.placed_at,
                pinned=place.pin is not None,
                reserve=place.reserve,
                embargo_until=place.embargo_until,
                revised_at=revised_at,
                withdrawn_at=place.withdrawn_at,
            )
    return list(found.values())


def past(
    session: Session, schedule: Schedule, article_ids: Collection[int], *, before: datetime | None = None
) -> dict[int, Past]:
    """What the runs of a cadence, those with a cut-off before a moment, have said of articles for all its readers."""
    inside, outside = Judgement.verdict == Verdict.IN, Judgement.verdict == Verdict.OUT
    query = (
        select(
            Judgement.article_id,
            func.max(case((inside, DigestRun.cut_off))),
            func.max(case((outside, 1), else_=0)),
        )
        .join(DigestRun, DigestRun.id == Judgement.run_id)
        .where(
            Judgement.schedule_id == schedule.id,
            among(session, Judgement.article_id, article_ids),
            Judgement.verdict != Verdict.LATER,
            DigestRun.outcome != RunOutcome.PART,
        )
        .group_by(Judgement.article_id)
    )
    if before is not None:
        query = query.where(DigestRun.cut_off < before)
    return {article_id: Past(had_at, bool(out)) for article_id, had_at, out in session.execute(query)}


def read(session: Session, newsletter: Newsletter, told: Mapping[int, bool]) -> list[Candidate]:
    """These articles as candidates, each with whether a digest of the cadence has had it."""
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
            among(session, Article.id, told),
            Article.translation_of.is_(None),
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
            told=told[article_id],
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
