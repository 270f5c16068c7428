"""Workers that are killed: what their journal knows, nobody has to guess."""

from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.delivery import claim, journal
from newsletter.delivery.models import DeliveryStatus
from newsletter.mail.replies import Phase, Reply, ReplyClass
from newsletter.mail.transport import Outcome, OutcomeKind
from newsletter.newsletters.models import Newsletter
from tests.support.newsroom import Newsroom

pytestmark = pytest.mark.usefixtures("books")


S = DeliveryStatus
THREE = ("ama@poste.example", "kofi@poste.example", "yao@poste.example")
TAKEN = Outcome(OutcomeKind.SENT, Reply(250, "2.0.0", "queued"), Phase.DOT, ReplyClass.ACCEPTED, "250 2.0.0 queued")
REFUSED = Outcome(
    OutcomeKind.REJECTED, Reply(550, "5.1.1", "no"), Phase.RCPT, ReplyClass.HARD, "550 5.1.1 no such user é"
)


def kept(newsroom: Newsroom) -> list[Path]:
    return sorted(newsroom.journals_at.glob("*.journal"))


def test_each_step_that_a_killed_worker_had_reached_is_known(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = newsroom.outgoing(gazette, *THREE, "adjo@poste.example")
    hand = newsroom.hand()
    first, second, third, fourth = hand.turn(wanted=4)
    hand.journal.leaving(second.slot)
    for item, outcome in ((third, TAKEN), (fourth, REFUSED)):
        hand.journal.leaving(item.slot)
        hand.ended(item, outcome)
    assert set(newsroom.statuses(issue).values()) == {S.SENDING}
    hand.die()
    successor = newsroom.hand()
    again = successor.turn(wanted=4)
    assert {item.delivery_id for item in again} == {first.delivery_id, second.delivery_id}
    rows = {row.id: row for row in newsroom.deliveries(issue).values()}
    assert [(rows[item.delivery_id].status, rows[item.delivery_id].repeated) for item in (first, second)] == [
        (S.SENDING, False),
        (S.SENDING, True),
    ]
    assert rows[first.delivery_id].attempts == 1
    assert rows[second.delivery_id].attempts == 2
    assert (rows[third.delivery_id].status, rows[third.delivery_id].reply) == (S.SENT, "250 2.0.0 queued")
    assert (rows[fourth.delivery_id].status, rows[fourth.delivery_id].reply) == (S.FAILED, REFUSED.detail)


def test_a_worker_that_is_gone_is_succeeded_at_once(newsroom: Newsroom, gazette: Newsletter) -> None:
    newsroom.outgoing(gazette, *THREE)
    hand = newsroom.hand()
    assert len(hand.turn(wanted=3)) == 3
    assert newsroom.hand().turn() == []
    hand.die()
    assert len(newsroom.hand().turn(wanted=3)) == 3


def test_a_worker_that_lives_but_is_late_is_left_alone_for_a_while(newsroom: Newsroom, gazette: Newsletter) -> None:
    newsroom.outgoing(gazette, *THREE)
    hand = newsroom.hand()
    hand.turn()
    newsroom.now += claim.LEASE + claim.GRACE + timedelta(seconds=1)
    assert newsroom.hand().turn() == []
    newsroom.now += claim.LIVING_GRACE
    assert len(newsroom.hand().turn()) == 1


def test_without_the_journal_everything_in_hand_is_in_doubt(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = newsroom.outgoing(gazette, *THREE)
    hand = newsroom.hand()
    hand.turn(wanted=2)
    hand.die()
    (path,) = kept(newsroom)
    path.unlink()
    newsroom.now += claim.LEASE + timedelta(seconds=1)
    assert newsroom.hand().turn() == []
    newsroom.now += claim.GRACE
    newsroom.hand().turn(wanted=3)
    assert [row.repeated for row in newsroom.deliveries(issue).values()] == [True, True, False]


def test_what_was_not_begun_is_given_back_without_an_attempt(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = newsroom.outgoing(gazette, *THREE)
    hand = newsroom.hand()
    for item in hand.turn(wanted=3):
        hand.clerk.give_back(item)
    hand.clerk.stopping = True
    hand.clerk.cycle()
    assert {(row.status, row.attempts) for row in newsroom.deliveries(issue).values()} == {(S.QUEUED, 0)}
    assert hand.clerk.empty


def test_a_database_that_fails_loses_no_outcome(
    newsroom: Newsroom, gazette: Newsletter, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = newsroom.outgoing(gazette, *THREE)
    hand = newsroom.hand()
    (item,) = hand.turn()
    hand.journal.leaving(item.slot)
    hand.ended(item, TAKEN)

    def away(*_: object, **__: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(claim, "renew", away)
        with pytest.raises(ConnectionError):
            hand.turn()
    assert hand.clerk.unwritten == 1
    hand.turn()
    assert hand.clerk.unwritten == 0
    assert list(newsroom.statuses(issue).values()).count(S.SENT) == 1


def test_journals_are_removed_when_nothing_needs_them(tmp_path: Path) -> None:
    living, gone = journal.Journal(tmp_path, 4), journal.Journal(tmp_path, 4)
    gone.take(1)
    gone.close(keep=True)
    assert journal.survey(tmp_path) == ([gone.name], [living.name])
    assert journal.read(tmp_path, gone.name) == {1: journal.Entry(journal.Step.TAKEN)}
    journal.remove(tmp_path, gone.name)
    living.close(keep=False)
    assert journal.survey(tmp_path) == ([], [])
    assert journal.read(tmp_path, gone.name) is None


@pytest.mark.parametrize("text", ["", "x" * 5000, "é" * 900, "\U0001f600" * 400, 'quoted " and \\ and \n'])
@pytest.mark.parametrize("kind", [OutcomeKind.SENT, OutcomeKind.DEFERRED])
def test_any_reply_fits_into_its_place(tmp_path: Path, text: str, kind: OutcomeKind) -> None:
    notes = journal.Journal(tmp_path, 2)
    slot = notes.take(7)
    notes.ended(slot, Outcome(kind, Reply(450, "4.7.1", text), Phase.RCPT, ReplyClass.TEMPORARY, text))
    entries = journal.read(tmp_path, notes.name)
    assert entries is not None
    outcome = entries[7].outcome
    assert outcome is not None
    assert outcome.kind is kind
    assert text.startswith(outcome.detail.strip()) or outcome.detail.strip() in text
    if kind is OutcomeKind.DEFERRED:
        assert (outcome.phase, outcome.reply_class) == (Phase.RCPT, ReplyClass.TEMPORARY)
    notes.close(keep=False)


def test_a_disk_that_is_full_stops_a_worker_before_it_sends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(journal.os, "write", full)
        with pytest.raises(OSError, match="No space"):
            journal.Journal(tmp_path, 4)
    assert journal.survey(tmp_path) == ([], [])
