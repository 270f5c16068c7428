"""Settings, their documentation and the example file say the same."""

import re
from pathlib import Path

import pytest

from newsletter.core.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
NAMES = {PREFIX + name.upper(): field for name, field in Settings.model_fields.items()}
ROW = re.compile(rf"^\| `({PREFIX}\w+)` \| (.*?) \| (.*) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def documented() -> dict[str, tuple[str, str]]:
    """Default and meaning by name, from the table."""
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    return {found: (default, meaning) for found, default, meaning in ROW.findall(text)}


def test_every_setting_is_documented_and_nothing_else_is(documented: dict[str, tuple[str, str]]) -> None:
    assert list(documented) == list(NAMES)


@pytest.mark.parametrize("setting", NAMES)
def test_the_documented_meaning_is_the_one_in_the_source(setting: str, documented: dict[str, tuple[str, str]]) -> None:
    assert documented[setting][1] == NAMES[setting].description


@pytest.mark.parametrize("setting", NAMES)
def test_the_documented_default_is_the_real_one(setting: str, documented: dict[str, tuple[str, str]]) -> None:
    default = NAMES[setting].default
    plain = default.get_secret_value() if hasattr(default, "get_secret_value") else default
    assert documented[setting][0] == (f"`{plain}`" if plain not in ("", ()) else "")


def test_the_example_file_names_real_settings_only() -> None:
    named = set(re.findall(rf"^#?\s?({PREFIX}\w+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
    assert named <= set(NAMES)
    assert {f"{PREFIX}SMTP_URL", f"{PREFIX}BASE_URL", f"{PREFIX}SECRET_KEY"} <= named


def test_no_page_of_the_documentation_names_a_setting_that_does_not_exist() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    found = {word for page in pages for word in re.findall(rf"\b{PREFIX}[A-Z_]+\b", page.read_text("utf-8"))}
    assert found <= set(NAMES)


def test_the_code_reads_the_environment_in_one_place() -> None:
    """Elsewhere a variable of ours would escape the checks of the settings."""
    allowed = {"newsletter/core/settings.py"}
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "newsletter").rglob("*.py")
        if re.search(rf"environ(?:\.get\(|\[)\s*[\"']{PREFIX}", path.read_text("utf-8"))
    }
    # The command line looks at the log level when settings could not be read: a failure must not hide another one.
    assert found - allowed == {"newsletter/cli/main.py"}
