"""Owners name topics; staff see and change what a reader decided."""

import pytest

from tests.functional.conftest import House
from tests.support.staff import Staff

TOPICS = "/admin/newsletters/depeche/topics"
READER = "/admin/newsletters/depeche/subscribers/1"


@pytest.fixture
def owner(house: House) -> Staff:
    person = Staff(house.reader()).come_in(house.staff_link())
    person.get(TOPICS)
    return person


def test_a_topic_is_added_renamed_and_removed(owner: Staff) -> None:
    owner.post(TOPICS, action="add", name="Ville")
    assert 'value="Ville"' in owner.page
    owner.post(TOPICS, action="rename", topic="ville", name="La ville")
    assert 'value="La ville"' in owner.page
    owner.post(TOPICS, action="remove", topic="ville")
    assert 'value="La ville"' not in owner.page


@pytest.mark.parametrize(
    "given",
    [
        {"action": "add", "name": " "},
        {"action": "add", "name": "x" * 121},
        {"action": "rename", "topic": "no", "name": "x"},
        {"action": "remove", "topic": "no"},
    ],
)
def test_what_makes_no_sense_is_refused(owner: Staff, given: dict[str, str]) -> None:
    assert owner.post(TOPICS, **given).status_code == 422
    assert 'role="alert"' in owner.page


def test_staff_change_a_reader_s_choices_and_see_what_was_sent(house: House, owner: Staff) -> None:
    house.add_readers("depeche", "ama")
    house.send_digest("depeche", "Le pont rouvre")
    owner.get(READER)
    assert "Le pont rouvre" in owner.page
    part = {"n1-shown": "1", "n1-cadence": "1", "n1-edition": "text", "n1-breaking": "yes"}
    owner.post(f"{READER}/wishes", **part)
    assert 'value="text" checked' in owner.page
    assert owner.post(f"{READER}/wishes", **(part | {"n1-hour": "25"})).status_code == 422
