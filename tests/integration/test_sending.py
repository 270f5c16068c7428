"""The delivery ledger: who should get an issue gets it once, whatever relays and workers do meanwhile.

Every commit of these tests is audited: audience, the batches' counts and the deliveries themselves must agree.
"""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import literal, select, update
from sqlalchemy.exc import IntegrityError

from newsletter.core.addresses import parse_address
from newsletter.core.urls import UNSUBSCRIBE
from newsletter.delivery import claim, ledger, outbox
from newsletter.delivery.models import Batch, Delivery, DeliveryAttempt, DeliveryStatus, SkipReason
from newsletter.delivery.status import TRANSITIONS
from newsletter.issues import dispatch
from newsletter.issues import freeze as freezing
from newsletter.issues.models import Issue, IssueStatus
from newsletter.mail.transport import Relay, Transport
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import staff, unsubscribe
from newsletter.subscriptions.models import EndedReason, Subscriber, Subscription, SubscriptionStatus
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import SuppressionReason
from tests.support.books import audit
from tests.support.mailers import QUICK, DiesAfter, DiesBefore, Interrupted, KilledError
from tests.support.newsroom import NOW, Newsroom
from tests.support.postman import issue_in_waves
from tests.support.postman import readers as addresses
from tests.support.smtp_server import Conversation, ScriptedServer, SmtpSink

pytestmark = pytest.mark.usefixtures("books")


S = DeliveryStatus
THREE = ("ama@poste.example", "kofi@poste.example", "yao@poste.example")
AMA, KOFI, YAO = THREE
LATER = claim.LEASE + timedelta(seconds=1)


