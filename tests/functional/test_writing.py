"""Writing an article: Markdown and its source, the mail beside it, pictures that are checked, drafts, two editors."""

import io
import re

import pytest
from PIL import Image

from newsletter.accounts.models import Role
from tests.functional.conftest import House
from tests.support.staff import Staff

ARTICLES = "/admin/newsletters/depeche/articles"
MARKDOWN = "Les **camions** passent.\n\n## Ce que dit la mairie\n\n- un\n- deux"
HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'


@pytest.fixture
def author(house: House) -> Staff:
    person = Staff(house.reader()).come_in(house.staff_link(Role.AUTHOR))
    person.get(f"{ARTICLES}/new")
    return person


def png(width: int = 640, height: int = 360) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (30, 90, 200)).save(file, "PNG")
    return file.getvalue()


def body_in(page: str) -> str:
    return page.split('id="body"')[1].split(">\n", 1)[1].split("</textarea>", maxsplit=1)[0]


def version_in(page: str) -> str:
    found = re.search(r'name="version" value="([^"]*)"', page)
    assert found
    return found[1]


def upload(author: Staff, data: bytes, name: str = "pont.png") -> tuple[int, dict[str, str]]:
    answer = author.client.post(
        "/admin/newsletters/depeche/pictures",
        data={"csrf_token": author._token, "picture": (io.BytesIO(data), name)},
        content_type="multipart/form-data",
    )
    return answer.status_code, answer.get_json()


def write(person: Staff, /, **values: str) -> str:
    return person.post(ARTICLES, **({"title": "Le pont", "body": MARKDOWN, "format": "markdown"} | values)).request.path


def test_markdown_is_kept_as_it_was_written(author: Staff) -> None:
    path = write(author)
    assert "<strong>camions</strong>" in author.page
    author.get(f"{path}/edit")
    assert body_in(author.page) == MARKDOWN
    assert 'value="markdown" selected' in author.page
    author.post(path, title="Le pont rouvre", body=f"{MARKDOWN}\n\nFin.", format="markdown")
    author.get(f"{path}/edit")
    assert body_in(author.page).endswith("Fin.")


def test_a_heading_that_became_the_title_is_no_part_of_the_text(author: Staff) -> None:
    path = write(author, title="", body="# Le pont rouvre\n\nLes camions passent.")
    author.get(f"{path}/edit")
    assert 'value="Le pont rouvre"' in author.page
    assert body_in(author.page) == "Les camions passent."


def test_a_first_heading_that_says_something_else_stays(author: Staff) -> None:
    write(author, body="## Mardi\n\nLes camions passent.")
    assert "<h2>Mardi</h2>" in author.page


def test_an_older_article_in_html_stays_html(author: Staff) -> None:
    path = write(author, body="<p>Un <em>texte</em>.</p>", format="html")
    author.get(f"{path}/edit")
    assert 'value="html" selected' in author.page
    assert body_in(author.page) == "<p>Un <em>texte</em>.</p>"


def test_the_preview_is_the_mail_and_the_whole_text(author: Staff) -> None:
    answer = author.post(f"{ARTICLES}/preview", title="Le pont rouvre", body=MARKDOWN, format="markdown")
    assert "La Dépêche du soir" in author.page
    assert "Le pont rouvre" in author.page
    assert "allow-scripts" not in answer.headers["Content-Security-Policy"]
    author.post(f"{ARTICLES}/preview?what=page", title="Le pont rouvre", body=MARKDOWN, format="markdown")
    assert "<h2>Ce que dit la mairie</h2>" in author.page
    assert author.post(f"{ARTICLES}/preview", body="").status_code == 200
    author.get(ARTICLES)
    assert "/articles/1" not in author.page, "a preview stores nothing"


def test_scripts_in_every_field_run_nowhere(author: Staff) -> None:
    names = ("title", "summary", "author", "source_name", "topic", "image_alt", "url", "image_url", "language")
    values = dict.fromkeys(names, HOSTILE) | {"body": f"Un texte. {HOSTILE}", "format": "markdown"}
    author.post(f"{ARTICLES}/preview", **values)
    raw = [
        author.client.post(f"{ARTICLES}/preview{what}", data=values | {"csrf_token": author._token})
        for what in ("", "?what=page")
    ]
    path = write(author, **(values | {"language": ""}))
    author.post(f"{ARTICLES}/draft", article_id="0", **values)
    pages = [answer.get_data(as_text=True) for answer in raw]
    pages += [author.client.get(page).get_data(as_text=True) for page in (path, f"{path}/edit", f"{ARTICLES}/new")]
    for page in pages:
        assert "<script>alert" not in page
        assert not re.search(r"<img[^>]*onerror", page)


