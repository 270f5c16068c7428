"""A service that has just started for the first time, and the way back to that moment: starting one anew for each test
would take longer than the tests do.
"""

import re
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.support.service import ONE_MACHINE, Service

PATIENCE = 5.0  # seconds that a mail on its way is given
ON_ITS_WAY = "SELECT count(*) FROM transactional_mails WHERE status IN ('queued', 'sending', 'deferred')"
LEFT = "SELECT count(*) FROM issues WHERE frozen_at IS NOT NULL"


class Beginning:
    """The service in French, with a mailbox in place of a relay. `sign_in_url`: the link that it printed for staff."""

    def __init__(self, directory: Path) -> None:
        self.service = Service(directory, ONE_MACHINE, {"SMTP_URL": "", "BASE_URL": ""})
        self.service.environment["LC_ALL"] = "fr_FR.UTF-8"
        self.service.start()
        found = self.service.eventually(lambda: re.search(r"http://\S+/admin/password/\S+", self.service.log))
        self.url = self.service.url = f"http://localhost:{self.service.port}"  # as its mails name it
        self.sign_in_url = found.group()
        self._database, self._kept = directory / "data" / "newsletter.db", directory / "beginning.db"
        self._mailbox = directory / "data" / "mailbox"
        _copy(self._database, self._kept)

    def restore(self) -> None:
        """As if nothing had happened. Once an issue has left, the service is started again: a worker that keeps what it
        was made of must not find another under its number.
        """
        self._wait_for_mails()
        if self._count(LEFT):
            self.service.stop()
            for left in ("broker", "journals"):
                shutil.rmtree(self._database.parent / left, ignore_errors=True)
            _copy(self._kept, self._database)
            self.service.start()
        _copy(self._kept, self._database)  # also after a start, which gives staff another link
        for item in self._mailbox.iterdir():
            item.unlink()

    def close(self) -> None:
        self.service.close()

    def _wait_for_mails(self) -> None:
        ends = time.monotonic() + PATIENCE
        while self._count(ON_ITS_WAY) and time.monotonic() < ends:
            time.sleep(0.1)

    def _count(self, query: str) -> int:
        with closing(sqlite3.connect(self._database)) as connection:
            return int(connection.execute(query).fetchone()[0])


def _copy(source: Path, target: Path) -> None:
    """Page by page, in one transaction: those who have the target open see it changed at once."""
    with closing(sqlite3.connect(source)) as from_, closing(sqlite3.connect(target, timeout=20)) as to:
        from_.backup(to)
