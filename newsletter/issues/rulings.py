"""Why articles are in an issue or out of it, as it was decided, and what a person has changed of that since."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.articles.models import Article
from newsletter.issues.models import DigestRun, Judgement
from newsletter.issues.selection.candidate import Verdict
from newsletter.issues.selection.reasons import in_words


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
    runs = select(DigestRun.id).where(DigestRun.issue_id == issue_id)
    statement = (
        update(Judgement)
        .where(Judgement.run_id.in_(runs), Judgement.verdict == Verdict.IN)
        .values(verdict=Verdict.LATER, reason=dict(reason), position=None)
        .execution_options(synchronize_session=False)
    )
    session.execute(statement if article_id is None else statement.where(Judgement.article_id == article_id))


def of_issue(session: Session, issue_id: int) -> list[Told]:
    """Every ruling of an issue's run: those that are in, in their order, then the others."""
    runs = select(DigestRun.id).where(DigestRun.issue_id == issue_id)
    return of_run(session, session.scalars(runs.order_by(DigestRun.id.desc()).limit(1)).first() or 0)


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
