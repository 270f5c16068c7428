"""Where a link of a message leads, and whether following it is counted."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.database import Database
from newsletter.core.tokens import Signer
from newsletter.core.urls import CLICK, OPEN, SEAM, WHOSE
from newsletter.newsletters.models import Measure
from newsletter.tracking.models import PIXEL, IssueLink, IssueMeasure

COUNTED_FOR: Final = timedelta(days=400)  # from the freeze on; links lead on for ever
MOST_KEPT: Final = 5000  # links of which a process remembers where they lead


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a token says. `number` 0: the pixel; `issue_id` 0: for trying; `delivery_id` 0: nobody knows whose it is."""

    issue_id: int
    number: int
    delivery_id: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where it leads (nowhere for a pixel), and what is measured of it. Both never change after the freeze."""

    url: str
    newsletter_id: int
    measure: Measure
    frozen_at: datetime

    def counts(self, now: datetime) -> bool:
        return self.measure is not Measure.OFF and now < self.frozen_at + COUNTED_FOR


def read_click(signer: Signer, token: str) -> Pointer | None:
    """What the token of a link says; None for one that is not ours, whole or in part."""
    link, seam, whose = token.partition(SEAM)
    numbers = _read(signer, CLICK, link, 2)
    delivery_id = _whose(signer, seam, whose)
    return None if numbers is None or delivery_id is None else Pointer(numbers[0], numbers[1], delivery_id)


def read_open(signer: Signer, token: str) -> Pointer | None:
    """The same of the pixel."""
    issue, seam, whose = token.partition(SEAM)
    numbers = _read(signer, OPEN, issue, 1)
    delivery_id = _whose(signer, seam, whose)
    return None if numbers is None or delivery_id is None else Pointer(numbers[0], PIXEL, delivery_id)


def _whose(signer: Signer, seam: str, whose: str) -> int | None:
    """The delivery of the second half, 0 where there is none, None where it is not ours."""
    if not seam:
        return 0
    numbers = _read(signer, WHOSE, whose, 1)
    return numbers[0] if numbers else None


def _read(signer: Signer, purpose: str, token: str, count: int) -> tuple[int, ...] | None:
    """The numbers of a token, to the last letter as it was signed: in base64 some letters have bits to spare."""
    numbers = signer.read(purpose, token, count)
    return numbers if numbers is not None and signer.sign(purpose, *numbers) == token else None


class Targets:
    """Where links lead, remembered by the process: a link is followed again and again while its issue is new."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[tuple[int, int], Target] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, pointer: Pointer) -> Target | None:
        """None for a link that no issue has."""
        key = (pointer.issue_id, pointer.number)
        with self._lock:
            if found := self._kept.get(key):
                self._kept.move_to_end(key)
                return found
        with self._database.reading() as session:
            found = _target(session, *key)
        if found is not None:
            with self._lock:
                self._kept[key] = found
                if len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
        return found


def _target(session: Session, issue_id: int, number: int) -> Target | None:
    measured = session.get(IssueMeasure, issue_id)
    if measured is None:
        return None
    if number == PIXEL:
        return Target("", measured.newsletter_id, measured.opens, measured.frozen_at)
    url = session.scalar(select(IssueLink.url).where(IssueLink.issue_id == issue_id, IssueLink.number == number))
    return Target(url, measured.newsletter_id, measured.clicks, measured.frozen_at) if url else None
