"""Composing a digest: what is new for a newsletter becomes an issue. Button, command and schedule all come through
here.
"""

from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.articles.models import Article, Placement
from newsletter.issues.models import DigestRun, Issue, IssueArticle, IssueStatus, RunOutcome, Trigger
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Newsletter

MOST = 60  # articles in one issue; more would fit neither a mail nor a morning


def compose(
    session: Session,
    newsletter: Newsletter,
    *,
    trigger: Trigger,
    actor: str,
    now: datetime,
    cut_off: datetime | None = None,
) -> Issue | None:
    """Make a draft of everything placed before the cut-off (now, unless given) that no issue has held; None: nothing
    new.

    The newsletter's row is locked, so that two calls at one moment come one after the other, and the second finds
    nothing. An article whose row was committed late, with an earlier time, is not lost either: what counts is that no
    issue holds it.
    """
    cut_off = cut_off or now
    session.execute(select(Newsletter.id).where(Newsletter.id == newsletter.id).with_for_update(key_share=True))
    window_start = _window_start(session, newsletter)
    if cut_off <= window_start:
        # A schedule caught up late, after somebody pressed the button: that window is closed. A run that ended before
        # it began would make the next one begin where this one did. What came in late waits for the next window.
        return None
    articles = candidates(session, newsletter.id, cut_off=cut_off)
    if not articles:
        return None
    schedule = schedules.main_of(session, newsletter.id)
    issue = Issue(
        newsletter_id=newsletter.id,
        schedule_id=schedule.id,
        number=_next_number(session, newsletter.id),
        status=IssueStatus.DRAFT,
        subject="",
        preheader="",
        introduction="",
        resend_unknown=newsletter.resend_unknown,
        cut_off=cut_off,
        created_at=now,
        created_by=actor,
    )
    session.add(issue)
    session.flush()
    session.add_all(
        IssueArticle(
            issue_id=issue.id,
            article_id=article.id,
            newsletter_id=newsletter.id,
            position=position,
            story_id=article.story_id or article.id,
        )
        for position, article in enumerate(articles)
    )
    session.add(
        DigestRun(
            newsletter_id=newsletter.id,
            schedule_id=schedule.id,
            outcome=RunOutcome.ISSUE,
            window_start=window_start,
            cut_off=cut_off,
            trigger=trigger,
            issue_id=issue.id,
            created_at=now,
        )
    )
    audit.record(
        session,
        actor=actor,
        action="issue.composed",
        subject="issue",
        subject_id=issue.id,
        now=now,
        articles=len(articles),
        trigger=trigger,
    )
    session.flush()
    return issue


def candidates(session: Session, newsletter_id: int, *, cut_off: datetime, limit: int = MOST) -> list[Article]:
    """Articles for the next issue, the latest published first; translations stand behind their original."""
    held = exists().where(IssueArticle.newsletter_id == newsletter_id, IssueArticle.article_id == Article.id)
    query = (
        select(Article)
        .join(Placement, Placement.article_id == Article.id)
        .where(
            Placement.newsletter_id == newsletter_id,
            Placement.placed_at < cut_off,
            Placement.withdrawn_at.is_(None),
            Article.translation_of.is_(None),
            ~held,
        )
        .order_by(func.coalesce(Article.published_at, Placement.placed_at).desc(), Article.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def _next_number(session: Session, newsletter_id: int) -> int:
    return (session.scalar(select(func.max(Issue.number)).where(Issue.newsletter_id == newsletter_id)) or 0) + 1


def _window_start(session: Session, newsletter: Newsletter) -> datetime:
    latest = session.scalar(select(func.max(DigestRun.cut_off)).where(DigestRun.newsletter_id == newsletter.id))
    return latest or newsletter.created_at
