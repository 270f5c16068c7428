"""What recipients' domains say, added up by day and relay, and their last words.

Written with each flush of outcomes, by one statement and, where something was refused, a second one: it takes the rows
of domains in one order, as every writer does, or two of them could wait for each other.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache

from sqlalchemy import TextClause, and_, delete, func, select, text
from sqlalchemy.orm import Session

from newsletter.core.database import insert_into
from newsletter.delivery import bulk
from newsletter.delivery.domain_models import DomainDay, DomainWords
from newsletter.delivery.gist import gist

KEPT = timedelta(days=400)
FOLDED_AFTER = timedelta(days=3)
FOLDED_WITHIN = timedelta(days=30)
KEEP = 500
ANY_RELAY = 0
BUCKETS = {"under_1m": 60.0, "under_5m": 300.0, "under_30m": 1800.0, "under_4h": 14_400.0, "longer": float("inf")}
"""Seconds below which a message counts there."""

ANSWERS = ("sent", "deferred", "hard", "soft", "content", "sender")
RETURNS = ("complained", "hard_later", "soft_later", "content_later", "sender_later")
COLUMNS = (*ANSWERS, *RETURNS, "wait_ms", "waited", *BUCKETS)

_ANSWERED = DomainDay.sent + DomainDay.deferred + DomainDay.hard + DomainDay.soft + DomainDay.content + DomainDay.sender
_TROUBLE = sum(
    (getattr(DomainDay, name) for name in RETURNS), start=DomainDay.hard + DomainDay.content + DomainDay.sender
)


@cache
def _add(columns: tuple[str, ...]) -> Mapping[str, TextClause]:
    """Adds rows that have only these counts: a flush without any trouble, as most are, writes a few."""
    rest = [name for name in COLUMNS if name not in columns]
    into = f"INSERT INTO domain_days (day, domain, relay_id, first_at, last_at, {', '.join((*columns, *rest))})"
    sums = ", ".join(f"{name} = domain_days.{name} + excluded.{name}" for name in columns)
    update = f"ON CONFLICT (day, domain, relay_id) DO UPDATE SET last_at = excluded.last_at, {sums}"
    zeros = ", 0" * len(rest)
    return {
        "postgresql": text(
            f"""
            {into}
            SELECT CAST(:day AS date), domain, relay_id, CAST(:now AS timestamptz), CAST(:now AS timestamptz),
                {", ".join(f"coalesce({name}, 0)" for name in columns)}{zeros}
            FROM jsonb_to_recordset(CAST(:rows AS jsonb))
                AS v(domain text, relay_id bigint, {", ".join(f"{name} bigint" for name in columns)})
            ORDER BY domain, relay_id
            {update}
            """  # noqa: S608 - names of columns
        ),
        "sqlite": text(
            f"""
            {into}
            SELECT :day, value ->> 'domain', value ->> 'relay_id', :now, :now,
                {", ".join(f"coalesce(value ->> '{name}', 0)" for name in columns)}{zeros}
            FROM json_each(:rows) WHERE true
            {update}
            """  # noqa: S608 - names of columns
        ),
    }


_SAY = {
    "postgresql": text(
        """
        INSERT INTO domain_words (domain, kind, text, count, last_at)
        SELECT domain, kind, said, times, CAST(:now AS timestamptz)
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(domain text, kind text, said text, times bigint)
        ORDER BY domain, kind
        ON CONFLICT (domain, kind) DO UPDATE SET
            count = excluded.count + CASE WHEN domain_words.text = excluded.text THEN domain_words.count ELSE 0 END,
            text = excluded.text, last_at = excluded.last_at
        """
    ),
    "sqlite": text(
        """
        INSERT INTO domain_words (domain, kind, text, count, last_at)
        SELECT value ->> 'domain', value ->> 'kind', value ->> 'said', value ->> 'times', :now
        FROM json_each(:rows) WHERE true
        ON CONFLICT (domain, kind) DO UPDATE SET
            count = excluded.count + CASE WHEN domain_words.text = excluded.text THEN domain_words.count ELSE 0 END,
            text = excluded.text, last_at = excluded.last_at
        """
    ),
}


@dataclass(slots=True)
class Sums:
    """Of one flush: what is to be added, by (domain, relay), and what was said last, by (domain, kind)."""

    counts: dict[tuple[str, int], Counter[str]] = field(default_factory=dict)
    words: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, domain: str, relay_id: int, kind: str, number: int = 1) -> Counter[str]:
        """Count `number` of `kind`, a column; returns the sums they went to."""
        key = domain, relay_id
        counts = self.counts.get(key)
        if counts is None:
            counts = self.counts[key] = Counter()
        counts[kind] += number
        return counts

    def accepted(self, domain: str, relay_id: int, waited: float | None, number: int = 1) -> None:
        """Messages were taken, `waited` seconds after their batch might leave; None: not known."""
        counts = self.add(domain, relay_id, "sent", number)
        if waited is not None:
            waited = max(0.0, waited)
            counts["waited"] += number
            counts["wait_ms"] += round(waited * 1000) * number
            counts[bucket(waited)] += number

    def said(self, domain: str, kind: str, reply: str) -> None:
        """A server's words with a refusal."""
        if reply:
            self.words.setdefault((domain, kind), []).append(reply)


