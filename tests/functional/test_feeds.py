"""A newsroom takes feeds, by command and on the desk, and its digests are made of what they bring."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from newsletter.cli.digest import digest
from newsletter.cli.feeds import feeds
from newsletter.core.clock import utc_now
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import topics
from tests.functional.conftest import House
from tests.support.feed_server import Item, Publisher, publisher, rss

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
