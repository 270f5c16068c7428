import dataclasses
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.articles.dates import parse_date
from newsletter.articles.extract import (
    canonical_url,
    decode_bytes,
    from_file,
    from_html,
    from_markdown,
    from_text,
    from_url,
    guess_language,
)
from newsletter.core.errors import RefusedError
from newsletter.core.fetching import Fetched

FIXTURES = Path(__file__).parent / "fixtures"
PASTED = (FIXTURES / "pasted.txt").read_text()
PAGE = (FIXTURES / "page.html").read_text()
PAGE_URL = "https://www.gazette.example/region/pont-agbeve?id=7&fbclid=abc"


def test_a_text_pasted_from_a_web_page_comes_out_as_clean_paragraphs():
    draft = from_text(PASTED)
    assert draft.title == "Poutine et Kim se rencontrent à Vostochny"
    assert draft.body_text.split("\n\n") == [
        "Vladimir Poutine et Kim Jong-un se sont rencontrés mercredi au cosmodrome de Vostochny. Les deux dirigeants "
        "se sont serré la main pendant 40 secondes. Ils ont parlé plus de deux heures, a indiqué le Kremlin.",
        "«\xa0C’est pour cela que nous sommes venus ici\xa0», a répondu M. Poutine, interrogé sur les satellites. Kim "
        "Jong-un a parlé de relations «\xa0de la plus haute importance\xa0».",
        "Les experts y voient un intérêt pour la technologie des satellites. La réunion a eu lieu dans l’oblast "
        "de l’Amour.",
    ]
    assert (draft.author, draft.source_name, draft.language) == ("Afi Lawson", "AFP", "fr")
    assert draft.published_at == datetime(2023, 9, 13, 14, 5, tzinfo=UTC)
    assert draft.summary.startswith("Vladimir Poutine et Kim Jong-un se sont rencontrés")
    assert draft.summary.endswith("le Kremlin.")


def test_a_web_page_gives_its_article_and_what_its_head_says():
    draft = from_html(PAGE, PAGE_URL)
    assert draft.title == "Le pont d’Agbévé rouvre aux camions"
    assert draft.summary == "Fermé depuis mars, le pont est de nouveau ouvert à tous les véhicules."
    assert draft.author == "Essi Amouzou, Yao Fiagbé"
    assert draft.source_name == "La Gazette du Lac"
    assert draft.topic == "Région"
    assert draft.url == PAGE_URL
    assert draft.canonical_url == "https://www.gazette.example/region/pont-agbeve?id=7"
    assert draft.image_url == "https://www.gazette.example/photos/pont.jpg?w=1200"
    assert draft.image_alt == "Le pont d’Agbévé, lundi matin"
    assert draft.published_at == datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
    assert draft.language == "fr"


def test_the_margins_of_a_web_page_are_gone_and_its_text_is_whole():
    draft = from_html(PAGE, PAGE_URL)
    for gone in (
        "cookie",
        "Partager",
        "Tweeter",
        "Lire aussi",
        "newsletter",
        "Tous droits",
        "Accueil",
        "Dix recettes",
        "spy",
    ):
        assert gone not in draft.body_text + draft.body_html
    for script in ("<script", "onclick", "<form", "pixel"):
        assert script not in draft.body_html
    assert "tous les véhicules. Les camions" in draft.body_text
    assert "<strong>l’ingénieure du chantier</strong>. Le coût" in draft.body_html
    assert '<a href="https://www.gazette.example/documents/budget.html"' in draft.body_html
    assert "<h2>Une limite de poids</h2>" in draft.body_html
    assert "- Camions lourds : sur autorisation" in draft.body_text
    assert draft.body_text.endswith("a indiqué la commune.")


def test_what_is_given_wins_over_what_is_found():
    when = datetime(2026, 1, 1, tzinfo=UTC)
    draft = from_html(
        PAGE, PAGE_URL, title="T", summary="S", author="A", source_name="N", language="en", topic="O", published_at=when
    )
    told = (
        draft.title,
        draft.summary,
        draft.author,
        draft.source_name,
        draft.language,
        draft.topic,
        draft.published_at,
    )
    assert told == ("T", "S", "A", "N", "en", "O", when)


