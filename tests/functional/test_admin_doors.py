"""Every page of the desk is closed to whoever may not open it."""

import pytest
from werkzeug.routing import Rule

from newsletter.accounts.models import Role
from tests.functional.conftest import House
from tests.support.staff import Staff

OPEN = {"/admin/sign-in", "/admin/sign-out", "/admin/password/x", "/admin/lost-password"}
SAMPLES: dict[str, object] = {"slug": "depeche", "token": "x"}


def rules(house: House, method: str) -> list[str]:
    """Every address of the desk that answers to a method, with something in its place holders."""
    found: list[str] = []
    adapter = house.app.url_map.bind("localhost")
    for rule in house.app.url_map.iter_rules():
        if rule.rule.startswith("/admin/") and method in (rule.methods or ()):
            found.append(adapter.build(rule.endpoint, _values(rule), method=method))
    return found


def _values(rule: Rule) -> dict[str, object]:
    return {name: SAMPLES.get(name, 1) for name in rule.arguments}


def test_no_page_of_the_desk_opens_without_signing_in(house: House):
    paths = rules(house, "GET")
    assert len(paths) > 20
    for path in paths:
        answer = house.reader().get(path)
        if path not in OPEN:
            assert answer.status_code == 303, path
            assert answer.headers["Location"].startswith("/admin/sign-in"), path


def test_no_form_of_the_desk_is_taken_without_its_token(house: House):
    akouvi = Staff(house.reader()).come_in(house.staff_link())
    paths = rules(house, "POST")
    assert len(paths) > 15
    for path in paths:
        for data in ({}, {"csrf_token": "forged"}):
            assert akouvi.client.post(path, data=data).status_code == 400, path


def test_a_token_of_one_browser_is_worth_nothing_in_another(house: House):
    akouvi = Staff(house.reader()).come_in(house.staff_link())
    kodjo = Staff(house.reader()).come_in(house.staff_link(Role.OWNER, "kodjo@news.example"))
    akouvi.get("/admin/account")
    kodjo.get("/admin/account")
    answer = kodjo.client.post("/admin/account/language", data={"language": "en", "csrf_token": akouvi._token})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("role", "closed", "opened"),
    [
        (
            Role.ANALYST,
            ["/admin/newsletters/depeche/articles/new"],
            ["/admin/", "/admin/newsletters/depeche/subscribers"],
        ),
        (Role.AUTHOR, ["/admin/newsletters/depeche/subscribers/new"], ["/admin/newsletters/depeche/articles/new"]),
        (
            Role.EDITOR,
            ["/admin/newsletters/new", "/admin/newsletters/depeche/settings"],
            ["/admin/newsletters/depeche/subscribers/new"],
        ),
        (Role.OWNER, [], ["/admin/newsletters/new", "/admin/newsletters/depeche/settings"]),
    ],
)
def test_a_role_opens_what_it_needs_and_no_more(house: House, role: Role, closed: list[str], opened: list[str]):
    person = Staff(house.reader()).come_in(house.staff_link(role))
    assert {path: person.get(path).status_code for path in closed} == dict.fromkeys(closed, 403)
    assert {path: person.get(path).status_code for path in opened} == dict.fromkeys(opened, 200)


def test_whoever_only_reads_cannot_compose_or_send(house: House):
    analyst = Staff(house.reader()).come_in(house.staff_link(Role.ANALYST))
    analyst.get("/admin/account")
    assert analyst.post("/admin/newsletters/depeche/issues").status_code == 403
    for verb in ("send", "pause", "resume", "cancel"):
        assert analyst.post(f"/admin/issues/1/{verb}").status_code == 403


def test_what_does_not_exist_is_said_to_be_missing(house: House):
    akouvi = Staff(house.reader()).come_in(house.staff_link())
    for path in (
        "/admin/newsletters/none/issues",
        "/admin/issues/99",
        "/admin/newsletters/depeche/articles/99",
        "/admin/x",
    ):
        assert akouvi.get(path).status_code == 404, path


@pytest.mark.parametrize("number", [2**63, 2**64, 10**40])
def test_a_number_that_no_row_can_have_leads_nowhere(house: House, number: int):
    akouvi = Staff(house.reader()).come_in(house.staff_link())
    adapter = house.app.url_map.bind("localhost")
    seen = 0
    for rule in house.app.url_map.iter_rules():
        numbers = {name for name in rule.arguments if name.endswith(("_id", "number"))}
        if not numbers or "GET" not in (rule.methods or ()):
            continue
        values = _values(rule) | dict.fromkeys(numbers, 987654321)
        path = adapter.build(rule.endpoint, values, method="GET").replace("987654321", str(number))
        assert akouvi.client.get(path).status_code in (404, 405), path
        seen += 1
    assert seen > 20


@pytest.mark.parametrize("before", [-(2**70), -1, 0, 2**63, 2**70])
def test_lists_end_where_no_row_can_be(house: House, before: int):
    akouvi = Staff(house.reader()).come_in(house.staff_link())
    for path in (
        "/admin/feeds",
        "/admin/log",
        "/admin/newsletters/depeche/issues",
        "/admin/newsletters/depeche/articles",
    ):
        assert akouvi.client.get(f"{path}?before={before}").status_code == 200, path
