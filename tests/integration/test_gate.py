"""What may leave now: relays, limits and trouble, as several workers share them."""

import multiprocessing
import random
import time
from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, func, select

from newsletter.core.clock import utc_now
from newsletter.core.database import open_database
from newsletter.core.settings import load_settings
from newsletter.core.tokens import Vault
from newsletter.delivery import days, lanes, limits, relays, warming
from newsletter.delivery.gate import Gate
from newsletter.delivery.models import Exchanger, Lane, LaneShare, RelayRecord
from newsletter.mail.replies import Phase, Reply, ReplyClass, classify
from newsletter.mail.transport import Outcome, OutcomeKind
from tests.support.newsroom import SECRET, Newsroom

SENDER, POSTE, WIDE = "gazette.example", "poste.example", "wide.example"
TAKEN = Outcome(OutcomeKind.SENT, Reply(250, "2.0.0", "ok"), Phase.DOT, ReplyClass.ACCEPTED, "250 2.0.0 ok")
DOWN = Outcome(OutcomeKind.DEFERRED, None, Phase.CONNECT, ReplyClass.LANE, "no connection")
STEP = timedelta(milliseconds=250)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def answer(code: int, enhanced: str, phase: Phase, text: str = "no") -> Outcome:
    reply = Reply(code, enhanced, text)
    kind = OutcomeKind.DEFERRED if code < 500 else OutcomeKind.REJECTED
    return Outcome(kind, reply, phase, classify(reply, phase), str(reply))


CLOSING = answer(421, "4.3.2", Phase.RCPT)
GREYLISTED = answer(450, "4.7.1", Phase.RCPT)
BLOCKED = answer(550, "5.7.1", Phase.DOT, "blocked for its reputation")
NO_LOGIN = answer(535, "5.7.8", Phase.AUTH)
UNKNOWN_USER = answer(550, "5.1.1", Phase.RCPT)


class Place:
    """Workers at one database, at one moment. Worker `a` is meant where none is named."""

    def __init__(self, newsroom: Newsroom, *holders: str) -> None:
        self.newsroom = newsroom
        self.settings = newsroom.here.settings.model_copy(update={"smtp_url": "smtp://relay.example"})
        self.gates: dict[str, Gate] = {}
        self.enter(*holders)

    def enter(self, *holders: str) -> None:
        for holder in holders:
            self.gates[holder] = Gate(settings=self.settings, vault=self.newsroom.here.vault, rng=random.Random(holder))
        self.sync()

    @property
    def now(self) -> datetime:
        return self.newsroom.now

    def sync(self, *holders: str) -> None:
        for holder in holders or self.gates:
            with self.newsroom.database.unit() as session:
                self.gates[holder].sync(session, holder=holder, now=self.now)

    def step(self, duration: timedelta = STEP) -> None:
        """Time passes, and every worker has its exchange."""
        self.newsroom.now += duration
        self.sync()

    def admit(self, domain: str = POSTE, *, holder: str = "a", sender: str = SENDER) -> int | None:
        return self.gates[holder].admit(sender_domain=sender, recipient_domain=domain, now=self.now)

    def admit_all(self, domain: str = POSTE, *, holder: str = "a", most: int = 1000) -> int:
        """How many may leave at this moment."""
        return next((count for count in range(most) if self.admit(domain, holder=holder) is None), most)

    def opens(self, domain: str = POSTE, *, holder: str = "a") -> timedelta:
        gate = self.gates[holder]
        return gate.reopens(sender_domain=SENDER, recipient_domain=domain, now=self.now) - self.now

    def try_after(self, duration: timedelta) -> int | None:
        """Come back later, and once more after an exchange, as a batch does."""
        self.newsroom.now += duration
        if (relay_id := self.admit()) is None:
            self.step()
            relay_id = self.admit()
        return relay_id

    def send(self, outcome: Outcome = TAKEN, domain: str = POSTE, *, times: int = 1, holder: str = "a") -> None:
        """Admit messages that end at once."""
        for _ in range(times):
            relay_id = self.admit(domain, holder=holder)
            assert relay_id is not None
            self.gates[holder].note(relay_id, domain, outcome, self.now)

    def connections(self, holder: str = "a") -> list[int]:
        return [connections for _relay, connections, _each in self.gates[holder].relays().values()]

    def lane(self, relay_id: int, domain: str = "") -> Lane | None:
        with self.newsroom.database.reading() as session:
            return session.scalar(select(Lane).where(Lane.relay_id == relay_id, Lane.domain == domain))

    def limit(self, relay_id: int = 0, domain: str = "", **values: float | None) -> None:
        with self.newsroom.database.unit() as session:
            limits.set_limits(session, relay_id, domain, limits=dict(values), actor="test", now=self.now)
        self.step(SECOND)

    def paused(self) -> list[limits.PausedLane]:
        with self.newsroom.database.reading() as session:
            return limits.paused(session)


