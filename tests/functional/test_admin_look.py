"""Staff give a newsletter its look and its form; what is broken is refused, and readers see what was saved."""

import html
import io
import re

import pytest
from PIL import Image

from newsletter.accounts.models import Role
from newsletter.core.templating import TEMPLATES
from tests.functional.conftest import House, path_in
from tests.support.staff import Staff

LOOK = "/admin/newsletters/depeche/look"
FORM = "/admin/newsletters/depeche/form"
OWN = (TEMPLATES / "email" / "parts" / "own.mjml").read_text("utf-8")


@pytest.fixture
def owner(house: House) -> Staff:
    return Staff(house.reader()).come_in(house.staff_link())


def fields(owner: Staff, **values: object) -> dict[str, object]:
    """The form of the page as it is, with these changes; None takes a tick away."""
    owner.get(LOOK)
    seen = re.search(r'name="seen" value="(\d+)"', owner.page)
    assert seen
    usual: dict[str, object] = {
        "seen": seen[1],
        "light_accent": "#17191c",
        "light_link": "#14518c",
        "light_sheet": "#fdfdfc",
        "same_in_dark": "yes",
        "with_name": "yes",
        "dateline": "yes",
        "minutes": "yes",
    }
    return {name: value for name, value in (usual | values).items() if value is not None}


def save(owner: Staff, **values: object) -> int:
    return owner.post(LOOK, **fields(owner, **values)).status_code  # type: ignore[arg-type]


def picture(kind: str = "PNG") -> tuple[io.BytesIO, str]:
    file = io.BytesIO()
    Image.new("RGB", (300, 80), "navy").save(file, kind)
    file.seek(0)
    return file, "logo.png"


def test_a_saved_look_is_worn_by_the_digest_the_confirmation_and_the_public_pages(house: House, owner: Staff):
    assert save(owner, light_link="#8a1c1c", light_accent="#8a1c1c", footer="Écrit à **Lomé**.", logo=picture()) == 200
    house.add_readers("depeche", "ama")
    house.send_digest("depeche")
    (mail,) = house.mails("ama@poste.example")
    assert "#8a1c1c" in mail.html
    assert "Écrit à Lomé." in mail.text
    logo = re.search(r'src="http://news.example(/media/[0-9a-f]{64}\.\w+)"', mail.html)
    assert logo
    assert house.reader().get(logo[1]).content_type.startswith("image/")
    house.reader().post("/n/depeche?lang=fr", data={"email": "afi@exemple.test"})
    house.work()
    (confirmation,) = house.mails("afi@exemple.test")
    assert "#8a1c1c" in confirmation.html
    assert "<img" not in confirmation.html
    page = house.reader().get("/archive/depeche/1").text
    sheet = re.search(r'href="(/n/depeche/look\.css\?v=[0-9a-f]+)"', page)
    assert sheet
    answer = house.reader().get(sheet[1])
    assert "#8a1c1c" in answer.text
    assert "immutable" in answer.headers["Cache-Control"]


def test_a_colour_that_cannot_be_read_is_refused_and_the_entries_stay(owner: Staff):
    assert save(owner, light_link="#e0e0e0", footer="Gardé") == 422
    assert "#757575" in owner.page
    assert "Gardé" in owner.page
    owner.get(LOOK)
    assert "Gardé" not in owner.page


@pytest.mark.parametrize(
    "data", [b"<svg xmlns='x' onload='alert(1)'/>", b"GIF89a", b"%PDF-1.7", b"<?php", b"\x89PNG\r\n\x1a\n"]
)
def test_an_upload_that_is_no_picture_is_refused(owner: Staff, data: bytes):
    assert save(owner, logo=(io.BytesIO(data), "logo.png")) == 422


def test_a_kind_of_picture_that_is_not_wanted_and_one_too_large_are_refused(owner: Staff):
    assert save(owner, logo=picture("GIF")) == 422
    assert save(owner, logo=(io.BytesIO(b"\x89PNG" + b"x" * 1_600_000), "logo.png")) == 422


def test_the_preview_shows_what_is_typed_and_saves_nothing(owner: Staff):
    asked = fields(owner, light_link="#8a1c1c", logo=picture())
    answer = owner.post(f"{LOOK}/preview", **asked)  # type: ignore[arg-type]
    assert "#8a1c1c" in owner.page
    assert 'src="data:image/jpeg;base64,' in owner.page
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    owner.get(f"{LOOK}/preview")
    assert "#8a1c1c" not in owner.page
    owner.post(f"{LOOK}/preview", **fields(owner, light_link="#e0e0e0"))  # type: ignore[arg-type]
    assert "#757575" in owner.page
    owner.post(f"{LOOK}/verdict", **fields(owner, light_link="#e0e0e0"))  # type: ignore[arg-type]
    assert "#757575" in owner.page


