"""What may become of an issue. Everything that changes a status goes by this table."""

from sqlalchemy.orm import Session

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues.models import Issue
from newsletter.issues.models import IssueStatus as S

TRANSITIONS: dict[S, frozenset[S]] = {
    S.DRAFT: frozenset({S.SCHEDULED, S.SENDING, S.CANCELLED}),
    S.SCHEDULED: frozenset({S.DRAFT, S.SENDING, S.CANCELLED}),
    S.SENDING: frozenset({S.PAUSED, S.SENT, S.CANCELLED}),
    S.PAUSED: frozenset({S.SENDING, S.CANCELLED, S.SENT}),  # sent: the messages in hand were the last ones
    S.SENT: frozenset(),  # but see `reopen`
    S.CANCELLED: frozenset(),
}


def lock(session: Session, issue: Issue) -> None:
    """Hold the issue's row until the unit ends, and read it as it is now; what the caller changed before is kept.

    Its key stays free: a worker that changes a batch twice in a transaction has it looked up, and would wait for a
    person who waits for that batch.
    """
    session.flush()
    session.refresh(issue, with_for_update={"key_share": True})


def reopen(issue: Issue) -> None:
    """Let an issue that was sent go on, for what was missed; no other way leads out of `sent`. The caller has locked
    it.
    """
    must_be_sent(issue)
    issue.status = S.SENDING


def must_be_sent(issue: Issue) -> None:
    """Refuse an issue that is not over, or was given up."""
    if issue.status is not S.SENT:
        raise RefusedError(_("Only an issue that has been sent can be sent again to those who were missed."))


def move(issue: Issue, target: S) -> None:
    """Change the status; RefusedError in words when it cannot."""
    if target not in TRANSITIONS[issue.status]:
        raise RefusedError(
            {
                S.SENDING: _("This issue cannot be sent: it was sent or cancelled before."),
                S.PAUSED: _("Only an issue that is being sent can be paused."),
                S.CANCELLED: _("This issue cannot be cancelled any more."),
                S.SCHEDULED: _("This issue cannot be scheduled: it was sent or cancelled before."),
                S.DRAFT: _("This issue cannot be pulled back: it has left, or was cancelled."),
            }.get(target, _("This issue cannot change that way."))
        )
    issue.status = target
