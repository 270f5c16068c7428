"""Unsubscribing and preferences, as RFC 8058 and people want them."""

import re

import pytest

from newsletter.core.urls import UNSUBSCRIBE
from newsletter.mail.mailbox import ParsedMessage
from tests.functional.conftest import SITE, House, path_in

ADDRESS = "kofi@exemple.test"
ONE_CLICK = b"List-Unsubscribe=One-Click"
MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
    "multipart/form-data; boundary=b",
)


def first_issue(house: House) -> ParsedMessage:
    """Subscribe, confirm, and receive an issue."""
    house.reader().post("/n/depeche", data={"email": ADDRESS})
    house.work()
    house.reader().post(path_in(house.mails(ADDRESS)[0], "confirm"))
    house.send_digest("depeche")
    return house.mails(ADDRESS)[-1]


def link_to_leave(mail: ParsedMessage) -> str:
    assert mail.list_unsubscribe.startswith(SITE + "/u/")
    return mail.list_unsubscribe.removeprefix(SITE)


def gets_mail(house: House) -> bool:
    """Whether the next issue comes to the reader."""
    before = len(house.mails(ADDRESS))
    assert house.send_digest("depeche", f"Nouvelle du jour {before}")
    return len(house.mails(ADDRESS)) > before


@pytest.mark.parametrize(("body", "kind"), [(ONE_CLICK, "application/x-www-form-urlencoded"), MULTIPART])
def test_one_click_from_a_mailbox_provider_ends_it_without_a_redirect(house: House, body: bytes, kind: str):
    path = link_to_leave(first_issue(house))
    answer = house.reader().post(path, data=body, content_type=kind)
    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    assert len(answer.data) < 100
    assert "Set-Cookie" not in answer.headers
    again = house.reader().post(path, data=body, content_type=kind)
    assert again.status_code == 200
    assert not gets_mail(house)


@pytest.mark.parametrize("ending", ["", "/", "?lang=en", "?utm_source=x"])
def test_no_spelling_of_the_link_redirects(house: House, ending: str):
    path = link_to_leave(first_issue(house))
    assert (
        house.reader().post(path + ending, data=ONE_CLICK, content_type="application/x-www-form-urlencoded").status_code
        == 200
    )
    assert (
        house.reader()
        .post(path + ending, base_url="https://other.example", data={"List-Unsubscribe": "One-Click"})
        .status_code
        == 200
    )


def test_looking_at_the_page_changes_nothing(house: House):
    path = link_to_leave(first_issue(house))
    for _scanner in range(2):
        page = house.reader().get(path)
        assert page.status_code == 200
        assert page.text.count("<form") == 1
        assert 'method="post"' in page.text
        assert ADDRESS not in page.text
        assert house.reader().head(path).status_code == 200
    assert gets_mail(house)


def test_the_button_of_the_page_ends_it_and_shows_a_way_back(house: House):
    path = link_to_leave(first_issue(house))
    page = house.reader().post(path)
    assert page.status_code == 200
    assert page.mimetype == "text/html"
    assert "/n/depeche" in page.text
    assert "/p/" in page.text
    later = house.reader().get(path)
    assert "<form" not in later.text
    assert not gets_mail(house)


def test_a_link_works_for_ever_but_not_when_forged(house: House):
    path = link_to_leave(first_issue(house))
    forged = path[:-1] + ("A" if path[-1] != "A" else "B")
    other_purpose = house.installation.signer.sign("preferences", 1)
    missing = house.installation.signer.sign(UNSUBSCRIBE, 999_999, 0)
    pages = []
    for token in (forged.rpartition("/")[2], other_purpose, missing, "x", "é" * 300, "A" * 5000):
        assert house.reader().post(f"/u/{token}", data=ONE_CLICK).status_code == 404
        pages.append(house.reader().get(f"/u/{token}"))
    assert {page.status_code for page in pages} == {404}
    assert len({page.text for page in pages}) == 1
    assert gets_mail(house)


def test_whoever_left_can_come_back_by_the_form(house: House):
    path = link_to_leave(first_issue(house))
    house.reader().post(path)
    before = len(house.mails(ADDRESS))
    house.reader().post("/n/depeche", data={"email": ADDRESS})
    house.work()
    assert len(house.mails(ADDRESS)) == before + 1
    house.reader().post(path_in(house.mails(ADDRESS)[-1], "confirm"))
    assert gets_mail(house)


def test_preferences_show_the_choices_and_keep_the_address_masked(house: House):
    house.add_newsletter("eco", "Le Point éco")
    path = path_in(first_issue(house), "p")
    page = house.reader().get(path).text
    assert ADDRESS not in page
    assert "k•••••@exemple.test" in page
    boxes = re.findall(r'name="newsletter" value="(\d+)"( checked)?', page)
    assert [bool(checked) for _value, checked in boxes] == [True, False]


def test_preferences_are_saved_and_said_to_be(house: House):
    house.add_newsletter("eco", "Le Point éco")
    path = path_in(first_issue(house), "p")
    answer = house.reader().post(path, data={"newsletter": ["1", "2"], "language": "en"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{path}?done=saved"
    page = house.reader().get(answer.headers["Location"], headers={"Accept-Language": "fr"}).text
    assert '<html lang="en"' in page
    assert 'role="status"' in page
    assert len(re.findall(r'name="(?:newsletter|language)"[^>]* checked', page)) == 3


def test_unticking_a_newsletter_leaves_it(house: House):
    path = path_in(first_issue(house), "p")
    house.reader().post(path, data={"language": "fr"})
    assert not gets_mail(house)


def test_leaving_everything_is_one_button(house: House):
    path = path_in(first_issue(house), "p")
    answer = house.reader().post(path + "/leave", follow_redirects=True)
    assert answer.status_code == 200
    assert " checked" not in answer.text.partition("<fieldset")[2].partition("</fieldset>")[0]
    assert not gets_mail(house)


@pytest.mark.parametrize(
    "data",
    [
        {"newsletter": ["1", "999", "-1", "x", "1e3", "²", "9" * 400], "language": "fr"},
        {"newsletter": "1", "language": "xx\r\n"},
        {"newsletter": "1", "language": "x" * 10_000},
    ],
)
def test_rubbish_in_the_preferences_is_left_out(house: House, data: dict[str, object]):
    path = path_in(first_issue(house), "p")
    assert house.reader().post(path, data=data).status_code == 303
    assert '<html lang="fr"' in house.reader().get(path).text
    assert gets_mail(house)


def test_looking_at_the_preferences_changes_nothing(house: House):
    path = path_in(first_issue(house), "p")
    assert house.reader().head(path).status_code == 200
    assert house.reader().get(path + "?newsletter=&language=en").status_code == 200
    assert house.reader().get(path + "/leave").status_code == 405
    assert gets_mail(house)


def test_a_forged_link_to_preferences_opens_nothing(house: House):
    token = path_in(first_issue(house), "p").rpartition("/")[2]
    unsubscribe = house.installation.signer.sign(UNSUBSCRIBE, 1, 0)
    for bad in (token[:-2] + "AA", unsubscribe, "x"):
        assert house.reader().get(f"/p/{bad}").status_code == 404
        assert house.reader().post(f"/p/{bad}", data={"language": "en"}).status_code == 404
        assert house.reader().post(f"/p/{bad}/leave").status_code == 404