def small_batches(newsroom: Newsroom, newsletter: Newsletter, readers: int, size: int) -> Issue:
    """An issue cut into batches of `size`, as a large list would be."""
    waves = [1] * (-(-readers // size))
    return issue_in_waves(newsroom, newsletter, addresses(readers), size=size, waves=waves)


def batches(newsroom: Newsroom) -> list[Batch]:
    with newsroom.database.reading() as session:
        return list(session.scalars(select(Batch).order_by(Batch.id)))


def attempts(newsroom: Newsroom) -> list[tuple[str, str]]:
    """(outcome, class) of each attempt that did not end in `sent`."""
    with newsroom.database.reading() as session:
        query = select(DeliveryAttempt.outcome, DeliveryAttempt.reply_class).order_by(DeliveryAttempt.id)
        return [(outcome, kind) for outcome, kind in session.execute(query)]


def take(newsroom: Newsroom, holder: str) -> claim.Claim | None:
    with newsroom.database.unit() as session:
        return next(iter(claim.claim(session, holder=holder, now=newsroom.now)), None)


def leave(newsroom: Newsroom, newsletter: Newsletter, email: str) -> None:
    with newsroom.database.unit() as session:
        found = session.scalars(
            select(Subscription.id)
            .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
            .where(Subscriber.email == email, Subscription.newsletter_id == newsletter.id)
        ).one()
        unsubscribe.end(session, found, EndedReason.ONE_CLICK, now=newsroom.now)


def suppress(newsroom: Newsroom, email: str) -> None:
    with newsroom.database.unit() as session:
        suppression.suppress(session, email, SuppressionReason.COMPLAINT, source="test", now=newsroom.now)


# The freeze


def test_the_freeze_makes_one_delivery_for_each_active_reader_who_may_be_mailed(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    revue = newsroom.newsletter("revue")
    for email in (AMA, KOFI, YAO, "complained@poste.example"):
        newsroom.reader(gazette, email)
    newsroom.reader(revue, "elsewhere@poste.example")
    with newsroom.database.unit() as session:
        staff.add_subscriber(
            session,
            newsroom.here.signer,
            gazette,
            parse_address("pending@poste.example"),
            name="",
            status=SubscriptionStatus.PENDING,
            proof="",
            actor="test",
            now=newsroom.now,
        )
    leave(newsroom, gazette, YAO)
    suppress(newsroom, "complained@poste.example")
    issue = newsroom.draft_issue(gazette)
    assert newsroom.freeze(issue) == 2
    assert newsroom.statuses(issue) == {AMA: S.QUEUED, KOFI: S.QUEUED}


def test_a_list_is_cut_into_batches_that_hold_everyone_once(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = small_batches(newsroom, gazette, readers=23, size=5)
    assert [batch.queued for batch in batches(newsroom)] == [5, 5, 5, 5, 3]
    assert len(newsroom.deliveries(issue)) == newsroom.issue(issue).audience == 23


def test_a_lifted_suppression_counts_no_more(newsroom: Newsroom, gazette: Newsletter) -> None:
    newsroom.reader(gazette, AMA)
    suppress(newsroom, AMA)
    with newsroom.database.unit() as session:
        suppression.lift(session, AMA, by="owner", now=newsroom.now)
    assert newsroom.freeze(newsroom.draft_issue(gazette)) == 1


# The usual way


def test_everyone_gets_the_issue_once_and_it_is_called_sent(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    issue = newsroom.outgoing(gazette, *THREE)
    newsroom.deliver(relay)
    assert sorted(sink.recipients) == sorted(THREE)
    assert set(newsroom.statuses(issue).values()) == {S.SENT}
    found = newsroom.issue(issue)
    assert (found.status, found.finished_at) == (IssueStatus.SENT, newsroom.now)
    assert newsroom.deliver(relay) == 0


def test_each_message_carries_its_readers_own_links(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    newsroom.outgoing(gazette, *THREE)
    newsroom.deliver(relay)
    with newsroom.database.reading() as session:
        join = select(Subscriber.email, Subscription.id).join(Subscription, Subscription.subscriber_id == Subscriber.id)
        subscriptions = dict(session.execute(join).all())
    for message in sink.received:
        header = message.data.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b"").decode()
        token = header.partition("https://news.example/u/")[2].partition(">")[0]
        numbers = newsroom.here.signer.read(UNSUBSCRIBE, token.strip(), 2)
        assert numbers is not None
        assert numbers[0] == subscriptions[message.recipient]
        assert message.sender.endswith("@bounces.gazette.example")


def test_an_issue_is_not_called_sent_while_anything_is_open(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    sink.refuse_once = {KOFI: "450 4.2.0 later"}
    issue = newsroom.outgoing(gazette, *THREE)
    newsroom.deliver(relay)
    assert newsroom.issue(issue).status is IssueStatus.SENDING
    newsroom.pass_time(minutes=10)
    newsroom.deliver(relay)
    assert newsroom.issue(issue).status is IssueStatus.SENT


# Who works on what


def test_a_batch_is_taken_by_one_worker_at_a_time(newsroom: Newsroom, gazette: Newsletter) -> None:
    newsroom.outgoing(gazette, *THREE)
    first = take(newsroom, "first")
    assert first is not None
    assert take(newsroom, "second") is None
    with newsroom.database.unit() as session:
        assert not claim.anything_due(session, now=newsroom.now)
        claim.release(session, {first.batch_id: None}, holder="first", now=newsroom.now)
    assert take(newsroom, "second") is not None


def test_workers_that_claim_at_one_moment_get_different_batches(newsroom: Newsroom, gazette: Newsletter) -> None:
    small_batches(newsroom, gazette, readers=12, size=2)
    together = threading.Barrier(4)
    taken: list[int] = []

    def work(name: str) -> None:
        together.wait()
        while (found := take(newsroom, name)) is not None:
            taken.append(found.batch_id)

    threads = [threading.Thread(target=work, args=(f"worker {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [batch.id for batch in batches(newsroom)]


def test_workers_that_send_together_send_to_everyone_once(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink
) -> None:
    issue = small_batches(newsroom, gazette, readers=24, size=3)
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            with Transport(Relay.parse(sink.url), timeouts=QUICK) as relay:
                newsroom.deliver(relay)
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"worker {number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    # Time stands still here: a worker that was granted no place has given its batches back for later.
    newsroom.pass_time(seconds=10)
    work("the last")
    assert failures == []
    assert sorted(sink.recipients) == sorted(newsroom.deliveries(issue))
    assert newsroom.issue(issue).status is IssueStatus.SENT


def test_readers_who_leave_while_workers_send_neither_block_them_nor_get_lost(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink
) -> None:
    issue = small_batches(newsroom, gazette, readers=30, size=10)
    failures: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - told to the test
                failures.append(error)

        return run

    def send() -> None:
        with Transport(Relay.parse(sink.url), timeouts=QUICK) as relay:
            newsroom.deliver(relay)

    def all_leave() -> None:
        for number in range(0, 30, 2):
            leave(newsroom, gazette, f"reader{number:03}@poste.example")

    threads = [threading.Thread(target=guarded(work)) for work in (send, send, all_leave)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    newsroom.pass_time(seconds=10)
    guarded(send)()
    assert failures == []
    sent = [email for email, status in newsroom.statuses(issue).items() if status is S.SENT]
    assert sorted(sink.recipients) == sorted(sent)
    skipped = [row for row in newsroom.deliveries(issue).values() if row.status is S.SKIPPED]
    assert len(sent) + len(skipped) == 30


def test_a_lease_that_runs_out_is_taken_over_and_the_first_worker_stops(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    issue = newsroom.outgoing(gazette, *THREE)
    elsewhere = Newsroom(newsroom.here)
    elsewhere.journals_at = newsroom.journals_at / "of-another-machine"

    def another_takes_over() -> None:
        elsewhere.now = newsroom.now + claim.LEASE + claim.GRACE + timedelta(seconds=1)
        with Transport(Relay.parse(sink.url), timeouts=QUICK) as second:
            elsewhere.deliver(second)

    newsroom.deliver(Interrupted(relay, 1, another_takes_over))
    rows = newsroom.deliveries(issue)
    assert {row.status for row in rows.values()} == {S.SENT}
    assert [row.repeated for row in rows.values()] == [True, False, False]
    assert sorted(sink.recipients) == sorted([*THREE, AMA])


def test_a_lease_is_kept_by_renewing_it(newsroom: Newsroom, gazette: Newsletter) -> None:
    newsroom.outgoing(gazette, *THREE)
    taken = take(newsroom, "first")
    assert taken is not None
    ids = [taken.batch_id]
    for _ in range(3):
        newsroom.pass_time(seconds=25)
        with newsroom.database.unit() as session:
            assert claim.renew(session, ids, holder="first", now=newsroom.now)
        assert take(newsroom, "second") is None
    newsroom.now += LATER
    assert take(newsroom, "second") is not None
    with newsroom.database.unit() as session:
        assert not claim.renew(session, ids, holder="first", now=newsroom.now)
        claim.release(session, {taken.batch_id: None}, holder="first", now=newsroom.now)
    assert batches(newsroom)[0].lease_holder == "second"


def test_a_lease_of_the_far_future_was_given_by_a_clock_that_was_ahead(newsroom: Newsroom, gazette: Newsletter) -> None:
    newsroom.outgoing(gazette, AMA)
    now = newsroom.now
    newsroom.pass_time(days=1)
    assert take(newsroom, "ahead") is not None
    newsroom.now = now
    assert take(newsroom, "second") is not None


def test_a_worker_that_is_to_stop_gives_its_batch_back(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    issue = newsroom.outgoing(gazette, *THREE)
    newsroom.hand(stopping=lambda: len(sink.received) >= 1).deliver(relay)
    assert sorted(newsroom.statuses(issue).values()) == [S.QUEUED, S.QUEUED, S.SENT]
    assert batches(newsroom)[0].lease_until is None
    newsroom.deliver(relay)
    assert sorted(sink.recipients) == sorted(THREE)


# Workers that die


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_worker_that_dies_before_a_message_leaves_loses_nobody(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport, at: int
) -> None:
    issue = newsroom.outgoing(gazette, *THREE)
    with pytest.raises(KilledError):
        newsroom.deliver(DiesBefore(relay, at))
    assert list(newsroom.statuses(issue).values()).count(S.SENDING) == 1
    newsroom.deliver(relay)
    assert sorted(sink.recipients) == sorted(THREE)
    assert set(newsroom.statuses(issue).values()) == {S.SENT}
    assert [row.repeated for row in newsroom.deliveries(issue).values()].count(True) == 1


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_worker_that_dies_before_it_notes_a_message_repeats_that_one_byte_by_byte(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport, at: int
) -> None:
    issue = newsroom.outgoing(gazette, *THREE)
    with pytest.raises(KilledError):
        newsroom.deliver(DiesAfter(relay, at))
    newsroom.now += LATER
    newsroom.deliver(relay)
    twice = [email for email in THREE if sink.recipients.count(email) == 2]
    repeated = [email for email, row in newsroom.deliveries(issue).items() if row.repeated]
    assert len(sink.received) == 4
    assert twice == repeated
    first, second = (message for message in sink.received if message.recipient == twice[0])
    assert first == second
    assert newsroom.issue(issue).status is IssueStatus.SENT


def test_a_message_that_was_in_hand_when_two_workers_died_is_unknown(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    issue = newsroom.outgoing(gazette, AMA)
    for _ in range(2):
        with pytest.raises(KilledError):
            newsroom.deliver(DiesAfter(relay, 1))
        newsroom.now += LATER
    newsroom.deliver(relay)
    assert newsroom.statuses(issue) == {AMA: S.UNKNOWN}
    assert len(sink.received) == 2
    assert dispatch_settled(newsroom, issue)


def dispatch_settled(newsroom: Newsroom, issue: Issue) -> bool:
    """What the sweep finds: nothing is open any more."""
    with newsroom.database.unit() as session:
        for issue_id in dispatch.unsettled(session):
            dispatch.settle(session, issue_id, now=newsroom.now)
    return newsroom.issue(issue).status is IssueStatus.SENT


def test_where_nothing_is_to_be_repeated_a_message_in_hand_is_unknown_at_once(
    newsroom: Newsroom, sink: SmtpSink, relay: Transport
) -> None:
    careful = newsroom.newsletter("careful", resend_unknown=False)
    issue = newsroom.outgoing(careful, *THREE)
    with pytest.raises(KilledError):
        newsroom.deliver(DiesAfter(relay, 2))
    newsroom.now += LATER
    newsroom.deliver(relay)
    assert sorted(newsroom.statuses(issue).values()) == [S.SENT, S.SENT, S.UNKNOWN]
    assert len(sink.received) == 3


# What relays answer


def test_a_relay_that_is_down_costs_no_attempt_and_is_asked_again_later(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink
) -> None:
    sink.down = True
    issue = newsroom.outgoing(gazette, *THREE)
    with Transport(Relay.parse(sink.url), timeouts=QUICK) as relay:
        assert 1 <= newsroom.deliver(relay) <= 2
        assert {(row.status, row.attempts) for row in newsroom.deliveries(issue).values()} == {(S.QUEUED, 0)}
        (batch,) = batches(newsroom)
        assert batch.due_at is not None
        assert timedelta() < batch.due_at - newsroom.now <= timedelta(minutes=3)
        assert batch.lease_until is None
        sink.down = False
        newsroom.pass_time(minutes=3)
        newsroom.deliver(relay)
    assert sorted(sink.recipients) == sorted(THREE)


def test_a_port_where_nobody_listens_is_a_relay_that_is_down(newsroom: Newsroom, gazette: Newsletter) -> None:
    with SmtpSink() as sink:
        url = sink.url
    issue = newsroom.outgoing(gazette, AMA)
    with Transport(Relay.parse(url), timeouts=QUICK) as relay:
        newsroom.deliver(relay)
    assert newsroom.deliveries(issue)[AMA].attempts == 0
    assert newsroom.statuses(issue) == {AMA: S.QUEUED}


def test_a_greylisted_reader_is_tried_again_after_about_five_minutes(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    sink.refuse_once = {KOFI: "450 4.7.1 greylisted, try later"}
    issue = newsroom.outgoing(gazette, *THREE)
    newsroom.deliver(relay)
    row = newsroom.deliveries(issue)[KOFI]
    assert (row.status, row.attempts) == (S.DEFERRED, 1)
    assert row.next_attempt_at is not None
    assert timedelta(minutes=4) <= row.next_attempt_at - newsroom.now <= timedelta(minutes=6)
    assert "greylisted" in (row.reply or "")
    newsroom.now = row.next_attempt_at - timedelta(seconds=1)
    assert newsroom.deliver(relay) == 0
    newsroom.pass_time(seconds=1)
    newsroom.deliver(relay)
    assert newsroom.statuses(issue)[KOFI] is S.SENT
    assert attempts(newsroom) == [("deferred", "temporary")]


def test_an_unknown_user_fails_at_once_and_alone(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    sink.refuse = {KOFI: "550 5.1.1 no such user"}
    issue = newsroom.outgoing(gazette, *THREE)
    newsroom.deliver(relay)
    assert newsroom.statuses(issue) == {AMA: S.SENT, KOFI: S.FAILED, YAO: S.SENT}
    assert attempts(newsroom) == [("rejected", "hard")]
    assert newsroom.issue(issue).status is IssueStatus.SENT


def test_a_refusal_of_us_waits_and_is_not_held_against_the_reader(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    sink.refuse_once = {KOFI: "550 5.7.1 blocked by policy"}
    issue = newsroom.outgoing(gazette, *THREE)
    newsroom.deliver(relay)
    assert newsroom.statuses(issue) == {AMA: S.SENT, KOFI: S.DEFERRED, YAO: S.SENT}
    newsroom.pass_time(minutes=6)
    newsroom.deliver(relay)
    assert newsroom.statuses(issue)[KOFI] is S.SENT


def test_a_connection_lost_before_the_message_is_safe_to_repeat(newsroom: Newsroom, gazette: Newsletter) -> None:
    def hangs_up(server: Conversation) -> None:
        server.greet()
        for verb in ("MAIL", "RCPT"):
            server.hear(verb)
            server.say("250 ok")
        server.hear("DATA")
        server.reset()

    def takes(server: Conversation) -> None:
        server.greet()
        taken.append(server.take())
        server.leave()

    taken: list[bytes] = []
    issue = newsroom.outgoing(gazette, AMA)
    with ScriptedServer(hangs_up, takes) as server, Transport(Relay.parse(server.url), timeouts=QUICK) as relay:
        newsroom.deliver(relay)
        row = newsroom.deliveries(issue)[AMA]
        assert (row.status, row.repeated) == (S.DEFERRED, False)
        newsroom.pass_time(seconds=30)
        newsroom.deliver(relay)
    assert len(taken) == 1
    assert newsroom.statuses(issue) == {AMA: S.SENT}


def test_a_connection_lost_after_the_dot_is_repeated_once_byte_by_byte(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    sink.drop_after_dot = 1
    issue = newsroom.outgoing(gazette, AMA)
    newsroom.deliver(relay)
    row = newsroom.deliveries(issue)[AMA]
    assert (row.status, row.repeated) == (S.DEFERRED, True)
    assert row.next_attempt_at == newsroom.now + timedelta(minutes=10)
    newsroom.pass_time(minutes=10)
    newsroom.deliver(relay)
    first, second = sink.received
    assert first == second
    assert b"\r\nMessage-ID: <" in first.data
    assert newsroom.statuses(issue) == {AMA: S.SENT}


def test_a_connection_lost_after_the_dot_twice_is_unknown_and_never_tried_again(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    sink.drop_after_dot = 2
    issue = newsroom.outgoing(gazette, AMA)
    for _ in range(4):
        newsroom.deliver(relay)
        newsroom.pass_time(minutes=10)
    assert newsroom.statuses(issue) == {AMA: S.UNKNOWN}
    assert len(sink.received) == 2
    assert newsroom.issue(issue).status is IssueStatus.SENT


def test_where_nothing_is_to_be_repeated_a_lost_reply_is_unknown_at_once(
    newsroom: Newsroom, sink: SmtpSink, relay: Transport
) -> None:
    sink.drop_after_dot = 1
    issue = newsroom.outgoing(newsroom.newsletter("careful", resend_unknown=False), *THREE)
    newsroom.deliver(relay)
    newsroom.pass_time(minutes=1)
    newsroom.deliver(relay)
    assert sorted(newsroom.statuses(issue).values()) == [S.SENT, S.SENT, S.UNKNOWN]
    assert len(sink.received) == 3


def test_a_repeat_that_comes_too_late_is_unknown_and_not_failed(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    sink.drop_after_dot = 1
    issue = newsroom.outgoing(gazette, AMA)
    newsroom.deliver(relay)
    newsroom.pass_time(hours=48)
    newsroom.deliver(relay)
    assert newsroom.statuses(issue) == {AMA: S.UNKNOWN}


def test_a_server_that_closes_the_service_after_the_dot_has_not_taken_the_message(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    def closes(server: Conversation) -> None:
        server.greet("ENHANCEDSTATUSCODES")
        server.take("421 4.3.2 shutting down")

    def takes(server: Conversation) -> None:
        server.greet("ENHANCEDSTATUSCODES")
        server.take()
        server.leave()

    issue = newsroom.outgoing(gazette, AMA)
    with ScriptedServer(closes, takes) as server, Transport(Relay.parse(server.url), timeouts=QUICK) as relay:
        newsroom.deliver(relay)
        newsroom.pass_time(minutes=1)
        newsroom.deliver(relay)
    row = newsroom.deliveries(issue)[AMA]
    assert (row.status, row.attempts, row.repeated) == (S.SENT, 1, False)


def test_what_could_not_be_delivered_in_two_days_is_given_up(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    sink.refuse = {KOFI: "450 4.2.0 later"}
    issue = newsroom.outgoing(gazette, AMA, KOFI)
    while newsroom.issue(issue).status is IssueStatus.SENDING:
        newsroom.deliver(relay)
        newsroom.pass_time(minutes=30)
        assert newsroom.now < NOW + timedelta(hours=49)
    assert newsroom.statuses(issue) == {AMA: S.SENT, KOFI: S.FAILED}
    assert 8 <= newsroom.deliveries(issue)[KOFI].attempts <= 16


def test_an_issue_that_nobody_sent_for_two_days_is_given_up_whole(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    issue = newsroom.outgoing(gazette, *THREE)
    newsroom.pass_time(hours=48)
    newsroom.deliver(relay)
    assert set(newsroom.statuses(issue).values()) == {S.FAILED}
    assert sink.received == []
    assert newsroom.issue(issue).status is IssueStatus.SENT


@pytest.mark.parametrize(
    "damage", [{"email": "ama\r\nBcc: all@poste.example"}, {"email": "no address"}, {"name": "Ama\r\nBcc: x@y.example"}]
)
def test_a_reader_whose_data_cannot_be_written_fails_alone(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport, damage: dict[str, str]
) -> None:
    issue = newsroom.outgoing(gazette, *THREE)
    with newsroom.database.unit() as session:
        session.execute(update(Subscriber).where(Subscriber.email == AMA).values(damage))
    newsroom.deliver(relay)
    assert {KOFI, YAO} <= set(sink.recipients)
    statuses = newsroom.statuses(issue)
    assert (statuses[KOFI], statuses[YAO]) == (S.SENT, S.SENT)
    assert not any(b"\r\nBcc:" in message.data for message in sink.received)
    if "email" in damage:
        assert statuses[damage["email"]] is S.FAILED
    assert newsroom.issue(issue).status is IssueStatus.SENT


# The brakes


def test_pause_acts_between_two_messages_and_resume_goes_on(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    issue = newsroom.outgoing(gazette, *THREE)
    pausing = Interrupted(relay, 1, lambda: newsroom.act(dispatch.pause, issue))
    newsroom.deliver(pausing)
    assert len(sink.received) == 1
    assert newsroom.deliver(relay) == 0
    newsroom.act(dispatch.resume, issue)
    newsroom.deliver(relay)
    assert sorted(sink.recipients) == sorted(THREE)
    assert newsroom.issue(issue).status is IssueStatus.SENT


def test_cancel_acts_between_two_messages_and_nothing_comes_back(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    issue = newsroom.outgoing(gazette, *THREE)
    newsroom.deliver(Interrupted(relay, 1, lambda: newsroom.act(dispatch.cancel, issue)))
    assert newsroom.statuses(issue) == {AMA: S.SENT, KOFI: S.SKIPPED, YAO: S.SKIPPED}
    assert newsroom.deliveries(issue)[KOFI].skip_reason is SkipReason.CANCELLED
    newsroom.pass_time(days=1)
    assert newsroom.deliver(relay) == 0
    assert newsroom.issue(issue).status is IssueStatus.CANCELLED


@pytest.mark.parametrize("reply", ["450 4.2.0 later", "421 4.3.2 closing"])
def test_a_message_in_hand_at_the_cancel_is_not_tried_again(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport, reply: str
) -> None:
    issue = newsroom.outgoing(gazette, *THREE)
    sink.refuse = {AMA: reply}
    newsroom.deliver(Interrupted(relay, 1, lambda: newsroom.act(dispatch.cancel, issue)))
    sink.refuse = {}
    for _ in range(3):
        newsroom.pass_time(hours=1)
        newsroom.deliver(relay)
    assert sink.received == []
    assert newsroom.statuses(issue) == {AMA: S.SKIPPED, KOFI: S.SKIPPED, YAO: S.SKIPPED}


def test_a_worker_that_dies_at_the_cancel_leaves_its_message_unknown(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    issue = newsroom.outgoing(gazette, *THREE)

    def cancelled_then_killed() -> None:
        newsroom.act(dispatch.cancel, issue)
        raise KilledError

    with pytest.raises(KilledError):
        newsroom.deliver(Interrupted(relay, 1, cancelled_then_killed))
    newsroom.now += LATER
    newsroom.deliver(relay)
    assert newsroom.statuses(issue) == {AMA: S.UNKNOWN, KOFI: S.SKIPPED, YAO: S.SKIPPED}
    assert len(sink.received) == 1


def test_an_issue_paused_before_its_freeze_stays_held(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    newsroom.reader(gazette, AMA)
    issue = newsroom.draft_issue(gazette)
    with newsroom.database.unit() as session:
        dispatch.send(session, session.get_one(Issue, issue.id), actor="test", now=newsroom.now)
    newsroom.act(dispatch.pause, issue)
    with newsroom.database.unit() as session:
        freezing.freeze(session, issue.id, newsroom.here.links, now=newsroom.now)
    assert newsroom.deliver(relay) == 0
    newsroom.act(dispatch.resume, issue)
    newsroom.deliver(relay)
    assert sink.recipients == [AMA]


# Between the freeze and the sending


def test_who_leaves_after_the_freeze_gets_nothing(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    issue = newsroom.outgoing(gazette, *THREE)
    leave(newsroom, gazette, KOFI)
    newsroom.deliver(relay)
    assert sorted(sink.recipients) == [AMA, YAO]
    assert newsroom.deliveries(issue)[KOFI].skip_reason is SkipReason.UNSUBSCRIBED
    assert newsroom.issue(issue).status is IssueStatus.SENT


def test_who_is_suppressed_after_the_freeze_gets_nothing(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    issue = newsroom.outgoing(gazette, *THREE)
    suppress(newsroom, KOFI)
    newsroom.deliver(relay)
    assert sorted(sink.recipients) == [AMA, YAO]
    assert newsroom.deliveries(issue)[KOFI].skip_reason is SkipReason.SUPPRESSED


def test_who_leaves_while_the_message_is_in_hand_has_got_it_and_the_ledger_says_so(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    issue = newsroom.outgoing(gazette, *THREE)
    newsroom.deliver(Interrupted(relay, 1, lambda: [leave(newsroom, gazette, email) for email in (AMA, KOFI)]))
    assert sorted(sink.recipients) == [AMA, YAO]
    assert newsroom.statuses(issue) == {AMA: S.SENT, KOFI: S.SKIPPED, YAO: S.SENT}


def test_who_leaves_while_deferred_is_not_tried_again(
    newsroom: Newsroom, gazette: Newsletter, sink: SmtpSink, relay: Transport
) -> None:
    sink.refuse_once = {KOFI: "450 4.2.0 later"}
    issue = newsroom.outgoing(gazette, *THREE)
    newsroom.deliver(relay)
    leave(newsroom, gazette, KOFI)
    newsroom.pass_time(hours=1)
    newsroom.deliver(relay)
    assert KOFI not in sink.recipients
    assert newsroom.statuses(issue)[KOFI] is S.SKIPPED
    assert dispatch_settled(newsroom, issue)


# The table


@pytest.mark.parametrize("start", list(DeliveryStatus))
def test_a_delivery_only_goes_where_the_table_says(newsroom: Newsroom, gazette: Newsletter, start: S) -> None:
    issue = newsroom.outgoing(gazette, AMA)
    delivery_id = newsroom.deliveries(issue)[AMA].id
    for target in DeliveryStatus:
        with newsroom.database.unit() as session:
            session.execute(update(Delivery).where(Delivery.id == delivery_id).values(status=start))
            session.execute(
                update(Batch).values({status.value: 1 if status is start else 0 for status in DeliveryStatus})
            )
        with newsroom.database.unit() as session:
            moved = ledger.move(session, delivery_id, target, now=newsroom.now)
        assert moved is (target in TRANSITIONS[start])
        assert newsroom.statuses(issue)[AMA] is (target if moved else start)


def test_a_second_set_of_deliveries_is_impossible(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = newsroom.outgoing(gazette, AMA)
    row = newsroom.deliveries(issue)[AMA]
    with pytest.raises(IntegrityError), newsroom.database.unit() as session:
        outbox.enqueue(
            session,
            issue_id=issue.id,
            newsletter_id=gazette.id,
            audience=select(
                Delivery.subscriber_id, Delivery.variant_id, Delivery.id.label("rank"), literal(0).label("slot")
            ).where(Delivery.id == row.id),
            cuts=[outbox.Cut(0, 1, [1], None)],
            by_variant=False,
            resend_unknown=True,
            expires_at=newsroom.now,
            now=newsroom.now,
        )
    assert audit(newsroom.database.engine) == []


def test_a_cancel_and_a_worker_take_batches_in_one_order(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = small_batches(newsroom, gazette, readers=4, size=2)
    first, second = (batch.id for batch in batches(newsroom))
    with newsroom.database.unit() as session:
        # Nothing of the first batch waits any more; the worker has all of it in hand.
        session.execute(update(Batch).where(Batch.id == first).values(queued=0, sending=2))
        session.execute(update(Delivery).where(Delivery.batch_id == first).values(status=S.SENDING))
    for batch_id in (first, second):
        with newsroom.database.unit() as session:
            session.execute(update(Batch).where(Batch.id == batch_id).values(lease_holder="worker"))
    failures: list[BaseException] = []

    def cancel() -> None:
        try:
            newsroom.act(dispatch.cancel, issue)
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    cancelling = threading.Thread(target=cancel)
    with newsroom.database.unit() as session:
        claim.renew(session, [first], holder="worker", now=newsroom.now)
        cancelling.start()
        cancelling.join(0.5)
        claim.renew(session, [first, second], holder="worker", now=newsroom.now)
    cancelling.join(10)
    assert not failures, str(failures[0])[:3000]
    assert sorted(newsroom.statuses(issue).values()) == [S.SENDING, S.SENDING, S.SKIPPED, S.SKIPPED]
