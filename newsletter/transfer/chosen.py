"""What readers chose, as columns of a file: read by short names, written back so that the file can be read again."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.database import among
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.newsletters.models import Edition, Newsletter
from newsletter.subscriptions import choices, wishes
from newsletter.subscriptions.interning import EVERYTHING, ChoiceValues, intern, of_row
from newsletter.subscriptions.models import Choice, Subscription

COLUMNS: Final = ("topics", "cadence", "edition", "hour", "timezone", "breaking")
YES = frozenset({"yes", "oui", "true", "1"})
NO = frozenset({"no", "non", "false", "0"})
SEPARATOR = ";"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The cells of a row as they stand in the file; an empty one says nothing."""

    topics: str = ""
    cadence: str = ""
    edition: str = ""
    hour: str = ""
    timezone: str = ""
    breaking: str = ""


NOTHING_CHOSEN = Chosen()


def read_chosen(values: Mapping[str, str]) -> Chosen:
    """The cells of a row that say what was chosen."""
    return Chosen(**{name: values.get(name, "")[:1000] for name in COLUMNS})


class Deciding:
    """What the rows of a group mean: each different way to choose is looked at and kept once, however many rows have
    it. `refused` says of a way that makes no sense why.
    """

    def __init__(self, session: Session, newsletter: Newsletter, rows: Iterable[Chosen]) -> None:
        self.refused: dict[Chosen, str] = {}
        understood: dict[Chosen, tuple[ChoiceValues, int | None]] = {}
        known = wishes.options(session, newsletter)
        self._topics = {item.slug: item.id for item in known.topics}
        self._cadences = {item.slug: item.id if at else None for at, item in enumerate(known.cadences)}
        for row in set(rows):
            try:
                values = choices.check(session, newsletter.id, self._values(row))
                understood[row] = values, self._cadence(row.cadence)
            except RefusedError as error:
                self.refused[row] = str(error)
        ids = intern(session, newsletter.id, {values for values, _cadence in understood.values()})
        self._kept = {row: (ids[values], cadence) for row, (values, cadence) in understood.items()}

    def decide(self, subscription: Subscription, row: Chosen) -> None:
        """Give a new subscription what its row says."""
        subscription.choice_id, subscription.schedule_id = self._kept[row]

    def _values(self, row: Chosen) -> ChoiceValues:
        named = [name.strip().lower() for name in row.topics.split(SEPARATOR) if name.strip()]
        unknown = [name for name in named if name not in self._topics]
        if unknown:
            raise RefusedError(
                _(
                    "There is no topic “%(name)s”. These exist: %(topics)s.",
                    name=unknown[0][:60],
                    topics=", ".join(sorted(self._topics)) or "—",
                )
            )
        if row.edition and row.edition.lower() not in set(Edition):
            raise RefusedError(_("The edition is one of: %(words)s.", words=", ".join(Edition)))
        if row.hour and not (row.hour.isascii() and row.hour.isdecimal() and len(row.hour) < 3):
            raise RefusedError(_("An hour is a number from 0 to 23."))
        if row.breaking and row.breaking.lower() not in YES | NO:
            raise RefusedError(_("Breaking news: yes or no."))
        return ChoiceValues(
            topics=frozenset(self._topics[name] for name in named) if named else None,
            edition=Edition(row.edition.lower()) if row.edition else Edition.FULL,
            hour=int(row.hour) if row.hour else None,
            timezone=row.timezone or None,
            breaking=row.breaking.lower() not in NO,
        )

    def _cadence(self, slug: str) -> int | None:
        if slug and slug.lower() not in self._cadences:
            known = ", ".join(self._cadences)
            raise RefusedError(_("There is no rhythm “%(name)s”. These exist: %(known)s.", name=slug[:60], known=known))
        return self._cadences[slug.lower()] if slug else None


def written(session: Session, newsletter_id: int, subscription_ids: Collection[int]) -> dict[int, list[str]]:
    """The cells of COLUMNS of some subscriptions of a newsletter; empty cells where nothing was chosen."""
    newsletter = session.get_one(Newsletter, newsletter_id)
    known = wishes.options(session, newsletter)
    topics = {item.id: item.slug for item in known.topics}
    cadences = {item.id: item.slug for item in known.cadences}
    rows = session.execute(
        select(Subscription.id, Subscription.choice_id, Subscription.schedule_id).where(
            among(session, Subscription.id, subscription_ids)
        )
    ).all()
    used = {row.choice_id for row in rows if row.choice_id is not None}
    kept = {row.id: of_row(row) for row in session.scalars(select(Choice).where(among(session, Choice.id, used)))}
    return {
        row.id: _cells(kept.get(row.choice_id, EVERYTHING), cadences.get(row.schedule_id, ""), topics) for row in rows
    }


def _cells(values: ChoiceValues, cadence: str, topics: Mapping[int, str]) -> list[str]:
    named = sorted(topics[item] for item in values.topics or () if item in topics)
    return [
        SEPARATOR.join(named),
        cadence,
        "" if values.edition is Edition.FULL else values.edition,
        "" if values.hour is None else str(values.hour),
        values.timezone or "",
        "" if values.breaking else "no",
    ]
