"""An issue on its way, in a real browser: slowed down, paused, resumed; and whether one reader has got it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, Site
from tests.browser.test_first_issue import send, sign_in
from tests.support.service import Service

READERS = 400


@pytest.fixture
def service(site: Site, tmp_path: Path) -> Service:
    """The service with many readers, and a relay that takes twenty messages a second."""
    readers = tmp_path / "readers.csv"
    readers.write_text("email\n" + "".join(f"lectrice{n}@d{n % 3}.example\n" for n in range(READERS)))
    site.service.command("subscribers", "import", str(readers), "--newsletter", "depeche", "--status", "active")
    site.service.command("relays", "limit", "--per-second", "20")
    return site.service


def sent(page: Page) -> int:
    text = page.locator("#live-figures .fig").first.inner_text()
    return int(re.sub(r"\D", "", text))


def test_an_issue_is_slowed_down_paused_and_resumed_and_a_reader_is_found(
    site: Site, service: Service, new_page: NewPage
) -> None:
    page = new_page()
    sign_in(page, site)
    page.get_by_role("button", name="Composer un numéro").click()
    send(page)
    expect(page.locator("#live-domains")).to_contain_text("d0.example", timeout=20_000)

    page.get_by_text("Ralentir", exact=True).first.click()
    page.get_by_label("Messages au plus").fill("6")
    page.locator("#unit").select_option("minute")
    page.locator("details.slow").get_by_role("button", name="Ralentir").click()
    expect(page.locator("#live-speed")).to_contain_text("au plus 6,0 par minute")

    page.keyboard.press("p")
    expect(page.locator("#live-head")).to_contain_text("En pause")
    stopped = sent(page)
    assert stopped < READERS

    page.get_by_role("link", name="Annuler l’envoi").click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("ne le recevr")
    dialog.get_by_role("button", name="Continuer l’envoi").click()
    expect(dialog).to_have_count(0)

    page.get_by_role("button", name="Aussi vite que possible").click()
    expect(page.locator("#live-speed")).not_to_contain_text("par minute")
    page.keyboard.press("p")
    expect(page.locator("#live-head")).to_contain_text("En cours d’envoi")
    service.command("relays", "limit", "--per-second", "none")
    # Without a reload: the page asks for its parts again by itself.
    loaded = page.evaluate("performance.timeOrigin")
    expect(page.locator("#live-head")).to_contain_text("Envoyé", timeout=40_000)
    assert page.evaluate("performance.timeOrigin") == loaded
    expect(page.locator("#live-states tfoot")).to_contain_text(str(READERS))

    page.keyboard.press("/")
    page.keyboard.type("lectrice123@")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="lectrice123").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("lectrice123")
    expect(page.locator("main")).to_contain_text("Oui, autant qu’on puisse le savoir.")
    expect(page.locator("#support-text")).to_contain_text("Message-ID: <")


def test_relays_and_incoming_mail_fit_a_phone_and_work_without_script(
    site: Site, service: Service, new_page: NewPage
) -> None:
    page = new_page(java_script_enabled=False, viewport={"width": 320, "height": 640}, color_scheme="dark")
    sign_in(page, site)
    for path in ("relays", "relays/new", "incoming"):
        page.goto(f"http://localhost:{service.port}/admin/{path}")
        wide = page.locator("main").evaluate("element => document.documentElement.scrollWidth > window.innerWidth")
        assert not wide, path
    page.get_by_text("Ajouter une boîte").click()
    expect(page.get_by_label("Hôte")).to_be_visible()
