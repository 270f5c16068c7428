"""Keeping warm-ups: how much a relay, and each large mailbox provider over it, may carry on a day, by what the day
before brought. The limits are lanes' `allowance`; every change that nobody made by hand is on record.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.accounts.models import AuditEvent
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.delivery import domain_figures, ladder, lanes, limits
from newsletter.delivery.days import day_of
from newsletter.delivery.domain_figures import Part
from newsletter.delivery.domain_models import WarmUp
from newsletter.delivery.ladder import Why
from newsletter.delivery.models import Lane, RelayRecord
from newsletter.delivery.providers import NAMES, provider_of, way_of
from newsletter.delivery.reputation import CEILING, LONG, Figures

ACTOR = "warm-up"
MOVED, ENDED, SET = "relay.warm_up_moved", "relay.warm_up_ended", "relay.warm_up_set"
WHOLE = ""
LATEST = 10


@dataclass(frozen=True, slots=True)
class Change:
    """What was decided by itself: the allowance before and after, None for no limit, and why."""

    at: datetime
    actor: str
    provider: str
    before: int | None
    after: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A relay that warms up. `step` of `plan` today, from 1, `half` when it is between that and the next one."""

    relay: RelayRecord
    plan: list[int]
    step: int
    half: bool
    allowance: int
    held: bool
    providers: dict[str, int]
    changes: list[Change]


def start(session: Session, record: RelayRecord, *, now: datetime) -> None:
    """Begin with the plan that a relay has got, or forget what was; the caller has changed the record."""
    session.flush()
    session.execute(delete(WarmUp).where(WarmUp.relay_id == record.id))
    session.execute(update(Lane).where(Lane.relay_id == record.id).values(allowance=None))
    if not record.warm_up or record.warm_up_since is None:
        return
    today = day_of(now)
    place = ladder.place_by_days(record.warm_up, record.warm_up_since, today)
    if place is None:
        record.warm_up, record.warm_up_since = [], None
        return
    day = max(today, day_of(record.warm_up_since))
    allowance = ladder.allowance(record.warm_up, place)
    session.add(WarmUp(relay_id=record.id, provider=WHOLE, place=place, allowance=allowance, held=False, day=day))
    session.flush()
    _allow(session, record.id, WHOLE, allowance, now)


def is_due(session: Session, *, now: datetime) -> bool:
    """Whether a day has ended since somebody looked."""
    return session.scalar(select(WarmUp.relay_id).where(WarmUp.day < day_of(now)).limit(1)) is not None


def review(session: Session, *, now: datetime) -> None:
    """Decide about today, once a day, for every relay that warms up."""
    for record in session.scalars(select(RelayRecord).order_by(RelayRecord.id)).all():
        rows = _rows(session, record.id, lock=True)
        if record.warm_up and WHOLE not in rows:
            start(session, record, now=now)
        elif rows and min(row.day for row in rows.values()) < day_of(now):
            _look_at_days(session, record, rows, now=now)
            limits.look_again(session, now=now)


def set_step(session: Session, record: RelayRecord, step: int, *, actor: str, now: datetime) -> None:
    """Put a warm-up on a step of its plan, from 1, for today; RefusedError when it has no such step."""
    row = _whole(session, record)
    if not 1 <= step <= len(record.warm_up):
        raise RefusedError(_("The plan has the steps 1 to %(count)s.", count=len(record.warm_up)))
    before = row.allowance
    row.place, row.day = (step - 1) * ladder.STEP, day_of(now)
    row.allowance = ladder.allowance(record.warm_up, row.place)
    _allow(session, record.id, WHOLE, row.allowance, now)
    _say(session, record, WHOLE, before, row.allowance, "by_hand", actor=actor, now=now, action=SET)
    limits.look_again(session, now=now)


def hold(session: Session, record: RelayRecord, *, held: bool, actor: str, now: datetime) -> None:
    """Keep a warm-up where it is whatever the days bring, or let it go on."""
    row = _whole(session, record)
    row.held = held
    why = "held" if held else "let_go"
    _say(session, record, WHOLE, row.allowance, row.allowance, why, actor=actor, now=now, action=SET)


def standings(session: Session) -> list[Standing]:
    """Every relay that warms up, with what was decided last."""
    found = []
    for record in session.scalars(select(RelayRecord).order_by(RelayRecord.id)):
        rows = _rows(session, record.id)
        whole = rows.pop(WHOLE, None)
        if whole is None or not record.warm_up:
            continue
        number, half = divmod(whole.place or 0, ladder.STEP)
        found.append(
            Standing(
                relay=record,
                plan=list(record.warm_up),
                step=min(number + 1, len(record.warm_up)),
                half=bool(half),
                allowance=whole.allowance or 0,
                held=whole.held,
                providers={name: row.allowance for name, row in rows.items() if row.allowance is not None},
                changes=changes(session, record.id),
            )
        )
    return found


def changes(session: Session, relay_id: int) -> list[Change]:
    """The last ten decisions about a relay, the newest first."""
    query = (
        select(AuditEvent)
        .where(
            AuditEvent.subject == "relay",
            AuditEvent.subject_id == relay_id,
            AuditEvent.action.in_([MOVED, ENDED, SET]),
        )
        .order_by(AuditEvent.id.desc())
        .limit(LATEST)
    )
    return [
        Change(
            event.at,
            event.actor,
            event.details["provider"],
            event.details["before"],
            event.details["after"],
            event.details["why"],
        )
        for event in session.scalars(query)
    ]


