"""The local mailbox, which shows mail from anywhere without trusting it."""

from pathlib import Path
from smtplib import SMTP

import pytest

from newsletter.core.settings import load_settings
from newsletter.web.app import create_app
from tests.functional.conftest import House

HOSTILE = (
    "From: Mal <mal@exemple.test>\r\nTo: kofi@exemple.test\r\nSubject: <script>alert(1)</script>\r\n"
    "Content-Type: text/html; charset=utf-8\r\n\r\n"
    '<html><head><title>x</title></head><body onload="alert(2)"><script>alert(3)</script>'
    '<form action="/p/x"><button>x</button></form><a href="http://news.example/confirm/x">oui</a></body></html>\r\n'
)


def arrive(house: House, message: str) -> str:
    """Hand a message to the local mailbox as any relay client would; the path of its page."""
    port = int(house.installation.settings.smtp_url.rpartition(":")[2])
    with SMTP("127.0.0.1", port) as relay:
        relay.sendmail("mal@exemple.test", ["kofi@exemple.test"], message.encode())
    return f"/mailbox/{house.mails('kofi@exemple.test')[-1].stored.id}"


def test_mail_is_listed_and_read_in_every_form(house: House):
    assert 'class="empty' in house.reader().get("/mailbox/").text
    house.reader().post("/n/depeche", data={"email": "kofi@exemple.test"})
    house.work()
    path = f"/mailbox/{house.mails()[0].stored.id}"
    assert f'href="{path}"' in house.reader().get("/mailbox/").text
    assert f'src="{path}/html"' in house.reader().get(path).text
    assert "phone" in house.reader().get(path + "?width=phone").text
    assert "/confirm/" in house.reader().get(path + "?view=text").text
    assert "DKIM-Signature" in house.reader().get(path + "?view=source").text
    assert house.reader().get(path + "/raw").data == house.mails()[0].raw
    assert house.reader().get(path + "?view=nothing").status_code == 200


def test_a_hostile_mail_cannot_run_or_escape_its_frame(house: House):
    path = arrive(house, HOSTILE)
    framed = house.reader().get(path + "/html")
    policy = framed.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox;")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "script-src" not in policy
    assert "default-src 'none'" in policy
    assert "form-action 'none'" in policy
    assert '<base target="_blank">' in framed.text
    for page in ("/mailbox/", path, path + "?view=source"):
        answer = house.reader().get(page)
        assert "<script>alert" not in answer.text
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    raw = house.reader().get(path + "/raw")
    assert raw.mimetype == "text/plain"
    assert raw.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["x", "..", "%2e%2e%2fsecret.key", "1700000000000000000-000000", "é" * 100])
def test_no_name_leads_out_of_the_mailbox(house: House, name: str):
    for ending in ("", "/html", "/raw"):
        assert house.reader().get(f"/mailbox/{name}{ending}").status_code in (404, 308)


def test_pages_of_the_mailbox_are_kept_nowhere(house: House):
    path = arrive(house, HOSTILE)
    for page in ("/mailbox/", path, path + "/html", path + "/raw"):
        assert house.reader().get(page).headers["Cache-Control"] == "no-store"


def test_without_a_local_mailbox_there_is_no_such_page(house: House, tmp_path: Path):
    settings = load_settings(env_file=None)
    client = create_app(settings, house.installation).test_client()
    for path in ("/mailbox/", "/mailbox/x", "/mailbox/x/html", "/mailbox/x/raw"):
        assert client.get(path).status_code == 404
