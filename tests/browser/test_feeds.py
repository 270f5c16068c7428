"""Feeds as somebody meets them who is limited to one newsletter, wide and on a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, NewPage
from tests.browser.test_accessibility import RULES
from tests.support.service import Service

PASSWORD = "quatre mots faciles retenus"
LOOKS = {
    "wide": DESK,
    "phone": DESK | {"color_scheme": "dark", "viewport": {"width": 390, "height": 800}},
}
CLOSED = "http://127.0.0.1:9"  # nothing listens there


def take(owner: Page, house: Service, slug: str, *names: str) -> None:
    """Have a newsletter take feeds, by the form for lists."""
    outlines = "".join(f'<outline text="Agence de {name}" xmlUrl="{CLOSED}/{name}"/>' for name in names)
    owner.goto(f"{house.url}/admin/feeds")
    owner.locator("summary.fold").click()
    owner.get_by_label("Fichier").set_input_files(
        {"name": "liste.opml", "mimeType": "text/xml", "buffer": f"<opml><body>{outlines}</body></opml>".encode()}
    )
    owner.locator("#list-into").select_option(slug)
    owner.locator("details.sec button[type=submit]").click()
    expect(owner.locator("main")).to_contain_text(f"Agence de {names[-1]}")


def problems_of(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}}).response["violations"]
    told = [f"{item['id']}: {node['html'][:200]}" for item in found for node in item["nodes"]]
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return told + ([f"{wider} pixels wider than the window"] if wider > 0 else [])


@pytest.mark.parametrize("look", LOOKS)
def test_an_editor_of_one_newsletter_looks_after_its_feeds(
    house: Service, owner: Page, new_page: NewPage, look: str
) -> None:
    mine, other, email = f"mienne-{look}", f"autre-{look}", f"{look}@poste.example"
    for slug in (mine, other):
        house.command("newsletters", "create", slug, "--name", f"Feuille {slug}", "--from", f"{slug}@presse.example")
    take(owner, house, mine, f"Vogan-{look}", f"Kara-{look}")
    take(owner, house, other, f"Kara-{look}", f"Sokodé-{look}")
    link = house.ask("users", "create", email, "--role", "analyst")["link"]
    house.command("users", "rights", email, f"{mine}=editor")

    editor = new_page(**LOOKS[look])
    editor.goto(link)
    editor.locator("input[type=password]").fill(PASSWORD)
    editor.locator("button.primary").click()
    editor.goto(f"{house.url}/admin/newsletters/{mine}/domain")
    editor.get_by_role("link", name="Flux").click()
    main = editor.locator("main")
    expect(main).to_contain_text(f"Agence de Vogan-{look}")
    expect(main).not_to_contain_text("Sokodé")
    expect(main).not_to_contain_text(other)
    expect(editor.locator("#into option")).to_have_count(1)
    beside = editor.locator(".piece > div").first.bounding_box()
    assert beside
    assert beside["width"] > 150  # a long sentence about a feed leaves room for its name
    assert problems_of(editor) == []

    editor.get_by_role("link", name=f"Agence de Vogan-{look}").click()
    expect(editor.get_by_role("button", name="Mettre en pause")).to_be_visible()
    editor.go_back()
    editor.get_by_role("link", name=f"Agence de Kara-{look}").click()
    expect(main).to_contain_text("1 autre newsletter")
    expect(main).to_contain_text("demandez à un propriétaire")
    expect(editor.get_by_role("button", name="Le lire maintenant")).to_be_visible()
    expect(editor.get_by_role("button", name="Mettre en pause")).to_have_count(0)
    assert problems_of(editor) == []

    address = editor.url
    editor.get_by_role("button", name="Supprimer").click()
    expect(main).not_to_contain_text("Agence de Kara")
    editor.goto(address)
    expect(editor.locator("h1")).to_contain_text("n’existe pas")
    owner.goto(address)
    expect(owner.locator("main")).to_contain_text(f"Feuille {other}")
    expect(owner.get_by_role("button", name="Supprimer")).to_have_count(1)
