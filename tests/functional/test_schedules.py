"""Rhythms, by command and on the desk: told, tried, changed, paused and removed."""

import re

import pytest

from newsletter.accounts.models import Role
from tests.functional.conftest import House
from tests.functional.test_cli import DONE, Call, evening, newsletter, prepared, refuses
from tests.support.staff import Staff

__all__ = ["evening", "newsletter", "prepared"]

HERE = ("--newsletter", "evening")
PAGES = "/admin/newsletters/depeche/schedules"
WEEKLY = {"name": "Le dimanche", "day": "7", "times": "9 h 30", "do": "save"}


def test_rhythms_are_added_told_changed_and_removed(evening: Call) -> None:
    made = evening(
        "schedules",
        "add",
        "sunday",
        "FREQ=WEEKLY;BYDAY=SU;BYHOUR=9",
        *HERE,
        "--name",
        "Sunday",
        "--lead",
        "60",
        "--json",
    ).data
    assert (made["name"], made["lead_minutes"], made["main"], len(made["next"])) == ("Sunday", 60, False, 10)
    listed = evening("schedules", "list", *HERE, "--json").data
    assert [item["slug"] for item in listed] == ["main", "sunday"]
    changed = evening(
        "schedules", "change", "sunday", *HERE, "--holidays", "tg", "--quiet", "22:00 - 7:30", "--skip", "2030-01-06",
        "--from", "2030-01-01", "--timezone", "Africa/Lome", "--json",
    ).data  # fmt: skip
    assert (changed["holidays"], changed["quiet"], changed["skipped"]) == ("TG", "22:00-07:30", ["2030-01-06"])
    first, second = changed["next"][:2]
    assert (first["at"], first["left_out"]) == ("2030-01-06T09:00:00+00:00", "skipped")
    assert second["left_out"] == ""
    assert evening("schedules", "change", "sunday", *HERE, "--no-skip", "--always", "--json").data["skipped"] == []
    assert evening("schedules", "pause", "sunday", *HERE, "--json").data["paused"] is True
    assert evening("schedules", "resume", "sunday", *HERE, "--json").data["paused"] is False
    assert evening("schedules", "remove", "sunday", *HERE).code == DONE
    refuses(evening("schedules", "pause", "sunday", *HERE), "sunday", "main")


