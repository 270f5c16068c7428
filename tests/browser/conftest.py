"""A whole `newsletter up` and a real Chromium, for tests that look at pages as a person does."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.support.chromium import OPTIONS, find_chromium
from tests.support.service import ONE_MACHINE, Service


@dataclass(frozen=True)
class Site:
    """A service that has just started for the first time: its address and the link that it printed for staff."""

    url: str
    sign_in_url: str


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    service = Service(tmp_path, ONE_MACHINE, {"SMTP_URL": "", "BASE_URL": ""})
    service.environment["LC_ALL"] = "fr_FR.UTF-8"
    service.start()
    try:
        found = service.eventually(lambda: re.search(r"http://\S+/admin/password/\S+", service.log))
        yield Site(f"http://localhost:{service.port}", found.group())
    finally:
        service.close()


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
