"""The pages that readers see, page by page."""

import html
import re

import pytest
from sqlalchemy import delete

from newsletter.newsletters import queries
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import confirm
from tests.functional.conftest import SITE, House, path_in

OPEN_PAGES = ["/", "/n/depeche", "/n/depeche/snippet", "/subscribe", "/archive/depeche", "/privacy"]


def subscribe(house: House, email: str = "kofi@exemple.test", **more: str) -> str:
    """Ask to subscribe; the path of the link in the confirmation mail."""
    answer = house.reader().post("/n/depeche", data={"email": email} | more)
    assert answer.status_code == 200
    house.work()
    return path_in(house.mails(email)[-1], "confirm")


@pytest.mark.parametrize("path", OPEN_PAGES)
def test_every_open_page_answers_in_french_and_in_english(house: House, path: str):
    reader = house.reader()
    french = reader.get(path, headers={"Accept-Language": "fr-TG,fr;q=0.9"})
    english = reader.get(path, headers={"Accept-Language": "en-GB,en;q=0.9"})
    assert french.status_code == english.status_code == 200
    assert '<html lang="fr"' in french.text
    assert '<html lang="en"' in english.text


def test_a_choice_of_language_travels_in_the_links_and_needs_no_cookie(house: House):
    page = house.reader().get("/n/depeche?lang=en", headers={"Accept-Language": "fr"})
    assert '<html lang="en"' in page.text
    assert 'href="/privacy?lang=en"' in page.text
    assert 'action="/n/depeche?lang=en"' in page.text


def test_a_browser_that_asks_for_neither_language_gets_the_newsletters_own(house: House):
    house.add_newsletter("evening", "The Evening Mail", language="en")
    headers = {"Accept-Language": "ee"}
    assert '<html lang="en"' in house.reader().get("/n/evening", headers=headers).text
    assert '<html lang="fr"' in house.reader().get("/n/depeche", headers=headers).text


def test_with_several_newsletters_the_first_page_offers_the_choice(house: House):
    house.add_newsletter("eco", "Le Point éco")
    page = house.reader().get("/").text
    assert 'value="depeche"' in page
    assert 'value="eco"' in page
    chosen = house.reader().post("/", data={"email": "afi@exemple.test", "newsletter": "eco"})
    assert chosen.status_code == 200
    house.work()
    assert "Le Point éco" in house.mails("afi@exemple.test")[0].text


def test_a_choice_that_was_not_made_is_asked_for_beside_the_entry(house: House):
    house.add_newsletter("eco", "Le Point éco")
    answer = house.reader().post("/", data={"email": "afi@exemple.test"})
    assert answer.status_code == 422
    assert 'value="afi@exemple.test"' in answer.text
    assert house.mails() == []


def test_an_installation_without_newsletter_says_so(house: House):
    with house.installation.database.unit() as session:
        session.execute(delete(Newsletter))
    page = house.reader().get("/")
    assert page.status_code == 200
    assert 'class="empty' in page.text
    assert house.reader().post("/", data={"email": "afi@exemple.test"}).status_code == 422


def test_the_latest_headlines_stand_below_the_form_and_lead_to_the_issue(house: House):
    assert "archive/depeche/" not in house.reader().get("/n/depeche").text
    number = house.send_digest("depeche")
    page = house.reader().get("/n/depeche").text
    assert f'href="/archive/depeche/{number}"' in page
    issue = house.reader().get(f"/archive/depeche/{number}")
    assert issue.status_code == 200
    assert "Vostotchny" in issue.text


def test_the_archive_lists_what_was_sent_and_nothing_else(house: House):
    empty = house.reader().get("/archive/depeche")
    assert 'class="empty' in empty.text
    number = house.send_digest("depeche")
    assert f"/archive/depeche/{number}" in house.reader().get("/archive/depeche").text
    assert house.reader().get(f"/archive/depeche/{number + 1}").status_code == 404
    assert house.reader().get(f"/archive/depeche?before={number}").text.count("/archive/depeche/") == 0
    assert house.reader().get("/archive/depeche?before=99999999999999999999").status_code == 404
    assert house.reader().get("/archive/nothing").status_code == 404


