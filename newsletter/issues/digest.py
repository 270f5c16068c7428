"""Composing a digest: what is new for a cadence becomes an issue. Button, command and schedule all come through
here.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.issues import clock, pool
from newsletter.issues.models import (
    DigestRun,
    Issue,
    IssueArticle,
    IssueKind,
    IssueStatus,
    Judgement,
    RunOutcome,
    Trigger,
)
from newsletter.issues.selection.candidate import Candidate, PoolItem, Ruling, Verdict
from newsletter.issues.selection.choose import choose
from newsletter.issues.selection.outcome import HELD, outcome_of, settled
from newsletter.issues.selection.rules import Rules, rules_document
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Newsletter, Schedule


def compose(
    session: Session,
    newsletter: Newsletter,
    *,
    schedule: Schedule | None = None,
    trigger: Trigger,
    actor: str,
    now: datetime,
    cut_off: datetime | None = None,
    due_at: datetime | None = None,
) -> Issue | None:
    """Make a draft of what is new for a cadence (the main one, unless given) up to the cut-off (now, unless given).

    None: no issue came of it. The run says why, when there is one; without a run nothing was new, or the window is
    closed. The newsletter's row is locked, so that two calls at one moment come one after the other, and the second
    finds nothing.
    """
    cut_off = cut_off or now
    session.execute(select(Newsletter.id).where(Newsletter.id == newsletter.id).with_for_update(key_share=True))
    schedule = schedule or schedules.main_of(session, newsletter.id)
    clock.mend(session, newsletter, schedule, now=now)
    start = pool.window_start(session, schedule)
    if cut_off <= start or _has_ended(session, schedule, cut_off):
        # A schedule caught up late, after somebody pressed the button: that window is closed. A run that ended before
        # it began would make the next one begin where this one did. What came in late waits for the next window.
        return None
    rules = pool.rules_of(newsletter, schedule)
    chosen = choose(
        pool.candidates(session, newsletter, schedule, cut_off=cut_off, rules=rules), rules, cut_off=cut_off
    )
    outcome, reason = outcome_of(chosen, rules, draft_anyway=trigger is Trigger.BUTTON)
    if outcome is RunOutcome.NOTHING and due_at is None:
        return None
    run = DigestRun(
        newsletter_id=newsletter.id,
        schedule_id=schedule.id,
        due_at=due_at,
        window_start=start,
        cut_off=cut_off,
        trigger=trigger,
        outcome=outcome,
        reason=reason,
        created_at=now,
    )
    session.add(run)
    session.flush()
    keep_rulings(session, run, chosen.rulings, reason)
    if outcome is not RunOutcome.ISSUE:
        return None
    issue = open_issue(
        session,
        newsletter,
        kind=IssueKind.DIGEST,
        rules=rules,
        schedule=schedule,
        cut_off=cut_off,
        actor=actor,
        now=now,
    )
    run.issue_id = issue.id
    fill(session, issue, chosen.pool)
    _tell(session, issue, actor=actor, now=now, articles=len(chosen.pool), trigger=trigger)
    return issue


def _has_ended(session: Session, schedule: Schedule, cut_off: datetime) -> bool:
    """Whether a run of this cadence ended at this moment, though it closed no window."""
    query = select(DigestRun.id).where(DigestRun.schedule_id == schedule.id, DigestRun.cut_off == cut_off)
    return session.scalar(query) is not None


def open_issue(
    session: Session,
    newsletter: Newsletter,
    *,
    kind: IssueKind,
    rules: Rules,
    schedule: Schedule | None,
    cut_off: datetime,
    actor: str,
    now: datetime,
) -> Issue:
    """A draft without articles, with the next number; the newsletter's row is locked."""
    latest = session.scalar(select(func.max(Issue.number)).where(Issue.newsletter_id == newsletter.id))
    issue = Issue(
        newsletter_id=newsletter.id,
        number=(latest or 0) + 1,
        status=IssueStatus.DRAFT,
        kind=kind,
        schedule_id=schedule.id if schedule else None,
        subject="",
        preheader="",
        introduction="",
        resend_unknown=newsletter.resend_unknown,
        review=newsletter.review,
        too_late=newsletter.too_late,
        rules=rules_document(rules),
        cut_off=cut_off,
        created_at=now,
        created_by=actor,
    )
    session.add(issue)
    session.flush()
    return issue


def fill(session: Session, issue: Issue, items: Sequence[PoolItem]) -> None:
    """Put these articles into an issue, in their order, behind those that it has."""
    last = session.scalar(select(func.max(IssueArticle.position)).where(IssueArticle.issue_id == issue.id))
    first = 0 if last is None else last + 1
    rows = [
        {
            "issue_id": issue.id,
            "article_id": item.article_id,
            "newsletter_id": issue.newsletter_id,
            "position": position,
            "story_id": item.story_id,
            "section": item.section,
            "pinned": item.pinned,
        }
        for position, item in enumerate(items, start=first)
    ]
    if rows:
        session.execute(insert(IssueArticle), rows)


def is_held(session: Session, issue: Issue) -> bool:
    """Whether an issue has too little that is new and waits for an editor, as its rules say."""
    reasons = session.scalars(select(DigestRun.reason).where(DigestRun.issue_id == issue.id))
    return any((reason or {}).get("code") == HELD for reason in reasons)


def next_articles(session: Session, newsletter: Newsletter, *, cut_off: datetime) -> list[Candidate]:
    """What a reader of everything would get of the next digest of the main cadence, in its order."""
    schedule = schedules.main_of(session, newsletter.id)
    rules = pool.rules_of(newsletter, schedule)
    found = pool.candidates(session, newsletter, schedule, cut_off=cut_off, rules=rules)
    by_id = {item.article_id: item for item in found}
    chosen = choose(found, rules, cut_off=cut_off)
    return [by_id[ruling.article_id] for ruling in chosen.rulings if ruling.verdict is Verdict.IN]


def keep_rulings(session: Session, run: DigestRun, rulings: Sequence[Ruling], reason: dict[str, Any] | None) -> None:
    """Write down why each candidate is in or out, as far as the run has decided it."""
    rows = [
        {
            "run_id": run.id,
            "article_id": ruling.article_id,
            "schedule_id": run.schedule_id,
            "verdict": ruling.verdict,
            "reason": dict(ruling.reason),
            "section": ruling.section,
            "position": ruling.position,
        }
        for ruling in settled(rulings, run.outcome, reason)
    ]
    if rows:
        session.execute(insert(Judgement), rows)


def _tell(session: Session, issue: Issue, *, actor: str, now: datetime, articles: int, trigger: Trigger) -> None:
    audit.record(
        session,
        actor=actor,
        action="issue.composed",
        subject="issue",
        subject_id=issue.id,
        now=now,
        articles=articles,
        trigger=trigger,
    )
    session.flush()
