"""What each hit adds to the counts, and the difference to what it had added before. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from newsletter.tracking.agents import Sort, sort_of
from newsletter.tracking.verdicts import Hit, Ruling
from newsletter.tracking.words import Manner, Verdict

ONCE_A: Final = timedelta(minutes=1)  # the same reader and link count once
ONCE_A_NETWORK: Final = timedelta(seconds=5)  # the same link from one network, where nobody knows the reader


class Share(NamedTuple):
    """What one hit adds: to the figure of its verdict, to the readers of its link, to those of the issue."""

    verdict: Verdict
    counted: bool
    first_of_link: bool
    first_of_issue: bool


class Cell(NamedTuple):
    """A figure of a row of a table of counts."""

    table: str
    issue_id: int
    place: int | date  # the number of a link, or a day
    column: str


LINKS: Final = "links"
CLICKS: Final = "clicks"
OPENS: Final = "opens"

_OF_CLICKS: Final = {
    Verdict.PERSON: "clicks",
    Verdict.MACHINE: "machines",
    Verdict.PREFETCH: "machines",
    Verdict.UNKNOWN: "unknown",
}
_OF_OPENS: Final = _OF_CLICKS | {Verdict.PERSON: "opens", Verdict.PREFETCH: "prefetched"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hit is counted."""

    issue_id: int
    number: int
    day: date


def share_out(hits: Sequence[Hit], rulings: Mapping[int, Ruling], *, named: bool) -> dict[int, Share]:
    """What each hit of one reader adds, by id; or, not `named`, each hit of whoever they are that were judged together.

    A HEAD adds nothing. Within a minute of one that counts, the same again adds nothing. A service that loads pictures
    for all its readers is many at once.
    """
    shares: dict[int, Share] = {}
    last: dict[tuple[int, Verdict, tuple[str, str]], Hit] = {}
    links: set[int] = set()
    issue: set[bool] = set()
    for hit in sorted(hits, key=lambda item: (item.at, item.id)):
        verdict = rulings[hit.id].verdict
        # Of a reader it does not matter with which program; of nobody in particular it is all that is known.
        key = (hit.number, verdict, ("", "") if named else hit.source)
        before = last.get(key)
        apart = ONCE_A if named else ONCE_A_NETWORK
        many = not named and sort_of(hit.family) in (Sort.PROXY, Sort.APPLE)
        counted = hit.manner is not Manner.HEAD and (many or before is None or hit.at - before.at >= apart)
        if counted:
            last[key] = hit
        person = named and counted and verdict is Verdict.PERSON
        opened = hit.number == 0
        shares[hit.id] = Share(
            verdict,
            counted,
            first_of_link=person and not opened and hit.number not in links,
            first_of_issue=person and opened not in issue,
        )
        if person:
            links.add(hit.number)
            issue.add(opened)
    return shares


def difference(place: Place, before: Share | None, after: Share) -> Counter[Cell]:
    """What the counts gain and lose when a hit that had added `before` adds `after`."""
    change: Counter[Cell] = Counter(_cells(place, after))
    if before is not None:
        change.subtract(_cells(place, before))
    return change


def _cells(place: Place, share: Share) -> Iterator[Cell]:
    opened = place.number == 0
    daily = OPENS if opened else CLICKS
    if share.counted:
        column = (_OF_OPENS if opened else _OF_CLICKS)[share.verdict]
        yield Cell(daily, place.issue_id, place.day, column)
        if not opened:
            yield Cell(LINKS, place.issue_id, place.number, column)
    if share.first_of_link:
        yield Cell(LINKS, place.issue_id, place.number, "readers")
    if share.first_of_issue:
        yield Cell(daily, place.issue_id, place.day, "readers")
