"""What comes back changes what it should, once, and nothing else can make it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from newsletter.core.errors import RefusedError
from newsletter.delivery.models import (
    Batch,
    Bounce,
    Delivery,
    DeliveryStatus,
    SkipReason,
    SoftBounce,
    TransactionalMail,
)
from newsletter.feedback import inbox, reading, tools
from newsletter.feedback.inbox import Incoming
from newsletter.feedback.models import Effect, FeedbackReport, InboundMail, MatchedBy
from newsletter.feedback.providers import Reading
from newsletter.feedback.reading import Reader
from newsletter.mail import verp
from newsletter.mail.evidence import Evidence, Kind
from newsletter.mail.message import message_id
from newsletter.mail.replies import ReplyClass
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions.models import EndedReason, Subscription, SubscriptionStatus
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import Suppression, SuppressionReason
from tests.support.newsroom import Newsroom
from tests.support.returned import Archivist, Sent, complaint, dsn, letter

pytestmark = pytest.mark.usefixtures("books")

AMA, KOFI = "ama@poste.example", "kofi@poste.example"
FULL = "452 4.2.2 mailbox full"


@dataclass
class Office:
    """Takes what comes in, and reads it."""

    newsroom: Newsroom
    events: tuple[Evidence, ...] = ()

    def take(self, raw: bytes, *, to: str = "", source: str = "smtp") -> list[FeedbackReport]:
        with self.newsroom.database.unit() as session:
            numbers = inbox.store(session, [Incoming(source, raw, "", to)], now=self.newsroom.now)
        return [report for number in numbers for report in self.read(number)]

    def read(self, number: int) -> list[FeedbackReport]:
        plain = tools.reader(self.newsroom.here)
        reader = Reader(plain.matcher, lambda *_: Reading(list(self.events)), plain.confirm)
        return reading.read_stored(self.newsroom.database, number, reader, now=self.newsroom.now)

    def hook(self, *events: Evidence, number: int = 1) -> list[FeedbackReport]:
        self.events = events
        return self.take(repr(events).encode(), source=f"webhook:{number}:brevo")


@pytest.fixture
def office(newsroom: Newsroom) -> Office:
    return Office(newsroom)


@pytest.fixture
def sent(newsroom: Newsroom, gazette: Newsletter) -> dict[str, Sent]:
    """An issue that has reached two readers."""
    newsroom.outgoing(gazette, AMA, KOFI)
    return deliver(newsroom)


def deliver(newsroom: Newsroom) -> dict[str, Sent]:
    relay = Archivist()
    newsroom.deliver(relay)
    return relay.sent


def again(newsroom: Newsroom, gazette: Newsletter, **after: float) -> dict[str, Sent]:
    """The next issue, to whoever is left."""
    newsroom.pass_time(**after)
    newsroom.article(gazette, f"Une nouvelle de {newsroom.now:%d %B %H:%M}")
    newsroom.freeze(newsroom.draft_issue(gazette))
    return deliver(newsroom)


def blocked(newsroom: Newsroom) -> dict[str, SuppressionReason]:
    with newsroom.database.reading() as session:
        rows = session.execute(select(Suppression.email_key, Suppression.reason).where(Suppression.lifted_at.is_(None)))
        return dict(rows.all())


def endings(newsroom: Newsroom) -> set[EndedReason | None]:
    with newsroom.database.reading() as session:
        return set(
            session.scalars(select(Subscription.ended_reason).where(Subscription.status == SubscriptionStatus.ENDED))
        )


def everything(newsroom: Newsroom) -> tuple[Any, ...]:
    """What a forged report must not change."""
    with newsroom.database.reading() as session:
        return (
            session.scalar(select(func.count(Suppression.id))),
            session.scalar(select(func.count(Bounce.id))),
            session.scalar(select(func.count(SoftBounce.id))),
            session.execute(select(Subscription.id, Subscription.status).order_by(Subscription.id)).all(),
            session.execute(select(Delivery.id, Delivery.status).order_by(Delivery.id)).all(),
            session.execute(select(Batch.id, Batch.hard, Batch.content, Batch.complained).order_by(Batch.id)).all(),
            len(newsroom.mails()),
        )


# Bounces


def test_a_hard_bounce_ends_it(newsroom: Newsroom, gazette: Newsletter, office: Office, sent: dict[str, Sent]) -> None:
    [report] = office.take(dsn(sent[AMA]), to=sent[AMA].envelope.sender)
    assert (report.effect, report.matched_by) == (Effect.SUPPRESSED, MatchedBy.VERP)
    assert blocked(newsroom) == {AMA: SuppressionReason.HARD_BOUNCE}
    assert set(again(newsroom, gazette, days=1)) == {KOFI}


BARE: dict[str, dict[str, Any]] = {
    "by the address it came to": {"envid": "", "original": b""},
    "by the envelope identifier": {"to": "bounces@elsewhere.example", "original": b""},
    "by the Message-ID of the copy": {"to": "bounces@elsewhere.example", "envid": ""},
}


@pytest.mark.parametrize("way", BARE)
def test_one_token_is_enough(newsroom: Newsroom, office: Office, sent: dict[str, Sent], way: str) -> None:
    [report] = office.take(dsn(sent[AMA], **BARE[way]))
    assert report.effect is Effect.SUPPRESSED
    assert set(blocked(newsroom)) == {AMA}


def test_the_link_to_unsubscribe_in_the_copy_is_enough(
    newsroom: Newsroom, office: Office, sent: dict[str, Sent]
) -> None:
    copy = f"Subject: x\r\nTo: {AMA}\r\nList-Unsubscribe: {sent[AMA].header('List-Unsubscribe')}\r\n\r\n".encode()
    [report] = office.take(dsn(sent[AMA], to="x@elsewhere.example", envid="", original=copy))
    assert (report.effect, report.matched_by) == (Effect.SUPPRESSED, MatchedBy.UNSUBSCRIBE)


def test_our_reader_is_meant_though_the_mail_was_passed_on(
    newsroom: Newsroom, office: Office, sent: dict[str, Sent]
) -> None:
    office.take(dsn(sent[AMA], recipients=("ama.new@elsewhere.example",)))
    assert blocked(newsroom) == {AMA: SuppressionReason.HARD_BOUNCE}


def test_one_of_several_behind_a_mailbox_does_not_end_it(
    newsroom: Newsroom, office: Office, sent: dict[str, Sent]
) -> None:
    office.take(dsn(sent[AMA], recipients=("one@elsewhere.example", "two@elsewhere.example")))
    assert blocked(newsroom) == {}


def test_the_same_bounce_a_thousand_times_is_one(newsroom: Newsroom, office: Office, sent: dict[str, Sent]) -> None:
    raw = dsn(sent[AMA], status="4.2.2", said=FULL)
    to = sent[AMA].envelope.sender
    with newsroom.database.unit() as session:
        for _time in range(20):
            inbox.store(session, [Incoming("smtp", raw, "", to)] * 50, now=newsroom.now)
    with newsroom.database.reading() as session:
        [number] = session.scalars(select(InboundMail.id))
    for _time in range(3):
        office.read(number)
    with newsroom.database.reading() as session:
        assert session.scalar(select(func.count(SoftBounce.id))) == 1
        assert session.scalar(select(func.count(FeedbackReport.id))) == 1


def test_bounces_of_one_message_that_differ_count_once(
    newsroom: Newsroom, office: Office, sent: dict[str, Sent]
) -> None:
    for said in ("550 5.1.1 no such user", "550 5.1.1 still no such user"):
        office.take(dsn(sent[AMA], said=said))
    with newsroom.database.reading() as session:
        assert session.scalar(select(func.count(Bounce.id))) == 1


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("5.7.1", "550 5.7.1 blocked by policy"),
        ("5.6.0", "554 5.6.0 spam"),
        ("5.3.4", "552 5.3.4 message too big"),
        ("5.1.8", "550 5.1.8 sender rejected"),
    ],
)
def test_nobody_is_blamed_for_what_is_not_the_mailbox(
    newsroom: Newsroom, office: Office, sent: dict[str, Sent], status: str, said: str
) -> None:
    [report] = office.take(dsn(sent[AMA], status=status, said=said))
    assert report.effect is Effect.COUNTED
    assert blocked(newsroom) == {}
    with newsroom.database.reading() as session:
        assert session.scalar(select(func.count(SoftBounce.id))) == 0


def test_a_delay_or_an_arrival_changes_nothing(newsroom: Newsroom, office: Office, sent: dict[str, Sent]) -> None:
    before = everything(newsroom)
    for action in ("delayed", "delivered", "relayed"):
        [report] = office.take(dsn(sent[AMA], action=action, status="4.0.0"))
        assert report.effect is Effect.IGNORED
    assert everything(newsroom) == before


def test_a_bounce_of_long_ago_is_not_heard(newsroom: Newsroom, office: Office, sent: dict[str, Sent]) -> None:
    newsroom.pass_time(days=31)
    [report] = office.take(dsn(sent[AMA]))
    assert report.effect is Effect.IGNORED
    assert blocked(newsroom) == {}


def test_what_waits_elsewhere_for_who_is_gone_is_withdrawn(
    newsroom: Newsroom, office: Office, sent: dict[str, Sent]
) -> None:
    other = newsroom.outgoing(newsroom.newsletter("revue"), AMA)
    with newsroom.database.unit() as session:
        session.execute(update(Batch).where(Batch.issue_id == other.id).values(held=True))
    office.take(dsn(sent[AMA]))
    row = newsroom.deliveries(other)[AMA]
    assert (row.status, row.skip_reason) == (DeliveryStatus.SKIPPED, SkipReason.SUPPRESSED)


def test_a_hundred_of_one_domain_at_once_are_held(newsroom: Newsroom, gazette: Newsletter, office: Office) -> None:
    newsroom.outgoing(gazette, *(f"r{number}@large.example" for number in range(110)))
    sent = deliver(newsroom)
    effects = [office.take(dsn(item))[0].effect for item in sent.values()]
    assert effects.count(Effect.HELD) == 11
    assert blocked(newsroom) == {}


def test_a_confirmation_that_bounces_ends_it_but_blocks_no_other(newsroom: Newsroom, office: Office) -> None:
    with newsroom.database.unit() as session:
        from_mail = _confirmation(session, newsroom)
    sender = verp.transactional_sender(from_mail, newsroom.here.key("mail"), "bounces.gazette.example")
    raw = letter(to=sender, sender="x@y.example", subject="failure notice").replace(
        b"Ama <x@y.example>", b"mailer-daemon@y.example"
    )
    raw = raw.replace(b"Merci !", f"<{AMA}>:\r\n550 5.1.1 no such user".encode())
    [report] = office.take(raw, to=sender)
    assert report.effect is Effect.SUPPRESSED
    with newsroom.database.reading() as session:
        assert suppression.may_confirm(session, AMA)


def _confirmation(session: Any, newsroom: Newsroom) -> int:
    mail = TransactionalMail(
        kind="confirm",
        email=AMA,
        email_key=AMA,
        language="fr",
        newsletter_id=None,
        params={},
        status=DeliveryStatus.SENT,
        attempts=1,
        created_at=newsroom.now,
        expires_at=newsroom.now,
        sent_at=newsroom.now,
    )
    session.add(mail)
    session.flush()
    return mail.id


# Soft ones


def full(newsroom: Newsroom, office: Office, item: Sent, *, status: str = "4.2.2") -> Effect:
    said = FULL if status == "4.2.2" else f"550 {status} mailbox disabled"
    [report] = office.take(dsn(item, status=status, said=said))
    return report.effect


def test_five_issues_in_two_weeks_that_do_not_arrive_end_it(
    newsroom: Newsroom, gazette: Newsletter, office: Office, sent: dict[str, Sent]
) -> None:
    effects = [full(newsroom, office, sent[AMA])]
    for _issue in range(4):
        effects.append(full(newsroom, office, again(newsroom, gazette, days=4)[AMA]))
    assert effects == [Effect.COUNTED] * 4 + [Effect.SUPPRESSED]
    assert blocked(newsroom) == {AMA: SuppressionReason.SOFT_BOUNCES}
    assert set(again(newsroom, gazette, days=1)) == {KOFI}


def test_five_in_a_week_do_not(newsroom: Newsroom, gazette: Newsletter, office: Office, sent: dict[str, Sent]) -> None:
    full(newsroom, office, sent[AMA])
    for _issue in range(5):
        full(newsroom, office, again(newsroom, gazette, days=1)[AMA])
    assert blocked(newsroom) == {}


def test_an_issue_that_arrives_forgets_them(
    newsroom: Newsroom, gazette: Newsletter, office: Office, sent: dict[str, Sent]
) -> None:
    full(newsroom, office, sent[AMA])
    for _issue in range(3):
        full(newsroom, office, again(newsroom, gazette, days=4)[AMA])
    again(newsroom, gazette, days=4)
    full(newsroom, office, again(newsroom, gazette, days=4)[AMA])
    assert blocked(newsroom) == {}


def test_a_month_without_one_forgets_them(
    newsroom: Newsroom, gazette: Newsletter, office: Office, sent: dict[str, Sent]
) -> None:
    full(newsroom, office, sent[AMA])
    for days in (4, 4, 4, 31):
        full(newsroom, office, again(newsroom, gazette, days=days)[AMA])
    assert blocked(newsroom) == {}


def test_a_mailbox_that_is_shut_off_gets_two_issues_more(
    newsroom: Newsroom, gazette: Newsletter, office: Office, sent: dict[str, Sent]
) -> None:
    full(newsroom, office, sent[AMA], status="5.2.1")
    full(newsroom, office, again(newsroom, gazette, days=1)[AMA], status="5.2.1")
    assert blocked(newsroom) == {}
    full(newsroom, office, again(newsroom, gazette, days=2)[AMA], status="5.2.1")
    assert blocked(newsroom) == {AMA: SuppressionReason.SOFT_BOUNCES}


# Complaints and wishes to leave


def test_a_complaint_is_out_at_once_everywhere(newsroom: Newsroom, office: Office, sent: dict[str, Sent]) -> None:
    revue = newsroom.newsletter("revue")
    newsroom.reader(revue, AMA)
    [report] = office.take(complaint(sent[AMA]), to="fbl@gazette.example")
    assert report.effect is Effect.SUPPRESSED
    assert blocked(newsroom) == {AMA: SuppressionReason.COMPLAINT}
    assert endings(newsroom) == {EndedReason.COMPLAINED}
    with newsroom.database.reading() as session:
        ended = session.scalar(
            select(func.count(Subscription.id)).where(Subscription.status == SubscriptionStatus.ENDED)
        )
        assert ended == 2
        assert session.scalar(select(func.sum(Batch.complained))) == 1


def test_a_complaint_that_is_told_twice_counts_once(newsroom: Newsroom, office: Office, sent: dict[str, Sent]) -> None:
    office.take(complaint(sent[AMA]))
    office.take(complaint(sent[AMA]).replace(b"A reader complained.", b"A reader complained again."))
    office.hook(Evidence(Kind.COMPLAINT, AMA, proofs=(sent[AMA].envelope.sender,)))
    with newsroom.database.reading() as session:
        assert session.scalar(select(func.sum(Batch.complained))) == 1


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
def test_what_is_no_complaint_ends_nothing(
    newsroom: Newsroom, office: Office, sent: dict[str, Sent], kind: str
) -> None:
    before = everything(newsroom)
    office.take(complaint(sent[AMA], kind=kind))
    assert everything(newsroom) == before


def leaving_address(item: Sent) -> str:
    return item.header("List-Unsubscribe").partition("<mailto:")[2].partition("?")[0]


@pytest.mark.parametrize("text", ["", "unsubscribe", "Bonjour, je ne sais pas quoi écrire."])
def test_any_mail_to_the_address_that_unsubscribes_does(
    newsroom: Newsroom, office: Office, sent: dict[str, Sent], text: str
) -> None:
    to = leaving_address(sent[AMA])
    [report] = office.take(letter(to=to, sender="somebody.else@mobile.example", text=text), to=to)
    assert report.effect is Effect.ENDED
    assert endings(newsroom) == {EndedReason.BY_MAIL}


@pytest.mark.parametrize(
    "word", ["STOP", "Stop.", "désabonnement", "Désinscrivez-moi svp", "unsubscribe me", "please remove me"]
)
def test_stop_by_mail_works(newsroom: Newsroom, office: Office, sent: dict[str, Sent], word: str) -> None:
    to = sent[AMA].envelope.sender
    [report] = office.take(letter(to=to, sender=AMA, text=word), to=to)
    assert report.effect is Effect.ENDED


def test_stop_in_answer_to_the_newsletter_works(newsroom: Newsroom, office: Office, sent: dict[str, Sent]) -> None:
    answered = f"In-Reply-To: {sent[AMA].header('Message-ID')}\r\n"
    [report] = office.take(
        letter(to="desk@gazette.example", sender=AMA, text="STOP", extra=answered), source="mailbox:desk"
    )
    assert report.effect is Effect.ENDED


def test_stop_by_somebody_to_whom_it_was_passed_on_does_not_end_the_reader(
    newsroom: Newsroom, office: Office, sent: dict[str, Sent]
) -> None:
    quoted = "STOP\r\n\r\n> " + sent[AMA].header("List-Unsubscribe")
    before = endings(newsroom)
    office.take(letter(to="desk@gazette.example", sender="friend@poste.example", text=quoted), source="mailbox:desk")
    answered = f"In-Reply-To: {sent[AMA].header('Message-ID')}\r\n"
    office.take(
        letter(to="desk@gazette.example", sender="friend@poste.example", text="STOP", extra=answered),
        source="mailbox:desk",
    )
    assert endings(newsroom) == before == set()


@pytest.mark.parametrize(
    "text",
    [
        "Please stop the war on our street.",
        "Je ne veux pas me désabonner, au contraire !",
        "Stop au bruit, disent les riverains",
    ],
)
def test_a_sentence_with_the_word_is_no_wish(
    newsroom: Newsroom, office: Office, sent: dict[str, Sent], text: str
) -> None:
    to = sent[AMA].envelope.sender
    office.take(letter(to=to, sender=AMA, text=text), to=to)
    assert endings(newsroom) == set()


# Answers


def test_an_answer_of_a_person_goes_to_the_editor(newsroom: Newsroom, office: Office, sent: dict[str, Sent]) -> None:
    to = sent[AMA].envelope.sender
    [report] = office.take(letter(to=to, sender=AMA, text="Le pont est encore fermé."), to=to)
    assert report.effect is Effect.FORWARDED
    [mail] = newsroom.mails()
    assert (mail.kind, mail.email) == ("reader_reply", "desk@gazette.example")


VACATIONS = {
    "by its header": {"extra": "Auto-Submitted: auto-replied\r\n"},
    "by its subject": {"subject": "Réponse automatique : absent"},
    "by another header": {"extra": "X-Autoreply: yes\r\n"},
    "by its precedence": {"extra": "Precedence: auto_reply\r\n"},
    "in English": {"subject": "Out of office: back on Monday"},
}


@pytest.mark.parametrize("way", VACATIONS)
def test_vacation_answers_are_ignored(newsroom: Newsroom, office: Office, sent: dict[str, Sent], way: str) -> None:
    before = everything(newsroom)
    to = sent[AMA].envelope.sender
    [report] = office.take(letter(to=to, sender=AMA, text="Je suis en congé.", **VACATIONS[way]), to=to)
    assert report.effect is Effect.IGNORED
    assert everything(newsroom) == before


def test_two_robots_that_answer_each_other_end(newsroom: Newsroom, office: Office, sent: dict[str, Sent]) -> None:
    to = sent[AMA].envelope.sender
    for number in range(70):
        office.take(letter(to=to, sender=AMA, text=f"Bonjour {number}"), to=to)
    assert len(newsroom.mails()) == 60


# Forged


Forge = Callable[[Newsroom, dict[str, Sent]], tuple[bytes, str]]
OTHER = b"another-secret-of-somebody-elses"
NOBODY = 9_999_999


def _with_sender(sender: str) -> Forge:
    return lambda _newsroom, sent: (dsn(sent[AMA], to=sender, envid="", original=b""), sender)


def _of_nobody(newsroom: Newsroom, sent: dict[str, Sent]) -> tuple[bytes, str]:
    to = verp.envelope_sender(NOBODY, newsroom.here.key("mail"), "bounces.gazette.example")
    return dsn(sent[AMA], to=to, envid="", original=b""), to


def _flipped(newsroom: Newsroom, sent: dict[str, Sent]) -> tuple[bytes, str]:
    sender = sent[AMA].envelope.sender
    at = sender.index("+") + 5
    to = sender[:at] + ("0" if sender[at] != "0" else "1") + sender[at + 1 :]
    return dsn(sent[AMA], to=to, envid="", original=b""), to


def _as_unsubscribe(newsroom: Newsroom, sent: dict[str, Sent]) -> tuple[bytes, str]:
    """A token of one purpose for another."""
    token = sent[AMA].envelope.sender.partition("+")[2]
    to = f"unsub+{token}"
    return letter(to=to, sender=AMA, text="unsubscribe"), to


FORGED: dict[str, Forge] = {
    "no token at all": _with_sender("desk@gazette.example"),
    "a token of zeros": _with_sender(f"b+{'0' * 40}@bounces.gazette.example"),
    "a token that is too short": _with_sender("b+abcdef@bounces.gazette.example"),
    "a token of another key": _with_sender(verp.envelope_sender(1, OTHER, "bounces.gazette.example")),
    "a token of a delivery that does not exist": _of_nobody,
    "a token with one digit changed": _flipped,
    "a token of another purpose": _as_unsubscribe,
    "the plain number": _with_sender("b+1@bounces.gazette.example"),
    "an identifier of another key": lambda _newsroom, sent: (
        dsn(
            sent[AMA],
            to="x@y.example",
            envid=message_id("issue", 1, OTHER, "gazette.example").strip("<>").partition("@")[0],
            original=b"",
        ),
        "",
    ),
    "a copy that somebody made up": lambda _newsroom, sent: (
        dsn(
            sent[AMA],
            to="x@y.example",
            envid="",
            original=f"To: {AMA}\r\nFrom: a@b.example\r\nMessage-ID: <issue.{'a' * 26}@b.example>\r\n\r\n".encode(),
        ),
        "",
    ),
    "a link of another key": lambda _newsroom, sent: (
        dsn(
            sent[AMA],
            to="x@y.example",
            envid="",
            original=f"To: a@b.c\r\nSubject: x\r\nList-Unsubscribe: <https://x.y/u/{'A' * 39}>\r\n\r\n".encode(),
        ),
        "",
    ),
    "the address alone": lambda _newsroom, sent: (
        dsn(
            sent[AMA], to="x@y.example", envid="", original=f"To: {AMA}\r\nFrom: desk@gazette.example\r\n\r\n".encode()
        ),
        "",
    ),
    "a complaint about a message that is not ours": lambda _newsroom, sent: (
        complaint(sent[AMA], original=f"To: {AMA}\r\nFrom: desk@gazette.example\r\nMessage-ID: <x@y>\r\n\r\n".encode()),
        "fbl@gazette.example",
    ),
    "stop without a token": lambda _newsroom, _sent: (letter(to="desk@gazette.example", sender=AMA, text="STOP"), ""),
}


@pytest.mark.parametrize("way", FORGED)
def test_a_forged_report_changes_nothing(newsroom: Newsroom, office: Office, sent: dict[str, Sent], way: str) -> None:
    before = everything(newsroom)
    raw, to = FORGED[way](newsroom, sent)
    reports = office.take(raw, to=to)
    assert [report.matched_by for report in reports] == [None]
    assert everything(newsroom) == before


# Webhooks


def event(kind: Kind = Kind.BOUNCE, **values: Any) -> Evidence:
    return Evidence(kind, **({"recipient": AMA, "reply_class": ReplyClass.HARD, "event_id": "1"} | values))


def test_a_provider_that_has_proved_itself_may_name_an_address(
    newsroom: Newsroom, office: Office, sent: dict[str, Sent]
) -> None:
    [report] = office.hook(event())
    assert (report.effect, report.matched_by) == (Effect.SUPPRESSED, MatchedBy.ADDRESS)
    assert set(blocked(newsroom)) == {AMA}


def test_an_address_that_nobody_has_is_nobodys(newsroom: Newsroom, office: Office, sent: dict[str, Sent]) -> None:
    before = everything(newsroom)
    [report] = office.hook(event(recipient="x@nowhere.example"))
    assert report.effect is Effect.UNMATCHED
    assert everything(newsroom) == before


def test_an_event_comes_in_any_order_and_any_number_of_times(
    newsroom: Newsroom, office: Office, sent: dict[str, Sent]
) -> None:
    for number in range(3):
        office.hook(event(), event(Kind.DELIVERED, event_id="0"), number=number)
        office.hook(event(Kind.DELIVERED, event_id="0"), event(), number=number)
    assert set(blocked(newsroom)) == {AMA}
    with newsroom.database.reading() as session:
        assert session.scalar(select(func.count(Bounce.id))) == 1


def test_one_bad_event_does_not_lose_the_rest(newsroom: Newsroom, office: Office, sent: dict[str, Sent]) -> None:
    office.hook(event(recipient="\udc80@x"[1:], event_id="3"), event(recipient="", event_id="2"), event())
    assert set(blocked(newsroom)) == {AMA}


# Kept for a while


def test_what_came_in_is_forgotten_after_a_month_and_what_it_said_is_not(
    newsroom: Newsroom, office: Office, sent: dict[str, Sent]
) -> None:
    office.take(dsn(sent[AMA]))
    newsroom.pass_time(days=31)
    with newsroom.database.unit() as session:
        assert inbox.forget(session, now=newsroom.now) == 1
    with newsroom.database.reading() as session:
        assert session.scalar(select(func.count(InboundMail.id))) == 0
        assert session.scalar(select(FeedbackReport.effect)) is Effect.SUPPRESSED


def test_what_cannot_be_read_is_kept_with_the_reason(newsroom: Newsroom, office: Office) -> None:
    def fails(*_arguments: object) -> Reading:
        raise RefusedError("no JSON")

    with newsroom.database.unit() as session:
        [number] = inbox.store(session, [Incoming("webhook:1:brevo", b"{")], now=newsroom.now)
    plain = tools.reader(newsroom.here)
    reader = Reader(plain.matcher, fails, plain.confirm)
    assert reading.read_stored(newsroom.database, number, reader, now=newsroom.now) == []
    with newsroom.database.reading() as session:
        mail = session.get_one(InboundMail, number)
        assert mail.problem == "RefusedError: no JSON"
        assert mail.read_at is not None


def test_two_who_read_at_once_take_different_ones(newsroom: Newsroom) -> None:
    with newsroom.database.unit() as session:
        inbox.store(session, [Incoming("smtp", f"{number}".encode()) for number in range(10)], now=newsroom.now)
    with newsroom.database.unit() as session:
        first = inbox.claim(session, most=6, now=newsroom.now)
    with newsroom.database.unit() as session:
        second = inbox.claim(session, most=6, now=newsroom.now)
    assert (len(first), len(second)) == (6, 4)
    assert not set(first) & set(second)
    newsroom.now += timedelta(minutes=6)
    with newsroom.database.unit() as session:
        assert len(inbox.claim(session, most=100, now=newsroom.now)) == 10