@pytest.fixture
def alone(newsroom: Newsroom) -> Place:
    return Place(newsroom, "a")


@pytest.fixture
def default(alone: Place) -> int:
    """The id of the relay of the settings."""
    found = alone.admit()
    assert found is not None
    return found


def add_relay(newsroom: Newsroom, name: str, **values: object) -> int:
    with newsroom.database.unit() as session:
        given = {"vault": newsroom.here.vault, "actor": "test", "now": newsroom.now}
        return relays.create(session, name=name, url=f"smtp://{name}.example", **given, **values).id  # type: ignore[arg-type]


def only(newsroom: Newsroom, *kept: int) -> None:
    with newsroom.database.unit() as session:
        for record in relays.all_relays(session):
            if record.id not in kept:
                session.delete(record)


# Relays


def test_a_new_installation_sends_through_the_relay_of_its_settings(alone: Place) -> None:
    ((relay_id, (relay, connections, per_connection)),) = alone.gates["a"].relays().items()
    assert (relay.host, connections, per_connection) == ("relay.example", 16, 0)
    assert alone.admit() == relay_id


def test_without_any_relay_nothing_is_admitted_and_nothing_breaks(newsroom: Newsroom) -> None:
    settings = newsroom.here.settings.model_copy(update={"smtp_url": ""})
    gate = Gate(settings=settings, vault=newsroom.here.vault, rng=random.Random(1))
    with newsroom.database.unit() as session:
        gate.sync(session, holder="a", now=newsroom.now)
    assert gate.admit(sender_domain=SENDER, recipient_domain=POSTE, now=newsroom.now) is None
    assert gate.reopens(sender_domain=SENDER, recipient_domain=POSTE, now=newsroom.now) > newsroom.now
    assert dict(gate.relays()) == {}


def test_the_local_mailbox_gets_nothing_once_a_real_relay_is_named(newsroom: Newsroom) -> None:
    (newsroom.here.settings.data_dir / "up.json").write_text('{"mailbox_port": 2525}')
    place = Place(newsroom, "a")
    place.settings = place.settings.model_copy(update={"smtp_url": ""})
    place.enter("a")
    assert [relay.host for relay, *_ in place.gates["a"].relays().values()] == ["127.0.0.1"]
    real = add_relay(newsroom, "real")
    place.step(2 * SECOND)
    assert list(place.gates["a"].relays()) == [real]


def test_weights_share_the_mail_out_smoothly(newsroom: Newsroom) -> None:
    one, three = add_relay(newsroom, "one"), add_relay(newsroom, "three", weight=3)
    only(newsroom, one, three)
    place = Place(newsroom, "a")
    chosen = [place.admit() for _ in range(400)]
    assert Counter(chosen) == {one: 100, three: 300}
    assert all(Counter(chosen[at : at + 8])[one] == 2 for at in range(0, 400, 8))


def test_a_sender_with_a_relay_of_its_own_uses_that_and_others_do_not(newsroom: Newsroom) -> None:
    own = add_relay(newsroom, "own", senders=["Desk@Gazette.Example"])
    place = Place(newsroom, "a")
    assert {place.admit() for _ in range(20)} == {own}
    assert own not in {place.admit(sender="other.example") for _ in range(20)}


def test_a_relay_that_does_not_answer_is_left_to_another_and_tried_again(newsroom: Newsroom) -> None:
    main, spare = add_relay(newsroom, "main"), add_relay(newsroom, "spare", standby=True)
    only(newsroom, main, spare)
    place = Place(newsroom, "a")
    assert {place.admit() for _ in range(20)} == {main}
    place.gates["a"].note(main, POSTE, DOWN, place.now)
    assert place.admit() == spare, "at once, without waiting for an exchange"
    for _ in range(12):
        place.step()
        assert place.admit() == spare
    place.step(MINUTE)
    assert place.admit() == main


