# It prints, runs programs and asks an index over HTTP by trade, and must stay readable to a Python too old for it.
# ruff: noqa: T201, UP036, S310, S603, S606, PLC0415, PLW1510
"""Makes `.venv` and puts into it what the lock names, with uv where there is one and with pip where there is none.

    python3 scripts/bootstrap.py [runtime|dev]

Only the standard library, and no syntax newer than Python 3.6, so that an old Python can say that it is too old. A
second run with the same lock does nothing and takes some hundredths of a second. Exit 1 with one line when it cannot be
done.
"""

import sys

if sys.version_info < (3, 8):
    sys.exit(
        "This needs Python 3.11 or newer, and this one is {}.{}: install a newer one.".format(*sys.version_info[:2])
    )

import configparser
import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
COMMAND = VENV / "bin" / "newsletter"
MARKER = VENV / "installed.json"
LOG = ROOT / ".tools" / "install.log"  # not in .venv: uv takes only an empty directory for a new one
# pip itself, for a machine whose Python comes without one; a lock file cannot name the program that reads it.
PIP = "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
NO_NETWORK = re.compile(
    r"resol|unreachable|refused|timed out|Retrying|dns error|ProxyError|SSLError|error sending request", re.I
)


class Impossible(Exception):
    """What stops the installation, in one line."""


def main(arguments):
    wanted = arguments[0] if arguments else "runtime"
    if wanted not in ("runtime", "dev"):
        sys.exit("usage: bootstrap.py [runtime|dev]")
    if sys.version_info < OLDEST:
        return run_newer_python(arguments)
    if is_installed(wanted):
        return 0
    try:
        with open(__file__) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two `make` at once: the second waits and then finds everything there
            if not is_installed(wanted):
                install(wanted)
    except (Impossible, OSError) as error:
        print(f"Cannot install: {error}", file=sys.stderr)
        return 1
    return 0


