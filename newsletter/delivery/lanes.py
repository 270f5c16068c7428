"""The rows that workers share: lanes that are limited or in trouble, and what each worker holds of them.

There are few of them: a domain that takes its mail has none. Rows are locked in the order of their ids, so that workers
never wait for each other in a ring. SQLite has one writer at a time and needs no locks.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from newsletter.core.database import insert_into
from newsletter.delivery.models import Lane, LaneShare
from newsletter.delivery.throttle import SKEW, State

LEASE = timedelta(seconds=10)
"""How long a worker that died keeps its places; its tokens, `TOKEN_LEASE`."""
TOKEN_LEASE = timedelta(seconds=3)
QUIET = timedelta(days=1)

NOT_THE_WORKERS = frozenset({"per_second", "per_day", "concurrency", "allowance"})
_STATE = tuple(field.name for field in fields(State))
_COLUMNS = [getattr(Lane, name) for name in ("id", "relay_id", "domain", *_STATE)]


@dataclass(frozen=True, slots=True)
class LaneRow:
    id: int
    relay_id: int
    domain: str
    state: State

    @property
    def key(self) -> tuple[int, str]:
        return self.relay_id, self.domain


@dataclass(frozen=True, slots=True)
class Share:
    """What one worker holds of a lane."""

    holder: str
    places: int
    tokens: float


def read(session: Session) -> list[LaneRow]:
    """Every lane that has a row."""
    return [_lane(row) for row in session.execute(select(*_COLUMNS).order_by(Lane.id))]


def lock(session: Session, lane_ids: Collection[int]) -> dict[int, LaneRow]:
    """These lanes, held until the transaction ends; one that is gone is left out."""
    query = select(*_COLUMNS).where(Lane.id.in_(lane_ids)).order_by(Lane.id).with_for_update()
    return {row.id: _lane(row) for row in session.execute(query)}


def make(session: Session, keys: Iterable[tuple[int, str]], *, now: datetime) -> None:
    """Make rows for lanes, unless they exist."""
    rows = [
        {
            "relay_id": relay_id,
            "domain": domain,
            "tokens": 0.0,
            "pace": 1.0,
            "sent_today": 0,
            "refusals": 0,
            "updated_at": now,
        }
        for relay_id, domain in sorted(set(keys))
    ]
    if rows:
        session.execute(insert_into(session, Lane).values(rows).on_conflict_do_nothing())


def write(session: Session, states: Mapping[int, State]) -> None:
    """Write back what workers keep of lanes they have locked. The limits are the operator's and the warm-up's."""
    if states:
        session.execute(
            update(Lane),
            [
                {"id": lane_id} | {name: value for name, value in asdict(state).items() if name not in NOT_THE_WORKERS}
                for lane_id, state in sorted(states.items())
            ],
        )


def shares(session: Session, lane_ids: Collection[int], *, now: datetime) -> dict[int, list[Share]]:
    """What workers that live hold of lanes, by lane."""
    query = (
        select(LaneShare.lane_id, LaneShare.holder, LaneShare.places, LaneShare.tokens)
        .where(
            LaneShare.lane_id.in_(lane_ids),
            LaneShare.until > now,
            LaneShare.until <= now + LEASE + SKEW,  # later: from before a clock was put back, by one that is dead
        )
        .order_by(LaneShare.holder)
    )
    found: dict[int, list[Share]] = defaultdict(list)
    for row in session.execute(query):
        found[row.lane_id].append(Share(row.holder, row.places, row.tokens))
    return found


def write_shares(session: Session, holder: str, held: Mapping[int, tuple[int, float, datetime]]) -> None:
    """Say what a worker holds now, as (places, tokens, until) by lane. The lanes must be locked."""
    if not held:
        return
    upsert = insert_into(session, LaneShare).values(
        [
            {"lane_id": lane_id, "holder": holder, "places": places, "tokens": tokens, "until": until}
            for lane_id, (places, tokens, until) in sorted(held.items())
        ]
    )
    session.execute(
        upsert.on_conflict_do_update(
            index_elements=[LaneShare.lane_id, LaneShare.holder],
            set_={name: upsert.excluded[name] for name in ("places", "tokens", "until")},
        )
    )


def forget_quiet(session: Session, *, now: datetime) -> None:
    """Drop the lanes of domains that have no limit and have had no trouble for a day, and shares of workers that are
    gone.
    """
    session.execute(delete(LaneShare).where(LaneShare.until < now - LEASE))
    limits = (Lane.per_second, Lane.per_day, Lane.concurrency, Lane.allowance)
    unlimited = and_(*(limit.is_(None) for limit in limits))
    is_open = and_(Lane.paused_at.is_(None), or_(Lane.closed_until.is_(None), Lane.closed_until < now))
    session.execute(delete(Lane).where(Lane.domain != "", unlimited, is_open, Lane.updated_at < now - QUIET))


def _lane(row: Row[Any]) -> LaneRow:
    found = row._mapping
    return LaneRow(found["id"], found["relay_id"], found["domain"], State(**{name: found[name] for name in _STATE}))


def forget_shares(session: Session, holders: Collection[str]) -> None:
    """Free the places of workers that have ended, which would be kept for them for a while."""
    session.execute(delete(LaneShare).where(LaneShare.holder.in_(holders)))


def of_domains(session: Session, domains: Collection[str]) -> list[LaneRow]:
    """The lanes of these domains, over any relay or one."""
    query = select(*_COLUMNS).where(Lane.domain.in_(domains)).order_by(Lane.id)
    return [_lane(row) for row in session.execute(query)]


def at_work(session: Session, *, now: datetime) -> tuple[int, int]:
    """How many workers have connections of relays at present, and how many connections together."""
    query = (
        select(func.count(LaneShare.holder.distinct()), func.sum(LaneShare.places))
        .join(Lane, Lane.id == LaneShare.lane_id)
        .where(Lane.domain == "", Lane.relay_id != 0, LaneShare.places > 0, LaneShare.until > now)
    )
    workers, places = session.execute(query).one()
    return int(workers or 0), int(places or 0)
