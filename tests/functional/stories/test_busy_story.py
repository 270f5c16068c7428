"""A reader signs up while a digest leaves for a whole town."""

import pytest

from tests.functional.stories.people import Newsroom

pytestmark = pytest.mark.timeout(240)

TOWN = 1500


def test_a_confirmation_does_not_wait_behind_a_digest(newsroom: Newsroom) -> None:
    town = newsroom.import_readers(TOWN)
    relay = newsroom.service.relay
    late = newsroom.reader("ama")

    # The relay keeps every copy of the digest waiting; it will never get through as fast as the workers could send.
    relay.slow_down(only_to=lambda recipient: recipient != late.email)
    issue = newsroom.send_digest()["issue"]
    relay.let_through(20)
    newsroom.service.eventually(lambda: newsroom.issue(issue)["deliveries"]["sent"] >= 20)

    # Ama's confirmation overtakes them all, and so does her welcome to the town.
    late.join()
    counts = newsroom.issue(issue)["deliveries"]
    assert counts["queued"] > TOWN / 2
    relay.hurry()
    newsroom.wait_until(issue, "sent")
    assert all(len(reader.mails) == 1 for reader in town[:: TOWN // 50])
    assert len(late.mails) == 1
