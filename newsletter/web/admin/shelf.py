"""The articles beside an issue: out, in and in reserve."""

from collections.abc import Sequence

from flask import request
from sqlalchemy.orm import Session

from newsletter.issues import shelf
from newsletter.issues.models import Issue
from newsletter.issues.rulings import Told
from newsletter.issues.shelf import Shelf, Tab
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.web.admin import guard, paging

LONGEST = 100  # characters of a search


def shelf_of(session: Session, newsletter: Newsletter, issue: Issue, told: Sequence[Told]) -> Shelf:
    """The page of articles that the address asks for."""
    tab = request.args.get("pool", "")
    return shelf.shelf(
        session,
        issue,
        newsletter,
        {item.article_id: item.words for item in told},
        {topic.id: topic.name for topic in newsletters.topics(session, newsletter.id)},
        tab=Tab(tab) if tab in set(Tab) else Tab.OUT,
        text=request.args.get("q", "").strip()[:LONGEST],
        before=paging.before(),
        now=guard.now(),
    )
