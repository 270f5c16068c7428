"""An editor makes a digest from the articles, looks at it, sends it, and watches it go."""

import re

import pytest

from tests.functional.conftest import House
from tests.support.staff import Staff

ISSUES = "/admin/newsletters/depeche/issues"
ARTICLES = "/admin/newsletters/depeche/articles"
TITLES = ("Le pont rouvre", "Le marché déménage", "La pluie revient")


@pytest.fixture
def editor(house: House) -> Staff:
    """An editor before three articles and two readers."""
    akouvi = Staff(house.reader()).come_in(house.staff_link())
    for title in TITLES:
        akouvi.get(f"{ARTICLES}/new")
        akouvi.post(ARTICLES, title=title, body=f"{title}, dit la mairie. Personne ne s’y attendait.")
    house.add_readers("depeche", "ama", "kofi")
    return akouvi


def compose(editor: Staff) -> str:
    """Press the button; the path of the new draft."""
    editor.get(ISSUES)
    path = editor.post(ISSUES).request.path
    assert re.fullmatch(r"/admin/issues/\d+", path), editor.page
    return path


def order(page: str) -> list[str]:
    """Headlines of the issue in their order."""
    articles = page.split('id="articles"')[1].split("</ol>", maxsplit=1)[0]
    return re.findall(r'articles/\d+">([^<]+)</a>', articles)


def figures(page: str) -> dict[str, int]:
    """The table by state."""
    rows = re.findall(r'data-s="(\w+)">[^<]+</span></a></th><td class="num[^"]*">([\d\u202f]+)</td>', page)
    return {state: int(count) for state, count in rows if int(count)}


def test_the_button_makes_a_draft_of_what_is_new_and_a_second_press_finds_nothing(editor: Staff):
    compose(editor)
    assert sorted(order(editor.page)) == sorted(TITLES)
    editor.get(ISSUES)
    answer = editor.post(ISSUES)
    assert answer.request.path == ARTICLES
    assert "Rien de neuf" in editor.page or "Nothing is new" in editor.page


def test_articles_move_and_leave_without_losing_what_was_typed(editor: Staff):
    draft = compose(editor)
    first, second, third = order(editor.page)
    number = re.findall(r'value="down:(\d+)"', editor.page)[0]
    editor.post(draft, subject="Un objet à nous", introduction="Bonsoir.", do=f"down:{number}")
    assert order(editor.page) == [second, first, third]
    assert 'value="Un objet à nous"' in editor.page
    assert "Bonsoir." in editor.page
    editor.post(draft, subject="Un objet à nous", introduction="Bonsoir.", do=f"drop:{number}")
    assert order(editor.page) == [second, third]


def test_the_last_article_stays_with_a_reason(editor: Staff):
    draft = compose(editor)
    numbers = re.findall(r'value="drop:(\d+)"', editor.page)
    answers = [editor.post(draft, subject="", introduction="", do=f"drop:{number}").status_code for number in numbers]
    assert answers == [200, 200, 422]


def test_an_article_taken_out_is_in_the_next_issue(editor: Staff):
    draft = compose(editor)
    out = order(editor.page)[0]
    number = re.findall(r'value="drop:(\d+)"', editor.page)[0]
    editor.post(draft, subject="", introduction="", do=f"drop:{number}")
    compose(editor)
    assert order(editor.page) == [out]


def test_the_preview_is_the_mail_in_a_frame_where_nothing_runs(editor: Staff):
    draft = compose(editor)
    frame = re.search(r'<iframe class="mailview" src="([^"]+)"', editor.page)
    assert frame
    answer = editor.get(frame[1])
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert TITLES[0] in editor.page
    editor.get(f"{draft}?form=text")
    assert "<pre" in editor.page
    assert TITLES[0] in editor.page.split("<pre")[1]
    editor.get(f"{draft}?language=en")
    assert 'lang="en" aria-current="true"' in editor.page


