"""Mail that somebody waits for."""

from newsletter.core import jobs
from newsletter.core.clock import utc_now
from newsletter.delivery import transactional
from newsletter.mail.transport import Timeouts
from worker import runtime
from worker.app import app
from worker.letters import writers

# Somebody waits: rather try again soon than hold the line for the ten minutes that RFC 5321 allows a server.
TIMEOUTS = Timeouts(connect=10, greeting=20, command=20, data=20, block=20, dot=45, transaction=60)


@app.task(name=jobs.SEND_TRANSACTIONAL)
def send(mail_id: int) -> None:
    _send([mail_id])


@app.task(name=jobs.SWEEP_TRANSACTIONAL)
def sweep() -> None:
    """Send what is due and was not woken: a wake-up was lost, a retry has come due, a worker has died."""
    with runtime.installation().database.reading() as session:
        mail_ids = transactional.due(session, now=utc_now())
    if mail_ids:
        _send(mail_ids)


def _send(mail_ids: list[int]) -> None:
    here = runtime.installation()
    with runtime.transport(timeouts=TIMEOUTS) as mailer:
        for mail_id in mail_ids:
            reachable = transactional.send_one(
                here.database,
                mail_id,
                writers=writers(here),
                mailer=mailer,
                secret=here.key("mail"),
                clock=utc_now,
                rng=runtime.rng,
            )
            if not reachable or runtime.stopping.is_set():
                return
