"""From the form to an active subscription, and every way in which that may not happen."""

from dataclasses import dataclass

import pytest
from sqlalchemy import func, select

from newsletter.core import jobs
from newsletter.core.addresses import parse_address
from newsletter.core.tokens import hash_token
from newsletter.core.urls import CONFIRM, PREFERENCES, UNSUBSCRIBE
from newsletter.delivery.models import TransactionalMail
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import confirm, consent, mails, preferences, queries, signup, unsubscribe
from newsletter.subscriptions.confirm import ConfirmationView
from newsletter.subscriptions.models import Confirmation, ConsentKind, EndedReason, Subscriber, SubscriptionStatus
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import SuppressionReason
from tests.support.newsroom import Newsroom

AMA = "ama@poste.example"
WORDING = "By subscribing you agree to receive Gazette by e-mail."


@dataclass
class Desk:
    """The form and the links of one newsletter."""

    newsroom: Newsroom
    newsletter: Newsletter

    def ask(self, email: str = AMA, newsletter: Newsletter | None = None, language: str = "fr") -> None:
        with self.newsroom.database.unit() as session:
            signup.request_subscription(
                session,
                self.newsroom.here.signer,
                newsletter=newsletter or self.newsletter,
                address=parse_address(email),
                language=language,
                form="/n/gazette",
                network="203.0.113.0/24",
                wording=WORDING,
                now=self.newsroom.now,
            )

    def token(self, mail: TransactionalMail | None = None) -> str:
        """The token in a confirmation mail, the latest unless one is given."""
        mail = mail or self.newsroom.mails()[-1]
        return self.newsroom.here.signer.derive_token(CONFIRM, mail.params["nonce"])

    def look(self, token: str) -> ConfirmationView | None:
        with self.newsroom.database.reading() as session:
            return confirm.look_up(session, token, now=self.newsroom.now)

    def confirm(self, token: str) -> ConfirmationView | None:
        with self.newsroom.database.unit() as session:
            return confirm.confirm(session, token, network="198.51.100.0/24", now=self.newsroom.now)

    def refuse(self, token: str) -> ConfirmationView | None:
        with self.newsroom.database.unit() as session:
            return confirm.refuse(session, token, network="198.51.100.0/24", now=self.newsroom.now)

    def state(self, token: str) -> str | None:
        found = self.look(token)
        return found.state if found else None

    def row(self, email: str = AMA, newsletter: Newsletter | None = None) -> queries.SubscriptionRow:
        with self.newsroom.database.reading() as session:
            rows = queries.of_address(session, parse_address(email).key)
        return next(row for row in rows if row.newsletter_id == (newsletter or self.newsletter).id)

    def leave(self, email: str = AMA) -> None:
        with self.newsroom.database.unit() as session:
            unsubscribe.end(session, self.row(email).id, EndedReason.UNSUBSCRIBED, now=self.newsroom.now)

    def suppress(self, reason: SuppressionReason, email: str = AMA) -> None:
        with self.newsroom.database.unit() as session:
            suppression.suppress(session, parse_address(email).key, reason, source="test", now=self.newsroom.now)

    def suppressed(self, email: str = AMA) -> bool:
        with self.newsroom.database.reading() as session:
            return suppression.find(session, parse_address(email).key) is not None

    def consents(self, email: str = AMA) -> list[ConsentKind]:
        """Kinds of a reader's events, the oldest first."""
        with self.newsroom.database.reading() as session:
            return [event.kind for event in reversed(consent.history(session, self.row(email).subscriber_id))]


@pytest.fixture
def desk(newsroom: Newsroom) -> Desk:
    return Desk(newsroom, newsroom.newsletter())


def test_a_request_makes_a_pending_subscription_and_one_confirmation_mail(desk: Desk, newsroom: Newsroom) -> None:
    desk.ask()
    (mail,) = newsroom.mails()
    assert (mail.kind, mail.email, mail.language) == (mails.CONFIRM, AMA, "fr")
    assert desk.row().status is SubscriptionStatus.PENDING
    assert desk.state(desk.token()) == "open"


def test_a_yes_makes_the_subscription_active(desk: Desk, newsroom: Newsroom) -> None:
    desk.ask()
    newsroom.pass_time(hours=2)
    view = desk.confirm(desk.token())
    assert view is not None
    assert view.state == "confirmed"
    assert view.masked_email == "a•••••@poste.example"
    assert desk.row().status is SubscriptionStatus.ACTIVE
    assert desk.row().confirmed_at == newsroom.now


