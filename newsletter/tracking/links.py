"""The links of an issue as rows: written once, at its freeze, and read for every follow."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from newsletter.newsletters.models import Measure, Newsletter
from newsletter.tracking.models import IssueLink, IssueMeasure
from newsletter.tracking.rewriting import Link


def keep(session: Session, issue_id: int, newsletter: Newsletter, links: Iterable[Link], *, now: datetime) -> None:
    """Write down the links of an issue, and that it is measured as its newsletter wants it at this moment."""
    session.add(
        IssueMeasure(
            issue_id=issue_id,
            newsletter_id=newsletter.id,
            clicks=newsletter.clicks,
            opens=newsletter.opens,
            frozen_at=now,
        )
    )
    rows = [
        {
            "issue_id": issue_id,
            "number": link.number,
            "url": link.url,
            "article_id": link.article_id,
            "kind": link.kind,
            "followed": link.followed,
        }
        for link in links
    ]
    if rows:
        session.execute(insert(IssueLink), rows)


def urls(session: Session, issue_id: int) -> dict[int, str]:
    """Where the links of an issue lead, by number."""
    rows = session.execute(select(IssueLink.number, IssueLink.url).where(IssueLink.issue_id == issue_id))
    return dict(rows.all())


def measures(session: Session, issue_id: int) -> tuple[Measure, Measure]:
    """What is measured of an issue: clicks, opens. Nothing of one that was frozen before anything was."""
    row = session.get(IssueMeasure, issue_id)
    return (row.clicks, row.opens) if row else (Measure.OFF, Measure.OFF)