def test_a_relay_that_refuses_our_login_is_paused_and_its_reply_kept(newsroom: Newsroom) -> None:
    main, spare = add_relay(newsroom, "main"), add_relay(newsroom, "spare", standby=True)
    only(newsroom, main, spare)
    place = Place(newsroom, "a", "b")
    for _ in range(8):
        place.step()
    place.send(NO_LOGIN)
    place.step()
    assert [(lane.relay, lane.domain, lane.reply) for lane in place.paused()] == [("main", "", NO_LOGIN.detail)]
    place.step(SECOND)
    assert {place.admit(holder=holder) for holder in "ab" for _ in range(5)} == {spare}


def test_one_message_probes_a_paused_relay_and_opens_it(alone: Place, default: int) -> None:
    alone.enter("b")
    alone.send(NO_LOGIN)
    alone.step()
    for _ in range(12):
        assert alone.try_after(MINUTE) is None
    alone.newsroom.now += 5 * MINUTE
    admitted = []
    for _ in range(8):
        alone.step()
        admitted += [
            (holder, relay_id) for holder in "ab" for _ in range(3) if (relay_id := alone.admit(holder=holder))
        ]
    assert len(admitted) == 1
    ((holder, relay_id),) = admitted
    alone.gates[holder].note(relay_id, POSTE, TAKEN, alone.now)
    alone.step()
    alone.step(SECOND)
    assert alone.paused() == []
    for _ in range(10):
        alone.step()
    assert alone.admit()
    assert alone.admit(holder="b")


def test_a_probe_that_is_refused_waits_twice_as_long(alone: Place, default: int) -> None:
    alone.send(NO_LOGIN)
    waits = []
    for _ in range(3):
        alone.step()
        began = alone.now
        while (relay_id := alone.try_after(timedelta(seconds=20))) is None:
            assert alone.now < began + timedelta(hours=2)
        waits.append((alone.now - began) / MINUTE)
        alone.gates["a"].note(relay_id, POSTE, NO_LOGIN, alone.now)
    assert waits == pytest.approx([15, 30, 60], rel=0.15)


def test_a_probe_that_meets_an_unknown_reader_shows_that_the_relay_takes_us(alone: Place, default: int) -> None:
    alone.send(NO_LOGIN)
    alone.step()
    began = alone.now
    while (relay_id := alone.try_after(MINUTE)) is None:
        assert alone.now < began + timedelta(hours=1)
    alone.gates["a"].note(relay_id, POSTE, UNKNOWN_USER, alone.now)
    alone.step()
    assert alone.paused() == []


# Domains


def test_a_domain_that_blocks_us_three_times_in_a_row_is_paused_alone(alone: Place, default: int) -> None:
    alone.send(BLOCKED, times=2)
    alone.send(TAKEN)
    alone.send(BLOCKED, times=2)
    alone.step()
    assert alone.paused() == []
    alone.send(BLOCKED)
    alone.step()
    assert [(lane.relay, lane.domain, lane.by_hand) for lane in alone.paused()] == [("default", POSTE, False)]
    assert alone.admit() is None
    assert alone.admit(WIDE) == default
    assert timedelta(minutes=4) < alone.opens() <= timedelta(minutes=17)


def test_a_domain_that_closes_the_door_is_slowed_down_and_the_others_are_not(alone: Place, default: int) -> None:
    alone.send(TAKEN, times=40)
    alone.step(4 * SECOND)
    for _ in range(20):
        alone.gates["a"].note(default, POSTE, CLOSING, alone.now)
    alone.step()
    assert alone.admit() is None
    assert timedelta(seconds=5) < alone.opens() < timedelta(seconds=15)
    assert alone.admit_all(WIDE) == 1000
    assert (lane := alone.lane(default, POSTE)) is not None
    assert (lane.pace, lane.paused_at) == (0.5, None)
    assert lane.rate == pytest.approx(9.4, rel=0.1), "ten a second went well before"
    alone.step(15 * SECOND)
    sent = 0
    for _ in range(240):
        while (relay_id := alone.admit()) is not None:
            sent += 1
            alone.gates["a"].note(relay_id, POSTE, TAKEN, alone.now)
            assert sent < 10_000
        if alone.lane(default, POSTE).rate is None:  # type: ignore[union-attr]
            break
        alone.step()
    assert 200 < sent < 4000


def test_a_few_greylisted_readers_close_nothing_and_many_of_many_do(alone: Place, default: int) -> None:
    alone.send(TAKEN, times=30)
    alone.send(GREYLISTED, times=20)
    alone.step()
    assert alone.lane(default, POSTE) is None
    alone.send(GREYLISTED, times=20)
    alone.step()
    assert alone.admit() is None


