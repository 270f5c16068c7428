"""Take the pictures of docs/pictures from a service that starts for the first time.

    .venv/bin/python scripts/pictures.py [NAME ...]

Needs Chromium. Each page is taken four times: NAME.png is wide by day, NAME-dark.png wide at night, NAME-phone.png and
NAME-phone-dark.png are the same on a phone. With NAMEs only these are kept.
"""

import io
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.chromium import OPTIONS, find_chromium  # noqa: E402
from tests.support.feed_server import Item, Publisher, publisher, rss  # noqa: E402
from tests.support.service import ONE_MACHINE, Service  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
COLOURS = 128  # of a picture: pages have few, and a third of the weight is enough
WINDOWS: dict[str, Any] = {"": {"width": 1200, "height": 800}, "-phone": {"width": 390, "height": 780}}
THEMES = {"": "light", "-dark": "dark"}
READERS = 300
LOOK = {
    "light": {"accent": "#1a5c3a", "link": "#1a5c3a", "sheet": "#fffdf7"},
    "masthead": "centre",
    "footer": "Écrit à **Lomé**, imprimé nulle part.",
}
DEPECHE = {
    "articles": "articles",
    "article": "articles/1/edit",
    "subscribers": "subscribers",
    "subscriber": "subscribers/7",
    "segments": "segments",
    "segment": "segments/new",
    "reports": "reports",
    "settings": "settings",
    "schedules": "schedules",
    "rules": "rules",
    "topics": "topics",
    "domain": "domain",
    "look": "look",
    "form-settings": "form",
    "measuring": "measuring",
}
DESK = {
    "feeds": "feeds",
    "relays": "relays",
    "mailboxes": "incoming",
    "people": "people",
    "log": "log",
    "account": "account",
    "deliverability": "deliverability",
}
NEWS = ("Le pont de Kévé rouvre aux camions", "Le port attend ses grues", "Maïs : troisième semaine de baisse")
GONE = {"abonnee3@poste.example": "550 5.1.1 no such user"}


class Camera:
    """Windows of one person, by the end of a picture's name: wide and as a phone, by day and at night."""

    def __init__(self, browser: Browser, names: list[str]) -> None:
        self.names = names
        self.pages: dict[str, Page] = {}
        for window, size in WINDOWS.items():
            for theme, scheme in THEMES.items():
                given: Any = {"viewport": size, "color_scheme": scheme, "has_touch": bool(window)}
                self.pages[window + theme] = browser.new_context(locale="fr-FR", **given).new_page()
        self.wide = self.pages[""]

    def sign_in(self, link: str) -> None:
        self.wide.goto(link)
        self.wide.locator("input[type=password]").fill("un long mot de passe")
        self.wide.locator("button.primary").click()
        self.wide.wait_for_url("**/admin/")
        for page in self.pages.values():
            page.context.add_cookies(self.wide.context.cookies())  # type: ignore[arg-type]

    def take(self, name: str, url: str, at: str = "") -> None:
        """`at`: what of the page is to be at the top of the window."""
        if self.names and name not in self.names:
            return
        for suffix, page in self.pages.items():
            page.goto(url)
            page.wait_for_load_state("networkidle")  # a preview in a frame loads after the page
            if at:
                page.locator(at).first.evaluate("element => element.scrollIntoView()")
            keep(page.screenshot(), PICTURES / f"{name}{suffix}.png")


def keep(taken: bytes, path: Path) -> None:
    """A picture of few colours, as small as that gets."""
    with Image.open(io.BytesIO(taken)) as picture:
        few = picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(path, optimize=True)


@contextmanager
def newsroom() -> Iterator[tuple[Service, Publisher]]:
    """A service that has just begun, and a publisher whose feed it takes."""
    with tempfile.TemporaryDirectory() as directory, publisher() as site:
        asked = {"SMTP_URL": "", "BASE_URL": "", "FETCH_ALLOW": "127.0.0.1"}
        service = Service(Path(directory), ONE_MACHINE, asked)
        service.environment["LC_ALL"] = "fr_FR.UTF-8"
        service.start()
        try:
            yield service, site
        finally:
            service.close()


