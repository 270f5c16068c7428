"""Going back a step in an issue that has not left, and forward again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from newsletter.articles.models import Placement
from newsletter.core.database import among
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues import editing, history, runs
from newsletter.issues.history_models import IssueState
from newsletter.issues.models import DigestRun, Issue, IssueArticle, IssueKind, Judgement
from newsletter.issues.selection.candidate import Verdict


def undo(
    session: Session, issue: Issue, *, actor: str, now: datetime, expected_revision: int | None = None
) -> IssueState | None:
    """Go back to what the issue was before its last step; the step, or None when there is none to undo."""
    return _go(session, issue, ahead=False, actor=actor, now=now, expected_revision=expected_revision)


def redo(
    session: Session, issue: Issue, *, actor: str, now: datetime, expected_revision: int | None = None
) -> IssueState | None:
    """Take the step again that was last undone; the step, or None."""
    return _go(session, issue, ahead=True, actor=actor, now=now, expected_revision=expected_revision)


def in_words(what: str) -> str:
    """The step between two states, for a button."""
    return {
        "issue.written": _("Text changed"),
        "issue.dropped": _("Article taken out"),
        "issue.moved": _("Article moved"),
        "issue.added": _("Article added"),
        "issue.refreshed": _("Composed again"),
    }.get(what, _("Last change"))


def _go(
    session: Session, issue: Issue, *, ahead: bool, actor: str, now: datetime, expected_revision: int | None
) -> IssueState | None:
    editing.begin(session, issue, expected_revision, step=False)
    state = history.last(session, issue.id, ahead=ahead)
    if state is None:
        return None
    judged = state.content.get("judged", {})
    here = history.content_of(session, issue) | {"judged": history.judged_now(session, issue.id, judged)}
    _restore(session, issue, state.content)
    session.add(IssueState(issue_id=issue.id, ahead=not ahead, what=state.what, by=state.by, at=state.at, content=here))
    session.delete(state)
    action = "issue.redone" if ahead else "issue.undone"
    editing.finish(session, issue, action, actor=actor, now=now, step=state.what)
    return state


def _restore(session: Session, issue: Issue, content: Mapping[str, Any]) -> None:
    """Make the issue what it was, without what has been withdrawn since."""
    articles = _still_there(session, issue, content["articles"])
    if not articles and issue.kind is not IssueKind.CORRECTION:
        raise RefusedError(_("This step cannot be undone: its articles have been withdrawn."))
    _restore_window(session, issue, datetime.fromisoformat(content["cut_off"]))
    for name in history.TEXTS:
        setattr(issue, name, content[name])
    issue.rules = content["rules"]
    for row in editing.places(session, issue.id):
        session.expunge(row)
    session.execute(delete(IssueArticle).where(IssueArticle.issue_id == issue.id))
    session.add_all(
        IssueArticle(
            issue_id=issue.id,
            article_id=article,
            newsletter_id=issue.newsletter_id,
            position=position,
            story_id=story,
            section=section,
            pinned=pinned,
        )
        for position, (article, section, pinned, story) in enumerate(articles)
    )
    session.flush()
    _restore_rulings(session, issue, content.get("judged", {}))


def _still_there(session: Session, issue: Issue, articles: Sequence[Any]) -> list[Any]:
    offered = set(
        session.scalars(
            select(Placement.article_id).where(
                Placement.newsletter_id == issue.newsletter_id,
                among(session, Placement.article_id, [row[0] for row in articles]),
                Placement.withdrawn_at.is_(None),
            )
        )
    )
    return [row for row in articles if row[0] in offered]


def _restore_window(session: Session, issue: Issue, cut_off: datetime) -> None:
    """The end of the issue's window; RefusedError when a later digest begins there."""
    if issue.cut_off == cut_off:
        return
    run_id = runs.of_issue(session, issue.id)
    if run_id is not None:
        run = session.get_one(DigestRun, run_id)
        later = exists().where(DigestRun.schedule_id == run.schedule_id, DigestRun.cut_off > run.cut_off)
        if session.scalar(select(later)):
            raise RefusedError(
                _("A later digest has been composed since: this step stays. Change the articles by hand.")
            )
        run.cut_off = cut_off
    issue.cut_off = cut_off


def _restore_rulings(session: Session, issue: Issue, judged: Mapping[str, Any]) -> None:
    run_id = runs.of_issue(session, issue.id)
    if run_id is None:
        return
    run = session.get_one(DigestRun, run_id)
    for article, said in judged.items():
        found = session.get(Judgement, (run.id, int(article)))
        if said is None:
            if found is not None:
                session.delete(found)
            continue
        if found is None:
            found = Judgement(run_id=run.id, article_id=int(article), schedule_id=run.schedule_id)
            session.add(found)
        found.verdict, found.reason = Verdict(said[0]), said[1]
        found.section, found.position = said[2], said[3]
    session.flush()
