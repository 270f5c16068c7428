"""Take the pictures of docs/pictures from a service that starts for the first time.

    .venv/bin/python scripts/pictures.py

Needs Chromium. Each page is taken wide and light, and as a phone shows it in the dark.
"""

import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.chromium import OPTIONS, find_chromium  # noqa: E402
from tests.support.service import ONE_MACHINE, Service  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
WIDE = {"viewport": {"width": 1200, "height": 800}, "color_scheme": "light"}
PHONE = {"viewport": {"width": 390, "height": 780}, "color_scheme": "dark"}
READERS = 300
PAGES = {
    "subscribers": "subscribers",
    "subscriber": "subscribers/7",
    "segment": "segments/new",
    "article": "articles/1/edit",
    "reports": "reports",
    "look": "look",
    "rules": "rules",
}


class Camera:
    """Two windows of one person: a wide one by day and a phone at night."""

    def __init__(self, browser: Browser) -> None:
        self.wide = browser.new_context(locale="fr-FR", **WIDE).new_page()  # type: ignore[arg-type]
        self.phone = browser.new_context(locale="fr-FR", **PHONE).new_page()  # type: ignore[arg-type]

    def sign_in(self, link: str) -> None:
        self.wide.goto(link)
        self.wide.locator("input[type=password]").fill("un long mot de passe")
        self.wide.locator("button.primary").click()
        self.wide.wait_for_url("**/admin/")
        self.phone.context.add_cookies(self.wide.context.cookies())  # type: ignore[arg-type]

    def take(self, name: str, url: str) -> None:
        for page, suffix in ((self.wide, ""), (self.phone, "-phone")):
            page.goto(url)
            page.wait_for_timeout(700)  # a preview in a frame loads after the page
            page.screenshot(path=PICTURES / f"{name}{suffix}.png")


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        service = Service(Path(directory), ONE_MACHINE, {"SMTP_URL": "", "BASE_URL": ""})
        service.environment["LC_ALL"] = "fr_FR.UTF-8"
        service.start()
        try:
            link = service.eventually(lambda: re.search(r"http://\S+/admin/password/\S+", service.log)).group()
            site = f"http://localhost:{service.port}"
            readers = Path(directory, "readers.csv")
            readers.write_text("email\n" + "".join(f"lectrice{number}@poste.example\n" for number in range(READERS)))
            service.command("subscribers", "import", str(readers), "--newsletter", "depeche", "--status", "active")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(OPTIONS))
                _take_all(Camera(browser), site, link)
                browser.close()
        finally:
            service.close()


def _take_all(camera: Camera, site: str, link: str) -> None:
    camera.take("form", f"{site}/n/depeche")
    camera.sign_in(link)
    camera.take("desk", f"{site}/admin/")
    camera.wide.get_by_role("button", name="Composer un numéro").click()
    camera.wide.wait_for_url("**/admin/issues/*")
    issue = camera.wide.url.split("?")[0]
    camera.take("composer", issue)
    camera.wide.goto(f"{issue}/send")
    camera.wide.locator("main button.primary").click()
    camera.wide.locator(".bar rect[data-s=sent]").first.wait_for()
    camera.take("sending", issue)
    here = f"{site}/admin/newsletters/depeche"
    for name, path in PAGES.items():
        camera.take(name, f"{here}/{path}")
    _open_newest_mail(camera.wide, site)
    camera.take("mail", camera.wide.url)


def _open_newest_mail(page: Page, site: str) -> None:
    page.goto(f"{site}/mailbox/")
    page.locator("h2 a").first.click()


if __name__ == "__main__":
    main()
