"""Looking at what comes back from recipients' domains, and acting on it while an issue is on its way.

A domain that is to be slowed down gets half the speed at which it takes messages, for an hour at least; one that is to
be stopped is paused. Both are lanes, as everything that slows mail down is. What the way itself answers (deferrals) is
heard by the sending processes at once and is judged here for people only.
"""

import random
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.delivery import advice, domain_figures, lanes, throttle
from newsletter.delivery.domain_figures import LIVE
from newsletter.delivery.domain_models import DomainStanding
from newsletter.delivery.models import Exchanger, RelayRecord
from newsletter.delivery.reputation import LONG, Fault, Figures, Opinion, Verdict, judge_days

ACTOR = "reputation"
# That one message is taken refutes neither readers who call it spam nor a list of addresses that do not exist.
NEEDS_A_PERSON = frozenset({Fault.COMPLAINTS, Fault.HARD})


def review(session: Session, *, now: datetime, rng: random.Random) -> dict[str, Opinion]:
    """Judge every domain that was in trouble lately, and act where that calls for it; what was found, by domain."""
    standings = {row.domain: row for row in session.scalars(select(DomainStanding).with_for_update())}
    domains = domain_figures.troubled(session, now=now) | standings.keys()
    figures = domain_figures.by_day(session, domains, now=now)
    found: dict[str, Opinion] = {}
    for domain in sorted(domains):
        standing = standings.get(domain)
        before = standing.verdict if standing else Verdict.FINE
        found[domain] = judge_days(figures[domain], now=now, before=before, without={})
        if standing is None:
            if found[domain].verdict is Verdict.FINE:
                continue
            standing = _new(session, domain, now)
        _act(session, standing, figures[domain], now=now, rng=rng)
        _note(session, standing, found[domain], now=now)
    return found


def _new(session: Session, domain: str, now: datetime) -> DomainStanding:
    standing = DomainStanding(
        domain=domain, verdict=Verdict.FINE, of_which=0, out_of=0, since=now, looked_at=now, sent=0, acted={}
    )
    session.add(standing)
    return standing


def _act(
    session: Session,
    standing: DomainStanding,
    by_day: Mapping[date, Figures],
    *,
    now: datetime,
    rng: random.Random,
) -> None:
    """Slow down or pause the ways to a domain for what has come since the last time."""
    done = {date.fromisoformat(day): Figures(**figures) for day, figures in standing.acted.items()}
    fresh = judge_days(by_day, now=now, without=done)
    today = domain_figures.today(session, standing.domain, now=now)
    if fresh.verdict.rank < Verdict.SLOW_DOWN.rank or fresh.fault is Fault.DEFERRED:
        return
    if fresh.verdict is Verdict.SLOW_DOWN and (today is None or now - today[2] > LIVE):
        return  # nothing is on its way
    observed = _observed(standing, today, now)
    changed = _change_lanes(session, standing.domain, fresh, observed=observed, now=now, rng=rng)
    standing.acted = {day.isoformat(): asdict(figures) for day, figures in by_day.items()}
    standing.acted_at = now
    for lane_id in changed:
        audit.record(
            session,
            actor=ACTOR,
            action="lane.paused" if fresh.verdict is Verdict.STOP else "lane.slowed",
            subject="lane",
            subject_id=lane_id,
            now=now,
            domain=standing.domain,
            fault=fresh.fault,
            count=fresh.count,
            of=fresh.of,
        )


def _change_lanes(
    session: Session, domain: str, opinion: Opinion, *, observed: float, now: datetime, rng: random.Random
) -> list[int]:
    """The lanes that are another way now."""
    keys = _lanes_of(session, domain, now)
    lanes.make(session, keys, now=now)
    ids = [row.id for row in lanes.read(session) if row.key in keys]
    rows = lanes.lock(session, ids)
    states = {}
    for lane_id, row in rows.items():
        if opinion.verdict is Verdict.STOP:
            probe = opinion.fault not in NEEDS_A_PERSON
            state = throttle.pause(row.state, reply=advice.reason(opinion), now=now, rng=rng, probe=probe)
        else:
            state = throttle.slow_down(
                row.state, observed=observed, close=False, learn=True, now=now, rng=rng, steady=throttle.STEADY
            )
        if state != row.state:
            states[lane_id] = state
    lanes.write(session, states)
    return sorted(states)


def _lanes_of(session: Session, domain: str, now: datetime) -> set[tuple[int, str]]:
    """The lanes of a domain over the relays that have tried it; where a relay counts by exchangers, of those."""
    relays = domain_figures.ways_of(session, domain, now=now)
    records = session.scalars(select(RelayRecord).where(RelayRecord.id.in_(relays))).all()
    group = session.scalar(select(Exchanger.exchanger).where(Exchanger.domain == domain)) or domain
    return {(record.id, group if record.group_exchangers else domain) for record in records}


def _observed(standing: DomainStanding, today: tuple[int, datetime, datetime] | None, now: datetime) -> float:
    """Messages a second that a domain takes: since the last look, else since it was first heard of today."""
    if today is None:
        return 0.0
    sent, first, last = today
    seconds = (now - standing.looked_at).total_seconds()
    if 0 < seconds <= LIVE.total_seconds() and standing.looked_at.date() == now.date() and sent > standing.sent:
        return (sent - standing.sent) / seconds
    return sent / max(1.0, (last - first).total_seconds())


def _note(session: Session, standing: DomainStanding, opinion: Opinion, *, now: datetime) -> None:
    """Keep how a domain stands, as long as there is something to keep."""
    kept = [day for day in standing.acted if date.fromisoformat(day) >= domain_figures.first_day(now, LONG)]
    if opinion.verdict is Verdict.FINE and not kept:
        session.delete(standing)
        return
    if standing.verdict is not opinion.verdict:
        standing.verdict, standing.since = opinion.verdict, now
    standing.fault, standing.of_which, standing.out_of = opinion.fault, opinion.count, opinion.of
    today = domain_figures.today(session, standing.domain, now=now)
    standing.sent, standing.looked_at = today[0] if today else 0, now
