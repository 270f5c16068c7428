import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core.prose import clean_line, clean_paragraphs, count_words, excerpt, reading_minutes, sentences


@pytest.mark.parametrize(
    ("scraped", "clean"),
    [
        ("à Vostochny.Les deux dirigeants", "à Vostochny. Les deux dirigeants"),
        ("la fin.L’accord est signé.À Paris", "la fin. L’accord est signé. À Paris"),
        ("en 2019.Ils partent", "en 2019. Ils partent"),
        ("selon l’ONU.Washington dit", "selon l’ONU. Washington dit"),
        ("il y en a.Les autres", "il y en a. Les autres"),
        ("c’est tout...Puis rien", "c’est tout... Puis rien"),
        ("c’est fini !Il part ?Oui", "c’est fini ! Il part ? Oui"),
        ("fini\u202f!Il part\u202f?Oui", "fini\u202f! Il part\u202f? Oui"),
        ("« Venez. »Il part", "« Venez. » Il part"),
        ("le « mot ».Ensuite", "le « mot ». Ensuite"),
        ("(voir plus haut).Ensuite", "(voir plus haut). Ensuite"),
        ("signé.ONU et Union africaine", "signé. ONU et Union africaine"),
        ("la fin.A Paris", "la fin. A Paris"),
        ("a dit M.Dupont à Mme.Koffi", "a dit M. Dupont à Mme. Koffi"),
        ("Lomé,Kpalimé et Sokodé", "Lomé, Kpalimé et Sokodé"),
    ],
)
def test_blanks_after_full_stops_are_set_where_they_are_missing(scraped: str, clean: str):
    assert clean_line(scraped) == clean


@pytest.mark.parametrize(
    "text",
    [
        *("the U.S. Army", "U.S.A.", "U.S.Army", "J.K.Rowling", "at 5 p.m.", "e.g. this", "a Ph.D. student", "a Ph.D"),
        *("3.5 millions", "le 13.09.2023", "12.486,50", "v2.0", "l’art. L.123-4", "1,5 kg", "12,486 people"),
        *(
            "https://example.org/A.Html?b=C.D",
            "www.Example.Com",
            "Example.Com",
            "lemonde.fr",
            "Amazon.COM.",
            "jean.Dupont@Site.Org",
        ),
        *(
            "un fichier Rapport.PDF",
            "Node.js",
            "ASP.NET",
            "(Booking.com)",
            "index.Html",
            "S.H.I.E.L.D.",
            "/var/Log.Old",
        ),
    ],
)
def test_full_stops_inside_abbreviations_numbers_and_addresses_stay_closed(text: str):
    assert clean_line(text) == text


@pytest.mark.parametrize(
    ("odd", "clean"),
    [
        ("\xa0 un\u2003deux\u3000 trois\t", "un deux trois"),
        ("un\xa0mot", "un mot"),
        ("13\xa0septembre", "13 septembre"),
        ("un mot , puis .", "un mot, puis."),
        ("des points . . . là", "des points . . . là"),
        ("«\xa0oui\xa0»\xa0: non", "«\xa0oui\xa0»\xa0: non"),
        ("quoi \u202f?", "quoi\u202f?"),
        ("12\u202f486 lecteurs, 4\xa0%", "12\u202f486 lecteurs, 4\xa0%"),
        ("18\xa0h\xa030", "18\xa0h\xa030"),
    ],
)
def test_odd_spaces_become_plain_except_where_french_keeps_words_together(odd: str, clean: str):
    assert clean_line(odd) == clean


def test_what_nobody_sees_is_gone_and_letters_are_composed():
    dirty = "e\u0301te\u0301 inter\xadna\u200btio\ufeffnal\u2060 \u202egauche\u202c \x00\x07\x9f\ue001\ufffc\ud800fin"
    assert clean_paragraphs(dirty) == ["été international gauche fin"]


def test_joiners_stay_where_they_shape_a_word_or_an_emoji():
    assert clean_paragraphs("می\u200cخواهم 👩\u200d🌾 mot\u200d\u200c") == ["می\u200cخواهم 👩\u200d🌾 mot"]


def test_wrongly_decoded_letters_are_left_as_they_are():
    assert clean_paragraphs("Ã©tÃ© \ufffd") == ["Ã©tÃ© \ufffd"]


