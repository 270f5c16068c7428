"""Staff find readers, add them with a proof or a question, and take them off."""

import pytest

from newsletter.accounts.models import Role
from tests.functional.conftest import House, path_in
from tests.support.staff import Staff

SUBSCRIBERS = "/admin/newsletters/depeche/subscribers"
AMA = "Ama.Lawson@poste.example"


@pytest.fixture
def editor(house: House) -> Staff:
    person = Staff(house.reader()).come_in(house.staff_link(Role.EDITOR))
    person.get(f"{SUBSCRIBERS}/new")
    return person


def profile(editor: Staff, email: str = AMA) -> str:
    """Open the page of a reader; its path."""
    editor.get(SUBSCRIBERS, query_string={"q": email})
    path = editor.page.split('<th scope="row"><a class="plain" href="')[1].split('"')[0]
    editor.get(path)
    return path


def test_a_reader_who_agreed_elsewhere_is_active_at_once_with_the_proof_kept(house: House, editor: Staff):
    editor.post(SUBSCRIBERS, email=AMA, name="Ama", agreed="yes", proof="Formulaire papier, Tsévié")
    profile(editor)
    assert 'data-s="active"' in editor.page
    assert "Formulaire papier, Tsévié" in editor.page
    house.work()
    assert not house.mails(AMA)


def test_without_a_proof_nobody_is_added_as_agreed(editor: Staff):
    assert editor.post(SUBSCRIBERS, email=AMA, agreed="yes", proof="  ").status_code == 422
    assert AMA in editor.page
    editor.get(SUBSCRIBERS)
    assert "poste.example" not in editor.page


def test_a_reader_who_is_asked_by_mail_joins_by_confirming(house: House, editor: Staff):
    editor.post(SUBSCRIBERS, email=AMA, agreed="no")
    profile(editor)
    assert 'data-s="pending"' in editor.page
    house.work()
    house.reader().post(path_in(house.mails(AMA)[0], "confirm"))
    profile(editor)
    assert 'data-s="active"' in editor.page


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ama",
        "ama@",
        "a" * 400 + "@poste.example",
        "ama@poste.example\r\nBcc: x@y.example",
        "ama\u202e@poste.example",
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(editor: Staff, email: str):
    assert editor.post(SUBSCRIBERS, email=email, agreed="no").status_code == 422
    assert 'role="alert"' in editor.page


def test_a_name_of_ten_thousand_letters_is_refused(editor: Staff):
    assert editor.post(SUBSCRIBERS, email=AMA, name="x" * 10_000, agreed="yes", proof="papier").status_code == 422


def test_hostile_names_and_proofs_are_shown_as_text(editor: Staff):
    hostile = "<img src=x onerror=alert(1)>"
    editor.post(SUBSCRIBERS, email=AMA, name=hostile, agreed="yes", proof=hostile)
    path = profile(editor)
    for page in (path, SUBSCRIBERS, f"{path}/end"):
        assert hostile not in editor.client.get(page).get_data(as_text=True)


def test_ending_is_asked_about_first_and_the_record_stays(editor: Staff):
    editor.post(SUBSCRIBERS, email=AMA, agreed="yes", proof="papier")
    path = profile(editor)
    editor.get(f"{path}/end")
    assert AMA in editor.page
    editor.post(f"{path}/end")
    assert 'data-s="ended"' in editor.page
    assert "papier" in editor.page


def test_a_search_keeps_its_words_and_offers_to_clear_them(editor: Staff):
    editor.post(SUBSCRIBERS, email=AMA, agreed="yes", proof="papier")
    editor.get(SUBSCRIBERS, query_string={"q": "ama.l"})
    assert "poste.example" in editor.page
    editor.get(SUBSCRIBERS, query_string={"q": "nobody%_<b>"})
    assert 'value="nobody%_<b>"' in editor.page
    assert f'href="{SUBSCRIBERS}"' in editor.page
    editor.get(SUBSCRIBERS, query_string={"status": "ended"})
    assert "Ama.Lawson" not in editor.page


def test_a_reader_of_one_newsletter_is_not_found_under_another(house: House, editor: Staff):
    editor.post(SUBSCRIBERS, email=AMA, agreed="yes", proof="papier")
    path = profile(editor)
    house.add_newsletter("eco", "Le Point éco")
    assert editor.get(path.replace("depeche", "eco")).status_code == 404