def prepare(service: Service, site: Publisher) -> None:
    """Readers, a look, a feed; and a second newsletter, whose own relay refuses some."""
    put = service.command
    look = service.directory / "look.json"
    look.write_text(json.dumps(LOOK), "utf-8")
    put("look", "set", "depeche", str(look))
    put("subscribers", "import", str(_readers(service, "lectrice", READERS)), "--newsletter", "depeche",
        "--status", "active")  # fmt: skip
    put("newsletters", "create", "gazette", "--name", "La Gazette du matin", "--from", "redaction@gazette.example")
    put("relays", "add", "agence", service.relay.url, "--sender", "gazette.example")
    put("subscribers", "import", str(_readers(service, "abonnee", 90)), "--newsletter", "gazette", "--status", "active")
    service.relay.refuse |= GONE
    service.relay.drop_after_dot = 1
    items = [Item(title, site.url + f"/{number}", str(number), text=title) for number, title in enumerate(NEWS)]
    feed = site.put("/actualites.xml", rss(items), headers={"Content-Type": "application/rss+xml"})
    put("feeds", "add", feed, "--newsletter", "gazette")


def _readers(service: Service, name: str, count: int) -> Path:
    path = service.directory / f"{name}.csv"
    path.write_text("email\n" + "".join(f"{name}{number}@poste.example\n" for number in range(count)), "utf-8")
    return path


def take_all(camera: Camera, service: Service, link: str) -> None:
    site = f"http://localhost:{service.port}"
    desk, depeche, gazette = (f"{site}/admin{path}" for path in ("", "/newsletters/depeche", "/newsletters/gazette"))
    camera.take("form", f"{site}/n/depeche")
    camera.sign_in(link)
    camera.take("desk", f"{desk}/")
    issue = _compose(camera.wide, depeche)
    camera.take("composer", issue)
    camera.take("composer-message", f"{issue}#message", "#message")
    camera.take("preflight", f"{issue}/preflight")
    camera.take("send", f"{issue}/send")
    service.command("relays", "limit", "--per-second", "6")
    _send(camera.wide, issue)
    camera.take("sending", issue)
    service.command("relays", "limit", "--per-second", "none")
    camera.wide.goto(issue)
    camera.wide.locator("#live-head .state[data-s=sent]").wait_for(timeout=60_000)
    camera.take("sent", issue)
    camera.take("report", f"{issue}/report")
    _take_mail(camera, site)
    _leave_unknown(camera.wide, gazette)
    refused = _compose(camera.wide, gazette)
    _send(camera.wide, refused)
    camera.wide.locator("#live-head .state[data-s=sent]").wait_for(timeout=60_000)
    camera.take("resend", f"{refused}/resend")
    for name, path in DEPECHE.items():
        camera.take(name, f"{depeche}/{path}")
    for name, path in DESK.items():
        camera.take(name, f"{desk}/{path}")
    _take_own_mjml(camera, f"{gazette}/look")
    camera.take("archive", f"{site}/archive/depeche")


def _compose(page: Page, newsletter: str) -> str:
    page.goto(f"{newsletter}/issues")
    page.locator("main").get_by_role("button", name="Composer").first.click()
    page.wait_for_url("**/admin/issues/*")
    return page.url.split("?")[0]


def _leave_unknown(page: Page, newsletter: str) -> None:
    """What a connection took along when it broke is not sent again by itself: the desk asks."""
    page.goto(f"{newsletter}/settings")
    page.locator("[name=resend_unknown][value=no]").check()
    page.locator("main button.primary").press("Enter")
    page.locator("main [role=status]").first.wait_for()


def _send(page: Page, issue: str) -> None:
    page.goto(f"{issue}/send")
    page.locator("main button.primary").click()
    page.locator(".bar rect[data-s=sent]").first.wait_for()


def _take_own_mjml(camera: Camera, look: str) -> None:
    page = camera.wide
    page.goto(look)
    page.locator("#own summary").click()
    page.locator("#own button").click()
    page.locator("#template").wait_for()
    page.locator("main button.primary").first.press("Enter")
    page.locator("#own[open]").wait_for()
    camera.take("mjml", look, "#own")


def _take_mail(camera: Camera, site: str) -> None:
    """The newest mail in the mailbox that comes along, and as it is by itself."""
    page = camera.wide
    page.goto(f"{site}/mailbox/")
    camera.take("mailbox", page.url)
    page.locator("h2 a").first.click()
    page.wait_for_url("**/mailbox/*")
    camera.take("mail-in-mailbox", page.url)
    camera.take("mail", f"{page.url}/html")


def main(names: list[str]) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with newsroom() as (service, site), sync_playwright() as playwright:
        link = service.eventually(lambda: re.search(r"http://\S+/admin/password/\S+", service.log)).group()
        prepare(service, site)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*OPTIONS, "--lang=fr-FR"])
        take_all(Camera(browser, names), service, link)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
