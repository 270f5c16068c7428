"""What the past weeks would have been under other rules or at other hours: rows are read once, then every run is
simulated by the functions that compose.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues import pool
from newsletter.issues.models import DigestRun
from newsletter.issues.selection.candidate import Candidate, Ruling, Verdict
from newsletter.issues.selection.choose import choose
from newsletter.issues.selection.outcome import CLOSING, HELD, RunOutcome, outcome_of, settled
from newsletter.issues.selection.rules import Rules, Updated
from newsletter.issues.selection.window import Offer, Past, horizon, open_to
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Newsletter, Schedule

WEEKS = 8
MOST_WEEKS = 26
MOST_ARTICLES = 20_000


@dataclass(frozen=True, slots=True)
class Hour:
    """A run: when its digest leaves, and up to when it holds what came in."""

    due_at: datetime
    cut_off: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """A simulated run. `reason`: why no issue that leaves by itself came of it, `{"code": ..., figures}`."""

    hour: Hour
    outcome: RunOutcome
    reason: Mapping[str, Any] | None
    rulings: tuple[Ruling, ...]

    @property
    def articles(self) -> list[Ruling]:
        """What a reader of everything would have got, in its order."""
        return [item for item in self.rulings if item.verdict is Verdict.IN] if self.sends else []

    @property
    def sends(self) -> bool:
        """Whether an issue came of it; one that is held for an editor counts."""
        return self.outcome is RunOutcome.ISSUE

    @property
    def held(self) -> bool:
        return (self.reason or {}).get("code") == HELD


@dataclass(frozen=True, slots=True)
class Replay:
    """Runs in the order of their hours. `titles` of all articles that had come in, by id; `begin`: the first moment
    that was looked at.
    """

    begin: datetime
    rules: Rules
    runs: tuple[Run, ...]
    titles: Mapping[int, str]

    @property
    def sent(self) -> set[int]:
        """Articles that some issue had."""
        return {ruling.article_id for run in self.runs for ruling in run.articles}

    @property
    def silent(self) -> bool:
        """Whether articles came in, and none of them would have been sent."""
        return not self.sent and any(run.rulings for run in self.runs)


@dataclass(frozen=True, slots=True)
class Weeks:
    """The past weeks as the rows tell them, up to `begin` as they were. `windows`: those closed by then, the latest
    first; `origin`: where the first window of the cadence began.
    """

    begin: datetime
    origin: datetime
    windows: Sequence[tuple[datetime, datetime]]
    carry: int
    offers: Sequence[Offer]
    past: Mapping[int, Past]
    candidates: Mapping[int, Candidate]


@dataclass(slots=True)
class _State:
    """What the runs so far have left behind."""

    origin: datetime
    windows: list[tuple[datetime, datetime]]
    past: dict[int, Past] = field(default_factory=dict)

    @property
    def window_start(self) -> datetime:
        return self.windows[0][1] if self.windows else self.origin

    def close(self, hour: Hour, outcome: RunOutcome, rulings: Iterable[Ruling]) -> None:
        if outcome in CLOSING:
            self.windows.insert(0, (self.window_start, hour.cut_off))
        for ruling in rulings:
            said = self.past.get(ruling.article_id, Past())
            if ruling.verdict is Verdict.IN:
                self.past[ruling.article_id] = replace(said, had_at=hour.cut_off)
            elif ruling.verdict is Verdict.OUT:
                self.past[ruling.article_id] = replace(said, refused=True)


def replay(
    session: Session,
    newsletter: Newsletter,
    schedule: Schedule,
    *,
    rules: Rules,
    now: datetime,
    timetable: Iterable[Hour] | None = None,
    weeks: int = WEEKS,
) -> Replay:
    """Simulate the runs of a cadence's past weeks under these rules, at its own hours unless others are given.

    What people did by hand to single issues is not repeated; pins, boosts and the reserve are as they stand today.
    """
    found = read_weeks(session, newsletter, schedule, weeks=weeks, now=now)
    if timetable is None:
        timetable = own_hours(session, newsletter, schedule, begin=found.begin, until=now)
    return simulate(found, rules, timetable)


def read_weeks(
    session: Session, newsletter: Newsletter, schedule: Schedule, *, weeks: int = WEEKS, now: datetime
) -> Weeks:
    """What a replay needs of the tables, in a handful of statements. RefusedError: it is too much for one."""
    earliest = now - timedelta(weeks=weeks)
    origin = _origin(session, newsletter, schedule, earliest)
    begin = max(earliest, origin)
    windows = pool.windows(session, schedule, before=begin)
    since = horizon(windows, carry=schedule.carry, begin=origin)
    offers = pool.offers(session, newsletter, schedule, since=since, cut_off=now, withdrawn=True)
    if len(offers) > MOST_ARTICLES:
        raise RefusedError(_("More than %(count)d articles came in. Look back on fewer weeks.", count=MOST_ARTICLES))
    ids = [offer.article_id for offer in offers]
    read = pool.read(session, newsletter, dict.fromkeys(ids, False))
    return Weeks(
        begin=begin,
        origin=origin,
        windows=windows,
        carry=schedule.carry,
        offers=sorted(offers, key=lambda offer: offer.placed_at),
        past=pool.past(session, schedule, ids, before=begin),
        candidates={item.article_id: item for item in read},
    )


def own_hours(
    session: Session,
    newsletter: Newsletter,
    schedule: Schedule,
    *,
    begin: datetime,
    until: datetime,
    rule: str | None = None,
) -> list[Hour]:
    """The hours of a cadence from `begin` to `until`, or those of another rule in its place. One without a rule, whose
    digests are made by hand, has those at which they were made.
    """
    timetable = schedules.timetable(newsletter, schedule, rule=rule)
    if timetable is None:
        rows = session.execute(
            select(func.coalesce(DigestRun.due_at, DigestRun.cut_off), DigestRun.cut_off)
            .where(DigestRun.schedule_id == schedule.id, DigestRun.cut_off >= begin, DigestRun.cut_off <= until)
            .order_by(DigestRun.cut_off)
        )
        return [Hour(due_at, cut_off) for due_at, cut_off in rows]
    lead = timedelta(minutes=schedule.lead_minutes)
    just_before = begin + lead - timedelta(microseconds=1)
    return [Hour(due, due - lead) for due in timetable.between(just_before, until + lead)]


def simulate(weeks: Weeks, rules: Rules, timetable: Iterable[Hour]) -> Replay:
    """Run after run, each with what the ones before it left."""
    state = _State(weeks.origin, list(weeks.windows), dict(weeks.past))
    placed = [offer.placed_at for offer in weeks.offers]
    again = rules.updated is Updated.AGAIN
    wandering = [
        offer
        for offer in weeks.offers
        if offer.kept or offer.embargo_until is not None or (again and offer.revised_at is not None)
    ]
    runs = []
    for hour in sorted(timetable, key=lambda hour: hour.cut_off):
        if hour.cut_off <= state.window_start:
            continue
        since = horizon(state.windows, carry=weeks.carry, begin=weeks.origin)
        near = weeks.offers[bisect_left(placed, since) : bisect_left(placed, hour.cut_off)]
        opened = open_to((*near, *wandering), state.past, since=since, cut_off=hour.cut_off, again=again)
        candidates = [
            replace(weeks.candidates[article], told=True) if told else weeks.candidates[article]
            for article, told in opened.items()
        ]
        chosen = choose(candidates, rules, cut_off=hour.cut_off)
        outcome, reason = outcome_of(chosen, rules)
        rulings = settled(chosen.rulings, outcome, reason)
        state.close(hour, outcome, rulings)
        # What a merged run saw is told too, though it has decided nothing.
        runs.append(Run(hour, outcome, reason, tuple(rulings or chosen.rulings)))
    titles = {article: item.title for article, item in weeks.candidates.items()}
    return Replay(weeks.begin, rules, tuple(runs), titles)


def _origin(session: Session, newsletter: Newsletter, schedule: Schedule, earliest: datetime) -> datetime:
    """Where the first window of a cadence began; one that has not run yet is tried on what the newsletter had."""
    ran = session.scalars(select(DigestRun.id).where(DigestRun.schedule_id == schedule.id).limit(1)).first()
    return schedule.created_at if ran is not None else max(newsletter.created_at, earliest)
