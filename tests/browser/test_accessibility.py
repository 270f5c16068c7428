"""Every main page, wide by day and on a phone at night: nothing that axe finds, nothing wider than the window, nothing
that jumps away under the eye or is out of Tab's reach, and no heavier than people on mobile data can bear.
"""

import gzip

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request

from tests.browser.conftest import NewPage, Site
from tests.browser.test_first_issue import sign_in
from tests.support.keyboard import round_of

N = "/admin/newsletters/depeche"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 390, "height": 800}},
}
PAGES = [
    "/admin/",
    f"{N}/issues",
    "{issue}",
    "{issue}/preflight",
    "{issue}/send",
    f"{N}/articles",
    f"{N}/articles/new",
    f"{N}/articles/1",
    f"{N}/articles/1/edit",
    f"{N}/subscribers",
    f"{N}/subscribers/new",
    f"{N}/subscribers/files",
    f"{N}/segments",
    f"{N}/segments/new",
    f"{N}/reports",
    f"{N}/settings",
    f"{N}/schedules",
    f"{N}/rules",
    f"{N}/topics",
    f"{N}/domain",
    f"{N}/look",
    f"{N}/form",
    f"{N}/measuring",
    "/admin/feeds",
    "/admin/relays",
    "/admin/incoming",
    "/admin/people",
    "/admin/log",
    "/admin/account",
    "/admin/keys",
    "/admin/deliverability",
    "/n/depeche",
    "/archive/depeche",
]
MOST = 120_000  # octets of a first load, compressed
STEADY = 0.01  # most that a page may shift in its first moments, as the browser counts it
MOMENTS = 800  # milliseconds
SHIFTED = """async (until) => {
  const found = [];
  const note = (list) => { for (const item of list.getEntries()) if (!item.hadRecentInput) found.push(item); };
  const observer = new PerformanceObserver(note);
  observer.observe({ type: "layout-shift", buffered: true });
  await new Promise((resolve) => setTimeout(resolve, Math.max(50, until - performance.now())));
  for (const item of observer.takeRecords()) if (!item.hadRecentInput) found.push(item);
  const told = (node) => node?.outerHTML?.slice(0, 100) ?? node?.textContent?.trim().slice(0, 60);
  const sources = found.flatMap((item) => item.sources.map((source) => told(source.node)));
  return { shift: found.reduce((sum, item) => sum + item.value, 0), sources };
}"""


def weight_of(page: Page, address: str, known: dict[str, int]) -> int:
    """Octets of a page and of all that it brings along, each compressed as a proxy would; `known`: those by address."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.method == "GET":
            asked.append(request.url)

    page.on("request", note)
    page.goto(address, wait_until="load")
    page.remove_listener("request", note)
    for url in set(asked) - known.keys():
        known[url] = len(gzip.compress(page.request.get(url).body()))
    return sum(known[url] for url in set(asked))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("look", LOOKS)
def test_main_pages_are_accessible_and_light(site: Site, new_page: NewPage, look: str) -> None:
    page = new_page(**LOOKS[look])
    sign_in(page, site)
    page.get_by_role("button", name="Composer un numéro").click()
    page.wait_for_url("**/admin/issues/*")
    issue = page.url.split("?")[0].removeprefix(site.url)
    problems: list[str] = []
    known: dict[str, int] = {}
    for path in (item.format(issue=issue) for item in PAGES):
        weight = weight_of(page, site.url + path, known)
        if weight > MOST:
            problems.append(f"{path}: {weight} octets")
        found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}}).response["violations"]
        problems += [f"{path}: {item['id']}: {node['html'][:200]}" for item in found for node in item["nodes"]]
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wider > 0:
            problems.append(f"{path}: {wider} pixels wider than the window")
        moved = page.evaluate(SHIFTED, MOMENTS)
        if moved["shift"] >= STEADY:
            problems.append(f"{path}: shifts by {moved['shift']:.3f}: {moved['sources']}")
        problems += [f"{path}: {item}" for item in round_of(page)]
    assert not problems, "\n".join(problems)