def test_looking_at_the_link_confirms_nothing(desk: Desk) -> None:
    desk.ask()
    for _ in range(3):
        desk.look(desk.token())
    assert desk.row().status is SubscriptionStatus.PENDING
    assert desk.consents() == [ConsentKind.REQUESTED]


def test_a_second_yes_is_the_same_as_the_first(desk: Desk, newsroom: Newsroom) -> None:
    desk.ask()
    desk.confirm(desk.token())
    confirmed_at = desk.row().confirmed_at
    newsroom.pass_time(hours=1)
    view = desk.confirm(desk.token())
    assert view is not None
    assert view.state == "confirmed"
    assert desk.row().confirmed_at == confirmed_at
    assert desk.consents() == [ConsentKind.REQUESTED, ConsentKind.CONFIRMED]


def test_a_link_expires_after_seven_days(desk: Desk, newsroom: Newsroom) -> None:
    desk.ask()
    newsroom.pass_time(days=7, seconds=-1)
    assert desk.state(desk.token()) == "open"
    newsroom.pass_time(seconds=1)
    assert desk.state(desk.token()) == "expired"
    desk.confirm(desk.token())
    assert desk.row().status is SubscriptionStatus.PENDING


@pytest.mark.parametrize("token", ["", "x", "a" * 24, "é" * 24, "a" * 10_000, "\0"])
def test_a_forged_link_stands_for_nothing(desk: Desk, token: str) -> None:
    desk.ask()
    assert desk.look(token) is None
    assert desk.confirm(token) is None
    assert desk.refuse(token) is None
    assert desk.row().status is SubscriptionStatus.PENDING


def test_a_newer_mail_takes_the_place_of_an_older_one(desk: Desk, newsroom: Newsroom) -> None:
    desk.ask()
    older = desk.token()
    newsroom.pass_time(hours=25)
    desk.ask()
    assert desk.state(older) == "expired"
    desk.confirm(older)
    assert desk.row().status is SubscriptionStatus.PENDING
    desk.confirm(desk.token())
    assert desk.row().status is SubscriptionStatus.ACTIVE


def test_that_was_not_me_ends_the_request_and_blocks_the_address(desk: Desk, newsroom: Newsroom) -> None:
    desk.ask()
    token = desk.token()
    desk.refuse(token)
    assert (desk.row().status, desk.row().ended_reason) == (SubscriptionStatus.ENDED, EndedReason.NOT_ME)
    assert desk.suppressed()
    assert desk.consents() == [ConsentKind.REQUESTED, ConsentKind.ENDED]
    newsroom.pass_time(days=400)
    desk.ask()
    assert len(newsroom.mails()) == 1
    assert desk.state(token) == "gone"
    desk.confirm(token)
    assert desk.row().status is SubscriptionStatus.ENDED


def test_an_old_link_cannot_block_a_reader_who_has_confirmed(desk: Desk) -> None:
    desk.ask()
    desk.confirm(desk.token())
    view = desk.refuse(desk.token())
    assert view is not None
    assert view.state == "confirmed"
    assert desk.row().status is SubscriptionStatus.ACTIVE
    assert not desk.suppressed()


def test_an_old_link_brings_nobody_back_who_has_left(desk: Desk) -> None:
    desk.ask()
    token = desk.token()
    desk.confirm(token)
    desk.leave()
    assert desk.state(token) == "gone"
    desk.confirm(token)
    assert desk.row().status is SubscriptionStatus.ENDED


def test_who_is_subscribed_already_is_told_so_by_mail_once_a_day(desk: Desk, newsroom: Newsroom) -> None:
    desk.ask()
    desk.confirm(desk.token())
    newsroom.pass_time(days=2)
    desk.ask()
    desk.ask()
    assert [mail.kind for mail in newsroom.mails()] == [mails.CONFIRM, mails.ALREADY_SUBSCRIBED]
    assert desk.row().status is SubscriptionStatus.ACTIVE
    newsroom.pass_time(days=1)
    desk.ask()
    assert len(newsroom.mails()) == 3


