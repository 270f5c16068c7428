"""Editors look at each edition before an issue leaves, and at what each reader got after; the archive has languages."""

import re

import pytest

from tests.functional.conftest import House
from tests.support.staff import Staff

ISSUES = "/admin/newsletters/depeche/issues"


@pytest.fixture
def editor(house: House) -> Staff:
    return Staff(house.reader()).come_in(house.staff_link())


def frame_in(page: str) -> str:
    found = re.search(r'<iframe class="mailview" src="([^"]+)"', page)
    assert found
    return found[1].replace("&amp;", "&")


def test_an_editor_looks_at_each_edition(house: House, editor: Staff):
    editor.get("/admin/newsletters/depeche/articles/new")
    editor.post("/admin/newsletters/depeche/articles", title="Le pont", body="Le pont rouvre. On y passe.")
    editor.get(ISSUES)
    draft = editor.post(ISSUES).request.path
    editor.get(f"{draft}?edition=light")
    assert 'data-swap aria-current="true">Légère' in editor.page
    editor.get(frame_in(editor.page))
    assert "Le pont rouvre." in editor.page
    assert "On y passe" not in editor.page.split("<h1")[1]  # the preheader has more of a single story
    editor.get(f"{draft}?edition=text")
    assert "<iframe" not in editor.page
    assert "Le pont rouvre." in editor.page.split("<pre")[1]
    assert editor.get(f"{draft}?edition=nonsense").status_code == 200


def test_staff_see_what_each_reader_got(house: House, editor: Staff):
    house.add_readers("depeche", "ama", "kofi")
    house.send_digest("depeche")
    editor.get(ISSUES)
    link = re.search(r'href="(/admin/issues/\d+)"', editor.page)
    assert link
    editor.get(link[1])
    assert f'href="{link[1]}/variants"' in editor.page
    editor.get(f"{link[1]}/variants")
    form = re.search(rf'href="({link[1]}/variants/\d+)"', editor.page)
    assert form
    editor.get(form[1])
    assert "<pre" in editor.page
    answer = editor.get(frame_in(editor.page))
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "Vostotchny" in editor.page
    assert editor.get(f"{link[1]}/variants/999999").status_code == 404
    assert editor.get(f"{link[1]}/variants?skip=-1").status_code == 404
    assert house.reader().get(f"{link[1]}/variants").status_code in (302, 303)


def test_a_public_issue_names_its_languages(house: House):
    house.add_readers("depeche", "ama")
    number = house.send_digest("depeche")
    page = house.reader().get(f"/archive/depeche/{number}").text
    assert page.count("<h1") == 1
    assert house.reader().get(f"/archive/depeche/{number}?language=xx").status_code == 200
