"""Sending processes that end with SIGKILL at any moment, as machines do."""

import random
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from newsletter.delivery.models import DeliveryStatus
from newsletter.issues.models import IssueStatus
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions.models import SubscriptionStatus
from newsletter.transfer import imports
from tests.support.books import audit
from tests.support.bulk_sender import start_sender
from tests.support.newsroom import Newsroom
from tests.support.smtp_server import SmtpSink

READERS = 300
KILLS = 5
CONNECTIONS = 16  # between the dot and the reply there is one message on each
A_WHILE = timedelta(seconds=1)


def fill(newsroom: Newsroom, newsletter: Newsletter) -> set[str]:
    addresses = [f"reader{number:03}@poste.example" for number in range(READERS)]
    rows = [imports.Row(line, email, "", "fr", {}) for line, email in enumerate(addresses)]
    with newsroom.database.unit() as session:
        imports.import_rows(
            session,
            newsroom.here.signer,
            newsletter,
            rows,
            imports.Report(),
            status=SubscriptionStatus.ACTIVE,
            proof="test",
            actor="test",
            now=newsroom.now,
        )
    return set(addresses)


def test_processes_killed_at_any_moment_lose_nobody_and_repeat_only_what_they_say(
    newsroom: Newsroom, database_url: str, tmp_path: Path
) -> None:
    readers = fill(newsroom, newsletter := newsroom.newsletter())
    issue = newsroom.outgoing(newsletter)
    rng = random.Random(5)
    ahead = timedelta()
    with SmtpSink() as sink:
        for _ in range(KILLS):
            sender = start_sender(database_url, sink.url, tmp_path, ahead=ahead)
            sink.wait_for(len(sink.received) + rng.randint(5, 45))
            time.sleep(rng.uniform(0, 0.006))
            sender.kill()
            sender.join(10)
            assert audit(newsroom.database.engine) == []
            ahead += A_WHILE
        last = start_sender(database_url, sink.url, tmp_path, ahead=ahead)
        last.join(40)
        assert last.exitcode == 0
        received = list(sink.received)
    assert audit(newsroom.database.engine) == []
    assert set(newsroom.statuses(issue).values()) <= {DeliveryStatus.SENT, DeliveryStatus.UNKNOWN}
    assert newsroom.issue(issue).status is IssueStatus.SENT
    times = Counter(message.recipient for message in received)
    assert set(times) == readers
    repeated = {email for email, row in newsroom.deliveries(issue).items() if row.repeated}
    assert {email for email, count in times.items() if count > 1} <= repeated
    assert len(repeated) <= KILLS * CONNECTIONS
    # A repeated message is the same message: whoever gets both sees one.
    assert len({message.data for message in received}) == READERS
