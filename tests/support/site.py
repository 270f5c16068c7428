"""An installation on servers of its own, with as many readers as wanted: what benchmarks and crash tests run on."""

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, bindparam, text

from newsletter.core.columns import UtcDateTime
from newsletter.core.database import open_engine
from newsletter.delivery.models import DeliveryStatus
from tests.support.postgres import PostgresServer, own_postgres
from tests.support.service import MANY_PROCESSES, ONE_MACHINE, Service
from tests.support.valkey import ValkeyServer, own_valkey
from tests.support.workers import Workers

SLUG = "gazette"
FREEZE = 300.0  # seconds that a freeze may take
LAST_WAVE = 9  # or later
DOMAIN = "gazette.example"
PROVIDERS = 20  # domains that the readers' addresses are spread over
COUNTS: Final = ", ".join(f"coalesce(sum({status.value}), 0)" for status in DeliveryStatus)
# Alike on SQLite and PostgreSQL, and a million rows in seconds.
NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count) "
SUBSCRIBERS = f"""{NUMBERS}
INSERT INTO subscribers (email, email_key, domain, name, language, attributes, created_at)
SELECT name || '@' || domain, name || '@' || domain, domain, 'Reader ' || n, 'fr', '{{}}', :now
FROM (SELECT n, 'reader' || n AS name, 'mail' || (n % {PROVIDERS}) || '.example' AS domain FROM numbers) AS readers"""
SUBSCRIPTIONS = """
INSERT INTO subscriptions (subscriber_id, newsletter_id, status, created_at, confirmed_at)
SELECT subscribers.id, newsletters.id, 'active', :now, :now FROM subscribers, newsletters"""


