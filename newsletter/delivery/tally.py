"""What recipients' domains answer to an issue, counted as it is sent, and what comes back later.

Outcomes come by the thousand a second: they are summed up here, and written by three statements for each flush, and a
fourth where something was refused.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.orm import Session

from newsletter.delivery import bulk, days
from newsletter.delivery.models import Batch, DeliveryStatus, DomainTally
from newsletter.mail.replies import BEFORE_MESSAGE, ReplyClass
from newsletter.mail.transport import Outcome, OutcomeKind

COLUMNS = days.ANSWERS
STANDING = {
    DeliveryStatus.DEFERRED: "waiting",
    DeliveryStatus.FAILED: "failed",
    DeliveryStatus.UNKNOWN: "unknown",
}
"""Where deliveries to a domain stand, besides those that are `sent`: the column of each state."""
WRITTEN = (*COLUMNS, *STANDING.values())
Returned = Literal["hard", "soft", "content", "sender", "complained"]
_REFUSED = {ReplyClass.HARD: "hard", ReplyClass.CONTENT: "content", ReplyClass.SENDER: "sender"}

# Not the deferred, nor those refused for what we are: they come back, and one message would count each time.
ANSWERED = DomainTally.sent + DomainTally.hard + DomainTally.soft + DomainTally.content


_SUMS = ", ".join(f"{name} = domain_tallies.{name} + excluded.{name}" for name in WRITTEN)
_ADD = {
    "postgresql": text(
        f"""
        INSERT INTO domain_tallies (issue_id, domain, {", ".join(WRITTEN)})
        SELECT issue_id, domain, {", ".join(WRITTEN)}
        FROM jsonb_to_recordset(CAST(:rows AS jsonb))
            AS v(issue_id bigint, domain text, {", ".join(f"{name} bigint" for name in WRITTEN)})
        ORDER BY issue_id, domain
        ON CONFLICT (issue_id, domain) DO UPDATE SET {_SUMS}
        """  # noqa: S608 - names of columns
    ),
    "sqlite": text(
        f"""
        INSERT INTO domain_tallies (issue_id, domain, {", ".join(WRITTEN)})
        SELECT value ->> 'issue_id', value ->> 'domain', {", ".join(f"value ->> '{name}'" for name in WRITTEN)}
        FROM json_each(:rows) WHERE true
        ON CONFLICT (issue_id, domain) DO UPDATE SET {_SUMS}
        """  # noqa: S608 - names of columns
    ),
}


@dataclass(frozen=True, slots=True)
class Answers:
    """Of the messages of an issue that a domain took or refused (`answered`), those refused for their content."""

    domain: str
    answered: int
    content: int


class Heard(NamedTuple):
    """What became of one message to `domain` over a relay. `opened_at`: when its batch might first leave; until its
    acceptance a message waits for its turn, its relay's and domain's limits, a pause of the issue, and its retries.
    `target`: the state it goes to, of one that `was_deferred` or not.
    """

    batch_id: int
    issue_id: int
    relay_id: int
    domain: str
    outcome: Outcome
    opened_at: datetime | None = None
    target: DeliveryStatus | None = None
    was_deferred: bool = False


@dataclass(frozen=True, slots=True)
class CameBack:
    """Something that came back for a message that a domain had taken: what a bounce said it was refused for, or that
    its reader `complained`. `count` of them, `words` of the other side; `relay_id` 0: not known which.
    """

    domain: str
    kind: Returned
    count: int = 1
    words: str = ""
    relay_id: int = days.ANY_RELAY


@dataclass(slots=True)
class Sums:
    """Outcomes added up: by issue and domain, what a batch was refused for, and by day."""

    domains: dict[int, dict[str, Counter[str]]] = field(default_factory=dict)
    batches: dict[int, Counter[str]] = field(default_factory=dict)
    by_day: days.Sums = field(default_factory=days.Sums)

    def add(self, issue_id: int, domain: str, name: str, number: int = 1) -> None:
        """Count for a domain of an issue; `name` is a column."""
        self.domains.setdefault(issue_id, {}).setdefault(domain, Counter())[name] += number


def column(outcome: Outcome) -> str | None:
    """What an outcome counts as; None when it was about the way out and says nothing of domain or reader."""
    if outcome.kind is OutcomeKind.SENT:
        return "sent"
    if outcome.reply_class is ReplyClass.SENDER and outcome.phase not in BEFORE_MESSAGE:
        return "sender"
    if outcome.kind is OutcomeKind.REJECTED:
        return _REFUSED.get(outcome.reply_class, "soft")
    if outcome.reply_class is ReplyClass.LANE or outcome.phase in BEFORE_MESSAGE:
        return None
    return "deferred"


def sum_up(outcomes: Iterable[Heard], *, now: datetime) -> Sums:
    """Add up outcomes that are known since `now`."""
    sums = Sums()
    taken: Counter[tuple[str, int, datetime | None]] = Counter()
    for heard in outcomes:
        kind = column(heard.outcome)
        if heard.was_deferred:
            sums.add(heard.issue_id, heard.domain, "waiting", -1)
        if heard.target in STANDING:
            sums.add(heard.issue_id, heard.domain, STANDING[heard.target])
        if kind is None:
            continue
        sums.add(heard.issue_id, heard.domain, kind)
        if kind == "sent":
            taken[heard.domain, heard.relay_id, heard.opened_at] += 1
            continue
        if kind in ("hard", "content"):
            sums.batches.setdefault(heard.batch_id, Counter())[kind] += 1
        sums.by_day.add(heard.domain, heard.relay_id, kind)
        reply = heard.outcome.reply
        sums.by_day.said(heard.domain, kind, str(reply) if reply else heard.outcome.detail)
    for (domain, relay_id, opened_at), number in taken.items():
        waited = (now - opened_at).total_seconds() if opened_at else None
        sums.by_day.accepted(domain, relay_id, waited, number)
    return sums


def count(
    session: Session, outcomes: Iterable[Heard], *, now: datetime, queued_again: Iterable[tuple[int, str]] = ()
) -> None:
    """Write down what a flush brought. `queued_again`: (issue, domain) of what was deferred before and has not begun.

    The caller holds the batches. Domains are shared by all workers, so this comes last before the commit.
    """
    sums = sum_up(outcomes, now=now)
    for issue_id, domain in queued_again:
        sums.add(issue_id, domain, "waiting", -1)
    add_to_batches(session, sums.batches)
    for issue_id in sorted(sums.domains):
        add(session, issue_id, sums.domains[issue_id])
    days.write(session, sums.by_day, now=now)


def came_back(session: Session, returned: Iterable[CameBack], *, now: datetime) -> None:
    """Count bounces and complaints that came back later, on the day of `now`: any number of them, in one statement.

    Each is to be given once. Domains are shared by all workers, so this comes last before the commit.
    """
    sums = days.Sums()
    for item in returned:
        counted = item.kind if item.kind == "complained" else f"{item.kind}_later"
        sums.add(item.domain, item.relay_id, counted, item.count)
        sums.said(item.domain, item.kind, item.words)
    days.write(session, sums, now=now)


def add_to_batches(session: Session, batches: Mapping[int, Mapping[str, int]]) -> None:
    """Add to what batches were refused for (`hard`, `content`)."""
    if not batches:
        return
    session.connection().execute(
        update(Batch)
        .where(Batch.id == bindparam("batch"))
        .values(hard=Batch.hard + bindparam("by_hard"), content=Batch.content + bindparam("by_content")),
        [
            {"batch": batch_id, "by_hard": counts.get("hard", 0), "by_content": counts.get("content", 0)}
            for batch_id, counts in sorted(batches.items())
        ],
    )


def add(session: Session, issue_id: int, domains: Mapping[str, Mapping[str, int]]) -> None:
    """Add to what domains answered to an issue. In one order for all workers, or two could wait for each other."""
    rows = [
        {"issue_id": issue_id, "domain": domain, **{name: counts.get(name, 0) for name in WRITTEN}}
        for domain, counts in sorted(domains.items())
    ]
    if rows:
        bulk.run(session, _ADD, rows)


def with_content(session: Session, issue_id: int) -> Sequence[Answers]:
    """The domains that refused the content of an issue."""
    query = select(DomainTally.domain, ANSWERED, DomainTally.content).where(
        DomainTally.issue_id == issue_id, DomainTally.content > 0
    )
    return [Answers(*row) for row in session.execute(query)]


def answered(session: Session, issue_ids: Iterable[int], domains: Iterable[str]) -> dict[tuple[int, str], int]:
    """How many messages of each issue each domain took or refused, by (issue id, domain)."""
    query = select(DomainTally.issue_id, DomainTally.domain, ANSWERED).where(
        DomainTally.issue_id.in_(issue_ids), DomainTally.domain.in_(domains)
    )
    return {(issue_id, domain): count for issue_id, domain, count in session.execute(query)}
