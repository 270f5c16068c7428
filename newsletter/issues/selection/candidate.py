"""What selection knows of an article, and what it says about one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """LATER: no room this time; it is looked at again."""

    IN = "in"
    OUT = "out"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An article that a digest may hold. `story_id` is the same for all that tell one story; `languages` are those it
    can be read in; `text` is searched for keywords. `told`: a digest of this cadence has had the story, which changed
    since.
    """

    article_id: int
    story_id: int
    title: str
    placed_at: datetime
    language: str
    languages: frozenset[str] = frozenset()
    text: str = ""
    topic_id: int | None = None
    topic: str = ""
    author: str = ""
    source: str = ""
    published_at: datetime | None = None
    pin: int | None = None
    pinned_by: str = ""
    boost: float = 0.0
    embargo_until: datetime | None = None
    expires_at: datetime | None = None
    reserve: bool = False
    told: bool = False


@dataclass(frozen=True, slots=True)
class PoolItem:
    """An article in the pool of an issue, as picking for a reader needs it."""

    article_id: int
    story_id: int
    section: str | None = None
    pinned: bool = False
    languages: frozenset[str] = frozenset()
    topic_id: int | None = None
    author: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What was decided about an article. `reason` is `{"code": ..., figures}`, see `reasons`; `position` counts those
    that are in.
    """

    article_id: int
    verdict: Verdict
    reason: Mapping[str, Any]
    section: str | None = None
    position: int | None = None
