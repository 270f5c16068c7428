"""Asking approvers and telling editors by mail: rows, which the writers in `letters` put into words when they leave."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts import rights
from newsletter.accounts.models import User
from newsletter.accounts.permissions import Permission
from newsletter.core.addresses import key_of
from newsletter.delivery import transactional
from newsletter.issues import letters
from newsletter.issues.models import Issue
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter

LIFETIME = timedelta(days=2)
MOST = 50  # editors that one notice goes to


class Notice(StrEnum):
    """What editors are told about a digest."""

    HELD = "held"  # too little is new
    READY = "ready"  # it waits for an approval on the desk
    WAITING = "waiting"  # its hour is over, and it goes on waiting
    STOPPED = "stopped"  # something fatal was found
    SKIPPED = "skipped"  # its hour is over, and it was given up


def ask(session: Session, issue: Issue, *, now: datetime) -> int:
    """Send each approver a proof of the issue as it is now; returns how many there are."""
    newsletter = newsletters.by_id(session, issue.newsletter_id)
    for email in newsletter.approvers:
        transactional.queue(
            session,
            kind=letters.PROOF,
            email=email,
            email_key=key_of(email),
            language=_language(session, newsletter, email),
            newsletter_id=newsletter.id,
            params={"issue": issue.id, "revision": issue.revision},
            lifetime=LIFETIME,
            now=now,
        )
    if newsletter.approvers:
        issue.proofed_revision = issue.revision
    return len(newsletter.approvers)


def tell(session: Session, issue: Issue, notice: Notice, *, now: datetime) -> None:
    """Tell the approvers, or whoever may send when there are none, what has become of an issue."""
    newsletter = newsletters.by_id(session, issue.newsletter_id)
    for email in newsletter.approvers or rights.who_may(session, Permission.SEND, newsletter.id, limit=MOST):
        transactional.queue(
            session,
            kind=letters.ISSUE_NOTICE,
            email=email,
            email_key=key_of(email),
            language=_language(session, newsletter, email),
            newsletter_id=newsletter.id,
            params={"issue": issue.id, "notice": notice},
            lifetime=LIFETIME,
            now=now,
        )


def _language(session: Session, newsletter: Newsletter, email: str) -> str:
    """What somebody on the staff has chosen, else the newsletter's."""
    chosen = session.scalar(select(User.language).where(User.email_key == key_of(email)))
    return chosen or newsletter.language
