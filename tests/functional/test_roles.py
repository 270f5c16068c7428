"""The story on PostgreSQL and Valkey, with each role a process of its own and two workers for digests.

Nothing but settings is different from `newsletter up`, and nothing is looked at but pages, commands and mail.
"""

import http.cookiejar
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from newsletter.cli.embedded.child import TETHER
from newsletter.mail import mailbox
from newsletter.mail.mailbox import ParsedMessage
from tests.support.valkey import valkey

ROOT = Path(__file__).resolve().parents[2]
ROLES = (("web",), ("worker", "fast"), ("worker", "bulk"), ("worker", "bulk"), ("beat",))
READERS = 40
PATIENCE = 40.0  # seconds; the machine that runs the tests may be busy with others

pytestmark = pytest.mark.timeout(180)


class Site:
    """An installation that runs somewhere, as people meet it."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.letters = directory / "letters"
        self.url = environment["NEWSLETTER_BASE_URL"]
        self.processes: list[subprocess.Popen[bytes]] = []
        self._directory = directory
        self._environment = environment

    def command(self, *arguments: str) -> str:
        """What a `newsletter` command answers; it must succeed."""
        done = subprocess.run(
            [sys.executable, "-m", "newsletter.cli.main", *arguments],
            cwd=self._directory,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *role: str) -> None:
        tether = (sys.executable, "-ES", TETHER, str(os.getpid()))
        command = [*tether, sys.executable, "-m", "newsletter.cli.main", *role]
        log = (self._directory / f"{len(self.processes)}-{role[-1]}.log").open("wb")
        with log:
            process = subprocess.Popen(command, cwd=self._directory, env=self._environment, stdout=log, stderr=log)
        self.processes.append(process)

    def open(self, address: str, **fields: str) -> tuple[int, str]:
        """Status and text of a page; with fields, of a form that is sent."""
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        data = urllib.parse.urlencode(fields).encode() if fields else None
        try:
            with opener.open(urllib.parse.urljoin(self.url, address), data, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def is_ready(self) -> bool:
        try:
            return self.open("/readyz")[0] == 200
        except OSError:
            return False

    def mails(self, to: str) -> list[ParsedMessage]:
        listed = (item for item in mailbox.list_messages(self.letters, 1000) if to in item.envelope_recipients)
        found = (mailbox.read_message(self.letters, item.id) for item in listed)
        return [mail for mail in found if mail is not None]

    def logs(self) -> str:
        return "\n".join(f"{path.name}: {path.read_text()}" for path in sorted(self._directory.glob("*.log")))


def wait_until(condition: Callable[[], object], site: Site) -> None:
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends, site.logs()
        time.sleep(0.05)


@pytest.fixture
def site(tmp_path: Path, new_postgres_database: Callable[[str], str]) -> Iterator[Site]:
    with ExitStack() as stack:
        box = mailbox.serve(tmp_path / "letters")
        stack.callback(box.stop)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        site = Site(
            tmp_path,
            {
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "LANG": "C.UTF-8",
                "PYTHONPATH": str(ROOT),
                "NEWSLETTER_DATA_DIR": str(tmp_path / "data"),
                "NEWSLETTER_DATABASE_URL": new_postgres_database("roles"),
                "NEWSLETTER_BROKER_URL": stack.enter_context(valkey()),
                "NEWSLETTER_SMTP_URL": f"smtp://127.0.0.1:{box.port}",
                "NEWSLETTER_SECRET_KEY": "a-secret-key-for-tests-that-is-long-enough",
                "NEWSLETTER_BASE_URL": f"http://127.0.0.1:{port}",
                "NEWSLETTER_PORT": str(port),
            },
        )
        yield site
        for process in site.processes:
            process.kill()
            process.wait()


def test_a_reader_subscribes_gets_the_digest_once_and_leaves(site: Site, tmp_path: Path) -> None:
    site.command("db", "upgrade")
    site.command("newsletters", "create", "gazette", "--name", "La Gazette", "--from", "desk@gazette.example")
    for role in ROLES:
        site.start(*role)
    wait_until(site.is_ready, site)

    page = site.open("/n/gazette")[1]
    hidden = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))
    assert site.open("/n/gazette", **hidden, email="akouvi@reader.example")[0] == 200
    wait_until(lambda: site.mails("akouvi@reader.example"), site)
    [confirmation] = site.mails("akouvi@reader.example")
    link = re.search(rf"{re.escape(site.url)}/confirm/[\w-]+", confirmation.text)
    assert link
    assert site.open(link[0], confirm="1")[0] == 200

    others = [f"reader{number}@reader.example" for number in range(READERS - 1)]
    (tmp_path / "readers.csv").write_text("email\n" + "".join(f"{email}\n" for email in others))
    site.command("subscribers", "import", "readers.csv", "--newsletter", "gazette", "--status", "active")
    (tmp_path / "bridge.md").write_text("# Le pont rouvre\n\nLe pont de Kpessi rouvre ce matin, après deux mois.\n")
    site.command("articles", "add", "bridge.md", "--newsletter", "gazette")
    sent = json.loads(site.command("digest", "send", "gazette", "--wait", "--json"))
    assert json.loads(site.command("digest", "send", "gazette", "--json"))["sent"] is False
    shown = json.loads(site.command("issues", "show", str(sent["issue"]), "--json"))
    assert (shown["status"], shown["audience"], shown["deliveries"]["sent"]) == ("sent", READERS, READERS)
    for email in ("akouvi@reader.example", *others):
        digests = [mail for mail in site.mails(email) if mail.list_unsubscribe]
        assert len(digests) == 1, email
    [digest] = [mail for mail in site.mails("akouvi@reader.example") if mail.list_unsubscribe]
    assert "Le pont de Kpessi rouvre ce matin" in digest.text
    assert site.open(digest.list_unsubscribe, **{"List-Unsubscribe": "One-Click"})[0] == 200
    reader = json.loads(site.command("subscribers", "show", "akouvi@reader.example", "--json"))
    assert "active" not in {subscription["status"] for subscription in reader["subscriptions"]}

    for process in site.processes:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(PATIENCE) for process in site.processes] == [0] * len(ROLES), site.logs()
    assert "Traceback" not in site.logs()
