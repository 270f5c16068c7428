"""An admin composes an issue, looks at it, sends it, watches it, and has the brake in hand."""

import pytest

from tests.functional.stories.people import Admin, Newsroom

pytestmark = pytest.mark.timeout(240)

MANY = 80  # more than can be on their way at once


def test_an_admin_composes_previews_sends_watches_pauses_and_resumes(newsroom: Newsroom) -> None:
    readers = newsroom.import_readers(MANY)
    admin = Admin(newsroom)

    # She composes what is new, gives it a subject, drops nothing, and looks at the mail.
    composer = admin.compose()
    assert f"{MANY} lecteurs" in composer.words
    composer = composer.press("Enregistrer", subject="Ce soir à Tsévié", introduction="Bonsoir à tous.")
    assert "Enregistré" in composer.words
    preview = admin.open(f"/admin/issues/{newsroom.issues()[0]['id']}/preview")
    assert "Bonsoir à tous." in preview.words
    assert "Le pont sur le Zio rouvre" in preview.words
    assert all(not reader.mails for reader in readers)

    # She sends it; the relay is slow, and she sees one message leave.
    newsroom.service.relay.slow_down()
    live = admin.send(composer)
    newsroom.service.relay.let_through(1)
    newsroom.service.eventually(lambda: admin.progress(live)["envoyé"] == 1)

    # She pauses. The messages on their way still arrive, the others wait, however fast the relay is now.
    paused = live.press("Mettre en pause")
    assert "En pause" in paused.words
    newsroom.service.eventually(lambda: admin.progress(live)["en attente"] > 0)  # the worker has heard of it
    newsroom.service.relay.hurry()
    newsroom.service.eventually(lambda: admin.progress(live)["en cours d’envoi"] == 0)
    figures = admin.progress(live)
    assert figures["envoyé"] + figures["en attente"] == MANY
    assert 1 < figures["envoyé"] < MANY
    assert sum(len(reader.mails) for reader in readers) == figures["envoyé"]

    # She goes on, and everybody has the issue once.
    admin.browser.open(live.url).press("Reprendre l’envoi")
    newsroom.service.eventually(lambda: admin.progress(live)["envoyé"] == MANY)
    for reader in readers:
        assert [mail.subject for mail in reader.mails] == ["Ce soir à Tsévié"]
    newsroom.wait_until(newsroom.issues()[0]["id"], "sent")
    assert "Bonsoir à tous." in newsroom.service.open(f"/archive/{newsroom.slug}/1").text


def test_pressing_twice_makes_one_issue_and_sends_it_once(newsroom: Newsroom) -> None:
    (reader,) = newsroom.import_readers(1)
    admin = Admin(newsroom)
    room = admin.open(f"/admin/newsletters/{newsroom.slug}/issues")
    composer, second = room.press("Composer un numéro"), room.press("Composer un numéro")
    assert "Rien de neuf" in second.words
    question = composer.press("Envoyer…")
    for _press in range(2):
        question.press("Envoyer à 1 lecteur")
    newsroom.wait_until(newsroom.issues()[0]["id"], "sent")
    assert len(newsroom.issues()) == 1
    assert len(reader.mails) == 1


def test_an_issue_that_is_cancelled_reaches_nobody_else(newsroom: Newsroom) -> None:
    readers = newsroom.import_readers(MANY)
    admin = Admin(newsroom)
    newsroom.service.relay.slow_down()
    live = admin.send(admin.compose())
    newsroom.service.relay.let_through(1)
    newsroom.service.eventually(lambda: admin.progress(live)["envoyé"] == 1)
    cancelled = live.press("Annuler l’envoi")
    assert "Annulé" in cancelled.words
    newsroom.service.relay.hurry()
    newsroom.service.eventually(lambda: admin.progress(live)["en cours d’envoi"] == 0)
    counts = newsroom.wait_until(newsroom.issues()[0]["id"], "cancelled")["deliveries"]
    assert counts["sent"] + counts["skipped"] == MANY
    assert 1 < counts["sent"] < MANY
    assert sum(len(reader.mails) for reader in readers) == counts["sent"]


def test_an_author_writes_and_may_not_send(newsroom: Newsroom) -> None:
    newsroom.import_readers(1)
    Admin(newsroom).compose()
    author = Admin(newsroom, role="author")
    issue = newsroom.issues()[0]["id"]
    assert author.open(f"/admin/issues/{issue}").status == 200
    assert author.open(f"/admin/issues/{issue}/send").status == 403
    assert newsroom.issues()[0]["status"] == "draft"