def bucket(seconds: float) -> str:
    """The column that a wait counts in."""
    return next(name for name, limit in BUCKETS.items() if seconds < limit)


def day_of(now: datetime) -> date:
    """The day that a moment counts in: UTC's."""
    return now.astimezone(UTC).date()


def write(session: Session, sums: Sums, *, now: datetime) -> None:
    """Add what a flush brought. Rows are shared by all workers, so this comes last before the commit."""
    moment = bulk.moment(session, now)
    if sums.counts:
        rows = [
            {"domain": domain, "relay_id": relay_id, **by} for (domain, relay_id), by in sorted(sums.counts.items())
        ]
        present = set().union(*sums.counts.values())
        statement = _add(tuple(name for name in COLUMNS if name in present))
        bulk.run(session, statement, rows, day=day_of(now).isoformat(), now=moment)
    if sums.words:
        bulk.run(session, _SAY, _last_words(sums.words), now=moment)


def _last_words(words: Mapping[tuple[str, str], Iterable[str]]) -> list[dict[str, object]]:
    """The last of each, and how many at the end were alike."""
    rows: list[dict[str, object]] = []
    for (domain, kind), replies in sorted(words.items()):
        gists = [gist(reply) for reply in replies]
        alike = next((place for place, said in enumerate(reversed(gists)) if said != gists[-1]), len(gists))
        rows.append({"domain": domain, "kind": kind, "said": gists[-1], "times": alike})
    return rows


def forget(session: Session, *, now: datetime) -> None:
    """Drop what is older than 400 days."""
    session.execute(delete(DomainDay).where(DomainDay.day < day_of(now - KEPT)))
    session.execute(delete(DomainWords).where(DomainWords.last_at < now - KEPT))


def fold(session: Session, *, now: datetime, keep: int = KEEP) -> None:
    """Add up the small domains of past days in a row without a name, so that a period is some thousand rows however
    many domains there are. The `keep` largest of a day stay, and as many of those that were in most trouble; the last
    days, which are judged, are left alone.
    """
    until = day_of(now) - FOLDED_AFTER
    crowded = (
        select(DomainDay.day)
        .where(DomainDay.day <= until, DomainDay.day > until - FOLDED_WITHIN)
        .group_by(DomainDay.day)
        .having(func.count() > 2 * keep + 1)
    )
    for day in session.scalars(crowded).all():
        _fold_day(session, day, keep)


def _fold_day(session: Session, day: date, keep: int) -> None:
    of_day = and_(DomainDay.day == day, DomainDay.domain != "")
    kept: set[str] = set()
    for measure, least in ((_ANSWERED, 0), (_TROUBLE, 1)):
        query = (
            select(DomainDay.domain)
            .where(of_day)
            .group_by(DomainDay.domain)
            .having(func.sum(measure) >= least)
            .order_by(func.sum(measure).desc(), DomainDay.domain)
            .limit(keep)
        )
        kept |= set(session.scalars(query))
    small = and_(of_day, DomainDay.domain.not_in(kept))
    sums = [func.sum(getattr(DomainDay, name)).label(name) for name in COLUMNS]
    ends = func.min(DomainDay.first_at), func.max(DomainDay.last_at)
    found = session.execute(
        select(DomainDay.relay_id, *ends, *sums).where(small).group_by(DomainDay.relay_id).order_by(DomainDay.relay_id)
    ).all()
    for relay_id, first_at, last_at, *counts in found:
        values = dict(zip(COLUMNS, map(int, counts), strict=True))
        add = insert_into(session, DomainDay).values(
            day=day, domain="", relay_id=relay_id, first_at=first_at, last_at=last_at, **values
        )
        session.execute(
            add.on_conflict_do_update(
                index_elements=[DomainDay.day, DomainDay.domain, DomainDay.relay_id],
                set_={name: getattr(DomainDay, name) + add.excluded[name] for name in COLUMNS},
            )
        )
    session.execute(delete(DomainDay).where(small).execution_options(synchronize_session=False))
