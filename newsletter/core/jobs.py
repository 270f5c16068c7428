"""Waking a worker after a commit.

The broker carries hints, the database holds the truth: a job has ids only, may run twice, and one that was lost is
found by a periodic sweep. So nothing fails here when the broker is away; it is logged and the sweep does the work a
little later.
"""

import logging
from dataclasses import dataclass
from typing import Final

from celery import Celery
from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

FAST: Final = "fast"
BULK: Final = "bulk"
PERIODIC: Final = "periodic"
OUTSIDE: Final = "outside"  # what waits for servers that are not ours

SEND_TRANSACTIONAL: Final = "transactional.send"
SWEEP_TRANSACTIONAL: Final = "transactional.sweep"
SEND_BATCHES: Final = "deliveries.send"
SWEEP_BATCHES: Final = "deliveries.sweep"
RUN_SCHEDULES: Final = "issues.run_schedules"
DISPATCH_ISSUE: Final = "issues.dispatch"
CHECK_ISSUE: Final = "issues.check"
COUNT_DOMAINS: Final = "issues.count_domains"
LOOK_UP_EXCHANGERS: Final = "exchangers.look_up"
FETCH_PICTURES: Final = "pictures.fetch"
SWEEP_PICTURES: Final = "pictures.sweep"
POLL_FEEDS: Final = "feeds.poll"
SWEEP_FEEDS: Final = "feeds.sweep"
READ_INBOUND: Final = "feedback.read"
SWEEP_INBOUND: Final = "feedback.sweep"
POLL_MAILBOXES: Final = "feedback.poll"
REVIEW_REPUTATION: Final = "reputation.review"
CHECK_DOMAINS: Final = "domains.check"
FOLD_EVENTS: Final = "events.fold"
RUN_BULK: Final = "subscriptions.run_bulk"
READ_FILE: Final = "subscriptions.read_file"
SWEEP_BULK: Final = "subscriptions.sweep"
FOLD_COUNTS: Final = "subscriptions.fold_counts"
TIDY_UP: Final = "maintenance.tidy_up"

# Every job and the queue it waits in. A queue of its own keeps a confirmation from waiting behind a digest.
QUEUES: Final = {
    SEND_TRANSACTIONAL: FAST,
    SWEEP_TRANSACTIONAL: FAST,
    SEND_BATCHES: BULK,
    SWEEP_BATCHES: PERIODIC,
    RUN_SCHEDULES: PERIODIC,
    DISPATCH_ISSUE: BULK,
    CHECK_ISSUE: OUTSIDE,
    COUNT_DOMAINS: PERIODIC,
    LOOK_UP_EXCHANGERS: PERIODIC,
    FETCH_PICTURES: OUTSIDE,
    SWEEP_PICTURES: PERIODIC,
    POLL_FEEDS: OUTSIDE,
    SWEEP_FEEDS: PERIODIC,
    READ_INBOUND: FAST,
    SWEEP_INBOUND: PERIODIC,
    POLL_MAILBOXES: OUTSIDE,
    REVIEW_REPUTATION: PERIODIC,
    CHECK_DOMAINS: PERIODIC,
    FOLD_EVENTS: PERIODIC,
    RUN_BULK: BULK,
    READ_FILE: BULK,
    SWEEP_BULK: PERIODIC,
    FOLD_COUNTS: PERIODIC,
    TIDY_UP: PERIODIC,
}


@dataclass(frozen=True, slots=True)
class Wake:
    job: str
    ids: tuple[int, ...]


def wake(session: Session, job: str, *ids: int) -> None:
    """Ask for a job to be sent when the session's unit has committed; the same job with the same ids is sent once."""
    asked = session.info.setdefault("wakes", {})
    asked[Wake(job, ids)] = None


def collected(session: Session) -> list[Wake]:
    """The wakes asked for in a session, which are then forgotten."""
    return list(session.info.pop("wakes", {}))


class Broker:
    """Sends jobs; knows their names and queues, never their code."""

    def __init__(self, url: str) -> None:
        self._celery = Celery("newsletter", broker=url, set_as_current=False)
        self._celery.conf.update(
            task_ignore_result=True,
            broker_connection_timeout=1,
            broker_transport_options={"socket_connect_timeout": 1, "socket_timeout": 3, "max_retries": 0},
        )

    def send(self, wakes: list[Wake]) -> None:
        for item in wakes:
            try:
                self._celery.send_task(item.job, args=item.ids, queue=QUEUES[item.job], retry=False)
            except Exception as error:  # noqa: BLE001 - whatever a broker client raises, the row is committed and the sweep finds it
                log.warning("could not wake %s %s, the next sweep will: %s", item.job, item.ids, type(error).__name__)
                return

    def reachable(self) -> bool:
        """Whether the broker answers within a second."""
        try:
            with self._celery.connection_for_write() as connection:
                connection.ensure_connection(max_retries=0, timeout=1)
        except Exception:  # noqa: BLE001 - the question is only whether it answers
            return False
        return True
