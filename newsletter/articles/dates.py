"""Publication times as pages and bylines write them."""

import re
from datetime import UTC, datetime, tzinfo
from typing import Final

MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "janvier janv jan january",
            "février fevrier févr fevr fév feb february",
            "mars mar march",
            "avril avr apr april",
            "mai may",
            "juin jun june",
            "juillet juil jul july",
            "août aout aug august",
            "septembre sept sep september",
            "octobre oct october",
            "novembre nov november",
            "décembre decembre déc dec december",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH: Final = "|".join(sorted(MONTHS, key=len, reverse=True))
_GAP: Final = r"[\s\xa0\u202f]"
_HOUR: Final = (
    rf"(?:,?{_GAP}*(?:à|at|-|–|·)?{_GAP}*(?P<hour>\d{{1,2}}){_GAP}?[h:]{_GAP}?(?P<minute>\d{{2}})?(?::\d{{2}})?"
    rf"{_GAP}?(?P<half>[ap]\.?m\.?)?)?"
)
_DAY: Final = (
    rf"(?:(?P<d1>\d{{1,2}})(?:er|st|nd|rd|th)?{_GAP}(?P<m1>{_MONTH})\.?,?{_GAP}(?P<y1>\d{{4}})"
    rf"|(?P<m2>{_MONTH})\.?{_GAP}(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?,?{_GAP}(?P<y2>\d{{4}})"
    r"|(?P<d3>\d{1,2})[/.](?P<m3>\d{1,2})[/.](?P<y3>\d{4})"
    r"|(?P<y4>\d{4})-(?P<m4>\d{2})-(?P<d4>\d{2})T?)"
)
_WRITTEN: Final = re.compile(_DAY + _HOUR, re.IGNORECASE)


def parse_date(text: str, zone: tzinfo = UTC) -> datetime | None:
    """The first date in a text, with its time when it has one, in UTC; None when there is none that exists.

    ISO 8601 and French or English words are read; figures alone are day first. `zone` is that of a time without one; a
    date alone is its midnight.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return _read_words(text, zone)
    return _to_utc(found, zone)


def written_date_pattern() -> str:
    """A regular expression without named groups for a written date with an optional time."""
    return re.sub(r"\?P<\w+>", "?:", _DAY + _HOUR)


def _read_words(text: str, zone: tzinfo) -> datetime | None:
    match = _WRITTEN.search(text)
    if match is None:
        return None
    fields = {name: value for name, value in match.groupdict().items() if value}
    day, month, year = (next(fields[name + form] for form in "1234" if name + form in fields) for name in "dmy")
    hour = int(fields.get("hour", 0))
    if half := fields.get("half", "").lower():
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    try:
        number = int(month) if month.isdigit() else MONTHS[month.lower()]
        return _to_utc(datetime(int(year), number, int(day), hour, int(fields.get("minute", 0))), zone)  # noqa: DTZ001
    except ValueError:
        return None


def _to_utc(found: datetime, zone: tzinfo) -> datetime | None:
    try:
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        return None
