"""Each way to send, and a pump, for each test that asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.mail.pump import Pump
from newsletter.mail.transport import Transport
from tests.support.certificates import Authority
from tests.support.pumping import Clock
from tests.support.smtp_client import FAST, Mailer, PumpedTransport


@pytest.fixture(params=[Transport, PumpedTransport])
def mailer(request: pytest.FixtureRequest) -> Mailer:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pump(clock: Clock) -> Iterator[Pump]:
    pump = Pump(leaving=lambda parcel: None, timeouts=FAST, clock=clock)
    yield pump
    pump.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(Path(tmp_path_factory.mktemp("tls")))
