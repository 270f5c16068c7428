"""An editor says where an article belongs, by page and by command; its picture comes from us."""

import io
import json

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from newsletter.accounts.models import Role
from newsletter.articles import editing, pictures
from newsletter.articles.models import Article
from newsletter.cli.articles import articles as command
from newsletter.core.clock import utc_now
from newsletter.newsletters import queries as newsletters
from tests.functional.conftest import House
from tests.support import reports
from tests.support.newsroom import draft
from tests.support.staff import Staff

ARTICLES = "/admin/newsletters/depeche/articles"
IMAGE = "https://pictures.example/pont.png"


@pytest.fixture
def editor(house: House) -> Staff:
    return Staff(house.reader()).come_in(house.staff_link(Role.EDITOR))


def add(house: House, title: str = "Le pont rouvre", **values: object) -> int:
    with house.installation.database.unit() as session:
        newsletter = newsletters.by_slug(session, "depeche")
        article, _ = editing.add_article(
            session, draft(title, **values), newsletter_id=newsletter.id, topic_id=None, now=utc_now()
        )
        return article.id


def fetch_pictures(house: House, data: bytes) -> None:
    pictures.fetch_due(house.installation.database, lambda _url: data, clock=utc_now)


def png(width: int = 640, height: int = 360) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (30, 90, 200)).save(file, "PNG")
    return file.getvalue()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_an_editor_sets_the_place_of_an_article_on_its_page(house: House, editor: Staff) -> None:
    own = f"{ARTICLES}/{add(house)}"
    editor.get(own)
    answer = editor.post(
        f"{own}/place", pin="1", boost="-2,5", embargo_until="2026-05-01T18:30", expires_at="", reserve="yes"
    )
    assert answer.request.path == own
    for shown in (
        'value="1"',
        'value="-2.5"',
        'value="2026-05-01T18:30"',
        'value="yes" checked',
        "akouvi@news.example",
    ):
        assert shown in editor.page
    editor.post(f"{own}/place", pin="", boost="", embargo_until="", expires_at="")
    assert 'value="2026-05-01T18:30"' not in editor.page
    assert "checked" not in editor.page


def test_a_place_that_cannot_be_is_refused_and_the_form_keeps_what_was_typed(house: House, editor: Staff) -> None:
    own = f"{ARTICLES}/{add(house)}"
    editor.get(own)
    assert editor.post(f"{own}/place", pin="99", boost="beaucoup").status_code == 422
    assert 'value="beaucoup"' in editor.page
    assert editor.post(f"{ARTICLES}/999/place", pin="1").status_code == 404


def test_an_author_may_write_but_not_place(house: House) -> None:
    own = f"{ARTICLES}/{add(house)}"
    author = Staff(house.reader()).come_in(house.staff_link(Role.AUTHOR))
    author.get(own)
    assert "/place" not in author.page
    assert author.post(f"{own}/place", pin="1").status_code == 403


def test_the_page_names_the_other_articles_of_the_story(house: House, editor: Staff) -> None:
    first = add(house, "Douze morts", url="https://a.example/1", body_text=reports.FLOOD, source_name="Le Nord")
    second = add(house, "Dix-neuf morts", url="https://b.example/2", body_text=reports.FLOOD_UPDATED)
    add(house, "La météo", url="https://b.example/3", body_text=reports.WEATHER)
    editor.get(f"{ARTICLES}/{second}")
    assert f'href="{ARTICLES}/{first}">Douze morts</a>' in editor.page
    assert "Le Nord" in editor.page
    assert "La météo" not in editor.page


def test_the_page_says_when_a_source_has_revised_its_text(house: House, editor: Staff) -> None:
    article_id = add(house, "Douze morts", url="https://a.example/1", body_text=reports.FLOOD)
    editor.get(f"{ARTICLES}/{article_id}")
    assert "modifié par sa source" not in editor.page
    with house.installation.database.unit() as session:
        own = session.get_one(Article, article_id)
        new = draft("Dix-neuf morts", url="https://a.example/1", body_text=reports.FLOOD_UPDATED)
        assert editing.revise_article(session, own, new, now=utc_now())
    editor.get(f"{ARTICLES}/{article_id}")
    assert "modifié par sa source" in editor.page


