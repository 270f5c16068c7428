"""What readers decide about a newsletter, by the form that a personal link opens."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from newsletter.core.clock import utc_now
from newsletter.newsletters import queries, topics
from tests.functional.conftest import House, path_in

ADDRESS = "ama@poste.example"
SECTION = "n1-"


def page_of(house: House) -> str:
    """Path of the preferences of a reader who has received an issue."""
    house.add_readers("depeche", "ama")
    house.send_digest("depeche", "Le pont rouvre")
    return path_in(house.mails(ADDRESS)[-1], "p")


def add_topics(house: House, *names: str) -> list[str]:
    with house.installation.database.unit() as session:
        newsletter = queries.by_slug(session, "depeche")
        return [str(topics.add(session, newsletter, name).id) for name in names]


def form(**values: object) -> dict[str, object]:
    """The form as the page sends it, with one newsletter ticked."""
    given = {"shown": "1", "cadence": "1", "edition": "full", "hour": "", "timezone": "Africa/Lome", "breaking": "yes"}
    part = {f"{SECTION}{name}": value for name, value in (given | values).items()}
    return {"newsletter": "1", "language": "fr", **part}


def day(**ahead: int) -> str:
    return (utc_now() + timedelta(**ahead)).date().isoformat()


def ticked(client: FlaskClient, path: str, name: str) -> list[str]:
    page = client.get(path).text
    return re.findall(rf'name="{SECTION}{name}" value="([^"]*)" checked', page)


def test_what_is_chosen_is_kept_and_shown_again(house: House) -> None:
    town, sport = add_topics(house, "Ville", "Sport")
    path, client = page_of(house), house.reader()
    assert ticked(client, path, "topic") == [sport, town]  # everything, by name
    answer = client.post(path, data=form(topic=[sport], edition="light", hour="7", breaking=""))
    assert answer.status_code == 303
    assert ticked(client, path, "topic") == [sport]
    assert ticked(client, path, "edition") == ["light"]
    assert ticked(client, path, "breaking") == []
    assert '<option value="7" selected>' in client.get(path).text


def test_a_reader_on_a_break_gets_nothing_until_they_come_back(house: House) -> None:
    path, client = page_of(house), house.reader()
    assert client.post(path, data=form(until=day(days=30))).status_code == 303
    assert f'value="{day(days=30)}"' in client.get(path).text
    house.send_digest("depeche", "Le marché déménage")
    assert len(house.mails(ADDRESS)) == 1
    assert client.post(path, data=form()).status_code == 303
    house.send_digest("depeche", "La pluie revient")
    assert len(house.mails(ADDRESS)) == 2


@pytest.mark.parametrize(
    "bad",
    [
        {"topic": ["999"]},
        {"topic": []},
        {"topic": ["1", "x"]},
        {"hour": "25"},
        {"hour": "-1"},
        {"hour": "７"},
        {"cadence": "99"},
        {"edition": "gold"},
        {"hour": "7", "timezone": "Mars/Olympus"},
        {"until": "2020-01-01"},
        {"until": "2099-01-01"},
        {"until": "soon"},
    ],
)
def test_what_makes_no_sense_is_said_and_nothing_is_saved(house: House, bad: dict[str, object]) -> None:
    town, _sport = add_topics(house, "Ville", "Sport")
    path, client = page_of(house), house.reader()
    asked = form(**({"topic": [town], "edition": "light"} | bad)) | {"language": "en"}
    answer = client.post(path, data=asked)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "<details" in answer.text
    assert re.search(r"<details[^>]* open", answer.text)
    assert ticked(client, path, "edition") == ["full"]
    assert len(ticked(client, path, "topic")) == 2
    assert '<html lang="fr"' in client.get(path).text


def test_a_newsletter_that_is_left_needs_no_sense_in_its_part(house: House) -> None:
    path, client = page_of(house), house.reader()
    assert client.post(path, data=form(hour="99") | {"newsletter": []}).status_code == 303
    assert SECTION not in client.get(path).text


def test_what_was_chosen_at_sign_up_is_kept_through_the_confirmation(house: House) -> None:
    town, _sport = add_topics(house, "Ville", "Sport")
    client = house.reader()
    assert "<details" in client.get("/n/depeche").text
    asked = {"email": ADDRESS, "choose": "1", "topic": [town]}
    assert client.post("/n/depeche", data=asked).status_code == 200
    house.work()
    client.post(path_in(house.mails(ADDRESS)[0], "confirm"))
    house.send_digest("depeche", "Le pont rouvre")
    assert ticked(client, path_in(house.mails(ADDRESS)[-1], "p"), "topic") == [town]


def test_nobody_changes_a_reader_s_choice_by_typing_their_address(house: House) -> None:
    _town, sport = add_topics(house, "Ville", "Sport")
    path, client = page_of(house), house.reader()
    client.post("/n/depeche", data={"email": ADDRESS, "choose": "1", "topic": [sport]})
    assert len(ticked(client, path, "topic")) == 2


@pytest.mark.parametrize("bad", [{"topic": ["999"]}, {"topic": []}, {"cadence": "999"}])
def test_a_choice_that_does_not_exist_is_refused_at_sign_up(house: House, bad: dict[str, object]) -> None:
    town, _sport = add_topics(house, "Ville", "Sport")
    answer = house.reader().post("/n/depeche", data={"email": ADDRESS, "choose": "1", "topic": [town]} | bad)
    assert answer.status_code == 422
    house.work()
    assert house.mails(ADDRESS) == []
