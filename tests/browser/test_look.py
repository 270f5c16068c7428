"""The look of a newsletter is tried beside its mail, saved, and put back."""

import re
from pathlib import Path

from PIL import Image

from tests.browser.conftest import NewPage, Site


def test_a_look_shows_its_effect_while_it_is_typed_and_is_saved(site: Site, new_page: NewPage, tmp_path: Path):
    page = new_page(viewport={"width": 1280, "height": 900})
    page.goto(site.sign_in_url)
    page.locator("input[type=password]").fill("un long mot de passe")
    page.locator("button.primary").click()
    page.wait_for_url("**/admin/")
    page.goto(f"{site.url}/admin/newsletters/depeche/look")
    mail = page.frame_locator(".mailview:not(.coming)")
    mail.locator("h1").wait_for()
    steps = page.evaluate("history.length")

    logo = tmp_path / "logo.png"
    Image.new("RGBA", (400, 80), (140, 20, 30, 255)).save(logo)
    page.locator("#logo").set_input_files(logo)
    page.locator("#light_link").fill("#1a5c3a")
    page.locator("#footer").fill("Écrit à **Lomé**.")
    mail.locator("strong", has_text="Lomé").wait_for()
    assert mail.locator("img").first.get_attribute("src").startswith("data:image/")
    assert mail.locator("a.acc").first.evaluate("link => getComputedStyle(link).color") == "rgb(26, 92, 58)"

    page.locator("#light_link").fill("#e0e0e0")
    page.locator("#verdict [data-s=bad]", has_text="#757575").first.wait_for()
    page.locator("#light_link").fill("#1a5c3a")
    page.locator("#verdict [data-s=ok]").wait_for()
    assert page.evaluate("history.length") == steps  # what was tried is no step of the way back

    with page.expect_response(re.compile("/look/verdict")), page.expect_response(re.compile("/look/preview")):
        page.get_by_role("radio", name="Sombre").check()
    page.wait_for_function(
        "() => [...document.querySelectorAll('iframe')].length === 1 && !document.querySelector('.coming')"
    )
    # By key: after a scroll Chromium may still take a press of the mouse for one in the frame that stood there before.
    page.locator("main button.primary").press("Enter")
    page.get_by_role("status").filter(has_text=re.compile("Enregistré")).wait_for()
    assert page.locator("#footer").input_value() == "Écrit à **Lomé**."
    assert page.locator(".logo-now img").evaluate("image => image.naturalWidth") == 400

    page.get_by_role("button", name="Reprendre l’apparence de la maison").click()
    page.get_by_role("button", name=re.compile("^Remettre")).first.click()
    page.locator(".logo-now img").wait_for()
    page.goto(f"{site.url}/n/depeche")
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--accent')").strip() == "#1a5c3a"
