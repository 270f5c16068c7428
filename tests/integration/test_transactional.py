"""Mail that somebody waits for: written from its row, tried again until it is out or too late."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from newsletter.core.addresses import parse_address
from newsletter.delivery import transactional
from newsletter.delivery.models import DeliveryStatus, TransactionalMail
from newsletter.delivery.transactional import Letter, Mailer
from newsletter.mail.headers import Mailbox
from newsletter.mail.identity import Identity
from newsletter.mail.transport import Transport
from newsletter.newsletters import senders
from newsletter.subscriptions import confirm, signup
from newsletter.subscriptions.mails import SubscriptionMails
from tests.support.dkim_check import verify_all
from tests.support.mailers import DiesAfter, DiesBefore, KilledError
from tests.support.newsroom import DOMAIN, Newsroom
from tests.support.smtp_server import SmtpSink

S = DeliveryStatus
AMA = "ama@poste.example"


def ask(newsroom: Newsroom, email: str = AMA) -> None:
    newsletter = newsroom.newsletter()
    with newsroom.database.unit() as session:
        signup.request_subscription(
            session,
            newsroom.here.signer,
            newsletter=newsletter,
            address=parse_address(email),
            language="fr",
            form="",
            network="",
            wording="w",
            now=newsroom.now,
        )


def queue(newsroom: Newsroom, kind: str, email: str = AMA) -> None:
    with newsroom.database.unit() as session:
        transactional.queue(
            session,
            kind=kind,
            email=email,
            email_key=email,
            language="fr",
            newsletter_id=None,
            params={},
            lifetime=timedelta(hours=24),
            now=newsroom.now,
        )


def plain(session: Session, mail: TransactionalMail) -> Letter | None:
    return Letter(Identity(Mailbox(f"desk@{DOMAIN}"), f"bounces.{DOMAIN}"), "Bonjour", "<p>Bonjour</p>", "Bonjour")


def silent(session: Session, mail: TransactionalMail) -> Letter | None:
    return None


def broken(session: Session, mail: TransactionalMail) -> Letter | None:
    raise KeyError("nonce")


def send(newsroom: Newsroom, mailer: Mailer) -> list[bool]:
    """Send everything that is due; for each whether the relay was reachable."""
    mails = SubscriptionMails(newsroom.here)
    with newsroom.database.reading() as session:
        due = transactional.due(session, now=newsroom.now)
    return [
        transactional.send_one(
            newsroom.database,
            mail_id,
            writers={
                "confirm": mails.confirm,
                "already_subscribed": mails.already_subscribed,
                "plain": plain,
                "silent": silent,
                "broken": broken,
            },
            mailer=mailer,
            secret=newsroom.here.key("mail"),
            clock=newsroom.clock,
            rng=newsroom.rng,
        )
        for mail_id in due
    ]


def test_a_confirmation_mail_carries_the_link_that_confirms(
    newsroom: Newsroom, sink: SmtpSink, relay: Transport
) -> None:
    ask(newsroom)
    assert send(newsroom, relay) == [True]
    (mail,) = newsroom.mails()
    assert (mail.status, mail.sent_at, mail.attempts, mail.next_attempt_at) == (S.SENT, newsroom.now, 1, None)
    (message,) = sink.received
    text = message.data.replace(b"=\r\n", b"").decode()
    token = newsroom.here.signer.derive_token("confirm", mail.params["nonce"])
    assert f"https://news.example/confirm/{token}" in text
    assert message.sender.endswith(f"@bounces.{DOMAIN}")
    with newsroom.database.unit() as session:
        view = confirm.confirm(session, token, network="", now=newsroom.now)
    assert view is not None
    assert view.state == "confirmed"


def test_a_confirmation_mail_is_signed_twice_by_the_newsletters_domain(
    newsroom: Newsroom, sink: SmtpSink, relay: Transport
) -> None:
    ask(newsroom)
    send(newsroom, relay)
    with newsroom.database.reading() as session:
        keys = senders.signing_keys(session, DOMAIN, newsroom.here.vault)
    assert verify_all(sink.received[0].data, keys) == [True, True]


def test_a_mail_that_was_sent_is_not_sent_again(newsroom: Newsroom, sink: SmtpSink, relay: Transport) -> None:
    queue(newsroom, "plain")
    send(newsroom, relay)
    newsroom.pass_time(days=1)
    assert send(newsroom, relay) == []
    assert len(sink.received) == 1


def test_a_deferred_mail_is_tried_again_after_about_a_minute(
    newsroom: Newsroom, sink: SmtpSink, relay: Transport
) -> None:
    sink.refuse_once = {AMA: "450 4.7.1 greylisted"}
    queue(newsroom, "plain")
    assert send(newsroom, relay) == [True]
    (mail,) = newsroom.mails()
    assert mail.status is S.DEFERRED
    assert mail.next_attempt_at is not None
    assert timedelta(seconds=48) <= mail.next_attempt_at - newsroom.now <= timedelta(seconds=72)
    assert send(newsroom, relay) == []
    newsroom.now = mail.next_attempt_at
    send(newsroom, relay)
    assert newsroom.mails()[0].status is S.SENT


def test_a_relay_that_is_down_says_so_and_is_asked_again_within_seconds(
    newsroom: Newsroom, sink: SmtpSink, relay: Transport
) -> None:
    sink.down = True
    queue(newsroom, "plain")
    assert send(newsroom, relay) == [False]
    (mail,) = newsroom.mails()
    assert mail.next_attempt_at is not None
    assert mail.next_attempt_at - newsroom.now <= timedelta(seconds=12)
    sink.down = False
    newsroom.pass_time(seconds=12)
    assert send(newsroom, relay) == [True]
    assert sink.recipients == [AMA]


def test_an_unknown_user_ends_it(newsroom: Newsroom, sink: SmtpSink, relay: Transport) -> None:
    sink.refuse = {AMA: "550 5.1.1 no such user"}
    queue(newsroom, "plain")
    send(newsroom, relay)
    (mail,) = newsroom.mails()
    assert (mail.status, mail.next_attempt_at) == (S.FAILED, None)
    assert "no such user" in (mail.reply or "")


def test_a_refusal_of_us_is_tried_again(newsroom: Newsroom, sink: SmtpSink, relay: Transport) -> None:
    sink.refuse_once = {AMA: "550 5.7.1 blocked"}
    queue(newsroom, "plain")
    send(newsroom, relay)
    assert newsroom.mails()[0].status is S.DEFERRED


def test_a_lost_reply_is_tried_again_with_the_same_bytes(newsroom: Newsroom, sink: SmtpSink, relay: Transport) -> None:
    sink.drop_after_dot = 1
    queue(newsroom, "plain")
    send(newsroom, relay)
    newsroom.pass_time(minutes=2)
    send(newsroom, relay)
    first, second = sink.received
    assert first == second


@pytest.mark.parametrize("dies", [DiesBefore, DiesAfter])
def test_a_mail_whose_worker_died_is_sent_again_after_the_lease(
    newsroom: Newsroom, sink: SmtpSink, relay: Transport, dies: type[DiesBefore] | type[DiesAfter]
) -> None:
    queue(newsroom, "plain")
    with pytest.raises(KilledError):
        send(newsroom, dies(relay, 1))
    assert newsroom.mails()[0].status is S.SENDING
    newsroom.now += transactional.LEASE
    assert send(newsroom, relay) == []
    newsroom.pass_time(seconds=1)
    assert send(newsroom, relay) == [True]
    (mail,) = newsroom.mails()
    assert (mail.status, mail.attempts) == (S.SENT, 2)
    assert len({message.data for message in sink.received}) == 1


def test_two_workers_that_are_woken_for_one_mail_send_it_once(
    newsroom: Newsroom, sink: SmtpSink, relay: Transport
) -> None:
    queue(newsroom, "plain")
    (mail,) = newsroom.mails()

    class AnotherWakes:
        """While one hands the mail over, another tries to."""

        def send(self, envelope: object, message: bytes) -> object:
            assert transactional.send_one(
                newsroom.database,
                mail.id,
                writers={"plain": plain},
                mailer=relay,
                secret=b"",
                clock=newsroom.clock,
                rng=newsroom.rng,
            )
            return relay.send(envelope, message)  # type: ignore[arg-type]

    send(newsroom, AnotherWakes())  # type: ignore[arg-type]
    assert len(sink.received) == 1


def test_a_mail_nobody_could_send_for_a_day_is_given_up(newsroom: Newsroom, sink: SmtpSink, relay: Transport) -> None:
    sink.refuse = {AMA: "450 4.2.0 later"}
    queue(newsroom, "plain")
    for _ in range(60):
        send(newsroom, relay)
        newsroom.pass_time(minutes=30)
    (mail,) = newsroom.mails()
    assert (mail.status, mail.reply, mail.next_attempt_at) == (S.FAILED, "too late", None)


def test_a_mail_with_nothing_to_say_any_more_is_left_out(newsroom: Newsroom, sink: SmtpSink, relay: Transport) -> None:
    queue(newsroom, "silent")
    assert send(newsroom, relay) == [True]
    assert newsroom.mails()[0].status is S.SKIPPED
    assert sink.received == []


def test_a_confirmation_that_was_replaced_meanwhile_is_not_mailed(
    newsroom: Newsroom, sink: SmtpSink, relay: Transport
) -> None:
    ask(newsroom)
    (mail,) = newsroom.mails()
    token = newsroom.here.signer.derive_token("confirm", mail.params["nonce"])
    with newsroom.database.unit() as session:
        confirm.confirm(session, token, network="", now=newsroom.now)
    send(newsroom, relay)
    assert newsroom.mails()[0].status is S.SKIPPED
    assert sink.received == []


def test_a_mail_that_cannot_be_written_fails_alone(newsroom: Newsroom, sink: SmtpSink, relay: Transport) -> None:
    queue(newsroom, "broken")
    queue(newsroom, "no such kind")
    queue(newsroom, "plain", "no address")
    queue(newsroom, "plain", "kofi@poste.example")
    assert send(newsroom, relay) == [True] * 4
    assert [mail.status for mail in newsroom.mails()] == [S.FAILED, S.FAILED, S.FAILED, S.SENT]
    assert sink.recipients == ["kofi@poste.example"]


def test_what_has_waited_longest_is_sent_first(newsroom: Newsroom) -> None:
    for _ in range(3):
        queue(newsroom, "plain")
        newsroom.pass_time(seconds=1)
    with newsroom.database.reading() as session:
        due = transactional.due(session, now=newsroom.now)
        first_two = transactional.due(session, now=newsroom.now, limit=2)
    assert due == [mail.id for mail in newsroom.mails()]
    assert first_two == due[:2]
