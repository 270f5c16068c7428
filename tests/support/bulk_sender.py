"""A sending process of its own, that a test may kill at any moment."""

import time
from datetime import datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

from newsletter.core.database import open_database
from newsletter.core.installation import Installation
from newsletter.delivery.engine import Engine
from newsletter.mail.pump import Pump
from tests.support.newsroom import NOW, Newsroom, install
from tests.support.processes import PROCESSES


class RunningNewsroom(Newsroom):
    """One whose clock runs."""

    def __init__(self, installation: Installation, started_at: datetime) -> None:
        super().__init__(installation)
        self._started_at, self._started = started_at, time.monotonic()

    def advance(self, **duration: float) -> None:
        self._started_at += timedelta(**duration)

    def clock(self) -> datetime:
        return self._started_at + timedelta(seconds=time.monotonic() - self._started)


def start_sender(database_url: str, smtp_url: str, data_dir: Path, *, ahead: timedelta) -> BaseProcess:
    """Send what is due in a new process, in which it is `ahead` later than NOW."""
    process = PROCESSES.Process(target=_send, args=(database_url, smtp_url, data_dir, ahead), daemon=True)
    process.start()
    return process


def _send(database_url: str, smtp_url: str, data_dir: Path, ahead: timedelta) -> None:
    here = install(open_database(database_url), data_dir, smtp_url=smtp_url)
    newsroom = RunningNewsroom(here, NOW + ahead)
    Engine(newsroom.office(), Pump, stopping=lambda: False).run()