def run_newer_python(arguments):
    """Hand over to the newest Python on the path that is new enough."""
    for minor in range(19, OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        # Tried first, because the shim of a version manager may lead nowhere.
        if found and subprocess.run([found, "-c", ""], stderr=subprocess.DEVNULL).returncode == 0:
            os.execv(found, [found, __file__, *arguments])
    version = ".".join(map(str, sys.version_info[:2]))
    print(f"This needs Python 3.11 or newer, and {sys.executable} is {version}: install a newer one.", file=sys.stderr)
    return 1


def fingerprint(wanted):
    """What the marker must say: the lock, this program, the place and the Python that were installed."""
    digest = hashlib.sha256((ROOT / "requirements" / (wanted + ".txt")).read_bytes())
    digest.update(Path(__file__).read_bytes())
    return f"{digest.hexdigest()} {ROOT} {os.path.realpath(str(PYTHON))}"


def is_installed(wanted):
    try:
        done = json.loads(MARKER.read_text())
        return COMMAND.exists() and os.access(str(PYTHON), os.X_OK) and done.get(wanted) == fingerprint(wanted)
    except (OSError, ValueError):
        return False


def install(wanted):
    requirements = ROOT / "requirements" / (wanted + ".txt")
    count = sum(1 for line in requirements.read_text().splitlines() if "==" in line)
    print(f"Installing {count} packages into {VENV} (once; they come from the package index) ...", flush=True)
    if not (os.access(str(PYTHON), os.X_OK) and (VENV / "pyvenv.cfg").exists()):  # never begun, or its Python is gone
        shutil.rmtree(str(VENV), ignore_errors=True)
    MARKER.unlink(missing_ok=True)
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_text("")
    uv = shutil.which("uv")
    if uv is None or not sync_with_uv(uv, wanted):
        make_venv()
        install_with_pip(requirements)
    add_project()
    done = {wanted: fingerprint(wanted)}
    if wanted == "dev":  # which holds the other
        done["runtime"] = fingerprint("runtime")
    partial = MARKER.with_suffix(".part")
    partial.write_text(json.dumps(done))
    partial.replace(MARKER)


def run(command, **changes):
    """Run a program with its output kept in the log; returns whether it succeeded."""
    environment = dict(os.environ, PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1", **changes)
    for name in ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "VIRTUAL_ENV"):
        environment.pop(name, None)
    with LOG.open("a") as log:
        log.write("$ {}\n".format(" ".join(map(str, command))))
        log.flush()
        done = subprocess.run(list(map(str, command)), stdout=log, stderr=log, env=environment, cwd=str(ROOT))
    return done.returncode == 0


def sync_with_uv(uv, wanted):
    """False when uv is too old for the lock, or fails otherwise; pip is then asked."""
    command = [uv, "sync", "--frozen", "--inexact", "--no-install-project", "--all-extras", "--compile-bytecode"]
    command += ["--no-python-downloads", "--python", sys.executable]
    command += ["--group", "dev"] if wanted == "dev" else ["--no-dev"]
    return run(command, UV_PROJECT_ENVIRONMENT=str(VENV))


def make_venv():
    if os.access(str(PYTHON), os.X_OK) and run([PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]):
        return
    if importlib.util.find_spec("venv") is None:
        raise Impossible("this Python has no module venv; Debian and Ubuntu have it in the package python3-venv.")
    # Without pip: `ensurepip` takes seconds and is missing where a distribution splits Python up.
    if not run([sys.executable, "-m", "venv", "--without-pip", VENV]):
        raise Impossible(f"`python3 -m venv` failed; its own words are in {LOG}.")


def install_with_pip(requirements):
    options = "--quiet --retries 2 --no-input --no-deps --require-hashes"
    with tempfile.TemporaryDirectory() as directory:
        if run([*pip_command(Path(directory)), "install", *options.split(), "-r", requirements]):
            return
    if NO_NETWORK.search(LOG.read_text()):
        raise Impossible(
            f"the package index does not answer; connect to the network or set PIP_INDEX_URL (details in {LOG})."
        )
    raise Impossible(f"pip failed; its own words are in {LOG}.")


def pip_command(directory):
    """A pip for the virtual environment: one that is there, else the one that came with Python, else the pinned one."""
    if run([PYTHON, "-c", "import pip"]):
        return [PYTHON, "-m", "pip"]
    bundled = sysconfig.get_config_var("WHEEL_PKG_DIR") or str(Path(os.__file__).parent / "ensurepip" / "_bundled")
    wheels = sorted(Path(bundled).glob("pip-*.whl"))
    # A wheel is an archive that Python runs as it is, so nothing needs to be installed to install.
    return [PYTHON, (wheels[-1] if wheels else download_pip(directory)) / "pip"]


def download_pip(directory):
    import ssl  # here, because these four take longer than all that a second start needs
    import urllib.error
    import urllib.parse
    import urllib.request

    index = index_url()
    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT") or None)
    try:
        with urllib.request.urlopen(index.rstrip("/") + "/pip/", timeout=30, context=context) as answer:
            page, base = answer.read().decode(), answer.url
        links = re.findall(rf'href="([^"]*/{re.escape(PIP)}[^"]*)"', page)
        if not links:
            raise Impossible(f"{index} has no {PIP}.")
        with urllib.request.urlopen(urllib.parse.urljoin(base, links[0]), timeout=60, context=context) as answer:
            content = answer.read()
    except (urllib.error.URLError, OSError) as error:
        message = "the package index {} does not answer ({}); connect to the network or set PIP_INDEX_URL."
        raise Impossible(message.format(index, getattr(error, "reason", error))) from None
    if hashlib.sha256(content).hexdigest() != PIP_SHA256:
        raise Impossible(f"the {PIP} of {index} is not the one that was pinned.")
    path = directory / PIP
    path.write_bytes(content)
    return path


def index_url():
    """The index that pip would ask: its environment variable, its configuration, its default."""
    if os.environ.get("PIP_INDEX_URL"):
        return os.environ["PIP_INDEX_URL"]
    home = Path(os.path.expanduser("~"))
    places = ["/etc/pip.conf", home / ".pip" / "pip.conf", home / ".config" / "pip" / "pip.conf"]
    places += [home / "Library" / "Application Support" / "pip" / "pip.conf", os.environ.get("PIP_CONFIG_FILE", "")]
    parser = configparser.RawConfigParser()
    with contextlib.suppress(configparser.Error):
        parser.read([str(place) for place in places if str(place)])
    for section in ("install", "global"):
        if parser.has_option(section, "index-url"):
            return parser.get(section, "index-url")
    return "https://pypi.org/simple"


def add_project():
    """Make `import newsletter` and the command work, straight from the checkout.

    An editable install would do the same, but asks the index for the build backend, past the lock and its hashes. A
    path file and a short script need neither. The script starts through /bin/sh, because a `#!` line is cut at 127
    characters and at blanks.
    """
    site = subprocess.run(
        [str(PYTHON), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout.strip()
    Path(site, "newsletter.pth").write_text(f"{ROOT}\n")
    version = re.search(r'(?m)^version = "(.+)"', (ROOT / "pyproject.toml").read_text())[1]
    for old in Path(site).glob("newsletter-*.dist-info"):
        shutil.rmtree(str(old))
    about = Path(site, f"newsletter-{version}.dist-info")  # what `newsletter --version` reads, and pip lists
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: newsletter\nVersion: {version}\n")
    (about / "INSTALLER").write_text("bootstrap\n")
    quoted = "'" + str(PYTHON).replace("'", "'\\''") + "'"
    COMMAND.unlink(missing_ok=True)
    start = f"#!/bin/sh\n'''exec' {quoted} \"$0\" \"$@\"\n' '''\n"
    COMMAND.write_text(start + "import sys\n\nfrom newsletter.cli.main import main\n\nsys.exit(main())\n")
    COMMAND.chmod(0o755)
    # The first start is as fast as the second, also where the environment forbids Python to write what it compiles.
    run([PYTHON, "-m", "compileall", "-q", ROOT / "newsletter", ROOT / "worker"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
