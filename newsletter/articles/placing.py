"""An editor's word about an article in a newsletter: its place, its weight, from when and until when it may come."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo

from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.articles.dates import parse_date
from newsletter.articles.models import Placement
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _

LAST_PLACE = 50
MOST_BOOST = 10.0


@dataclass(frozen=True, slots=True)
class Placing:
    """What can be said.

    `pin`: its place in the next digest, 1 is the lead; None: by the rules. `boost` is added to its score, -10 to 10. It
    comes in no digest before `embargo_until`, nor from `expires_at` on. `reserve`: evergreen, for a day with too little
    news.
    """

    pin: int | None = None
    boost: float = 0.0
    embargo_until: datetime | None = None
    expires_at: datetime | None = None
    reserve: bool = False


def placing_of(placement: Placement) -> Placing:
    """What is said now."""
    return Placing(
        pin=placement.pin,
        boost=placement.boost,
        embargo_until=placement.embargo_until,
        expires_at=placement.expires_at,
        reserve=placement.reserve,
    )


def placement_of(session: Session, article_id: int, newsletter_id: int) -> Placement:
    """NotFoundError when the article is not offered to this newsletter."""
    found = session.get(Placement, (article_id, newsletter_id))
    if found is None:
        raise NotFoundError(_("This article does not exist."))
    return found


def place(
    session: Session,
    article_id: int,
    newsletter_id: int,
    said: Placing,
    *,
    actor: str,
    now: datetime,
    user_id: int | None = None,
) -> Placement:
    """Set all of it, and record who changed what. The next digest that is composed goes by it; one that is a draft
    already does not. NotFoundError when the article is not offered to the newsletter, RefusedError for what cannot be.
    """
    _check(said)
    found = placement_of(session, article_id, newsletter_id)
    before, after = asdict(placing_of(found)), asdict(said)
    changed = {name: value for name, value in after.items() if value != before[name]}
    if not changed:
        return found
    if "pin" in changed:
        found.pinned_by = actor if said.pin is not None else None
    for name, value in changed.items():
        setattr(found, name, value)
    audit.record(
        session,
        actor=actor,
        action="article.placed",
        subject="article",
        subject_id=article_id,
        now=now,
        user_id=user_id,
        newsletter_id=newsletter_id,
        **_plain(changed),
    )
    session.flush()
    return found


def read_moment(text: str, zone: tzinfo) -> datetime | None:
    """A date with or without a time, in the newsletter's zone where it names none; None for an empty text.

    A date alone is its first minute. Raises RefusedError.
    """
    if not text.strip():
        return None
    found = parse_date(text, zone)
    if found is None:
        raise RefusedError(_("“%(text)s” is no date. Write it like 2026-03-31 18:00.", text=text.strip()[:60]))
    return found


def read_number(text: str) -> float:
    """A number with a point or a comma; 0 for an empty text. Raises RefusedError."""
    try:
        return float(text.strip().replace(",", ".").replace("\u2212", "-") or 0)
    except ValueError:
        raise RefusedError(_("“%(text)s” is no number.", text=text.strip()[:60])) from None


def read_place(text: str) -> int | None:
    """A place in the digest; None for an empty text. Raises RefusedError."""
    if not text.strip():
        return None
    if not text.strip().isdecimal() or len(text) > 9:
        raise RefusedError(_place_refused())
    return int(text)


def _check(said: Placing) -> None:
    if said.pin is not None and not 1 <= said.pin <= LAST_PLACE:
        raise RefusedError(_place_refused())
    if not -MOST_BOOST <= said.boost <= MOST_BOOST:
        raise RefusedError(_("A boost goes from -%(most)d to %(most)d.", most=MOST_BOOST))
    if said.embargo_until and said.expires_at and said.expires_at <= said.embargo_until:
        raise RefusedError(_("It would expire before it may come. Change one of the two dates."))


def _place_refused() -> str:
    return _("A place is a number from 1, the lead, to %(last)d.", last=LAST_PLACE)


def _plain(changed: Mapping[str, object]) -> dict[str, object]:
    """For the record, which holds no dates."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in changed.items()}
