"""Owners create newsletters and set what stands in each."""

import pytest

from tests.functional.conftest import House
from tests.support.staff import Staff

GIVEN = {
    "slug": "eco",
    "name": "Le Point éco",
    "from_address": "eco@news.example",
    "language": "fr",
    "timezone": "Africa/Lome",
    "schedule": "30 6 * * 1-5",
    "resend_unknown": "yes",
}


@pytest.fixture
def owner(house: House) -> Staff:
    person = Staff(house.reader()).come_in(house.staff_link())
    person.get("/admin/newsletters/new")
    return person


def test_a_new_newsletter_leads_to_its_dns_records(owner: Staff):
    answer = owner.post("/admin/newsletters", **GIVEN)
    assert answer.request.path == "/admin/newsletters/eco/domain"
    assert "v=DKIM1; k=rsa" in owner.page
    assert "v=DKIM1; k=ed25519" in owner.page
    assert "v=DMARC1" in owner.page


def test_its_next_ten_departures_are_shown(owner: Staff):
    owner.post("/admin/newsletters", **GIVEN)
    owner.get("/admin/newsletters/eco/settings")
    assert owner.page.count("<time ") == 10
    assert "6 h 30".replace(" ", "\u00a0") in owner.page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "Éco !"),
        ("slug", "depeche"),
        ("name", ""),
        ("name", "Éco\r\nBcc: x@y.example"),
        ("name", "x" * 10_000),
        ("from_address", "nobody"),
        ("from_name", "Éco\u202e"),
        ("reply_to", "x"),
        ("timezone", "Mars/Olympus"),
        ("schedule", "every evening"),
        ("schedule", "* * * * *"),
        ("schedule", "30 18 31 2 *"),
        ("language", "xx"),
        ("description", "x" * 5000),
    ],
)
def test_a_field_that_makes_no_sense_is_named_and_the_others_are_kept(owner: Staff, field: str, value: str):
    assert owner.post("/admin/newsletters", **(GIVEN | {field: value})).status_code == 422
    assert f'<li><a href="#{field}">' in owner.page
    kept = "postal_address" if field != "postal_address" else "name"
    assert f'id="{kept}"' in owner.page
    owner.get("/admin/newsletters")
    assert "/eco/" not in owner.page


def test_settings_are_changed_but_never_the_short_name(owner: Staff):
    owner.post("/admin/newsletters", **GIVEN)
    owner.get("/admin/newsletters/eco/settings")
    owner.post(
        "/admin/newsletters/eco/settings", **(GIVEN | {"slug": "other", "name": "Le Grand Point", "schedule": ""})
    )
    assert "Le Grand Point" in owner.page
    assert owner.page.count("<time ") == 0
    assert owner.get("/admin/newsletters/other/settings").status_code == 404


def test_a_hostile_name_is_shown_as_text(owner: Staff):
    hostile = '"><script>alert(1)</script>'
    owner.post("/admin/newsletters", **(GIVEN | {"name": hostile, "description": hostile, "postal_address": hostile}))
    for path in ("/admin/", "/admin/newsletters", "/admin/newsletters/eco/settings", "/admin/newsletters/eco/issues"):
        assert "<script>alert" not in owner.client.get(path).get_data(as_text=True)


def test_the_frame_stays_with_the_newsletter_last_looked_at(owner: Staff):
    owner.post("/admin/newsletters", **GIVEN)
    owner.get("/admin/newsletters/depeche/issues")
    owner.get("/admin/")
    assert 'href="/admin/newsletters/depeche/articles"' in owner.page.split("</nav>")[0]
    owner.get("/admin/newsletters/eco/issues")
    owner.get("/admin/")
    assert 'href="/admin/newsletters/eco/articles"' in owner.page.split("</nav>")[0]
