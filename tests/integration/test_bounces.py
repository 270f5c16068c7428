"""Readers who are refused for good are not written to again, unless a whole domain refuses at once."""

import pytest
from sqlalchemy import select, update

from newsletter.delivery import bounces, tally
from newsletter.delivery.models import Batch, Bounce, BounceFate, DeliveryStatus, SkipReason
from newsletter.newsletters.models import Newsletter
from newsletter.suppression.models import Suppression, SuppressionReason
from tests.support.newsroom import Newsroom
from tests.support.postman import NO_SUCH_USER, SPAM, Postman, deliver, issue_in_waves, readers

pytestmark = pytest.mark.usefixtures("books")


S = DeliveryStatus
AMA, KOFI = "Ama@poste.example", "kofi@poste.example"
LARGE = "large.example"


def suppressed(newsroom: Newsroom) -> list[str]:
    """Addresses that are on the do-not-mail list now."""
    with newsroom.database.reading() as session:
        return sorted(session.scalars(select(Suppression.email_key).where(Suppression.lifted_at.is_(None))))


def fates(newsroom: Newsroom) -> list[BounceFate]:
    with newsroom.database.reading() as session:
        return list(session.scalars(select(Bounce.fate).order_by(Bounce.id)))


def held(newsroom: Newsroom) -> list[tuple[str, int]]:
    with newsroom.database.reading() as session:
        return [(item.domain, item.count) for item in bounces.held(session)]


def test_a_reader_who_does_not_exist_is_not_written_to_again(newsroom: Newsroom, gazette: Newsletter) -> None:
    newsroom.outgoing(gazette, AMA, KOFI)
    deliver(newsroom, Postman({AMA: NO_SUCH_USER}))
    assert suppressed(newsroom) == [AMA.lower()]
    with newsroom.database.reading() as session:
        kept = session.scalars(select(Suppression)).one()
    assert (kept.reason, kept.source) == (SuppressionReason.HARD_BOUNCE, "smtp")
    assert "no such user" in kept.note
    newsroom.pass_time(days=1)
    newsroom.article(gazette, "Une autre nouvelle")
    assert newsroom.freeze(newsroom.draft_issue(gazette)) == 1


def test_what_waits_for_that_reader_elsewhere_is_withdrawn(newsroom: Newsroom, gazette: Newsletter) -> None:
    revue = newsroom.newsletter("revue")
    newsroom.outgoing(gazette, AMA, KOFI)
    other = newsroom.outgoing(revue, AMA)
    with newsroom.database.unit() as session:
        session.execute(update(Batch).where(Batch.issue_id == other.id).values(held=True))
    newsroom.deliver(Postman({AMA: NO_SUCH_USER}))
    row = newsroom.deliveries(other)[AMA]
    assert (row.status, row.skip_reason) == (S.SKIPPED, SkipReason.SUPPRESSED)


@pytest.mark.parametrize(
    "reply",
    [f".{SPAM}", "550 5.7.1 blocked", "550 5.2.1 disabled", "552 5.3.4 too big", "501 5.5.4 syntax", "450 4.2.1 later"],
)
def test_nobody_is_blamed_for_anything_else(newsroom: Newsroom, gazette: Newsletter, reply: str) -> None:
    newsroom.outgoing(gazette, AMA)
    deliver(newsroom, Postman({AMA: reply}))
    assert suppressed(newsroom) == []
    assert fates(newsroom) == []


# Many at once


def outage(newsroom: Newsroom, gazette: Newsletter, *, good: int, bad: int) -> None:
    """An issue to a large provider that denies so many of its mailboxes, after it has taken the others."""
    names = [*readers(good, domain=LARGE, name="good"), *readers(bad, domain=LARGE, name="bad"), KOFI]
    issue_in_waves(newsroom, gazette, names, size=1000, waves=(1,))
    denied = dict.fromkeys(readers(bad, domain=LARGE, name="bad"), NO_SUCH_USER)
    deliver(newsroom, Postman(denied | {KOFI: NO_SUCH_USER}))


def test_a_domain_that_denies_a_hundred_at_once_is_not_believed(newsroom: Newsroom, gazette: Newsletter) -> None:
    outage(newsroom, gazette, good=5, bad=101)
    assert suppressed(newsroom) == [KOFI]
    assert held(newsroom) == [(LARGE, 101)]
    assert set(fates(newsroom)) == {BounceFate.HELD, BounceFate.SUPPRESSED}


def test_ninety_nine_are_believed(newsroom: Newsroom, gazette: Newsletter) -> None:
    outage(newsroom, gazette, good=0, bad=99)
    assert len(suppressed(newsroom)) == 100
    assert held(newsroom) == []


def test_what_is_held_can_be_forgotten(newsroom: Newsroom, gazette: Newsletter) -> None:
    outage(newsroom, gazette, good=0, bad=100)
    with newsroom.database.unit() as session:
        assert bounces.discard_held(session, "elsewhere.example", by="test", now=newsroom.now) == 0
        assert bounces.discard_held(session, LARGE, by="test", now=newsroom.now) == 100
    assert suppressed(newsroom) == [KOFI]
    assert held(newsroom) == []
    newsroom.article(gazette, "Une autre nouvelle")
    newsroom.pass_time(minutes=10)
    newsroom.freeze(newsroom.draft_issue(gazette))
    deliver(newsroom, Postman({readers(1, domain=LARGE, name="bad")[0]: NO_SUCH_USER}))
    assert len(suppressed(newsroom)) == 2, "what was decided about counts no more"


def test_what_is_held_can_be_believed_after_all(newsroom: Newsroom, gazette: Newsletter) -> None:
    outage(newsroom, gazette, good=0, bad=100)
    with newsroom.database.unit() as session:
        assert bounces.apply_held(session, None, by="test", now=newsroom.now) == 100
    assert len(suppressed(newsroom)) == 101
    assert held(newsroom) == []


@pytest.mark.parametrize(
    ("hard", "answered", "expected"),
    [(99, 99, False), (100, 100, True), (100, 500, False), (100, 499, True), (5000, 100_000, False)],
)
def test_when_refusals_are_too_many_to_believe(hard: int, answered: int, expected: bool) -> None:
    assert bounces.trips(hard, answered) is expected


def test_an_outage_late_in_an_issue_is_seen_as_one(newsroom: Newsroom, gazette: Newsletter) -> None:
    """Thousands were taken in the hours before: only what was answered within the hour counts."""
    names = [*readers(3, domain=LARGE, name="early"), *readers(110, domain=LARGE, name="late")]
    issue = issue_in_waves(newsroom, gazette, names, size=1000, waves=(1,))
    with newsroom.database.unit() as session:
        tally.add(session, issue.id, {LARGE: {"sent": 5000}})
    deliver(newsroom, Postman(dict.fromkeys(readers(110, domain=LARGE, name="late"), NO_SUCH_USER)))
    assert held(newsroom) == [(LARGE, 110)]


def test_a_refusal_that_is_told_twice_counts_once(newsroom: Newsroom, gazette: Newsletter) -> None:
    issue = newsroom.outgoing(gazette, AMA)
    delivery = newsroom.deliveries(issue)[AMA]
    refusal = bounces.Refusal(delivery.id, issue.id, AMA, "poste.example", NO_SUCH_USER)
    for expected in ([delivery.subscriber_id], []):
        with newsroom.database.unit() as session:
            assert bounces.take(session, [refusal], now=newsroom.now) == expected
    assert len(fates(newsroom)) == 1
