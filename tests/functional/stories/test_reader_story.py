"""A reader subscribes, reads and leaves."""

import pytest

from tests.functional.stories.people import Newsroom

pytestmark = pytest.mark.timeout(240)

LEADS = ("La gare ouvre ses portes, et une autre nouvelle", "Le stade a un toit, et une autre nouvelle")


def test_a_reader_subscribes_in_french_gets_a_digest_and_leaves_in_one_click(newsroom: Newsroom) -> None:
    kofi = newsroom.reader("Kofi.Mensah")

    # He finds the form, leaves his address, and is told to look into his inbox.
    asked = kofi.subscribe()
    assert asked.status == 200
    assert "Encore un clic" in asked.words

    # The confirmation comes in his language, to the address as he typed it, and only asks.
    confirmation = kofi.wait_for_mail(1)
    assert confirmation.subject == "Confirmez votre abonnement à «\u00a0La Dépêche du soir\u00a0»"
    assert newsroom.sender in str(confirmation.headers["From"])
    assert "List-Unsubscribe" not in confirmation.headers

    # Opening the link changes nothing; pressing its button does.
    assert "Oui, je m’abonne" in kofi.browser.open(confirmation.link("confirm")).words
    assert newsroom.send_digest()["sent"]
    newsroom.wait_until(newsroom.issues()[0]["id"], "sent")
    assert len(kofi.mails) == 1
    assert "C’est fait" in kofi.confirm().words

    # The next digest reaches him: subject from the lead story, text beside HTML, a link to leave.
    newsroom.file_article(
        "La gare ouvre ses portes", "La nouvelle gare routière ouvre samedi. Vingt cars partent chaque matin."
    )
    newsroom.file_article("Le stade a un toit", "Le stade municipal est couvert depuis hier. Le club y joue dimanche.")
    issue = newsroom.send_digest()["issue"]
    digest = kofi.wait_for_mail(2)
    assert digest.subject in LEADS
    assert {"La gare ouvre ses portes", "Le stade a un toit"} <= set(digest.text.splitlines())
    assert "La nouvelle gare routière ouvre samedi." in digest.html
    assert "Le pont sur le Zio" not in digest.text  # that was in the issue before he came
    assert newsroom.wait_until(issue, "sent")["deliveries"]["sent"] == 1

    # He leaves by the button of his mail program, and gets no further one.
    left = kofi.leave_by_one_click(digest)
    assert (left.status, left.url) == (200, digest.link("u"))
    newsroom.file_article(
        "Le port s’agrandit", "Un troisième quai entre en service au port. Il double la place des conteneurs."
    )
    last = newsroom.send_digest()["issue"]
    assert newsroom.wait_until(last, "sent")["audience"] == 0
    assert len(kofi.mails) == 2


def test_a_reader_who_subscribes_again_hears_nothing_that_others_could_learn_from(newsroom: Newsroom) -> None:
    ama = newsroom.reader("ama").join()
    again = ama.subscribe()
    stranger = newsroom.reader("stranger")
    assert stranger.subscribe().words.replace(stranger.email, "") == again.words.replace(ama.email, "")
    # Ama herself is told, in her mailbox, that she has it already.
    told = ama.wait_for_mail(2)
    assert "confirm" not in told.text.split("/")


def test_a_reader_chooses_english_and_gets_the_same_news_with_english_words(newsroom: Newsroom) -> None:
    edem = newsroom.reader("edem", language="en").join()
    assert edem.mails[0].subject.startswith("Confirm your subscription")
    newsroom.send_digest()
    digest = edem.wait_for_mail(2)
    assert "Unsubscribe:" in digest.text
    preferences = edem.browser.open(digest.link("p"))
    saved = preferences.press("Save", language="fr")
    assert saved.status == 200
    newsroom.file_article("Le lac monte", "Le lac Togo est monté de vingt centimètres en une semaine de pluie.")
    newsroom.send_digest()
    assert "Se désabonner" in edem.wait_for_mail(3).text


def test_somebody_whose_address_was_given_by_another_is_never_written_to_again(newsroom: Newsroom) -> None:
    victim = newsroom.reader("victim")
    victim.subscribe()
    page = victim.browser.open(victim.wait_for_mail(1).link("confirm"))
    assert page.press("Ne plus jamais m’écrire").status == 200
    victim.subscribe()
    witness = newsroom.reader("witness").join()  # whose mail came after any to the victim
    newsroom.send_digest()
    witness.wait_for_mail(2)
    assert len(victim.mails) == 1
