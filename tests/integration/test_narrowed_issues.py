"""An issue for a segment goes to its readers, and never to anybody else."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts.models import AuditEvent, Role, User
from newsletter.core.errors import ConflictError, NotFoundError, RefusedError
from newsletter.issues import (
    approvals,
    archive,
    clearance,
    dispatch,
    narrowed,
    narrowing,
    queries,
    reasons,
    refresh,
    review,
)
from newsletter.issues import freeze as freezing
from newsletter.issues.models import DigestRun, Issue, IssueStatus, RunOutcome, Variant
from newsletter.newsletters import schedules
from newsletter.newsletters import topics as naming
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions.models import SubscriptionStatus
from newsletter.subscriptions.segments import keeping
from newsletter.subscriptions.segments.models import Segment
from newsletter.subscriptions.segments.reading import read_rule
from tests.support.newsroom import Newsroom

POST, ELSEWHERE = "ama@poste.example", "kofi@ailleurs.example"
EVERYBODY = {POST, ELSEWHERE}
POSTAL = {"version": 1, "match": "all", "of": [{"field": "domain", "op": "is", "value": "poste.example"}]}
FOREIGN = {"version": 1, "match": "none", "of": [{"field": "domain", "op": "is", "value": "poste.example"}]}


def segment(newsroom: Newsroom, newsletter: Newsletter, rule: object = POSTAL, name: str = "La poste") -> Segment:
    with newsroom.database.unit() as session:
        read = read_rule(rule)
        known = narrowed.names(session, newsletter, [read])
        return keeping.add(session, newsletter, name, read, known=known, actor="test", now=newsroom.now)


def narrow(newsroom: Newsroom, issue: Issue, only: Segment | None = None, without: Segment | None = None) -> None:
    with newsroom.database.unit() as session:
        narrowing.narrow(
            session,
            session.get_one(Issue, issue.id),
            only=only.id if only else None,
            without=without.id if without else None,
            actor="test",
            now=newsroom.now,
        )


def remove(newsroom: Newsroom, made: Segment) -> None:
    with newsroom.database.unit() as session:
        keeping.remove(session, session.get_one(Segment, made.id), actor="test", now=newsroom.now)


def leave(newsroom: Newsroom, issue: Issue) -> None:
    """Let it go past whoever would have stopped it: as if the segment went just after."""
    newsroom.act(dispatch.leave, issue)


def freeze(newsroom: Newsroom, issue: Issue) -> int | None:
    with newsroom.database.unit() as session:
        return freezing.freeze(session, issue.id, newsroom.here.links, now=newsroom.now)


@pytest.fixture
def readers(newsroom: Newsroom, gazette: Newsletter) -> None:
    for email in (POST, ELSEWHERE):
        newsroom.reader(gazette, email)


@pytest.mark.usefixtures("readers", "books")
def test_an_issue_goes_to_a_segment_only(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = newsroom.draft_issue(gazette)
    narrow(newsroom, issue, only=segment(newsroom, gazette))
    assert newsroom.freeze(issue) == 1
    assert set(newsroom.deliveries(issue)) == {POST}


@pytest.mark.usefixtures("readers", "books")
def test_an_issue_goes_to_all_but_a_segment(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = newsroom.draft_issue(gazette)
    narrow(newsroom, issue, without=segment(newsroom, gazette))
    assert newsroom.freeze(issue) == 1
    assert set(newsroom.deliveries(issue)) == {ELSEWHERE}


@pytest.mark.usefixtures("readers")
def test_an_issue_goes_to_one_segment_without_another(newsroom: Newsroom, gazette: Newsletter) -> None:
    newsroom.reader(gazette, "afi@poste.example", language="en")
    english = {"version": 1, "match": "all", "of": [{"field": "language", "op": "is", "value": "en"}]}
    issue = newsroom.draft_issue(gazette)
    narrow(newsroom, issue, segment(newsroom, gazette), segment(newsroom, gazette, english, "Anglophones"))
    newsroom.freeze(issue)
    assert set(newsroom.deliveries(issue)) == {POST}


@pytest.mark.usefixtures("readers")
def test_who_has_left_is_in_no_segment(newsroom: Newsroom, gazette: Newsletter) -> None:
    with newsroom.database.unit() as session:
        left = session.merge(newsroom.reader(gazette, "parti@poste.example"))
        left.status = SubscriptionStatus.ENDED
    issue = newsroom.draft_issue(gazette)
    narrow(newsroom, issue, only=segment(newsroom, gazette))
    assert newsroom.freeze(issue) == 1


@pytest.mark.usefixtures("readers")
def test_the_rule_at_the_freeze_stays_with_the_issue(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue, made = newsroom.draft_issue(gazette), segment(newsroom, gazette)
    narrow(newsroom, issue, only=made)
    newsroom.freeze(issue)
    with newsroom.database.unit() as session:
        held = session.get_one(Segment, made.id)
        known = narrowed.names(session, gazette)
        changed = read_rule(FOREIGN)
        keeping.change(session, gazette, held, "Ailleurs", changed, known=known, actor="test", now=newsroom.now)
    remove(newsroom, made)
    with newsroom.database.reading() as session:
        kept = narrowed.chosen(session, session.get_one(Issue, issue.id))
        assert queries.readers_of(session, session.get_one(Issue, issue.id), now=newsroom.now).number == 1
    assert kept.as_document() == {"only": {"segment": made.id, "name": "La poste", "rule": POSTAL}}
    assert not kept.problem


# A segment that is gone stops the issue; it never goes to everybody.


@pytest.mark.usefixtures("readers", "books")
@pytest.mark.parametrize("how", ["only", "without"])
def test_a_segment_removed_before_the_freeze_stops_the_issue(newsroom: Newsroom, gazette: Newsletter, how: str) -> None:
    issue, made = newsroom.draft_issue(gazette), segment(newsroom, gazette)
    narrow(newsroom, issue, **{how: made})
    leave(newsroom, issue)
    remove(newsroom, made)
    assert freeze(newsroom, issue) is None
    stopped = newsroom.issue(issue)
    assert (stopped.status, stopped.frozen_at) == (IssueStatus.PAUSED, None)
    assert "La poste" in reasons.in_words(stopped.pause_reason or {})
    assert newsroom.deliveries(issue) == {}
    newsroom.act(dispatch.resume, issue)
    assert freeze(newsroom, issue) is None
    assert newsroom.deliveries(issue) == {}


@pytest.mark.usefixtures("readers", "books")
def test_an_issue_that_was_stopped_goes_on_when_somebody_chose_again(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue, made = newsroom.draft_issue(gazette), segment(newsroom, gazette)
    narrow(newsroom, issue, only=made)
    leave(newsroom, issue)
    remove(newsroom, made)
    freeze(newsroom, issue)
    narrow(newsroom, issue, only=segment(newsroom, gazette, FOREIGN, "La poste"))
    newsroom.act(dispatch.resume, issue)
    assert freeze(newsroom, issue) == 1
    assert set(newsroom.deliveries(issue)) == {ELSEWHERE}


@pytest.mark.usefixtures("readers")
def test_a_segment_removed_before_its_hour_makes_a_draft_of_the_issue(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue, made = newsroom.draft_issue(gazette), segment(newsroom, gazette)
    narrow(newsroom, issue, only=made)
    with newsroom.database.unit() as session:
        held = session.get_one(Issue, issue.id)
        dispatch.schedule(session, held, send_at=newsroom.now + timedelta(hours=1), actor="test", now=newsroom.now)
    remove(newsroom, made)
    with newsroom.database.unit() as session:
        review.sweep(session, now=newsroom.pass_time(hours=2))
    stopped = newsroom.issue(issue)
    assert (stopped.status, stopped.send_at) == (IssueStatus.DRAFT, None)
    assert stopped.pause_reason
    assert stopped.pause_reason["found"][0]["key"] == "no_audience"


@pytest.mark.usefixtures("readers")
def test_an_issue_without_its_segment_cannot_be_sent_approved_or_overruled(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    issue, made = newsroom.draft_issue(gazette), segment(newsroom, gazette)
    narrow(newsroom, issue, only=made)
    remove(newsroom, made)
    owner = User(email="o@news.example", role=Role.OWNER)
    with newsroom.database.unit() as session:
        held = session.get_one(Issue, issue.id)
        for verb in (dispatch.send, lambda *a, **by: approvals.approve(*a, email=by["actor"], now=by["now"])):
            with pytest.raises(RefusedError):
                verb(session, held, actor="test", now=newsroom.now)
        clearance.overrule(session, held, by=owner, reason="because I say so", now=newsroom.now)
        with pytest.raises(RefusedError, match="La poste"):
            dispatch.send(session, held, actor="test", now=newsroom.now)
        assert queries.readers_of(session, held, now=newsroom.now).number == 0


@pytest.mark.usefixtures("readers")
def test_a_rule_that_asks_for_what_is_gone_stops_the_issue_too(newsroom: Newsroom, gazette: Newsletter) -> None:
    with newsroom.database.unit() as session:
        topic = naming.add(session, gazette, "Sport", slug="sport")
    asks = {"version": 1, "match": "none", "of": [{"field": "topic", "op": "is", "value": topic.id}]}
    issue, made = newsroom.draft_issue(gazette), segment(newsroom, gazette, asks, "Sans sport")
    narrow(newsroom, issue, only=made)
    leave(newsroom, issue)
    with newsroom.database.unit() as session:
        session.delete(session.merge(topic))
    assert freeze(newsroom, issue) is None
    assert newsroom.deliveries(issue) == {}


@pytest.mark.usefixtures("readers")
def test_a_row_that_vanished_or_cannot_be_read_stops_the_issue(newsroom: Newsroom, gazette: Newsletter) -> None:
    for at, spoil in enumerate((_forget, _scribble)):
        newsroom.pass_time(days=1)
        newsroom.article(gazette, f"Un article de plus, le numéro {at}")
        issue, made = newsroom.draft_issue(gazette), segment(newsroom, gazette, name=f"S{at}")
        narrow(newsroom, issue, only=made)
        leave(newsroom, issue)
        with newsroom.database.unit() as session:
            spoil(session, session.get_one(Segment, made.id))
        assert freeze(newsroom, issue) is None
        assert newsroom.issue(issue).status is IssueStatus.PAUSED
        assert newsroom.deliveries(issue) == {}


def _forget(session: Session, made: Segment) -> None:
    session.delete(made)


def _scribble(session: Session, made: Segment) -> None:
    made.rule = {"version": 99}


@pytest.mark.usefixtures("readers")
def test_a_removal_during_the_freeze_changes_nothing_or_stops_it(newsroom: Newsroom, gazette: Newsletter) -> None:
    """Whoever comes first: the issue goes to the segment as it was, or to nobody."""
    for at in range(6):
        newsroom.pass_time(days=1)
        newsroom.article(gazette, f"Encore une nouvelle histoire, la {at}, et son texte à elle")
        issue, made = newsroom.draft_issue(gazette), segment(newsroom, gazette, name=f"Course {at}")
        narrow(newsroom, issue, only=made)
        leave(newsroom, issue)
        _together(lambda issue=issue: freeze(newsroom, issue), lambda made=made: remove(newsroom, made))
        status = newsroom.issue(issue).status
        if status is IssueStatus.PAUSED:
            assert newsroom.deliveries(issue) == {}
        else:
            assert set(newsroom.deliveries(issue)) == {POST}


def _together(*acts: Callable[[], object]) -> None:
    gate, wrong = threading.Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        gate.wait()
        try:
            act()
        except Exception as error:  # noqa: BLE001 - told to the test below
            wrong.append(error)

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []


# What an issue for some readers means for the others.


@pytest.mark.usefixtures("readers", "books")
def test_what_a_segment_got_is_new_for_the_others_and_for_nobody_twice(newsroom: Newsroom, gazette: Newsletter) -> None:
    bridge = newsroom.article(gazette, "Le pont rouvre")
    first = newsroom.draft_issue(gazette)
    narrow(newsroom, first, only=segment(newsroom, gazette))
    newsroom.freeze(first)
    newsroom.pass_time(days=1)
    market = newsroom.article(gazette, "Le marché brûle pendant la nuit")
    second = newsroom.compose(gazette)
    assert second is not None
    newsroom.freeze(second)
    with newsroom.database.reading() as session:
        got = {email: _articles(session, row.variant_id) for email, row in newsroom.deliveries(second).items()}
    assert got == {POST: {market.id}, ELSEWHERE: {bridge.id, market.id}}
    newsroom.pass_time(days=1)
    assert newsroom.compose(gazette) is None


@pytest.mark.usefixtures("readers")
def test_without_carrying_over_nothing_is_lost_either(newsroom: Newsroom, gazette: Newsletter) -> None:
    with newsroom.database.unit() as session:
        schedules.main_of(session, gazette.id).carry = 0
    newsroom.article(gazette, "Le pont rouvre")
    narrow(newsroom, newsroom.draft_issue(gazette), without=segment(newsroom, gazette))
    newsroom.pass_time(days=3)
    again = newsroom.compose(gazette)
    assert again is not None
    with newsroom.database.reading() as session:
        assert len(queries.articles_of(session, again.id)) == 1


@pytest.mark.usefixtures("readers")
def test_a_digest_that_goes_to_everybody_after_all_closes_its_window(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = newsroom.draft_issue(gazette)
    narrow(newsroom, issue, only=segment(newsroom, gazette))
    assert _outcomes(newsroom, issue) == [RunOutcome.PART]
    narrow(newsroom, issue)
    assert _outcomes(newsroom, issue) == [RunOutcome.ISSUE]
    newsroom.pass_time(days=1)
    assert newsroom.compose(gazette) is None


@pytest.mark.usefixtures("readers")
def test_a_digest_that_a_later_one_followed_is_not_kept_from_the_others(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    first = newsroom.draft_issue(gazette)
    newsroom.pass_time(days=1)
    newsroom.article(gazette, "Le marché brûle pendant la nuit")
    assert newsroom.compose(gazette)
    with pytest.raises(RefusedError, match="later digest"):
        narrow(newsroom, first, only=segment(newsroom, gazette))


@pytest.mark.usefixtures("readers")
def test_a_digest_for_a_segment_can_be_composed_again(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = newsroom.draft_issue(gazette)
    narrow(newsroom, issue, only=segment(newsroom, gazette))
    newsroom.pass_time(hours=1)
    late = newsroom.article(gazette, "Le marché brûle pendant la nuit")
    with newsroom.database.unit() as session:
        renewed = refresh.refresh(session, session.get_one(Issue, issue.id), actor="test", now=newsroom.now)
    assert renewed.added == (late.id,)
    assert _outcomes(newsroom, issue) == [RunOutcome.PART]


@pytest.mark.usefixtures("readers")
def test_an_issue_for_a_segment_is_in_the_archive(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = newsroom.draft_issue(gazette)
    narrow(newsroom, issue, only=segment(newsroom, gazette))
    newsroom.freeze(issue)
    with newsroom.database.reading() as session:
        assert archive.read(session, gazette.id, issue.number, language="fr").html
        assert len(archive.page(session, gazette.id)) == 1


# Choosing is an edit like any other.


@pytest.mark.usefixtures("readers")
def test_choosing_raises_the_revision_and_is_on_record(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue, made = newsroom.draft_issue(gazette), segment(newsroom, gazette)
    narrow(newsroom, issue, only=made)
    narrow(newsroom, issue, only=made)
    assert newsroom.issue(issue).revision == issue.revision + 1
    with newsroom.database.reading() as session:
        told = session.scalars(select(AuditEvent).where(AuditEvent.action == "issue.narrowed")).one()
    assert (told.details["only"], told.details["without"]) == ([None, "La poste"], [None, None])


@pytest.mark.usefixtures("readers")
def test_what_cannot_be_chosen_is_refused(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue, made = newsroom.draft_issue(gazette), segment(newsroom, gazette)
    theirs = segment(newsroom, newsroom.newsletter("autre"), name="Ailleurs")
    with pytest.raises(NotFoundError):
        narrow(newsroom, issue, only=theirs)
    with pytest.raises(RefusedError, match="two different"):
        narrow(newsroom, issue, only=made, without=made)
    remove(newsroom, made)
    with pytest.raises(NotFoundError):
        narrow(newsroom, issue, without=made)
    with newsroom.database.unit() as session, pytest.raises(ConflictError):
        narrowing.narrow(
            session,
            session.get_one(Issue, issue.id),
            only=None,
            without=None,
            actor="test",
            now=newsroom.now,
            expected_revision=99,
        )
    newsroom.freeze(issue)
    with pytest.raises(RefusedError, match="no longer a draft"):
        narrow(newsroom, issue)


def test_a_name_is_free_again_when_its_segment_was_removed(newsroom: Newsroom, gazette: Newsletter) -> None:
    first = segment(newsroom, gazette)
    with pytest.raises(RefusedError, match="already"):
        segment(newsroom, gazette, name="LA POSTE")
    remove(newsroom, first)
    assert segment(newsroom, gazette).id != first.id


def test_two_people_do_not_overwrite_each_other_s_segment(newsroom: Newsroom, gazette: Newsletter) -> None:
    made, rule = segment(newsroom, gazette), read_rule(FOREIGN)
    with newsroom.database.unit() as session:
        held, known = session.get_one(Segment, made.id), narrowed.names(session, gazette)
        by = {"known": known, "actor": "test", "now": newsroom.now, "expected_revision": 1}
        keeping.change(session, gazette, held, "Ailleurs", rule, **by)
        with pytest.raises(ConflictError):
            keeping.change(session, gazette, held, "Encore", rule, **by)


def _articles(session: Session, variant_id: int) -> set[int]:
    return set(session.get_one(Variant, variant_id).articles)


def _outcomes(newsroom: Newsroom, issue: Issue) -> list[RunOutcome]:
    with newsroom.database.reading() as session:
        return list(session.scalars(select(DigestRun.outcome).where(DigestRun.issue_id == issue.id)))
