"""Links and pictures are asked for on loopback: what answers, what does not, and what takes too long."""

import socket
import time

import pytest

from newsletter.issues.preflight import reaching
from newsletter.issues.preflight.findings import Finding, Level
from newsletter.issues.preflight.reaching import Answer
from tests.support.http_server import answer, forever, octets, redirect, scripted_server

ASK = reaching.asker(["127.0.0.0/8"])


def found(findings: list[Finding]) -> dict[str, Finding]:
    return {item.key: item for item in findings}


def test_a_link_that_answers_is_not_mentioned() -> None:
    with scripted_server(answer(b"page")) as server:
        assert reaching.check([server.url], [], ASK) == []
    assert server.requests[0].startswith("HEAD / ")


def test_a_server_that_knows_no_head_is_asked_again() -> None:
    with scripted_server(answer(status="405 Method Not Allowed"), answer(b"page")) as server:
        assert reaching.check([server.url], [], ASK) == []
    assert [line.partition(" ")[0] for line in server.requests] == ["HEAD", "GET"]


def test_a_server_that_hangs_up_on_head_is_asked_again() -> None:
    with scripted_server(octets(b""), answer(b"page")) as server:
        assert reaching.check([server.url], [], ASK) == []


@pytest.mark.parametrize(
    ("status", "key", "level"),
    [
        ("404 Not Found", "link_gone", Level.WARNING),
        ("500 Oops", "link_failing", Level.WARNING),
        ("403 Forbidden", "link_not_told", Level.NOTICE),
    ],
)
def test_what_does_not_answer_well_is_told(status: str, key: str, level: Level) -> None:
    with scripted_server(answer(status=status)) as server:
        told = found(reaching.check([server.url], [], ASK))
    assert told[key].level is level
    assert told[key].where == (f"{server.url} ({status[:3]})",)


def test_a_redirect_is_followed_and_not_into_our_network() -> None:
    with scripted_server(redirect("/there"), answer(b"page")) as server:
        assert reaching.check([server.url], [], ASK) == []
    with scripted_server(answer(b"secret")) as server:
        assert "link_unreached" in found(reaching.check([server.url], [], reaching.asker()))
    assert server.requests == []


def test_a_host_that_is_not_there_is_told_with_the_reason() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
    told = found(reaching.check([url], [], ASK))
    assert "refused" in told["link_unreached"].where[0]


def test_pictures_are_weighed_by_what_the_server_says() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 900000\r\n\r\n"
    with scripted_server(octets(head)) as server:
        told = found(reaching.check([], [server.url], ASK))
    assert told["picture_heavy"].params["kilobytes"] == 900


def test_pictures_are_weighed_by_what_comes() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n"
    with scripted_server(octets(head), octets(head + b"x" * 500_000)) as server:
        told = found(reaching.check([], [server.url], ASK))
    assert told["picture_heavy"].params["kilobytes"] == 500
    with scripted_server(answer(b"x" * 1000, content_type="image/png")) as server:
        assert reaching.check([], [server.url], ASK) == []


def test_a_picture_that_is_a_page_is_told() -> None:
    with scripted_server(answer(b"<p>gone")) as server:
        assert "picture_no_picture" in found(reaching.check([], [server.url], ASK))


def test_what_there_was_no_time_for_is_told() -> None:
    began = time.monotonic()
    with scripted_server(forever(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", b"X-A: b\r\n", 0.05)) as server:
        told = found(reaching.check([server.url], [], ASK, seconds=1.0))
    assert time.monotonic() - began < 4
    assert set(told) <= {"not_asked", "link_unreached"}
    assert told


def test_many_addresses_are_asked_together_and_no_more_than_so_many() -> None:
    def slow(_url: str, _image: bool, _seconds: float) -> Answer:
        time.sleep(0.1)
        return Answer(200)

    began = time.monotonic()
    told = found(reaching.check([f"https://a.example/{number}" for number in range(300)], [], slow))
    assert time.monotonic() - began < 8
    assert told["not_asked"].params["count"] == 100
