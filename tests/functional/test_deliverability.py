"""The page and the command that say how well mail arrives."""

import json
import re
from datetime import timedelta

import pytest
from click.testing import CliRunner

from newsletter.accounts.models import Role
from newsletter.cli.main import cli
from newsletter.core.clock import utc_now
from newsletter.core.i18n import use_locale
from newsletter.delivery import advice, relays
from newsletter.delivery import days as counting
from newsletter.delivery.providers import NAMES, OTHERS
from newsletter.delivery.reputation import Fault, Opinion, Verdict
from tests.functional.conftest import House
from tests.support.staff import Staff
from worker.tasks import reputation


@pytest.fixture
def akouvi(house: House) -> Staff:
    return Staff(house.reader()).come_in(house.staff_link())


def words(page: str) -> str:
    page = re.sub(r"<[^>]+>", " ", page).replace("“", "").replace(" .", ".")
    return " ".join(page.replace("\u00a0", " ").replace("\u202f", " ").split())


def count(house: House, domain: str, *, age: int = 0, said: str = "", **counts: int) -> None:
    """So much was answered by a domain over the relay of the settings, so many days ago."""
    now = utc_now() - timedelta(days=age)
    with house.installation.database.unit() as session:
        relay = relays.by_name(session, relays.DEFAULT, now=now)
        sums = counting.Sums()
        for kind, number in counts.items():
            sums.add(domain, 0 if kind == "complained" else relay.id, kind, number)
        if said:
            sums.said(domain, "hard", said)
        counting.write(session, sums, now=now)


def test_an_empty_page_says_what_will_be_there(akouvi: Staff) -> None:
    akouvi.get("/admin/deliverability")
    assert "Rien n’a été envoyé pendant cette période." in words(akouvi.page)
    akouvi.get("/admin/")
    assert "/admin/deliverability" in akouvi.page


def test_a_digest_that_was_sent_is_on_the_page(house: House, akouvi: Staff) -> None:
    house.add_readers("depeche", "ama", "kofi")
    house.send_digest("depeche")
    akouvi.get("/admin/deliverability")
    assert "poste.example" in akouvi.page
    assert "Aucun domaine ne demande d’attention." in words(akouvi.page)
    akouvi.get("/admin/deliverability/poste.example")
    assert "moins d’une minute" in words(akouvi.page)


def test_a_domain_in_trouble_comes_first_with_advice_and_is_opened_again(house: House, akouvi: Staff) -> None:
    count(house, "poste.example", sent=9000)
    count(house, "gmail.com", sent=1000, complained=8, said="550 5.1.1 <ama@gmail.com> gone")
    count(house, "gmail.com", age=3, sent=500)
    reputation.review()
    akouvi.get("/admin/deliverability?days=7")
    page = words(akouvi.page)
    assert "8 lecteurs sur 1 000 ont signalé le message comme indésirable ces jours-ci : 0,8 %." in page
    assert "postmaster.google.com" in page
    assert "550 5.1.1 … gone" in page
    assert akouvi.page.index("/deliverability/gmail.com") < akouvi.page.index("/deliverability/poste.example")
    akouvi.get("/admin/")
    assert "Les messages vers gmail.com par default sont en pause. 8 lecteurs" in words(akouvi.page)
    akouvi.get("/admin/deliverability/gmail.com?days=30")
    assert akouvi.page.count("<polyline") == 2
    assert "style=" not in akouvi.page
    (path,) = re.findall(r'action="(/admin/lanes/\d+/resume)"', akouvi.page)
    akouvi.post(path)
    akouvi.get("/admin/")
    assert "en pause" not in words(akouvi.page)


def test_only_the_largest_are_named_and_the_rest_is_one_line(house: House, akouvi: Staff) -> None:
    for number in range(55):
        count(house, f"d{number:02}.example", sent=1000 - number)
    akouvi.get("/admin/deliverability")
    assert akouvi.page.count('<a class="plain" href="/admin/deliverability/d') == 50
    page = words(akouvi.page)
    assert "Tous les autres" in page
    assert "4 740" in page  # 950 + 949 + 948 + 947 + 946
    assert "53 515" in page


