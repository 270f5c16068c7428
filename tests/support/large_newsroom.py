"""A newsroom that has been at work for years: readers, issues and deliveries by the million where that is asked for,
made by set-based SQL alike on SQLite and PostgreSQL. What benchmarks of pages and tests of their queries look at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Engine, bindparam, text

from newsletter.core.columns import UtcDateTime
from tests.support.site import NUMBERS

TOPICS = 12
VARIANTS = 3
PER_BATCH = 500
PER_ISSUE = 10  # articles
NEW = 40  # articles that are in no issue yet
DAY = timedelta(days=1)

SUBSCRIBERS = f"""{NUMBERS}
INSERT INTO subscribers (email, email_key, domain, name, language, attributes, created_at)
SELECT name || '@' || domain, name || '@' || domain, domain, 'Lectrice ' || n, 'fr', '{{}}', :now
FROM (SELECT n, 'lectrice' || n AS name,
    CASE n % 10 WHEN 0 THEN 'orange.fr' WHEN 1 THEN 'yahoo.fr' WHEN 2 THEN 'laposte.net'
    WHEN 3 THEN 'ecole' || (n % 4000) || '.example' ELSE 'gmail.com' END AS domain FROM numbers) AS readers"""
SUBSCRIPTIONS = """
INSERT INTO subscriptions (subscriber_id, newsletter_id, status, ended_reason, created_at, confirmed_at, ended_at)
SELECT id, :newsletter,
    CASE WHEN id % 25 = 0 THEN 'ended' WHEN id % 40 = 1 THEN 'pending' WHEN id % 200 = 2 THEN 'paused'
    ELSE 'active' END,
    CASE WHEN id % 25 = 0 THEN 'unsubscribed' END, :now, CASE WHEN id % 40 = 1 THEN NULL ELSE :now END,
    CASE WHEN id % 25 = 0 THEN :now END
FROM subscribers WHERE id % :every = 0 ORDER BY id"""
CONSENTS = """
INSERT INTO consent_events (subscriber_id, newsletter_id, kind, at, wording, form, network, actor)
SELECT subscriber_id, newsletter_id, 'confirmed', :now, 'Je reçois la lettre.', '/n/depeche', '203.0.113.0', ''
FROM subscriptions"""
ARTICLES = f"""{NUMBERS}
INSERT INTO articles (language, title, summary, body_html, body_text, image_alt, content_hash, url, first_seen_at,
    updated_at)
SELECT 'fr', 'Nouvelle ' || n || ' du marché', 'Ce que disent les vendeuses.', '<p>Le texte.</p>', 'Le texte.', '',
    'hash' || n, 'https://gazette.example/' || n, :now, :now FROM numbers"""
PLACEMENTS = """
INSERT INTO placements (article_id, newsletter_id, topic_id, placed_at)
SELECT id, :newsletter, (SELECT min(id) FROM topics) + id % :topics,
    CASE WHEN id > (SELECT max(id) FROM articles) - :new THEN :now ELSE :before END FROM articles"""
ISSUE = """
INSERT INTO issues (newsletter_id, number, status, subject, preheader, introduction, resend_unknown, cut_off,
    created_at, created_by, frozen_at, expires_at, finished_at, audience, wave, schedule_id)
VALUES (:newsletter, :number, :status, :subject, '', '', true, :at, :at, 'schedule', :at, :until, :finished, :audience,
    2, NULL) RETURNING id"""
ISSUE_ARTICLES = """
INSERT INTO issue_articles (issue_id, article_id, newsletter_id, position, story_id)
SELECT :issue, id, :newsletter, id - :first, id FROM articles WHERE id >= :first AND id < :first + :most"""
VARIANT = """
INSERT INTO variants (issue_id, key, language, edition, articles, blocks, subject, preheader, public, readers)
VALUES (:issue, :key, 'fr', :edition, :articles, '[]', :subject, '', :public, :readers) RETURNING id"""
BATCHES = f"""{NUMBERS}
INSERT INTO batches (issue_id, position, newsletter_id, resend_unknown, expires_at, held, due_at, opened_at,
    queued, sending, sent, deferred, failed, unknown, skipped)
