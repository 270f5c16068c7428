"""Everything around the senders breaks while an issue goes out. `python -m benchmarks.crash` does it at length."""

import random
from pathlib import Path

import pytest

from tests.support.logged_relay import LoggedRelay
from tests.support.site import site
from tests.support.small_disk import small_disk
from tests.support.storm import EVENTS, LOG, Storm

READERS = 1500
KILLS = 5
RATE = 400.0  # messages per second, so that accidents find the senders at work
PATIENCE = 12.0  # seconds without a message until time is passed: longer than a start and a sweep


@pytest.mark.xdist_group("crashes")
@pytest.mark.timeout(300)
def test_whatever_breaks_nobody_is_left_out_and_who_may_have_it_twice_is_listed(tmp_path: Path) -> None:
    with (
        LoggedRelay(tmp_path / "taken", rate=RATE) as relay,
        small_disk() as disk,
        site(relay.url, data_dir=disk.path / "data") as here,
    ):
        here.prepare(keys="")
        here.fill(READERS)
        here.write(1)
        storm = Storm(here, relay, disk, random.Random(3), patience=PATIENCE)
        verdict = storm.send(storm.accidents(EVENTS, KILLS))
        assert verdict.wrong == [], here.service.log[-LOG:]
        assert verdict.messages == READERS
        # Each accident leaves doubt about no more than what was in hand.
        assert verdict.repeated < READERS / 5