def test_the_snippet_is_a_form_that_works_where_it_is_pasted(house: House):
    page = house.reader().get("/n/depeche/snippet").text
    code = re.search(r'<code id="code">(.*?)</code>', page, re.S)
    assert code
    form = html.unescape(code[1])
    assert f'action="{SITE}/n/depeche?lang=' in form
    fields = dict(re.findall(r'name="([^"]+)"[^>]*?(?:value="([^"]*)")?', form))
    answer = house.reader().post(
        "/n/depeche?lang=fr", data=fields | {"email": "afi@exemple.test"}, headers={"Origin": "https://journal.example"}
    )
    assert answer.status_code == 200
    house.work()
    assert len(house.mails("afi@exemple.test")) == 1


def test_pages_are_light(house: House):
    house.send_digest("depeche")
    for path in [*OPEN_PAGES]:
        assert len(house.reader().get(path).data) < 10_000
    style = sum(len(house.reader().get(f"/static/{name}.css").data) for name in ("tokens", "base"))
    assert style < 20_000


def test_static_files_are_kept_for_a_year_under_the_hash_of_their_content(house: House):
    page = house.reader().get("/").text
    address = re.search(r'href="(/static/base\.css\?v=[0-9a-f]{12})"', page)
    assert address
    assert "immutable" in house.reader().get(address[1]).headers["Cache-Control"]
    assert house.reader().get("/static/base.css?v=000000000000").headers["Cache-Control"] == "no-cache"
    assert house.reader().get("/static/../app.py").status_code == 404


@pytest.mark.parametrize("path", [*OPEN_PAGES, "/nowhere", "/confirm/nothing", "/u/nothing", "/p/nothing"])
def test_every_page_is_under_a_strict_policy_and_sets_no_cookie(house: House, path: str):
    answer = house.reader().get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Permissions-Policy" in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert "Strict-Transport-Security" not in answer.headers
    assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=|javascript:|src=\"data:", answer.text)


def test_https_is_insisted_on_where_it_is_spoken(house: House):
    answer = house.reader().get("/", base_url="https://news.example")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


def test_a_page_behind_a_token_is_kept_nowhere(house: House):
    path = subscribe(house)
    for answer in (house.reader().get(path), house.reader().post(path), house.reader().get("/p/forged")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "noindex" in answer.headers["X-Robots-Tag"]


def test_a_page_that_does_not_exist_says_so_in_the_readers_language(house: House):
    answer = house.reader().get("/nowhere", headers={"Accept-Language": "fr"})
    assert answer.status_code == 404
    assert '<html lang="fr"' in answer.text
    assert "<h1>" in answer.text
    assert house.reader().delete("/").status_code == 405
    assert "GET" in house.reader().delete("/").headers["Allow"]


def test_a_defect_shows_a_reference_and_no_traceback(house: House, monkeypatch: pytest.MonkeyPatch, caplog):
    def broken(_session):
        raise RuntimeError("kofi@exemple.test is in this message")

    monkeypatch.setattr(queries, "all_newsletters", broken)
    answer = house.reader().get("/")
    assert answer.status_code == 500
    assert "Traceback" not in answer.text
    assert "kofi" not in answer.text
    reference = re.search(r"<code>([0-9a-f]{8})</code>", answer.text)
    assert reference
    assert reference[1] in caplog.text


def test_a_defect_behind_a_token_does_not_log_the_token(house: House, monkeypatch: pytest.MonkeyPatch, caplog):
    def broken(*_args, **_named):
        raise RuntimeError("no")

    monkeypatch.setattr(confirm, "look_up", broken)
    assert house.reader().get("/confirm/secret-token-in-the-path").status_code == 500
    assert "reference" in caplog.text
    assert "secret-token-in-the-path" not in caplog.text
