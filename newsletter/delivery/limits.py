"""What an operator says about a lane: how much it may carry, that it pauses, that it goes on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, select, update
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.delivery import advice, lanes, throttle
from newsletter.delivery.models import Batch, Lane, RelayRecord
from newsletter.mail.addrspec import ascii_domain

MOST = 10_000_000
ISSUE = "#"


@dataclass(frozen=True, slots=True)
class PausedLane:
    """A lane through which nothing leaves until somebody mends what is wrong. An empty `relay` stands for any relay, an
    empty `domain` for any reader. `next_probe_at` None: no message tries, it waits for a person.
    """

    id: int
    relay: str
    domain: str
    paused_at: datetime
    reply: str
    next_probe_at: datetime | None

    @property
    def by_hand(self) -> bool:
        """Whether an operator paused it, and not what was said of us."""
        return self.next_probe_at is None and not self.reply


def paused(session: Session) -> list[PausedLane]:
    """The lanes that are paused, those longest paused first."""
    query = (
        select(Lane, RelayRecord.name)
        .outerjoin(RelayRecord, RelayRecord.id == Lane.relay_id)
        .where(Lane.paused_at.is_not(None))
        .order_by(Lane.paused_at, Lane.id)
    )
    return [
        PausedLane(
            lane.id, name or "", lane.domain, lane.paused_at, advice.lane_reason(lane.reply or ""), lane.closed_until
        )
        for lane, name in session.execute(query)
        if lane.paused_at is not None
    ]


def in_words(lane: PausedLane) -> str:
    """What is stopped, in one sentence for people; why is in its `reply`."""
    if lane.relay and lane.domain:
        return _("Mail to %(domain)s over %(relay)s is paused.", domain=lane.domain, relay=lane.relay)
    if lane.relay:
        return _("The relay %(relay)s is paused.", relay=lane.relay)
    if lane.domain:
        return _("Mail to %(domain)s is paused.", domain=lane.domain)
    return _("All mail is paused.")


def of_domain(name: str) -> str:
    """A domain, or that of an address, as messages are compared with it; RefusedError when it is none."""
    try:
        return ascii_domain(name.strip().rpartition("@")[2].rstrip("."))
    except ValueError:
        raise RefusedError(_("%(name)s is no domain.", name=name)) from None


def set_limits(
    session: Session, relay_id: int, domain: str, *, limits: dict[str, float | int | None], actor: str, now: datetime
) -> Lane:
    """Set `per_second`, `per_day` and `concurrency`, those that are named; None: no limit. Raises RefusedError for a
    limit that would let nothing through.
    """
    for limit in limits.values():
        if limit is not None and not 0 < limit <= MOST:
            raise RefusedError(_("A limit is a number above 0. To let nothing through, pause."))
    lane = _locked(session, relay_id, domain, now)
    changed = audit.changes({name: getattr(lane, name) for name in limits}, limits)
    for name, limit in limits.items():
        setattr(lane, name, limit)
    lane.updated_at = now
    _record(session, lane, "lane.limited", actor, now, changed=changed)
    look_again(session, now=now)
    return lane


def pause(session: Session, relay_id: int, domain: str, *, actor: str, now: datetime) -> Lane:
    """Stop a lane by hand. It stays so until it is resumed by hand: no probe is sent."""
    lane = _locked(session, relay_id, domain, now)
    lane.paused_at, lane.closed_until, lane.reply, lane.updated_at = now, None, "", now
    _record(session, lane, "lane.paused", actor, now)
    return lane


def resume(session: Session, lane_id: int, *, actor: str, now: datetime) -> None:
    """Open a lane, whatever it was paused or closed for; NotFoundError when it is gone."""
    row = lanes.lock(session, [lane_id]).get(lane_id)
    if row is None:
        raise NotFoundError(_("There is nothing to resume."))
    lanes.write(session, {lane_id: throttle.resumed(row.state, now)})
    _record(session, session.get_one(Lane, lane_id), "lane.resumed", actor, now)
    look_again(session, now=now)


def way_of_issue(issue_id: int) -> str:
    """The name of the lane that one issue's messages take, whatever their relay and their domain."""
    return f"{ISSUE}{issue_id}"


def issue_limit(session: Session, issue_id: int) -> float | None:
    """Most messages of an issue a second; None: as many as go."""
    query = select(Lane.per_second).where(Lane.relay_id == 0, Lane.domain == way_of_issue(issue_id))
    return session.scalar(query)


def limit_issue(session: Session, issue_id: int, per_second: float | None, *, now: datetime) -> None:
    """Set how many messages of an issue may leave a second, all workers together; None: as many as go. Raises
    RefusedError for a number that would let nothing through. The record of who did so is the caller's.
    """
    if per_second is not None and not 0 < per_second <= MOST:
        raise RefusedError(_("A limit is a number above 0. To let nothing through, pause."))
    if per_second is None:
        session.execute(delete(Lane).where(Lane.relay_id == 0, Lane.domain == way_of_issue(issue_id)))
    else:
        lane = _locked(session, 0, way_of_issue(issue_id), now)
        lane.per_second, lane.updated_at = per_second, now
        # What was saved up under another limit does not leave at once.
        lane.tokens, lane.refilled_at = min(lane.tokens, 1.0), now
    look_again(session, now=now)


def find(session: Session, relay_id: int, domain: str) -> int | None:
    """The id of a lane's row."""
    return session.scalar(select(Lane.id).where(Lane.relay_id == relay_id, Lane.domain == domain))


def look_again(session: Session, *, now: datetime) -> None:
    """Let the next sweep take up the batches that wait for a lane; whoever finds nothing to send puts one back."""
    session.execute(
        update(Batch)
        .where(Batch.due_at > now, Batch.held.is_(False), Batch.lease_until.is_(None))
        .values(due_at=case((Batch.not_before > now, Batch.not_before), else_=now))
        .execution_options(synchronize_session=False)
    )


def _locked(session: Session, relay_id: int, domain: str, now: datetime) -> Lane:
    lanes.make(session, [(relay_id, domain)], now=now)
    query = select(Lane).where(Lane.relay_id == relay_id, Lane.domain == domain).with_for_update()
    return session.scalars(query).one()


def _record(session: Session, lane: Lane, action: str, actor: str, now: datetime, **details: Any) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        subject="lane",
        subject_id=lane.id,
        now=now,
        relay_id=lane.relay_id,
        domain=lane.domain,
        **details,
    )
