"""What the figures of a recipients' domain call for. Pure: values in, values out.

The limits are those that the large mailbox providers publish: readers who call it spam stay under 0.1 % and never reach
0.3 %; more than 2 % of addresses that do not exist say that a list is old, more than 5 % that it is not ours. What a
share is of has to be large enough to say something, and a verdict is taken back only when its share is well below what
brought it about, so that it does not flap.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Self

SHORT, LONG = 2, 7  # days, today among them; a storm shows in the short ones, a weekly letter's complaints in the long
CALM = 0.7  # a verdict holds until its share is below this part of its limit


class Verdict(StrEnum):
    """What the figures of a domain call for, the mildest first."""

    FINE = "fine"
    WATCH = "watch"
    SLOW_DOWN = "slow_down"
    STOP = "stop"

    @property
    def rank(self) -> int:
        """0 for the mildest."""
        return list(Verdict).index(self)


class Fault(StrEnum):
    """What is too much."""

    COMPLAINTS = "complaints"
    HARD = "hard"
    CONTENT = "content"
    SENDER = "sender"
    DEFERRED = "deferred"


@dataclass(frozen=True, slots=True)
class Figures:
    """Messages by what came of them; bounces that came back later are among those of their kind, and the messages
    themselves among `sent`.
    """

    sent: int = 0
    deferred: int = 0
    hard: int = 0
    soft: int = 0
    content: int = 0
    sender: int = 0
    complained: int = 0

    def __add__(self, other: Self) -> "Figures":
        return Figures(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Self) -> "Figures":
        return Figures(*(max(0, mine - its) for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def times(self, share: float) -> "Figures":
        """A share of each, rounded."""
        return Figures(*(round(count * share) for count in astuple(self)))

    @property
    def bounced(self) -> int:
        """Those that did not arrive, for whatever reason."""
        return self.hard + self.soft + self.content + self.sender

    @property
    def tried(self) -> int:
        """Answers: taken or refused for good. The deferred come again."""
        return self.sent + self.bounced

    def share_of(self, fault: Fault) -> tuple[int, int]:
        """How many, of how many: of those taken and those of this kind, so that no fault hides another."""
        if fault is Fault.COMPLAINTS:
            return self.complained, self.sent
        count = int(getattr(self, fault.value))
        return count, self.sent + count


@dataclass(frozen=True, slots=True)
class Limit:
    """Passed when there are `least` at least, of `base` at least, and more than `share` of those."""

    share: float
    least: int
    base: int

    def passed(self, count: int, of: int, *, part: float = 1.0) -> bool:
        """`part`: of the limit."""
        return of >= self.base and count >= self.least * part and count > self.share * part * of


LIMITS: Mapping[Fault, Mapping[Verdict, Limit]] = {
    Fault.COMPLAINTS: {
        Verdict.WATCH: Limit(0.001, 2, 300),
        Verdict.SLOW_DOWN: Limit(0.002, 3, 300),
        Verdict.STOP: Limit(0.003, 5, 300),
    },
    Fault.HARD: {
        Verdict.WATCH: Limit(0.02, 10, 50),
        Verdict.SLOW_DOWN: Limit(0.05, 20, 50),
        Verdict.STOP: Limit(0.15, 50, 100),
    },
    Fault.CONTENT: {
        Verdict.WATCH: Limit(0.01, 5, 50),
        Verdict.SLOW_DOWN: Limit(0.02, 10, 50),
        Verdict.STOP: Limit(0.10, 50, 100),
    },
    Fault.SENDER: {
        Verdict.WATCH: Limit(0.01, 3, 20),
        Verdict.SLOW_DOWN: Limit(0.05, 10, 20),
        Verdict.STOP: Limit(0.20, 30, 50),
    },
    # Greylisting defers everybody once: only what is far above that says something of us.
    Fault.DEFERRED: {Verdict.WATCH: Limit(0.50, 50, 100), Verdict.SLOW_DOWN: Limit(0.70, 100, 100)},
}
CEILING = LIMITS[Fault.COMPLAINTS][Verdict.STOP]


@dataclass(frozen=True, slots=True)
class Opinion:
    """A verdict, and what it is for: `count` of `of` messages."""

    verdict: Verdict = Verdict.FINE
    fault: Fault | None = None
    count: int = 0
    of: int = 0

    @property
    def share(self) -> float:
        return self.count / self.of if self.of else 0.0


FINE = Opinion()


def judge(figures: Figures, before: Verdict = Verdict.FINE) -> Opinion:
    """The verdict about figures, after the verdict `before` about the same domain."""
    for verdict in reversed(Verdict):
        found = [
            (opinion.share / limit.share, opinion)
            for fault, limits in LIMITS.items()
            if (limit := limits.get(verdict)) and (opinion := _passed(figures, fault, verdict, limit, before))
        ]
        if found:
            return max(found, key=lambda pair: pair[0])[1]
    return FINE


def judge_days(
    by_day: Mapping[date, Figures], *, now: datetime, before: Verdict = Verdict.FINE, without: Mapping[date, Figures]
) -> Opinion:
    """The worse of the verdicts about the last two days and the last seven (UTC). `without`: what was acted on
    already, by day, is not counted again.
    """
    fresh = {day: figures - without.get(day, Figures()) for day, figures in by_day.items()}
    opinions = [judge(lately(fresh, now=now, length=length), before) for length in (SHORT, LONG)]
    return max(opinions, key=lambda opinion: opinion.verdict.rank)


def lately(by_day: Mapping[date, Figures], *, now: datetime, length: int) -> Figures:
    """The sum of the last `length` days, today among them."""
    first = now.date() - timedelta(days=length - 1)
    return sum((figures for day, figures in by_day.items() if first <= day <= now.date()), Figures())


def over_the_ceiling(figures: Figures) -> bool:
    """Whether so many readers call it spam as no provider forgives."""
    return CEILING.passed(*figures.share_of(Fault.COMPLAINTS))


def _passed(figures: Figures, fault: Fault, verdict: Verdict, limit: Limit, before: Verdict) -> Opinion | None:
    count, of = figures.share_of(fault)
    part = CALM if verdict.rank <= before.rank else 1.0
    return Opinion(verdict, fault, count, of) if limit.passed(count, of, part=part) else None
