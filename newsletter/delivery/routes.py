"""Which relay a message should take: by its sender first, then by weight, and what stands by only when nothing else is
open.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from newsletter.mail.transport import Relay


@dataclass(slots=True, eq=False)
class Outlet:
    """A relay as the choice sees it. `turn` is what it is owed, in weights."""

    relay_id: int
    relay: Relay
    weight: int = 1
    standby: bool = False
    senders: frozenset[str] = frozenset()
    group_exchangers: bool = False
    per_connection: int = 0
    turn: float = field(default=0.0, repr=False)


class Tier:
    """Relays among which the weights decide: each gets its share in every short stretch, not in long runs."""

    def __init__(self, outlets: Sequence[Outlet], rng: random.Random) -> None:
        self.outlets = sorted(outlets, key=lambda outlet: outlet.relay_id)
        self._total = sum(outlet.weight for outlet in outlets)
        for outlet in self.outlets:  # so that a hundred workers do not all begin with the same relay
            outlet.turn = rng.uniform(0, outlet.weight)

    def by_turn(self) -> Iterable[Outlet]:
        """The one whose turn it is, then the others, should it not take the message."""
        if len(self.outlets) == 1:
            return self.outlets
        return sorted(self.outlets, key=lambda outlet: outlet.turn + outlet.weight, reverse=True)

    def chose(self, chosen: Outlet) -> None:
        """Count a message for one. What a relay that is held up is owed stays small: it gets no flood afterwards."""
        if len(self.outlets) == 1:
            return
        for outlet in self.outlets:
            outlet.turn = min(outlet.turn + outlet.weight, self._total)
        chosen.turn = max(chosen.turn - self._total, -self._total)


class Routes:
    """The tiers for each sender: relays meant for it, those for everybody, and in the same order those on standby."""

    def __init__(self, outlets: Sequence[Outlet], rng: random.Random) -> None:
        self.outlets = {outlet.relay_id: outlet for outlet in outlets}
        self._rng = rng
        self._tiers: dict[str, tuple[Tier, ...]] = {}
        self._shared: dict[tuple[int, ...], Tier] = {}

    def tiers(self, sender_domain: str) -> tuple[Tier, ...]:
        found = self._tiers.get(sender_domain)
        if found is None:
            found = self._tiers[sender_domain] = self._arrange(sender_domain)
        return found

    def _arrange(self, sender_domain: str) -> tuple[Tier, ...]:
        wanted: tuple[Callable[[Outlet], bool], ...] = (
            lambda outlet: sender_domain in outlet.senders and not outlet.standby,
            lambda outlet: not outlet.senders and not outlet.standby,
            lambda outlet: sender_domain in outlet.senders and outlet.standby,
            lambda outlet: not outlet.senders and outlet.standby,
        )
        groups = ([outlet for outlet in self.outlets.values() if wants(outlet)] for wants in wanted)
        return tuple(self._tier(group) for group in groups if group)

    def _tier(self, group: list[Outlet]) -> Tier:
        """The same relays share one count, whichever sender asks."""
        key = tuple(sorted(outlet.relay_id for outlet in group))
        if key not in self._shared:
            self._shared[key] = Tier(group, self._rng)
        return self._shared[key]
