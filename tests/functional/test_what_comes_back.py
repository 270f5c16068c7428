"""What staff and readers see of what came back: the profile, blocking and its undo, and coming back."""

import pytest
from flask.testing import FlaskClient

from newsletter.accounts.models import Role
from newsletter.core.clock import utc_now
from newsletter.feedback import inbox
from newsletter.feedback.inbox import Incoming
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import SuppressionReason
from tests.functional.conftest import House, path_in
from tests.support.staff import Staff
from worker.tasks import feedback, subscriptions

AMA = "ama@poste.example"
SUBSCRIBERS = "/admin/newsletters/depeche/subscribers"


@pytest.fixture
def editor(house: House) -> Staff:
    house.add_readers("depeche", "ama", "kofi")
    person = Staff(house.reader()).come_in(house.staff_link(Role.EDITOR))
    person.get(f"{SUBSCRIBERS}/new")
    return person


def profile(editor: Staff) -> str:
    editor.get(SUBSCRIBERS, query_string={"q": AMA})
    path = editor.page.split('<th scope="row"><a class="plain" href="')[1].split('"')[0]
    editor.get(path)
    return path


def bounce(house: House) -> None:
    """The newsletter's last issue comes back from Ama's server."""
    sender = house.mails(AMA)[-1].stored.envelope_sender
    raw = (
        f"From: MAILER-DAEMON@mx.example\r\nTo: {sender}\r\nSubject: failure notice\r\n\r\n"
        f"<{AMA}>:\r\n550 5.1.1 no such user <script>alert(1)</script>\r\n"
    )
    with house.installation.database.unit() as session:
        inbox.store(session, [Incoming("smtp", raw.encode(), "", sender)], now=utc_now())
    feedback.read()


def test_the_profile_says_what_came_back_and_why_nothing_is_sent(house: House, editor: Staff) -> None:
    house.send_digest("depeche")
    bounce(house)
    path = profile(editor)
    assert "aucune boîte" in editor.page or "n’existe pas" in editor.page
    assert "550 5.1.1 no such user <script>" in editor.page
    assert "<script>alert" not in editor.get(path).text
    before = len(house.mails(AMA))
    house.send_digest("depeche", "Une autre nouvelle")
    assert len(house.mails(AMA)) == before
    editor.post(f"{path}/unblock", why="Elle a appelé : la boîte existe")
    assert "Elle a appelé" in editor.page
    house.send_digest("depeche", "Encore une nouvelle")
    assert len(house.mails(AMA)) == before + 1


def test_the_desk_counts_who_was_lost_by_a_bounce_until_the_mailbox_works(house: House, editor: Staff) -> None:
    house.send_digest("depeche")
    bounce(house)
    subscriptions.fold_counts()
    editor.get("/admin/")
    assert "1 départ, dont 1 parce que son courrier est revenu" in editor.page
    path = profile(editor)
    editor.post(f"{path}/unblock", why="Elle a appelé : la boîte existe")
    subscriptions.fold_counts()
    editor.get("/admin/")
    assert "0 départ" in editor.page
    assert "courrier est revenu" not in editor.page


def test_without_a_reason_nothing_is_blocked(editor: Staff) -> None:
    path = profile(editor)
    editor.post(f"{path}/block", why=" ")
    assert f"{path}/block" in editor.page
    editor.post(f"{path}/block", why="demande par téléphone")
    assert f"{path}/unblock" in editor.page


def test_an_author_blocks_nobody(house: House, editor: Staff) -> None:
    path = profile(editor)
    author = Staff(house.reader()).come_in(house.staff_link(Role.AUTHOR, "auteur@news.example"))
    author.get("/admin/")
    assert author.post(f"{path}/block", why="x").status_code == 403


def test_a_reader_whose_mailbox_was_full_comes_back_by_a_button(house: House, editor: Staff) -> None:
    house.send_digest("depeche")
    link = path_in(house.mails(AMA)[-1], "p")
    with house.installation.database.unit() as session:
        suppression.suppress(session, AMA, SuppressionReason.SOFT_BOUNCES, source="smtp", now=utc_now())
    reader: FlaskClient = house.reader()
    assert f"{link}/back" in reader.get(link).text
    answer = reader.post(f"{link}/back", follow_redirects=True)
    assert f"{link}/back" not in answer.text
    before = len(house.mails(AMA))
    house.send_digest("depeche", "Une autre nouvelle")
    assert len(house.mails(AMA)) == before + 1


def test_a_link_that_is_not_ours_brings_nobody_back(house: House, editor: Staff) -> None:
    assert house.reader().post("/p/AQAAAAAAAQAAAAAAAAAAAAAAAAAAAAA/back").status_code == 404