def test_nothing_is_invented_about_a_bare_text():
    draft = from_text("Le marché de la ville rouvre samedi.")
    assert draft.title == "Le marché de la ville rouvre samedi"
    assert draft.summary == draft.body_text == "Le marché de la ville rouvre samedi."
    assert draft.body_html == "<p>Le marché de la ville rouvre samedi.</p>"
    absent = (
        draft.author,
        draft.source_name,
        draft.url,
        draft.canonical_url,
        draft.topic,
        draft.image_url,
        draft.published_at,
    )
    assert absent == (None,) * 7
    assert draft.image_alt == ""


@pytest.mark.parametrize("gap", ["\n\n", "\n"])
def test_a_first_line_without_a_full_stop_is_the_title(gap: str):
    body = "La mairie a annoncé que les allées seraient prêtes vendredi soir\net que les vendeuses pourraient revenir."
    draft = from_text(f"Le marché rouvre samedi{gap}{body}")
    assert draft.title == "Le marché rouvre samedi"
    assert draft.body_text == body.replace("\n", " ")


def test_a_first_line_that_a_narrow_window_broke_is_no_title():
    draft = from_text("Le marché central de la ville de\nLomé rouvre samedi matin.\nOn y va.")
    assert draft.body_text == "Le marché central de la ville de Lomé rouvre samedi matin. On y va."


def test_a_given_title_is_not_repeated_in_the_body():
    assert from_text("Le marché rouvre\n\nSamedi matin.", title="Le marché rouvre.").body_text == "Samedi matin."
    assert from_markdown("# Le marché rouvre\n\nSamedi matin.", title="Le marché rouvre").body_text == "Samedi matin."


def test_a_text_keeps_its_lists_and_shows_its_brackets():
    draft = from_text("Il faut :\n- du sel <fin>\n- de l’eau & du riz\n\nC’est tout.", title="T")
    assert draft.body_html == (
        "<p>Il faut :</p>\n<ul>\n<li>du sel &lt;fin&gt;</li>\n<li>de l’eau &amp; du riz</li>\n</ul>\n<p>C’est tout.</p>"
    )
    assert draft.body_text == "Il faut :\n\n- du sel <fin>\n- de l’eau & du riz\n\nC’est tout."


def test_markdown_has_a_front_matter():
    text = (
        "---\n# a comment\nTitre : Le marché : il rouvre\nsummary: >\n  Samedi\n  matin.\nauteur: 'Afi d''Almeida'\n"
        'source: "La Gazette"\nlangue: fr-TG\nrubrique: Région\nimage: https://a.example/b.jpg\nalt: Les allées\n'
        "date: 2 mars 2026 à 7 h 30\nother: x\n---\n# Le marché : il rouvre\n\nUn **mot**.\n"
    )
    draft = from_markdown(text, zone=ZoneInfo("Europe/Paris"))
    assert draft.title == "Le marché : il rouvre"
    assert draft.summary == "Samedi matin."
    assert (draft.author, draft.source_name, draft.topic) == ("Afi d'Almeida", "La Gazette", "Région")
    assert (draft.language, draft.image_url, draft.image_alt) == ("fr", "https://a.example/b.jpg", "Les allées")
    assert draft.published_at == datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
    assert draft.body_html == "<p>Un <strong>mot</strong>.</p>"


def test_markdown_without_a_front_matter_has_its_first_heading_as_title():
    draft = from_markdown("# Le marché\n\nUn mot.\n\n---\n\nUn autre.")
    assert (draft.title, draft.body_text) == ("Le marché", "Un mot.\n\nUn autre.")


def test_a_rule_at_the_beginning_is_no_front_matter():
    assert from_markdown("---\nIl dit : non.\nEt il part.\n---\nFin.").body_text.startswith("Il dit : non.")


def test_a_date_that_is_none_is_refused_with_the_way_to_write_it():
    with pytest.raises(RefusedError, match="2023-09-13 14:05"):
        from_markdown("---\ndate: demain\n---\nTexte.")


