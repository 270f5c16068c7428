"""The Celery application. Each setting stands here with its reason."""

from celery import Celery

from newsletter.core import jobs
from newsletter.core.settings import load_settings
from worker.schedule import SCHEDULE

settings = load_settings()

app = Celery(
    "worker",
    broker=settings.broker,
    include=[
        "worker.tasks.deliveries",
        "worker.tasks.domains",
        "worker.tasks.events",
        "worker.tasks.exchangers",
        "worker.tasks.feedback",
        "worker.tasks.feeds",
        "worker.tasks.issues",
        "worker.tasks.maintenance",
        "worker.tasks.pictures",
        "worker.tasks.preflight",
        "worker.tasks.reputation",
        "worker.tasks.subscriptions",
        "worker.tasks.transactional",
    ],
)
app.conf.update(
    # Every job is a hint whose truth is in the database, so there is nothing to return and no backend to run.
    task_ignore_result=True,
    # A job is acknowledged when it is done: a worker that is killed leaves it to another one. Every job may run twice
    # unharmed.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # Reserving jobs ahead would park a confirmation behind a running batch.
    worker_prefetch_multiplier=1,
    # A lost job is redelivered after a minute and a half; the sweeps find its work sooner. kombu looks for them every 5
    # s instead of about every 100 s.
    broker_transport_options={
        "visibility_timeout": 90,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        # redis-py 8 gives up reading after 5 s, which is shorter than the consumer's own wait.
        "socket_timeout": None,
        "socket_connect_timeout": 2,
    },
    # A broker that comes back after a minute must find its workers waiting, at the start as well as later.
    broker_connection_retry=True,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # A batch that takes longer than a worker is given to stop is handed back by the job itself, message by message.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_soft_shutdown_timeout=0,
    # Nothing reads these, and on a small machine each costs memory and wake-ups.
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    task_send_sent_event=False,
    # Logs are set up by newsletter.core.logs, alike for every process.
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    task_default_queue=jobs.PERIODIC,
    task_routes={name: {"queue": queue} for name, queue in jobs.QUEUES.items()},
    beat_schedule=SCHEDULE,
    # The schedule is five lines of code; its clock file only says when each ran last.
    beat_schedule_filename=str(settings.data_dir / "beat-schedule"),
    beat_max_loop_interval=5,
    timezone="UTC",
)
