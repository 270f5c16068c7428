"""Links of a digest that was sent, followed as readers and machines do, and what is counted of it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from html import unescape
from statistics import median
from time import process_time
from typing import Any

import time_machine
from click.testing import CliRunner
from flask.testing import FlaskClient

from newsletter.accounts.models import Role
from newsletter.articles.editing import add_article
from newsletter.articles.extract import from_markdown
from newsletter.cli.main import cli
from newsletter.core.clock import utc_now
from newsletter.core.urls import Links
from newsletter.issues import queries as issues
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Measure
from tests.functional.conftest import SITE, House, path_in
from tests.support.staff import Staff
from worker.tasks import events

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36"
ADDRESS = "ama@poste.example"
STORIES = ("pont", "pluie", "bac", "marche")


def measure(house: House, clicks: Measure = Measure.OFF, opens: Measure = Measure.OFF) -> None:
    ask("newsletters", "measure", "depeche", "--clicks", clicks.value, "--opens", opens.value)


def send(house: House, *readers: str) -> None:
    """A digest of four stories, each with an address of its own."""
    house.add_readers("depeche", *readers)
    with house.installation.database.unit() as session:
        newsletter = newsletters.by_slug(session, "depeche")
        for story in STORIES:
            draft = from_markdown(f"# {story} {story[::-1]}\n\n{' '.join([story] * 12)}.\n")
            address = f"https://journal.example/{story}?a=1&b=2"
            given = replace(draft, url=address, canonical_url=address)
            add_article(session, given, newsletter_id=newsletter.id, topic_id=None, now=utc_now())
    house.send_digest("depeche", "Une de plus")


def paths(house: House, kind: str, to: str = ADDRESS) -> list[str]:
    """Links of a kind in the HTML of a reader's last mail, each once, as a mail program reads them."""
    html = house.mails(to)[-1].html
    return list(dict.fromkeys(unescape(path) for path in re.findall(rf'"{re.escape(SITE)}(/{kind}/[^"]+)"', html)))


@contextmanager
def later(**time: float) -> Iterator[None]:
    with time_machine.travel(utc_now() + timedelta(**time), tick=True):
        yield


def browser(house: House, agent: str = FIREFOX, address: str = "203.0.113.7") -> FlaskClient:
    client = house.reader(address)
    client.environ_base["HTTP_USER_AGENT"] = agent
    return client


def figures(house: House) -> dict[str, Any]:
    """What the command says of the only issue, once everything is counted."""
    events.fold()
    return ask("issues", "clicks", "1")


