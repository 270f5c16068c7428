"""Issues that anyone may read."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.articles import queries as articles
from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.delivery.slots import fill_for_nobody
from newsletter.issues.contents import blocks_of
from newsletter.issues.editing import article_ids
from newsletter.issues.models import Issue, IssueStatus, Variant
from newsletter.issues.typesetting import assemble_web

PUBLIC = (IssueStatus.SENDING, IssueStatus.PAUSED, IssueStatus.SENT)
HEADLINES = 5


@dataclass(frozen=True, slots=True)
class ArchivedIssue:
    """An issue as it was sent. `html` is its web version in one of its `languages`; in lists both are empty."""

    number: int
    subject: str
    sent_at: datetime
    headlines: list[str]
    html: str = ""
    language: str = ""
    languages: tuple[str, ...] = ()


def latest(session: Session, newsletter_id: int) -> ArchivedIssue | None:
    """The newest issue that readers have, with its first headlines."""
    issues = _page(session, newsletter_id, before=None, limit=1)
    return _entry(session, issues[0]) if issues else None


def page(session: Session, newsletter_id: int, *, before: int | None = None, limit: int = 30) -> list[ArchivedIssue]:
    """Issues, the newest first, below the number `before`."""
    return [_entry(session, issue) for issue in _page(session, newsletter_id, before=before, limit=limit)]


def read(session: Session, newsletter_id: int, number: int, *, language: str) -> ArchivedIssue:
    """One issue in a language, or in the one it has; NotFoundError when it was never sent."""
    issue = session.scalar(
        select(Issue).where(
            Issue.newsletter_id == newsletter_id,
            Issue.number == number,
            Issue.status.in_(PUBLIC),
            Issue.frozen_at.is_not(None),
        )
    )
    variants = _public(session, issue) if issue else []
    if issue is None or not variants:
        raise NotFoundError(_("This issue does not exist."))
    variant = next((item for item in variants if item.language == language), variants[0])
    entry = _entry(session, issue)
    return ArchivedIssue(
        number=issue.number,
        subject=fill_for_nobody(variant.subject),
        sent_at=entry.sent_at,
        headlines=entry.headlines,
        html=assemble_web(blocks_of(session, variant)),
        language=variant.language,
        languages=tuple(item.language for item in variants),
    )


def _page(session: Session, newsletter_id: int, *, before: int | None, limit: int) -> list[Issue]:
    query = (
        select(Issue)
        .where(Issue.newsletter_id == newsletter_id, Issue.status.in_(PUBLIC), Issue.frozen_at.is_not(None))
        .order_by(Issue.number.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Issue.number < before)
    return list(session.scalars(query))


def _entry(session: Session, issue: Issue) -> ArchivedIssue:
    order = article_ids(session, issue.id)[:HEADLINES]
    held = articles.in_language(session, order, "")
    return ArchivedIssue(
        number=issue.number,
        subject=issue.subject,
        sent_at=issue.frozen_at or issue.created_at,
        headlines=[held[article_id].title for article_id in order],
    )


def _public(session: Session, issue: Issue) -> list[Variant]:
    """One variant of each language."""
    return list(
        session.scalars(select(Variant).where(Variant.issue_id == issue.id, Variant.public).order_by(Variant.id))
    )
