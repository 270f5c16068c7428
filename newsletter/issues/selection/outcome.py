"""What comes of a run, and what it decides about articles."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from newsletter.issues.selection.candidate import Ruling, Verdict
from newsletter.issues.selection.choose import Selection
from newsletter.issues.selection.rules import Rules, TooLittle


class RunOutcome(StrEnum):
    """What came of a digest run. MISSED and MERGED leave their articles to the next one, and so does PART, an issue for
    some of the readers of its cadence: what the others did not get is still new to them.
    """

    ISSUE = "issue"
    PART = "part"
    NOTHING = "nothing"
    TOO_LITTLE = "too_little"
    MERGED = "merged"
    MISSED = "missed"


class Missed(StrEnum):
    """Why an hour brought no issue, though what was new by then comes later: nobody was there until it was too late, or
    until another hour had come; or somebody had sent by hand what there was.
    """

    LATE = "late"
    OVERTAKEN = "overtaken"
    CLOSED = "closed"


CLOSING = (RunOutcome.ISSUE, RunOutcome.NOTHING, RunOutcome.TOO_LITTLE)  # after these the next window begins
HELD = "held"  # the reason of a run whose issue waits for an editor


def outcome_of(
    chosen: Selection, rules: Rules, *, draft_anyway: bool = False
) -> tuple[RunOutcome, dict[str, Any] | None]:
    """What comes of a run, and why no issue that leaves by itself does. `draft_anyway`: an editor who presses the
    button sees a draft of whatever there is.
    """
    if not chosen.pool:
        return RunOutcome.NOTHING, {"code": "nothing", "candidates": len(chosen.rulings)}
    if chosen.enough or draft_anyway:
        return RunOutcome.ISSUE, None
    figures = {"found": chosen.found, "count": rules.minimum}
    match rules.too_little:
        case TooLittle.HOLD:
            return RunOutcome.ISSUE, {"code": HELD, **figures}
        case TooLittle.MERGE:
            return RunOutcome.MERGED, {"code": "merged", **figures}
    return RunOutcome.TOO_LITTLE, {"code": "too_little", **figures}


def settled(rulings: Sequence[Ruling], outcome: RunOutcome, reason: Mapping[str, Any] | None) -> list[Ruling]:
    """What a run has decided, as it is kept. One that was merged into the next has decided nothing; one that was
    skipped is done with what it would have held.
    """
    if outcome in (RunOutcome.MERGED, RunOutcome.MISSED):
        return []
    if outcome is not RunOutcome.TOO_LITTLE:
        return list(rulings)
    return [
        replace(ruling, verdict=Verdict.OUT, reason=dict(reason or {}), position=None)
        if ruling.verdict is Verdict.IN
        else replace(ruling, position=None)
        for ruling in rulings
    ]
