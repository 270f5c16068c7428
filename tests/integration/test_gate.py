"""What may leave now: relays, limits and trouble, as several workers share them."""

import random
from collections import Counter
from datetime import datetime, timedelta

import pytest

from newsletter.delivery import lanes, relays
from newsletter.delivery.gate import Gate
from newsletter.delivery.models import Lane, RelayRecord
from newsletter.mail.replies import Phase, Reply, ReplyClass, classify
from newsletter.mail.transport import Outcome, OutcomeKind
from tests.support.newsroom import Newsroom

SENDER, POSTE, WIDE = "gazette.example", "poste.example", "wide.example"
TAKEN = Outcome(OutcomeKind.SENT, Reply(250, "2.0.0", "ok"), Phase.DOT, ReplyClass.ACCEPTED, "250 2.0.0 ok")
STEP = timedelta(milliseconds=250)


def refused(code: int, enhanced: str, phase: Phase, text: str = "no") -> Outcome:
    reply = Reply(code, enhanced, text)
    kind = OutcomeKind.DEFERRED if code < 500 else OutcomeKind.REJECTED
    return Outcome(kind, reply, phase, classify(reply, phase), str(reply))


class Place:
    """Workers at one database, at one moment."""

    def __init__(self, newsroom: Newsroom, *holders: str) -> None:
        self.newsroom = newsroom
        settings = newsroom.here.settings.model_copy(update={"smtp_url": "smtp://relay.example"})
        self.gates = {
            holder: Gate(settings=settings, vault=newsroom.here.vault, rng=random.Random(holder)) for holder in holders
        }
        self.sync()

    @property
    def now(self) -> datetime:
        return self.newsroom.now

    def sync(self, *holders: str) -> None:
        for holder in holders or self.gates:
            with self.newsroom.database.unit() as session:
                self.gates[holder].sync(session, holder=holder, now=self.now)

    def step(self, duration: timedelta = STEP) -> None:
        self.newsroom.now += duration
        self.sync()

    def admit(self, holder: str = "a", domain: str = POSTE, sender: str = SENDER) -> int | None:
        return self.gates[holder].admit(sender_domain=sender, recipient_domain=domain, now=self.now)

    def note(self, outcome: Outcome, relay_id: int, domain: str = POSTE, holder: str = "a") -> None:
        self.gates[holder].note(relay_id, domain, outcome, self.now)

    def lane(self, relay_id: int, domain: str = "") -> lanes.LaneRow:
        with self.newsroom.database.reading() as session:
            return next(row for row in lanes.read(session) if row.key == (relay_id, domain))


@pytest.fixture
def alone(newsroom: Newsroom) -> Place:
    return Place(newsroom, "a")


def limit(place: Place, relay_id: int = 0, domain: str = "", **limits: object) -> None:
    with place.newsroom.database.unit() as session:
        lanes.make(session, [(relay_id, domain)], now=place.now)
        row = session.query(Lane).filter_by(relay_id=relay_id, domain=domain).one()
        for name, value in limits.items():
            setattr(row, name, value)


def add_relay(newsroom: Newsroom, name: str, **values: object) -> int:
    with newsroom.database.unit() as session:
        return relays.create(
            session,
            name=name,
            url=f"smtp://{name}.example",
            vault=newsroom.here.vault,
            actor="test",
            now=newsroom.now,
            **values,
        ).id


def test_a_new_installation_sends_through_the_relay_of_its_settings(alone: Place) -> None:
    ((relay_id, (relay, connections, per_connection)),) = alone.gates["a"].relays().items()
    assert (relay.host, connections, per_connection) == ("relay.example", 16, 0)
    assert alone.admit() == relay_id


def test_the_rate_of_all_mail_is_kept_by_all_workers_together(newsroom: Newsroom) -> None:
    place = Place(newsroom, "a", "b", "c")
    limit(place, per_second=20.0)
    place.step(timedelta(seconds=1))
    sent = 0
    for _ in range(80):
        for holder in place.gates:
            while place.admit(holder) is not None:
                sent += 1
        place.step()
    assert 20 * 18 <= sent <= 20 * 20 + 20


def test_a_limited_domain_does_not_hold_up_the_others(alone: Place) -> None:
    limit(alone, domain=POSTE, per_second=0.5)
    alone.step(timedelta(seconds=2))
    assert alone.admit() is None
    assert all(alone.admit(domain=WIDE) for _ in range(100))
    alone.step()
    assert alone.admit() is not None
    assert alone.admit() is None
    opens = alone.gates["a"].reopens(sender_domain=SENDER, recipient_domain=POSTE, now=alone.now)
    assert alone.now < opens <= alone.now + timedelta(seconds=3)


def test_weights_share_the_mail_out_smoothly(newsroom: Newsroom) -> None:
    one, three = add_relay(newsroom, "one"), add_relay(newsroom, "three", weight=3)
    with newsroom.database.unit() as session:
        session.delete(session.query(RelayRecord).filter_by(name=relays.DEFAULT).one())
    place = Place(newsroom, "a")
    chosen = [place.admit() for _ in range(400)]
    assert Counter(chosen) == {one: 100, three: 300}
    assert all(Counter(chosen[at : at + 8])[one] == 2 for at in range(0, 400, 8))
