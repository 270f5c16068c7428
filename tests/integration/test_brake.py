"""An issue that goes wrong stops by itself, says why, and goes on when somebody has read that."""

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEvent
from newsletter.delivery import tally
from newsletter.delivery.models import Batch, DeliveryStatus, DomainTally
from newsletter.issues import dispatch
from newsletter.issues import freeze as freezing
from newsletter.issues.models import Issue, IssueStatus
from newsletter.newsletters.models import Newsletter
from tests.support.newsroom import Newsroom
from tests.support.postman import NO_SUCH_USER, SPAM, Postman, deliver, issue_in_waves, look, readers

pytestmark = pytest.mark.usefixtures("books")


S = DeliveryStatus


def gone(count: int) -> dict[str, str]:
    """So many readers whose mailboxes do not exist."""
    return dict.fromkeys(readers(count), NO_SUCH_USER)


def audit_of(newsroom: Newsroom) -> list[tuple[str, str]]:
    with newsroom.database.reading() as session:
        return [(event.actor, event.action) for event in session.scalars(select(AuditEvent).order_by(AuditEvent.id))]


def test_hard_bounces_in_the_first_wave_stop_the_issue(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = issue_in_waves(newsroom, gazette, readers(60), size=30, waves=(1, 2))
    deliver(newsroom, Postman(gone(20)))
    found = look(newsroom, issue)
    assert found.status is IssueStatus.PAUSED
    assert found.pause_reason == {"code": "hard_bounces", "count": 20, "of": 30, "limit": 0.05, "domain": ""}
    assert found.wave == 1
    assert deliver(newsroom, Postman()) == 0
    assert list(newsroom.statuses(issue).values()).count(S.QUEUED) == 30
    assert audit_of(newsroom)[-1] == ("brake", "issue.paused")


def test_a_few_hard_bounces_stop_nothing(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = issue_in_waves(newsroom, gazette, readers(60), size=30, waves=(1, 2))
    deliver(newsroom, Postman(gone(19)))
    assert look(newsroom, issue).status is IssueStatus.SENDING


def test_after_a_resume_it_goes_on_until_twice_as_much(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = issue_in_waves(newsroom, gazette, readers(60), size=30, waves=(1, 2))
    deliver(newsroom, Postman(gone(20)))
    look(newsroom, issue)
    newsroom.act(dispatch.resume, issue)
    found = look(newsroom, issue)
    assert (found.status, found.pause_reason, found.brake_released) == (IssueStatus.SENDING, None, True)
    assert found.wave == 2
    deliver(newsroom, Postman())
    assert look(newsroom, issue).status is IssueStatus.SENT


def test_twice_as_much_stops_it_again(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = issue_in_waves(newsroom, gazette, readers(75), size=25, waves=(1, 2, 3))
    deliver(newsroom, Postman(gone(20)))
    look(newsroom, issue)
    newsroom.act(dispatch.resume, issue)
    look(newsroom, issue)
    deliver(newsroom, Postman(gone(45)))
    found = look(newsroom, issue)
    assert found.status is IssueStatus.PAUSED
    assert found.pause_reason is not None
    assert (found.pause_reason["count"], found.pause_reason["limit"]) == (40, 0.1)
    assert audit_of(newsroom)[-3:] == [("brake", "issue.paused"), ("test", "issue.resumed"), ("brake", "issue.paused")]


def test_content_that_one_domain_refuses_stops_the_issue(newsroom: Newsroom, gazette: Newsletter) -> None:
    people = readers(10, domain="strict.example") + readers(30)
    issue = issue_in_waves(newsroom, gazette, people, size=35, waves=(1, 2))
    deliver(newsroom, Postman({"strict.example": f".{SPAM}"}))
    found = look(newsroom, issue)
    assert found.pause_reason is not None
    assert (found.pause_reason["code"], found.pause_reason["domain"]) == ("content", "strict.example")
    assert {row.skip_reason for row in newsroom.deliveries(issue).values()} == {None}


def test_complaints_stop_the_issue(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = issue_in_waves(newsroom, gazette, readers(20), size=10, waves=(1, 2))
    deliver(newsroom, Postman())
    with newsroom.database.unit() as session:
        session.scalars(select(Batch).where(Batch.wave == 1)).one().complained = 3
    found = look(newsroom, issue)
    assert found.pause_reason is not None
    assert found.pause_reason["code"] == "complaints"


@pytest.mark.parametrize(
    "reply",
    [
        "550 5.7.1 blocked by policy",
        "550 5.7.26 unauthenticated",
        "501 5.5.4 syntax",
        "552 5.3.4 too big",
        "451 4.7.1 later",
    ],
)
def test_what_is_no_fault_of_reader_or_content_never_falls_on_them(
    newsroom: Newsroom, gazette: Newsletter, reply: str
) -> None:
    issue = issue_in_waves(newsroom, gazette, readers(30), size=30, waves=(1,))
    deliver(newsroom, Postman({"poste.example": reply}))
    assert look(newsroom, issue).status is not IssueStatus.PAUSED
    with newsroom.database.reading() as session:
        batch = session.scalars(select(Batch)).one()
        assert (batch.hard, batch.content) == (0, 0)


def test_what_each_domain_answered_is_counted(newsroom: Newsroom, gazette: Newsletter) -> None:
    people = [*readers(3), *readers(2, domain="strict.example"), *readers(1, domain="slow.example")]
    issue_in_waves(newsroom, gazette, people, size=30, waves=(1,))
    answers = {"reader000@poste.example": NO_SUCH_USER, "strict.example": f".{SPAM}", "slow.example": "451 4.7.1 later"}
    deliver(newsroom, Postman(answers))
    with newsroom.database.reading() as session:
        rows = session.scalars(select(DomainTally).order_by(DomainTally.domain)).all()
        counted = {row.domain: {name: getattr(row, name) for name in tally.COLUMNS} for row in rows}
    none = dict.fromkeys(tally.COLUMNS, 0)
    assert counted == {
        "poste.example": none | {"sent": 2, "hard": 1},
        "slow.example": none | {"deferred": 1},
        "strict.example": none | {"content": 2},
    }


# What cannot be written


@pytest.fixture
def unwritable(newsroom: Newsroom, gazette: Newsletter) -> Issue:
    """The newsletter's address was spoilt after the issue was sent and before it was frozen."""
    newsroom.reader(gazette)
    issue = newsroom.draft_issue(gazette)
    newsroom.act(dispatch.send, issue)
    with newsroom.database.unit() as session:
        session.get_one(Newsletter, gazette.id).from_address = "desk\r\n@gazette.example"
    with newsroom.database.unit() as session:
        assert freezing.freeze(session, issue.id, newsroom.here.links, now=newsroom.now) is None
    return issue


def test_an_issue_that_cannot_be_written_is_paused_before_anybody_could_get_it(
    newsroom: Newsroom, unwritable: Issue
) -> None:
    found = newsroom.issue(unwritable)
    assert (found.status, found.frozen_at, found.audience) == (IssueStatus.PAUSED, None, None)
    assert found.pause_reason is not None
    assert found.pause_reason["code"] == "cannot_be_written"
    assert found.pause_reason["message"]
    assert newsroom.deliveries(unwritable) == {}
    with newsroom.database.reading() as session:
        assert dispatch.not_frozen(session) == []


def test_it_is_tried_again_on_resume(newsroom: Newsroom, gazette: Newsletter, unwritable: Issue) -> None:
    with newsroom.database.unit() as session:
        session.get_one(Newsletter, gazette.id).from_address = gazette.from_address
    newsroom.act(dispatch.resume, unwritable)
    with newsroom.database.unit() as session:
        assert dispatch.not_frozen(session) == [unwritable.id]
        assert freezing.freeze(session, unwritable.id, newsroom.here.links, now=newsroom.now) == 1
    found = newsroom.issue(unwritable)
    assert (found.status, found.brake_released) == (IssueStatus.SENDING, False)
