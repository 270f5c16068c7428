"""Rules about the text of the source that no linter of ours knows."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("newsletter", "worker")
SOURCES = {path.relative_to(ROOT).as_posix(): path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))}
TEXTS = {name: path.read_text("utf-8") for name, path in SOURCES.items()}
LONGEST = 400
LONG_FOR_A_REASON = {
    "newsletter/migrations/versions/0001_first_tables.py",  # the whole first schema, one statement after the other
}
LEFT_OVER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
WRITTEN = (".py", ".md", ".txt", ".html", ".mjml", ".css", ".js", ".toml", ".yml", ".yaml", ".sh", ".cfg")


def test_a_file_can_be_read_in_one_sitting() -> None:
    long = {name for name, text in TEXTS.items() if len(text.splitlines()) > LONGEST}
    assert long == LONG_FOR_A_REASON


def test_nothing_is_left_for_later() -> None:
    here = Path(__file__).resolve()
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for place in (*PACKAGES, "templates", "tests", "scripts", "docs", "benchmarks")
        for path in sorted((ROOT / place).rglob("*"))
        if path.is_file() and path.suffix in WRITTEN and path != here and not {"vendor", "corpus"} & set(path.parts)
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if LEFT_OVER.search(line)
    ]
    assert found == []


def test_people_are_answered_through_click_and_machines_through_logs() -> None:
    """A `print` stands beside its reason or not at all."""
    found = [
        f"{name}: {line.strip()}"
        for name, text in TEXTS.items()
        for line in text.splitlines()
        if re.match(r"\s*print\(", line) and not re.search(r"# noqa: T201 - \w", line)
    ]
    assert found == []


def test_a_module_begins_by_saying_what_it_is() -> None:
    silent = [name for name, text in TEXTS.items() if text.strip() and not text.lstrip().startswith(('"""', 'r"""'))]
    assert silent == []


def test_a_rule_of_safety_that_is_switched_off_says_why() -> None:
    """`# noqa: CODE - reason` for what catches everything, starts programs or prints."""
    found = [
        f"{name}: {line.strip()}"
        for name, text in TEXTS.items()
        for line in text.splitlines()
        if re.search(r"# noqa: (?:BLE001|S\d+|T201)\b(?! - \w)", line)
    ]
    assert found == []
