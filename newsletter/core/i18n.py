"""Sentences, dates and numbers in the reader's language, for the command line, the workers, the pages and the mails.

The message id is the English sentence, so English needs no catalogue; French lives in `newsletter/locale/fr`. The
language is a context variable: each request, each task and each mail sets its own with `use_locale`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Final, Literal, TypeVar

import newsletter
from newsletter.core.catalogue import ENGLISH, Catalogue, read_catalogue

LOCALES: Final = ("fr", "en")
CATALOGUES: Final = Path(newsletter.__file__).parent / "locale"
RIGHT_TO_LEFT: Final = frozenset(("ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"))
NO_BREAK: Final = "\u00a0"
NARROW_NO_BREAK: Final = "\u202f"

Moment = TypeVar("Moment", bound=date)

_current: ContextVar[str] = ContextVar("locale", default="en")


def current_locale() -> str:
    return _current.get()


@contextmanager
def use_locale(locale: str) -> Iterator[None]:
    """Speak this language inside the block; a tag such as "fr-TG" means its language, an unknown one English."""
    token = _current.set(known_locale(locale) or "en")
    try:
        yield
    finally:
        _current.reset(token)


def known_locale(tag: str) -> str | None:
    """The locale that serves a BCP 47 language tag, None when there is none."""
    language = tag.replace("_", "-").partition("-")[0].strip().lower()
    return language if language in LOCALES else None


def direction(tag: str) -> str:
    """ "rtl" for a language that is written from right to left, else "ltr"."""
    return "rtl" if tag.replace("_", "-").partition("-")[0].lower() in RIGHT_TO_LEFT else "ltr"


@cache
def translator(locale: str) -> Catalogue:
    return ENGLISH if locale == "en" else read_catalogue(CATALOGUES / locale / "LC_MESSAGES" / "messages.po")


def gettext(message: str, /, **values: object) -> str:
    """The sentence in the current language; `%(name)s` in it is filled from `values` when there are any."""
    text = translator(_current.get()).gettext(message)
    return text % values if values else text


def ngettext(singular: str, plural: str, number: int, /, **values: object) -> str:
    """The sentence for this number. `%(num)s` is the number written as the language does."""
    text = translator(_current.get()).ngettext(singular, plural, number)
    return text % {"num": format_number(number), **values}


def format_number(number: int, locale: str | None = None) -> str:
    """12486 is "12 486" (narrow no-break space) in French, "12,486" in English."""
    return f"{number:,}".replace(",", NARROW_NO_BREAK) if _in(locale) == "fr" else f"{number:,}"


def format_date(
    moment: date, locale: str | None = None, zone: tzinfo | None = None, *, style: Literal["full", "long"] = "full"
) -> str:
    """ "Mercredi 13 septembre 2023" for a line of its own, or with style "long" "13 septembre 2023" inside a sentence.

    `zone`: where the day is taken from an aware moment; without it the moment's own.
    """
    # 60 ms that a command without a date need not wait for.
    from babel.dates import format_date as by_pattern  # noqa: PLC0415

    locale = _in(locale)
    day = _local(moment, zone)
    text = by_pattern(day, "EEEE d MMMM y" if style == "full" else "d MMMM y", locale)
    if locale == "fr" and day.day == 1:
        text = text.replace("1 ", "1er ", 1)
    return text[0].upper() + text[1:]


def format_time(moment: datetime, locale: str | None = None, zone: tzinfo | None = None) -> str:
    """ "18 h 30" in French, "18:30" in English."""
    local = _local(moment, zone)
    if _in(locale) != "fr":
        return f"{local:%H:%M}"
    return f"{local.hour}{NO_BREAK}h{NO_BREAK}{local:%M}" if local.minute else f"{local.hour}{NO_BREAK}h"


def format_datetime(moment: datetime, locale: str | None = None, zone: tzinfo | None = None) -> str:
    """ "13 septembre 2023 à 18 h 30", "13 September 2023 at 18:30"."""
    day, hour = format_date(moment, locale, zone, style="long"), format_time(moment, locale, zone)
    return f"{day} à {hour}" if _in(locale) == "fr" else f"{day} at {hour}"


def _in(locale: str | None) -> str:
    return _current.get() if locale is None else locale


def _local(moment: Moment, zone: tzinfo | None) -> Moment:
    return moment.astimezone(zone) if zone and isinstance(moment, datetime) else moment
