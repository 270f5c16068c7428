"""Unsubscribing and choosing, by links that need no password."""

from datetime import timedelta

import pytest

from newsletter.core.addresses import parse_address
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.urls import PREFERENCES, UNSUBSCRIBE
from newsletter.delivery.models import DeliveryStatus, SkipReason
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import consent, preferences, queries, staff, unsubscribe
from newsletter.subscriptions.models import ConsentKind, EndedReason, Subscription, SubscriptionStatus
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import SuppressionReason
from tests.support.newsroom import Newsroom

AMA, KOFI = "ama@poste.example", "kofi@poste.example"


def click(newsroom: Newsroom, token: str, *, one_click: bool = False) -> bool:
    """Press the button of an unsubscribe link; False when the link stands for nothing."""
    with newsroom.database.unit() as session:
        view = unsubscribe.look_up(session, newsroom.here.signer, token)
        if view is None:
            return False
        unsubscribe.unsubscribe(session, view, one_click=one_click, network="203.0.113.0/24", now=newsroom.now)
    return True


def choose(newsroom: Newsroom, subscriber_id: int, *newsletters: Newsletter, language: str = "fr") -> None:
    token = newsroom.here.signer.sign(PREFERENCES, subscriber_id)
    with newsroom.database.unit() as session:
        view = preferences.look_up(session, newsroom.here.signer, token)
        assert view is not None
        preferences.save(
            session,
            view,
            language=language,
            newsletter_ids={item.id for item in newsletters},
            wording="ticked",
            network="203.0.113.0/24",
            now=newsroom.now,
        )


def rows(newsroom: Newsroom, email: str = AMA) -> dict[int, queries.SubscriptionRow]:
    """By newsletter."""
    with newsroom.database.reading() as session:
        return {row.newsletter_id: row for row in queries.of_address(session, email)}


def link(newsroom: Newsroom, subscription: Subscription, issue_id: int = 0) -> str:
    return newsroom.here.signer.sign(UNSUBSCRIBE, subscription.id, issue_id)


