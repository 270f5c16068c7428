"""Which articles a run may look at: a function of when they came in and of what the cadence has said of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

GRACE = timedelta(hours=1)  # an article may be committed a little after the moment it was placed


@dataclass(frozen=True, slots=True)
class Offer:
    """An article as far as its window needs it. `kept`: pinned or in reserve, and so not bound to a window. One under
    embargo comes in when that ends. `revised_at`: when its source changed it last.
    """

    article_id: int
    placed_at: datetime
    pinned: bool = False
    reserve: bool = False
    embargo_until: datetime | None = None
    revised_at: datetime | None = None
    withdrawn_at: datetime | None = None

    @property
    def kept(self) -> bool:
        return self.pinned or self.reserve

    @property
    def came_at(self) -> datetime:
        """From when on a digest may have it."""
        return max(self.placed_at, self.embargo_until or self.placed_at)


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier runs of a cadence have said of an article. `had_at`: the cut-off of the last digest that had it;
    `refused`: one has put it out for good.
    """

    had_at: datetime | None = None
    refused: bool = False


UNKNOWN = Past()


def horizon(windows: Sequence[tuple[datetime, datetime]], *, carry: int, begin: datetime) -> datetime:
    """From which moment on an article may have come in. `windows`: those that the cadence has closed, the latest first;
    `begin`: of the cadence; `carry`: in how many later digests an article may come that found no room.
    """
    if not windows:
        return begin - GRACE
    reached = windows[: max(1, carry)]
    return (reached[-1][0] if carry else reached[0][1]) - GRACE


def open_to(
    offers: Iterable[Offer], past: Mapping[int, Past], *, since: datetime, cut_off: datetime, again: bool
) -> dict[int, bool]:
    """The articles that a run may look at, by id, with whether a digest of the cadence has had them before.

    `since`: see `horizon`. `again`: what changed after a digest had it may come again.
    """
    found: dict[int, bool] = {}
    for offer in offers:
        if offer.placed_at >= cut_off or (offer.withdrawn_at is not None and offer.withdrawn_at <= cut_off):
            continue
        said = past.get(offer.article_id, UNKNOWN)
        if again and said.had_at is not None and _changed(offer, said.had_at, since, cut_off):
            found[offer.article_id] = True
        elif (offer.kept or offer.came_at >= since) and not _done(offer, said):
            found[offer.article_id] = False
    return found


def _changed(offer: Offer, had_at: datetime, since: datetime, cut_off: datetime) -> bool:
    return offer.revised_at is not None and had_at < offer.revised_at and since <= offer.revised_at < cut_off


def _done(offer: Offer, said: Past) -> bool:
    """Whether a cadence is done with an article. Who pins what was put out wants it looked at once more."""
    return said.had_at is not None or (said.refused and not offer.pinned)
