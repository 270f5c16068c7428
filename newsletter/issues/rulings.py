"""Why articles are in an issue or out of it, as it was decided, and what a person has changed of that since."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.articles.models import Article
from newsletter.issues import runs
from newsletter.issues.models import DigestRun, Judgement
from newsletter.issues.selection.candidate import Verdict
from newsletter.issues.selection.reasons import in_words

BY_HAND = ("added", "moved")  # what a person said stays when the issue is composed again


@dataclass(frozen=True, slots=True)
class Told:
    """A ruling as people read it."""

    article_id: int
    title: str
    verdict: Verdict
    words: str
    section: str | None


def free(session: Session, issue_id: int, reason: Mapping[str, Any], *, article_id: int | None = None) -> None:
    """Let the articles of an issue, or one of them, come again: it did not leave with them."""
    of_it = select(DigestRun.id).where(DigestRun.issue_id == issue_id)
    statement = (
        update(Judgement)
        .where(Judgement.run_id.in_(of_it))
        .values(verdict=Verdict.LATER, reason=dict(reason), position=None)
        .execution_options(synchronize_session="fetch")
    )
    if article_id is None:
        session.execute(statement.where(Judgement.verdict == Verdict.IN))
    else:
        session.execute(statement.where(Judgement.article_id == article_id, Judgement.verdict != Verdict.OUT))


def by_hand(
    session: Session, issue_id: int, article_id: int, reason: Mapping[str, Any], *, section: str | None
) -> None:
    """Say that an article is in an issue where a person put it. What no run composed has no rulings."""
    run_id = runs.of_issue(session, issue_id)
    if run_id is None:
        return
    run = session.get_one(DigestRun, run_id)
    found = session.get(Judgement, (run.id, article_id))
    if found is None:
        found = Judgement(run_id=run.id, article_id=article_id, schedule_id=run.schedule_id)
        session.add(found)
    if found.reason is None or found.reason.get("code") not in BY_HAND:
        found.reason = dict(reason)
    found.verdict, found.section = Verdict.IN, section
    session.flush()


def of_issue(session: Session, issue_id: int) -> list[Told]:
    """Every ruling of an issue's run: those that are in, in their order, then the others."""
    return of_run(session, runs.of_issue(session, issue_id) or 0)


def of_run(session: Session, run_id: int) -> list[Told]:
    """The same for a run, of which no issue need have come."""
    rows = session.execute(
        select(Judgement, Article.title)
        .join(Article, Article.id == Judgement.article_id)
        .where(Judgement.run_id == run_id)
        .order_by(Judgement.position.is_(None), Judgement.position, Judgement.verdict, Judgement.article_id)
    )
    return [
        Told(ruling.article_id, title, ruling.verdict, in_words(ruling.verdict, ruling.reason), ruling.section)
        for ruling, title in rows
    ]
