"""Changing hundreds of deliveries, each to values of its own, in one statement.

The rows travel as one JSON parameter, so the statement is the same for any number of them: prepared once, planned once.
PostgreSQL and SQLite read JSON with functions of their own, hence two texts.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from newsletter.delivery.decide import Change

MAX_REPLY = 500

_POSTGRESQL = text(
    """
    UPDATE deliveries AS d
    SET status = v.status, reply = coalesce(v.reply, d.reply), next_attempt_at = v.again, skip_reason = v.reason,
        repeated = d.repeated OR v.twice, attempts = d.attempts - v.uncharged, updated_at = CAST(:now AS timestamptz)
    FROM jsonb_to_recordset(CAST(:rows AS jsonb))
        AS v(id bigint, status text, reply text, again timestamptz, reason text, twice boolean, uncharged smallint)
    WHERE d.id = v.id AND d.status = 'sending'
    RETURNING d.id
    """
)
_SQLITE = text(
    """
    UPDATE deliveries
    SET status = v.value ->> 'status', reply = coalesce(v.value ->> 'reply', reply),
        next_attempt_at = v.value ->> 'again', skip_reason = v.value ->> 'reason',
        repeated = repeated OR (v.value ->> 'twice'), attempts = attempts - (v.value ->> 'uncharged'),
        updated_at = :now
    FROM json_each(:rows) AS v
    WHERE deliveries.id = v.value ->> 'id' AND deliveries.status = 'sending'
    RETURNING id
    """
)


def settle(session: Session, changes: Sequence[Change], *, now: datetime) -> set[int]:
    """Apply changes to deliveries in `sending`; returns the ids that were in it. Counts are the caller's."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    rows = [
        {
            "id": change.delivery_id,
            "status": change.target.value,
            # PostgreSQL's jsonb takes no NUL.
            "reply": change.reply[:MAX_REPLY].replace("\0", " ") if change.reply is not None else None,
            "again": _moment(change.next_attempt_at, sqlite=sqlite) if change.next_attempt_at else None,
            "reason": change.skip_reason.value if change.skip_reason else None,
            "twice": change.repeated,
            "uncharged": int(change.uncharged),
        }
        for change in changes
    ]
    values = {"rows": json.dumps(rows), "now": _moment(now, sqlite=sqlite)}
    return set(session.scalars(_SQLITE if sqlite else _POSTGRESQL, values))


def _moment(value: datetime, *, sqlite: bool) -> str:
    """As the column type writes it: SQLite compares moments as texts."""
    value = value.astimezone(UTC)
    return value.strftime("%Y-%m-%d %H:%M:%S.%f") if sqlite else value.isoformat()
