"""A server that takes everything, for each test that asks."""

from collections.abc import Iterator

import pytest

from tests.support.smtp_server import SmtpSink


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink
