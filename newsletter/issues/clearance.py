"""Whether an issue may leave, by what was found when it was looked at.

A fatal finding keeps it, until it is mended or an owner says in writing that it leaves all the same. No look yet keeps
nothing: then the message itself is looked at, which needs no network, and that decides.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.accounts.models import Role, User
from newsletter.core.database import insert_into
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.issues import editing, inspection, narrowed, status
from newsletter.issues.models import Issue
from newsletter.issues.preflight import wording
from newsletter.issues.preflight.findings import Finding, Level, fatal, from_document
from newsletter.issues.preflight_models import Overrule, Preflight

SHORTEST_REASON = 10  # characters
LONGEST_REASON = 500
FRESH = timedelta(minutes=10)  # a look that is younger is not repeated unless somebody asks


def latest(session: Session, issue: Issue) -> Preflight | None:
    """The last look at the issue as it is now."""
    return session.scalar(select(Preflight).where(Preflight.issue_id == issue.id, Preflight.revision == issue.revision))


def findings_of(run: Preflight) -> list[Finding]:
    return [from_document(item) for item in run.findings["found"]]


def record(
    session: Session,
    *,
    issue_id: int,
    revision: int,
    findings: Sequence[Finding],
    started_at: datetime,
    now: datetime,
) -> None:
    """Keep what was found of a revision, in the place of what was found of it before."""
    values = {
        "started_at": started_at,
        "finished_at": now,
        "findings": {"found": [item.as_document() for item in findings]},
        "fatal": len(fatal(findings)),
    }
    session.execute(
        insert_into(session, Preflight)
        .values(issue_id=issue_id, revision=revision, **values)
        .on_conflict_do_update(index_elements=["issue_id", "revision"], set_=values)
    )


def overruled(session: Session, issue: Issue) -> Overrule | None:
    """Who lets the issue, as it is now, leave all the same."""
    return session.scalar(
        select(Overrule)
        .where(Overrule.issue_id == issue.id, Overrule.revision == issue.revision)
        .execution_options(populate_existing=True)
    )


def in_the_way(session: Session, issue: Issue) -> list[Finding]:
    """What keeps the issue from leaving: fatal findings that nobody has overruled, and a segment that is gone, which
    nobody can overrule.
    """
    run = latest(session, issue)
    fatal_ones = fatal(findings_of(run) if run is not None else inspection.look_at(session, issue))
    decided = overruled(session, issue) if fatal_ones else None
    return without_readers(session, issue) + [
        item for item in fatal_ones if decided is None or item.key not in decided.keys
    ]


def without_readers(session: Session, issue: Issue) -> list[Finding]:
    """What keeps an issue from leaving that is for a segment which is gone."""
    gone = narrowed.chosen(session, issue).problem
    return [Finding("no_audience", Level.FATAL, {"message": gone})] if gone else []


def must_pass(session: Session, issue: Issue) -> None:
    """Refuse, naming each finding that is in the way."""
    if found := in_the_way(session, issue):
        raise RefusedError(reason(found))


def reason(found: Sequence[Finding]) -> str:
    """Why an issue does not leave, in words."""
    head = ngettext(
        "This issue does not leave: %(num)s thing is wrong with it.",
        "This issue does not leave: %(num)s things are wrong with it.",
        len(found),
    )
    return " ".join([head, *(wording.in_words(item) for item in found), _("Mend it, or have an owner overrule it.")])


def release(session: Session, issue: Issue) -> None:
    """Forget that the issue was stopped, once nothing is in its way. It leaves when somebody sends it."""
    if (issue.pause_reason or {}).get("code") == editing.FOUND and not in_the_way(session, issue):
        issue.pause_reason = None


def overrule(session: Session, issue: Issue, *, by: User, reason: str, now: datetime) -> None:
    """Let the issue leave with what is fatal of it now; only an owner may, and says why. It is on record."""
    if by.role is not Role.OWNER:
        raise RefusedError(_("Only an owner can overrule what was found."))
    reason = " ".join(reason.split())
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise RefusedError(
            _("Say why, in %(least)d to %(most)d characters.", least=SHORTEST_REASON, most=LONGEST_REASON)
        )
    status.lock(session, issue)
    found = in_the_way(session, issue)
    if not found:
        raise RefusedError(_("Nothing is in the way of this issue."))
    before = overruled(session, issue)
    keys = sorted({item.key for item in found} | set(before.keys if before else ()))
    values = {"keys": keys, "email": by.email, "reason": reason, "at": now}
    session.execute(
        insert_into(session, Overrule)
        .values(issue_id=issue.id, revision=issue.revision, **values)
        .on_conflict_do_update(index_elements=["issue_id", "revision"], set_=values)
    )
    release(session, issue)
    audit.record(
        session,
        actor=by.email,
        action="issue.overruled",
        subject="issue",
        subject_id=issue.id,
        now=now,
        revision=issue.revision,
        keys=keys,
        reason=reason,
    )
