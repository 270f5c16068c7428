"""What may leave now, and through which relay."""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import event
from sqlalchemy.orm import Session

from newsletter.core.settings import Settings
from newsletter.core.tokens import Vault
from newsletter.delivery import exchangers, lanes, relays, throttle
from newsletter.delivery.limits import ISSUE, way_of_issue
from newsletter.delivery.models import RelayRecord
from newsletter.delivery.passage import SOON, Passage
from newsletter.delivery.providers import provider_of, way_of
from newsletter.delivery.routes import Outlet, Routes
from newsletter.delivery.watch import Finding, Key, Watch, concerns_relay
from newsletter.mail.transport import Outcome, OutcomeKind, Relay

READING = timedelta(seconds=0.5)  # so that what a person says is heard by every worker within a second
NO_RELAY = timedelta(minutes=1)
ALL_MAIL: Key = (0, "")


class Gate:
    """For one thread. Between two calls of `sync` it decides alone, from what it was granted; `sync` shares with the
    other workers, through rows.
    """

    def __init__(self, *, settings: Settings, vault: Vault, rng: random.Random) -> None:
        self._settings = settings
        self._vault = vault
        self._rng = rng
        self._routes = Routes([], rng)
        self._records: dict[int, RelayRecord] = {}
        self._known: list[tuple[object, ...]] = []
        self._passages: dict[Key, Passage] = {}
        self._limiting: dict[Key, Passage] = {}
        self._clear: int | None = None
        self._domains: frozenset[str] = frozenset()
        self._slowed: frozenset[str] = frozenset()
        self._by_provider = False
        self._groups = exchangers.Groups()
        self._watch = Watch()
        self._read_at: datetime | None = None

    def relays(self) -> Mapping[int, tuple[Relay, int, int]]:
        """By id: where it is, connections for this process, and messages for each of them (0: learn)."""
        return {
            outlet.relay_id: (outlet.relay, self._passages[outlet.relay_id, ""].may_connect, outlet.per_connection)
            for outlet in self._routes.outlets.values()
        }

    def admit(self, *, sender_domain: str, recipient_domain: str, now: datetime, issue_id: int = 0) -> int | None:
        """The id of the relay that takes a message, which is counted; None: not now."""
        if self._clear is not None and recipient_domain not in self._domains and not self._is_slowed(issue_id):
            return self._clear
        for tier in self._routes.tiers(sender_domain):
            is_open = False
            for outlet in tier.by_turn():
                own = self._passages[outlet.relay_id, ""]
                if own.is_shut(now):
                    own.wish(now)
                    continue
                is_open = True
                chain = self._chain(outlet.relay_id, recipient_domain, issue_id)
                if own.may_connect and all(passage.allows(now) for passage in chain):
                    for passage in chain:
                        passage.spend(now)
                    tier.chose(outlet)
                    return outlet.relay_id
                for passage in chain:
                    passage.wish(now)
            if is_open:
                return None
        return None

    def give_back(self, relay_id: int, recipient_domain: str, issue_id: int = 0) -> None:
        """A message was admitted and did not begin."""
        for passage in self._chain(relay_id, recipient_domain, issue_id):
            passage.give_back()

    def note(self, relay_id: int, recipient_domain: str, outcome: Outcome, now: datetime, issue_id: int = 0) -> None:
        """What became of a message that was admitted."""
        domain = self._group(relay_id, recipient_domain)
        if self._limiting:
            for passage in self._chain(relay_id, recipient_domain, issue_id):
                passage.end()
        settled = False
        for key in ((relay_id, ""), (relay_id, domain)):
            lane = self._passages.get(key)
            if lane is not None:
                settled = lane.hear(outcome) or settled
        if settled and outcome.kind is not OutcomeKind.SENT:
            return
        if self._watch.note(relay_id, domain, outcome) is not None:
            self._hush((relay_id, "") if concerns_relay(outcome) else (relay_id, domain), now)

    def reopens(self, *, sender_domain: str, recipient_domain: str, now: datetime, issue_id: int = 0) -> datetime:
        """After `admit` said None: when it is worth another try."""
        moments = []
        for tier in self._routes.tiers(sender_domain):
            is_open = False
            for outlet in tier.outlets:
                own = self._passages[outlet.relay_id, ""]
                is_open = is_open or not own.is_shut(now)
                chain = {own, *self._chain(outlet.relay_id, recipient_domain, issue_id)}
                waits = [passage.opens_at(now) for passage in chain if passage.is_shut(now) or not passage.allows(now)]
                moments.append(max(waits, default=now + SOON))
            if is_open:
                break
        return min(moments, default=now + NO_RELAY)

    def sync(self, session: Session, *, holder: str, now: datetime) -> None:
        """Exchange with the database. It writes only when there is something to share, and reads once a second."""
        findings = self._watch.findings(now)
        missing = [key for key in findings if key not in self._passages]
        if missing:
            lanes.make(session, missing, now=now)
        if missing or self._is_reading_due(now):
            self._read(session, now)
            self._groups.sync(session, now=now)
        busy = [passage for passage in self._passages.values() if passage.key in findings or passage.is_busy(now)]
        if busy:
            self._exchange(session, busy, findings, holder, now)
            self._arrange(now)

    def _read(self, session: Session, now: datetime) -> None:
        found = relays.usable(session, self._settings, self._vault)
        if not found and not self._records:
            relays.ensure_default(session, now=now)
            found = relays.usable(session, self._settings, self._vault)
        self._records = {record.id: record for record, _where in found}
        known = [_values(record, where) for record, where in found]
        if known != self._known:
            self._known = known
            self._routes = Routes([_outlet(record, where) for record, where in found], self._rng)
        rows = {row.key: row for row in lanes.read(session)}
        needed = [(record_id, "") for record_id in self._records if (record_id, "") not in rows]
        if needed:
            lanes.make(session, needed, now=now)
            rows = {row.key: row for row in lanes.read(session)}
        for key in self._passages.keys() - rows.keys():
            del self._passages[key]
        for key, row in rows.items():
            passage = self._passages.get(key)
            if passage is None or passage.lane_id != row.id:
                passage = self._passages[key] = Passage(row)
            self._learn(passage, row.state, now)
        self._read_at = now
        self._arrange(now)

    def _learn(self, passage: Passage, state: throttle.State, now: datetime) -> None:
        if throttle.is_paused(passage.state) != throttle.is_paused(state):
            self._watch.forget(passage.key)
        record = None if passage.domain else self._records.get(passage.relay_id)
        passage.learn(
            state,
            cap=relays.cap_of_day(record, state, now),
            connections=record.connections if record else None,
            now=now,
        )

    def _exchange(
        self, session: Session, busy: list[Passage], findings: Mapping[Key, Finding], holder: str, now: datetime
    ) -> None:
        if self not in session.info.setdefault("gates", []):  # once for each session
            session.info["gates"].append(self)
            event.listen(session, "after_rollback", self._forget_held)
        ids = [passage.lane_id for passage in busy]
        rows = lanes.lock(session, ids)
        shared = lanes.shares(session, ids, now=now)
        states, held = {}, {}
        for passage in busy:
            row = rows.get(passage.lane_id)
            if row is None:
                self._passages.pop(passage.key, None)
                continue
            self._learn(passage, row.state, now)
            others = [share for share in shared.get(row.id, ()) if share.holder != holder]
            finding = findings.get(passage.key)
            state, kept = passage.exchange(row.state, others, finding, holder=holder, now=now, rng=self._rng)
            if finding is not None:
                self._watch.forget(passage.key)
            if state != row.state:
                states[row.id] = state
            if kept is not None:
                held[row.id] = kept
        lanes.write(session, states)
        lanes.write_shares(session, holder, held)

    def _forget_held(self, session: Session) -> None:
        for passage in self._passages.values():
            passage.forget_held()
        self._read_at = None

    def _is_reading_due(self, now: datetime) -> bool:
        return self._read_at is None or not timedelta(0) <= now - self._read_at < READING

    def _arrange(self, now: datetime) -> None:
        """Put together what `admit` asks, so that a message for which nothing is limited asks nothing."""
        self._limiting = {key: passage for key, passage in self._passages.items() if passage.limits(now)}
        self._domains = frozenset(domain for _relay_id, domain in self._limiting if domain)
        self._by_provider = any(domain.startswith("@") for domain in self._domains)
        self._slowed = frozenset(domain for domain in self._domains if domain.startswith(ISSUE))
        self._clear = None
        if len(self._routes.outlets) == 1 and ALL_MAIL not in self._limiting and not self._by_provider:
            (only,) = self._routes.outlets.values()
            key = (only.relay_id, "")
            asks = key in self._limiting or only.senders or only.group_exchangers
            self._clear = only.relay_id if self._passages[key].may_connect and not asks else None

    def _is_slowed(self, issue_id: int) -> bool:
        return bool(self._slowed) and way_of_issue(issue_id) in self._slowed

    def _chain(self, relay_id: int, recipient_domain: str, issue_id: int) -> list[Passage]:
        """The lanes that have a say about a message."""
        if not self._limiting:
            return []
        domain = self._group(relay_id, recipient_domain)
        keys = [ALL_MAIL, (relay_id, "")]
        for name in {domain, recipient_domain}:
            keys += [(0, name), (relay_id, name)]
        if self._by_provider:
            keys.append((relay_id, way_of(provider_of(recipient_domain))))
        if self._slowed:
            keys.append((0, way_of_issue(issue_id)))
        return [passage for key in keys if (passage := self._limiting.get(key)) is not None]

    def _group(self, relay_id: int, recipient_domain: str) -> str:
        outlet = self._routes.outlets.get(relay_id)
        return self._groups.of(recipient_domain) if outlet and outlet.group_exchangers else recipient_domain

    def _hush(self, key: Key, now: datetime) -> None:
        passage = self._passages.get(key)
        if passage is not None and passage.hush(now):
            self._arrange(now)


def _values(record: RelayRecord, where: Relay) -> tuple[object, ...]:
    """What the choice of a relay depends on: while it stays the same, so does whose turn it is."""
    return (
        record.id,
        where,
        where.password,
        record.weight,
        record.standby,
        tuple(record.senders),
        record.group_exchangers,
        record.messages_per_connection,
    )


def _outlet(record: RelayRecord, where: Relay) -> Outlet:
    return Outlet(
        relay_id=record.id,
        relay=where,
        weight=record.weight,
        standby=record.standby,
        senders=frozenset(record.senders),
        group_exchangers=record.group_exchangers,
        per_connection=record.messages_per_connection,
    )
