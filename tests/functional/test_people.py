"""The page of the staff, invitations, forgotten passwords, and the log."""

import csv
import io
import re

import pytest
import time_machine
from flask.testing import FlaskClient

from newsletter.accounts.models import Role
from newsletter.core.clock import utc_now
from tests.functional.conftest import House, path_in
from tests.support.staff import PASSWORD, Staff

AFI, AKOUVI, KODJO = "afi@news.example", "akouvi@news.example", "kodjo@news.example"
EVERYWHERE = {"reach": "everywhere", "role": "editor"}


def owner(house: House) -> Staff:
    person = Staff(house.reader()).come_in(house.staff_link())
    person.get("/admin/people/new")
    return person


def invite(person: Staff, email: str, **fields: str) -> str:
    """Invite somebody; the path of their page."""
    answer = person.post("/admin/people", **({"email": email, "language": "fr"} | (fields or EVERYWHERE)))
    assert answer.status_code == 200, person.page
    return answer.request.path


def link_of(house: House, email: str) -> str:
    house.work()
    return path_in(house.mails(email)[-1], "admin/password")


def test_an_invitation_brings_somebody_in_with_the_rights_it_gave(house: House):
    page = invite(owner(house), AFI, reach="limited", **{"role-1": "author"})
    afi = Staff(house.reader()).come_in(link_of(house, AFI))
    assert afi.get("/admin/newsletters/depeche/articles/new").status_code == 200
    assert afi.get("/admin/newsletters/depeche/subscribers/new").status_code == 403
    assert "akouvi@news.example vous invite" in house.mails(AFI)[0].text
    assert page.startswith("/admin/people/")


def test_an_invitation_that_is_sent_again_replaces_the_first(house: House):
    akouvi = owner(house)
    page = invite(akouvi, AFI)
    first = link_of(house, AFI)
    akouvi.post(f"{page}/link")
    again = link_of(house, AFI)
    assert first != again
    assert house.reader().get(first).status_code == 410
    Staff(house.reader()).come_in(again)


def test_an_invitation_expires_after_seven_days(house: House):
    invite(owner(house), AFI)
    link = link_of(house, AFI)
    with time_machine.travel(utc_now().replace(year=utc_now().year + 1)):
        assert house.reader().get(link).status_code == 410


@pytest.mark.parametrize(
    "fields",
    [
        {"email": "no address", **EVERYWHERE},
        {"email": AKOUVI, **EVERYWHERE},
        {"email": AFI, "reach": "everywhere", "role": "emperor"},
        {"email": AFI, "reach": "limited"},
        {"email": AFI, "reach": "limited", "role-1": "owner"},
        {"email": AFI, "reach": "limited", "role-99": "author"},
        {"email": AFI, "role": "editor"},
    ],
)
def test_an_invitation_that_makes_no_sense_is_refused_with_what_was_typed(house: House, fields: dict[str, str]):
    akouvi = owner(house)
    assert akouvi.post("/admin/people", **fields).status_code == 422
    assert f'value="{fields["email"]}"' in akouvi.page
    house.work()
    assert house.mails() == []


def test_rights_hold_from_the_next_click_on(house: House):
    akouvi = owner(house)
    page = invite(akouvi, AFI)
    afi = Staff(house.reader()).come_in(link_of(house, AFI))
    assert afi.get("/admin/newsletters/depeche/subscribers/new").status_code == 200
    akouvi.post(f"{page}/rights", reach="everywhere", role="analyst")
    assert afi.get("/admin/newsletters/depeche/subscribers/new").status_code == 403


def test_whoever_is_signed_out_by_an_owner_is_out_at_the_next_click(house: House):
    akouvi = owner(house)
    page = invite(akouvi, AFI)
    afi = Staff(house.reader()).come_in(link_of(house, AFI))
    akouvi.post(f"{page}/sessions/end")
    assert afi.get("/admin/").request.path == "/admin/sign-in"
    assert afi.sign_in(AFI).request.path == "/admin/"