def test_who_unsubscribed_before_may_come_back_by_confirming_again(desk: Desk, newsroom: Newsroom) -> None:
    desk.ask()
    desk.confirm(desk.token())
    newsroom.pass_time(days=3)
    desk.leave()
    desk.ask(language="en")
    row = desk.row()
    assert (row.status, row.ended_reason, row.ended_at) == (SubscriptionStatus.PENDING, None, None)
    desk.confirm(desk.token())
    assert desk.row().status is SubscriptionStatus.ACTIVE
    assert desk.row().language == "en"
    assert desk.consents() == [
        ConsentKind.REQUESTED,
        ConsentKind.CONFIRMED,
        ConsentKind.ENDED,
        ConsentKind.REQUESTED,
        ConsentKind.CONFIRMED,
    ]


@pytest.mark.parametrize("reason", [SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCES])
def test_a_bounce_holds_up_no_confirmation(desk: Desk, newsroom: Newsroom, reason: SuppressionReason) -> None:
    desk.suppress(reason)
    desk.ask()
    assert [mail.kind for mail in newsroom.mails()] == ["confirm"]


@pytest.mark.parametrize("reason", [SuppressionReason.COMPLAINT, SuppressionReason.NOT_ME, SuppressionReason.MANUAL])
def test_anything_else_gets_no_mail_and_leaves_no_row(
    desk: Desk, newsroom: Newsroom, reason: SuppressionReason
) -> None:
    desk.suppress(reason)
    desk.ask()
    assert newsroom.mails() == []
    with newsroom.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Subscriber)) == 0


def test_a_hard_bounce_is_forgiven_when_the_reader_confirms(desk: Desk, newsroom: Newsroom) -> None:
    desk.suppress(SuppressionReason.HARD_BOUNCE)
    newsroom.pass_time(days=30)
    desk.ask()
    assert desk.suppressed()
    desk.confirm(desk.token())
    assert desk.row().status is SubscriptionStatus.ACTIVE
    assert not desk.suppressed()


@pytest.mark.parametrize("reason", [SuppressionReason.COMPLAINT, SuppressionReason.MANUAL, SuppressionReason.NOT_ME])
def test_a_complaint_is_never_forgiven_by_a_form(desk: Desk, newsroom: Newsroom, reason: SuppressionReason) -> None:
    desk.suppress(reason)
    newsroom.pass_time(days=1000)
    desk.ask("AMA@poste.example")
    assert newsroom.mails() == []


def test_one_confirmation_mail_a_day(desk: Desk, newsroom: Newsroom) -> None:
    desk.ask()
    newsroom.pass_time(hours=23, minutes=59)
    desk.ask()
    assert len(newsroom.mails()) == 1
    newsroom.pass_time(minutes=1)
    desk.ask()
    assert len(newsroom.mails()) == 2


def test_three_confirmation_mails_without_an_answer_and_no_more(desk: Desk, newsroom: Newsroom) -> None:
    for _ in range(6):
        desk.ask()
        newsroom.pass_time(days=10)
    assert len(newsroom.mails()) == 3


def test_an_answer_lets_the_count_begin_again(desk: Desk, newsroom: Newsroom) -> None:
    for _ in range(3):
        desk.ask()
        newsroom.pass_time(days=2)
    desk.confirm(desk.token())
    desk.leave()
    desk.ask()
    assert len(newsroom.mails()) == 4


@pytest.mark.parametrize(
    "spellings",
    [
        [f"a.m.a+{n}@gmail.com" for n in range(4)] + [f"am.a+x{n}@googlemail.com" for n in range(6)],
        [f"ama+{n}@poste.example" for n in range(10)],
    ],
    ids=["gmail dots", "tags"],
)
def test_one_mailbox_gets_six_mails_a_day_however_it_is_spelled(
    desk: Desk, newsroom: Newsroom, spellings: list[str]
) -> None:
    for email in spellings:
        desk.ask(email)
    assert len(newsroom.mails()) == 6
    newsroom.pass_time(days=1)
    desk.ask(spellings[-1])
    assert len(newsroom.mails()) == 7


def test_the_cap_counts_over_all_newsletters(desk: Desk, newsroom: Newsroom) -> None:
    for number in range(8):
        desk.ask(newsletter=newsroom.newsletter(f"n{number}"))
    assert len(newsroom.mails()) == 6


def test_two_spellings_of_one_address_are_one_reader_and_the_first_is_mailed(desk: Desk, newsroom: Newsroom) -> None:
    desk.ask("Ama@Poste.example")
    desk.ask("ama@POSTE.EXAMPLE")
    (mail,) = newsroom.mails()
    assert (mail.email, mail.email_key) == ("Ama@poste.example", AMA)


