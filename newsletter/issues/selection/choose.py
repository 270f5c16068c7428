"""What a digest may hold of what came in: a pure function of candidates, rules and time.

The order of an issue is made here, and a reader gets theirs by the same order (see `pick`). Nothing depends on the
order in which candidates are given.
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log

from newsletter.issues.selection.candidate import Candidate, PoolItem, Ruling, Verdict
from newsletter.issues.selection.pick import Pool
from newsletter.issues.selection.rules import (
    MOST,
    Attribute,
    Condition,
    Filter,
    Order,
    Rules,
    Section,
    TooLittle,
    Updated,
)

HALF_LIFE = timedelta(hours=12)  # after so long an article needs one point of boost to stay where it was


@dataclass(frozen=True, slots=True)
class Selection:
    """`pool` in order; one ruling for each candidate, those of the pool first. `found`: how many new articles a reader
    of everything gets, `enough`: whether that is worth an issue; `topped_up`: reserve articles among them.
    """

    pool: tuple[PoolItem, ...]
    rulings: tuple[Ruling, ...]
    found: int
    enough: bool
    topped_up: int = 0


def choose(candidates: Iterable[Candidate], rules: Rules, *, cut_off: datetime) -> Selection:
    """Choose and order. An article is in, out with a reason, or found no room and may come later."""
    known = sorted(candidates, key=lambda item: (item.placed_at, item.article_id))
    refused: list[Ruling] = []
    taken: list[Candidate] = []
    for item in known:
        if reason := _refusal(item, rules, cut_off=cut_off):
            verdict = Verdict.LATER if reason["code"] == "embargo" else Verdict.OUT
            refused.append(Ruling(item.article_id, verdict, reason))
        else:
            taken.append(item)
    stories, copies = _one_each(taken)
    placed, homeless = _in_sections(stories, rules)
    fresh = [(section, item) for section, item in placed if not item.reserve]
    reserve = [(section, item) for section, item in placed if item.reserve]
    chosen = _in_order(fresh, rules, cut_off)
    found = len(_everything(chosen, rules))
    added: list[tuple[Section | None, Candidate]] = []
    if 0 < found < rules.minimum or (not found and rules.too_little is TooLittle.TOP_UP):
        added = _top_up(chosen, reserve, rules, cut_off) if rules.too_little is TooLittle.TOP_UP else []
    if added:
        chosen = _in_order([*fresh, *added], rules, cut_off)
    kept, spilled = chosen[:MOST], chosen[MOST:]
    pool = tuple(_pool_item(section, item) for section, item in kept)
    rulings = _rulings(kept, pool, rules)
    others = [
        *(Ruling(item.article_id, Verdict.LATER, {"code": "full", "count": MOST}) for _section, item in spilled),
        *copies,
        *(Ruling(item.article_id, Verdict.OUT, {"code": "no_section"}) for item in homeless),
        *(
            Ruling(item.article_id, Verdict.LATER, {"code": "reserve"})
            for section, item in reserve
            if (section, item) not in added
        ),
        *refused,
    ]
    total = sum(ruling.verdict is Verdict.IN for ruling in rulings)
    return Selection(pool, (*rulings, *others), found, total >= rules.minimum, len(added))


def matches(item: Candidate, wanted: Filter) -> bool:
    """Whether an article passes a filter."""
    return (
        (not wanted.any or any(_meets(item, condition) for condition in wanted.any))
        and all(_meets(item, condition) for condition in wanted.all)
        and not any(_meets(item, condition) for condition in wanted.none)
    )


def fold(text: str) -> str:
    """Text as conditions compare it: `Économie` and `economie` are the same."""
    plain = unicodedata.normalize("NFKD", text)
    return " ".join("".join(char for char in plain if not unicodedata.combining(char)).casefold().split())


def _meets(item: Candidate, condition: Condition) -> bool:
    value = fold(condition.value)
    match condition.field:
        case Attribute.TOPIC:
            return fold(item.topic) == value
        case Attribute.AUTHOR:
            return value in [fold(name) for name in (item.author, *item.author.split(","))]
        case Attribute.SOURCE:
            return fold(item.source) == value
        case Attribute.LANGUAGE:
            return value in {fold(language) for language in (item.language, *item.languages)}
        case Attribute.KEYWORD:
            return f" {value} " in f" {_words(item.title)} {_words(item.text)} "


def _words(text: str) -> str:
    """Folded, with blanks for what is no letter or digit, so that a keyword is whole words."""
    return " ".join("".join(char if char.isalnum() else " " for char in fold(text)).split())


def _refusal(item: Candidate, rules: Rules, *, cut_off: datetime) -> dict[str, object] | None:
    if item.embargo_until is not None and cut_off < item.embargo_until:
        return {"code": "embargo", "until": item.embargo_until.isoformat()}
    if item.expires_at is not None and item.expires_at <= cut_off:
        return {"code": "expired", "at": item.expires_at.isoformat()}
    if item.told and rules.updated is not Updated.AGAIN:
        return {"code": "told"}
    if not rules.exclude.empty() and matches(item, rules.exclude) and item.pin is None:
        return {"code": "excluded"}
    return None


def _one_each(items: Sequence[Candidate]) -> tuple[list[Candidate], list[Ruling]]:
    """One article for each story: a pinned one, else the one that came first; the others are named beside it."""
    best: dict[int, Candidate] = {}
    for item in items:
        kept = best.get(item.story_id)
        if kept is None or (item.pin is not None and kept.pin is None):
            best[item.story_id] = item
    copies = [
        Ruling(item.article_id, Verdict.OUT, {"code": "same_story", "article": best[item.story_id].article_id})
        for item in items
        if best[item.story_id] is not item
    ]
    return [item for item in items if best[item.story_id] is item], copies


def _in_sections(
    items: Sequence[Candidate], rules: Rules
) -> tuple[list[tuple[Section | None, Candidate]], list[Candidate]]:
    """Each article with the first section that takes it; a pinned one that none takes stands in the first."""
    if not rules.sections:
        return [(None, item) for item in items], []
    placed: list[tuple[Section | None, Candidate]] = []
    homeless: list[Candidate] = []
    for item in items:
        section = next((each for each in rules.sections if matches(item, each.filter)), None)
        if section is None and item.pin is not None:
            section = rules.sections[0]
        if section is None:
            homeless.append(item)
        else:
            placed.append((section, item))
    return placed, homeless


def _in_order(
    placed: Sequence[tuple[Section | None, Candidate]], rules: Rules, cut_off: datetime
) -> list[tuple[Section | None, Candidate]]:
    """By section, each in its order, with the pinned first: the lead of the first section leads the issue."""
    ordered: list[tuple[Section | None, Candidate]] = []
    for section in rules.sections or (None,):
        part = [item for each, item in placed if each is section]
        key = _key((section.order if section else None) or rules.order, cut_off)
        ordered += [(section, item) for item in sorted(part, key=lambda item: (_pin(item), key(item)))]
    return ordered


def _pin(item: Candidate) -> int:
    return item.pin if item.pin is not None else MOST + 1


def _key(order: Order, cut_off: datetime) -> Callable[[Candidate], tuple[float, ...]]:
    def newest(item: Candidate) -> tuple[float, ...]:
        # A date in the future or long past is a mistake of the source: what is new is when it came in.
        said = item.published_at or item.placed_at
        believed = said if item.placed_at - timedelta(days=30) <= said <= cut_off else item.placed_at
        return (-believed.timestamp(), item.article_id)

    def score(item: Candidate) -> tuple[float, ...]:
        """Boost less age in half-lives, as a logarithm so that the first hours count most."""
        age = max(timedelta(0), cut_off - item.placed_at) / HALF_LIFE
        return (log(1 + age, 2) - item.boost, *newest(item))

    def hand(item: Candidate) -> tuple[float, ...]:
        return (item.placed_at.timestamp(), item.article_id)

    return {Order.NEWEST: newest, Order.SCORE: score, Order.HAND: hand}[order]


def _everything(chosen: Sequence[tuple[Section | None, Candidate]], rules: Rules) -> tuple[int, ...]:
    """What a reader of everything gets."""
    items = [_pool_item(section, item) for section, item in chosen[:MOST]]
    return Pool(items, rules.model_copy(update={"languages": "any"})).pick(topics=None, language="")


def _top_up(
    chosen: Sequence[tuple[Section | None, Candidate]],
    reserve: Sequence[tuple[Section | None, Candidate]],
    rules: Rules,
    cut_off: datetime,
) -> list[tuple[Section | None, Candidate]]:
    """The first articles of the reserve with which the minimum is reached; none when it is not."""
    waiting = sorted(reserve, key=lambda pair: (-pair[1].boost, pair[1].placed_at, pair[1].article_id))
    for count in range(1, len(waiting) + 1):
        tried = _in_order([*chosen, *waiting[:count]], rules, cut_off)
        if len(_everything(tried, rules)) >= rules.minimum:
            return waiting[:count]
    return []


def _pool_item(section: Section | None, item: Candidate) -> PoolItem:
    return PoolItem(
        article_id=item.article_id,
        story_id=item.story_id,
        section=section.key if section else None,
        pinned=item.pin is not None,
        languages=item.languages | {item.language},
        topic_id=item.topic_id,
        author=item.author,
        source=item.source,
    )


def _rulings(kept: Sequence[tuple[Section | None, Candidate]], pool: Sequence[PoolItem], rules: Rules) -> list[Ruling]:
    """The pool as a reader of everything, in every language, gets it, with who pinned what."""
    by_id = {item.article_id: item for _section, item in kept}
    everything = Pool(pool, rules.model_copy(update={"languages": "any"})).explain(topics=None, language="")
    rulings = []
    for ruling in everything:
        item = by_id[ruling.article_id]
        reason = dict(ruling.reason)
        if ruling.verdict is Verdict.IN:
            if item.pin is not None:
                reason = {"code": "pinned", "by": item.pinned_by}
            elif item.reserve:
                reason = {"code": "topped_up"}
        rulings.append(Ruling(item.article_id, ruling.verdict, reason, ruling.section, ruling.position))
    return rulings
