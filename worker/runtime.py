"""What the jobs of one worker process share: the installation, connections to the relay, and whether the process is
stopping.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from celery.signals import worker_shutting_down

from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.installation import Installation, open_installation
from newsletter.core.settings import load_settings, relay_url
from newsletter.delivery.engine import Engine
from newsletter.delivery.gate import Gate
from newsletter.delivery.journal import JOURNALS
from newsletter.delivery.office import Office
from newsletter.issues import course
from newsletter.issues.contents import IssueContents
from newsletter.mail.pump import Pump
from newsletter.mail.transport import Relay, Timeouts, Transport
from newsletter.subscriptions.audience import Recipients

stopping = threading.Event()
rng = random.SystemRandom()


@worker_shutting_down.connect
def _stop(**_: object) -> None:
    stopping.set()


@lru_cache(maxsize=1)
def installation() -> Installation:
    """Opened at the first job of the process."""
    return open_installation(load_settings())


def relay() -> Relay:
    """Where mail goes; RefusedError when nothing says so."""
    url = relay_url(installation().settings)
    if not url:
        raise RefusedError("NEWSLETTER_SMTP_URL is not set: there is no relay to send mail through.")
    return Relay.parse(url)


@contextmanager
def transport(*, timeouts: Timeouts | None = None) -> Iterator[Transport]:
    """A connection to the relay for the length of one job."""
    with Transport(relay(), timeouts=timeouts or Timeouts()) as opened:
        yield opened


@lru_cache(maxsize=1)
def office() -> Office:
    """What the delivery engine of this process works with."""
    here = installation()
    return Office(
        database=here.database,
        contents=IssueContents(here),
        recipients=Recipients(here.links),
        gate=Gate(settings=here.settings, vault=here.vault, rng=rng),
        review=course.after_batch,
        journals=here.settings.data_dir / JOURNALS,
        clock=utc_now,
        rng=rng,
    )


def engine() -> Engine:
    """Raises OSError when the disk has no room for its journal."""
    return Engine(office(), Pump, stopping=stopping.is_set)
