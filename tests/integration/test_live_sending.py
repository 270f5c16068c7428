"""An issue while it is sent, and after: its pace, its domains, its limit, and what leaves once more."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from newsletter.accounts.models import AuditEvent
from newsletter.core.errors import RefusedError
from newsletter.delivery import limits, queries
from newsletter.delivery.gate import Gate
from newsletter.delivery.models import (
    ASKED_AGAIN,
    Batch,
    Delivery,
    DeliveryAttempt,
    DeliveryStatus,
    DomainTally,
    Lane,
)
from newsletter.issues import dispatch, domains, finding, pace, resending, slowing
from newsletter.issues.models import Issue, IssueStatus
from newsletter.issues.resending import Why
from newsletter.mail.replies import Phase, ReplyClass
from newsletter.mail.transport import Envelope, Outcome, OutcomeKind
from newsletter.newsletters.models import Newsletter
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import SuppressionReason
from tests.integration.test_sending import leave
from tests.support.mailers import Hand
from tests.support.newsroom import Newsroom
from tests.support.postman import NO_SUCH_USER, Postman, deliver, issue_in_waves, look, readers

pytestmark = pytest.mark.usefixtures("books")

S = DeliveryStatus
SENDER = "gazette.example"
FULL = "552 5.2.2 mailbox full"


class LosesReplies:
    """A relay whose answer to the message never comes, for these recipients."""

    def __init__(self, *lost: str) -> None:
        self.lost = set(lost)
        self.sent: list[tuple[Envelope, bytes]] = []

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        self.sent.append((envelope, message))
        if envelope.recipient in self.lost:
            return Outcome(OutcomeKind.AMBIGUOUS, None, Phase.DOT, ReplyClass.LANE, "connection lost after the dot")
        return Postman().send(envelope, message)


def count_domains(newsroom: Newsroom, issue: Issue) -> None:
    with newsroom.database.unit() as session:
        domains.count(session, issue.id, now=newsroom.now)


def by_domain(newsroom: Newsroom, issue: Issue, most: int = 8) -> domains.ByDomain:
    with newsroom.database.reading() as session:
        return domains.by_domain(session, issue.id, queries.counts(session, issue.id), most=most)


def figures(line: domains.DomainLine | None) -> tuple[object, ...]:
    assert line is not None
    return (line.domain, line.audience, line.sent, line.deferred, line.failed, line.unknown, line.skipped, line.left)


# By domain


def test_domains_are_known_after_the_freeze_and_add_up_to_the_audience(newsroom: Newsroom, gazette: Newsletter) -> None:
    people = [*readers(5), *readers(3, domain="strict.example"), *readers(2, domain="slow.example"), "a@one.example"]
    issue = newsroom.outgoing(gazette, *people)
    assert by_domain(newsroom, issue) == domains.ByDomain()
    count_domains(newsroom, issue)
    deliver(newsroom, Postman({"strict.example": NO_SUCH_USER, "slow.example": "451 4.7.1 later"}))
    found = by_domain(newsroom, issue, most=3)
    assert found.counted
    assert [figures(line) for line in found.lines] == [
        ("poste.example", 5, 5, 0, 0, 0, 0, 0),
        ("strict.example", 3, 0, 0, 3, 0, 0, 0),
        ("slow.example", 2, 0, 2, 0, 0, 0, 0),
    ]
    assert figures(found.rest) == ("", 1, 1, 0, 0, 0, 0, 0)


def test_what_was_deferred_moves_on_in_the_figures_of_its_domain(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = newsroom.outgoing(gazette, *readers(2, domain="slow.example"))
    count_domains(newsroom, issue)
    deliver(newsroom, Postman({"slow.example": "451 4.7.1 later"}))
    newsroom.pass_time(minutes=10)
    deliver(newsroom, Postman({"reader001@slow.example": FULL}))
    (line,) = by_domain(newsroom, issue).lines
    assert figures(line) == ("slow.example", 2, 1, 0, 1, 0, 0, 0)


def test_the_end_of_an_issue_makes_good_what_was_not_counted(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = newsroom.outgoing(gazette, *readers(3), *readers(2, domain="other.example"))
    leave(newsroom, gazette, "reader000@other.example")
    deliver(newsroom, Postman({"reader000@poste.example": FULL}))
    with newsroom.database.unit() as session:
        session.execute(DomainTally.__table__.update().values(sent=77, waiting=-3))
    look(newsroom, issue)
    count_domains(newsroom, issue)
    first, second = by_domain(newsroom, issue).lines
    assert figures(first) == ("poste.example", 3, 2, 0, 1, 0, 0, 0)
    assert figures(second) == ("other.example", 2, 1, 0, 0, 0, 1, 0)
    assert newsroom.issue(issue).reckoned_at == newsroom.now


def test_small_domains_of_past_issues_become_one_row(newsroom: Newsroom, gazette: Newsletter) -> None:
    people = [*readers(3), *(f"a@d{number}.example" for number in range(6))]
    issue = newsroom.outgoing(gazette, *people)
    deliver(newsroom, Postman())
    look(newsroom, issue)
    count_domains(newsroom, issue)
    newsroom.pass_time(days=4)
    for _twice in range(2):
        with newsroom.database.unit() as session:
            domains.fold(session, now=newsroom.now, keep=2)
    with newsroom.database.reading() as session:
        rows = session.execute(select(DomainTally.domain, DomainTally.audience, DomainTally.sent)).all()
    assert len(rows) == 3
    assert {row.domain: row.audience for row in rows}[""] == 5
    assert sum(row.sent for row in rows) == 9


# The pace


def test_the_rate_is_that_of_the_last_minute(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = issue_in_waves(newsroom, gazette, readers(60), size=10, waves=[1] * 6)
    hand = Hand(newsroom.office())
    postman = Postman()

    def send(number: int) -> None:
        for item in hand.turn(number):
            hand.post(item, postman)
        hand.turn(0)
        look(newsroom, issue)

    send(30)
    newsroom.pass_time(minutes=5)
    send(6)
    newsroom.pass_time(seconds=60)
    send(12)
    with newsroom.database.reading() as session:
        found = session.get_one(Issue, issue.id)
        done = queries.counts(session, issue.id).through
        rate = pace.lately(session, found, done, now=newsroom.now)
        line = pace.line(session, found, now=newsroom.now)
    assert done == 48
    assert rate.per_second == pytest.approx(12 / 60)
    assert [round(value, 3) for _at, value in line] == [0.12, 0.2]


def test_a_pause_does_not_slow_the_rate_down(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = issue_in_waves(newsroom, gazette, readers(20), size=10, waves=[1, 1])
    hand, postman = Hand(newsroom.office()), Postman()
    for item in hand.turn(8):
        hand.post(item, postman)
    hand.turn(0)
    look(newsroom, issue)
    newsroom.act(dispatch.pause, issue)
    hand.turn(0)
    newsroom.pass_time(hours=1)
    newsroom.act(dispatch.resume, issue)
    newsroom.pass_time(seconds=1)
    with newsroom.database.reading() as session:
        assert pace.lately(session, session.get_one(Issue, issue.id), 8, now=newsroom.now).per_second is None
    newsroom.pass_time(seconds=9)
    with newsroom.database.reading() as session:
        rate = pace.lately(session, session.get_one(Issue, issue.id), 18, now=newsroom.now)
    assert rate.per_second == pytest.approx(1.0)


def test_nothing_is_noted_while_nothing_moves(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = newsroom.outgoing(gazette, *readers(2))
    deliver(newsroom, Postman({"reader000@poste.example": "451 4.7.1 later"}))
    for _look in range(5):
        look(newsroom, issue)
        newsroom.pass_time(seconds=20)
    with newsroom.database.reading() as session:
        assert len(pace.line(session, session.get_one(Issue, issue.id), now=newsroom.now)) <= 1


# Finding


@pytest.mark.parametrize("few", [0, 1000])
def test_deliveries_are_found_by_all_that_is_asked_page_by_page(
    newsroom: Newsroom, gazette: Newsletter, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(finding, "FEW", few)
    monkeypatch.setattr(finding, "WINDOW", 3)
    people = [*readers(11), *readers(7, domain="other.example"), *readers(4, domain="other.example", name="ama")]
    issue = issue_in_waves(newsroom, gazette, people, size=5, waves=[1] * 5)
    newsroom.reader(gazette, "amavi@other.example")
    refused = {f"reader00{n}@other.example": FULL for n in range(3)} | {"reader004@poste.example": FULL}
    deliver(newsroom, Postman(refused))

    def walk(**asked: object) -> list[str]:
        found: list[str] = []
        after: str | None = ""
        with newsroom.database.reading() as session:
            while after is not None:
                page = finding.find(session, issue.id, after=after, limit=2, **asked)  # type: ignore[arg-type]
                found, after = [*found, *(row.email for row in page.rows)], page.after
        return sorted(found)

    assert walk() == sorted(people)
    assert walk(domain="other.example") == sorted(people[11:])
    assert walk(text="ama") == sorted(people[18:])
    assert walk(text="reader", domain="poste.example") == sorted(people[:11])
    assert walk(status=S.FAILED) == sorted(refused)
    assert walk(status=S.FAILED, domain="other.example") == sorted(email for email in refused if "other" in email)
    assert walk(text="reader00", status=S.FAILED, domain="poste.example") == ["reader004@poste.example"]
    assert walk(status=S.UNKNOWN) == walk(domain="nobody.example") == walk(text="zzz") == []


# Slowing down


def gates(newsroom: Newsroom, *names: str) -> dict[str, Gate]:
    settings = newsroom.here.settings.model_copy(update={"smtp_url": "smtp://relay.example"})
    made = {name: Gate(settings=settings, vault=newsroom.here.vault, rng=random.Random(name)) for name in names}
    sync(newsroom, made)
    return made


def sync(newsroom: Newsroom, made: dict[str, Gate]) -> None:
    for name, gate in made.items():
        with newsroom.database.unit() as session:
            gate.sync(session, holder=name, now=newsroom.now)


def leaves(newsroom: Newsroom, gate: Gate, issue_id: int, most: int) -> int:
    """How many messages of an issue a worker may send at this moment."""
    admitted = 0
    while admitted < most and (
        gate.admit(sender_domain=SENDER, recipient_domain="poste.example", now=newsroom.now, issue_id=issue_id)
        is not None
    ):
        admitted += 1
    return admitted


def slow(newsroom: Newsroom, issue: Issue, per_second: float | None) -> None:
    with newsroom.database.unit() as session:
        slowing.slow(
            session, session.get_one(Issue, issue.id), per_second=per_second, actor="ama@x.example", now=newsroom.now
        )


def test_a_limit_holds_for_all_workers_within_a_second_and_for_no_other_issue(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    issue = newsroom.outgoing(gazette, *readers(3))
    workers = gates(newsroom, "a", "b")
    assert leaves(newsroom, workers["a"], issue.id, 50) == 50
    slow(newsroom, issue, 4)
    for _step in range(4):
        newsroom.pass_time(seconds=0.25)
        sync(newsroom, workers)
    counted = 0
    for _step in range(40):
        counted += sum(leaves(newsroom, gate, issue.id, 1000) for gate in workers.values())
        newsroom.pass_time(seconds=0.25)
        sync(newsroom, workers)
    assert 30 <= counted <= 4 * 10 + 4
    assert leaves(newsroom, workers["b"], issue.id + 1, 50) == 50
    slow(newsroom, issue, None)
    for _step in range(4):
        newsroom.pass_time(seconds=0.25)
        sync(newsroom, workers)
    assert leaves(newsroom, workers["b"], issue.id, 50) == 50


def test_slowing_down_is_on_record_with_before_and_after_and_ends_with_the_issue(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    issue = newsroom.outgoing(gazette, *readers(2))
    slow(newsroom, issue, 5)
    slow(newsroom, issue, 0.5)
    with newsroom.database.reading() as session:
        assert limits.issue_limit(session, issue.id) == 0.5
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == "issue.slowed").order_by(AuditEvent.id))
        assert [event.details for event in events] == [
            {"before": {"per_second": None}, "after": {"per_second": 5.0}},
            {"before": {"per_second": 5.0}, "after": {"per_second": 0.5}},
        ]
    newsroom.act(dispatch.cancel, issue)
    with newsroom.database.reading() as session:
        assert session.scalar(select(func.count()).where(Lane.domain == limits.way_of_issue(issue.id))) == 0


@pytest.mark.parametrize("per_second", [0, -1, 0.01, 1e9, float("nan")])
def test_a_limit_that_makes_no_sense_is_refused(newsroom: Newsroom, gazette: Newsletter, per_second: float) -> None:
    issue = newsroom.outgoing(gazette, *readers(1))
    with pytest.raises(RefusedError):
        slow(newsroom, issue, per_second)


def test_what_has_not_left_or_is_over_cannot_be_slowed_down(newsroom: Newsroom, gazette: Newsletter) -> None:
    newsroom.reader(gazette)
    with pytest.raises(RefusedError):
        slow(newsroom, newsroom.draft_issue(gazette), 5)


# Sending again


@pytest.fixture
def missed(newsroom: Newsroom, gazette: Newsletter) -> tuple[Issue, LosesReplies]:
    """An issue that is over: three failed for a while, one for good, one is unknown, one was taken."""
    people = ("full@poste.example", "gone@poste.example", "left@poste.example", "blocked@poste.example")
    issue = issue_in_waves(newsroom, gazette, [*people, "lost@poste.example", "ok@poste.example"], size=4, waves=[1, 1])
    with newsroom.database.unit() as session:
        session.execute(Batch.__table__.update().values(resend_unknown=False))
    relay = LosesReplies("lost@poste.example")

    class Both:
        def send(self, envelope: Envelope, message: bytes) -> Outcome:
            refuse = dict.fromkeys(people, FULL) | {"gone@poste.example": NO_SUCH_USER}
            if envelope.recipient in refuse:
                return Postman(refuse).send(envelope, message)
            return relay.send(envelope, message)

    deliver(newsroom, Both())  # type: ignore[arg-type]
    assert look(newsroom, issue).status is IssueStatus.SENT
    count_domains(newsroom, issue)
    return issue, relay


def again(newsroom: Newsroom, issue: Issue, number: int | None = None) -> resending.Missed:
    with newsroom.database.unit() as session:
        return resending.resend(
            session, session.get_one(Issue, issue.id), actor="ama@x.example", now=newsroom.now, number=number
        )


def test_it_says_before_who_gets_it_again_and_who_does_not(
    newsroom: Newsroom, gazette: Newsletter, missed: tuple[Issue, LosesReplies]
) -> None:
    issue, _relay = missed
    leave(newsroom, gazette, "left@poste.example")
    with newsroom.database.unit() as session:
        suppression.suppress(
            session, "blocked@poste.example", SuppressionReason.MANUAL, source="test", now=newsroom.now
        )
    with newsroom.database.reading() as session:
        found = resending.missed(session, session.get_one(Issue, issue.id), now=newsroom.now)
        assert resending.at_most(session, issue.id) == found.total == 5
    assert (found.failed, found.unknown, found.late) == (1, 1, 0)
    assert found.left_out == {Why.BOUNCED: 1, Why.BLOCKED: 1, Why.LEFT: 1, Why.TOLD: 0}


def test_the_missed_get_the_same_message_once_more_and_the_sums_hold(
    newsroom: Newsroom, missed: tuple[Issue, LosesReplies]
) -> None:
    issue, relay = missed
    (before,) = [pair for pair in relay.sent if pair[0].recipient == "lost@poste.example"]
    newsroom.pass_time(hours=3)
    found = again(newsroom, issue, number=1)
    assert (found.failed, found.unknown) == (3, 1)
    assert newsroom.issue(issue).status is IssueStatus.SENDING
    second = LosesReplies()
    deliver(newsroom, second)  # type: ignore[arg-type]
    assert sorted(envelope.recipient.partition("@")[0] for envelope, _message in second.sent) == [
        "blocked",
        "full",
        "left",
        "lost",
    ]
    assert before in second.sent, "the same envelope and the same bytes"
    assert look(newsroom, issue).status is IssueStatus.SENT
    deliveries = newsroom.deliveries(issue)
    assert {email.partition("@")[0]: row.status for email, row in deliveries.items()} == {
        "full": S.SENT,
        "gone": S.FAILED,
        "left": S.SENT,
        "blocked": S.SENT,
        "lost": S.SENT,
        "ok": S.SENT,
    }
    assert [row.repeated for email, row in deliveries.items() if email.startswith("lost")] == [True]
    count_domains(newsroom, issue)
    (line,) = by_domain(newsroom, issue).lines
    assert figures(line) == ("poste.example", 6, 5, 0, 1, 0, 0, 0)


def test_asking_twice_does_it_once_and_is_on_record(newsroom: Newsroom, missed: tuple[Issue, LosesReplies]) -> None:
    issue, _relay = missed
    again(newsroom, issue, number=1)
    with pytest.raises(RefusedError):
        again(newsroom, issue, number=1)
    deliver(newsroom, Postman({"poste.example": FULL}))
    look(newsroom, issue)
    with pytest.raises(RefusedError):
        again(newsroom, issue, number=1)
    with newsroom.database.reading() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "issue.resent"))
        asked = session.scalar(select(func.count()).where(DeliveryAttempt.outcome == ASKED_AGAIN))
    assert (event.details["failed"], event.details["unknown"], event.details["left_out"]) == (3, 1, {"bounced": 1})
    assert asked == 4


def test_whom_a_later_issue_has_told_the_same_story_is_left_out(
    newsroom: Newsroom, gazette: Newsletter, missed: tuple[Issue, LosesReplies]
) -> None:
    issue, _relay = missed
    newsroom.pass_time(hours=1)
    other = newsroom.newsletter("revue")
    newsroom.reader(other, "full@poste.example")
    newsroom.article(other)
    later = newsroom.compose(other)
    assert later is not None
    assert newsroom.freeze(later) == 1
    with newsroom.database.reading() as session:
        found = resending.missed(session, session.get_one(Issue, issue.id), now=newsroom.now)
    assert found.left_out[Why.TOLD] == 1
    assert found.failed == 2


def test_what_is_under_way_or_cancelled_or_old_is_not_sent_again(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = newsroom.outgoing(gazette, *readers(2))
    with pytest.raises(RefusedError):
        again(newsroom, issue)
    deliver(newsroom, Postman({"poste.example": FULL}))
    look(newsroom, issue)
    newsroom.pass_time(days=31)
    with pytest.raises(RefusedError):
        again(newsroom, issue)


def test_what_expired_while_it_waited_is_sent_again_and_may_take_two_days_more(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    issue = newsroom.outgoing(gazette, *readers(2))
    deliver(newsroom, Postman({"poste.example": "451 4.7.1 later"}))
    newsroom.pass_time(hours=49)
    deliver(newsroom, Postman())
    look(newsroom, issue)
    assert set(newsroom.statuses(issue).values()) == {S.FAILED}
    with newsroom.database.reading() as session:
        assert resending.missed(session, session.get_one(Issue, issue.id), now=newsroom.now).late == 2
    again(newsroom, issue)
    deliver(newsroom, Postman())
    assert set(newsroom.statuses(issue).values()) == {S.SENT}
    assert newsroom.issue(issue).expires_at == newsroom.now + timedelta(hours=48)


def test_a_delivery_knows_the_relay_that_took_it(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = newsroom.outgoing(gazette, *readers(2))
    deliver(newsroom, Postman({"reader000@poste.example": "451 4.7.1 later"}))
    with newsroom.database.reading() as session:
        relays = set(session.scalars(select(Delivery.relay_id).where(Delivery.issue_id == issue.id)))
        tried = set(session.scalars(select(DeliveryAttempt.relay_id)))
    assert None not in relays | tried