def _look_at_days(session: Session, record: RelayRecord, rows: dict[str, WarmUp], *, now: datetime) -> None:
    """Take each day that has ended since the last time as it was."""
    today = day_of(now)
    since = max(min(row.day for row in rows.values()), today - timedelta(days=LONG))
    found = _by_provider(domain_figures.of_relay(session, record.id, since=since - timedelta(days=LONG), until=today))
    for number in range((today - since).days):
        day = since + timedelta(days=number)
        week = {past: found.get(past, {}) for past in (day - timedelta(days=back) for back in range(LONG))}
        _look_at_day(session, record, rows, day, week, now=now)
    for row in rows.values():
        row.day = max(row.day, today)


def _look_at_day(
    session: Session,
    record: RelayRecord,
    rows: dict[str, WarmUp],
    day: date,
    week: Mapping[date, Mapping[str, Figures]],
    *,
    now: datetime,
) -> None:
    whole = rows.get(WHOLE)
    if whole is not None and whole.day <= day and not whole.held:
        _move(session, record, rows, whole, _with_late_complaints(week, day, WHOLE), now=now)
    for provider in NAMES:
        row = rows.get(provider)
        if WHOLE not in rows and row is None:
            continue  # the plan is over, and this provider was never in trouble
        before = row.allowance if row else None
        after, why = ladder.provider_allowance(before, _with_late_complaints(week, day, provider))
        if after == before:
            continue
        if row is None:
            row = rows[provider] = WarmUp(relay_id=record.id, provider=provider, place=None, held=False, day=day)
            session.add(row)
        row.allowance = after
        _allow(session, record.id, way_of(provider), after, now)
        _say(session, record, provider, before, after, why, actor=ACTOR, now=now)
        if after is None:
            session.delete(rows.pop(provider))


def _move(
    session: Session, record: RelayRecord, rows: dict[str, WarmUp], row: WarmUp, day: Figures, *, now: datetime
) -> None:
    before = row.allowance
    moved = ladder.move(record.warm_up, row.place or 0, day)
    if moved.place is None:
        record.warm_up, record.warm_up_since = [], None
        session.delete(rows.pop(WHOLE))
        _allow(session, record.id, WHOLE, None, now)
        _say(session, record, WHOLE, before, None, moved.why, actor=ACTOR, now=now, action=ENDED)
        return
    row.place = moved.place
    row.allowance = ladder.allowance(record.warm_up, moved.place)
    _allow(session, record.id, WHOLE, row.allowance, now)
    if row.allowance != before or moved.why is Why.BAD:
        _say(session, record, WHOLE, before, row.allowance, moved.why, actor=ACTOR, now=now)


def _with_late_complaints(week: Mapping[date, Mapping[str, Figures]], day: date, provider: str) -> Figures:
    """A day as it was; where little was sent on it, its complaints are of what was sent in the week."""
    figures = week[day].get(provider, Figures())
    sent = sum(by.get(provider, Figures()).sent for by in week.values())
    late = replace(Figures(), sent=sent, complained=figures.complained)
    if figures.sent >= CEILING.base or not CEILING.passed(late.complained, late.sent):
        return figures
    return late


def _by_provider(days: Mapping[date, Mapping[str, Part]]) -> dict[date, dict[str, Figures]]:
    """The figures of each provider, and of all, by day. What came back and is nobody's is shared out by what each relay
    has sent.
    """
    parts: dict[date, dict[str, Part]] = {}
    total: dict[str, Part] = {}
    for day, domains in days.items():
        of_day = parts.setdefault(day, {})
        for domain, part in domains.items():
            for group in {WHOLE, provider_of(domain)}:
                of_day[group] = of_day.get(group, Part()) + part
                total[group] = total.get(group, Part()) + part
    shares = {group: part.own.sent / part.sent if part.sent else 1.0 for group, part in total.items()}
    return {
        day: {group: part.with_share(shares[group]) for group, part in of_day.items()} for day, of_day in parts.items()
    }


def _whole(session: Session, record: RelayRecord) -> WarmUp:
    row = _rows(session, record.id, lock=True).get(WHOLE)
    if row is None:
        raise NotFoundError(_("The relay %(name)s does not warm up.", name=record.name))
    return row


def _rows(session: Session, relay_id: int, *, lock: bool = False) -> dict[str, WarmUp]:
    query = select(WarmUp).where(WarmUp.relay_id == relay_id).order_by(WarmUp.provider)
    return {row.provider: row for row in session.scalars(query.with_for_update() if lock else query)}


def _allow(session: Session, relay_id: int, domain: str, allowance: int | None, now: datetime) -> None:
    """Write a lane's allowance, and make the lane where there is none."""
    lanes.make(session, [(relay_id, domain)], now=now)
    session.execute(
        update(Lane)
        .where(Lane.relay_id == relay_id, Lane.domain == domain)
        .values(allowance=allowance, updated_at=now)
        .execution_options(synchronize_session=False)
    )


def _say(
    session: Session,
    record: RelayRecord,
    provider: str,
    before: int | None,
    after: int | None,
    why: str,
    *,
    actor: str,
    now: datetime,
    action: str = MOVED,
) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        subject="relay",
        subject_id=record.id,
        now=now,
        provider=provider,
        before=before,
        after=after,
        why=str(why),
    )