def test_a_picture_is_taken_in_and_served_by_us(author: Staff) -> None:
    status, told = upload(author, png())
    assert status == 200
    path = told["address"].removeprefix("http://news.example")
    answer = author.client.get(path)
    assert answer.content_type == "image/jpeg"
    article = write(author, image_url=told["address"], image_alt="Le pont")
    assert f'src="{path}"' in author.page
    assert 'alt="Le pont"' in author.page
    assert upload(author, png())[1] == told, "the same file is one picture"
    assert article


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<html><script>alert(1)</script></html>",
        b"\x89PNG\r\n\x1a\n" + b"broken" * 100,
        b"MZ\x90\x00 a program",
        png(20, 20),
    ],
    ids=("empty", "svg", "page", "broken", "program", "tiny"),
)
def test_a_file_that_is_not_what_it_says_is_refused_in_words(author: Staff, data: bytes) -> None:
    status, told = upload(author, data)
    assert status == 422
    assert told["error"]


def test_a_picture_comes_with_the_form_where_there_is_no_script(author: Staff) -> None:
    data = {"csrf_token": author._token, "title": "Le pont", "body": "Les camions passent.", "format": "markdown"}
    answer = author.client.post(ARTICLES, data=data | {"picture": (io.BytesIO(png()), "x.png")}, follow_redirects=True)
    assert "/media/" in answer.get_data(as_text=True)
    answer = author.client.post(ARTICLES, data=data | {"title": "Autre", "picture": (io.BytesIO(b"MZ"), "x.png")})
    assert answer.status_code == 422
    assert 'value="Autre"' in answer.get_data(as_text=True)


def test_a_huge_file_and_a_huge_text_are_refused(author: Staff) -> None:
    huge = author.client.post(
        "/admin/newsletters/depeche/pictures",
        data={"csrf_token": author._token, "picture": (io.BytesIO(b"x" * 15_000_000), "x.png")},
    )
    assert huge.status_code == 413
    text = author.client.post(f"{ARTICLES}/draft", data={"csrf_token": author._token, "body": "x" * 1_500_000})
    assert text.status_code == 422
    text = author.client.post(f"{ARTICLES}/draft", data={"csrf_token": author._token, "body": "x" * 3_000_000})
    assert text.status_code == 413


def test_a_closed_tab_loses_nothing_and_what_is_dropped_is_gone(house: House, author: Staff) -> None:
    author.post(f"{ARTICLES}/draft", article_id="0", title="Un début", body="Les camions", format="markdown")
    author.get(f"{ARTICLES}/new")
    assert 'value="Un début"' in author.page
    assert body_in(author.page) == "Les camions"
    other = Staff(house.reader()).come_in(house.staff_link(Role.AUTHOR, "yao@news.example"))
    other.get(f"{ARTICLES}/new")
    assert "Un début" not in other.page, "it is one person's"
    author.get(f"{ARTICLES}/new")
    author.post(f"{ARTICLES}/draft", article_id="0", do="drop")
    assert "Un début" not in author.page
    author.post(f"{ARTICLES}/draft", article_id="0", title="Le pont", body=MARKDOWN, format="markdown")
    write(author)
    author.get(f"{ARTICLES}/new")
    assert body_in(author.page) == "", "what was saved is no draft any more"


def test_two_editors_of_an_article_do_not_overwrite_each_other(house: House, author: Staff) -> None:
    path = write(author)
    author.get(f"{path}/edit")
    opened = version_in(author.page)
    yao = Staff(house.reader()).come_in(house.staff_link(Role.EDITOR, "yao@news.example"))
    yao.get(f"{path}/edit")
    yao.post(path, title="Le pont de Yao", body="Le texte de Yao.", format="markdown", version=version_in(yao.page))
    answer = author.post(path, title="Le mien", body="Le texte d’Akouvi.", format="markdown", version=opened)
    assert answer.status_code == 409
    assert "Le texte de Yao." in author.page
    assert "Le texte d’Akouvi." in author.page
    again = author.post(
        path, title="Le mien", body="Le texte d’Akouvi.", format="markdown", version=version_in(author.page)
    )
    assert again.status_code == 200
    assert "Le texte d’Akouvi." in author.page


def test_an_article_of_another_newsletter_is_nobodys_here(house: House, author: Staff) -> None:
    write(author)
    house.add_newsletter("autre", "Autre")
    for path in ("articles/1/edit", "articles/1"):
        assert author.client.get(f"/admin/newsletters/autre/{path}").status_code == 404
    answer = author.post("/admin/newsletters/autre/articles/draft", article_id="1", body="x")
    assert answer.status_code == 404
    assert author.post("/admin/newsletters/autre/articles/1", title="x", body="y").status_code == 404


def test_an_analyst_may_read_and_not_write(house: House, author: Staff) -> None:
    path = write(author)
    analyst = Staff(house.reader()).come_in(house.staff_link(Role.ANALYST, "ana@news.example"))
    assert analyst.get(path).status_code == 200
    assert "/edit" not in analyst.page
    for closed in (f"{path}/edit", f"{ARTICLES}/new"):
        assert analyst.get(closed).status_code == 403
    for closed in (f"{ARTICLES}/preview", f"{ARTICLES}/draft", "/admin/newsletters/depeche/pictures"):
        assert analyst.post(closed, body="x").status_code == 403