def test_a_single_greylisted_message_closes_nothing(alone: Place, default: int) -> None:
    alone.send(GREYLISTED)
    alone.step()
    assert alone.admit() == default


def test_trouble_with_many_domains_at_once_is_the_relays(alone: Place, default: int) -> None:
    full = answer(452, "4.3.1", Phase.RCPT, "insufficient system storage")
    for domain in ("one.example", "two.example", "three.example"):
        alone.send(full, domain)
    alone.step()
    assert alone.admit("four.example") is None


def test_a_domain_without_limit_or_trouble_has_no_row(alone: Place) -> None:
    for number in range(200):
        alone.send(TAKEN, f"domain{number}.example")
    alone.send(UNKNOWN_USER, WIDE)
    alone.send(GREYLISTED, WIDE)
    alone.step(SECOND)
    with alone.newsroom.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Lane)) == 1


def test_a_quiet_lane_is_forgotten_after_a_day_and_a_limited_one_is_not(alone: Place, default: int) -> None:
    alone.limit(domain=WIDE, per_second=1.0)
    alone.send(CLOSING)
    alone.step()
    assert alone.lane(default, POSTE)
    alone.newsroom.pass_time(days=2)
    with alone.newsroom.database.unit() as session:
        lanes.forget_quiet(session, now=alone.now)
    alone.step(2 * SECOND)
    assert alone.lane(default, POSTE) is None
    assert alone.lane(0, WIDE) is not None
    assert alone.admit() == default


def test_domains_with_the_same_exchangers_share_a_lane_when_asked(newsroom: Newsroom) -> None:
    with newsroom.database.unit() as session:
        relays.ensure_default(session, now=newsroom.now)
        session.query(RelayRecord).one().group_exchangers = True
        for domain in (POSTE, WIDE):
            session.add(Exchanger(domain=domain, exchanger="google.com", looked_up_at=newsroom.now))
    place = Place(newsroom, "a")
    place.limit(domain="google.com", per_second=4.0)
    place.admit_all("elsewhere.example")  # asked for, and not known yet
    assert None not in (place.admit(POSTE), place.admit(WIDE)), "not known yet either: by its own name"
    place.step(SECOND)
    assert place.admit(POSTE) is None
    assert place.admit(WIDE) is None
    place.step()
    assert place.admit_all(POSTE) + place.admit_all(WIDE) in range(1, 5)
    with newsroom.database.reading() as session:
        assert session.get_one(Exchanger, "elsewhere.example").exchanger is None


# Limits


def test_the_rate_of_all_mail_is_kept_by_all_workers_together(newsroom: Newsroom) -> None:
    place = Place(newsroom, "a", "b", "c")
    place.limit(per_second=20.0)
    sent = 0
    for _ in range(80):
        sent += sum(place.admit_all(holder=holder) for holder in "abc")
        place.step()
    assert 20 * 18 <= sent <= 20 * 20 + 20


def test_a_limited_domain_does_not_hold_up_the_others(alone: Place) -> None:
    alone.limit(domain=POSTE, per_second=0.5)
    assert alone.admit() is None
    assert alone.admit_all(WIDE) == 1000
    alone.step()
    assert alone.admit() is not None
    assert alone.admit() is None
    assert STEP < alone.opens() <= 3 * SECOND


def test_those_who_come_back_for_a_slow_lane_are_told_one_moment_after_the_other(alone: Place) -> None:
    alone.limit(domain=POSTE, per_second=1.0)
    alone.admit()
    alone.step()
    alone.admit_all()
    alone.step()
    waits = []
    for _ in range(20):
        alone.newsroom.now += timedelta(milliseconds=1)
        waits.append(alone.opens())
    assert waits == sorted(waits)
    assert 18 * SECOND < waits[-1] < 22 * SECOND
    assert alone.opens() == waits[-1], "asked again at the same moment"


def test_a_day_s_cap_ends_with_the_day(alone: Place) -> None:
    alone.limit(per_day=30)
    sent = 0
    for _ in range(20):
        sent += alone.admit_all()
        alone.step()
    assert sent == 30
    assert alone.opens() <= timedelta(minutes=5), "looked at again from time to time"
    alone.newsroom.now = alone.now.replace(hour=23, minute=59, second=59)
    alone.step(2 * SECOND)
    alone.admit()
    alone.step()
    assert alone.admit() is not None


