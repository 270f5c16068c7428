"""How staff come in, and how everybody else stays out."""

from dataclasses import replace

import pytest
import time_machine

from newsletter.accounts.models import Role
from newsletter.core.clock import utc_now
from newsletter.core.settings import load_settings
from newsletter.web.app import create_app
from tests.functional.conftest import House
from tests.support.staff import PASSWORD, Staff

AKOUVI = "akouvi@news.example"
WRONG = "Cette adresse et ce mot de passe ne vont pas ensemble"


def staff(house: House, role: Role = Role.OWNER, email: str = AKOUVI) -> Staff:
    return Staff(house.reader()).come_in(house.staff_link(role, email))


def test_a_one_time_link_sets_a_password_and_lets_in(house: House):
    akouvi = staff(house)
    assert akouvi.get("/admin/").request.path == "/admin/"
    assert "akouvi" in akouvi.page


def test_a_one_time_link_works_once(house: House):
    link = house.staff_link()
    Staff(house.reader()).come_in(link)
    other = Staff(house.reader())
    assert other.get(link).status_code == 410
    other.get("/admin/sign-in")
    assert other.post(link, password=PASSWORD).status_code == 410
    assert other.cookie() is None


def test_a_one_time_link_expires(house: House):
    link = house.staff_link()
    with time_machine.travel(utc_now().replace(year=utc_now().year + 1)):
        assert Staff(house.reader()).get(link).status_code == 410


def test_a_short_password_is_refused_and_the_link_stays_good(house: House):
    link = house.staff_link()
    akouvi = Staff(house.reader())
    akouvi.get(link)
    assert akouvi.post(link, password="onze lettre").status_code == 422
    assert "12" in akouvi.page
    assert akouvi.post(link, password=PASSWORD).request.path == "/admin/"


def test_the_page_of_a_link_tells_nobody_its_address(house: House):
    answer = house.reader().get(house.staff_link())
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_right_password_lets_in_and_renews_the_session(house: House):
    akouvi = staff(house)
    before = akouvi.cookie()
    akouvi.post("/admin/sign-out")
    assert akouvi.cookie() is None
    assert akouvi.sign_in(AKOUVI).request.path == "/admin/"
    assert akouvi.cookie() not in (None, before)


def test_a_session_planted_before_signing_in_is_not_taken_over(house: House):
    staff(house).post("/admin/sign-out")
    planted = Staff(house.reader())
    planted.client.set_cookie("staff", "a-token-that-somebody-chose")
    planted.sign_in(AKOUVI)
    assert planted.cookie() != "a-token-that-somebody-chose"


@pytest.mark.parametrize("email", [AKOUVI, "nobody@news.example", "not an address", "x" * 400 + "@news.example"])
def test_a_wrong_password_says_the_same_whoever_it_is(house: House, email: str):
    staff(house)
    other = Staff(house.reader())
    assert other.sign_in(email, "some other password").status_code == 403
    assert WRONG in other.page or "do not go together" in other.page
    assert other.cookie() is None


def test_too_many_tries_are_told_to_wait(house: House):
    staff(house)
    other = Staff(house.reader())
    statuses = [other.sign_in(AKOUVI, f"guess number {count}").status_code for count in range(10)]
    assert statuses[:8] == [403] * 8
    assert statuses[8:] == [429] * 2
    assert other.sign_in(AKOUVI).status_code == 429, "the right password is refused too"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(house: House):
    link, client = house.staff_link(), house.reader()
    person = Staff(client)
    person.get(link)
    answer = client.post(link, data={"password": PASSWORD, "csrf_token": person._token})
    cookie = next(line for line in answer.headers.getlist("Set-Cookie") if line.startswith("staff="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie


def test_over_https_the_cookie_is_secure_and_bound_to_its_host(house: House):
    settings = load_settings(
        {"NEWSLETTER_DATA_DIR": str(house.letters.parent), "NEWSLETTER_BASE_URL": "https://news.example"}, env_file=None
    )
    secure = create_app(settings, replace(house.installation, settings=settings))
    client, link = secure.test_client(), house.staff_link()
    page = client.get(link, base_url="https://news.example").get_data(as_text=True)
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    answer = client.post(
        link,
        data={"password": PASSWORD, "csrf_token": token},
        base_url="https://news.example",
        headers={"Referer": "https://news.example" + link},
    )
    cookie = next(line for line in answer.headers.getlist("Set-Cookie") if line.startswith("__Host-staff="))
    assert "Secure" in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/admin/",
        "//evil.example/admin/",
        "/\\evil.example",
        "/admin/\\evil.example",
        "/admin/\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "admin/account",
        "/archive/depeche",
    ],
)
def test_signing_in_leads_nowhere_but_to_the_desk(house: House, target: str):
    staff(house)
    other = Staff(house.reader())
    other.get("/admin/sign-in", query_string={"next": target})
    answer = other.client.post(
        "/admin/sign-in", data={"email": AKOUVI, "password": PASSWORD, "next": target, "csrf_token": other._token}
    )
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/admin/"


def test_signing_in_leads_back_to_the_page_that_was_asked_for(house: House):
    staff(house)
    other = Staff(house.reader())
    answer = other.get("/admin/account?x=1")
    assert answer.request.path == "/admin/sign-in"
    assert "/admin/account?x=1" in other.page
    assert other.sign_in(AKOUVI, following="/admin/account?x=1").request.path == "/admin/account"


def test_a_revoked_browser_is_out_at_its_next_request(house: House):
    akouvi = staff(house)
    phone = Staff(house.reader())
    phone.sign_in(AKOUVI)
    assert phone.get("/admin/account").request.path == "/admin/account"
    akouvi.get("/admin/account")
    revoke = next(
        part for part in akouvi.page.split('"') if part.endswith("/revoke") and "/sessions/revoke" not in part
    )
    akouvi.post(revoke)
    assert phone.get("/admin/account").request.path == "/admin/sign-in"
    assert akouvi.get("/admin/account").request.path == "/admin/account"


def test_signing_out_everywhere_includes_this_browser(house: House):
    akouvi = staff(house)
    phone = Staff(house.reader())
    phone.sign_in(AKOUVI)
    akouvi.get("/admin/account")
    akouvi.post("/admin/account/sessions/revoke")
    assert akouvi.get("/admin/").request.path == "/admin/sign-in"
    assert phone.get("/admin/").request.path == "/admin/sign-in"


def test_nobody_revokes_the_session_of_another(house: House):
    akouvi, kodjo = staff(house), staff(house, email="kodjo@news.example")
    kodjo.get("/admin/account")
    for number in range(1, 5):
        kodjo.post(f"/admin/account/sessions/{number}/revoke")
    assert akouvi.get("/admin/").request.path == "/admin/"


def test_a_session_in_use_slides_on_and_an_idle_one_ends(house: House):
    akouvi, start = staff(house), utc_now()
    with time_machine.travel(start) as clock:
        for _week in range(3):
            clock.shift(10 * 86_400)
            assert akouvi.get("/admin/").request.path == "/admin/"
        clock.shift(15 * 86_400)
        assert akouvi.get("/admin/").request.path == "/admin/sign-in"


def test_the_language_of_the_desk_is_the_users_own(house: House):
    akouvi = staff(house)
    akouvi.get("/admin/account")
    assert '<html lang="fr"' in akouvi.page
    akouvi.post("/admin/account/language", language="en")
    assert '<html lang="en"' in akouvi.page
    assert "My account" in akouvi.page
    assert akouvi.post("/admin/account/language", language="xx").status_code == 422
