"""A large issue leaves in waves: a few readers first, and the others when that has gone well."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from newsletter.delivery import ledger
from newsletter.delivery.models import Batch, DeliveryStatus, SkipReason
from newsletter.issues import course, dispatch
from newsletter.issues.models import Issue, IssueStatus
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions.models import Subscriber, Subscription, SubscriptionStatus
from tests.support.newsroom import Newsroom
from tests.support.postman import Postman, deliver, issue_in_waves, look, readers

pytestmark = pytest.mark.usefixtures("books")


S = DeliveryStatus
THREE_WAVES = (3, 1, 2, 3, 3)


@pytest.fixture
def issue(newsroom: Newsroom, gazette: Newsletter) -> Issue:
    """Ten readers in five batches of three waves."""
    return issue_in_waves(newsroom, gazette, readers(10), size=2, waves=THREE_WAVES)


def batches(newsroom: Newsroom) -> list[Batch]:
    with newsroom.database.reading() as session:
        return list(session.scalars(select(Batch).order_by(Batch.position)))


def test_only_the_first_wave_leaves_at_once(newsroom: Newsroom, issue: Issue) -> None:
    postman = Postman()
    deliver(newsroom, postman)
    assert postman.recipients == readers(10)[2:4]
    assert newsroom.issue(issue).status is IssueStatus.SENDING


def test_waves_follow_one_another_until_everybody_has_got_it_once(newsroom: Newsroom, issue: Issue) -> None:
    postman = Postman()
    sizes = []
    for _ in range(3):
        sizes.append(deliver(newsroom, postman))
        found = look(newsroom, issue)
    assert sizes == [2, 2, 6]
    assert sorted(postman.recipients) == readers(10)
    assert (found.status, found.wave) == (IssueStatus.SENT, 3)


def test_the_next_wave_waits_while_nothing_is_known_of_the_first(newsroom: Newsroom, issue: Issue) -> None:
    assert look(newsroom, issue).wave == 1
    newsroom.pass_time(hours=3)
    assert look(newsroom, issue).wave == 1


def test_a_slow_first_wave_is_waited_for_half_an_hour(newsroom: Newsroom, issue: Issue) -> None:
    first = newsroom.deliveries(issue)[readers(10)[2]].id
    with newsroom.database.unit() as session:
        ledger.move(session, first, S.SENDING, now=newsroom.now)
        ledger.move(session, first, S.SENT, now=newsroom.now)
    newsroom.pass_time(minutes=29)
    assert look(newsroom, issue).wave == 1
    newsroom.pass_time(minutes=1)
    assert look(newsroom, issue).wave == 2


def test_the_sweep_opens_a_wave_that_no_worker_opened(newsroom: Newsroom, issue: Issue) -> None:
    deliver(newsroom, Postman())
    with newsroom.database.unit() as session:
        course.sweep(session, now=newsroom.now)
    assert newsroom.issue(issue).wave == 2
    assert deliver(newsroom, Postman()) == 2


def test_a_pause_keeps_later_waves_closed_and_a_resume_does_not_open_them(newsroom: Newsroom, issue: Issue) -> None:
    deliver(newsroom, Postman())
    newsroom.act(dispatch.pause, issue)
    assert look(newsroom, issue).wave == 1
    newsroom.act(dispatch.resume, issue)
    assert deliver(newsroom, Postman()) == 0
    assert look(newsroom, issue).wave == 2
    assert deliver(newsroom, Postman()) == 2


def test_a_cancel_leaves_out_the_waves_that_have_not_left(newsroom: Newsroom, issue: Issue) -> None:
    postman = Postman()
    deliver(newsroom, postman)
    newsroom.act(dispatch.cancel, issue)
    found = newsroom.deliveries(issue)
    assert [email for email, row in found.items() if row.status is S.SENT] == postman.recipients
    skipped = [row for row in found.values() if row.status is S.SKIPPED]
    assert len(skipped) == 8
    assert {row.skip_reason for row in skipped} == {SkipReason.CANCELLED}


def test_an_issue_out_of_date_says_so_of_the_waves_that_have_not_left(newsroom: Newsroom, issue: Issue) -> None:
    newsroom.pass_time(hours=49)
    look(newsroom, issue)
    deliver(newsroom, Postman())
    assert set(newsroom.statuses(issue).values()) == {S.FAILED}
    assert look(newsroom, issue).status is IssueStatus.SENT


def test_a_first_wave_of_nobody_holds_up_nobody(newsroom: Newsroom, gazette: Newsletter) -> None:
    """Its readers left between the count and the freeze."""
    issue = issue_in_waves(newsroom, gazette, readers(4), size=2, waves=(2, 2, 1))
    assert [batch.wave for batch in batches(newsroom)] == [2, 2]
    assert look(newsroom, issue).wave == 2
    assert deliver(newsroom, Postman()) == 4


def test_readers_who_confirm_during_the_freeze_are_dealt_out_over_the_batches(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    issue = issue_in_waves(newsroom, gazette, readers(11), size=2, waves=(1, 2, 3))
    assert [batch.queued for batch in batches(newsroom)] == [4, 4, 3]
    assert newsroom.issue(issue).audience == 11


def test_a_freeze_of_ten_thousand_readers_makes_a_first_wave_of_a_hundred(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    with newsroom.database.unit() as session:
        people = [
            {
                "email": f"r{number}@poste.example",
                "email_key": f"r{number}@poste.example",
                "domain": "poste.example",
                "name": "",
                "language": "fr",
                "attributes": {},
                "created_at": newsroom.now,
            }
            for number in range(10_000)
        ]
        ids = session.scalars(insert(Subscriber).returning(Subscriber.id), people).all()
        active = {"newsletter_id": gazette.id, "status": SubscriptionStatus.ACTIVE, "created_at": newsroom.now}
        session.execute(insert(Subscription), [{"subscriber_id": number, **active} for number in ids])
    issue = newsroom.draft_issue(gazette)
    assert newsroom.freeze(issue) == 10_000
    found = batches(newsroom)
    of_wave = {wave: [batch for batch in found if batch.wave == wave] for wave in (1, 2, 3)}
    assert [sum(batch.queued for batch in of_wave[wave]) for wave in (1, 2, 3)] == [100, 1000, 8900]
    assert {batch.due_at for batch in of_wave[1]} == {newsroom.now}
    assert {batch.due_at for wave in (2, 3) for batch in of_wave[wave]} == {None}
    assert newsroom.issue(issue).wave_opened_at == newsroom.now
    assert newsroom.issue(issue).expires_at == newsroom.now + timedelta(hours=48)