def test_a_relay_that_warms_up_takes_its_share_of_the_day_and_the_others_the_rest(newsroom: Newsroom) -> None:
    new = add_relay(newsroom, "new", warm_up=[50, 100], warm_up_since=newsroom.now)
    place = Place(newsroom, "a")
    taken: list[int | None] = []
    for day in (50, 100):
        for _ in range(40):
            taken += [place.admit() for _ in range(20)]
            place.step()
        assert Counter(taken)[new] == day
        assert Counter(taken)[None] < 60
        taken.clear()
        answered = days.Sums()
        answered.add(POSTE, new, "sent", day)
        with newsroom.database.unit() as session:
            days.write(session, answered, now=place.now)
        newsroom.pass_time(days=1)
        with newsroom.database.unit() as session:
            warming.review(session, now=place.now)
        place.step()


def test_places_of_a_domain_are_shared_by_workers_and_never_more_are_used(newsroom: Newsroom) -> None:
    place = Place(newsroom, "a", "b")
    for _ in range(8):
        place.step()
    place.limit(domain=POSTE, concurrency=5)
    under_way: Counter[str] = Counter()
    for _ in range(3):
        for holder in "ab":
            under_way[holder] += place.admit_all(holder=holder)
        place.step()
    assert under_way.total() == 5
    (relay_id,) = place.gates["a"].relays()
    for _ in range(10):
        for holder in "ab":
            if under_way[holder]:
                place.gates[holder].note(relay_id, POSTE, TAKEN, place.now)
                under_way[holder] -= 1
            under_way[holder] += place.admit_all(holder=holder)
        assert under_way.total() <= 5
        place.step()
    assert sorted(under_way.values()) == [2, 3]


def test_what_was_given_back_can_be_used_again(alone: Place) -> None:
    alone.limit(domain=POSTE, per_second=0.1, concurrency=1)
    alone.admit()
    alone.step()
    relay_id = alone.admit()
    assert relay_id is not None
    assert alone.admit() is None
    alone.gates["a"].give_back(relay_id, POSTE)
    alone.step()
    assert alone.admit() is not None
    assert alone.admit() is None


def test_connections_are_shared_by_the_workers_that_live(newsroom: Newsroom) -> None:
    place = Place(newsroom, "a")
    assert place.connections() == [16]
    place.enter("b")
    for _ in range(40):
        place.step()
    assert place.connections("a") == place.connections("b") == [8]
    del place.gates["b"]
    place.step(5 * SECOND)
    assert place.connections() == [8]
    for _ in range(4):
        place.step(4 * SECOND)
    assert place.connections() == [16]


def test_more_workers_than_connections_take_turns(newsroom: Newsroom) -> None:
    with newsroom.database.unit() as session:
        relays.ensure_default(session, now=newsroom.now)
        session.query(RelayRecord).one().connections = 1
    place = Place(newsroom, "a", "b", "c")
    had: Counter[str] = Counter()
    for _ in range(300):
        place.step(3 * SECOND)
        now = [holder for holder in "abc" if place.connections(holder) == [1]]
        assert len(now) <= 1
        had.update(now)
    assert len(had) == 3
    assert sum(had.values()) > 250


def test_a_worker_that_died_keeps_its_places_for_its_lease_only(newsroom: Newsroom) -> None:
    place = Place(newsroom, "a", "b")
    place.limit(domain=POSTE, concurrency=4, per_second=4.0)
    for _ in range(4):
        place.admit_all(), place.admit_all(holder="b")
        place.step()
    del place.gates["b"]
    relay_id = next(iter(place.gates["a"].relays()))
    for _ in range(60):
        place.step()
        while place.admit() is not None:
            place.gates["a"].note(relay_id, POSTE, TAKEN, place.now)
            place.newsroom.now += timedelta(milliseconds=1)
    held = 0
    for _ in range(12):
        held += place.admit_all()
        place.step()
    assert held >= 2, "its share, and those of the dead"
    place.step(lanes.LEASE)
    with newsroom.database.unit() as session:
        lanes.forget_quiet(session, now=place.now)
        assert set(session.scalars(select(LaneShare.holder))) == {"a"}


# By hand


def test_a_lane_paused_by_hand_stays_so_until_a_hand_opens_it(alone: Place, default: int) -> None:
    with alone.newsroom.database.unit() as session:
        limits.pause(session, 0, POSTE, actor="test", now=alone.now)
    alone.step(SECOND)
    for _ in range(30):
        assert alone.admit() is None
        assert alone.admit(WIDE) == default
        alone.step(timedelta(hours=1))
    (lane,) = alone.paused()
    assert lane.by_hand
    with alone.newsroom.database.unit() as session:
        limits.resume(session, lane.id, actor="test", now=alone.now)
    alone.step(SECOND)
    assert alone.admit() == default


