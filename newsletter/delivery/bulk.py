"""Changing hundreds of rows, each by values of its own, in one statement.

The rows travel as one JSON parameter, so the statement is the same for any number of them: prepared once, planned once.
PostgreSQL and SQLite read JSON with functions of their own, hence two texts of each.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from newsletter.core.database import dialect_of
from newsletter.delivery.decide import Change
from newsletter.delivery.models import DeliveryStatus

MAX_REPLY = 500

_TAKE = {
    "postgresql": text(
        """
        UPDATE deliveries AS d
        SET status = 'sending', attempts = d.attempts + 1, next_attempt_at = NULL,
            updated_at = CAST(:now AS timestamptz)
        FROM jsonb_array_elements_text(CAST(:rows AS jsonb)) AS v
        WHERE d.id = CAST(v AS bigint) AND d.status IN ('queued', 'deferred')
        RETURNING d.id
        """
    ),
    "sqlite": text(
        """
        UPDATE deliveries SET status = 'sending', attempts = attempts + 1, next_attempt_at = NULL, updated_at = :now
        WHERE id IN (SELECT value FROM json_each(:rows)) AND status IN ('queued', 'deferred')
        RETURNING id
        """
    ),
}

_SETTLE = {
    "postgresql": text(
        """
        UPDATE deliveries AS d
        SET status = v.status, reply = coalesce(v.reply, d.reply), next_attempt_at = v.again, skip_reason = v.reason,
            repeated = d.repeated OR v.twice, attempts = d.attempts - v.uncharged,
            relay_id = coalesce(v.relay, d.relay_id), updated_at = CAST(:now AS timestamptz)
        FROM jsonb_to_recordset(CAST(:rows AS jsonb))
            AS v(id bigint, status text, reply text, again timestamptz, reason text, twice boolean, uncharged smallint,
                relay bigint)
        WHERE d.id = v.id AND d.status = 'sending'
        RETURNING d.id
        """
    ),
    "sqlite": text(
        """
        UPDATE deliveries
        SET status = v.value ->> 'status', reply = coalesce(v.value ->> 'reply', reply),
            next_attempt_at = v.value ->> 'again', skip_reason = v.value ->> 'reason',
            repeated = repeated OR (v.value ->> 'twice'), attempts = attempts - (v.value ->> 'uncharged'),
            relay_id = coalesce(v.value ->> 'relay', relay_id), updated_at = :now
        FROM json_each(:rows) AS v
        WHERE deliveries.id = v.value ->> 'id' AND deliveries.status = 'sending'
        RETURNING id
        """
    ),
}

_COUNTS = [status.value for status in DeliveryStatus]
_SHIFT = {
    "postgresql": text(
        f"""
        UPDATE batches AS b SET {", ".join(f"{name} = b.{name} + v.{name}" for name in _COUNTS)}
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(id bigint, {", ".join(f"{name} int" for name in _COUNTS)})
        WHERE b.id = v.id
        """  # noqa: S608 - names of columns
    ),
    "sqlite": text(
        f"""
        UPDATE batches SET {", ".join(f"{name} = {name} + (v.value ->> '{name}')" for name in _COUNTS)}
        FROM json_each(:rows) AS v
        WHERE batches.id = v.value ->> 'id'
        """  # noqa: S608 - names of columns
    ),
}


def take(session: Session, delivery_ids: Collection[int], *, now: datetime) -> set[int]:
    """Move waiting deliveries to `sending`; returns the ids that were waiting. Counts are the caller's."""
    found = run(session, _TAKE, list(delivery_ids), now=moment(session, now))
    return set(found.scalars())


def settle(
    session: Session, changes: Sequence[Change], *, now: datetime, relays: Mapping[int, int] | None = None
) -> set[int]:
    """Apply changes to deliveries in `sending`; returns the ids that were in it. Counts are the caller's. `relays`:
    what each was handed over to, where that is known.
    """
    over = relays or {}
    rows = [
        {
            "id": change.delivery_id,
            "status": change.target.value,
            # PostgreSQL's jsonb takes no NUL.
            "reply": change.reply[:MAX_REPLY].replace("\0", " ") if change.reply is not None else None,
            "again": moment(session, change.next_attempt_at) if change.next_attempt_at else None,
            "reason": change.skip_reason.value if change.skip_reason else None,
            "twice": change.repeated,
            "uncharged": int(change.uncharged),
            "relay": over.get(change.delivery_id),
        }
        for change in changes
    ]
    return set(run(session, _SETTLE, rows, now=moment(session, now)).scalars())


def shift(session: Session, batches: Mapping[int, Mapping[DeliveryStatus, int]]) -> None:
    """Add to the counts of batches, by id."""
    rows = [
        {"id": batch_id, **{status.value: by.get(status, 0) for status in DeliveryStatus}}
        for batch_id, by in batches.items()
        if any(by.values())
    ]
    if rows:
        run(session, _SHIFT, rows)


def run(session: Session, texts: Mapping[str, TextClause], rows: object, **values: str) -> Any:
    """One statement, in the text of the session's database, with `rows` as its JSON."""
    return session.execute(texts[dialect_of(session)], {"rows": json.dumps(rows), **values})


def moment(session: Session, value: datetime) -> str:
    """As the column type writes it: SQLite compares moments as texts."""
    value = value.astimezone(UTC)
    return value.strftime("%Y-%m-%d %H:%M:%S.%f") if dialect_of(session) == "sqlite" else value.isoformat()
