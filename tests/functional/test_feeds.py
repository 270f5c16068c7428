"""A newsroom takes feeds, by command and on the desk, and its digests are made of what they bring."""

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from newsletter.accounts.models import Role
from newsletter.cli.digest import digest
from newsletter.cli.feeds import feeds
from newsletter.core.clock import utc_now
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import topics
from tests.functional.conftest import House
from tests.support.feed_server import Item, Publisher, publisher, rss
from tests.support.staff import Staff
from worker.tasks import feeds as tasks

HOME = '<!doctype html><link rel="alternate" type="application/rss+xml" href="/flux"><p>Bienvenue.</p>'


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is private: the installation is told that it may be read."""
    monkeypatch.setenv("NEWSLETTER_FETCH_ALLOW", "127.0.0.1")


@pytest.fixture
def press() -> Iterator[Publisher]:
    """A site whose page names its feed, of two stories."""
    with publisher() as running:
        running.put("/", HOME, headers={"Content-Type": "text/html"})
        running.put("/flux", rss(stories(2)))
        yield running


def stories(count: int) -> list[Item]:
    return [
        Item(
            f"Le marché {number} rouvre",
            f"https://courrier.example/{number}",
            str(number),
            utc_now() - timedelta(minutes=90 - number),
            f"<p>Les vendeuses du marché {number} reprennent leurs places lundi matin.</p>",
        )
        for number in range(count, 0, -1)
    ]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(feeds, [str(argument) for argument in arguments])


def data(*arguments: object) -> Any:
    answer = run(*arguments, "--json")
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def test_a_site_becomes_a_source_by_command_and_its_news_a_digest(house: House, press: Publisher) -> None:
    added = data("add", press.url, "--newsletter", "depeche")
    assert (added["url"], added["joined"], len(added["articles"])) == (f"{press.url}/flux", True, 2)
    press.put("/flux", rss(stories(3)))
    assert "No feed is due." in run("poll").stdout
    (polled,) = data("poll", added["id"])
    assert polled["articles"] == ["Le marché 3 rouvre"]
    assert "nothing new" in run("poll", added["id"]).stdout
    shown = CliRunner().invoke(digest, ["preview", "depeche"])
    assert shown.exit_code == 0, shown.output
    assert all(f"Le marché {number} rouvre" in shown.output for number in (1, 2, 3))


def test_a_feed_is_listed_paused_resumed_and_removed(house: House, press: Publisher) -> None:
    feed_id = data("add", press.url, "--newsletter", "depeche")["id"]
    (row,) = data("list")
    assert (row["id"], row["state"], row["newsletters"]) == (
        feed_id,
        "ok",
        [{"newsletter": "depeche", "topic": None}],
    )
    assert data("pause", feed_id)["state"] == "paused"
    assert data("show", feed_id)["next_poll_at"] is None
    assert "Paused" in run("list", "--newsletter", "depeche").stdout
    assert data("resume", feed_id)["state"] == "ok"
    assert data("remove", feed_id, "--newsletter", "depeche") == {"id": feed_id, "read_for_others": False}
    assert data("list") == []


def test_what_cannot_be_is_refused_in_a_sentence(house: House, press: Publisher) -> None:
    press.put("/page", "<p>Rien.</p>", headers={"Content-Type": "text/html"})
    del press.pages["/flux"]
    for arguments in (
        ("add", f"{press.url}/page", "--newsletter", "depeche"),
        ("add", f"{press.url}/none", "--newsletter", "depeche"),
        ("add", press.url, "--newsletter", "autre"),
        ("add", press.url, "--newsletter", "depeche", "--topic", "sport"),
        ("poll", 7),
        ("show", 7),
        ("pause", 7),
        ("remove", 7, "--newsletter", "depeche"),
    ):
        answer = run(*arguments)
        assert answer.exit_code == 1, arguments
        assert str(answer.exception).endswith((".", "»."))


def test_a_list_comes_in_and_one_bad_feed_does_not_keep_the_others_back(
    house: House, press: Publisher, tmp_path: Path
) -> None:
    with house.installation.database.unit() as session:
        topics.add(session, newsletters.by_slug(session, "depeche"), "Économie")
    file = tmp_path / "liste.opml"
    file.write_text(
        f'<opml version="2.0"><body><outline text="ECONOMIE"><outline text="Un" xmlUrl="{press.url}/flux"/></outline>'
        f'<outline text="Deux" xmlUrl="{press.url}/none"/></body></opml>'
    )
    answer = data("import", file, "--newsletter", "depeche")
    assert answer["failed"] == 1
    assert [(row["articles"], bool(row["error"])) for row in answer["feeds"]] == [(2, False), (0, True)]
    assert "404" in run("import", file, "--newsletter", "depeche").stdout
    assert data("list")[0]["newsletters"] == [{"newsletter": "depeche", "topic": "economie"}]
    out = run("export", "--newsletter", "depeche").stdout
    assert f'xmlUrl="{press.url}/flux"' in out
    assert 'text="Économie"' in out
    file.write_text("<p>no list</p>")
    assert run("import", file, "--newsletter", "depeche").exit_code == 1


@pytest.fixture
def author(house: House) -> Staff:
    person = Staff(house.reader()).come_in(house.staff_link(Role.AUTHOR))
    person.get("/admin/feeds")
    return person


def test_an_author_adds_a_feed_on_the_desk_and_reads_it_now(house: House, press: Publisher, author: Staff) -> None:
    with house.installation.database.unit() as session:
        topics.add(session, newsletters.by_slug(session, "depeche"), "Sport")
    author.get("/admin/feeds")
    assert 'value="depeche/sport"' in author.page
    answer = author.post("/admin/feeds", url=press.url, into="depeche/sport")
    assert answer.status_code == 200
    own = answer.request.path
    assert "Le Courrier" in author.page
    assert "La Dépêche du soir: Sport" in author.page
    press.put("/flux", rss(stories(3)))
    author.post(own, action="poll")
    tasks.poll()
    author.get("/admin/newsletters/depeche/articles")
    assert all(f"Le marché {number} rouvre" in author.page for number in (1, 2, 3))
    author.get("/admin/feeds")
    author.post(own, action="pause")
    assert "En pause" in author.page
    author.post(own, action="resume")
    assert "En pause" not in author.page
    author.post(own, action="remove", newsletter="depeche")
    assert author.get(own).status_code == 404


def test_what_the_desk_cannot_take_is_said_and_what_was_typed_stays(press: Publisher, author: Staff) -> None:
    assert author.post("/admin/feeds", url=f"{press.url}/none", into="depeche").status_code == 422
    assert f'value="{press.url}/none"' in author.page
    assert 'role="alert"' in author.page
    assert author.post("/admin/feeds/9", action="pause").status_code == 404


def test_a_feed_that_fails_says_so_on_the_desk(house: House, press: Publisher, author: Staff) -> None:
    author.post("/admin/feeds", url=press.url, into="depeche")
    press.put("/flux", status=404)
    for _attempt in range(3):
        author.post("/admin/feeds/1", action="poll")
        tasks.poll()
    author.get("/admin/feeds")
    assert "Il n’y a plus rien à cette adresse (code 404)." in author.page
    assert 'data-s="bad"' in author.page


def test_a_list_goes_in_and_out_on_the_desk(house: House, press: Publisher, author: Staff) -> None:
    given = f'<opml><body><outline text="Un" xmlUrl="{press.url}/flux"/><outline text="Deux" xmlUrl="ftp://x"/></body></opml>'
    author.post("/admin/feeds/list", into="depeche", file=(io.BytesIO(given.encode()), "liste.opml"))  # type: ignore[arg-type]
    assert "http://" in author.page
    tasks.sweep()
    tasks.poll()
    author.get("/admin/feeds")
    assert "Le Courrier" in author.page
    out = author.client.get("/admin/feeds/list.opml")
    assert f"{press.url}/flux" in out.get_data(as_text=True)
    author.get("/admin/feeds")
    assert author.post("/admin/feeds/list", into="depeche").status_code == 422


def test_who_only_reads_changes_nothing(house: House, press: Publisher) -> None:
    analyst = Staff(house.reader()).come_in(house.staff_link(Role.ANALYST))
    analyst.get("/admin/feeds")
    assert "<form" not in analyst.page.partition("<main")[2]
    assert analyst.post("/admin/feeds", url=press.url, into="depeche").status_code == 403
