"""Putting right what an issue got wrong, before those who have read it and nobody else."""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import use_locale
from newsletter.delivery.models import Delivery
from newsletter.issues import digest, dispatch, editing
from newsletter.issues.models import Issue, IssueKind, IssueStatus
from newsletter.issues.reach import REACHED
from newsletter.issues.selection.rules import Rules
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter

CORRECTABLE = (IssueStatus.SENT, IssueStatus.PAUSED, IssueStatus.CANCELLED)


def send_correction(
    session: Session,
    issue: Issue,
    *,
    text: str,
    subject: str = "",
    article_id: int | None = None,
    actor: str,
    now: datetime,
) -> Issue:
    """Write to the readers whom an issue has reached, after the cooling-off time if there is one.

    With an article of the issue it goes to those who were sent that, and they get it once more as it is now.
    RefusedError while the issue is being sent: those who come later would get the mistake without its correction.
    """
    newsletter = newsletters.by_id(session, issue.newsletter_id)
    session.execute(select(Newsletter.id).where(Newsletter.id == newsletter.id).with_for_update(key_share=True))
    check(session, issue)
    if not text.strip():
        raise RefusedError(_("Say what was wrong and what is right."))
    if article_id is not None and article_id not in editing.article_ids(session, issue.id):
        raise RefusedError(_("This article was not in the issue. Choose one that was, or none."))
    made = digest.open_issue(
        session,
        newsletter,
        kind=IssueKind.CORRECTION,
        rules=Rules(),
        schedule=None,
        cut_off=now,
        actor=actor,
        now=now,
    )
    made.corrects_id = issue.id
    subject = subject.strip() or usual_subject(issue, newsletter)
    editing.change_text(session, made, subject=subject, introduction=text, actor=actor, now=now)
    if article_id is not None:
        editing.add(session, made, article_id, actor=actor, now=now)
    audit.record(
        session,
        actor=actor,
        action="issue.corrected",
        subject="issue",
        subject_id=issue.id,
        now=now,
        by_issue=made.id,
    )
    dispatch.send(session, made, actor=actor, now=now)
    return made


def usual_subject(issue: Issue, newsletter: Newsletter) -> str:
    """What a correction is called, in the newsletter's language, unless somebody says otherwise."""
    with use_locale(newsletter.language):
        return _("Correction: %(subject)s", subject=issue.subject)[: editing.MAX_SUBJECT]


def check(session: Session, issue: Issue) -> None:
    """Refuse to correct what nobody has got, and what is on its way."""
    if issue.status is IssueStatus.SENDING:
        raise RefusedError(
            _("This issue is being sent. Pause or cancel it first, or others get the mistake and no correction.")
        )
    reached = select(exists().where(Delivery.issue_id == issue.id, Delivery.status.in_(REACHED)))
    if issue.status not in CORRECTABLE or not session.scalar(reached):
        raise RefusedError(_("Nobody has got this issue: there is nobody to write a correction to."))
