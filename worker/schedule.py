"""Every periodic job. The sweeps find work whose wake-up was lost; a job of a schedule expires when the next one is
sent.
"""

from typing import Any

from newsletter.core import jobs


def every(seconds: float, job: str) -> dict[str, Any]:
    """Beat goes on sending while workers are away: what is older than one period is dropped, or they would wake to a
    heap.
    """
    return {"task": job, "schedule": seconds, "options": {"expires": seconds, "queue": jobs.QUEUES[job]}}


SCHEDULE = {
    job: every(seconds, job)
    for job, seconds in (
        (jobs.SWEEP_TRANSACTIONAL, 5.0),
        (jobs.SWEEP_BATCHES, 5.0),
        (jobs.RUN_SCHEDULES, 10.0),
        (jobs.LOOK_UP_EXCHANGERS, 60.0),
        (jobs.SWEEP_PICTURES, 30.0),
        (jobs.SWEEP_FEEDS, 30.0),
        (jobs.SWEEP_INBOUND, 10.0),
        (jobs.REVIEW_REPUTATION, 60.0),
        (jobs.CHECK_DOMAINS, 1800.0),
        (jobs.FOLD_EVENTS, 15.0),
        (jobs.SWEEP_BULK, 30.0),
        (jobs.FOLD_COUNTS, 60.0),
        (jobs.TIDY_UP, 3600.0),
    )
}
