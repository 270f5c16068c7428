"""The first page: what is being sent, what leaves next, what waits, what to look at, and how many read it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from flask import render_template, url_for
from sqlalchemy.orm import Session

from newsletter.accounts.permissions import Permission
from newsletter.delivery import limits
from newsletter.issues import approvals, digest, newcomers, queries, schedule, standing
from newsletter.issues.models import Issue, IssueStatus
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.reports import first_steps
from newsletter.reports.attention import About, Concern, concerns
from newsletter.reports.first_steps import Leads, Step
from newsletter.subscriptions import counts as subscriptions
from newsletter.subscriptions.models import SubscriptionStatus
from newsletter.web.admin import guard
from newsletter.web.admin.compose import leads
from newsletter.web.admin.live import Live, look
from newsletter.web.admin.room import admin
from newsletter.web.context import app, installation

LATEST = 5
GROWN = timedelta(days=30)
HELD = (IssueStatus.SENDING, IssueStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class Shelf:
    """One newsletter as the desk shows it. `waiting`: headlines that the next issue would hold."""

    newsletter: Newsletter
    subscribers: dict[SubscriptionStatus, int]
    waiting: list[str]
    next_run: datetime | None
    steps: list[Step]


@dataclass(frozen=True, slots=True)
class Growth:
    """The last 30 days, today among them. `curve`: how many read at the end of each, and before the first. `bounced`:
    how many of the `ended` were lost because their mail came back.
    """

    curve: list[int]
    joined: int
    ended: int
    bounced: int
    since: datetime

    @property
    def net(self) -> int:
        return self.joined - self.ended


@dataclass(frozen=True, slots=True)
class Departure:
    """An issue that has an hour and can still be pulled back, or waits for an approval."""

    issue: Issue
    newsletter: Newsletter
    standing: str
    under_review: bool


@admin.get("/")
@guard.requires(Permission.READ, shared=True)
def desk() -> str:
    now = guard.now()
    with installation().database.reading() as session:
        shelves = [_shelf(session, item, now) for item in guard.theirs(session)]
        theirs = {shelf.newsletter.id for shelf in shelves}
        running = _moving(session, theirs, now)
        leaving = [_departure(session, issue) for issue in _of(queries.to_leave(session), theirs)]
        latest = [issue for issue in _latest(session, theirs, LATEST + len(running)) if issue.status not in HELD]
        done = _with_figures(session, latest[:LATEST], now)
        everywhere = guard.may(Permission.READ, everywhere=True)
        looked_at = concerns(session, [shelf.newsletter for shelf in shelves], shared=everywhere, now=now)
        paused = [(lane, limits.in_words(lane)) for lane in limits.paused(session)] if everywhere else []
        readers = {shelf.newsletter.id: shelf.subscribers[SubscriptionStatus.ACTIVE] for shelf in shelves}
        new = newcomers.newcomers(session, [shelf.newsletter for shelf in shelves], readers, now=now)
        titles = leads(session, [*(issue for issue, _live in (*running, *done)), *(item.issue for item in leaving)])
        grown = _growth(session, theirs, now)
    return render_template(
        "admin/desk.html",
        shelves=shelves,
        names={shelf.newsletter.id: shelf.newsletter for shelf in shelves},
        running=running,
        leaving=leaving,
        done=done,
        leads=titles,
        concerns=[(item, _where(item)) for item in looked_at],
        paused_lanes=paused,
        step_url=_step_url,
        newcomers=new,
        now=now,
        grown=grown,
        subscribers={status: sum(shelf.subscribers[status] for shelf in shelves) for status in SubscriptionStatus},
    )


@admin.get("/moving")
@guard.requires(Permission.READ, shared=True)
def moving() -> str:
    """The part of the desk that shows what is being sent, for a page that is open already."""
    with installation().database.reading() as session:
        names = {item.id: item for item in guard.theirs(session)}
        running = _moving(session, set(names), guard.now())
        titles = leads(session, [issue for issue, _live in running])
    return render_template("admin/desk-moving.html", running=running, names=names, leads=titles)


def _moving(session: Session, theirs: set[int], now: datetime) -> list[tuple[Issue, Live]]:
    return _with_figures(session, _of(queries.in_flight(session), theirs), now)


def _growth(session: Session, theirs: set[int], now: datetime) -> Growth:
    since = now - GROWN
    days = subscriptions.growth(session, theirs, since.date(), now.date())
    before = subscriptions.readers_before(session, theirs, since.date())
    curve = list(accumulate((day.net for day in days), initial=before))
    joined, ended, bounced = (sum(getattr(day, name) for day in days) for name in ("joined", "ended", "bounced"))
    return Growth(curve, joined, ended, bounced, since)


def _where(concern: Concern) -> str:
    """The page on which something can be done about it."""
    match concern.about:
        case About.FEED:
            return url_for("admin.feed", feed_id=concern.which)
        case About.SENDER_DOMAIN:
            return url_for("admin.domain", slug=concern.which)
        case About.RECIPIENTS:
            return url_for("admin.deliverability_of", domain=concern.which)
        case About.ISSUE:
            return url_for("admin.issue", issue_id=concern.which)
        case About.RUN:
            return url_for("admin.runs", slug=concern.which)
    manages = guard.may(Permission.MANAGE_NEWSLETTERS, everywhere=True)
    return url_for("admin.incoming" if manages else "admin.deliverability_page")


def _step_url(step: Step, slug: str) -> str:
    if step.leads is Leads.RELAYS:
        return url_for("admin.relays")
    endpoints = {
        Leads.ARTICLES: "admin.new_article",
        Leads.SUBSCRIBERS: "admin.subscribers",
        Leads.SCHEDULES: "admin.schedules",
        Leads.DOMAIN: "admin.domain",
        Leads.ISSUES: "admin.issues",
    }
    return url_for(endpoints[step.leads], slug=slug)


def _of(issues: list[Issue], theirs: set[int]) -> list[Issue]:
    return [issue for issue in issues if issue.newsletter_id in theirs]


def _latest(session: Session, theirs: set[int], limit: int) -> list[Issue]:
    """The newest issues of all, or of the newsletters of a user who is limited to them."""
    if guard.rights().everywhere is not None:
        return queries.page(session, limit=limit)
    found = [issue for number in theirs for issue in queries.page(session, number, limit=limit)]
    return sorted(found, key=lambda issue: issue.id, reverse=True)[:limit]


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
        steps=first_steps.steps(
            session, newsletter, site_url=installation().links.site_url, mail_leaves=app().mailbox is None
        ),
    )


def _with_figures(session: Session, issues: list[Issue], now: datetime) -> list[tuple[Issue, Live]]:
    return [(issue, look(session, issue, now=now)) for issue in issues]
