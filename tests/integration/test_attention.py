"""What the desk asks somebody to look at, and the way to a first issue."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from newsletter.delivery.domain_models import DomainStanding
from newsletter.delivery.models import Batch
from newsletter.delivery.reputation import Fault, Verdict
from newsletter.feeds import adding
from newsletter.feeds.models import Feed
from newsletter.issues.models import DigestRun, IssueStatus, RunOutcome, Trigger
from newsletter.issues.selection.outcome import Missed
from newsletter.newsletters import schedules, senders
from newsletter.newsletters.models import Newsletter, SigningKey
from newsletter.reports import attention, first_steps
from newsletter.reports.attention import About, Concern
from newsletter.reports.first_steps import Leads
from tests.support.newsroom import DOMAIN, Newsroom

SITE = "https://news.example"


def concerns(newsroom: Newsroom, *newsletters: Newsletter) -> list[Concern]:
    with newsroom.database.reading() as session:
        return attention.concerns(session, newsletters, now=newsroom.now)


def open_steps(newsroom: Newsroom, newsletter: Newsletter, **given: object) -> set[Leads]:
    options = {"site_url": SITE, "mail_leaves": True} | given
    with newsroom.database.reading() as session:
        found = first_steps.steps(session, newsletter, **options)  # type: ignore[arg-type]
    return {step.leads for step in found if not step.done}


def test_a_quiet_newsroom_has_nothing_to_look_at(newsroom: Newsroom) -> None:
    assert concerns(newsroom, newsroom.newsletter()) == []


@pytest.mark.parametrize(("failures", "told"), [(2, False), (3, True)])
def test_a_feed_that_fails_again_and_again_is_named(newsroom: Newsroom, failures: int, told: bool) -> None:
    gazette = newsroom.newsletter()
    with newsroom.database.unit() as session:
        feed, _new = adding.note(
            session,
            "https://press.example/feed",
            title="L’Agence",
            newsletter_id=gazette.id,
            topic_id=None,
            now=newsroom.now,
        )
        session.execute(update(Feed).values(failures=failures, failing_since=newsroom.now))
    found = [(item.what, item.about, item.which) for item in concerns(newsroom, gazette)]
    assert found == ([("L’Agence", About.FEED, feed.id)] if told else [])


def test_feeds_that_fail_are_told_to_the_newsletters_that_take_them(newsroom: Newsroom) -> None:
    """And, with what all newsletters share, to who looks after all of them."""
    gazette, depeche = newsroom.newsletter(), newsroom.newsletter("depeche")
    with newsroom.database.unit() as session:
        for taker in (gazette, depeche):
            given = {"title": taker.slug, "newsletter_id": taker.id, "topic_id": None, "now": newsroom.now}
            adding.note(session, f"https://{taker.slug}.example/feed", **given)  # type: ignore[arg-type]
        session.execute(update(Feed).values(failures=3, failing_since=newsroom.now))
    with newsroom.database.reading() as session:
        told = {
            shared: [item.what for item in attention.concerns(session, [gazette], shared=shared, now=newsroom.now)]
            for shared in (False, True)
        }
    assert told == {False: ["gazette"], True: ["gazette", "depeche"]}


def test_a_feed_that_is_paused_worries_nobody(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    with newsroom.database.unit() as session:
        adding.note(
            session,
            "https://press.example/feed",
            title="L’Agence",
            newsletter_id=gazette.id,
            topic_id=None,
            now=newsroom.now,
        )
        session.execute(update(Feed).values(failures=9, failing_since=newsroom.now, paused_at=newsroom.now))
    assert concerns(newsroom, gazette) == []


def test_records_that_are_wrong_are_of_the_newsletters_that_one_sees(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    with newsroom.database.unit() as session:
        row = senders.by_name(session, DOMAIN)
        row.findings = {"found": [{"key": "spf_missing", "level": "bad", "name": "bounces", "params": {}}]}
        row.checked_at = newsroom.now
    try:
        assert [(item.bad, item.which) for item in concerns(newsroom, gazette)] == [(True, gazette.slug)]
        assert concerns(newsroom) == []
    finally:
        with newsroom.database.unit() as session:  # the sender domain outlives a test
            row = senders.by_name(session, DOMAIN)
            row.findings, row.checked_at = None, None


def test_old_keys_are_to_be_renewed(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    with newsroom.database.reading() as session:
        since = [key.starts_at for key in session.query(SigningKey).all() if key.starts_at is not None]
    newsroom.now = max(since) + timedelta(days=364)
    assert concerns(newsroom, gazette) == []
    newsroom.pass_time(days=2)
    assert [item.about for item in concerns(newsroom, gazette)] == [About.SENDER_DOMAIN]


@pytest.mark.parametrize(
    ("verdict", "bad"), [(Verdict.FINE, None), (Verdict.WATCH, None), (Verdict.SLOW_DOWN, False), (Verdict.STOP, True)]
)
def test_domains_of_readers_are_named_when_something_was_done(
    newsroom: Newsroom, verdict: Verdict, bad: bool | None
) -> None:
    with newsroom.database.unit() as session:
        session.add(
            DomainStanding(
                domain="gmail.com",
                verdict=verdict,
                fault=Fault.COMPLAINTS,
                of_which=9,
                out_of=1000,
                since=newsroom.now,
                looked_at=newsroom.now,
                sent=1000,
                acted={},
            )
        )
    assert [item.bad for item in concerns(newsroom)] == ([] if bad is None else [bad])


@pytest.mark.parametrize(("reason", "told"), [(None, True), ({"code": Missed.CLOSED}, False)])
def test_an_hour_that_was_missed_is_told_for_two_days(
    newsroom: Newsroom, reason: dict[str, str] | None, told: bool
) -> None:
    gazette = newsroom.newsletter()
    with newsroom.database.unit() as session:
        session.add(
            DigestRun(
                newsletter_id=gazette.id,
                schedule_id=schedules.main_of(session, gazette.id).id,
                due_at=newsroom.now,
                window_start=newsroom.now,
                cut_off=newsroom.now,
                trigger=Trigger.SCHEDULE,
                outcome=RunOutcome.MISSED,
                reason=reason,
                created_at=newsroom.now,
            )
        )
    assert [item.about for item in concerns(newsroom, gazette)] == ([About.RUN] if told else [])
    newsroom.pass_time(days=3)
    assert concerns(newsroom, gazette) == []


@pytest.mark.parametrize(("hard", "told"), [(4, False), (5, True)])
def test_an_issue_to_an_old_list_is_named(newsroom: Newsroom, hard: int, told: bool) -> None:
    gazette = newsroom.newsletter()
    newsroom.reader(gazette, "ama@poste.example")
    newsroom.article(gazette)
    issue = newsroom.outgoing(gazette)
    with newsroom.database.unit() as session:
        session.get_one(type(issue), issue.id).status = IssueStatus.SENT
        session.get_one(type(issue), issue.id).finished_at = newsroom.now
        session.execute(update(Batch).values(sent=190, failed=10, hard=hard, queued=0))
    assert [item.which for item in concerns(newsroom, gazette)] == ([issue.id] if told else [])


def test_the_steps_end_one_by_one_and_are_gone_with_the_first_issue(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    everything = {Leads.ARTICLES, Leads.SUBSCRIBERS, Leads.SCHEDULES, Leads.DOMAIN, Leads.ISSUES}
    assert open_steps(newsroom, gazette) == everything
    assert open_steps(newsroom, gazette, mail_leaves=False) == everything | {Leads.RELAYS}
    assert open_steps(newsroom, gazette, site_url="http://localhost:8000") == everything | {Leads.RELAYS}
    newsroom.article(gazette)
    assert Leads.ARTICLES not in open_steps(newsroom, gazette)
    newsroom.reader(gazette, "ama@poste.example")
    assert Leads.SUBSCRIBERS not in open_steps(newsroom, gazette)
    issue = newsroom.draft_issue(gazette)
    with newsroom.database.unit() as session:
        session.get_one(type(issue), issue.id).status = IssueStatus.SENT
    assert open_steps(newsroom, gazette) == set()
