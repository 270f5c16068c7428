"""Links of a digest that was sent, followed as readers and machines do, and what is counted of it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from html import unescape
from statistics import median
from time import process_time

import time_machine
from flask.testing import FlaskClient

from newsletter.articles.editing import add_article
from newsletter.articles.extract import from_markdown
from newsletter.core.clock import utc_now
from newsletter.core.urls import Links
from newsletter.issues import queries as issues
from newsletter.newsletters import measuring
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Measure
from newsletter.tracking import queries
from newsletter.tracking.queries import Clicks, IssueFigures
from tests.functional.conftest import SITE, House
from worker.tasks import events

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36"
ADDRESS = "ama@poste.example"
STORIES = ("pont", "pluie", "bac", "marche")


def measure(house: House, clicks: Measure = Measure.OFF, opens: Measure = Measure.OFF) -> None:
    with house.installation.database.unit() as session:
        found = newsletters.by_slug(session, "depeche")
        measuring.change(session, found, clicks=clicks, opens=opens, actor="test", now=utc_now())


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


def figures(house: House) -> IssueFigures:
    events.fold()
    with house.installation.database.reading() as session:
        issue = issues.page(session, None, limit=1)[0]
        return queries.figures(session, [issue.id])[issue.id]


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
    assert figures(house).clicked == Clicks(clicks=3, readers=2)


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
    assert figures(house).clicked == Clicks(clicks=1, readers=1, machines=len(links))


def test_a_head_leads_there_and_counts_nothing(house: House) -> None:
    measure(house, Measure.READER)
    send(house, "ama")
    with later(minutes=10):
        answer = browser(house).head(paths(house, "c")[0])
    assert (answer.status_code, answer.data) == (302, b"")
    assert answer.headers["Location"].startswith("https://journal.example/")
    assert figures(house).clicked == Clicks()


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
    assert figures(house).clicked == Clicks(clicks=1)


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
    assert figures(house).opened.opens == 1


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
