"""What comes back from a domain slows its mail down, stops it, and lets a relay's warm-up go on or not."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEvent
from newsletter.delivery import days as counting
from newsletter.delivery import domain_figures, lanes, limits, relays, reviewing, throttle, warming
from newsletter.delivery.domain_models import DomainStanding
from newsletter.delivery.gate import Gate
from newsletter.delivery.models import RelayRecord
from newsletter.delivery.reputation import Verdict
from newsletter.newsletters.models import Newsletter
from tests.support.mailers import TAKEN
from tests.support.newsroom import Newsroom
from tests.support.postman import Postman, readers

LARGE = "gmail.com"
DAY = timedelta(days=1)


def relay(newsroom: Newsroom, **values: Any) -> int:
    with newsroom.database.unit() as session:
        record = relays.by_name(session, relays.DEFAULT, now=newsroom.now)
        if values:
            relays.change(session, record, vault=newsroom.here.vault, actor="test", now=newsroom.now, **values)
        return record.id


def count(newsroom: Newsroom, domain: str = LARGE, *, relay_id: int = 0, **counts: int) -> None:
    """So much was answered or came back."""
    sums = counting.Sums()
    for kind, number in counts.items():
        sums.add(domain, relay_id, kind, number)
    with newsroom.database.unit() as session:
        counting.write(session, sums, now=newsroom.now)


def review(newsroom: Newsroom) -> dict[str, Verdict]:
    with newsroom.database.unit() as session:
        found = reviewing.review(session, now=newsroom.now, rng=newsroom.rng)
    return {domain: opinion.verdict for domain, opinion in found.items() if opinion.verdict is not Verdict.FINE}


def lane(newsroom: Newsroom, domain: str = LARGE) -> throttle.State | None:
    with newsroom.database.reading() as session:
        return next((row.state for row in lanes.read(session) if row.domain == domain), None)


def leave(newsroom: Newsroom, domains: list[str], *, seconds: int) -> Counter[str]:
    """How many messages to each domain one worker lets leave in a time; each is taken at once."""
    settings = newsroom.here.settings.model_copy(update={"smtp_url": "smtp://relay.example"})
    gate, left, waiting = Gate(settings=settings, vault=newsroom.here.vault, rng=newsroom.rng), Counter[str](), domains
    for _ in range(seconds * 4):
        with newsroom.database.unit() as session:
            gate.sync(session, holder="a", now=newsroom.now)
        later = []
        for domain in waiting:
            relay_id = gate.admit(sender_domain="gazette.example", recipient_domain=domain, now=newsroom.now)
            if relay_id is None:
                later.append(domain)
            else:
                gate.note(relay_id, domain, TAKEN, newsroom.now)
                left[domain] += 1
        waiting = later
        newsroom.pass_time(seconds=0.25)
    return left


def events(newsroom: Newsroom, actor: str) -> list[tuple[str, Any]]:
    query = select(AuditEvent).where(AuditEvent.actor == actor).order_by(AuditEvent.id)
    with newsroom.database.reading() as session:
        return [(event.action, event.details) for event in session.scalars(query)]


def test_a_domain_that_takes_its_mail_is_not_even_noted(newsroom: Newsroom) -> None:
    count(newsroom, relay_id=relay(newsroom), sent=5000, hard=20, deferred=900)
    count(newsroom, complained=4)
    assert review(newsroom) == {}
    with newsroom.database.reading() as session:
        assert session.scalars(select(DomainStanding)).all() == []
    assert lane(newsroom) is None


def test_a_storm_of_complaints_slows_and_then_stops(newsroom: Newsroom) -> None:
    relay_id = relay(newsroom)
    count(newsroom, relay_id=relay_id, sent=4000)
    newsroom.pass_time(minutes=1)
    count(newsroom, relay_id=relay_id, sent=1000)
    count(newsroom, complained=12)
    assert review(newsroom) == {LARGE: Verdict.SLOW_DOWN}
    slowed = lane(newsroom)
    assert slowed is not None
    assert (slowed.pace, slowed.steady_until) == (0.5, newsroom.now + timedelta(hours=1))
    assert slowed.rate == pytest.approx(5000 / 60)
    # The same evidence slows nothing down twice.
    newsroom.pass_time(minutes=1)
    review(newsroom)
    assert lane(newsroom) == slowed
    newsroom.pass_time(minutes=1)
    count(newsroom, relay_id=relay_id, sent=1000)
    count(newsroom, complained=10)
    assert review(newsroom) == {LARGE: Verdict.STOP}
    with newsroom.database.reading() as session:
        (paused,) = limits.paused(session)
    said = "10 of 1,000 readers have called it spam lately: 1%."
    assert (paused.domain, paused.reply, paused.next_probe_at) == (LARGE, said, None)
    assert not paused.by_hand
    assert [action for action, _details in events(newsroom, "reputation")] == ["lane.slowed", "lane.paused"]
    assert events(newsroom, "reputation")[0][1]["count"] == 12


def test_what_a_person_opens_again_stays_open_for_the_same_evidence(newsroom: Newsroom) -> None:
    count(newsroom, relay_id=relay(newsroom), sent=1000)
    count(newsroom, complained=30)
    assert review(newsroom) == {LARGE: Verdict.STOP}
    with newsroom.database.unit() as session:
        limits.resume(session, limits.paused(session)[0].id, actor="test", now=newsroom.now)
    newsroom.pass_time(minutes=1)
    assert review(newsroom) == {LARGE: Verdict.STOP}  # it is still what it is
    with newsroom.database.reading() as session:
        assert limits.paused(session) == []


def test_readers_of_a_domain_that_was_stopped_wait_and_others_do_not(newsroom: Newsroom, gazette: Newsletter) -> None:
    relay_id = relay(newsroom)
    count(newsroom, relay_id=relay_id, sent=1000)
    count(newsroom, complained=30)
    review(newsroom)
    issue = newsroom.outgoing(gazette, *readers(2), *readers(2, domain=LARGE))
    postman = Postman()
    newsroom.hand().deliver(postman)
    assert sorted(postman.recipients) == readers(2)
    newsroom.pass_time(minutes=40)  # no probe opens it
    assert newsroom.hand().deliver(postman) == 0
    with newsroom.database.unit() as session:
        limits.resume(session, limits.paused(session)[0].id, actor="test", now=newsroom.now)
    newsroom.hand().deliver(postman)
    assert set(newsroom.statuses(issue).values()) == {"sent"}


def test_a_slowed_domain_does_not_grow_within_the_hour(newsroom: Newsroom) -> None:
    relay_id = relay(newsroom)
    count(newsroom, relay_id=relay_id, sent=2000, hard=120)
    assert review(newsroom) == {LARGE: Verdict.SLOW_DOWN}
    slowed = lane(newsroom)
    assert leave(newsroom, [LARGE] * 40, seconds=5)[LARGE] == 40
    now = lane(newsroom)
    assert slowed is not None
    assert now is not None
    assert (now.pace, now.rate) == (slowed.pace, slowed.rate)
    assert throttle.speed_up(now, binding=False, now=newsroom.now + timedelta(hours=2)).pace > 0.5


def test_deferrals_are_left_to_the_sending_processes(newsroom: Newsroom) -> None:
    count(newsroom, relay_id=relay(newsroom), sent=10, deferred=500)
    assert review(newsroom) == {LARGE: Verdict.SLOW_DOWN}
    assert lane(newsroom) is None


def test_a_standing_ends_when_the_days_are_over(newsroom: Newsroom) -> None:
    count(newsroom, relay_id=relay(newsroom), sent=1000)
    count(newsroom, complained=30)
    review(newsroom)
    newsroom.pass_time(days=8)
    assert review(newsroom) == {}
    with newsroom.database.reading() as session:
        assert domain_figures.standings(session) == {}


def test_relays_that_count_by_exchangers_are_slowed_by_exchangers(newsroom: Newsroom) -> None:
    from newsletter.delivery import exchangers  # noqa: PLC0415 - only here

    relay_id = relay(newsroom, group_exchangers=True)
    with newsroom.database.unit() as session:
        exchangers.request(session, [LARGE])
    exchangers.look_up_due(newsroom.database, lambda _domain: "google.com", now=newsroom.now)
    count(newsroom, relay_id=relay_id, sent=2000, hard=120)
    review(newsroom)
    assert lane(newsroom) is None
    found = lane(newsroom, "google.com")
    assert found is not None
    assert found.pace == 0.5


# Warm-up


PLAN = [100, 200, 400, 800]


def day_ends(newsroom: Newsroom) -> None:
    newsroom.pass_time(days=1)
    with newsroom.database.unit() as session:
        warming.review(session, now=newsroom.now)


def allowance(newsroom: Newsroom, domain: str = "") -> int | None:
    found = lane(newsroom, domain)
    return found.allowance if found else None


def warm_up(newsroom: Newsroom) -> int:
    return relay(newsroom, warm_up=PLAN, warm_up_since=newsroom.now)


def test_a_good_week_warms_up(newsroom: Newsroom) -> None:
    relay_id = warm_up(newsroom)
    seen = []
    while (allowed := allowance(newsroom)) is not None:
        seen.append(allowed)
        count(newsroom, "poste.example", relay_id=relay_id, sent=allowed)
        day_ends(newsroom)
    assert seen == PLAN
    with newsroom.database.reading() as session:
        record = session.get_one(RelayRecord, relay_id)
        assert (record.warm_up, warming.standings(session)) == ([], [])
        assert relays.cap_of_day(record, throttle.State(), newsroom.now) is None
    moves = [(action, details["before"], details["after"]) for action, details in events(newsroom, "warm-up")]
    assert moves == [
        ("relay.warm_up_moved", 100, 200),
        ("relay.warm_up_moved", 200, 400),
        ("relay.warm_up_moved", 400, 800),
        ("relay.warm_up_ended", 800, None),
    ]


def test_a_day_without_mail_teaches_nothing(newsroom: Newsroom) -> None:
    warm_up(newsroom)
    for _day in range(5):
        day_ends(newsroom)
    assert allowance(newsroom) == 100
    assert events(newsroom, "warm-up") == []


def test_a_bad_day_holds_a_doubtful_one_goes_half_a_step_and_complaints_go_back(newsroom: Newsroom) -> None:
    relay_id = warm_up(newsroom)
    count(newsroom, relay_id=relay_id, sent=100)
    day_ends(newsroom)
    count(newsroom, relay_id=relay_id, sent=170, hard=30)
    day_ends(newsroom)
    assert allowance(newsroom) == 200
    assert allowance(newsroom, "@gmail") == 170
    count(newsroom, "poste.example", relay_id=relay_id, sent=390, hard=10)
    day_ends(newsroom)
    assert allowance(newsroom) == 300
    count(newsroom, "poste.example", relay_id=relay_id, sent=300)
    count(newsroom, "poste.example", complained=6)
    day_ends(newsroom)
    assert allowance(newsroom) == 100
    whys = [details["why"] for _action, details in events(newsroom, "warm-up") if not details["provider"]]
    assert whys == ["good", "bad", "doubtful", "complaints"]


def test_complaints_about_a_weekly_letter_count_on_the_days_after(newsroom: Newsroom) -> None:
    relay_id = warm_up(newsroom)
    for _day in range(3):
        count(newsroom, "poste.example", relay_id=relay_id, sent=allowance(newsroom) or 0)
        day_ends(newsroom)
    assert allowance(newsroom) == 800
    count(newsroom, "poste.example", complained=8)
    day_ends(newsroom)
    assert allowance(newsroom) == 200


def test_complaints_are_shared_out_among_relays_by_what_each_has_sent(newsroom: Newsroom) -> None:
    new, old = warm_up(newsroom), 77
    count(newsroom, "poste.example", relay_id=old, sent=99_900)
    count(newsroom, "poste.example", relay_id=new, sent=100)
    count(newsroom, "poste.example", complained=40)
    day_ends(newsroom)
    assert allowance(newsroom) == 200


def test_days_that_nobody_looked_at_are_taken_one_by_one(newsroom: Newsroom) -> None:
    relay_id = warm_up(newsroom)
    count(newsroom, "poste.example", relay_id=relay_id, sent=100)
    newsroom.pass_time(days=1)
    count(newsroom, "poste.example", relay_id=relay_id, sent=180)
    day_ends(newsroom)
    assert allowance(newsroom) == 400
    with newsroom.database.reading() as session:
        assert not warming.is_due(session, now=newsroom.now)
        assert warming.is_due(session, now=newsroom.now + DAY)


def test_a_provider_in_trouble_is_held_alone_and_recovers(newsroom: Newsroom) -> None:
    relay_id = warm_up(newsroom)
    count(newsroom, "hotmail.fr", relay_id=relay_id, sent=60, hard=20)
    count(newsroom, "poste.example", relay_id=relay_id, sent=2000)
    day_ends(newsroom)
    assert (allowance(newsroom), allowance(newsroom, "@microsoft")) == (200, 60)
    left = leave(newsroom, ["outlook.com", "hotmail.com", "poste.example"] * 50, seconds=60)
    assert left["outlook.com"] + left["hotmail.com"] == 60
    assert left["poste.example"] == 50
    count(newsroom, "hotmail.fr", relay_id=relay_id, sent=50)
    count(newsroom, "poste.example", relay_id=relay_id, sent=100)
    day_ends(newsroom)
    assert allowance(newsroom, "@microsoft") is None


def test_a_person_sets_the_step_and_holds_it(newsroom: Newsroom) -> None:
    relay_id = warm_up(newsroom)
    with newsroom.database.unit() as session:
        record = session.get_one(RelayRecord, relay_id)
        warming.set_step(session, record, 3, actor="test", now=newsroom.now)
        warming.hold(session, record, held=True, actor="test", now=newsroom.now)
    count(newsroom, "poste.example", relay_id=relay_id, sent=400)
    day_ends(newsroom)
    assert allowance(newsroom) == 400
    with newsroom.database.reading() as session:
        (standing,) = warming.standings(session)
    assert (standing.step, standing.half, standing.allowance, standing.held) == (3, False, 400, True)
    assert [change.why for change in standing.changes] == ["held", "by_hand"]


def test_a_plan_that_was_there_before_reviews_is_taken_over(newsroom: Newsroom) -> None:
    relay_id = relay(newsroom)
    with newsroom.database.unit() as session:
        record = session.get_one(RelayRecord, relay_id)
        record.warm_up, record.warm_up_since = PLAN, newsroom.now - 2 * DAY
    with newsroom.database.unit() as session:
        warming.review(session, now=newsroom.now)
    assert allowance(newsroom) == 400


def test_a_plan_that_ends_by_hand_leaves_no_limit(newsroom: Newsroom) -> None:
    relay_id = warm_up(newsroom)
    count(newsroom, "hotmail.fr", relay_id=relay_id, sent=60, hard=20)
    day_ends(newsroom)
    relay(newsroom, warm_up=[], warm_up_since=None)
    assert (allowance(newsroom), allowance(newsroom, "@microsoft")) == (None, None)
