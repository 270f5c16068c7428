"""Relays and their limits as an operator meets them: on the command line, on the desk, in the figures."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from newsletter import migrations
from newsletter.accounts.models import Role
from newsletter.cli import main as command
from newsletter.core.clock import utc_now
from newsletter.core.database import open_database
from newsletter.delivery import lanes, limits, relays
from newsletter.delivery.models import Lane, RelayRecord
from tests.functional.conftest import House
from tests.support.smtp_server import SmtpSink
from tests.support.staff import Staff

PASSWORD = "s3cret-of-the-relay"
URL = f"smtps://bob:{PASSWORD}@smtp.provider.example:465"
SECRET = "k" * 40
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Calls `newsletter relays ...`, in English, on an installation of its own."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, "en_GB.UTF-8")
    monkeypatch.setenv("NEWSLETTER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("NEWSLETTER_SECRET_KEY", SECRET)
    monkeypatch.setenv("NEWSLETTER_SMTP_URL", "smtp://settings.example")
    monkeypatch.chdir(tmp_path)
    database = open_database(f"sqlite:///{tmp_path / 'newsletter.db'}")
    migrations.upgrade(database.engine)
    database.dispose()

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["newsletter", "relays", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            command.main()
        printed = capfd.readouterr()
        assert "Traceback" not in printed.err + printed.out
        assert PASSWORD not in printed.err + printed.out
        return int(left.value.code or 0), printed.out, printed.err

    return call


def answer(run: Run, *arguments: str) -> Any:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_a_fresh_installation_has_the_relay_of_its_settings(run: Run) -> None:
    (relay,) = answer(run, "list")["relays"]
    assert (relay["name"], relay["address"], relay["state"]) == ("default", "smtp://settings.example:25", "open")


def test_a_relay_is_added_changed_and_removed_and_its_password_never_shown(run: Run, tmp_path: Path) -> None:
    added = answer(run, "add", "provider", URL, "--weight", "3", "--sender", "Desk@News.Example", "--standby")
    assert added["address"] == "smtps://bob@smtp.provider.example:465"
    assert (added["weight"], added["standby"], added["senders"]) == (3, True, ["news.example"])
    assert PASSWORD not in (tmp_path / "newsletter.db").read_bytes().decode("latin-1")
    changed = answer(run, "change", "provider", "--no-standby", "--any-sender", "--connections", "4")
    assert (changed["weight"], changed["standby"], changed["senders"]) == (3, False, [])
    assert changed["connections"] == 4
    assert [relay["name"] for relay in answer(run, "list")["relays"]] == ["default", "provider"]
    assert answer(run, "remove", "provider") == {"removed": "provider"}
    assert [relay["name"] for relay in answer(run, "list")["relays"]] == ["default"]


def test_an_address_can_come_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(URL + "\n")
    with (tmp_path / "url").open() as typed:
        monkeypatch.setattr(sys, "stdin", typed)
        assert answer(run, "add", "provider", "-")["address"] == "smtps://bob@smtp.provider.example:465"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("add", "default", URL), "already"),
        (("add", "x", "http://example.org"), "smtp://"),
        (("add", " ", URL), "name"),
        (("add", "x", URL, "--weight", "0"), "weight"),
        (("add", "x", URL, "--connections", "0"), "Connections"),
        (("add", "x", URL, "--sender", "no domain"), "domain"),
        (("change", "default", "--url", URL), "NEWSLETTER_SMTP_URL"),
        (("change", "nobody", "--weight", "2"), "nobody"),
        (("remove", "default"), "NEWSLETTER_SMTP_URL"),
        (("limit", "default", "--per-second", "0"), "above 0"),
        (("limit", "default", "--per-day", "-5"), "above 0"),
        (("limit", "--domain", "not a domain", "--per-day", "5"), "domain"),
        (("warm-up", "default", "--plan", "0,5"), "positive"),
        (("resume", "--domain", "poste.example"), "nothing"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_refused_in_one_sentence(run: Run, arguments: tuple[str, ...], word: str) -> None:
    assert run("list")[0] == 0
    code, out, err = run(*arguments)
    assert (code, out) == (1, "")
    assert word in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("pause",),
        ("resume", "default", "--all"),
        ("limit", "default"),
        ("limit", "--per-day", "x"),
        ("warm-up", "default", "--plan", "many"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_told_as_such(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments)[0] == 2


def test_limits_are_set_shown_and_taken_away(run: Run) -> None:
    answer(run, "limit", "default", "--per-second", "14.5", "--per-day", "50000")
    limited = answer(run, "limit", "--domain", "Orange.FR", "--per-second", "2", "--concurrency", "4")
    assert (limited["relay"], limited["domain"], limited["concurrency"]) == ("", "orange.fr", 4)
    listed = answer(run, "list")
    assert (listed["relays"][0]["per_second"], listed["relays"][0]["per_day"]) == (14.5, 50000)
    assert [lane["domain"] for lane in listed["lanes"]] == ["orange.fr"]
    assert "14.5 per second, 50000 per day" in run("list")[1]
    answer(run, "limit", "default", "--per-second", "none")
    assert answer(run, "list")["relays"][0]["per_second"] is None
    assert answer(run, "list")["relays"][0]["per_day"] == 50000


def test_a_warm_up_has_a_plan_and_an_end(run: Run) -> None:
    began = answer(run, "warm-up", "default")
    assert began["cap_today"] == began["warm_up"][0] == 200
    assert answer(run, "warm-up", "default", "--plan", "10,20", "--since", "2020-01-01")["cap_today"] is None
    assert answer(run, "warm-up", "default", "--off")["warm_up"] == []


def test_a_warm_up_is_put_on_a_step_and_held(run: Run) -> None:
    answer(run, "warm-up", "default", "--plan", "10,20,40")
    assert answer(run, "warm-up", "default", "--step", "2", "--hold")["cap_today"] == 20
    assert "warming up: 20 today" in run("list")[1]
    assert answer(run, "warm-up", "default", "--go-on")["cap_today"] == 20
    assert run("warm-up", "default", "--step", "4")[0] == 1
    assert run("warm-up", "default", "--step", "1", "--off")[0] == 2
    answer(run, "warm-up", "default", "--off")
    assert run("warm-up", "default", "--step", "1")[0] == 1


def test_what_is_paused_is_listed_with_its_reply_and_resumed(run: Run, tmp_path: Path) -> None:
    answer(run, "pause", "default", "--domain", "orange.fr")
    answer(run, "pause", "--all")
    assert [lane["state"] for lane in answer(run, "list")["lanes"]] == ["paused", "paused"]
    assert answer(run, "resume", "default", "--domain", "orange.fr") == {"resumed": 1}
    assert answer(run, "resume", "--all") == {"resumed": 1}
    assert {lane["state"] for lane in answer(run, "list")["lanes"]} == {"open"}


def test_check_connects_to_every_relay(run: Run) -> None:
    with SmtpSink() as sink:
        answer(run, "add", "near", sink.url)
        assert answer(run, "check", "near") == [{"relay": "near", "problem": ""}]
        code, out, _err = run("check")
        assert code == 1
        assert "✓ near" in out
        assert "✗ default" in out


def test_a_relay_locked_under_another_key_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(run, "add", "provider", URL)
    monkeypatch.setenv("NEWSLETTER_SECRET_KEY", "z" * 40)
    assert answer(run, "list")["relays"][1]["state"] == "no address"
    code, out, _err = run("check", "provider")
    assert code == 1
    assert "NEWSLETTER_SECRET_KEY" in out


# The desk and the figures


def pause(house: House, domain: str, reply: str) -> None:
    now = utc_now()
    with house.installation.database.unit() as session:
        relays.ensure_default(session, now=now)
        session.flush()
        relay_id = session.query(RelayRecord.id).filter_by(name=relays.DEFAULT).scalar()
        lanes.make(session, [(relay_id, domain)], now=now)
        lane = session.query(Lane).filter_by(relay_id=relay_id, domain=domain).one()
        lane.paused_at, lane.closed_until, lane.reply = now, now, reply


def test_the_desk_tells_what_is_paused_and_the_owner_resumes_it(house: House) -> None:
    akouvi = Staff(house.reader()).come_in(house.staff_link())
    akouvi.get("/admin/")
    assert "orange.fr" not in akouvi.page
    pause(house, "orange.fr", "550 5.7.1 <b>blocked</b>")
    akouvi.get("/admin/")
    assert "orange.fr" in akouvi.page
    with house.installation.database.reading() as session:
        (lane,) = limits.paused(session)
    assert "550 5.7.1 &lt;b&gt;" in house_page(akouvi)
    assert akouvi.post(f"/admin/lanes/{lane.id}/resume").status_code == 200
    assert "550 5.7.1" not in akouvi.page
    assert akouvi.post(f"/admin/lanes/{lane.id + 99}/resume").status_code == 404


def house_page(staff: Staff) -> str:
    """The page as it is sent."""
    return staff.client.get("/admin/").get_data(as_text=True)


def test_an_editor_sees_what_is_paused_and_cannot_resume_it(house: House) -> None:
    pause(house, "orange.fr", "550 5.7.1 blocked")
    kodjo = Staff(house.reader()).come_in(house.staff_link(Role.EDITOR, "kodjo@news.example"))
    kodjo.get("/admin/")
    assert "orange.fr" in kodjo.page
    assert "/resume" not in kodjo.page
    assert kodjo.post("/admin/lanes/1/resume").status_code == 403


def test_the_figures_count_what_is_paused(house: House) -> None:
    assert "newsletter_lanes_paused{" not in house.reader("127.0.0.1").get("/metrics").get_data(as_text=True)
    pause(house, "orange.fr", "550 5.7.1 blocked")
    figures = house.reader("127.0.0.1").get("/metrics").get_data(as_text=True)
    assert 'newsletter_lanes_paused{domain="orange.fr",relay="default"} 1.0' in figures
