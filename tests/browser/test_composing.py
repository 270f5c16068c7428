"""The composer and the editor of articles as people use them: pointer, keys, undo, two editors, a mail that follows."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, Site
from tests.browser.test_first_issue import sign_in


@pytest.fixture
def editor(site: Site, new_page: NewPage) -> Page:
    """An editor before a new draft, in a window that has the three panes."""
    page = new_page(viewport={"width": 1280, "height": 900})
    sign_in(page, site)
    page.get_by_role("button", name="Composer un numéro").click()
    expect(page.locator("#articles .piece")).to_have_count(5)
    page.wait_for_load_state("load")  # scripts too
    return page


def order(page: Page) -> list[str]:
    return page.locator("#articles .piece .serif").all_text_contents()


def first(page: Page, title: str) -> None:
    expect(page.locator("#articles .piece .serif").first).to_have_text(title)


def colleague(site: Site, editor: Page, new_page: NewPage) -> Page:
    """The same page in a browser of its own, of the same person: presence is by person, versions by page."""
    other = new_page(viewport={"width": 1280, "height": 900})
    other.context.add_cookies(editor.context.cookies())  # type: ignore[arg-type]
    other.goto(editor.url.split("?")[0].split("#")[0])
    return other


def test_pieces_are_dragged_moved_by_keys_taken_out_and_brought_back(editor: Page) -> None:
    before = order(editor)
    loaded = editor.evaluate("performance.timeOrigin")
    grip, target = editor.locator("#articles .grip").nth(2), editor.locator("#articles .piece").nth(0)
    grip.scroll_into_view_if_needed()
    start, end = grip.bounding_box(), target.bounding_box()
    assert start
    assert end
    editor.mouse.move(start["x"] + 8, start["y"] + 8)
    editor.mouse.down()
    editor.mouse.move(end["x"] + 20, end["y"] + 40, steps=4)
    editor.mouse.move(end["x"] + 20, end["y"] + 5, steps=4)
    editor.mouse.up()
    expect(editor.locator("#composer-told")).to_contain_text("place 1 sur 5")
    first(editor, before[2])

    piece = editor.locator("#articles .grip").nth(0)
    piece.focus()
    identifier = piece.get_attribute("id")
    editor.keyboard.press("Alt+ArrowDown")
    expect(editor.locator("#composer-told")).to_contain_text("place 2 sur 5")
    expect(editor.locator(f"#{identifier}")).to_be_focused()
    assert order(editor) == [before[0], before[2], before[1], *before[3:]]

    editor.keyboard.press("Delete")
    expect(editor.locator("#articles .piece")).to_have_count(4)
    expect(editor.locator("#shelf .piece")).to_have_count(1)
    assert editor.evaluate("document.activeElement.className") == "grip"
    editor.keyboard.press("Control+z")
    expect(editor.locator("#articles .piece")).to_have_count(5)
    editor.keyboard.press("Control+z")
    first(editor, before[2])
    editor.keyboard.press("Control+z")
    first(editor, before[0])
    assert order(editor) == before
    editor.keyboard.press("Control+Shift+z")
    first(editor, before[2])
    assert editor.evaluate("performance.timeOrigin") == loaded, "the page was never loaded anew"
    editor.reload()
    editor.locator("#undo").click()
    first(editor, before[0])


def test_what_is_typed_is_saved_and_the_mail_follows_where_it_was_scrolled_to(editor: Page) -> None:
    frame = editor.frame_locator("#message-frame iframe.mailview:not(.coming)")
    expect(frame.locator("h1")).to_be_visible()
    editor.evaluate("document.querySelector('iframe.mailview').contentWindow.scrollTo(0, 300)")
    editor.locator("#introduction").fill("Bonsoir à tous.")
    expect(editor.locator("#saved")).to_contain_text("Enregistré à")
    expect(frame.get_by_text("Bonsoir à tous.")).to_be_attached()
    expect(editor.locator("iframe.coming")).to_have_count(0)
    assert editor.evaluate("document.querySelector('iframe.mailview').contentWindow.scrollY") == 300
    editor.locator("#subject").fill("Un objet bien long, que les petits téléphones coupent")
    expect(editor.locator("#subject-help")).to_contain_text("coupe après 40")
    expect(editor.locator("#saved")).to_contain_text("Enregistré à")
    editor.locator("#scheme-dark").click()
    expect(editor.locator("#scheme-dark")).to_have_attribute("aria-current", "true")
    expect(editor.locator("iframe.mailview:not(.coming)")).to_have_attribute("src", re.compile("scheme=dark"))
    editor.go_back()
    editor.go_forward()
    expect(editor.locator("#subject")).to_have_value("Un objet bien long, que les petits téléphones coupent")


def test_a_lost_connection_takes_nothing_of_what_was_typed(editor: Page) -> None:
    editor.context.set_offline(True)
    editor.locator("#subject").fill("Écrit dans le tunnel")
    expect(editor.locator("#composer-problem")).to_be_visible()
    editor.context.set_offline(False)
    editor.reload()
    expect(editor.locator("#subject")).to_have_value("Écrit dans le tunnel")
    expect(editor.locator("#saved")).to_contain_text("Enregistré à")
    editor.evaluate("localStorage.clear()")
    editor.reload()
    expect(editor.locator("#subject")).to_have_value("Écrit dans le tunnel")


def test_two_editors_see_each_others_changes_and_never_overwrite(site: Site, editor: Page, new_page: NewPage) -> None:
    other = colleague(site, editor, new_page)
    expect(other.locator("#articles .piece")).to_have_count(5)
    editor.locator("#articles .grip").nth(4).focus()
    editor.keyboard.press("Delete")
    expect(editor.locator("#articles .piece")).to_have_count(4)
    expect(other.locator("#articles .piece")).to_have_count(4, timeout=20_000)  # by itself

    editor.locator("#subject").fill("L’objet de la première")
    expect(editor.locator("#saved")).to_contain_text("Enregistré à")
    other.locator("#subject").fill("L’objet du second")
    expect(other.locator("#composer-problem")).to_contain_text("Quelqu’un a modifié ce texte")
    expect(other.locator("#subject")).to_have_value("L’objet du second")
    other.locator("#composer-problem button").click()
    expect(other.get_by_role("heading", level=1)).to_contain_text("entre-temps")
    expect(other.locator("#now-subject")).to_have_value("L’objet de la première")
    expect(other.locator("#subject")).to_have_value("L’objet du second")
    other.locator("button.primary").click()
    expect(other.locator("#subject")).to_have_value("L’objet du second")
    expect(editor.locator("#subject")).to_have_value("L’objet du second", timeout=20_000)


def test_keys_lead_along_and_are_dead_in_fields(editor: Page) -> None:
    editor.locator("#subject").focus()
    editor.keyboard.type("?gn")
    expect(editor.locator("#subject")).to_have_value("?gn")
    expect(editor.locator("#keys-dialog")).to_have_count(0)
    editor.evaluate("document.activeElement.blur()")
    editor.keyboard.press("?")
    expect(editor.locator("#keys-dialog")).to_be_visible()
    editor.keyboard.press("Escape")
    expect(editor.locator("#saved")).to_contain_text("Enregistré à")
    editor.keyboard.press("Control+Enter")
    expect(editor).to_have_url(re.compile("/send$"))
    editor.keyboard.press("g")
    editor.keyboard.press("a")
    expect(editor).to_have_url(re.compile("/articles$"))
    editor.keyboard.press("j")
    editor.keyboard.press("j")
    editor.keyboard.press("Enter")
    expect(editor).to_have_url(re.compile(r"/articles/\d+$"))


def test_an_article_is_written_beside_its_mail_and_outlives_a_closed_tab(
    site: Site, editor: Page, new_page: NewPage
) -> None:
    editor.goto(f"{site.url}/admin/newsletters/depeche/articles/new")
    editor.locator("#title").fill("Le pont rouvre")
    editor.locator("#body").fill("Les **camions** passent depuis mardi.")
    frame = editor.frame_locator("#writer-preview")
    expect(frame.locator("p", has_text="Les camions passent depuis mardi.")).to_be_visible()
    expect(frame.get_by_role("heading", name="Le pont rouvre")).to_be_visible()
    expect(editor.locator("#kept")).to_contain_text("Gardé à")

    editor.context.new_page().goto(editor.url)
    editor.close()
    again = next(page for page in editor.context.pages)
    expect(again.locator("#body")).to_have_value("Les **camions** passent depuis mardi.")

    file = io.BytesIO()
    Image.new("RGB", (640, 360), (30, 90, 200)).save(file, "PNG")
    again.locator("#picture").set_input_files({"name": "pont.png", "mimeType": "image/png", "buffer": file.getvalue()})
    expect(again.locator("#image_url")).to_have_value(re.compile("/media/"))
    expect(again.frame_locator("#writer-preview").locator("img[src*='/media/']")).to_be_visible()
    again.locator("#picture").set_input_files({"name": "faux.png", "mimeType": "image/png", "buffer": b"MZ faux"})
    expect(again.locator("#writer-problem")).to_be_visible()
    again.locator("#show-page").click()
    expect(again.frame_locator("#writer-preview").locator("strong")).to_have_text("camions")
    again.locator("button.primary").click()
    expect(again.get_by_role("heading", level=1)).to_have_text("Le pont rouvre")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_scrolls_sideways_at_320_pixels(site: Site, editor: Page, new_page: NewPage, scheme: str) -> None:
    phone = new_page(viewport={"width": 320, "height": 640}, color_scheme=scheme)
    phone.context.add_cookies(editor.context.cookies())  # type: ignore[arg-type]
    for path in (editor.url, f"{site.url}/admin/newsletters/depeche/articles/new", f"{site.url}/admin/keys"):
        phone.goto(path)
        expect(phone.get_by_role("heading", level=1)).to_be_visible()
        assert phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
