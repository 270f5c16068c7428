"""Articles come in from texts and addresses, are changed, and are taken back."""

import pytest

from newsletter.accounts.models import Role
from tests.functional.conftest import House
from tests.support.staff import Staff

ARTICLES = "/admin/newsletters/depeche/articles"
HOSTILE = '<script>alert("titre")</script>'


@pytest.fixture
def author(house: House) -> Staff:
    person = Staff(house.reader()).come_in(house.staff_link())
    person.get(f"{ARTICLES}/new")
    return person


def raw(author: Staff, path: str) -> str:
    return author.client.get(path).get_data(as_text=True)


def test_markdown_comes_in_as_an_article(author: Staff):
    answer = author.post(ARTICLES, body="# Le pont rouvre\n\nLes **camions** passent depuis mardi.\n", topic="Togo")
    page = raw(author, answer.request.path)
    assert '<h1 class="serif">Le pont rouvre</h1>' in page
    assert "<strong>camions</strong>" in page
    author.get(ARTICLES)
    assert "Togo" in author.page


def test_plain_text_with_odd_spaces_comes_in_as_clean_paragraphs(author: Staff):
    answer = author.post(ARTICLES, title="Le pont", body="Le  pont   rouvre.Les camions passent.\n\n\nDepuis mardi.")
    page = raw(author, answer.request.path)
    assert "<p>Le pont rouvre. Les camions passent.</p>" in page
    assert "<p>Depuis mardi.</p>" in page


def test_what_could_run_is_taken_out_or_shown_as_text(author: Staff):
    body = '<p onclick="steal()">Un <b>texte</b>.</p><script>steal()</script><img src=x onerror=steal()>'
    answer = author.post(ARTICLES, title=HOSTILE, author=HOSTILE, topic=HOSTILE, body=body)
    for path in (answer.request.path, ARTICLES, "/admin/"):
        page = raw(author, path)
        shown = page.split("<textarea")[0]
        assert "<script>alert" not in page
        assert "steal" not in shown
        assert "onclick" not in shown


def test_an_empty_text_is_refused_and_the_form_keeps_what_was_typed(author: Staff):
    assert author.post(ARTICLES, title="Un titre gardé", body="   ").status_code == 422
    assert "Un titre gardé" in author.page


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1/", "http://localhost:1/", "http://10.0.0.1/x", "ftp://a.example/", "x"]
)
def test_an_address_of_our_own_network_is_not_read(author: Staff, address: str):
    assert author.post(ARTICLES, address=address).status_code == 422
    assert address in author.page
    author.get(ARTICLES)
    assert "/articles/1" not in author.page


def test_a_changed_article_keeps_its_text_where_nobody_touched_it(author: Staff):
    path = author.post(ARTICLES, title="Avant", body="Les **camions** passent.", published_at="").request.path
    author.get(f"{path}/edit")
    body = author.page.split('id="body"')[1].split(">", 1)[1].split("</textarea>")[0].strip()
    answer = author.post(path, title="Après", summary="Un résumé.", body=body)
    assert answer.status_code == 200
    page = raw(author, path)
    assert "Après" in page
    assert "<strong>camions</strong>" in page


def test_a_withdrawn_article_is_in_no_further_issue(author: Staff):
    path = author.post(ARTICLES, title="Le pont rouvre", body="Les camions passent.").request.path
    author.get(path)
    author.post(f"{path}/withdraw")
    author.get("/admin/newsletters/depeche/issues")
    assert author.post("/admin/newsletters/depeche/issues").request.path == ARTICLES


def test_an_oversized_text_is_refused_without_a_trace(author: Staff):
    answer = author.client.post(ARTICLES, data={"csrf_token": author._token, "body": "mot " * 700_000})
    assert answer.status_code == 413
    author.get(ARTICLES)
    assert "/articles/1" not in author.page


def test_a_long_list_is_read_page_by_page(author: Staff):
    for number in range(33):
        author.post(ARTICLES, title=f"Article {number:02}", body=f"Le texte numéro {number}.")
    author.get(ARTICLES)
    assert "Article 32" in author.page
    assert "Article 02" not in author.page
    older = author.page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    author.get(older)
    assert "Article 02" in author.page
    assert "Article 32" not in author.page


def test_the_log_has_what_was_done_to_an_article_by_hand(house: House, author: Staff):
    path = author.post(ARTICLES, title="Le pont rouvre", body="Les camions passent.").request.path
    author.get(f"{path}/edit")
    version = author.page.split('name="version" value="')[1].split('"')[0]
    typed = {"title": "Le pont ferme", "body": "Les camions ne passent plus.", "format": "text", "topic": "Togo"}
    author.post(path, version=version, **typed)
    author.get(path)
    author.post(f"{path}/withdraw")
    owner = Staff(house.reader()).come_in(house.staff_link(Role.OWNER, "owner@news.example"))
    owner.get("/admin/log?subject=article")
    for words in ("A ajouté un article", "A modifié un article", "A classé un article", "A retiré un article"):
        assert words in owner.page
    assert "28 caractères (empreinte " in owner.page
    assert "Le pont rouvre" in owner.page
    assert "Les camions" not in owner.page
