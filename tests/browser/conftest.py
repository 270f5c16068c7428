"""A whole `newsletter up` and a real Chromium, for tests that look at pages as a person does."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.support.beginning import Beginning
from tests.support.chromium import OPTIONS, find_chromium

Site = Beginning


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
