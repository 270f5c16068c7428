"""A relay that is down, refuses, or drops the line loses nothing: mail waits and goes out later."""

import pytest

from tests.functional.stories.people import Newsroom

pytestmark = pytest.mark.timeout(300)


def test_a_confirmation_waits_for_a_relay_that_is_down(newsroom: Newsroom) -> None:
    relay = newsroom.service.relay
    relay.down = True
    kofi = newsroom.reader("kofi")
    assert kofi.subscribe().status == 200
    tried = len(relay.conversations)
    newsroom.service.eventually(lambda: len(relay.conversations) > tried)
    assert not kofi.mails
    relay.down = False
    kofi.wait_for_mail(1)
    assert kofi.confirm().status == 200


def test_a_digest_waits_for_a_relay_that_is_down(newsroom: Newsroom) -> None:
    readers = newsroom.import_readers(3)
    relay = newsroom.service.relay
    relay.down = True
    tried = len(relay.conversations)
    issue = newsroom.send_digest()["issue"]
    newsroom.service.eventually(lambda: len(relay.conversations) > tried)
    waiting = newsroom.issue(issue)
    assert waiting["status"] == "sending"
    assert waiting["deliveries"]["sent"] == waiting["deliveries"]["failed"] == 0
    relay.down = False
    assert newsroom.wait_until(issue, "sent")["deliveries"]["sent"] == 3
    assert [len(reader.mails) for reader in readers] == [1, 1, 1]


def test_a_reader_whom_the_relay_refuses_holds_up_nobody(newsroom: Newsroom) -> None:
    gone, *others = newsroom.import_readers(3)
    newsroom.service.relay.refuse[gone.email] = "550 5.1.1 no such user"
    counts = newsroom.wait_until(newsroom.send_digest()["issue"], "sent")["deliveries"]
    assert (counts["failed"], counts["sent"]) == (1, 2)
    assert [len(reader.mails) for reader in others] == [1, 1]


@pytest.mark.travels
def test_what_is_deferred_or_uncertain_goes_out_later(newsroom: Newsroom) -> None:
    *others, greylisted = newsroom.import_readers(4)
    relay = newsroom.service.relay
    relay.refuse_once[greylisted.email] = "451 4.7.1 come back later"
    relay.drop_before_dot = relay.drop_after_dot = 1
    issue = newsroom.send_digest()["issue"]
    newsroom.service.eventually(lambda: newsroom.issue(issue)["deliveries"]["deferred"] == 3)
    assert newsroom.issue(issue)["status"] == "sending"
    assert not greylisted.mails

    newsroom.service.travel(hours=0.5)
    assert newsroom.wait_until(issue, "sent")["deliveries"]["sent"] == 4
    assert len(greylisted.mails) == 1

    # Two lines broke before an answer. One message had been taken: it came again, the same to the last byte.
    assert sorted(len(reader.mails) for reader in others) == [1, 1, 2]
    twice = next(reader for reader in others if len(reader.mails) == 2)
    assert twice.mails[0].raw == twice.mails[1].raw
