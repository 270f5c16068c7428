"""A whole `newsletter up` and a real Chromium, for tests that look at pages as a person does."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.support.beginning import Beginning
from tests.support.chromium import OPTIONS, find_chromium
from tests.support.keyboard import Keyboard
from tests.support.service import Service

Site = Beginning
PASSWORD = "un long mot de passe"
DESK: dict[str, Any] = {"locale": "fr-FR", "viewport": {"width": 1280, "height": 900}}
TITLES = ("Le pont rouvre", "Le port attend", "La pluie vient", "Le marché déménage")


@pytest.fixture(scope="session")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beginning]:
    """A service that is started once for all who begin with it."""
    made = Beginning(tmp_path_factory.mktemp("site"))
    yield made
    made.close()


@pytest.fixture
def site(beginning: Beginning) -> Site:
    """The service as it is after its first start."""
    beginning.restore()
    return beginning


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        pytest.fail("There is no Chromium here and none could be installed: the browser level was NOT run.")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(OPTIONS))
        yield opened
        opened.close()


NewPage = Callable[..., Page]


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Opens a page of a person of its own; a script error or a breach of the policy fails the test."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # Chromium reports each answer of 4xx as an error of the console; those are part of the stories.
        if message.type == "error" and "Failed to load resource" not in message.text:
            problems.append(message.text)

    def opening(**options: object) -> Page:
        context = browser.new_context(**({"locale": "fr-FR", "viewport": {"width": 1200, "height": 850}} | options))  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", note)
        page.on("pageerror", lambda error: problems.append(str(error)))
        return page

    yield opening
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture(scope="module")
def house(beginning: Beginning) -> Service:
    """The same for all tests of a file, each of which has a newsletter of its own."""
    beginning.restore()
    return beginning.service


@pytest.fixture(scope="module")
def cookies(beginning: Beginning, house: Service, browser: Browser) -> list[Any]:
    """Those of the owner, who came in by keys."""
    with browser.new_context(**DESK) as context:
        page = context.new_page()
        page.goto(beginning.sign_in_url)
        keys = Keyboard(page)
        keys.to(page.locator("input[type=password]"))
        keys.write(PASSWORD)
        keys.push(page.locator("button.primary"))
        page.wait_for_url("**/admin/")
        return list(context.cookies())


@pytest.fixture
def owner(new_page: NewPage, cookies: list[Any]) -> Page:
    """A page of the owner."""
    page = new_page(**DESK)
    page.context.add_cookies(cookies)
    return page


NewNewsletter = Callable[..., str]


def make_newsletter(house: Service, directory: Path, slug: str, *, readers: int = 1) -> str:
    """A newsletter with articles and readers that none other has; the address of its rooms."""
    house.command("newsletters", "create", slug, "--name", f"Feuille {slug}", "--from", f"{slug}@presse.example")
    for title in TITLES:
        file = directory / f"{title}.md"
        file.write_text(f"# {title}\n\nTexte de {slug} : {title}.", "utf-8")
        house.command("articles", "add", str(file), "--newsletter", slug)
    file = directory / "readers.csv"
    file.write_text("email\n" + "".join(f"{slug}{number}@poste.example\n" for number in range(readers)))
    house.command("subscribers", "import", str(file), "--newsletter", slug, "--status", "active")
    return f"{house.url}/admin/newsletters/{slug}"


@pytest.fixture
def newsletter(house: Service, tmp_path: Path) -> NewNewsletter:
    return partial(make_newsletter, house, tmp_path)