def test_a_closed_account_is_out_and_stays_out_until_it_is_opened(house: House):
    akouvi = owner(house)
    page = invite(akouvi, AFI)
    afi = Staff(house.reader()).come_in(link_of(house, AFI))
    akouvi.post(f"{page}/disable")
    assert afi.get("/admin/").request.path == "/admin/sign-in"
    assert afi.sign_in(AFI).status_code == 403
    akouvi.post(f"{page}/enable")
    assert afi.sign_in(AFI).request.path == "/admin/"


def test_nobody_changes_their_own_rights_or_closes_their_own_account(house: House):
    akouvi = owner(house)
    akouvi.get("/admin/people")
    number = re.search(r"/admin/people/(\d+)", akouvi.page)
    assert number
    page = f"/admin/people/{number[1]}"
    assert akouvi.post(f"{page}/rights", reach="everywhere", role="analyst").status_code == 422
    assert akouvi.post(f"{page}/disable").status_code == 422
    assert akouvi.get("/admin/people").status_code == 200


@pytest.mark.parametrize("role", [Role.EDITOR, Role.AUTHOR, Role.ANALYST])
def test_only_owners_see_the_staff_and_the_log(house: House, role: Role):
    kodjo = Staff(house.reader()).come_in(house.staff_link(role, KODJO))
    for path in ("people", "people/new", "people/1", "log", "log.csv"):
        assert kodjo.get(f"/admin/{path}").status_code == 403, path
    for path in ("people", "people/1/rights", "people/1/link", "people/1/disable", "people/1/sessions/end"):
        assert kodjo.post(f"/admin/{path}", reach="everywhere", role="owner").status_code == 403, path


def test_fields_that_a_form_does_not_have_change_nothing(house: House):
    akouvi = owner(house)
    page = invite(akouvi, AFI)
    Staff(house.reader()).come_in(link_of(house, AFI))
    akouvi.post(f"{page}/rights", **EVERYWHERE, email="other@news.example", password_hash="x", disabled_at="now")
    assert Staff(house.reader()).sign_in(AFI).request.path == "/admin/"


def ask(house: House, email: str, client: FlaskClient | None = None) -> tuple[int, str]:
    person = Staff(client or house.reader())
    person.get("/admin/lost-password")
    answer = person.post("/admin/lost-password", email=email)
    return answer.status_code, re.sub(r'name="csrf_token" value="[^"]+"', "", person.page)


def test_a_forgotten_password_is_replaced_by_a_link_that_works_once(house: House):
    akouvi = owner(house)
    assert ask(house, AKOUVI)[0] == 200
    link = link_of(house, AKOUVI)
    other = Staff(house.reader()).come_in(link, "cinq autres mots bien retenus")
    assert house.reader().get(link).status_code == 410
    assert akouvi.get("/admin/").request.path == "/admin/sign-in", "who had the old password is signed out"
    other.post("/admin/sign-out")
    assert other.sign_in(AKOUVI, PASSWORD).status_code == 403
    assert other.sign_in(AKOUVI, "cinq autres mots bien retenus").request.path == "/admin/"


def test_a_link_for_a_forgotten_password_lives_two_hours(house: House):
    owner(house)
    ask(house, AKOUVI)
    link = link_of(house, AKOUVI)
    now = utc_now()
    with time_machine.travel(now.replace(year=now.year + 1)):
        assert house.reader().get(link).status_code == 410


def test_asking_for_a_password_says_the_same_whoever_it_is(house: House):
    owner(house)
    answers = {ask(house, email) for email in (AKOUVI, "nobody@news.example", "no address", "", "x" * 900)}
    assert len(answers) == 1
    house.work()
    assert {to for mail in house.mails() for to in mail.stored.envelope_recipients} == {AKOUVI}


@pytest.mark.parametrize("email", [AKOUVI, "nobody@news.example"])
def test_asking_too_often_is_told_to_wait_whoever_it_is(house: House, email: str):
    owner(house)
    assert [ask(house, email)[0] for _time in range(4)] == [200, 200, 200, 429]