def test_own_mjml_is_begun_refused_with_its_line_saved_and_given_back(house: House, owner: Staff):
    assert save(owner, do="own") == 200
    assert "<!-- block: frame -->" in owner.page
    broken = OWN.replace("<mj-button", "<mj-raw></mj-raw><mj-button", 1).replace("{{ summary }}", "{{ secret }}")
    assert save(owner, template=broken) == 422
    line = OWN.count("\n", 0, OWN.index("{{ summary }}")) + 1
    assert f"Ligne\xa0{line}" in owner.page or "mj-raw" in owner.page
    assert save(owner, template=OWN.replace("#f3f3f0", "#f0f3f1")) == 200
    owner.get(f"{LOOK}/preview")
    assert "#f0f3f1" in owner.page
    assert save(owner, do="not-own", template=OWN) == 200
    owner.get(f"{LOOK}/preview")
    assert "#f0f3f1" not in owner.page


def test_a_look_is_put_back_and_another_s_is_not_overwritten(owner: Staff):
    stale = fields(owner, footer="Le mien")
    assert save(owner, footer="Le premier") == 200
    assert save(owner, footer="Le second") == 200
    answer = owner.post(LOOK, **stale | {"seen": "1"})  # type: ignore[arg-type]
    assert answer.status_code == 409
    assert "Le mien" in owner.page
    owner.get(LOOK)
    number = re.findall(r'value="put-back:(\d+)"', owner.page)[0]
    assert save(owner, do=f"put-back:{number}") == 200
    assert "Le premier" in owner.page
    assert save(owner, do="put-back:99999") == 200
    assert "Le premier" in owner.page


def test_only_who_may_change_newsletters_changes_their_look(house: House):
    author = Staff(house.reader()).come_in(house.staff_link(Role.AUTHOR, "afi@news.example"))
    for path in (LOOK, FORM, f"{FORM}/preview"):
        assert author.get(path).status_code == 403
    assert author.post(LOOK, footer="x").status_code in (400, 403)


def test_the_form_says_and_asks_what_staff_set(house: House, owner: Staff):
    owner.get(FORM)
    consent = "J’accepte de recevoir <b>La Dépêche</b> chaque soir."
    asked = {
        "fr_title": "Le soir",
        "fr_consent": consent,
        "fr_button": "J’en suis",
        "fr_thanks": "Merci.",
        "name": "yes",
    }
    owner.post(f"{FORM}/preview", **asked)
    assert "Le soir" in owner.page
    owner.get(FORM)
    assert owner.post(FORM, **asked).status_code == 200
    page = html.unescape(house.reader().get("/n/depeche?lang=fr").text)
    assert "<h1>Le soir</h1>" in page
    assert "&lt;b&gt;La Dépêche" in house.reader().get("/n/depeche?lang=fr").text
    wording = re.search(r'name="w" value="(\d+)"', page)
    assert wording
    # The wording changes while somebody has the form open: what they agreed to is what they saw.
    owner.get(FORM)
    owner.post(FORM, **asked | {"fr_consent": "J’accepte tout autre chose désormais."})
    sent = {"email": "afi@exemple.test", "name": "Afi\u202e", "w": wording[1]}
    assert "Merci." in house.reader().post("/n/depeche?lang=fr", data=sent).text
    house.work()
    (mail,) = house.mails("afi@exemple.test")
    assert "Afi" not in mail.text.replace("afi@", "")
    house.reader().post(path_in(mail, "confirm"))
    owner.get("/admin/newsletters/depeche/subscribers?q=afi@exemple.test")
    path = re.search(r'href="(/admin/newsletters/depeche/subscribers/\d+)', owner.page)
    assert path
    owner.get(path[1])
    assert "La Dépêche</b> chaque soir" in owner.page
    assert "tout autre chose" not in owner.page


def test_a_form_with_texts_that_cannot_stand_is_refused(owner: Staff):
    owner.get(FORM)
    assert owner.post(FORM, fr_title="x" * 200, fr_consent="Oui").status_code == 422
    assert "x" * 200 in owner.page
