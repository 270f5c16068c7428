"""Relays and lanes as an operator looks at them. No password is ever in it."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.core.errors import RefusedError
from newsletter.core.settings import Settings
from newsletter.core.tokens import Vault
from newsletter.delivery import advice, days, lanes, relays, throttle
from newsletter.delivery.domain_models import DomainDay
from newsletter.delivery.lanes import LaneRow
from newsletter.delivery.limits import ISSUE
from newsletter.delivery.models import Batch, Lane, LaneShare, RelayRecord
from newsletter.delivery.throttle import State

OPEN, SLOWED, CLOSED, PAUSED, NO_ADDRESS = "open", "slowed", "closed", "paused", "no address"


def overview(session: Session, settings: Settings, vault: Vault, *, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """`relays`, each with its own lane, and `lanes`: the other ones that are limited or in trouble."""
    records = {record.id: record for record in relays.all_relays(session)}
    rows = {row.key: row for row in lanes.read(session)}
    return {
        "relays": [
            _relay(record, rows.pop((record.id, ""), None), settings, vault, now) for record in records.values()
        ],
        "lanes": [
            {"id": row.id, "relay": records[row.relay_id].name if row.relay_id in records else "", "domain": row.domain}
            | _lane(row, None, now)
            for row in rows.values()
            if not row.domain.startswith(ISSUE)
        ],
    }


def waiting(session: Session) -> int:
    """Messages of issues that have not left yet: the sums of the batches that are not done."""
    query = select(func.sum(Batch.queued + Batch.deferred)).where(Batch.due_at.is_not(None))
    return int(session.scalar(query) or 0)


def today(session: Session, *, now: datetime) -> dict[int, int]:
    """Messages that each relay has handed over since midnight (UTC), by its id."""
    query = (
        select(DomainDay.relay_id, func.sum(DomainDay.sent))
        .where(DomainDay.day == days.day_of(now))
        .group_by(DomainDay.relay_id)
    )
    return {relay_id: int(count) for relay_id, count in session.execute(query)}


def connections(session: Session, *, now: datetime) -> dict[int, int]:
    """Connections that all workers have open at present, by relay."""
    query = (
        select(Lane.relay_id, func.sum(LaneShare.places))
        .join(LaneShare, LaneShare.lane_id == Lane.id)
        .where(Lane.domain == "", Lane.relay_id != 0, LaneShare.until > now)
        .group_by(Lane.relay_id)
    )
    return {relay_id: int(count or 0) for relay_id, count in session.execute(query)}


def _relay(record: RelayRecord, row: LaneRow | None, settings: Settings, vault: Vault, now: datetime) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": record.id,
        "name": record.name,
        "address": "",
        "weight": record.weight,
        "standby": record.standby,
        "senders": record.senders,
        "connections": record.connections,
        "messages_per_connection": record.messages_per_connection,
        "group_exchangers": record.group_exchangers,
        "warm_up": record.warm_up,
        "warm_up_since": record.warm_up_since,
    }
    found |= _lane(row or LaneRow(0, record.id, "", State()), record, now)
    try:
        where = relays.address(record, settings, vault)
    except RefusedError:
        where = None
    return found | ({"address": str(where)} if where else {"state": NO_ADDRESS})


def _lane(row: LaneRow, record: RelayRecord | None, now: datetime) -> dict[str, Any]:
    state = row.state
    today = state.day == throttle.midnight(now)
    return {
        "state": _word(state, now),
        "per_second": state.per_second,
        "per_day": state.per_day,
        "concurrency": state.concurrency,
        "pace": round(state.pace, 3),
        "cap_today": relays.cap_of_day(record, state, now),
        "counted_today": state.sent_today if today else 0,
        "closed_until": state.closed_until if throttle.is_shut(state, now) else None,
        "paused_at": state.paused_at,
        "reply": advice.lane_reason(state.reply or ""),
        "allowance": state.allowance,
    }


def _word(state: State, now: datetime) -> str:
    if throttle.is_paused(state):
        return PAUSED
    if throttle.is_closed(state, now):
        return CLOSED
    return SLOWED if state.pace < 1 or state.rate is not None else OPEN