def test_a_warm_up_is_seen_and_changed_by_hand(house: House, akouvi: Staff) -> None:
    with house.installation.database.unit() as session:
        record = relays.by_name(session, relays.DEFAULT, now=utc_now())
        values = {"warm_up": [200, 500, 1000], "warm_up_since": utc_now()}
        relays.change(session, record, vault=house.installation.vault, actor="test", now=utc_now(), **values)
    akouvi.get("/admin/deliverability")
    assert "200 messages aujourd’hui" in words(akouvi.page)
    assert "palier 1 sur 3" in words(akouvi.page)
    (path, _same) = re.findall(r'action="(/admin/deliverability/warm-up/\d+)"', akouvi.page)
    akouvi.post(path, step="3")
    assert "1 000 messages aujourd’hui" in words(akouvi.page)
    assert "200 à 1 000 : fixé à la main" in words(akouvi.page)
    akouvi.post(path, held="1")
    assert "retenu à la main" in words(akouvi.page)


def test_who_may_only_read_changes_nothing(house: House) -> None:
    reader = Staff(house.reader()).come_in(house.staff_link(Role.ANALYST, "ana@news.example"))
    reader.get("/admin/deliverability")
    assert "Délivrabilité" in reader.page
    with house.installation.database.unit() as session:
        relay_id = relays.by_name(session, relays.DEFAULT, now=utc_now()).id
    assert reader.client.post(f"/admin/deliverability/warm-up/{relay_id}", data={"step": "1"}).status_code in (400, 403)


def test_a_new_domain_with_many_readers_is_told_to_warm_up(
    house: House, akouvi: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    from newsletter.issues import newcomers  # noqa: PLC0415 - its limit is lowered here only

    monkeypatch.setattr(newcomers, "MANY", 1)
    house.add_readers("depeche", "ama", "kofi")
    for path in ("/admin/", "/admin/newsletters/depeche/domain"):
        akouvi.get(path)
        assert "news.example est nouveau pour les messageries." in words(akouvi.page)
        assert "newsletter relays warm-up" in akouvi.page
    house.send_digest("depeche")
    akouvi.get("/admin/")
    assert "nouveau pour les messageries" not in words(akouvi.page)


def run(*arguments: str) -> str:
    return CliRunner().invoke(cli, ["deliverability", *arguments], catch_exceptions=False).output


def test_the_command_gives_the_same_figures(house: House) -> None:
    assert run().strip() == "Nothing was sent in this period."
    count(house, "gmail.com", sent=1000, hard=2, complained=8, waited=4, under_1m=3, longer=1, said="550 5.1.1 gone")
    count(house, "gmail.com", age=2, sent=10)
    reputation.review()
    found = json.loads(run("--json"))
    (gmail,) = found["domains"]
    assert (gmail["sent"], gmail["hard"], gmail["complained"], gmail["verdict"]) == (1010, 2, 8, "stop")
    assert (gmail["median_wait"], gmail["within_5m"], gmail["provider"]) == ("under_1m", 0.75, "gmail")
    assert gmail["words"][0]["text"] == "550 5.1.1 gone"
    assert found["total"]["sent"] == 1010
    one = json.loads(run("--domain", "Desk@Gmail.com", "--days", "30", "--json"))
    assert [day["sent"] for day in one["days"]] == [10, 1000]
    with use_locale("fr"):
        assert "8 lecteurs sur 1 000" in words(run())
        assert "0,79 %" in words(run("--domain", "gmail.com"))


def test_a_period_has_a_length(house: House) -> None:
    count(house, "poste.example", age=20, sent=7)
    assert "Nothing was sent" in run()
    assert "poste.example" in run("--days", "30")


@pytest.mark.parametrize("locale", ["en", "fr"])
def test_there_is_advice_for_every_fault_at_every_provider(locale: str) -> None:
    with use_locale(locale):
        for fault in Fault:
            opinion = Opinion(Verdict.SLOW_DOWN, fault, 30, 1000)
            assert advice.lane_reason(advice.reason(opinion)) == advice.happened(opinion)
            for provider in (*NAMES, OTHERS):
                said = [advice.meaning(fault, provider), *advice.to_do(fault, provider)]
                assert len(said) >= 3
                assert all(sentence.endswith((".", ")")) or ":" in sentence for sentence in said)


def test_a_reply_of_a_server_stays_as_it_is() -> None:
    assert advice.lane_reason("550 5.7.1 reputation too low 3/4") == "550 5.7.1 reputation too low 3/4"
    assert advice.lane_reason("reputation odd 1/2") == "reputation odd 1/2"
