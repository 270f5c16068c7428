"""The first page: what is being sent, what leaves next, what waits, and how many read it."""

from dataclasses import dataclass
from datetime import datetime

from flask import render_template
from sqlalchemy.orm import Session

from newsletter.accounts.permissions import Permission
from newsletter.articles import queries as articles
from newsletter.delivery import limits
from newsletter.issues import approvals, digest, newcomers, queries, schedule, standing
from newsletter.issues.models import Issue, IssueStatus
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import queries as subscriptions
from newsletter.subscriptions.models import SubscriptionStatus
from newsletter.web.admin import guard
from newsletter.web.admin.compose import leads
from newsletter.web.admin.live import Live, look
from newsletter.web.admin.room import admin
from newsletter.web.context import installation

LATEST = 5
HELD = (IssueStatus.SENDING, IssueStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class Shelf:
    """One newsletter as the desk shows it. `waiting`: headlines that the next issue would hold."""

    newsletter: Newsletter
    subscribers: dict[SubscriptionStatus, int]
    waiting: list[str]
    next_run: datetime | None
    has_articles: bool


@dataclass(frozen=True, slots=True)
class Departure:
    """An issue that has an hour and can still be pulled back, or waits for an approval."""

    issue: Issue
    newsletter: Newsletter
    standing: str
    under_review: bool


@admin.get("/")
@guard.requires(Permission.READ)
def desk() -> str:
    now = guard.now()
    with installation().database.reading() as session:
        shelves = [_shelf(session, item, now) for item in newsletters.all_newsletters(session)]
        running = _with_figures(session, queries.in_flight(session), now)
        leaving = [_departure(session, issue) for issue in queries.to_leave(session)]
        latest = [issue for issue in queries.page(session, limit=LATEST + len(running)) if issue.status not in HELD]
        done = _with_figures(session, latest[:LATEST], now)
        paused = [(lane, limits.in_words(lane)) for lane in limits.paused(session)]
        readers = {shelf.newsletter.id: shelf.subscribers[SubscriptionStatus.ACTIVE] for shelf in shelves}
        new = newcomers.newcomers(session, [shelf.newsletter for shelf in shelves], readers, now=now)
        titles = leads(session, [*(issue for issue, _live in (*running, *done)), *(item.issue for item in leaving)])
    return render_template(
        "admin/desk.html",
        shelves=shelves,
        names={shelf.newsletter.id: shelf.newsletter for shelf in shelves},
        running=running,
        leaving=leaving,
        done=done,
        leads=titles,
        paused_lanes=paused,
        newcomers=new,
        now=now,
        subscribers={status: sum(shelf.subscribers[status] for shelf in shelves) for status in SubscriptionStatus},
    )


def _departure(session: Session, issue: Issue) -> Departure:
    newsletter = newsletters.by_id(session, issue.newsletter_id)
    return Departure(
        issue,
        newsletter,
        standing.in_words(issue, newsletter, approvals.of_revision(session, issue)),
        approvals.under_review(issue),
    )


def _shelf(session: Session, newsletter: Newsletter, now: datetime) -> Shelf:
    waiting = [item.title for item in digest.next_articles(session, newsletter, cut_off=now)]
    return Shelf(
        newsletter=newsletter,
        subscribers=subscriptions.counts(session, newsletter.id),
        waiting=waiting,
        next_run=schedule.next_run(session, newsletter, now=now),
        has_articles=bool(waiting) or bool(articles.page(session, newsletter.id, limit=1)),
    )


def _with_figures(session: Session, issues: list[Issue], now: datetime) -> list[tuple[Issue, Live]]:
    return [(issue, look(session, issue, now=now)) for issue in issues]
