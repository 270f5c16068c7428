"""The word of whoever looks at a digest before it leaves: that it may, or that there shall be none this time."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core.addresses import key_of
from newsletter.core.errors import ConflictError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.tokens import Signer
from newsletter.core.urls import REVIEW
from newsletter.issues import clearance, dispatch, editing, status, upkeep
from newsletter.issues.models import Approval, Issue, IssueStatus
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter, Review


@dataclass(frozen=True, slots=True)
class Mandate:
    """What a mailed link says: an approver was sent this revision of an issue."""

    issue_id: int
    revision: int
    email: str


def under_review(issue: Issue) -> bool:
    """Whether an issue waits for an approval, be its hour to come or over."""
    return issue.status is IssueStatus.DRAFT and issue.review is not Review.NONE and issue.send_at is not None


def approve(
    session: Session,
    issue: Issue,
    *,
    email: str,
    now: datetime,
    expected_revision: int | None = None,
) -> None:
    """Let an issue under review leave at its hour; when that is over, now. Saying so twice changes nothing.

    The approval is of `expected_revision`; ConflictError when the issue has changed since.
    """
    status.lock(session, issue)
    editing.must_be_at(session, issue, expected_revision)
    if issue.status is not IssueStatus.DRAFT and email in of_revision(session, issue):
        return
    if not under_review(issue):
        raise RefusedError(_not_under_review(issue))
    if upkeep.is_outdated(session, issue):
        raise ConflictError(_("An article of this issue has changed a moment ago. Look at it again."))
    editing.check_texts_of(session, issue)
    clearance.must_pass(session, issue)
    if email not in of_revision(session, issue):
        session.add(Approval(issue_id=issue.id, revision=issue.revision, email=email, at=now))
    _record(session, issue, "issue.approved", actor=email, now=now)
    dispatch.decide(session, issue, send_at=issue.send_at or now, actor=email, now=now)


def skip(session: Session, issue: Issue, *, by: str, now: datetime, expected_revision: int | None = None) -> None:
    """Give up an issue that has not left; its articles may come in the next one."""
    status.lock(session, issue)
    editing.must_be_at(session, issue, expected_revision)
    if issue.status not in editing.OPEN:
        raise RefusedError(_("This issue cannot be skipped: it has left, or was cancelled."))
    dispatch.cancel(session, issue, actor=by, now=now, reason={"code": "skipped", "by": by})


def of_revision(session: Session, issue: Issue) -> list[str]:
    """Who has approved the issue as it is now."""
    query = select(Approval.email).where(Approval.issue_id == issue.id, Approval.revision == issue.revision)
    return list(session.scalars(query.order_by(Approval.id)))


def of_issues(session: Session, issues: Mapping[int, Issue]) -> dict[int, list[str]]:
    """The same for several issues, by id."""
    found: dict[int, list[str]] = {}
    rows = session.execute(
        select(Approval.issue_id, Approval.revision, Approval.email)
        .where(Approval.issue_id.in_(issues))
        .order_by(Approval.id)
    )
    for issue_id, revision, email in rows:
        if issues[issue_id].revision == revision:
            found.setdefault(issue_id, []).append(email)
    return found


def number_of(email: str) -> int:
    """An approver as a number below 2**48, for a signed link: it opens as long as the address is in the settings."""
    return int.from_bytes(hashlib.sha256(key_of(email).encode()).digest()[:6])


def read_link(session: Session, signer: Signer, token: str) -> Mandate | None:
    """Whose link a token is; None when it is none of ours, and when its approver is no longer asked."""
    numbers = signer.read(REVIEW, token, 3)
    issue = session.get(Issue, numbers[0]) if numbers else None
    if numbers is None or issue is None:
        return None
    newsletter = newsletters.by_id(session, issue.newsletter_id)
    email = next((item for item in newsletter.approvers if number_of(item) == numbers[2]), None)
    return Mandate(issue.id, numbers[1], email) if email else None


def asked(newsletter: Newsletter) -> list[str]:
    """Addresses that are sent a proof."""
    return list(newsletter.approvers) if newsletter.review is not Review.HOLD else []


def _not_under_review(issue: Issue) -> str:
    match issue.status:
        case IssueStatus.DRAFT:
            return _("This issue is not under review: it leaves when somebody sends it from the desk.")
        case IssueStatus.SCHEDULED:
            return _("This issue needs no approval: it leaves at its hour.")
        case IssueStatus.CANCELLED:
            return _("This issue was given up.")
    return _("This issue has left already.")


def _record(session: Session, issue: Issue, action: str, *, actor: str, now: datetime) -> None:
    audit.record(
        session, actor=actor, action=action, subject="issue", subject_id=issue.id, now=now, revision=issue.revision
    )
