"""What happens to articles while an issue waits: their text changes, or they are withdrawn. An approval was of what
they said, and nothing that was withdrawn may leave.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from newsletter.articles.models import Article, Placement
from newsletter.core.database import among
from newsletter.issues import editing
from newsletter.issues.models import Issue, IssueArticle

ACTOR = "source"


def outdated() -> ColumnElement[bool]:
    """SQL: an article of the issue, or a translation of one, has changed or was withdrawn since the last edit."""
    since = func.coalesce(Issue.changed_at, Issue.created_at)
    held = IssueArticle.issue_id == Issue.id
    told = or_(Article.id == IssueArticle.article_id, Article.translation_of == IssueArticle.article_id)
    changed = exists().where(held, told, Article.updated_at > since)
    gone = exists().where(
        held,
        Placement.article_id == IssueArticle.article_id,
        Placement.newsletter_id == IssueArticle.newsletter_id,
        Placement.withdrawn_at > since,
    )
    return or_(changed, gone)


def is_outdated(session: Session, issue: Issue) -> bool:
    """The same for one issue."""
    session.flush()
    return session.scalar(select(Issue.id).where(and_(Issue.id == issue.id, outdated()))) is not None


def renew(session: Session, issue: Issue, *, now: datetime) -> None:
    """Take note of what became of the articles of an issue that the caller has locked: earlier approvals are void."""
    gone = drop_withdrawn(session, issue)
    editing.finish(session, issue, "issue.articles_changed", actor=ACTOR, now=now, withdrawn=gone)


def drop_withdrawn(session: Session, issue: Issue) -> list[int]:
    """Take out what has been withdrawn; which articles these were."""
    query = (
        select(IssueArticle.article_id)
        .join(
            Placement,
            and_(
                Placement.article_id == IssueArticle.article_id,
                Placement.newsletter_id == IssueArticle.newsletter_id,
            ),
        )
        .where(IssueArticle.issue_id == issue.id, Placement.withdrawn_at.is_not(None))
    )
    gone = list(session.scalars(query))
    if gone:
        session.execute(
            delete(IssueArticle)
            .where(IssueArticle.issue_id == issue.id, among(session, IssueArticle.article_id, gone))
            .execution_options(synchronize_session="fetch")
        )
    return gone
