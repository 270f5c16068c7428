"""What other rules or hours would have changed: two replays of the same weeks beside each other, and in words."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from difflib import SequenceMatcher
from typing import Any

from sqlalchemy.orm import Session

from newsletter.core.i18n import current_locale, format_datetime, format_number, ngettext
from newsletter.core.i18n import gettext as _
from newsletter.issues import pool, runs
from newsletter.issues.replay import WEEKS, Replay, Run, own_hours, read_weeks, simulate
from newsletter.issues.selection.candidate import Ruling, Verdict
from newsletter.issues.selection.reasons import in_words as why
from newsletter.issues.selection.rules import Rules
from newsletter.newsletters.models import Newsletter, Schedule


@dataclass(frozen=True, slots=True)
class Sum:
    """All runs of a replay together: `articles` counts each in every issue that it was in."""

    runs: int
    issues: int
    articles: int

    @classmethod
    def of(cls, found: Replay) -> "Sum":
        sizes = [len(run.articles) for run in found.runs if run.sends]
        return cls(runs=len(found.runs), issues=len(sizes), articles=sum(sizes))

    @property
    def empty(self) -> int:
        """Runs of which no issue came."""
        return self.runs - self.issues

    @property
    def mean(self) -> float:
        """Articles in an issue."""
        return self.articles / self.issues if self.issues else 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """One hour that would have been another: `before` or `after` is None where there was no run. The lists hold ids of
    articles, each in the order of its issue; `moved` ones stand at another place or in another section.
    """

    due_at: datetime
    before: Run | None
    after: Run | None
    came: tuple[int, ...]
    went: tuple[int, ...]
    moved: tuple[int, ...]

    @property
    def appears(self) -> bool:
        """Whether an issue would have left where none did."""
        return _sends(self.after) and not _sends(self.before)

    @property
    def disappears(self) -> bool:
        return _sends(self.before) and not _sends(self.after)

    @property
    def differs(self) -> bool:
        return bool(self.came or self.went or self.moved) or _kind(self.before) != _kind(self.after)


@dataclass(frozen=True, slots=True)
class Difference:
    """`changes`: the hours at which something differs. `gained` and `lost`: articles that no issue had before, or none
    has after; others have only changed their hour.
    """

    begin: datetime
    before: Sum
    after: Sum
    changes: tuple[Change, ...]
    gained: frozenset[int]
    lost: frozenset[int]
    silent: bool
    kept_out_by: str
    titles: Mapping[int, str]


def compare(before: Replay, after: Replay) -> Difference:
    """Two replays of the same weeks; runs are the same where their hours are."""
    was, is_ = ({run.hour.due_at: run for run in found.runs} for found in (before, after))
    changes = (_change(due_at, was.get(due_at), is_.get(due_at)) for due_at in sorted({*was, *is_}))
    return Difference(
        begin=after.begin,
        before=Sum.of(before),
        after=Sum.of(after),
        changes=tuple(change for change in changes if change.differs),
        gained=frozenset(after.sent - before.sent),
        lost=frozenset(before.sent - after.sent),
        silent=after.silent,
        kept_out_by=_most_frequent(after) if after.silent else "",
        titles={**before.titles, **after.titles},
    )


def rehearsed(
    session: Session,
    newsletter: Newsletter,
    schedule: Schedule,
    rules: Rules | None,
    *,
    rule: str | None = None,
    weeks: int = WEEKS,
    now: datetime,
) -> Difference:
    """What other rules, or hours by another rule, would have changed in a cadence's past weeks; None: those in force.

    RefusedError: the rule makes no sense, or the weeks hold too much for one look.
    """
    found = read_weeks(session, newsletter, schedule, weeks=weeks, now=now)
    in_force = pool.rules_of(newsletter, schedule)
    hours = own_hours(session, newsletter, schedule, begin=found.begin, until=now)
    others = own_hours(session, newsletter, schedule, begin=found.begin, until=now, rule=rule) if rule else hours
    return compare(simulate(found, in_force, hours), simulate(found, rules or in_force, others))


def summary(found: Difference) -> list[str]:
    """The sum of it in a few sentences."""
    if not found.before.runs and not found.after.runs:
        return [_("There was no run in these weeks, so there is nothing to compare.")]
    lines = []
    if found.silent:
        lines.append(_("Not one article would have been sent: %(why)s", why=found.kept_out_by))
    if not found.changes:
        return [*lines, _("Nothing would have been different.")]
    was, is_ = found.before, found.after
    lines += [
        _("Issues: %(after)s instead of %(before)s", **_pair(was.issues, is_.issues)),
        _("Runs without an issue: %(after)s instead of %(before)s", **_pair(was.empty, is_.empty)),
        _("Articles sent: %(after)s instead of %(before)s", **_pair(was.articles, is_.articles)),
        _("Articles in an issue: %(after)s instead of %(before)s", before=_mean(was.mean), after=_mean(is_.mean)),
    ]
    if found.lost:
        lines.append(
            ngettext(
                "%(num)s article would not have been sent at all.",
                "%(num)s articles would not have been sent at all.",
                len(found.lost),
            )
        )
    if found.gained:
        lines.append(
            ngettext(
                "%(num)s article would have been sent that was not.",
                "%(num)s articles would have been sent that were not.",
                len(found.gained),
            )
        )
    return lines


def in_words(change: Change, titles: Mapping[int, str], zone: tzinfo) -> list[str]:
    """An hour and what would have been different at it, a line for each article."""
    hour = format_datetime(change.due_at, zone=zone)
    return [_("%(hour)s: %(what)s", hour=hour, what=turn_in_words(change)), *_article_lines(change, titles)]


def turn_in_words(change: Change) -> str:
    """What came of the run and what would have."""
    before, after = _run_in_words(change.before), _run_in_words(change.after)
    if before == after:
        return after
    return _("%(after)s (instead of: %(before)s)", after=after, before=before)


def sections_of(run: Run) -> Iterator[tuple[str, list[Ruling]]]:
    """The articles of a simulated issue by section key, in their order."""
    part: list[Ruling] = []
    for ruling in run.articles:
        if part and part[-1].section != ruling.section:
            yield part[-1].section or "", part
            part = []
        part.append(ruling)
    if part:
        yield part[-1].section or "", part


def document(found: Difference) -> dict[str, Any]:
    """The same for programs."""

    def side(run: Run | None) -> dict[str, Any] | None:
        if run is None:
            return None
        return {
            "outcome": "held" if run.held else run.outcome.value,
            "cut_off": run.hour.cut_off,
            "words": runs.in_words(run.outcome, run.reason),
            "articles": [
                {
                    "id": ruling.article_id,
                    "title": found.titles[ruling.article_id],
                    "section": ruling.section,
                    "why": why(ruling.verdict, ruling.reason),
                }
                for ruling in run.articles
            ],
        }

    def total(sum_: Sum) -> dict[str, Any]:
        return {
            "runs": sum_.runs,
            "issues": sum_.issues,
            "empty": sum_.empty,
            "articles": sum_.articles,
            "mean": round(sum_.mean, 2),
        }

    return {
        "begin": found.begin,
        "before": total(found.before),
        "after": total(found.after),
        "silent": found.silent,
        "gained": sorted(found.gained),
        "lost": sorted(found.lost),
        "summary": summary(found),
        "changes": [
            {
                "due_at": change.due_at,
                "before": side(change.before),
                "after": side(change.after),
                "came": list(change.came),
                "went": list(change.went),
                "moved": list(change.moved),
            }
            for change in found.changes
        ],
    }


def _change(due_at: datetime, before: Run | None, after: Run | None) -> Change:
    old, new = _places(before), _places(after)
    stayed = [article for article in new if article in old]
    was = [article for article in old if article in new]
    kept: set[int] = set()
    for block in SequenceMatcher(None, was, stayed, autojunk=False).get_matching_blocks():
        kept |= set(was[block.a : block.a + block.size])
    return Change(
        due_at=due_at,
        before=before,
        after=after,
        came=tuple(article for article in new if article not in old),
        went=tuple(article for article in old if article not in new),
        moved=tuple(article for article in stayed if article not in kept or old[article] != new[article]),
    )


def _places(run: Run | None) -> dict[int, str | None]:
    """The section of each article, in their order."""
    return {ruling.article_id: ruling.section for ruling in run.articles} if run else {}


def _sends(run: Run | None) -> bool:
    return run is not None and run.sends


def _kind(run: Run | None) -> tuple[str, bool] | None:
    return (run.outcome.value, run.held) if run else None


def _run_in_words(run: Run | None) -> str:
    if run is None:
        return _("no run")
    if run.sends and not run.held:
        return ngettext("an issue of %(num)s article", "an issue of %(num)s articles", len(run.articles))
    words = runs.in_words(run.outcome, run.reason)
    return words[0].lower() + words[1:]


def _article_lines(change: Change, titles: Mapping[int, str]) -> Iterator[str]:
    for article in change.came:
        yield "  + " + titles[article]
    for article in change.went:
        yield "  − " + titles[article]
    for article in change.moved:
        yield "  ↕ " + titles[article]


def _most_frequent(found: Replay) -> str:
    """Why most articles stayed out of everything."""
    said = Counter(
        why(ruling.verdict, ruling.reason)
        for run in found.runs
        for ruling in run.rulings
        if ruling.verdict is not Verdict.IN
    )
    return next((words for words, _count in said.most_common(1)), _("no run came of it"))


def _pair(before: int, after: int) -> dict[str, str]:
    return {"before": format_number(before), "after": format_number(after)}


def _mean(value: float) -> str:
    text = f"{value:.1f}"
    return text.replace(".", ",") if current_locale() == "fr" else text
