"""The main journey as people see it: from the form to the inbox, by way of the newsroom's desk."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, Site

PASSWORD = "un long mot de passe"


def open_mail(page: Page, site: Site, subject: str) -> str:
    """Wait for a mail in the local mailbox, open it, and give the address of its HTML."""
    for _attempt in range(40):
        page.goto(f"{site.url}/mailbox/")
        found = page.get_by_role("link", name=re.compile(subject))
        if found.count():
            found.first.click()
            return page.url + "/html"
        page.wait_for_timeout(100)
    raise AssertionError(f"no mail came with the subject {subject}")


def follow_link(page: Page, path: str) -> None:
    """Follow the link of the open mail that leads to this path."""
    html = page.request.get(page.url + "/html").text()
    found = re.search(rf'href="(http[^"]*{path}[^"]*)"', html)
    assert found, path
    page.goto(found.group(1))


def subscribe(page: Page, site: Site, email: str) -> None:
    page.goto(f"{site.url}/n/depeche")
    page.get_by_label("Votre adresse e-mail").fill(email)
    page.get_by_role("button", name="S’abonner").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Encore un clic")


def confirm(page: Page, site: Site) -> None:
    open_mail(page, site, "Confirmez votre abonnement")
    follow_link(page, "/confirm/")
    page.locator("button.primary").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("C’est fait")


def sign_in(page: Page, site: Site) -> None:
    page.goto(site.sign_in_url)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("button.primary").click()
    expect(page).to_have_url(f"{site.url}/admin/")


def send(page: Page) -> None:
    """Press the button of the composer and the one of its question."""
    page.locator(".head").get_by_text("Envoyer…").click()
    expect(page).to_have_url(re.compile("/send$"))
    page.locator("main button.primary").click()


def test_a_reader_subscribes_gets_a_digest_and_leaves(site: Site, new_page: NewPage) -> None:
    reader, editor = new_page(), new_page()
    subscribe(reader, site, "afi.lawson@poste.example")
    confirm(reader, site)

    sign_in(editor, site)
    editor.get_by_role("button", name="Composer un numéro").click()
    expect(editor.get_by_text("5 articles", exact=True)).to_be_visible()
    send(editor)
    expect(editor.locator("main")).to_contain_text("Envoyé", timeout=20_000)
    expect(editor.locator("tr", has_text="Total")).to_contain_text("1")

    open_mail(reader, site, "Poutine")
    frame = reader.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1)).to_have_text("La Dépêche du soir")
    follow_link(reader, "/u/")
    reader.locator("button.primary, button[type=submit]").first.click()
    expect(reader.locator("main")).to_contain_text("désabonnement est fait")


def test_the_progress_bar_moves_without_a_reload(site: Site, new_page: NewPage) -> None:
    reader, editor = new_page(), new_page()
    subscribe(reader, site, "kodjo@poste.example")
    confirm(reader, site)
    sign_in(editor, site)
    editor.get_by_role("button", name="Composer un numéro").click()
    send(editor)
    loaded = editor.evaluate("performance.timeOrigin")
    expect(editor.locator(".bar rect[data-s=sent]").first).to_be_visible(timeout=20_000)
    assert editor.evaluate("performance.timeOrigin") == loaded


def test_everything_works_without_script_and_on_a_phone(site: Site, new_page: NewPage) -> None:
    reader = new_page(java_script_enabled=False, viewport={"width": 320, "height": 640}, color_scheme="dark")
    subscribe(reader, site, "essi@poste.example")
    confirm(reader, site)
    expect(reader.locator("main")).to_contain_text("La Dépêche du soir")

    editor = new_page(java_script_enabled=False, viewport={"width": 360, "height": 700})
    sign_in(editor, site)
    editor.get_by_role("button", name="Composer un numéro").click()
    editor.goto(editor.url.split("?")[0] + "/send")
    editor.locator("main button.primary").click()
    # Without script the page looks again by itself.
    expect(editor.locator("tr", has_text="Total").get_by_text("1", exact=True)).to_be_visible(timeout=30_000)


def test_no_page_scrolls_sideways_at_320_pixels(site: Site, new_page: NewPage) -> None:
    page = new_page(viewport={"width": 320, "height": 640})
    sign_in(page, site)
    paths = ["/", "/privacy", "/archive/depeche", "/mailbox/", "/admin/"]
    paths += [
        f"/admin/newsletters/depeche/{room}"
        for room in (
            "issues",
            "articles",
            "subscribers",
            "settings",
            "domain",
            "topics",
            "runs",
            "rules",
            "schedules",
            "schedules/new",
        )
    ]
    for path in paths:
        page.goto(site.url + path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


def test_the_form_is_usable_by_keyboard_alone(site: Site, new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{site.url}/n/depeche")
    for _step in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "email":
            break
    page.keyboard.type("yao@poste.example")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Encore un clic")


def test_a_reader_of_english_is_spoken_to_in_english(site: Site, new_page: NewPage) -> None:
    page = new_page(locale="en-GB")
    page.goto(f"{site.url}/n/depeche")
    page.get_by_label("Your e-mail address").fill("jane@poste.example")
    page.get_by_role("button", name="Subscribe").click()
    open_mail(page, site, "Confirm your subscription")
