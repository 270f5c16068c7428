"""A segment is built while its readers are counted, by keyboard too, and an issue is sent to it."""

from playwright.sync_api import expect

from tests.browser.conftest import NewPage, Site
from tests.browser.test_first_issue import PASSWORD, confirm, send, sign_in, subscribe

NEW = "/admin/newsletters/depeche/segments/new"


def test_the_count_follows_the_keys_and_an_issue_goes_to_the_segment(site: Site, new_page: NewPage) -> None:
    reader, editor = new_page(), new_page()
    subscribe(reader, site, "afi@poste.example")
    confirm(reader, site)
    sign_in(editor, site)
    editor.goto(f"{site.url}/admin/newsletters/depeche/subscribers/new")
    editor.locator("[name=email]").fill("kodjo@ailleurs.example")
    editor.locator("[name=agreed][value=yes]").check()
    editor.locator("[name=proof]").fill("carte au bureau")
    editor.locator("button.primary").click()
    editor.goto(site.url + NEW)
    editor.get_by_label("Nom", exact=True).fill("La poste")
    editor.get_by_label("Condition à ajouter").select_option("domain.is")
    editor.get_by_label("Condition à ajouter").focus()
    editor.keyboard.press("Tab")
    editor.keyboard.press("Enter")
    value = editor.locator("[name='0.value']")
    expect(value).to_be_focused()
    loaded = editor.evaluate("performance.timeOrigin")
    editor.keyboard.type("poste.exampl")
    expect(editor.locator("#reach")).to_contain_text("0 lecteur.")
    editor.keyboard.type("e")
    expect(editor.locator("#reach")).to_contain_text("1 lecteur.")
    expect(editor.locator("#reach")).to_contain_text("a•••••@poste.example")
    assert editor.evaluate("performance.timeOrigin") == loaded
    # Enter in a field keeps what was typed and saves nothing.
    editor.keyboard.press("Enter")
    expect(editor.locator("[name='0.value']")).to_have_value("poste.example")
    expect(editor.locator("h1")).to_have_text("Nouveau segment")
    editor.locator("button.primary").click()
    expect(editor.locator("main")).to_contain_text("a une adresse chez poste.example")

    editor.goto(f"{site.url}/admin/")
    editor.get_by_role("button", name="Composer un numéro").click()
    editor.get_by_label("Objet").fill("Pour la poste")
    editor.locator("#who summary").click()
    editor.get_by_label("Seulement le segment").select_option(label="La poste (1)")
    editor.get_by_role("button", name="Choisir").click()
    expect(editor.get_by_label("Objet")).to_have_value("Pour la poste")
    expect(editor.locator("#who summary")).to_contain_text("Seulement le segment")
    send(editor)
    expect(editor.locator("main")).to_contain_text("Envoyé", timeout=20_000)
    expect(editor.locator("tr", has_text="Total")).to_contain_text("1")


def test_the_builder_works_without_script_and_fits_a_small_screen(site: Site, new_page: NewPage) -> None:
    page = new_page(java_script_enabled=False, viewport={"width": 320, "height": 640}, color_scheme="dark")
    page.goto(site.sign_in_url)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("button.primary").click()
    page.goto(site.url + NEW)
    page.get_by_role("button", name="Ajouter un groupe").click()
    page.locator("[name='0.new']").select_option("attribute.is")
    page.locator("button[value='add:0']").click()
    page.locator("[name='0.0.name']").fill("ville")
    page.locator("[name='0.0.value']").fill("Lomé")
    page.get_by_role("button", name="Compter").last.click()
    expect(page.locator("#reach")).to_contain_text("0 lecteur.")
    expect(page.locator("[name='0.0.value']")).to_have_value("Lomé")
    page.get_by_label("Nom", exact=True).fill("Ceux de Lomé")
    page.locator("button.primary").click()
    expect(page.locator("main")).to_contain_text("Ceux de Lomé")
    for path in ("", "/new", "/1", "/1/remove"):
        page.goto(f"{site.url}/admin/newsletters/depeche/segments{path}")
        wide = page.locator("main").bounding_box()
        assert wide
        assert wide["width"] <= 320
