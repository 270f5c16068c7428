"""A person without a mouse: Tab and the keys of the product, and at each step an eye on where the focus stands."""

from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Frame, Locator, Page, expect

MOST = 200  # steps until something is out of reach

SCRIPT = Path(__file__).with_name("focus.js").read_text("utf-8")
LOOK = f"() => {{ {SCRIPT}; return look(); }}"
REACHABLE = f"() => {{ {SCRIPT}; return reachable(); }}"


class Keyboard:
    """The keys of one page; every step fails when the focus cannot be seen."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def write(self, words: str, *, instead: bool = False) -> None:
        """Type into the field that has the focus; `instead` of what stands there."""
        if instead:
            self.press("Control+a")
        self.page.keyboard.type(words)

    def to(self, target: Locator, *, back: bool = False) -> None:
        """Tab until the target has the focus."""
        handle = target.first
        handle.wait_for()
        passed = []
        for _step in range(MOST):
            if handle.evaluate("element => element === document.activeElement"):
                self._seen()
                return
            self.press("Shift+Tab" if back else "Tab")
            passed.append(self._seen())
        raise AssertionError(f"Tab does not lead to {target}; it went over {passed}")

    def push(self, target: Locator, *, back: bool = False) -> None:
        """Go to a button, a link or a summary, and press it."""
        self.to(target, back=back)
        self.press("Enter")

    def choose(self, target: Locator, label: str) -> None:
        """Go to a list, and choose by the beginning of a name."""
        self.to(target)
        self.write(label)
        expect(target.locator("option:checked")).to_contain_text(label)

    def check(self, target: Locator) -> None:
        """Go to a box, or by arrows to a radio button, and tick it."""
        if target.get_attribute("type") == "radio":
            group = self.page.locator(f"input[type=radio][name='{target.get_attribute('name')}']")
            checked = self.page.locator(f"input[type=radio][name='{target.get_attribute('name')}']:checked")
            self.to(checked if checked.count() else group)
            for _step in range(group.count()):
                if target.is_checked():
                    break
                self.press("ArrowDown")
            else:
                self.press("Space")
        else:
            self.to(target)
            self.press("Space")
        expect(target).to_be_checked()

    def _seen(self) -> str | None:
        """The name of what has the focus; fails when nobody would see that it has."""
        for found in _focused(self.page.main_frame):
            assert not found["wrong"], f"{self.page.url}: {found['name']} {found['wrong']}"
        return str(found["name"]) if found else None


def _focused(frame: Frame) -> Iterator[dict[str, str]]:
    """What has the focus, and inside a frame what has it there."""
    found = frame.evaluate(LOOK)
    yield found or {"name": "", "wrong": "", "frame": ""}
    if found and found["frame"]:
        inside = frame.evaluate_handle("document.activeElement").as_element()
        content = inside.content_frame() if inside else None
        if content:
            yield from _focused(content)


def round_of(page: Page) -> list[str]:
    """What is wrong when one goes through a whole page by Tab: what is not reached, or not seen to have the focus."""
    missing = dict(enumerate(page.evaluate(REACHABLE)))
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    problems = []
    outside = 0
    for _step in range(len(missing) + MOST):
        page.keyboard.press("Tab")
        for found in _focused(page.main_frame):
            if found["wrong"]:
                problems.append(f"{found['name']} {found['wrong']}")
        missing.pop(page.evaluate("Number(document.activeElement?.dataset?.reachable ?? -1)"), None)
        outside = outside + 1 if not found["name"] else 0
        if not missing or outside > 2:
            break
    return problems + [f"Tab does not lead to {item}" for item in missing.values()]
