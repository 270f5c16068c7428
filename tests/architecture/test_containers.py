"""The container files keep to their specification and to what the service offers."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from newsletter.cli.main import COMMANDS
from newsletter.core.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return YAML(typ="safe").load(ROOT / "docker-compose.yml")


@pytest.fixture(scope="module")
def roles(compose: dict[str, Any]) -> dict[str, Any]:
    """The services that run our image."""
    return {name: service for name, service in compose["services"].items() if service["image"] == "newsletter"}


def test_the_compose_file_satisfies_the_compose_specification() -> None:
    checker = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec")
    done = subprocess.run([*checker, "docker-compose.yml"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_role_runs_a_command_that_exists(roles: dict[str, Any]) -> None:
    assert {"migrate", "web", "inbound", "worker-fast", "worker-bulk", "beat"} == set(roles)
    for service in roles.values():
        assert service["command"][0] in COMMANDS


def test_every_setting_a_role_is_given_exists(roles: dict[str, Any]) -> None:
    for service in roles.values():
        given = {name for name in service["environment"] if name.startswith(PREFIX)}
        assert given <= SETTINGS
        # What is set by nothing but the place is given by the image; everything else can be set in `.env`.
        assert SETTINGS - given == {f"{PREFIX}DATA_DIR", f"{PREFIX}HOST"}


def test_every_variable_of_the_compose_file_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    named = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert asked <= named
    assert named - SETTINGS == {"POSTGRES_PASSWORD"}


def test_a_role_starts_only_on_an_upgraded_database_and_is_started_again_when_it_ends(roles: dict[str, Any]) -> None:
    for name, service in roles.items():
        if name != "migrate":
            assert service["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
            assert service["restart"] == "unless-stopped"


def test_every_server_with_a_port_is_asked_for_its_health(compose: dict[str, Any]) -> None:
    for name in ("web", "database", "broker"):
        assert compose["services"][name]["healthcheck"]["test"][0] == "CMD"


def test_the_image_runs_as_nobody_special_and_holds_only_what_runs() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER (\d+):\d+$", text, re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    for source in re.findall(r"^COPY (?!--from)(\S+)", text, re.MULTILINE):
        assert f"!{source}" in ignored, source
        assert (ROOT / source).exists()