def test_the_main_rhythm_is_given_hours_and_a_rule_is_tried(evening: Call) -> None:
    assert "by hand" in evening("schedules", "list", *HERE).out
    tried = evening("schedules", "runs", *HERE, "--rule", "30 18 * * *", "--count", "3", "--json").data
    assert len(tried) == 3
    assert evening("schedules", "runs", *HERE, "--json").data == []
    evening("schedules", "change", "main", *HERE, "--rule", "30 18 * * *")
    told = evening("schedules", "runs", "main", *HERE, "--count", "2")
    assert told.out.count("18:30") == 2
    assert evening("newsletters", "list", "--json").data[0]["schedule"] == "30 18 * * *"
    assert evening("schedules", "change", "main", *HERE, "--rule", "", "--json").data["next"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "x", "every evening"), ("five fields",)),
        (("add", "x", "* * * * *"), ("15 minutes",)),
        (("add", "x", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=7"), ("never",)),
        (("add", "x", "FREQ=SECONDLY"), ("DAILY",)),
        (("add", "x", ""), ("when",)),
        (("add", "Été", "30 18 * * *"), ("short name",)),
        (("add", "main", "30 18 * * *"), ("main",)),
        (("add", "x", "30 18 * * *", "--holidays", "Mars"), ("MARS",)),
        (("add", "x", "30 18 * * *", "--timezone", "Mars/Olympus", "--from", "2030-01-01"), ("Mars/Olympus",)),
        (("add", "x", "30 18 * * *", "--until", "2020-01-01"), ("never",)),
        (("add", "x", "30 18 * * *", "--lead", "-5"), ("whole number",)),
        (("change", "weekly"), ("weekly", "main")),
        (("remove", "main"), ("by hand",)),
        (("runs", "--rule", "x"), ("five fields",)),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_in_words(
    evening: Call, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refuses(evening("schedules", *arguments, *HERE), *words)
    assert len(evening("schedules", "list", *HERE, "--json").data) == 1


@pytest.fixture
def owner(house: House) -> Staff:
    person = Staff(house.reader()).come_in(house.staff_link())
    person.get(PAGES)
    return person


def test_days_and_times_make_a_rhythm_that_readers_can_choose(house: House, owner: Staff) -> None:
    owner.get(f"{PAGES}/new")
    answer = owner.post(f"{PAGES}/new", **WEEKLY, holidays="TG", quiet="22:00-06:30")
    assert answer.request.path == PAGES
    assert "Le dimanche" in owner.page
    assert "30 9 * * 0" in owner.page
    owner.get(f"{PAGES}/le-dimanche")
    assert 'value="09:30"' in owner.page
    assert 'value="7" checked' in owner.page
    assert owner.page.count("<time ") >= 10
    assert '<option value="TG" selected>Togo' in owner.page
    owner.get("/admin/newsletters/depeche/settings")
    assert PAGES in owner.page


def test_a_rhythm_is_tried_before_it_is_saved(owner: Staff) -> None:
    owner.post(f"{PAGES}/new", **(WEEKLY | {"do": "try", "rule": "0 7 1 * *"}))
    assert owner.page.count("<time ") == 10
    assert "1er" in owner.page
    assert 'value="0 7 1 * *"' in owner.page
    owner.get(PAGES)
    assert "Le dimanche" not in owner.page


def test_a_rhythm_is_paused_resumed_and_removed(owner: Staff) -> None:
    owner.post(f"{PAGES}/new", **WEEKLY)
    here = f"{PAGES}/le-dimanche"
    owner.get(here)
    owner.post(here, do="pause")
    assert 'data-s="paused"' in owner.page
    owner.post(here, do="resume")
    assert 'data-s="paused"' not in owner.page
    owner.post(here, do="remove")
    assert "Le dimanche" not in re.sub(r"<title>.*?</title>", "", owner.page)
    assert owner.get(here).status_code == 404


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"times": "noon"}, "times"),
        ({"times": "7:30, 18:00"}, "times"),
        ({"times": ""}, "times"),
        ({"day": ""}, "times"),
        ({"rule": "x"}, "rule"),
        ({"rule": "*/5 * * * *"}, "rule"),
        ({"holidays": "XX"}, "holidays"),
        ({"skipped": "2026-12-24\nsoon"}, "skipped"),
        ({"quiet": "x"}, "quiet"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "Mars/Olympus", "starts_at": "2030-01-01T00:00"}, "timezone"),
        ({"starts_at": "soon"}, "starts_at"),
        ({"starts_at": "9999-12-31T23:59"}, "starts_at"),
        ({"starts_at": "0001-01-01T00:00"}, "starts_at"),
        ({"ends_at": "2020-01-01T00:00"}, "rule"),
        ({"lead_minutes": "many"}, "lead_minutes"),
        ({"carry": "99"}, "carry"),
    ],
)
def test_a_field_that_makes_no_sense_is_named_and_what_was_typed_stays(
    owner: Staff, given: dict[str, str], field: str
) -> None:
    owner.get(f"{PAGES}/new")
    assert owner.post(f"{PAGES}/new", **(WEEKLY | {"quiet": "22:00-06:30"} | given)).status_code == 422
    assert f'<li><a href="#{field}">' in owner.page
    if "quiet" not in given:
        assert 'value="22:00-06:30"' in owner.page
    owner.get(PAGES)
    assert "Le dimanche" not in owner.page


def test_all_that_is_wrong_is_named_at_once(owner: Staff) -> None:
    owner.get(f"{PAGES}/new")
    owner.post(f"{PAGES}/new", **(WEEKLY | {"times": "noon", "skipped": "soon", "quiet": "x"}))
    assert [f'<a href="#{field}">' in owner.page for field in ("times", "skipped", "quiet")] == [True] * 3


def test_the_main_rhythm_may_have_no_hours(owner: Staff) -> None:
    owner.get(f"{PAGES}/main")
    owner.post(f"{PAGES}/main", name="Édition du soir", times="", do="save")
    assert "Édition du soir" in owner.page
    assert "<time" not in owner.page


def test_only_who_manages_newsletters_sees_rhythms(house: House) -> None:
    editor = Staff(house.reader()).come_in(house.staff_link(Role.EDITOR))
    assert editor.get(PAGES).status_code == 403
