"""What relays and recipients' domains answered to this process lately, and what that calls for.

A single refusal is about a message. A lane is slowed down when a share of many is refused in a way that has nothing to
do with messages, and paused when we are refused for what we are.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from newsletter.mail.replies import BEFORE_MESSAGE, REFUSED_LOGIN, Phase, ReplyClass
from newsletter.mail.transport import Outcome, OutcomeKind

Key = tuple[int, str]
"""Relay and recipients' domain; an empty domain is the relay itself."""

WINDOW = timedelta(seconds=10)
IN_A_ROW = 3
LANE_SHARE = 0.2
TEMPORARY_SHARE = 0.5
MANY = 10
SPREAD = 3  # so many domains in trouble at the same time are the relay's trouble

_AGAINST_US = frozenset({ReplyClass.SENDER, ReplyClass.OURS})


class Verdict(StrEnum):
    SLOW = "slow"
    """Some are refused: less at a time."""
    CLOSE = "close"
    """All are refused: nothing for a moment, then less at a time."""
    PAUSE = "pause"
    """We are refused."""


@dataclass(slots=True)
class Tally:
    """Answers in one window. `lane`: about the way, not about a message; `temporary`: try later, which is what
    greylisting says to everybody.
    """

    answered: int = 0
    lane: int = 0
    temporary: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.answered + other.answered, self.lane + other.lane, self.temporary + other.temporary)


@dataclass(frozen=True, slots=True)
class Finding:
    verdict: Verdict
    reply: str
    observed: float
    """Messages a second that were answered well lately."""


class Watch:
    """For one thread. `note` is called for each message; `findings` from time to time."""

    def __init__(self) -> None:
        self._now: dict[Key, Tally] = {}
        self._before: dict[Key, Tally] = {}
        self._began: datetime | None = None
        self._in_a_row: dict[Key, int] = {}
        self._trouble: dict[Key, str] = {}
        self._against_us: dict[Key, str] = {}

    def note(self, relay_id: int, domain: str, outcome: Outcome) -> Verdict | None:
        """Count one answer. It says so when the domain's lane, or by `concerns_relay` the relay's, is better stopped at
        once, before `findings` are heard.
        """
        key = (relay_id, domain)
        if outcome.kind is OutcomeKind.SENT:
            self._tally(key).answered += 1
            self._tally((relay_id, "")).answered += 1
            if self._in_a_row:
                self._in_a_row.pop(key, None)
            return None
        if is_against_us(outcome):
            return self._refused(key, outcome)
        if outcome.reply_class is ReplyClass.LANE or outcome.reply is None:
            place = (relay_id, "") if concerns_relay(outcome) else key
            self._tally(place).lane += 1
            self._trouble[place] = outcome.detail
            return None if self.lately(place).answered else Verdict.CLOSE
        if outcome.kind is OutcomeKind.DEFERRED:
            self._tally(key).temporary += 1
            self._trouble[key] = outcome.detail
        else:
            self._tally(key).answered += 1
            self._tally((relay_id, "")).answered += 1
        return None

    def findings(self, now: datetime) -> dict[Key, Finding]:
        """What has been found since the last call."""
        self._turn_page(now)
        found: dict[Key, Finding] = {}
        for key, reply in self._trouble.items():
            if verdict := _verdict(self.lately(key)):
                found[key] = Finding(verdict, reply, self._speed(key, now))
        self._spread(found, now)
        for key, reply in self._against_us.items():
            found[key] = Finding(Verdict.PAUSE, reply, 0.0)
        self._trouble.clear()
        self._against_us.clear()
        return found

    def lately(self, key: Key) -> Tally:
        """Answers of the last ten to twenty seconds."""
        return self._now.get(key, Tally()) + self._before.get(key, Tally())

    def forget(self, key: Key) -> None:
        """Begin again with a lane: what was answered before a verdict must not lead to the same verdict twice."""
        for tallies in (self._now, self._before):
            tallies.pop(key, None)
        for replies in (self._trouble, self._against_us):
            replies.pop(key, None)
        self._in_a_row.pop(key, None)

    def _tally(self, key: Key) -> Tally:
        tally = self._now.get(key)
        if tally is None:
            tally = self._now[key] = Tally()
        return tally

    def _refused(self, key: Key, outcome: Outcome) -> Verdict | None:
        if concerns_relay(outcome):
            self._against_us[key[0], ""] = outcome.detail
            return Verdict.PAUSE
        self._in_a_row[key] = self._in_a_row.get(key, 0) + 1
        if self._in_a_row[key] < IN_A_ROW:
            return None
        self._against_us[key] = outcome.detail
        return Verdict.PAUSE

    def _spread(self, found: dict[Key, Finding], now: datetime) -> None:
        """Trouble with many domains at once, and no other mail through, is the relay's."""
        by_relay: dict[int, list[str]] = {}
        for relay_id, domain in found:
            if domain:
                by_relay.setdefault(relay_id, []).append(domain)
        for relay_id, domains in by_relay.items():
            relay = (relay_id, "")
            refused = sum(tally.lane + tally.temporary for tally in (self.lately((relay_id, each)) for each in domains))
            if len(domains) >= SPREAD and refused > self.lately(relay).answered and relay not in found:
                found[relay] = Finding(Verdict.CLOSE, found[relay_id, domains[0]].reply, self._speed(relay, now))

    def _speed(self, key: Key, now: datetime) -> float:
        seconds = (now - self._began).total_seconds() if self._began else 0.0
        if self._before:
            seconds += WINDOW.total_seconds()
        return self.lately(key).answered / max(seconds, 1.0)

    def _turn_page(self, now: datetime) -> None:
        if self._began is None:
            self._began = now
        elapsed = now - self._began
        if elapsed < timedelta(0) or elapsed >= 2 * WINDOW:  # a pause, or a clock that was set: nothing is recent
            self._now, self._before, self._began = {}, {}, now
        elif elapsed >= WINDOW:
            self._now, self._before, self._began = {}, self._now, now


def is_against_us(outcome: Outcome) -> bool:
    """Refused for what we are or do, not for the message or its reader."""
    return outcome.reply_class in _AGAINST_US


def concerns_relay(outcome: Outcome) -> bool:
    """Decided before a recipient was named, or by the loss of the connection: whoever the message was for."""
    if outcome.reply is None or outcome.phase in BEFORE_MESSAGE or outcome.phase is Phase.MAIL:
        return True
    return outcome.reply.code in REFUSED_LOGIN


def _verdict(tally: Tally) -> Verdict | None:
    refused = tally.lane + tally.temporary
    total = refused + tally.answered
    slow = tally.lane and tally.lane >= LANE_SHARE * total
    slow = slow or (refused >= MANY and refused > TEMPORARY_SHARE * total)
    if not slow:
        return None
    return Verdict.SLOW if tally.answered else Verdict.CLOSE