SELECT :issue, n - 1, :newsletter, true, :at, false, NULL, :at, 0, 0, 0, 0, 0, 0, 0 FROM numbers"""
DELIVERIES = """
INSERT INTO deliveries (issue_id, batch_id, variant_id, subscriber_id, status, attempts, repeated, updated_at, reply)
SELECT :issue, (SELECT min(id) FROM batches WHERE issue_id = :issue) + (id - :first) / 500, :variant + id % 3, id,
    CASE WHEN id % 1000 < 8 THEN 'failed' WHEN id % 1000 = 8 THEN 'unknown' WHEN id % 1000 < 15 THEN 'skipped'
    WHEN :waiting AND id % 2 = 0 THEN 'queued' ELSE 'sent' END,
    1, false, :at, CASE WHEN id % 1000 < 8 THEN '550 5.1.1 no such user' END
FROM subscribers WHERE id >= :first AND id < :first + :count ORDER BY id"""
COUNTS = """
UPDATE batches SET queued = counted.queued, sent = counted.sent, failed = counted.failed, unknown = counted.unknown,
    skipped = counted.skipped
FROM (SELECT batch_id, sum(CASE status WHEN 'queued' THEN 1 ELSE 0 END) AS queued,
    sum(CASE status WHEN 'sent' THEN 1 ELSE 0 END) AS sent, sum(CASE status WHEN 'failed' THEN 1 ELSE 0 END) AS failed,
    sum(CASE status WHEN 'unknown' THEN 1 ELSE 0 END) AS unknown,
    sum(CASE status WHEN 'skipped' THEN 1 ELSE 0 END) AS skipped
    FROM deliveries WHERE batch_id >= :first AND batch_id <= :last GROUP BY batch_id) AS counted
WHERE batches.id = counted.batch_id"""
ATTEMPTS = """
INSERT INTO delivery_attempts (delivery_id, at, outcome, reply_class, phase, reply)
SELECT id, updated_at, 'rejected', 'hard', 'rcpt', '550 5.1.1 no such user' FROM deliveries
WHERE issue_id = :issue AND batch_id >= :from_batch AND status = 'failed'"""
REPORTS = """
INSERT INTO feedback_reports (source, event_key, kind, reply_class, status, reason, recipient, matched_by,
    subscriber_id, newsletter_id, effect, received_at)
SELECT 'smtp', 'report-' || id, 'bounce', 'soft', '5.2.2', 'mailbox full', email, 'verp', id, :newsletter, 'counted',
    :now
FROM subscribers WHERE id % 20 = 0"""
SUPPRESSIONS = """
INSERT INTO suppressions (email_key, reason, source, note, created_at)
SELECT email_key, 'hard_bounce', 'smtp', '550 5.1.1 no such user', :now FROM subscribers WHERE id % 125 = 0"""
EVENTS = f"""{NUMBERS}
INSERT INTO audit_events (at, user_id, actor, action, subject, subject_id, details)
SELECT :now, NULL, 'desk@gazette.example', 'subscription.ended', 'subscription', n, '{{}}' FROM numbers"""
FEEDS = f"""{NUMBERS}
INSERT INTO feeds (url, url_key, host, title, kind, language, interval_minutes, next_poll_at, polled_at, succeeded_at,
    news_at, failing_since, failures, slow, last_error, created_at)
SELECT 'https://site' || n || '.example/feed', 'site' || n, 'site' || n || '.example', 'Site ' || n, 'rss', 'fr', 360,
    NULL, :now, :now, :now, CASE WHEN n % 100 = 0 THEN :before END, CASE WHEN n % 100 = 0 THEN 9 ELSE 0 END, false,
    CASE WHEN n % 100 = 0 THEN 'Il n’y a plus rien à cette adresse (code 404).' END, :before FROM numbers"""
FEED_TARGETS = """
INSERT INTO feed_targets (feed_id, newsletter_id, topic_id, created_at) SELECT id, :newsletter, NULL, :now FROM feeds"""
TALLIES = """
INSERT INTO domain_tallies (issue_id, domain, sent, deferred, hard, soft, content, sender)
SELECT :issue, domain, count(*), 0, 0, 0, 0, 0 FROM subscribers WHERE id >= :first AND id < :first + :count
GROUP BY domain"""
DOMAIN_DAYS = """
INSERT INTO domain_days (day, domain, relay_id, first_at, last_at, sent, deferred, hard, soft, content, sender,
    hard_later, soft_later, content_later, sender_later, complained, wait_ms, waited, under_1m, under_5m, under_30m,
    under_4h, longer)
