"""The lists that pip installs from say what the lock says."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ("--frozen", "--all-extras", "--no-emit-project", "--no-header", "--no-annotate")
LISTS = {"runtime": ("--no-dev",), "dev": ("--group", "dev")}


def pinned(name: str) -> dict[str, set[str]]:
    """Versions by package; one package may have several, for different versions of Python."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", line):
            found.setdefault(match[1], set()).add(match[2])
    return found


@pytest.mark.parametrize("name", LISTS)
def test_every_pinned_package_is_in_the_lock_with_the_same_hashes(name: str) -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    versions: dict[str, set[str]] = {}
    hashes: set[str] = set()
    for package in lock["package"]:
        versions.setdefault(package["name"], set()).add(package.get("version", ""))
        for file in [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]:
            hashes.add(file["hash"])
    listed = pinned(name)
    assert listed
    assert {
        package: found - versions.get(package, set()) for package, found in listed.items() if found - versions[package]
    } == {}
    written = set(re.findall(r"sha256:[0-9a-f]{64}", (ROOT / "requirements" / f"{name}.txt").read_text()))
    assert written <= hashes


def test_every_dependency_of_the_project_is_installed_by_the_lists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = [line for lines in project["project"]["optional-dependencies"].values() for line in lines]
    names = {re.split(r"[^A-Za-z0-9_-]", line)[0].lower() for line in [*project["project"]["dependencies"], *extras]}
    assert names - pinned("runtime").keys() == set()
    development = {re.split(r"[^A-Za-z0-9_-]", line)[0].lower() for line in project["dependency-groups"]["dev"]}
    assert (names | development) - pinned("dev").keys() == set()


if UV := shutil.which("uv"):  # without it the two tests above compare the lists with the lock

    @pytest.mark.parametrize("name", LISTS)
    def test_a_new_export_of_the_lock_changes_nothing(name: str) -> None:
        command = [UV, "export", "-q", *OPTIONS, *LISTS[name]]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout == (ROOT / "requirements" / f"{name}.txt").read_text(), "run `make lock`"
