"""What the service's own address and the spam filters answer, asked on loopback."""

import json
import socket
import stat
from pathlib import Path

import pytest

from newsletter.issues import one_click, spam_filters
from newsletter.issues.preflight.findings import Level
from newsletter.issues.spam_filters import Score
from tests.support.http_server import answer, octets, redirect, scripted_server

SPAMC = b"""2.7/5.0
Content analysis details:   (2.7 points, 5.0 required)

 pts rule name              description
---- ---------------------- --------------------------------------------------
 2.2 MPART_ALT_DIFF         BODY: HTML and text parts are different
 0.5 HTML_IMAGE_ONLY_32     BODY: HTML: images with 2800-3200 bytes of words
"""


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (answer(b"ok"), []),
        (redirect("/elsewhere"), [("leave_redirects", Level.FATAL)]),
        (answer(status="404 Not Found"), [("leave_refused", Level.FATAL)]),
        (answer(status="403 Forbidden"), [("leave_refused", Level.FATAL)]),
        (answer(status="503 Later"), [("leave_failing", Level.WARNING)]),
        (octets(b"nonsense\r\n\r\n"), [("leave_unreached", Level.WARNING)]),
    ],
)
def test_leaving_is_tried_as_a_provider_does(script: object, expected: list[tuple[str, Level]]) -> None:
    with scripted_server(script) as server:  # type: ignore[arg-type]
        url = f"{server.url}u/token"
        reply = one_click.post(url, seconds=3)
    assert [(item.key, item.level) for item in one_click.judge(url, reply)] == expected
    assert server.requests[0].startswith("POST /u/token HTTP/1.1")
    assert "Cookie" not in server.requests[0]
    assert len(server.requests) == 1


def test_nobody_at_home_is_a_warning() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/u/token"
        reply = one_click.post(url, seconds=1)
    assert [item.level for item in one_click.judge(url, reply)] == [Level.WARNING]


def test_the_report_of_spamassassin_is_read() -> None:
    score = spam_filters.read_spamassassin(SPAMC)
    assert score == Score(
        "SpamAssassin",
        2.7,
        5.0,
        (
            (2.2, "MPART_ALT_DIFF", "BODY: HTML and text parts are different"),
            (0.5, "HTML_IMAGE_ONLY_32", "BODY: HTML: images with 2800-3200 bytes of words"),
        ),
    )
    assert spam_filters.read_spamassassin(b"0/0\n") is None
    assert spam_filters.read_spamassassin(b"") is None


def test_spamc_on_the_path_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "spamc"
    program.write_bytes(b"#!/bin/sh\ncat > " + bytes(tmp_path / "asked") + b"\ncat <<'END'\n" + SPAMC + b"END\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    (score,) = spam_filters.ask(b"message", rspamd=("127.0.0.1", 9))
    assert (score.filter, score.points) == ("SpamAssassin", 2.7)
    assert (tmp_path / "asked").read_bytes() == b"message"
    (finding,) = spam_filters.judge([score])
    assert (finding.level, finding.where[0]) == (
        Level.NOTICE,
        "2.2 MPART_ALT_DIFF: BODY: HTML and text parts are different",
    )


def test_rspamd_is_asked_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    told = {"score": 16.5, "required_score": 15, "symbols": {"BAD": {"score": 9, "description": "bad"}, "OK": {}}}
    with scripted_server(answer(json.dumps(told).encode())) as server:
        (score,) = spam_filters.ask(b"message", rspamd=("127.0.0.1", server.port))
    assert score == Score("rspamd", 16.5, 15.0, ((9.0, "BAD", "bad"),))
    assert spam_filters.judge([score])[0].level is Level.WARNING


def test_no_filter_is_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert spam_filters.ask(b"message", rspamd=("127.0.0.1", 9)) == []
    assert [(item.key, item.level) for item in spam_filters.judge([])] == [("no_spam_filter", Level.NOTICE)]