def test_a_picture_is_served_by_us_for_ever(house: House, editor: Staff) -> None:
    article_id = add(house, image_url=IMAGE, image_alt="Le pont, vu du fleuve")
    editor.get(f"{ARTICLES}/{article_id}")
    assert IMAGE in editor.page.split("sec reading")[1].split("</article>")[0]
    fetch_pictures(house, png())
    editor.get(f"{ARTICLES}/{article_id}")
    shown = editor.page.split("sec reading")[1].split("</article>")[0]
    assert IMAGE not in shown
    path = shown.split('<img src="')[1].split('"')[0]
    assert path.startswith("/media/")
    assert 'width="640" height="360"' in shown
    answer = house.reader().get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    assert "Vary" not in answer.headers
    assert Image.open(io.BytesIO(answer.data)).size == (640, 360)
    again = house.reader().get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_refused_picture_says_why_on_the_page(house: House, editor: Staff) -> None:
    article_id = add(house, image_url=IMAGE)
    fetch_pictures(house, png(1, 1))
    editor.get(f"{ARTICLES}/{article_id}")
    assert "1 × 1" in editor.page or "1 by 1" in editor.page


@pytest.mark.parametrize("path", ["/media/x.jpg", f"/media/{'0' * 64}.jpg", "/media/../secret.jpg", "/media/"])
def test_what_is_no_picture_of_ours_is_not_found(house: House, path: str) -> None:
    assert house.reader().get(path).status_code == 404


def test_a_picture_has_one_ending(house: House) -> None:
    add(house, image_url=IMAGE)
    fetch_pictures(house, png())
    with house.installation.database.reading() as session:
        (found,) = pictures.ready(session, [1]).values()
    assert house.installation.links.media(found.key, found.content_type).endswith(f"/media/{found.key}.jpg")
    assert house.reader().get(f"/media/{found.key}.jpg").status_code == 200
    assert house.reader().get(f"/media/{found.key}.png").status_code == 404


def test_commands_say_the_same(house: House) -> None:
    own = (add(house), "--newsletter", "depeche", "--json")
    said = {"pin": None, "boost": 0.0, "embargo_until": None, "expires_at": None, "reserve": False}
    for arguments, changed in (
        (("pin", *own, "--place", 2), {"pin": 2}),
        (("boost", *own, "--by", "-1.5"), {"boost": -1.5}),
        (("embargo", *own, "--until", "2026-05-01 18:30"), {"embargo_until": "2026-05-01T18:30:00+00:00"}),
        (("expire", *own, "--at", "2026-06-01"), {"expires_at": "2026-06-01T00:00:00+00:00"}),
        (("reserve", *own), {"reserve": True}),
        (("unpin", *own), {"pin": None}),
        (("embargo", *own, "--none"), {"embargo_until": None}),
        (("reserve", *own, "--off"), {"reserve": False}),
    ):
        said |= changed
        answer = run(*arguments)
        assert answer.exit_code == 0, answer.exception
        assert json.loads(answer.output) == {"id": own[0], "newsletter": "depeche"} | said


def test_a_command_speaks_to_people_too(house: House) -> None:
    article_id = add(house)
    assert "pinned to place 1" in run("pin", article_id, "--newsletter", "depeche").output
    assert "the rules decide" in run("unpin", article_id, "--newsletter", "depeche").output


@pytest.mark.parametrize(
    "arguments",
    [
        ("pin", 999, "--newsletter", "depeche"),
        ("pin", 1, "--newsletter", "nobody"),
        ("embargo", 1, "--newsletter", "depeche"),
        ("embargo", 1, "--newsletter", "depeche", "--until", "soon"),
        ("boost", 1, "--newsletter", "depeche", "--by", 11),
    ],
)
def test_a_command_refuses_in_words(house: House, arguments: tuple[object, ...]) -> None:
    add(house)
    answer = run(*arguments)
    assert answer.exit_code == 1
    assert str(answer.exception).endswith(".")
