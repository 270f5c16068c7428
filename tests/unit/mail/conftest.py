"""A server that takes everything, and each way to send, for each test that asks."""

from collections.abc import Iterator

import pytest

from newsletter.mail.transport import Transport
from tests.support.smtp_client import Mailer, PumpedTransport
from tests.support.smtp_server import SmtpSink


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


@pytest.fixture(params=[Transport, PumpedTransport])
def mailer(request: pytest.FixtureRequest) -> Mailer:
    return request.param  # type: ignore[no-any-return]