def test_a_click_ends_the_subscription_and_says_which_issue_it_came_from(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    reader = newsroom.reader(gazette)
    click(newsroom, link(newsroom, reader, 77))
    row = rows(newsroom)[gazette.id]
    assert (row.status, row.ended_reason, row.ended_at) == (
        SubscriptionStatus.ENDED,
        EndedReason.UNSUBSCRIBED,
        newsroom.now,
    )
    with newsroom.database.reading() as session:
        assert session.get_one(Subscription, reader.id).ended_by_issue_id == 77


def test_leaving_twice_is_the_same_as_once(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    reader = newsroom.reader(gazette)
    assert click(newsroom, link(newsroom, reader), one_click=True)
    left_at = newsroom.now
    newsroom.pass_time(days=900)
    assert click(newsroom, link(newsroom, reader))
    row = rows(newsroom)[gazette.id]
    assert (row.ended_reason, row.ended_at) == (EndedReason.ONE_CLICK, left_at)
    with newsroom.database.reading() as session:
        kinds = [event.kind for event in consent.history(session, reader.subscriber_id)]
    assert kinds == [ConsentKind.ENDED, ConsentKind.ADDED_BY_STAFF]


def test_looking_at_the_link_changes_nothing(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    reader = newsroom.reader(gazette)
    with newsroom.database.reading() as session:
        view = unsubscribe.look_up(session, newsroom.here.signer, link(newsroom, reader))
    assert view is not None
    assert (view.masked_email, view.ended, view.newsletter.slug) == ("a•••••@poste.example", False, "gazette")
    assert rows(newsroom)[gazette.id].status is SubscriptionStatus.ACTIVE


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 38, "A" * 5000, "\0", "../../etc"])
def test_a_forged_link_stands_for_nothing(newsroom: Newsroom, token: str) -> None:
    newsroom.reader(newsroom.newsletter())
    assert not click(newsroom, token)


def test_a_link_to_a_subscription_that_never_was_stands_for_nothing(newsroom: Newsroom) -> None:
    assert not click(newsroom, newsroom.here.signer.sign(UNSUBSCRIBE, 2**47, 0))


def test_leaving_withdraws_what_is_queued_for_the_reader_and_for_nobody_else(newsroom: Newsroom) -> None:
    gazette, revue = newsroom.newsletter(), newsroom.newsletter("revue")
    ama = newsroom.reader(gazette)
    newsroom.reader(revue)
    first = newsroom.outgoing(gazette, KOFI)
    newsroom.pass_time(hours=1)
    newsroom.article(gazette, "Encore une")
    second = newsroom.outgoing(gazette)
    other = newsroom.outgoing(revue)
    click(newsroom, link(newsroom, ama), one_click=True)
    for issue in (first, second):
        assert newsroom.statuses(issue) == {AMA: DeliveryStatus.SKIPPED, KOFI: DeliveryStatus.QUEUED}
        assert newsroom.deliveries(issue)[AMA].skip_reason is SkipReason.UNSUBSCRIBED
    assert newsroom.statuses(other) == {AMA: DeliveryStatus.QUEUED}


def test_ending_by_staff_says_who_did_it(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    reader = newsroom.reader(gazette)
    issue = newsroom.outgoing(gazette)
    for _ in range(2):
        with newsroom.database.unit() as session:
            staff.end_subscription(session, reader.id, actor="desk@gazette.example", now=newsroom.now)
    assert rows(newsroom)[gazette.id].ended_reason is EndedReason.BY_STAFF
    assert newsroom.statuses(issue) == {AMA: DeliveryStatus.SKIPPED}
    with newsroom.database.reading() as session:
        ended, *_before = consent.history(session, reader.subscriber_id)
    assert (ended.kind, ended.actor) == (ConsentKind.ENDED, "desk@gazette.example")


def test_ending_what_does_not_exist_is_refused(newsroom: Newsroom) -> None:
    with pytest.raises(NotFoundError), newsroom.database.unit() as session:
        staff.end_subscription(session, 12345, actor="test", now=newsroom.now)


def test_staff_cannot_add_a_blocked_address_a_known_one_or_one_without_proof(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.reader(gazette, KOFI)
    with newsroom.database.unit() as session:
        suppression.suppress(session, AMA, SuppressionReason.COMPLAINT, source="test", now=newsroom.now)
    for email, proof in ((AMA, "card"), (KOFI, "card"), ("new@poste.example", "  ")):
        with pytest.raises(RefusedError), newsroom.database.unit() as session:
            staff.add_subscriber(
                session,
                newsroom.here.signer,
                gazette,
                parse_address(email),
                name="",
                status=SubscriptionStatus.ACTIVE,
                proof=proof,
                actor="test",
                now=newsroom.now,
            )
    assert rows(newsroom) == {}
    assert rows(newsroom, "new@poste.example") == {}


def test_a_reader_added_as_pending_gets_a_confirmation_mail(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    with newsroom.database.unit() as session:
        staff.add_subscriber(
            session,
            newsroom.here.signer,
            gazette,
            parse_address(AMA),
            name="Ama",
            status=SubscriptionStatus.PENDING,
            proof="asked by telephone",
            actor="test",
            now=newsroom.now,
        )
    assert [mail.kind for mail in newsroom.mails()] == ["confirm"]
    assert rows(newsroom)[gazette.id].status is SubscriptionStatus.PENDING


def test_the_preference_page_shows_every_newsletter_and_a_masked_address(newsroom: Newsroom) -> None:
    gazette, revue = newsroom.newsletter(), newsroom.newsletter("revue")
    reader = newsroom.reader(gazette)
    with newsroom.database.reading() as session:
        view = preferences.look_up(
            session, newsroom.here.signer, newsroom.here.signer.sign(PREFERENCES, reader.subscriber_id)
        )
    assert view is not None
    assert view.masked_email == "a•••••@poste.example"
    assert [(item.id, status) for item, status in view.newsletters] == [
        (gazette.id, SubscriptionStatus.ACTIVE),
        (revue.id, None),
    ]


def test_a_tick_joins_and_a_missing_tick_leaves(newsroom: Newsroom) -> None:
    gazette, revue = newsroom.newsletter(), newsroom.newsletter("revue")
    reader = newsroom.reader(gazette)
    issue = newsroom.outgoing(gazette)
    choose(newsroom, reader.subscriber_id, revue, language="en")
    found = rows(newsroom)
    assert (found[gazette.id].status, found[revue.id].status) == (SubscriptionStatus.ENDED, SubscriptionStatus.ACTIVE)
    assert found[revue.id].language == "en"
    assert newsroom.statuses(issue) == {AMA: DeliveryStatus.SKIPPED}
    with newsroom.database.reading() as session:
        history = consent.history(session, reader.subscriber_id)
    assert [(event.kind, event.newsletter_id) for event in history[:2]] == [
        (ConsentKind.CONFIRMED, revue.id),
        (ConsentKind.ENDED, gazette.id),
    ]


def test_saving_what_is_so_already_leaves_no_trace(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    reader = newsroom.reader(gazette)
    choose(newsroom, reader.subscriber_id, gazette)
    with newsroom.database.reading() as session:
        assert len(consent.history(session, reader.subscriber_id)) == 1


def test_a_suppressed_address_joins_nothing_but_may_leave(newsroom: Newsroom) -> None:
    gazette, revue = newsroom.newsletter(), newsroom.newsletter("revue")
    reader = newsroom.reader(gazette)
    with newsroom.database.unit() as session:
        suppression.suppress(session, AMA, SuppressionReason.COMPLAINT, source="test", now=newsroom.now)
    choose(newsroom, reader.subscriber_id, revue)
    found = rows(newsroom)
    assert revue.id not in found
    assert found[gazette.id].status is SubscriptionStatus.ENDED


def test_leaving_everything_also_ends_requests_that_were_never_confirmed(newsroom: Newsroom) -> None:
    gazette, revue = newsroom.newsletter(), newsroom.newsletter("revue")
    reader = newsroom.reader(gazette)
    with newsroom.database.unit() as session:
        staff.add_subscriber(
            session,
            newsroom.here.signer,
            revue,
            parse_address(AMA),
            name="",
            status=SubscriptionStatus.PENDING,
            proof="",
            actor="test",
            now=newsroom.now,
        )
    with newsroom.database.unit() as session:
        token = newsroom.here.signer.sign(PREFERENCES, reader.subscriber_id)
        view = preferences.look_up(session, newsroom.here.signer, token)
        assert view is not None
        preferences.leave_all(session, view, network="", now=newsroom.now + timedelta(minutes=1))
    assert {row.status for row in rows(newsroom).values()} == {SubscriptionStatus.ENDED}


def test_a_first_suppression_keeps_its_reason_and_lifting_keeps_its_history(newsroom: Newsroom) -> None:
    with newsroom.database.unit() as session:
        suppression.suppress(session, AMA, SuppressionReason.COMPLAINT, source="loop", now=newsroom.now)
        suppression.suppress(session, AMA, SuppressionReason.HARD_BOUNCE, source="later", now=newsroom.now)
        found = suppression.find(session, AMA)
        assert found is not None
        assert (found.reason, found.source) == (SuppressionReason.COMPLAINT, "loop")
        assert suppression.lift(session, AMA, by="owner", now=newsroom.now)
        assert not suppression.lift(session, AMA, by="owner", now=newsroom.now)
        suppression.suppress(session, AMA, SuppressionReason.MANUAL, source="again", now=newsroom.now)
        assert suppression.find(session, AMA) is not None
