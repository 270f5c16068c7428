"""Readers as staff meet them: found while one types, opened, blocked, unblocked, ended by the dozen, brought back."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, Site
from tests.browser.test_first_issue import sign_in

NAMES = ("afi", "ama", "amavi", "kofi", "yao")


def add(page: Page, site: Site, name: str) -> None:
    page.goto(f"{site.url}/admin/newsletters/depeche/subscribers/new")
    page.get_by_label("Adresse e-mail").fill(f"{name}@poste.example")
    page.locator("input[name=agreed][value=yes]").check()
    page.locator("textarea[name=proof]").fill("carte au guichet")
    page.locator("main button.primary").click()
    expect(page.locator("h1")).to_have_text("Abonnés")


def test_readers_are_found_blocked_and_ended_with_a_way_back(site: Site, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, site)
    for name in NAMES:
        add(page, site, name)
    search_open_block_and_lift(page)
    end_and_undo(page, site)


def search_open_block_and_lift(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("ama")
    rows = page.locator("#found tbody tr")
    expect(rows).to_have_count(2)
    expect(page.locator("#q")).to_be_focused()
    expect(page).to_have_url(re.compile(r"/subscribers\?q=ama$"))
    expect(page.locator("#found-told")).to_contain_text("2 lecteurs")
    page.locator("#q").fill("@poste.example")
    expect(rows).to_have_count(5)
    page.locator("#q").fill("kof")
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="kofi@poste.example").click()
    expect(page.locator("h1")).to_contain_text("kofi")
    decide(page, "a demandé au téléphone")
    expect(page.locator(".head")).to_contain_text("Bloqué")
    expect(page.locator(".history li").first).to_contain_text("a demandé au téléphone")
    decide(page, "a changé d’avis")
    expect(page.locator(".history li").first).to_contain_text("a changé d’avis")
    expect(page.locator(".head")).not_to_contain_text("Bloqué")


def decide(page: Page, why: str) -> None:
    page.locator("details:has(#why) > summary").click()
    page.locator("#why").fill(why)
    page.keyboard.press("Enter")
    expect(page.locator(".history li").first).to_contain_text(why)


def end_and_undo(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/admin/newsletters/depeche/subscribers?q=ama")
    page.get_by_role("button", name="Agir sur ces lecteurs…").click()
    page.locator("input[name=kind][value=end]").check()
    page.get_by_role("button", name="Compter d’abord").click()
    expect(page.locator("#bulk")).to_contain_text("2 lecteurs", timeout=20_000)
    page.get_by_role("button", name="Le faire pour 2 lecteurs").click()
    expect(page.locator("#bulk")).to_contain_text("Fait pour 2 lecteurs.", timeout=20_000)
    page.get_by_role("button", name="Annuler").click()
    expect(page.locator("#bulk")).to_contain_text("Annulé pour 2 lecteurs.", timeout=20_000)
    page.goto(f"{site.url}/admin/newsletters/depeche/subscribers?status=active")
    expect(page.locator("#found tbody tr")).to_have_count(5)
