"""What a check finds: a key that `wording` puts into words, how bad it is, figures, and where."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

MOST_PLACES: Final = 5
LONGEST_PLACE: Final = 120  # characters


class Level(StrEnum):
    """Fatal: it is not sent like that, unless an owner says so. Warning: look at it. Notice: good to know."""

    FATAL = "fatal"
    WARNING = "warning"
    NOTICE = "notice"


ORDER: Final = tuple(Level)


@dataclass(frozen=True, slots=True)
class Finding:
    """`params`: figures and names that stand in the sentence. `where`: at most five places, each in the words of the
    message itself: a link's text, an address, the beginning of a sentence.
    """

    key: str
    level: Level
    params: Mapping[str, Any] = field(default_factory=dict)
    where: tuple[str, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """As it is kept and answered: plain values."""
        return {"key": self.key, "level": self.level.value, "params": dict(self.params), "where": list(self.where)}


def from_document(document: Mapping[str, Any]) -> Finding:
    """The finding that `as_document` made."""
    return Finding(document["key"], Level(document["level"]), document["params"], tuple(document["where"]))


def found(key: str, level: Level, where: str = "", **params: Any) -> Finding:
    """A finding in one place."""
    return Finding(key, level, params, (place(where),) if where else ())


def all_of(key: str, level: Level, places: Sequence[str], **params: Any) -> list[Finding]:
    """One finding for all places where the same is wrong; none when there is none."""
    if not places:
        return []
    shown = tuple(dict.fromkeys(place(item) for item in places))[:MOST_PLACES]
    return [Finding(key, level, {"count": len(places), **params}, shown)]


def place(text: str) -> str:
    """A place as a page and a terminal can show it: one short line."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text[: LONGEST_PLACE * 4]).split())
    return line if len(line) <= LONGEST_PLACE else f"{line[: LONGEST_PLACE - 1]}…"


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """The same list without repetitions, the worst first. What several forms of an issue have alike is said once."""
    kept = {(item.key, item.level, item.where, _frozen(item.params)): item for item in findings}
    return sorted(kept.values(), key=lambda item: ORDER.index(item.level))


def counted(findings: Iterable[Finding]) -> dict[Level, int]:
    """How many there are of each level."""
    counts = Counter(item.level for item in findings)
    return {level: counts[level] for level in ORDER}


def fatal(findings: Iterable[Finding]) -> list[Finding]:
    return [item for item in findings if item.level is Level.FATAL]


def _frozen(params: Mapping[str, Any]) -> str:
    return repr(sorted(params.items()))
