"""Breaking news: an issue of a few articles, at once, to everybody who wants such, whatever their cadence."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core.database import among
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues import digest, dispatch, editing
from newsletter.issues.models import Issue, IssueArticle, IssueKind, IssueStatus
from newsletter.issues.selection.rules import Rules
from newsletter.newsletters.models import Newsletter

MOST = 10  # articles: more are a digest


def send_breaking(
    session: Session,
    newsletter: Newsletter,
    article_ids: Sequence[int],
    *,
    subject: str = "",
    actor: str,
    now: datetime,
) -> Issue:
    """Make breaking news of these articles and let it go, after the cooling-off time if there is one.

    RefusedError when an article cannot be sent, and when these have been breaking news before: a second press must not
    make a second issue.
    """
    session.execute(select(Newsletter.id).where(Newsletter.id == newsletter.id).with_for_update(key_share=True))
    wanted = list(dict.fromkeys(article_ids))
    if not wanted:
        raise RefusedError(_("Name at least one article."))
    if len(wanted) > MOST:
        raise RefusedError(_("Breaking news has %(count)d articles at most.", count=MOST))
    _never_before(session, newsletter, wanted)
    issue = digest.open_issue(
        session,
        newsletter,
        kind=IssueKind.BREAKING,
        rules=Rules(),
        schedule=None,
        cut_off=now,
        actor=actor,
        now=now,
    )
    for article_id in wanted:
        editing.add(session, issue, article_id, actor=actor, now=now)
    editing.change_text(session, issue, subject=subject, introduction="", actor=actor, now=now)
    audit.record(
        session,
        actor=actor,
        action="issue.breaking",
        subject="issue",
        subject_id=issue.id,
        now=now,
        articles=wanted,
    )
    dispatch.send(session, issue, actor=actor, now=now)
    return issue


def told_by(session: Session, newsletter: Newsletter, article_ids: Sequence[int]) -> Issue | None:
    """The breaking news that had all of these articles, if there was one that was not given up."""
    wanted = set(article_ids)
    query = (
        select(Issue)
        .join(IssueArticle, IssueArticle.issue_id == Issue.id)
        .where(
            Issue.newsletter_id == newsletter.id,
            Issue.kind == IssueKind.BREAKING,
            Issue.status != IssueStatus.CANCELLED,
            IssueArticle.newsletter_id == newsletter.id,
            among(session, IssueArticle.article_id, wanted),
        )
        .group_by(Issue.id)
        .having(func.count() == len(wanted))
        .order_by(Issue.id.desc())
    )
    return session.scalars(query).first()


def _never_before(session: Session, newsletter: Newsletter, wanted: Sequence[int]) -> None:
    earlier = told_by(session, newsletter, wanted)
    if earlier is not None:
        raise RefusedError(_("Issue %(number)d has been breaking news of this already.", number=earlier.number))
