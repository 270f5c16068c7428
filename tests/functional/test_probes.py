"""What machines ask: alive, ready, figures."""

import pytest

from newsletter.core.settings import load_settings
from newsletter.web.app import create_app
from tests.functional.conftest import House


def test_alive_needs_nothing_else(house: House):
    house.installation.database.dispose()
    answer = house.reader().get("/healthz")
    assert answer.status_code == 200
    assert answer.json == {"status": "ok"}


def test_ready_names_what_cannot_be_reached(house: House):
    answer = house.reader().get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {"status": "not ready", "database": "ok", "broker": "unreachable", "relay": "ok"}


def test_figures_count_sign_ups_and_never_name_anybody(house: House):
    house.reader().post("/n/depeche", data={"email": "kofi@exemple.test"})
    house.reader().post("/n/depeche", data={"email": "robo@exemple.test", "website": "x"})
    house.reader().get("/confirm/a-token")
    figures = house.reader("127.0.0.1").get("/metrics").text
    assert 'newsletter_sign_ups_total{outcome="taken"} 1.0' in figures
    assert 'newsletter_sign_ups_total{outcome="machine"} 1.0' in figures
    assert 'newsletter_http_requests_total{endpoint="confirm.show",status="404"} 1.0' in figures
    assert "newsletter_transactional_waiting 1.0" in figures
    assert "exemple" not in figures
    assert "a-token" not in figures


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("10.1.2.3", {}, 200),
        ("::1", {}, 200),
        ("::ffff:10.1.2.3", {}, 200),
        ("2001:db8::1", {}, 403),
        ("203.0.113.7", {}, 403),
        ("8.8.8.8", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.1"}, 403),
    ],
)
def test_figures_are_for_near_callers_only(house: House, address: str, headers: dict[str, str], status: int):
    assert house.reader(address).get("/metrics", headers=headers).status_code == status


@pytest.mark.parametrize(("proxies", "status"), [("0", 403), ("1", 403), ("2", 200)])
def test_a_caller_is_the_one_before_as_many_proxies_as_are_trusted(
    house: House, monkeypatch: pytest.MonkeyPatch, proxies: str, status: int
):
    monkeypatch.setenv("NEWSLETTER_TRUSTED_PROXIES", proxies)
    client = create_app(load_settings(env_file=None)).test_client()
    forwarded = {"X-Forwarded-For": "10.9.9.9, 203.0.113.7"}  # the reader may write the first, our proxy wrote the last
    assert client.get("/metrics", headers=forwarded).status_code == status