def test_a_closed_account_gets_no_link(house: House):
    akouvi = owner(house)
    page = invite(akouvi, AFI)
    link = link_of(house, AFI)
    akouvi.post(f"{page}/disable")
    assert house.reader().get(link).status_code == 410
    before = len(house.mails(AFI))
    ask(house, AFI)
    house.work()
    assert len(house.mails(AFI)) == before


def test_the_log_says_who_did_what_with_before_and_after(house: House):
    akouvi = owner(house)
    page = invite(akouvi, AFI)
    akouvi.post(f"{page}/rights", reach="limited", **{"role-1": "author"})
    akouvi.get("/admin/log?subject=user")
    assert "Droits" in akouvi.page
    assert "<del>Rédacteur en chef</del>" in akouvi.page or "<del>" in akouvi.page
    assert "depeche: " in akouvi.page or "depeche" in akouvi.page


def test_the_log_can_be_narrowed_to_a_person_a_subject_and_a_period(house: House):
    akouvi = owner(house)
    invite(akouvi, AFI)
    Staff(house.reader()).come_in(link_of(house, AFI))

    def rows(query: str) -> list[list[str]]:
        text = akouvi.client.get(f"/admin/log.csv?{query}").get_data(as_text=True)
        return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))[1:]

    assert {row[1] for row in rows(f"person={AFI}")} == {AFI}
    assert {row[3].partition(".")[0] for row in rows("subject=user")} == {"user"}
    assert rows("since=2999-01-01") == []
    assert rows("until=1999-01-01") == []
    assert len(rows("since=1999-01-01&until=2999-01-01")) == len(rows(""))
    assert rows("since=nonsense&id=nonsense&before=-1") == rows("")


def test_a_cell_of_the_log_is_never_a_formula(house: House):
    akouvi = owner(house)
    akouvi.get("/admin/newsletters/depeche/topics")
    akouvi.post("/admin/newsletters/depeche/topics", action="add", name="=HYPERLINK(1)")
    akouvi.post("/admin/people", email="=cmd@news.example", **EVERYWHERE)
    text = akouvi.client.get("/admin/log.csv").get_data(as_text=True)
    cells = [cell for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"))) for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]


def test_the_log_goes_on_from_page_to_page(house: House):
    akouvi = owner(house)
    for number in range(35):
        akouvi.post("/admin/account/language", language="fr")
        akouvi.post("/admin/newsletters/depeche/topics", action="add", name=f"Sujet {number}")
    akouvi.get("/admin/log?subject=topic")
    older = re.search(r'href="(/admin/log\?[^"]*before=\d+[^"]*)"', akouvi.page)
    assert older
    first = set(re.findall(r"Sujet \d+", akouvi.page))
    akouvi.get(older[1])
    second = set(re.findall(r"Sujet \d+", akouvi.page))
    assert not first & second
    assert len(first | second) == 35


def test_what_an_outsider_can_fill_is_shown_as_text(house: House):
    akouvi = owner(house)
    akouvi.post("/admin/newsletters/depeche/topics", action="add", name="<script>alert(1)</script>")
    akouvi.get("/admin/log?person=<script>alert(2)</script>&id='><script>")
    assert "<script>alert" not in akouvi.client.get("/admin/log?person=<script>alert(2)</script>").get_data(
        as_text=True
    )
    assert "<script>alert" not in akouvi.client.get("/admin/log").get_data(as_text=True)


PAGES = ("people", "people/new", "people/1", "log", "account")


def test_no_page_of_the_staff_can_be_framed_or_kept(house: House):
    akouvi = owner(house)
    for path in PAGES:
        headers = akouvi.client.get(f"/admin/{path}").headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
        assert headers["Cache-Control"] == "no-store", path
    headers = house.reader().get("/admin/lost-password").headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_a_link_from_a_mail_ends_the_session_that_was_planted_before(house: House):
    invite(owner(house), AFI)
    link = link_of(house, AFI)
    planted = Staff(house.reader())
    planted.client.set_cookie("staff", "a-token-that-somebody-chose")
    planted.client.set_cookie("desk", "a-session-that-somebody-chose", path="/admin")
    planted.come_in(link)
    assert planted.cookie() != "a-token-that-somebody-chose"
