"""What one kind of reader gets of an issue's pool."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from newsletter.issues.selection.candidate import PoolItem, Ruling, Verdict
from newsletter.issues.selection.rules import Languages, Rules, Section


@dataclass(slots=True)
class _Room:
    """How much room is left while articles are taken one by one."""

    rules: Rules
    taken: int = 0
    by_author: dict[str, int] = field(default_factory=dict)
    by_source: dict[str, int] = field(default_factory=dict)

    def refusal(self, item: PoolItem) -> dict[str, object] | None:
        """Why there is no room for an article; None: there is. A pinned one is bounded by nothing but the whole."""
        rules = self.rules
        if self.taken >= rules.max_items:
            return {"code": "full", "count": rules.max_items}
        if item.pinned:
            return None
        if rules.per_author and item.author and self.by_author.get(item.author, 0) >= rules.per_author:
            return {"code": "author", "count": rules.per_author, "name": item.author}
        if rules.per_source and item.source and self.by_source.get(item.source, 0) >= rules.per_source:
            return {"code": "source", "count": rules.per_source, "name": item.source}
        return None

    def take(self, item: PoolItem) -> None:
        self.taken += 1
        if item.author:
            self.by_author[item.author] = self.by_author.get(item.author, 0) + 1
        if item.source:
            self.by_source[item.source] = self.by_source.get(item.source, 0) + 1


class Pool:
    """The articles of an issue in their order, and the rules by which readers get them.

    `pick` runs once for each kind of reader, of which there may be fifty thousand: what does not depend on the reader
    is worked out here.
    """

    def __init__(self, items: Sequence[PoolItem], rules: Rules) -> None:
        self.items = tuple(items)
        self.rules = rules
        sections: list[Section | None] = [*rules.sections] or [None]
        known = {section.key: section for section in rules.sections}
        # What an editor added by hand, or a section that the rules lost, stands at the end.
        self._parts: list[tuple[Section | None, list[PoolItem]]] = [
            (section, [item for item in self.items if known.get(item.section or "") is section]) for section in sections
        ]
        if rules.sections and (rest := [item for item in self.items if (item.section or "") not in known]):
            self._parts.append((None, rest))
        self._plain = not (
            rules.per_author or rules.per_source or any(s.count or s.offset or s.minimum for s in rules.sections)
        )
        self._own = rules.languages is Languages.OWN
        self._order = tuple(item for _section, part in self._parts for item in part)

    def pick(self, *, topics: frozenset[int] | None, language: str, seen: Collection[int] = ()) -> tuple[int, ...]:
        """The articles for readers of these topics (None: all) in this language who know the stories `seen`; in their
        order, and none when nothing is left for them.
        """
        if self._plain:
            fitting = self._fitting(self._order, topics, language, seen)
            return tuple(item.article_id for item in fitting[: self.rules.max_items])
        return tuple(
            ruling.article_id
            for ruling in self.explain(topics=topics, language=language, seen=seen)
            if ruling.verdict is Verdict.IN
        )

    def explain(self, *, topics: frozenset[int] | None, language: str, seen: Collection[int] = ()) -> list[Ruling]:
        """One ruling for each article of the pool, in its order; those that are in are what `pick` gives."""
        room = _Room(self.rules)
        rulings: list[Ruling] = []
        for section, part in self._parts:
            rulings += self._part(section, part, room, topics, language, seen)
        return rulings

    def _part(
        self,
        section: Section | None,
        part: Sequence[PoolItem],
        room: _Room,
        topics: frozenset[int] | None,
        language: str,
        seen: Collection[int],
    ) -> Iterable[Ruling]:
        key = section.key if section else None
        fitting = self._fitting(part, topics, language, seen)
        fits = {item.article_id for item in fitting}
        few = bool(section and len(fitting) < section.minimum and not any(item.pinned for item in fitting))
        passed = taken = 0
        for item in part:
            if item.article_id not in fits:
                yield Ruling(item.article_id, Verdict.OUT, self._unfit(item, topics, seen), key)
                continue
            refusal: dict[str, object] | None
            if few and section:
                refusal = {"code": "section_minimum", "count": section.minimum, "found": len(fitting)}
            elif section and passed < section.offset and not item.pinned:
                passed += 1
                refusal = {"code": "offset", "count": section.offset}
            elif section and section.count is not None and taken >= section.count and not item.pinned:
                refusal = {"code": "section_full", "count": section.count}
            else:
                refusal = room.refusal(item)
            if refusal is not None:
                yield Ruling(item.article_id, Verdict.LATER, refusal, key)
                continue
            yield Ruling(item.article_id, Verdict.IN, {"code": "pinned" if item.pinned else "new"}, key, room.taken)
            taken += 1
            room.take(item)

    def _fitting(
        self, part: Sequence[PoolItem], topics: frozenset[int] | None, language: str, seen: Collection[int]
    ) -> list[PoolItem]:
        if topics is None and not seen and not self._own:
            return list(part)
        own = self._own
        return [
            item
            for item in part
            if (topics is None or item.topic_id is None or item.pinned or item.topic_id in topics)
            and item.story_id not in seen
            and (not own or language in item.languages)
        ]

    def _unfit(self, item: PoolItem, topics: frozenset[int] | None, seen: Collection[int]) -> dict[str, object]:
        if item.story_id in seen:
            return {"code": "seen"}
        if topics is not None and item.topic_id is not None and not item.pinned and item.topic_id not in topics:
            return {"code": "topic"}
        return {"code": "language"}