def test_all_mail_can_be_paused(alone: Place) -> None:
    with alone.newsroom.database.unit() as session:
        limits.pause(session, 0, "", actor="test", now=alone.now)
    alone.step(SECOND)
    assert alone.admit(WIDE) is None


def test_a_relay_that_was_resumed_is_not_paused_again_for_what_it_said_before(alone: Place, default: int) -> None:
    alone.send(BLOCKED, times=3)
    alone.step()
    (lane,) = alone.paused()
    for _ in range(5):  # these were on their way when it was paused
        alone.gates["a"].note(default, POSTE, BLOCKED, alone.now)
    with alone.newsroom.database.unit() as session:
        limits.resume(session, lane.id, actor="test", now=alone.now)
    alone.step(SECOND)
    alone.send(BLOCKED)
    alone.step()
    assert alone.paused() == []


# Clocks, failures, processes


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)])
def test_a_clock_that_jumps_makes_no_flood_and_no_standstill(alone: Place, default: int, jump: timedelta) -> None:
    alone.limit(per_second=10.0)
    alone.send(CLOSING, WIDE) if alone.admit() else None
    for _ in range(8):
        alone.admit_all()
        alone.step()
    alone.newsroom.now += jump
    sent = 0
    for _ in range(40):
        sent += alone.admit_all()
        alone.step()
    assert 80 <= sent <= 10 * 10 + 20
    alone.step(3 * MINUTE)
    alone.admit(WIDE)
    alone.step()
    assert alone.admit(WIDE) == default


def test_an_exchange_that_is_rolled_back_grants_nothing(alone: Place) -> None:
    alone.limit(per_second=5.0)
    alone.admit()
    alone.newsroom.now += STEP
    with alone.newsroom.database.unit() as session:
        alone.gates["a"].sync(session, holder="a", now=alone.now)
        session.rollback()
    assert alone.admit() is None
    alone.step()
    assert alone.admit() is not None


def test_a_relay_with_nothing_to_share_is_not_written_about(alone: Place) -> None:
    statements: list[str] = []
    engine = alone.newsroom.database.engine

    def keep(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement.split(maxsplit=1)[0])

    event.listen(engine, "before_cursor_execute", keep)
    for _ in range(12):
        alone.send(TAKEN, times=50)
        alone.step()
    event.remove(engine, "before_cursor_execute", keep)
    written = Counter(word for word in statements if word not in ("SELECT", "BEGIN"))
    assert sum(written.values()) <= 1
    assert len(statements) < 60


RATE, SECONDS = 40.0, 4.0


def send_for_a_while(url: str, holder: str, dies: bool, counted: object) -> None:
    """What a worker process does, as fast as it may; one that dies does so with tokens in its hands."""
    database = open_database(url)
    settings = load_settings({"NEWSLETTER_SMTP_URL": "smtp://relay.example"}, env_file=None)
    gate = Gate(settings=settings, vault=Vault(SECRET), rng=random.Random(holder))
    ends = time.monotonic() + (SECONDS / 2 if dies else SECONDS)
    while time.monotonic() < ends:
        with database.unit() as session:
            gate.sync(session, holder=holder, now=utc_now())
        while gate.admit(sender_domain=SENDER, recipient_domain=POSTE, now=utc_now()) is not None:
            if dies and time.monotonic() > ends - 0.2:
                break
            with counted.get_lock():  # type: ignore[attr-defined]
                counted.value += 1  # type: ignore[attr-defined]
        time.sleep(0.05)


def test_processes_keep_one_rate_together_even_when_some_die(newsroom: Newsroom, database_url: str) -> None:
    place = Place(newsroom, "a")
    place.limit(per_second=RATE)
    with newsroom.database.unit() as session:
        session.query(Lane).update({"refilled_at": utc_now(), "tokens": 0.0})
        session.query(LaneShare).delete()
    context = multiprocessing.get_context("spawn")
    counted = context.Value("i", 0)
    workers = [
        context.Process(target=send_for_a_while, args=(database_url, f"worker {number}", number == 0, counted))
        for number in range(3)
    ]
    began = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    elapsed = time.monotonic() - began
    assert RATE * SECONDS * 0.5 <= counted.value <= RATE * (elapsed + 1)
