"""Who was at work, a person or a machine: a pure function of all that is known to have happened to one message.

What came later may say more of what came before: a scanner that follows everything is known by its third link. So the
same hits are judged again when others have come, always all of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from newsletter.tracking.agents import Sort, sort_of
from newsletter.tracking.words import Manner, Reason, Verdict


@dataclass(frozen=True, slots=True)
class Hit:
    """A request for a link of a message, or for its pixel (`number` 0)."""

    id: int
    number: int
    at: datetime
    manner: Manner
    family: str
    network: str

    @property
    def source(self) -> tuple[str, str]:
        return self.network, self.family


@dataclass(frozen=True, slots=True)
class Ruling:
    verdict: Verdict
    reason: Reason


@dataclass(frozen=True, slots=True)
class Signs:
    """From when on behaviour is no person's. `flurry`: (links, within) of any of which one is enough; `sweep`: so many
    links within `sweep_within` are all, or as good as all.
    """

    flurry: tuple[tuple[int, timedelta], ...]
    sweep: int
    sweep_within: timedelta


# Of one message: nobody opens two links within a second, or three within four, or reads five within a minute.
OF_ONE: Final = Signs(
    flurry=((2, timedelta(seconds=1)), (3, timedelta(seconds=4))), sweep=5, sweep_within=timedelta(minutes=1)
)
# Of nobody knows how many readers behind one network: whole towns share the address of a telephone company, so only
# what not even they do counts.
OF_MANY: Final = Signs(flurry=((5, timedelta(seconds=1)),), sweep=0, sweep_within=timedelta(0))

EARLY: Final = timedelta(seconds=5)  # after the relay took a message, nobody has read it
CLOCKS_APART: Final = timedelta(seconds=5)  # the ledger writes a little later than the message leaves
FEWEST: Final = 3  # links that a message has for "all of them" to say anything

_SORTED: Final = {Sort.SCANNER: Reason.SCANNER, Sort.ROBOT: Reason.ROBOT}


def judge(hits: Sequence[Hit], *, sent_at: datetime | None, links: int, signs: Signs = OF_ONE) -> dict[int, Ruling]:
    """A ruling on each hit of one message, by id. `sent_at`: when the relay took it; `links`: how many it has."""
    ordered = sorted(hits, key=lambda hit: (hit.at, hit.id))
    rulings: dict[int, Ruling] = {}
    for hit in ordered:
        if ruling := _by_itself(hit, sent_at):
            rulings[hit.id] = ruling
    clicks = [hit for hit in ordered if hit.number]
    for reason, found in (
        (Reason.FLURRY, _flurries(clicks, signs)),
        (Reason.SWEEP, _sweeps(clicks, signs, links)),
    ):
        for hit in found:
            if rulings.get(hit.id, _PERSON).verdict in (Verdict.PERSON, Verdict.UNKNOWN):
                rulings[hit.id] = Ruling(Verdict.MACHINE, reason)
    return _with_company(ordered, rulings) if signs is OF_ONE else {**_ordinary(ordered), **rulings}


_PERSON: Final = Ruling(Verdict.PERSON, Reason.ORDINARY)
_OPENED: Final = Ruling(Verdict.PERSON, Reason.PROXY)
_NAMELESS: Final = Ruling(Verdict.UNKNOWN, Reason.NAMELESS)


def _by_itself(hit: Hit, sent_at: datetime | None) -> Ruling | None:
    """What one hit says by itself; None: nothing against a person."""
    if hit.manner is Manner.HEAD:
        return Ruling(Verdict.MACHINE, Reason.HEAD)
    if hit.manner is Manner.AHEAD:
        return Ruling(Verdict.PREFETCH, Reason.AHEAD)
    sort = sort_of(hit.family)
    if sort in _SORTED:
        return Ruling(Verdict.MACHINE, _SORTED[sort])
    if sort is Sort.APPLE:
        return Ruling(Verdict.PREFETCH, Reason.APPLE)
    if sent_at is not None and -CLOCKS_APART <= hit.at - sent_at < EARLY:
        return Ruling(Verdict.MACHINE if hit.number else Verdict.PREFETCH, Reason.EARLY)
    if sort is Sort.PROXY or (sort is Sort.MAIL_PROGRAM and hit.number):
        # Neither follows links for anybody: it looks where they lead. The browser that the reader sees comes by itself.
        return Ruling(Verdict.MACHINE, Reason.SCANNER) if hit.number else _OPENED
    return _NAMELESS if sort is Sort.OTHER else None


def _flurries(clicks: Sequence[Hit], signs: Signs) -> Iterable[Hit]:
    """Hits of one source that follow each other faster than a hand."""
    for mine in _by_source(clicks):
        for links, within in signs.flurry:
            yield from _crowded(mine, links, within)


def _sweeps(clicks: Sequence[Hit], signs: Signs, links: int) -> Iterable[Hit]:
    """Hits of a source that follows everything, in whatever time, or very much within a short one."""
    if not signs.sweep:
        return
    for mine in _by_source(clicks):
        if links >= FEWEST and len({hit.number for hit in mine}) >= links:
            yield from mine
        else:
            yield from _crowded(mine, signs.sweep, signs.sweep_within)


def _crowded(ordered: Sequence[Hit], links: int, within: timedelta) -> Iterable[Hit]:
    """Hits of any stretch of this length that has so many different links."""
    start = 0
    for end, hit in enumerate(ordered):
        while hit.at - ordered[start].at > within:
            start += 1
        stretch = ordered[start : end + 1]
        if len({item.number for item in stretch}) >= links:
            yield from stretch


def _by_source(clicks: Sequence[Hit]) -> Iterable[list[Hit]]:
    sources: dict[tuple[str, str], list[Hit]] = {}
    for hit in clicks:
        sources.setdefault(hit.source, []).append(hit)
    return sources.values()


def _with_company(ordered: Sequence[Hit], rulings: dict[int, Ruling]) -> dict[int, Ruling]:
    """The rulings on all hits. What asks from where a machine was seen, under the same name, is that machine; the
    network alone says nothing, for a filter and its people may share one.
    """
    machines = {hit.source for hit in ordered if hit.id in rulings and rulings[hit.id].verdict is Verdict.MACHINE}
    made: dict[int, Ruling] = {}
    for hit in ordered:
        ruling = rulings.get(hit.id, _PERSON)
        if hit.number and ruling.verdict in (Verdict.PERSON, Verdict.UNKNOWN) and hit.source in machines:
            ruling = Ruling(Verdict.MACHINE, Reason.SAME_SOURCE)
        made[hit.id] = ruling
    return made


def _ordinary(ordered: Sequence[Hit]) -> dict[int, Ruling]:
    return dict.fromkeys((hit.id for hit in ordered), _PERSON)