SELECT :day, domain, 1, :at, :at, count(*), 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, count(*), count(*), 0, 0, 0, 0
FROM subscribers WHERE id <= 20000 GROUP BY domain"""
DAYS = 90


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything. `deliveries` are spread over the issues, each to readers that follow one another."""

    subscribers: int
    deliveries: int
    issues: int
    articles: int = 2000
    events: int = 20_000
    feeds: int = 3000


HUGE = Size(subscribers=1_000_000, deliveries=10_000_000, issues=200, events=100_000)


def fill(engine: Engine, size: Size, newsletter_id: int, *, now: datetime, say: Callable[[str], None] = print) -> None:
    """Put a large newsroom into a database that holds a newsletter and nobody who reads it."""
    with engine.begin() as connection:
        run = _Runner(connection, newsletter_id, now)
        run(SUBSCRIBERS, count=size.subscribers)
        run(SUBSCRIPTIONS, every=1)
        run(CONSENTS)
        run(ARTICLES, count=size.articles)
        for number in range(TOPICS):
            run("INSERT INTO topics (newsletter_id, slug, name) VALUES (:newsletter, :slug, :slug)", slug=f"t{number}")
        run(PLACEMENTS, topics=TOPICS, new=NEW, before=now - 60 * DAY)
        run(REPORTS)
        run(SUPPRESSIONS)
        run(EVENTS, count=size.events)
        run(FEEDS, count=size.feeds, before=now - 60 * DAY)
        run(FEED_TARGETS)
        for back in range(DAYS):
            run(DOMAIN_DAYS, day=(now - back * DAY).date(), at=now - back * DAY)
    say(f"{size.subscribers} readers")
    for number in range(1, size.issues + 1):
        with engine.begin() as connection:
            _issue(_Runner(connection, newsletter_id, now), size, number)
        if number % 20 == 0:
            say(f"{number} issues")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


class _Runner:
    """Runs statements with what all of them may name."""

    def __init__(self, connection: Connection, newsletter_id: int, now: datetime) -> None:
        self._connection = connection
        self._shared = {"newsletter": newsletter_id, "now": now}
        self.now = now

    def __call__(self, statement: str, **parameters: Any) -> Any:
        given = {name: value for name, value in (self._shared | parameters).items() if f":{name}" in statement}
        typed = [bindparam(name, type_=UtcDateTime()) for name, value in given.items() if isinstance(value, datetime)]
        # The driver takes the smallest type that holds a number, and sums of two such overflow.
        typed += [bindparam(name, type_=BigInteger()) for name, value in given.items() if type(value) is int]
        result = self._connection.execute(text(statement).bindparams(*typed), given)
        return result.scalar() if result.returns_rows else None


def _issue(run: _Runner, size: Size, number: int) -> None:
    """One issue to a part of the readers; the last one is still on its way."""
    audience = size.deliveries // size.issues
    first = 1 + (number - 1) * audience % max(1, size.subscribers - audience + 1)
    at = run.now - (size.issues - number) * DAY
    last = number == size.issues
    issue = run(
        ISSUE,
        number=number,
        status="sending" if last else "sent",
        subject=f"Numéro {number}",
        at=at,
        until=at + 2 * DAY,
        finished=None if last else at,
        audience=audience,
    )
    start = 1 + (number * PER_ISSUE) % (size.articles - PER_ISSUE)
    run(ISSUE_ARTICLES, issue=issue, first=start, most=PER_ISSUE)
    articles = str(list(range(start, start + PER_ISSUE)))
    variants = [
        run(
            VARIANT,
            issue=issue,
            key=f"{number}-{form}",
            edition=edition,
            articles=articles,
            subject=f"Numéro {number}",
            public=form == 0,
            readers=audience // VARIANTS,
        )
        for form, edition in enumerate(("full", "light", "text"))
    ]
    run(BATCHES, issue=issue, count=-(-audience // PER_BATCH), at=at)
    run(DELIVERIES, issue=issue, first=first, count=audience, variant=min(variants), at=at, waiting=last)
    edges = {
        edge: run(f"SELECT {edge}(id) FROM batches WHERE issue_id = :issue", issue=issue) for edge in ("min", "max")
    }
    run(COUNTS, first=edges["min"], last=edges["max"])
    run(TALLIES, issue=issue, first=first, count=audience)
    if number > size.issues - 3:
        run(ATTEMPTS, issue=issue, from_batch=edges["min"])
