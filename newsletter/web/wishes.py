"""What a reader may decide about a newsletter, as the fields of a form: for readers and for staff alike.

Each field's name begins with the newsletter's id, so that one form holds several newsletters.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import format_datetime, format_time
from newsletter.core.i18n import gettext as _
from newsletter.newsletters.models import Edition, Schedule
from newsletter.subscriptions.interning import ChoiceValues
from newsletter.subscriptions.wishes import Options, Wish

MOST_DIGITS = 15
HOURS = tuple(str(hour) for hour in range(24))


@dataclass(frozen=True, slots=True)
class Fields:
    """A newsletter's part of the form, as it is shown: what stands in each field, and what is wrong with it."""

    options: Options
    topics: frozenset[str]
    cadence: str
    edition: str
    hour: str
    timezone: str
    breaking: bool
    until: str
    problem: str = ""

    @property
    def prefix(self) -> str:
        return prefix(self.options)


def prefix(options: Options) -> str:
    return f"n{options.newsletter.id}-"


def shown(options: Options, wish: Wish) -> Fields:
    """The fields filled with what a reader decided so far."""
    choice = wish.choice
    chosen = {item.id for item in options.topics} if choice.topics is None else choice.topics
    return Fields(
        options=options,
        topics=frozenset(map(str, chosen)),
        cadence=str(wish.cadence),
        edition=choice.edition,
        hour="" if choice.hour is None else str(choice.hour),
        timezone=choice.timezone or options.newsletter.timezone,
        breaking=choice.breaking,
        until=wish.paused_until.isoformat() if wish.paused_until else "",
    )


def sent(options: Options, form: MultiDict[str, str], problem: str = "") -> Fields | None:
    """The fields as somebody filled them; None when the form has no part about this newsletter."""
    start = prefix(options)
    if f"{start}shown" not in form:
        return None
    return Fields(
        options=options,
        topics=frozenset(text[:MOST_DIGITS] for text in form.getlist(f"{start}topic")),
        cadence=form.get(f"{start}cadence", "")[:MOST_DIGITS],
        edition=form.get(f"{start}edition", Edition.FULL)[:20],
        hour=form.get(f"{start}hour", "")[:4],
        timezone=form.get(f"{start}timezone", "").strip()[:64],
        breaking=form.get(f"{start}breaking") == "yes",
        until=form.get(f"{start}until", "").strip()[:20],
        problem=problem,
    )


def read(fields: Fields) -> Wish:
    """What the fields mean; RefusedError for what no form of ours can say."""
    return Wish(
        ChoiceValues(
            topics=topics_of(fields.options, fields.topics),
            edition=_edition(fields.edition),
            hour=_hour(fields.hour),
            timezone=_zone(fields),
            breaking=fields.breaking,
        ),
        cadence=cadence_of(fields.options, fields.cadence),
        paused_until=_day(fields.until),
    )


def topics_of(options: Options, given: frozenset[str]) -> frozenset[int] | None:
    """The topics that were ticked; None: all of them, those to come included."""
    if not options.topics:
        return None
    known = {str(item.id): item.id for item in options.topics}
    if not given <= known.keys():
        raise RefusedError(_("This topic belongs to another newsletter."))
    if not given:
        raise RefusedError(_("Choose at least one topic. To get nothing any more, leave the newsletter."))
    return None if len(given) == len(known) else frozenset(known[text] for text in given)


def cadence_of(options: Options, given: str) -> int:
    """The id of the rhythm that was chosen, the main one when none was."""
    known = {str(item.id): item.id for item in options.cadences}
    if not given:
        return options.cadences[0].id
    if given not in known:
        raise RefusedError(_("This rhythm belongs to another newsletter."))
    return known[given]


def next_run(schedule: Schedule, zone_name: str) -> str:
    """When a rhythm's next digest leaves, in words; empty when that is not known."""
    if schedule.next_due_at is None or schedule.paused_at is not None:
        return ""
    zone = ZoneInfo(schedule.timezone or zone_name)
    return _("Next: %(moment)s", moment=format_datetime(schedule.next_due_at, zone=zone))


def hour_choices() -> list[tuple[str, str]]:
    """Hours as a list to choose from."""
    asap = _("As soon as it is ready")
    return [("", asap), *((hour, format_time(datetime(2026, 1, 1, int(hour), tzinfo=UTC))) for hour in HOURS)]


def _edition(text: str) -> Edition:
    if text not in set(Edition):
        raise RefusedError(_("Choose one of the forms of the message."))
    return Edition(text)


def _hour(text: str) -> int | None:
    if text and text not in HOURS:
        raise RefusedError(_("An hour is a number from 0 to 23."))
    return int(text) if text else None


def _zone(fields: Fields) -> str | None:
    ours = fields.options.newsletter.timezone
    return fields.timezone if fields.timezone and fields.timezone != ours else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise RefusedError(_("Write the day a break ends as 2027-01-31.")) from None
