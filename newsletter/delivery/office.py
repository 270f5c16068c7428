"""What a sending process works with, and what it has in hand."""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Protocol

from sqlalchemy.orm import Session

from newsletter.core.database import Database
from newsletter.delivery.claim import LEASE, Claim, Row
from newsletter.delivery.decide import Taken
from newsletter.delivery.gate import Gate
from newsletter.delivery.models import SkipReason
from newsletter.delivery.personalise import Prepared, Recipient


class Contents(Protocol):
    """Where the engine gets what a variant's messages share."""

    def prepared(self, session: Session, variant_id: int) -> Prepared: ...


class Recipients(Protocol):
    """Where the engine looks readers up, at the moment of sending."""

    def find_all(
        self,
        session: Session,
        subscriber_ids: Sequence[int],
        *,
        newsletter_id: int,
        issue_id: int,
        attributes: bool,
    ) -> Mapping[int, Recipient | SkipReason]: ...


class Review(Protocol):
    """What is to happen when deliveries of an issue have changed."""

    def __call__(self, session: Session, issue_id: int, *, now: datetime) -> object: ...


@dataclass(frozen=True, slots=True)
class Office:
    """What one sending process works with; `journals` is a directory of this machine."""

    database: Database
    contents: Contents
    recipients: Recipients
    gate: Gate
    review: Review
    journals: Path
    clock: Callable[[], datetime]
    rng: random.Random
    lease: timedelta = LEASE


@dataclass(slots=True, eq=False)
class Held:
    """A batch in our hands: `waiting` rows are not taken yet. `stopped`: nothing of it may begin any more. `opens_at`
    (monotonic): when there is a way for any of what waits.
    """

    claim: Claim
    waiting: deque[Row]
    in_hand: int = 0
    stopped: bool = False
    lost: bool = False
    opens_at: float = 0.0


@dataclass(slots=True, eq=False)
class InHand:
    """A delivery in `sending`, from the commit that took it to the commit that settles it."""

    delivery_id: int
    held: Held
    attempts: int
    repeated: bool
    reader: Recipient
    prepared: Prepared
    relay_id: int
    was_deferred: bool = False
    slot: int = -1
    unwritable: bool = False
    taken_at: float = field(default_factory=monotonic)

    def taken(self) -> Taken:
        batch = self.held.claim
        return Taken(self.delivery_id, self.attempts, self.repeated, batch.resend_unknown, batch.expires_at)