def test_a_fragment_of_html_is_all_article():
    draft = from_html(
        "<h1>Court</h1><p>Une phrase.<br><br>Une autre.<p>Partager</p><ul><li>un</ul><script>x()</script>"
    )
    assert draft.title == "Court"
    assert draft.body_html == "<p>Une phrase.</p><p>Une autre.</p><ul><li>un</li></ul>"


def test_a_page_without_a_recognised_article_still_gives_its_text():
    assert from_html("<html><body><p>Très court.</p></body></html>").body_text == "Très court."


def test_json_ld_of_any_shape_is_read_or_passed_over():
    shapes = [
        "{",
        "[]",
        "1",
        '{"@type": 3}',
        '{"@graph": {"@type": "Article"}}',
        json.dumps([{"@type": ["Article"], "author": [1, None, {}]}]),
    ]
    for shape in [*shapes, "[" * 100_000]:
        page = f'<html><body><script type="application/ld+json">{shape}</script><p>Un texte.</p></body></html>'
        assert from_html(page).author is None


def test_an_address_of_a_profile_is_no_author():
    page = '<html><head><meta property="article:author" content="https://social.example/afi"></head><body><p>Texte.</p></body></html>'
    assert from_html(page).author is None


@pytest.mark.parametrize(
    "empty",
    ["", " \n\xa0\u200b", "<p></p>", "<script>x()</script>", "<html><body><nav>Menu</nav></body></html>", "***"],
)
def test_what_has_no_text_is_refused(empty: str):
    for read in (from_text, from_markdown, from_html) if not empty.startswith("<") else (from_html,):
        with pytest.raises(RefusedError, match="no readable text"):
            read(empty)


def test_long_names_are_cut_to_what_a_column_holds():
    head = f'<html><head><meta name="author" content="{"A" * 10_000}"></head>'
    draft = from_html(f"{head}<body><h1>{'mot ' * 3000}</h1><p>Texte.</p></body></html>")
    assert len(draft.title) <= 300
    assert len(draft.author or "") <= 200


@pytest.mark.parametrize(
    ("name", "data", "title"),
    [
        ("a.md", b"# Titre\n\nTexte.", "Titre"),
        ("a.HTML", b"<h1>Titre</h1><p>Texte.", "Titre"),
        ("a.txt", b"Titre\n\nTexte.", "Titre"),
        ("-", b"<!doctype html><html><h1>Titre</h1><p>Texte.", "Titre"),
        ("-", b"---\ntitle: Titre\n---\nTexte.", "Titre"),
        ("-", b"# Titre\n\nTexte.", "Titre"),
        ("notes", b"Titre\n\nTexte.", "Titre"),
    ],
)
def test_a_file_is_read_by_its_ending_or_by_how_it_begins(name: str, data: bytes, title: str):
    draft = from_file(data, name)
    assert (draft.title, draft.body_text) == (title, "Texte.")


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        ("Été à Lomé ’ œ".encode(), None),
        ("Été à Lomé ’ œ".encode(), "iso-8859-1"),
        ("Été à Lomé ’ œ".encode("utf-8-sig"), "cp1252"),
        ("Été à Lomé ’ œ".encode("cp1252"), None),
        ("Été à Lomé ’ œ".encode("cp1252"), "ISO-8859-1"),
        ("Été à Lomé ’ œ".encode("cp1252"), "utf-8"),
        ("Été à Lomé ’ œ".encode("cp1252"), "unicode_escape"),
        ("Été à Lomé ’ œ".encode("cp1252"), "no-such-charset"),
        ("Été à Lomé ’ œ".encode("utf-16"), None),
        ("\ufeffÉté à Lomé ’ œ".encode("utf-16-be"), None),
        ("Été à Lomé ’ œ".encode("mac-roman"), "macintosh"),
        ("<meta charset='macintosh'>Été à Lomé ’ œ".encode("mac-roman"), None),
    ],
)
def test_octets_are_decoded_by_mark_evidence_and_declaration(data: bytes, declared: str | None):
    assert decode_bytes(data, declared).endswith("Été à Lomé ’ œ")


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7 x",
        b"PK\x03\x04",
        b"\x89PNG\r\n",
        b"text\0text",
        bytes(range(1, 32)) * 9,
        b"\xff\xd8\xff\xe0",
        b"{\\rtf1 x}",
    ],
)
def test_a_file_that_is_not_text_is_refused_in_words(data: bytes):
    with pytest.raises(RefusedError, match="not text"):
        from_file(data, "article.txt")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", "<h1>Été</h1><p>Texte.".encode("cp1252")),
        ("text/plain", "Été\n\nTexte.".encode("cp1252")),
        ("text/markdown", "# Été\n\nTexte.".encode("cp1252")),
    ],
)
def test_an_answer_is_read_by_its_type_and_keeps_its_address(content_type: str, body: bytes):
    draft = from_url(Fetched("https://a.example/b?utm_source=x", 200, content_type, "latin-1", body))
    assert (draft.title, draft.body_text) == ("Été", "Texte.")
    assert draft.url == "https://a.example/b?utm_source=x"
    assert draft.canonical_url == "https://a.example/b"


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://Example.ORG:443/A/?b=1#c", "https://example.org/A/?b=1"),
        ("http://example.org:80", "http://example.org/"),
        (
            "https://example.org/a?utm_source=x&b=1&UTM_Medium=y&fbclid=z&gclid=1&mc_cid=2&mc_eid=3&c=2",
            "https://example.org/a?b=1&c=2",
        ),
        ("https://example.org/a?b=&b=2&xtor=RSS-1", "https://example.org/a?b=&b=2"),
        ("https://example.org/a?amplitude=3&reference=4", "https://example.org/a?amplitude=3&reference=4"),
    ],
)
def test_one_article_has_one_canonical_address(url: str, canonical: str):
    assert canonical_url(url) == canonical
    assert canonical_url(canonical) == canonical


