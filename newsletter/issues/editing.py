"""Changing a draft."""

from functools import partial

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues import personal, rulings, status
from newsletter.issues.models import Issue, IssueArticle, IssueStatus
from newsletter.subscriptions import queries as subscriptions

MAX_SUBJECT = 200
MAX_SUBJECT_WITH_SLOTS = 300  # the column of a variant
MAX_INTRODUCTION = 4000


def change_text(session: Session, issue: Issue, *, subject: str, introduction: str) -> None:
    """Set the subject (empty: made from the lead story) and the introduction of a draft."""
    must_be_draft(session, issue)
    subject = " ".join(subject.split())
    if len(subject) > MAX_SUBJECT:
        raise RefusedError(_("The subject is too long: %(count)d characters at most.", count=MAX_SUBJECT))
    if len(introduction) > MAX_INTRODUCTION:
        raise RefusedError(_("The introduction is too long: %(count)d characters at most.", count=MAX_INTRODUCTION))
    check_texts(session, issue.newsletter_id, subject=subject, introduction=introduction)
    issue.subject = subject
    issue.introduction = introduction.strip()


def check_texts(session: Session, newsletter_id: int, *, subject: str, introduction: str) -> None:
    """Refuse texts that ask for what no reader has, or in a way that nobody understands."""
    for text, place in ((subject, _("Subject")), (introduction, _("Introduction"))):
        personal.check(
            text,
            place=place,
            has=partial(subscriptions.has_attribute, session, newsletter_id),
            known=partial(subscriptions.attribute_names, session, newsletter_id),
        )
    if len(personal.with_slots(subject)) > MAX_SUBJECT_WITH_SLOTS:
        raise RefusedError(_("The subject is too long: shorten what stands behind the bars."))


def drop(session: Session, issue: Issue, article_id: int) -> None:
    """Take an article out of a draft; it is free for the next issue. The last one stays: an empty issue is none."""
    must_be_draft(session, issue)
    held = article_ids(session, issue.id)
    if article_id not in held:
        return
    if len(held) == 1:
        raise RefusedError(_("This is the last article. Cancel the issue instead."))
    session.execute(
        delete(IssueArticle).where(IssueArticle.issue_id == issue.id, IssueArticle.article_id == article_id)
    )
    rulings.free(session, issue.id, {"code": "dropped"}, article_id=article_id)


def move(session: Session, issue: Issue, article_id: int, *, up: bool) -> None:
    """Move an article of a draft by one place; at the end of the list nothing happens."""
    must_be_draft(session, issue)
    order = article_ids(session, issue.id)
    if article_id not in order:
        return
    at = order.index(article_id)
    to = at - 1 if up else at + 1
    if not 0 <= to < len(order):
        return
    order[at], order[to] = order[to], order[at]
    for position, moved in enumerate(order):
        session.execute(
            update(IssueArticle)
            .where(IssueArticle.issue_id == issue.id, IssueArticle.article_id == moved)
            .values(position=position)
        )


def article_ids(session: Session, issue_id: int) -> list[int]:
    """Articles of an issue in their order."""
    return list(
        session.scalars(
            select(IssueArticle.article_id).where(IssueArticle.issue_id == issue_id).order_by(IssueArticle.position)
        )
    )


def must_be_draft(session: Session, issue: Issue) -> None:
    """Lock the issue and make sure that nobody has sent it meanwhile."""
    status.lock(session, issue)
    if issue.status is not IssueStatus.DRAFT:
        raise RefusedError(_("This issue is no longer a draft: what is being sent cannot change."))