def ask(*arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(cli, [*arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def clicks(clicks: int = 0, readers: int = 0, machines: int = 0, unknown: int = 0) -> dict[str, int]:
    return {"clicks": clicks, "readers": readers, "machines": machines, "unknown": unknown}


def test_a_link_that_a_reader_follows_leads_there_and_is_counted(house: House) -> None:
    measure(house, Measure.READER)
    send(house, "ama", "kofi")
    links = paths(house, "c")
    assert len(links) == len(STORIES)
    assert not set(links) & set(paths(house, "c", "kofi@poste.example")), "each reader has links of their own"
    with later(minutes=10):
        answers = [browser(house).get(links[0]), browser(house).get(links[0])]
    for answer in answers:
        assert answer.status_code == 302
        assert re.fullmatch(r"https://journal\.example/\w+\?a=1&b=2", answer.headers["Location"])
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
        assert answer.data == b""
    with later(minutes=12):
        browser(house).get(links[1])
        browser(house, address="198.51.100.9").get(paths(house, "c", "kofi@poste.example")[0])
    assert figures(house)["clicks"] == clicks(clicks=3, readers=2)


def test_a_scanner_that_fetches_everything_is_told_apart_from_its_reader(house: House) -> None:
    measure(house, Measure.READER)
    send(house, "ama")
    links = paths(house, "c")
    with later(seconds=20):
        scanner = browser(house, CHROME, "192.0.2.9")
        for link in links:
            assert scanner.get(link).status_code == 302
    with later(hours=2):
        browser(house, CHROME, "203.0.113.7").get(links[2])
    assert figures(house)["clicks"] == clicks(clicks=1, readers=1, machines=len(links))


def test_a_head_leads_there_and_counts_nothing(house: House) -> None:
    measure(house, Measure.READER)
    send(house, "ama")
    with later(minutes=10):
        answer = browser(house).head(paths(house, "c")[0])
    assert (answer.status_code, answer.data) == (302, b"")
    assert answer.headers["Location"].startswith("https://journal.example/")
    assert figures(house)["clicks"] == clicks()


def test_only_links_that_we_signed_lead_anywhere(house: House) -> None:
    measure(house, Measure.READER)
    send(house, "ama")
    link = paths(house, "c")[0]
    client = browser(house)
    stranger = Links(SITE, type(house.installation.signer)("some-other-secret-key-of-32-letters")).click(1, 1)
    half, _seam, whose = link.partition("~")
    for wrong in (
        link[:-1],
        f"{link}x",
        f"{half}~",
        f"{half}~{whose[:-1]}A",
        half[:-1] + "A~" + whose,
        "/c/~",
        "/c/1",
        "/c/https:%2F%2Fevil.example",
        stranger.removeprefix(SITE),
        house.installation.links.click(1, 999).removeprefix(SITE),
        house.installation.links.click(999, 1).removeprefix(SITE),
        f"/o/{half.removeprefix('/c/')}",
    ):
        assert client.get(wrong).status_code == 404, wrong
    assert client.get(half).status_code == 302, "without the reader's half it still leads there"


def test_off_leaves_the_links_as_they_are(house: House) -> None:
    send(house, "ama")
    html = house.mails(ADDRESS)[-1].html
    assert paths(house, "c") == paths(house, "o") == []
    assert html.count("https://journal.example/") >= len(STORIES)


def test_without_persons_all_readers_have_the_same_links(house: House) -> None:
    measure(house, Measure.ANONYMOUS, Measure.ANONYMOUS)
    send(house, "ama", "kofi")
    assert paths(house, "c") == paths(house, "c", "kofi@poste.example")
    assert paths(house, "o") == paths(house, "o", "kofi@poste.example")
    with later(minutes=10):
        browser(house).get(paths(house, "c")[0])
    assert figures(house)["clicks"] == clicks(clicks=1)


def test_the_pixel_is_43_bytes_that_nobody_keeps(house: House) -> None:
    measure(house, opens=Measure.ANONYMOUS)
    send(house, "ama")
    (pixel,) = paths(house, "o")
    with later(minutes=10):
        answer = browser(house).get(pixel)
    assert len(answer.data) == 43
    assert answer.data[:6] == b"GIF89a"
    assert answer.content_type == "image/gif"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert browser(house).get(f"{pixel}x").status_code == 404
    assert figures(house)["opens"]["opens"] == 1


def test_what_must_work_whatever_happens_is_never_led_through_us(house: House) -> None:
    measure(house, Measure.READER, Measure.READER)
    send(house, "ama")
    mail = house.mails(ADDRESS)[-1]
    assert paths(house, "u")
    assert paths(house, "p")
    assert paths(house, "archive")
    assert "/c/" not in mail.text
    assert "https://journal.example/" in mail.text


def test_a_link_for_trying_says_so(house: House) -> None:
    links = house.installation.links
    answer = browser(house).get(links.click(0, 3).removeprefix(SITE) + links.whose(0))
    assert answer.status_code == 200
    assert "ne désigne personne" in answer.text
    assert len(browser(house).get(links.pixel(0).removeprefix(SITE)).data) == 43


def test_a_link_outlives_its_issue(house: House) -> None:
    measure(house, Measure.READER)
    send(house, "ama")
    link = paths(house, "c")[0]
    with house.installation.database.unit() as session:
        session.delete(issues.page(session, None, limit=1)[0])
    assert browser(house).get(link).status_code == 302


def test_an_answer_costs_less_than_five_milliseconds_with_the_row_written(house: House) -> None:
    measure(house, Measure.READER)
    send(house, "ama")
    links, client = paths(house, "c"), browser(house)
    took = []
    for turn in range(60):
        client.environ_base["REMOTE_ADDR"] = f"203.0.{turn}.7"  # each is written
        began = process_time()
        client.get(links[turn % len(links)])
        took.append(process_time() - began)
    assert median(took) < 0.005


def answer_of(house: House, said: str) -> str:
    """Save the preferences with this answer; what is checked on the page then."""
    path = path_in(house.mails(ADDRESS)[-1], "p")
    client = house.reader()
    given = {"newsletter": "1", "language": "fr", "n1-measuring": said}
    assert client.post(path, data=given).status_code == 303
    found = re.search(r'name="n1-measuring" value="([^"]*)" checked', client.get(path).text)
    return found[1] if found else "no such field"


def test_opens_are_a_readers_own_only_when_they_agreed_and_until_they_take_it_back(house: House) -> None:
    measure(house, Measure.READER, Measure.READER)
    send(house, "ama", "kofi")
    assert paths(house, "o") == paths(house, "o", "kofi@poste.example"), "nobody agreed yet"
    assert answer_of(house, "agreed") == "agreed"
    house.send_digest("depeche", "Une autre histoire")
    assert "~" in paths(house, "o")[0]
    assert "~" not in paths(house, "o", "kofi@poste.example")[0]
    assert answer_of(house, "refused") == "refused"
    house.send_digest("depeche", "Encore une autre")
    assert "~" not in "".join(paths(house, "o"))


def test_a_newsletter_that_names_nobody_asks_nothing(house: House) -> None:
    measure(house, Measure.ANONYMOUS, Measure.ANONYMOUS)
    send(house, "ama")
    assert answer_of(house, "agreed") == "no such field"
    measure(house, Measure.READER, Measure.READER)
    assert answer_of(house, "nonsense") == "", "nothing had been said"


def test_the_privacy_page_says_what_is_measured_and_only_that(house: House) -> None:
    client = house.reader()
    assert "aucune image cachée" not in client.get("/privacy").text
    quiet = client.get("/privacy").text
    assert "Ce qui est mesuré" not in quiet
    measure(house, Measure.READER, Measure.ANONYMOUS)
    told = client.get("/privacy").text
    assert "Quels liens vous suivez, pendant 400 jours au plus" in told
    assert "Combien de fois un numéro est ouvert" in told
    assert "seulement si vous l’avez accepté" not in told


def test_staff_decide_what_is_measured(house: House) -> None:
    desk = Staff(house.reader()).come_in(house.staff_link())
    page = "/admin/newsletters/depeche/measuring"
    desk.get(page)
    assert desk.post(page, clicks="reader", opens="anonymous").status_code == 200
    assert re.findall(r'name="(\w+)" value="(\w+)" checked', desk.page) == [
        ("clicks", "reader"),
        ("opens", "anonymous"),
    ]
    assert desk.post(page, clicks="everything", opens="off").status_code == 400
    assert desk.client.post(page, data={"clicks": "off", "opens": "off"}).status_code == 400, "without the token"
    assert ask("newsletters", "measure", "depeche") == {
        "newsletter": "depeche",
        "clicks": "reader",
        "opens": "anonymous",
    }


def test_whoever_only_composes_decides_nothing_about_measuring(house: House) -> None:
    editor = Staff(house.reader()).come_in(house.staff_link(Role.EDITOR))
    assert editor.get("/admin/newsletters/depeche/measuring").status_code == 403


def test_the_command_says_in_words_what_was_counted(house: House) -> None:
    measure(house, Measure.READER, Measure.ANONYMOUS)
    send(house, "ama")
    with later(minutes=10):
        browser(house).get(paths(house, "c")[0])
    figures(house)
    said = CliRunner().invoke(cli, ["issues", "clicks", "1"], catch_exceptions=False).output
    assert "1 by persons, 0 by machines" in said
    assert "https://journal.example/" in said
    assert CliRunner().invoke(cli, ["issues", "clicks", "99"]).exit_code == 1