def test_a_front_page_is_not_the_canonical_address_of_an_article():
    page = '<html><head><link rel="canonical" href="https://a.example/"></head><body><p>Texte.</p></body></html>'
    assert from_html(page, "https://a.example/b").canonical_url == "https://a.example/b"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Le marché de la ville rouvre samedi avec des allées neuves.", "fr"),
        ("The market in town reopens on Saturday with new aisles.", "en"),
        ("Putin meets Kim at the Vostochny cosmodrome", "en"),
        ("12 345", "fr"),
    ],
)
def test_french_and_english_are_told_apart(text: str, language: str):
    assert guess_language(text) == language


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2023-09-13", (2023, 9, 12, 22, 0)),
        ("2023-09-13T14:05:00Z", (2023, 9, 13, 14, 5)),
        ("2023-09-13 14:05", (2023, 9, 13, 12, 5)),
        ("13 septembre 2023 à 14h05", (2023, 9, 13, 12, 5)),
        ("13/09/2023 à 14 h", (2023, 9, 13, 12, 0)),
        ("1er août 2023", (2023, 7, 31, 22, 0)),
        ("September 13, 2023 at 2:05 pm", (2023, 9, 13, 12, 5)),
        ("13 Sept. 2023, 12:05 a.m.", (2023, 9, 12, 22, 5)),
        ("31/02/2023", None),
        ("09/13/2023", None),
        ("demain", None),
        ("0001-01-01", None),
    ],
)
def test_dates_are_read_as_pages_write_them_and_never_guessed(text: str, moment: tuple[int, ...] | None):
    assert parse_date(text, ZoneInfo("Europe/Paris")) == (datetime(*moment, tzinfo=UTC) if moment else None)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_whatever_comes_in_is_a_clean_draft_or_a_refusal(text: str):
    for read in (from_text, from_markdown, from_html):
        try:
            draft = read(text)
        except RefusedError:
            continue
        assert draft.title
        assert draft.body_text
        values = [value for value in dataclasses.astuple(draft) if isinstance(value, str)]
        assert not any(re.search("[\0\u200b\ud800-\udfff]", value) for value in values)
        "".join(values).encode()
