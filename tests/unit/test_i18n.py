"""Sentences, dates and numbers come in the reader's language."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from newsletter.core.catalogue import read_catalogue
from newsletter.core.i18n import (
    current_locale,
    format_date,
    format_datetime,
    format_number,
    format_time,
    gettext,
    known_locale,
    ngettext,
    use_locale,
)

EVENING = datetime(2023, 9, 13, 18, 30, tzinfo=UTC)


def test_english_is_spoken_until_a_language_is_chosen():
    assert current_locale() == "en"
    assert gettext("Unsubscribe") == "Unsubscribe"


def test_a_sentence_is_french_inside_the_block_and_english_after_it():
    with use_locale("fr"):
        assert gettext("Unsubscribe") == "Se désabonner"
        with use_locale("en"):
            assert gettext("Unsubscribe") == "Unsubscribe"
        assert gettext("Unsubscribe") == "Se désabonner"
    assert gettext("Unsubscribe") == "Unsubscribe"


def test_each_thread_has_its_own_language():
    with use_locale("fr"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(gettext, "Unsubscribe").result() == "Unsubscribe"


def test_values_fill_the_sentence_and_a_percent_sign_needs_none():
    assert gettext("%(minutes)s min", minutes=3) == "3 min"
    assert gettext("100% sure") == "100% sure"


@pytest.mark.parametrize(
    ("number", "english", "french"),
    [
        (0, "0 more stories are online", "Une autre nouvelle est en ligne"),
        (1, "One more story is online", "Une autre nouvelle est en ligne"),
        (2, "2 more stories are online", "2 autres nouvelles sont en ligne"),
        (12486, "12,486 more stories are online", "12\u202f486 autres nouvelles sont en ligne"),
    ],
)
def test_the_plural_follows_the_language(number, english, french):
    forms = ("One more story is online", "%(num)s more stories are online")
    assert ngettext(*forms, number) == english
    with use_locale("fr"):
        assert ngettext(*forms, number) == french


def test_numbers_are_grouped_as_the_language_does():
    assert format_number(12486, "fr") == "12\u202f486"
    assert format_number(12486, "en") == "12,486"
    assert format_number(-1234567, "fr") == "-1\u202f234\u202f567"


@pytest.mark.parametrize(
    ("locale", "full", "long"),
    [
        ("fr", "Mercredi 13 septembre 2023", "13 septembre 2023"),
        ("en", "Wednesday 13 September 2023", "13 September 2023"),
    ],
)
def test_a_date_stands_alone_or_in_a_sentence(locale, full, long):
    day = date(2023, 9, 13)
    assert format_date(day, locale) == full
    assert format_date(day, locale, style="long") == long


def test_the_first_of_a_month_is_an_ordinal_in_french():
    assert format_date(date(2024, 2, 1), "fr") == "Jeudi 1er février 2024"
    assert format_date(date(2024, 2, 11), "fr", style="long") == "11 février 2024"
    assert format_date(date(2024, 2, 1), "en") == "Thursday 1 February 2024"


def test_hours_are_written_as_newspapers_do():
    assert format_time(EVENING, "fr") == "18\u00a0h\u00a030"
    assert format_time(EVENING.replace(minute=0), "fr") == "18\u00a0h"
    assert format_time(EVENING.replace(hour=6, minute=5), "fr") == "6\u00a0h\u00a005"
    assert format_time(EVENING, "en") == "18:30"


def test_a_moment_is_told_in_the_zone_of_the_newsletter():
    zone = ZoneInfo("Pacific/Auckland")
    assert format_datetime(EVENING, "fr", zone) == "14 septembre 2023 à 6\u00a0h\u00a030"
    assert format_datetime(EVENING, "en", zone) == "14 September 2023 at 06:30"


@pytest.mark.parametrize(
    ("tag", "locale"), [("fr", "fr"), ("fr-TG", "fr"), ("FR_fr", "fr"), ("en-GB", "en"), ("ee", None), ("", None)]
)
def test_a_language_tag_means_its_language(tag, locale):
    assert known_locale(tag) == locale


def test_an_unknown_language_is_answered_in_english():
    with use_locale("ee"):
        assert current_locale() == "en"


def test_fuzzy_and_empty_entries_stay_english(tmp_path):
    path = tmp_path / "messages.po"
    path.write_text(
        'msgid ""\nmsgstr ""\n"Plural-Forms: nplurals=2; plural=(n > 1);\\n"\n\n'
        '#: a.py\n#, fuzzy, python-format\nmsgid "guessed"\nmsgstr "deviné"\n\n'
        'msgid "empty"\nmsgstr ""\n\n'
        '#, python-format\nmsgid ""\n"a \\"long\\"\\n"\n"one"\nmsgstr ""\n"une \\"longue\\"\\n"\n"chose"\n\n'
        'msgid "%(num)s day"\nmsgid_plural "%(num)s days"\nmsgstr[0] "%(num)s jour"\nmsgstr[1] "%(num)s jours"\n',
        "utf-8",
    )
    catalogue = read_catalogue(path)
    assert catalogue.gettext("guessed") == "guessed"
    assert catalogue.gettext("empty") == "empty"
    assert catalogue.gettext('a "long"\none') == 'une "longue"\nchose'
    assert catalogue.ngettext("%(num)s day", "%(num)s days", 1) == "%(num)s jour"
    assert catalogue.ngettext("%(num)s day", "%(num)s days", 5) == "%(num)s jours"