def test_a_capped_request_changes_nothing_that_a_reader_chose(desk: Desk, newsroom: Newsroom) -> None:
    desk.ask()
    desk.confirm(desk.token())
    desk.leave()
    for number in range(7):
        desk.ask(f"ama+{number}@poste.example")
    before = len(newsroom.mails())
    desk.ask()
    assert len(newsroom.mails()) == before
    assert desk.row().status is SubscriptionStatus.ENDED


def test_consent_says_when_to_what_on_which_form_and_from_where(desk: Desk, newsroom: Newsroom) -> None:
    desk.ask()
    asked = newsroom.now
    newsroom.pass_time(minutes=5)
    desk.confirm(desk.token())
    with newsroom.database.reading() as session:
        confirmed, requested = consent.history(session, desk.row().subscriber_id)
    assert (requested.kind, requested.at, requested.wording) == (ConsentKind.REQUESTED, asked, WORDING)
    assert (requested.form, requested.network, requested.actor) == ("/n/gazette", "203.0.113.0/24", "")
    assert (confirmed.kind, confirmed.at, confirmed.wording) == (ConsentKind.CONFIRMED, newsroom.now, WORDING)
    assert confirmed.network == "198.51.100.0/24"


def test_the_mail_row_and_the_confirmation_hold_nothing_that_opens_the_link(desk: Desk, newsroom: Newsroom) -> None:
    desk.ask()
    token = desk.token()
    (mail,) = newsroom.mails()
    with newsroom.database.reading() as session:
        confirmation = session.scalars(select(Confirmation)).one()
    stored = [str(mail.params), mail.email, confirmation.nonce, confirmation.token_hash, confirmation.wording]
    assert all(token not in text for text in stored)
    assert confirmation.token_hash == hash_token(token)
    assert desk.look(confirmation.nonce) is None
    assert desk.look(confirmation.token_hash) is None


def test_the_already_subscribed_mail_keeps_no_token_in_its_row(desk: Desk, newsroom: Newsroom) -> None:
    desk.ask()
    desk.confirm(desk.token())
    newsroom.pass_time(days=2)
    desk.ask()
    assert newsroom.mails()[-1].params == {"subscriber_id": desk.row().subscriber_id}


def test_a_token_of_one_purpose_never_opens_another(desk: Desk, newsroom: Newsroom) -> None:
    desk.ask()
    signer, row = newsroom.here.signer, desk.row()
    leave = signer.sign(UNSUBSCRIBE, row.id, 0)
    choose = signer.sign(PREFERENCES, row.subscriber_id)
    unsubscribe_like_preferences = signer.sign(UNSUBSCRIBE, row.subscriber_id)
    with newsroom.database.reading() as session:
        assert unsubscribe.look_up(session, signer, leave) is not None
        assert preferences.look_up(session, signer, choose) is not None
        for token in (choose, desk.token(), leave[:-1], leave + "A", leave.lower(), ""):
            assert unsubscribe.look_up(session, signer, token) is None
        for token in (leave, desk.token(), choose[:-1], unsubscribe_like_preferences, ""):
            assert preferences.look_up(session, signer, token) is None
    assert desk.look(leave) is None
    assert desk.look(choose) is None


def test_a_wake_up_names_the_mail_and_nothing_else(desk: Desk, newsroom: Newsroom) -> None:
    with newsroom.database.unit() as session:
        signup.request_subscription(
            session,
            newsroom.here.signer,
            newsletter=desk.newsletter,
            address=parse_address(AMA),
            language="fr",
            form="",
            network="",
            wording=WORDING,
            now=newsroom.now,
        )
        wakes = jobs.collected(session)
    assert wakes == [jobs.Wake(jobs.SEND_TRANSACTIONAL, (newsroom.mails()[0].id,))]


def test_that_was_not_me_leaves_what_the_reader_reads_elsewhere_alone(desk: Desk, newsroom: Newsroom) -> None:
    other = newsroom.newsletter("sport")
    newsroom.reader(other, AMA)
    desk.ask()
    token = desk.token()
    desk.refuse(token)
    with newsroom.database.reading() as session:
        assert suppression.find(session, AMA) is None
    newsroom.pass_time(days=2)
    mails = len(newsroom.mails())
    desk.ask()
    assert len(newsroom.mails()) == mails
