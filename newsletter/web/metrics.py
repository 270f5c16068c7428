"""Counters of this process, and a few figures of the database, for Prometheus. No label holds an address or a token."""

from collections.abc import Iterable
from time import perf_counter

from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from newsletter.core.database import Database
from newsletter.delivery import limits
from newsletter.delivery.models import Batch, TransactionalMail
from newsletter.issues.models import Issue
from newsletter.web.context import WebApp


class Meters:
    """The counters of one application; its registry is its own, so that two applications in one process do not mix."""

    def __init__(self, database: Database) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "newsletter_http_requests",
            "Answers by endpoint and status.",
            ["endpoint", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "newsletter_http_request_seconds", "Time to answer, by endpoint.", ["endpoint"], registry=self.registry
        )
        self.sign_ups = Counter(
            "newsletter_sign_ups", "Requests to subscribe, by what became of them.", ["outcome"], registry=self.registry
        )
        self.registry.register(Backlog(database))


class Backlog(Collector):
    """What waits to be sent, read when it is asked for. Only tables and indexes that stay small are touched."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Names nothing, so that registering does not ask the database."""
        return []

    def collect(self) -> Iterable[GaugeMetricFamily]:
        with self.database.reading() as session:
            batches = session.execute(
                select(func.sum(Batch.queued), func.sum(Batch.deferred), func.sum(Batch.sending)).where(
                    Batch.due_at.is_not(None)
                )
            ).one()
            mails = session.scalar(select(func.count()).where(TransactionalMail.next_attempt_at.is_not(None)))
            issues = session.execute(select(Issue.status, func.count()).group_by(Issue.status)).all()
            paused = limits.paused(session)
        waiting = GaugeMetricFamily(
            "newsletter_deliveries_waiting", "Deliveries not yet sent, by state.", labels=["state"]
        )
        for state, count in zip(("queued", "deferred", "sending"), batches, strict=True):
            waiting.add_metric([state], count or 0)
        yield waiting
        yield GaugeMetricFamily(
            "newsletter_transactional_waiting", "Confirmations and other single mails not yet sent.", value=mails or 0
        )
        by_status = GaugeMetricFamily("newsletter_issues", "Issues by status.", labels=["status"])
        for status, number in issues:
            by_status.add_metric([status.value], number)
        yield by_status
        by_lane = GaugeMetricFamily(
            "newsletter_lanes_paused", "Lanes through which nothing leaves.", labels=["relay", "domain"]
        )
        for lane in paused:
            by_lane.add_metric([lane.relay, lane.domain], 1)
        yield by_lane


def meters(app: Flask) -> Meters:
    found: Meters = app.extensions["meters"]
    return found


def set_up_metrics(app: WebApp) -> None:
    app.extensions["meters"] = Meters(app.installation.database)
    app.before_request(_start)
    app.after_request(_count)


def _start() -> None:
    g.started = perf_counter()


def _count(response: Response) -> Response:
    found = meters(current_app)
    endpoint = request.endpoint or "none"
    found.requests.labels(endpoint, str(response.status_code)).inc()
    if "started" in g:
        found.seconds.labels(endpoint).observe(perf_counter() - g.started)
    return response