def test_sending_is_asked_about_with_figures_and_then_done(house: House, editor: Staff):
    draft = compose(editor)
    answer = editor.post(draft, subject="Le pont et deux autres nouvelles", introduction="", do="send")
    assert answer.request.path == f"{draft}/send"
    assert "Le pont et deux autres nouvelles" in editor.page
    assert re.search(r"<h1>[^<]*2 ", editor.page), "the number of readers is in the question"
    assert not house.mails()
    editor.post(f"{draft}/send")
    house.work()
    editor.get(draft)
    assert figures(editor.page) == {"sent": 2}
    assert 'data-s="sent"' in editor.page
    assert [mail.stored.subject for mail in house.mails()] == ["Le pont et deux autres nouvelles"] * 2


def test_an_issue_that_left_cannot_be_sent_or_changed_again(house: House, editor: Staff):
    draft = compose(editor)
    editor.post(f"{draft}/send")
    house.work()
    assert editor.post(f"{draft}/send").status_code == 422
    assert editor.post(draft, subject="Trop tard", introduction="", do="save").status_code == 422
    assert editor.get(f"{draft}/send").request.path == draft
    house.work()
    assert len(house.mails()) == 2


def test_a_paused_issue_waits_and_goes_on(house: House, editor: Staff):
    draft = compose(editor)
    editor.post(f"{draft}/send")
    editor.post(f"{draft}/pause")
    assert f'action="{draft}/resume"' in editor.page
    house.work()
    assert not house.mails()
    editor.post(f"{draft}/resume")
    house.work()
    assert len(house.mails()) == 2


def test_a_cancelled_issue_reaches_nobody_else(house: House, editor: Staff):
    draft = compose(editor)
    editor.post(f"{draft}/send")
    editor.post(f"{draft}/pause")
    editor.get(f"{draft}/cancel")
    assert "pause" in editor.page.lower()
    editor.post(f"{draft}/cancel")
    house.work()
    assert not house.mails()
    assert 'data-s="cancelled"' in editor.page
    assert editor.post(f"{draft}/resume").status_code == 422


def test_the_moving_parts_come_by_themselves_and_stop_when_all_is_out(house: House, editor: Staff):
    draft = compose(editor)
    editor.post(f"{draft}/send")
    editor.get(f"{draft}/progress?seen=sending")
    assert 'hx-trigger="every 2s"' in editor.page
    assert "live-head" not in editor.page, "buttons that have the focus are left alone"
    house.work()
    editor.get(f"{draft}/progress?seen=sending")
    assert "every 2s" not in editor.page
    assert "live-head" in editor.page
    assert figures(editor.page) == {"sent": 2}


def test_a_poll_of_somebody_who_was_signed_out_has_the_page_loaded_again(house: House):
    answer = house.reader().get("/admin/issues/1/progress", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Refresh"] == "true"


def test_deliveries_are_found_by_address_and_by_state(house: House, editor: Staff):
    draft = compose(editor)
    editor.post(f"{draft}/send")
    house.work()
    table = 'aria-label="'
    editor.get(f"{draft}?q=ama")
    assert "ama<wbr>" in editor.page
    assert "kofi<wbr>" not in editor.page
    editor.get(f"{draft}?status=failed")
    assert "ama<wbr>" not in editor.page
    assert table in editor.page


def test_the_desk_shows_what_waits_and_what_has_left(house: House, editor: Staff):
    editor.get("/admin/")
    assert any(title in editor.page for title in TITLES)
    draft = compose(editor)
    editor.post(f"{draft}/send")
    editor.get("/admin/")
    assert f'href="{draft}"' in editor.page
    house.work()
    editor.get("/admin/")
    assert 'data-s="sent"' in editor.page


def test_the_list_of_issues_tells_drafts_from_sent_ones(house: House, editor: Staff):
    draft = compose(editor)
    editor.get(ISSUES)
    assert 'data-s="draft"' in editor.page
    editor.post(f"{draft}/send")
    house.work()
    editor.get(ISSUES)
    assert 'data-s="sent"' in editor.page
