"""Runs of a newsletter's cadences, those too of which no issue came, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.issues.models import DigestRun, Issue, RunOutcome
from newsletter.issues.selection.outcome import HELD, Missed
from newsletter.newsletters.models import Schedule


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as people read it. `due_at` None: somebody asked for it. `number`: of its issue, if one came of it."""

    id: int
    cadence: str
    due_at: datetime | None
    cut_off: datetime
    outcome: RunOutcome
    words: str
    issue_id: int | None
    number: int | None


def page(
    session: Session, newsletter_id: int, *, before: int | None = None, limit: int, without_issue: bool = False
) -> list[RunView]:
    """Runs, the latest first; `before`: those that come after the run of this id in the list."""
    query = _of(newsletter_id).order_by(DigestRun.id.desc()).limit(limit)
    if before is not None:
        query = query.where(DigestRun.id < before)
    if without_issue:
        query = query.where(DigestRun.outcome.not_in((RunOutcome.ISSUE, RunOutcome.PART)))
    return [_view(*row) for row in session.execute(query)]


def by_id(session: Session, newsletter_id: int, run_id: int) -> RunView:
    """NotFoundError: the newsletter has no such run."""
    row = session.execute(_of(newsletter_id).where(DigestRun.id == run_id)).one_or_none()
    if row is None:
        raise NotFoundError(_("This run does not exist."))
    return _view(*row)


def of_issue(session: Session, issue_id: int) -> int | None:
    """The run that an issue came of, by its id; none for what is written by hand."""
    query = select(DigestRun.id).where(DigestRun.issue_id == issue_id).order_by(DigestRun.id.desc()).limit(1)
    return session.scalars(query).first()


def _of(newsletter_id: int) -> Select[DigestRun, str, int | None]:
    return (
        select(DigestRun, Schedule.name, Issue.number)
        .join(Schedule, Schedule.id == DigestRun.schedule_id)
        .outerjoin(Issue, Issue.id == DigestRun.issue_id)
        .where(DigestRun.newsletter_id == newsletter_id)
    )


def _view(run: DigestRun, cadence: str, number: int | None) -> RunView:
    return RunView(
        id=run.id,
        cadence=cadence,
        due_at=run.due_at,
        cut_off=run.cut_off,
        outcome=run.outcome,
        words=in_words(run.outcome, run.reason),
        issue_id=run.issue_id if number is not None else None,
        number=number,
    )


def in_words(outcome: RunOutcome, reason: Mapping[str, Any] | None) -> str:
    """What came of a run, for example “Skipped: 1 new article, and 3 are the least”."""
    reason = reason or {}
    new = ngettext("%(num)s new article", "%(num)s new articles", reason.get("found", 0))
    least = reason.get("count", 0)
    match outcome:
        case RunOutcome.ISSUE if reason.get("code") == HELD:
            return _("An issue that waits for an editor: %(new)s, and %(count)s are the least", new=new, count=least)
        case RunOutcome.ISSUE:
            return _("An issue")
        case RunOutcome.PART:
            return _("An issue for some of the readers: what was new comes in the next digest of the others")
        case RunOutcome.TOO_LITTLE:
            return _("Skipped: %(new)s, and %(count)s are the least", new=new, count=least)
        case RunOutcome.MERGED:
            return _("Left to the next digest: %(new)s, and %(count)s are the least", new=new, count=least)
        case RunOutcome.MISSED if reason.get("code") == Missed.CLOSED:
            return _("Nothing to do: what was new had been composed by hand before")
        case RunOutcome.MISSED if reason.get("code") == Missed.OVERTAKEN:
            return _("Missed: the next hour came before a worker did, and brought what was new")
        case RunOutcome.MISSED:
            return _("Missed: its hour passed without a worker, and it was too late to catch up")
    seen = reason.get("candidates", 0)
    if not seen:
        return _("Nothing new")
    return ngettext(
        "Nothing: %(num)s article was looked at and stayed out",
        "Nothing: %(num)s articles were looked at and stayed out",
        seen,
    )
