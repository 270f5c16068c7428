"""The steps of an issue that has not left: what it was before each of them, kept so that the step can be undone.

A state is plain data: the texts, the articles in their order, the rules and the window they were chosen by, and what
the run said of those articles of which it now says something else.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.issues import runs
from newsletter.issues.history_models import IssueState
from newsletter.issues.models import Issue, IssueArticle, Judgement

MOST = 50  # steps that can be undone
ONE_SITTING = timedelta(minutes=2)  # texts that somebody goes on typing within it are one step
WRITTEN = "issue.written"
TEXTS = ("subject", "preheader", "introduction")

_BEFORE = "issue before its step"  # in the session: what `begin` saw, by issue


def remember(session: Session, issue: Issue) -> None:
    """Note what an issue is, which the caller has locked and is about to change."""
    session.info.setdefault(_BEFORE, {})[issue.id] = (content_of(session, issue), _judged(session, issue.id))


def overlook(session: Session, issue: Issue) -> None:
    """Keep nothing of the change to come, which is itself a way back."""
    session.info.get(_BEFORE, {}).pop(issue.id, None)


def keep(session: Session, issue: Issue, what: str, *, by: str, now: datetime) -> None:
    """Keep what `remember` saw as the state to go back to. Whatever had been undone is gone for good."""
    seen = session.info.get(_BEFORE, {}).pop(issue.id, None)
    if seen is None:
        return
    before, judged = seen
    session.flush()
    session.execute(delete(IssueState).where(IssueState.issue_id == issue.id, IssueState.ahead.is_(True)))
    if what == WRITTEN and _goes_on(session, issue.id, by=by, now=now):
        return
    content = before | {"judged": _differing(judged, _judged(session, issue.id))}
    session.add(IssueState(issue_id=issue.id, ahead=False, what=what, by=by, at=now, content=content))
    session.flush()
    _shorten(session, issue.id)


def last(session: Session, issue_id: int, *, ahead: bool) -> IssueState | None:
    """The state that undoing, or doing again, leads to."""
    query = (
        select(IssueState)
        .where(IssueState.issue_id == issue_id, IssueState.ahead.is_(ahead))
        .order_by(IssueState.id.desc())
        .limit(1)
    )
    return session.scalars(query).first()


def forget(session: Session, issue_id: int) -> None:
    """Drop the steps of an issue that cannot change any more."""
    session.execute(delete(IssueState).where(IssueState.issue_id == issue_id))


def content_of(session: Session, issue: Issue) -> dict[str, Any]:
    """The issue as it is now, without what its run said."""
    rows = session.scalars(
        select(IssueArticle).where(IssueArticle.issue_id == issue.id).order_by(IssueArticle.position)
    )
    return {
        **{name: getattr(issue, name) for name in TEXTS},
        "articles": [[row.article_id, row.section, row.pinned, row.story_id] for row in rows],
        "rules": issue.rules,
        "cut_off": issue.cut_off.isoformat(),
    }


def judged_now(session: Session, issue_id: int, articles: Mapping[str, Any]) -> dict[str, Any]:
    """What the run says now of these articles."""
    said = _judged(session, issue_id)
    return {article: said.get(article) for article in articles}


def _judged(session: Session, issue_id: int) -> dict[str, list[Any]]:
    """[verdict, reason, section, position] of each article that the issue's run has judged."""
    rows = session.execute(
        select(Judgement.article_id, Judgement.verdict, Judgement.reason, Judgement.section, Judgement.position).where(
            Judgement.run_id == (runs.of_issue(session, issue_id) or 0)
        )
    )
    return {str(row.article_id): [row.verdict.value, row.reason, row.section, row.position] for row in rows}


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What was said before of every article of which something else is said after; None: nothing."""
    return {article: before.get(article) for article in {*before, *after} if before.get(article) != after.get(article)}


def _goes_on(session: Session, issue_id: int, *, by: str, now: datetime) -> bool:
    """Whether a text is only being typed on: the state before the first key is there already."""
    before = last(session, issue_id, ahead=False)
    if before is None or before.what != WRITTEN or before.by != by or now - before.at > ONE_SITTING:
        return False
    before.at = now
    return True


def _shorten(session: Session, issue_id: int) -> None:
    """Keep the newest steps."""
    oldest = session.scalar(
        select(IssueState.id)
        .where(IssueState.issue_id == issue_id, IssueState.ahead.is_(False))
        .order_by(IssueState.id.desc())
        .offset(MOST - 1)
        .limit(1)
    )
    if oldest is not None:
        session.execute(
            delete(IssueState).where(
                IssueState.issue_id == issue_id, IssueState.ahead.is_(False), IssueState.id < oldest
            )
        )
