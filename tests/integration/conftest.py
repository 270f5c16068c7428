"""What tests of sending share: a newsletter, a connection to a relay that takes everything, and an auditor."""

from collections.abc import Iterator

import pytest

from newsletter.mail.transport import Relay, Transport
from newsletter.newsletters.models import Newsletter
from tests.support.books import audited
from tests.support.mailers import QUICK
from tests.support.newsroom import Newsroom
from tests.support.smtp_server import SmtpSink


@pytest.fixture
def books(newsroom: Newsroom) -> Iterator[None]:
    """The ledger is audited after every commit of the test."""
    with audited(newsroom.database):
        yield


@pytest.fixture
def gazette(newsroom: Newsroom) -> Newsletter:
    return newsroom.newsletter()


@pytest.fixture
def relay(sink: SmtpSink) -> Iterator[Transport]:
    with Transport(Relay.parse(sink.url), timeouts=QUICK) as opened:
        yield opened
