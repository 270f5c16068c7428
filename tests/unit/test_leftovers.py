from datetime import UTC, datetime

import pytest

from newsletter.articles.leftovers import sift


def kept(*lines: str) -> list[str]:
    return [line for line in sift(lines, UTC).lines if line]


@pytest.mark.parametrize(
    "line",
    [
        *(
            "Partager",
            "Partager sur Facebook",
            "Partager cet article :",
            "Tweeter",
            "Share this article",
            "Envoyer par e-mail",
        ),
        *(
            "128 partages",
            "1,2 k partages",
            "0 commentaire",
            "Commenter",
            "Imprimer",
            "Copier le lien",
            "Facebook Twitter WhatsApp",
        ),
        *(
            "Publié le 13/09/2023",
            "Publié le 13 septembre 2023 à 14h05",
            "Publié le : 1er mars 2024 - 08:00",
            "Mis à jour le 13/09/2023 à 16:20",
        ),
        *(
            "Published September 13, 2023 at 2:05 pm",
            "Updated on 13 September 2023",
            "Partager Publié le 13/09/2023 à 14h05 AFP",
        ),
        *(
            "AFP",
            "Avec AFP",
            "(AFP)",
            "AFP et Reuters",
            "© AFP",
            "© 2023 AFP",
            "Tous droits réservés",
            "All rights reserved.",
        ),
        *(
            "Lire aussi : Un autre titre",
            "À lire aussi > Un autre titre",
            "Voir également : ceci",
            "Read more: another story",
            "Related",
        ),
        *(
            "Nous utilisons des cookies pour vous.",
            "Ce site utilise des cookies",
            "We use cookies to improve",
            "Tout accepter",
        ),
        *(
            "En poursuivant votre navigation sur ce site, vous acceptez les cookies.",
            "Continuer sans accepter",
            "Politique de confidentialité",
        ),
        *(
            "Abonnez-vous à notre newsletter",
            "Inscrivez-vous à la lettre d’information",
            "Subscribe to our newsletter",
            "Se connecter",
        ),
        *(
            "Accueil",
            "Accueil | Monde | Asie",
            "Accueil > Politique > Élections",
            "Home / News / Africa",
            "Aller au contenu",
            "Retour en haut",
        ),
        *(
            "Temps de lecture : 3 min",
            "3 min read",
            "Publicité",
            "La suite après cette publicité",
            "Photo : Jean / AFP",
            "Crédit photo : X",
        ),
        *(
            "***",
            "———",
            "•  •  •",
            "Suivez-nous sur les réseaux sociaux",
            "Article réservé aux abonnés",
            "Il vous reste 80 % de cet article à lire.",
        ),
    ],
)
def test_what_a_page_leaves_around_a_text_goes(line: str):
    assert kept("Le marché rouvre samedi.", line, "La mairie l’a dit.") == [
        "Le marché rouvre samedi.",
        "La mairie l’a dit.",
    ]


@pytest.mark.parametrize(
    "line",
    [
        *(
            "Partager le repas est une coutume.",
            "Partager les terres",
            "Publié le 13 septembre 2023, le rapport accuse.",
            "Share prices fell.",
        ),
        *(
            "L’AFP a confirmé la nouvelle.",
            "VOSTOCHNY (AFP) – Les deux dirigeants se sont vus.",
            "Tous droits réservés ou non, il faut payer.",
        ),
        *(
            "Lire aussi vite demande du travail.",
            "Lire aussi ce livre, c’est comprendre.",
            "Les cookies des sites sont en cause.",
            "Ce site utilise du vent.",
        ),
        *(
            "Nous utilisons des outils simples.",
            "Abonnez-vous, disait-il.",
            "Recevez-les bien.",
            "Accueil des réfugiés",
            "Monde",
            "Sport",
        ),
        *(
            "Facebook ferme un bureau.",
            "X",
            "128",
            "2023",
            "Photo de famille à Vostochny",
            "Le contact est rompu.",
            "Home is far away.",
        ),
        *("Par la route, il faut une heure.", "Sources du fleuve : enquête", "En cliquant, il a tout perdu."),
    ],
)
def test_a_sentence_that_only_begins_like_a_leftover_is_the_authors(line: str):
    expected = [] if line == "X" else [line]  # alone on a line, the letter is a network's button
    assert kept("Le marché rouvre samedi.", "", line, "", "La mairie l’a dit.") == [
        "Le marché rouvre samedi.",
        *expected,
        "La mairie l’a dit.",
    ]


def test_headlines_below_a_lone_label_go_with_it_and_paragraphs_do_not():
    lines = (
        "Lire aussi :",
        "",
        "Un pont rouvre aux camions",
        "",
        "Le prix du maïs baisse encore",
        "",
        "Le marché rouvre samedi.",
    )
    assert kept(*lines) == ["Le marché rouvre samedi."]


def test_a_broken_paragraph_below_a_label_is_not_taken_for_a_headline():
    for gap in ((), ("",)):
        lines = (
            "Lire aussi :",
            "",
            "Les experts y voient un intérêt pour la technologie",
            *gap,
            "des satellites, selon eux.",
        )
        assert kept(*lines) == [lines[2], lines[-1]]


def test_three_menu_words_are_a_menu_and_one_is_a_heading():
    assert kept("Monde", "Politique", "Sport", "Le marché rouvre.") == ["Le marché rouvre."]
    assert kept("Monde", "Le marché rouvre.") == ["Monde", "Le marché rouvre."]


def test_a_bare_number_goes_only_beside_a_leftover():
    assert kept("Partager", "", "128", "", "Le marché rouvre.") == ["Le marché rouvre."]
    assert kept("128", "Le marché rouvre.") == ["128", "Le marché rouvre."]


def test_tails_of_a_paragraph_go():
    assert kept("Le marché rouvre. Lire aussi : Le prix du maïs") == ["Le marché rouvre."]
    assert kept("Le marché rouvre. © 2023 AFP. Tous droits réservés.") == ["Le marché rouvre."]
    whole = "Le marché rouvre. Lire aussi : le livre de M. Koffi. Il est bon."
    assert kept(whole) == [whole]


def test_facts_that_stand_around_are_kept_aside():
    found = sift(
        (
            "Par Essi Amouzou et Yao Fiagbé",
            "Publié le 13 septembre 2023 à 14 h 05",
            "Le marché rouvre.",
            "Source : La Gazette",
        ),
        UTC,
    )
    assert found.found == {
        "author": "Essi Amouzou et Yao Fiagbé",
        "published_at": datetime(2023, 9, 13, 14, 5, tzinfo=UTC),
        "source_name": "La Gazette",
    }
    assert [line for line in found.lines if line] == ["Le marché rouvre."]


@pytest.mark.parametrize(
    "line",
    ["Facebook " * 5000, "AFP, " * 5000 + "!", "12 " * 9000, "Partager" * 5000, "Monde | " * 60 + "!", "(" * 9000],
)
def test_hostile_lines_are_told_in_no_time(line: str):
    started = datetime.now(UTC)
    sift([line, line[:499]], UTC)
    assert (datetime.now(UTC) - started).total_seconds() < 1