def test_lines_that_a_narrow_window_broke_are_joined():
    assert clean_paragraphs("Le marché de la ville\nrouvre samedi.\r\nOn y va.\n\n \xa0\n\nFin.") == [
        "Le marché de la ville rouvre samedi. On y va.",
        "Fin.",
    ]


def test_long_lines_are_paragraphs_of_their_own():
    long = "Le marché de la ville rouvre samedi matin après trois mois de travaux, annonce la mairie dans un avis."
    assert clean_paragraphs(f"{long}\nOn y va.\n{long}") == [long, "On y va.", long]


def test_double_spaced_lines_are_joined_where_a_sentence_goes_on():
    assert clean_paragraphs("Les deux dirigeants se sont longuement\n\nserré la main.\n\nIls ont parlé.") == [
        "Les deux dirigeants se sont longuement serré la main.",
        "Ils ont parlé.",
    ]


def test_items_of_a_list_stay_apart():
    assert clean_paragraphs("- un\n- deux\n• trois\n\nfarine\n\nsel") == ["- un", "- deux", "• trois", "farine", "sel"]


@given(st.text(max_size=200))
def test_no_letter_is_invented_lost_or_moved(text: str):
    def letters(line: str) -> str:
        return "".join(character for character in line if character.isalnum())

    once = clean_paragraphs(text)
    assert letters("".join(once)) == letters(
        "".join(clean_paragraphs("".join(c for c in text if c.isprintable() or c.isspace())))
    )
    assert all(paragraph and "\n" not in paragraph and "  " not in paragraph for paragraph in once)


@given(st.text(alphabet="aB.,!? \n«»’-1\xa0\u202f", max_size=80))
def test_cleaning_twice_changes_nothing(text: str):
    once = clean_line(text.replace("\n", " "))
    assert clean_line(once) == once


def test_sentences_end_at_full_stops_but_not_at_initials_and_abbreviations():
    text = "M. Adjavon et J. K. Lawson ont dit « oui. » Le U.S. Army va bien. Il y a 3.5 km ! Et après… Fin"
    assert sentences(text) == [
        "M. Adjavon et J. K. Lawson ont dit « oui. »",
        "Le U.S. Army va bien.",
        "Il y a 3.5 km !",
        "Et après…",
        "Fin",
    ]


TEXT = "Le marché rouvre samedi matin. Les vendeuses retrouvent leurs places, dit la mairie de la ville. Fin."


@pytest.mark.parametrize(
    ("words", "beginning"),
    [
        (3, "Le marché rouvre…"),
        (5, "Le marché rouvre samedi matin."),
        (12, "Le marché rouvre samedi matin."),
        (16, "Le marché rouvre samedi matin. Les vendeuses retrouvent leurs places, dit la mairie de la ville."),
        (40, TEXT),
    ],
)
def test_an_excerpt_ends_at_a_sentence_where_it_can(words: int, beginning: str):
    assert excerpt(TEXT, words) == beginning


def test_an_excerpt_never_ends_inside_a_quotation_or_on_a_comma():
    assert (
        excerpt("«\xa0Nous partons. Demain, nous serons loin d’ici\xa0», dit-elle à la foule.", 4)
        == "«\xa0Nous partons. Demain, nous…"
    )


def test_an_excerpt_has_no_addresses_of_links():
    assert excerpt("Le marché (https://example.org/a_(b)?c) rouvre.", 10) == "Le marché rouvre."


@given(st.text(max_size=300), st.integers(min_value=1, max_value=30))
def test_an_excerpt_has_at_most_the_words_asked_for(text: str, words: int):
    assert count_words(excerpt(text, words)) <= words


def test_reading_takes_at_least_a_minute():
    assert [reading_minutes(text) for text in ("", "mot", "mot " * 220, "mot " * 221)] == [1, 1, 1, 2]


@pytest.mark.parametrize(
    "text",
    [
        "/" * 400_000,
        ("x" * 60 + "\n\n") * 8_000,
        "." * 400_000,
        "M. " * 60_000,
        " \xa0" * 100_000,
        "\n " * 200_000,
        "« " * 100_000,
    ],
    ids=["slashes", "lines", "stops", "titles", "spaces", "blank lines", "quotes"],
)
def test_hostile_texts_take_no_longer_than_long_ones(text: str):
    started = time.monotonic()
    clean_paragraphs(text)
    excerpt(text, 30)
    assert time.monotonic() - started < 3