class Site:
    """`postgres` is None on SQLite. The newsletter is there; readers are not."""

    def __init__(self, service: Service, postgres: PostgresServer | None, broker: ValkeyServer | None) -> None:
        self.service = service
        self.postgres = postgres
        self.broker = broker
        self.data_dir = Path(service.environment["NEWSLETTER_DATA_DIR"])
        self.engine = self._open_engine()

    def prepare(self, *, keys: str = "both") -> None:
        """Tables and a newsletter, which is signed by `both` keys, by the `rsa` key alone, or not at all."""
        self.service.command("db", "upgrade")
        if not keys:
            statement = "INSERT INTO sender_domains (domain, created_at) VALUES (:domain, :now)"
            with self.engine.begin() as connection:
                connection.execute(_with_now(statement), {"domain": DOMAIN, "now": self.service.now})
        name = ("--name", "La Gazette", "--from", f"desk@{DOMAIN}")
        self.service.command("newsletters", "create", SLUG, *name)
        if keys == "rsa":
            with self.engine.begin() as connection:
                connection.execute(text("DELETE FROM signing_keys WHERE algorithm <> 'rsa-sha256'"))

    def fill(self, readers: int) -> None:
        """So many active readers, `reader1@mail1.example` and so on, by set-based SQL."""
        now = {"now": self.service.now}
        with self.engine.begin() as connection:
            connection.execute(_with_now(SUBSCRIBERS), {"count": readers, **now})
            connection.execute(_with_now(SUBSCRIPTIONS), now)
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))

    def write(self, stories: int, *, words: int = 40) -> None:
        """So many new articles."""
        path = self.service.directory / "article.md"
        for _story in range(stories):
            stamp = f"{time.time_ns()}"
            # Words of its own: articles that say nearly the same are one story.
            rng = random.Random(stamp)
            sentence = " ".join("".join(rng.choices("aeioulmnrstdp", k=5)) for _word in range(words))
            path.write_text(f"# Le marché de Kpessi rouvre ce matin, {stamp[-9:]}\n\n{stamp}. {sentence}.\n")
            address = f"https://{DOMAIN}/articles/{stamp}/le-marche-de-kpessi-rouvre-ce-matin"
            self.service.command("articles", "add", str(path), "--newsletter", SLUG, "--url", address)

    def send(self) -> int:
        """Send what is new; the issue's id."""
        answer = self.service.ask("digest", "send", SLUG)
        assert answer["sent"], answer
        return int(answer["issue"])

    def open_waves(self, issue_id: int) -> None:
        """Wait for the freeze, and let all waves go at once instead of each when the one before is done."""
        wait_for(lambda: sum(self.counts(issue_id).values()), FREEZE, poll=0.01, why=lambda: self.service.log)
        with self.engine.begin() as connection:
            connection.execute(text(f"UPDATE issues SET wave = {LAST_WAVE} WHERE id = :id"), {"id": issue_id})
            statement = "UPDATE batches SET due_at = :now WHERE issue_id = :id AND due_at IS NULL AND queued > 0"
            connection.execute(_with_now(statement), {"id": issue_id, "now": self.service.now})

    def counts(self, issue_id: int) -> dict[str, int]:
        """How many deliveries are in each state, by one short query."""
        with self.engine.connect() as connection:
            row = connection.execute(text(f"SELECT {COUNTS} FROM batches WHERE issue_id = :id"), {"id": issue_id}).one()
        return dict(zip((status.value for status in DeliveryStatus), map(int, row), strict=True))

    def status(self, issue_id: int) -> str:
        with self.engine.connect() as connection:
            found = connection.execute(text("SELECT status FROM issues WHERE id = :id"), {"id": issue_id})
            return str(found.scalar_one())

    def finished_at(self, issue_id: int) -> datetime:
        """When it was called sent."""
        query = text("SELECT finished_at FROM issues WHERE id = :id").columns(finished_at=UtcDateTime())
        with self.engine.connect() as connection:
            return connection.execute(query, {"id": issue_id}).scalar_one()

    def workers(self, roles: Sequence[tuple[str, ...]]) -> Workers:
        """Not started yet; they share this site's settings, log and clock."""
        return Workers(self.service.environment, self.service.directory / "service.log", roles)

    def pass_time(self, **duration: float) -> None:
        """What starts from now on lives so much later."""
        shift = float(self.service.environment.get("TEST_TIME_SHIFT", "0")) + timedelta(**duration).total_seconds()
        self.service.environment["TEST_TIME_SHIFT"] = str(shift)

    def close(self) -> None:
        self.engine.dispose()
        self.service.close()

    def _open_engine(self) -> Engine:
        return open_engine(self.service.environment.get("NEWSLETTER_DATABASE_URL") or self._sqlite())

    def _sqlite(self) -> str:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{self.data_dir / 'newsletter.db'}"


@contextmanager
def site(smtp_url: str, *, sqlite: bool = False, data_dir: Path | None = None) -> Iterator[Site]:
    """A site that mails to this relay: on PostgreSQL that waits for the disk and Valkey, with no process of ours
    running; with `sqlite`, one that `newsletter up` can be started for.
    """
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="site")))
        settings = {"SMTP_URL": smtp_url, "LOG_LEVEL": "warning"}
        settings["DATA_DIR"] = str(data_dir or directory / "data")
        server = broker = None
        if not sqlite:
            server, broker = stack.enter_context(own_postgres()), stack.enter_context(own_valkey())
            settings |= {"DATABASE_URL": server.url, "BROKER_URL": broker.url}
        here = Site(Service(directory, ONE_MACHINE if sqlite else MANY_PROCESSES, settings), server, broker)
        stack.callback(here.close)
        yield here


def wait_for(fact: Callable[[], Any], patience: float, *, poll: float = 0.05, why: Callable[[], str] = str) -> Any:
    """What `fact` returns as soon as it is something; fails with `why()` when that takes longer than `patience` s."""
    ends = time.monotonic() + patience
    while not (found := fact()):
        assert time.monotonic() < ends, f"it did not happen in {patience:.0f} s: {why()}"
        time.sleep(poll)
    return found


def _with_now(statement: str) -> Any:
    return text(statement).bindparams(bindparam("now", type_=UtcDateTime()))


def shown(value: Any) -> str:
    """A value for a message about what went wrong."""
    return json.dumps(value, default=str)
