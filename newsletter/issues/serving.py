"""What each kind of reader gets of an issue: variants, and the blocks they are made of, written when they are first
needed.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from newsletter.articles.models import Article
from newsletter.core.database import among
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import LOCALES
from newsletter.core.urls import Links
from newsletter.delivery.slots import fill_for_nobody
from newsletter.issues import grouping, preview, seen
from newsletter.issues.content import LookFailedError, Story
from newsletter.issues.contents import check_mail
from newsletter.issues.grouping import Kind
from newsletter.issues.models import Block, Issue, IssueKind, Variant
from newsletter.issues.preview import Typesetters
from newsletter.issues.selection.pick import Pool
from newsletter.issues.selection.rules import Updated
from newsletter.issues.typesetting import Typesetter
from newsletter.newsletters.models import Edition, Measure, Newsletter
from newsletter.subscriptions.models import Choice
from newsletter.tracking import links as tracked
from newsletter.tracking.rewriting import LinkBook, rewrite

AT_ONCE = 0  # the slot of those who chose no hour


def next_hour(hour: int, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When this hour of the day comes next in a zone; None when it is that hour now. An hour that a clock leaves out
    comes with the one after it.
    """
    here = now.astimezone(zone)
    if here.hour == hour:
        return None
    day = here.date() if here.hour < hour else here.date() + timedelta(days=1)
    local = datetime(day.year, day.month, day.day, hour, tzinfo=zone)
    return local.astimezone(now.tzinfo)


class Serving:
    """Decides what each kind of reader gets, and writes variants and blocks when they are first needed."""

    def __init__(
        self,
        session: Session,
        issue: Issue,
        newsletter: Newsletter,
        held: Pool,
        links: Links,
        *,
        now: datetime,
        plain: bool = False,
    ) -> None:
        """`plain`: in the house's look. In the newsletter's own everything raises LookFailedError where that fails."""
        self._session = session
        self._issue = issue
        self._newsletter = newsletter
        self._pool = held
        self._links = links
        self._now = now
        self._typesetters = Typesetters(session, issue, newsletter, links, plain=plain)
        self._tried: set[tuple[str, Edition]] = set()
        self._blocks: dict[str, int] = {}
        self._book = LinkBook(links.site_url)
        self._choices: dict[int, Choice] = {}
        self._brought: dict[int, frozenset[int]] = {}
        self.hours: dict[int, datetime] = {}
        self.variants = 0

    def make_public(self, languages: Iterable[str]) -> None:
        """The variants that the archive shows: everything, in each language that readers or the newsletter have."""
        own = self._newsletter.language
        for language in [own, *sorted({self._language(item) for item in languages} - {own})]:
            picked = self._pick(None, language, frozenset())
            if language != own and not picked:
                continue
            row = self._row(picked or tuple(item.article_id for item in self._pool.items), language, Edition.FULL)
            self._write([{**row, "public": True}])
            if language == own:
                self._issue.subject = fill_for_nobody(str(row["subject"]))

    def keep_links(self) -> None:
        """Write down the links of all blocks, once everybody is served."""
        tracked.keep(self._session, self._issue.id, self._newsletter, self._book, now=self._now)

    def serve(self, kinds: Sequence[Kind]) -> list[tuple[int, int, int]]:
        """(kind, variant, slot) of those kinds that get something."""
        self._read_choices(kinds)
        self._read_brought(kinds)
        wanted: list[tuple[int, str, int]] = []
        rows: dict[str, dict[str, object]] = {}
        for kind in kinds:
            choice = self._choices.get(kind.choice_id)
            language = self._language(kind.language)
            known = frozenset[int]().union(*(self._brought[variant] for variant in kind.brought_by))
            topics = frozenset(choice.topics) if choice and choice.topics is not None else None
            picked = self._pick(topics, language, known)
            if not picked and self._issue.kind is not IssueKind.CORRECTION:
                continue
            edition = choice.edition if choice else Edition.FULL
            key = _key(picked, language, edition)
            if key not in rows:
                rows[key] = self._row(picked, language, edition)
            wanted.append((kind.id, key, self._slot(choice)))
        ids = self._write(list(rows.values()))
        return [(kind, ids[key], slot) for kind, key, slot in wanted]

    def _pick(self, topics: frozenset[int] | None, language: str, known: frozenset[int]) -> tuple[int, ...]:
        if self._issue.kind is IssueKind.CORRECTION:
            return tuple(item.article_id for item in self._pool.items)
        return self._pool.pick(topics=topics, language=language, seen=known)

    def _language(self, language: str) -> str:
        """The language a reader's articles come in: theirs, where the newsletter has it."""
        offered = self._newsletter.languages or LOCALES
        return language if language in offered else self._newsletter.language

    def _slot(self, choice: Choice | None) -> int:
        """The slot of the hour a reader chose, numbered by its moment. Breaking news and corrections do not wait."""
        if choice is None or choice.hour is None or self._issue.kind is not IssueKind.DIGEST:
            return AT_ONCE
        hour = next_hour(choice.hour, ZoneInfo(choice.timezone or self._newsletter.timezone), self._now)
        if hour is None:
            return AT_ONCE
        slot = int(hour.timestamp())
        self.hours[slot] = hour
        return slot

    def _read_choices(self, kinds: Sequence[Kind]) -> None:
        wanted = {kind.choice_id for kind in kinds if kind.choice_id != grouping.EVERYTHING}
        rows = self._session.scalars(select(Choice).where(among(self._session, Choice.id, wanted)))
        self._choices = {row.id: row for row in rows}

    def _read_brought(self, kinds: Sequence[Kind]) -> None:
        """Which stories of the pool each earlier variant has brought. One that changed since may come again, where the
        rules say so.
        """
        wanted = {variant for kind in kinds for variant in kind.brought_by}
        rows = self._session.execute(
            select(Variant.id, Variant.articles, Issue.frozen_at)
            .join(Issue, Issue.id == Variant.issue_id)
            .where(among(self._session, Variant.id, wanted))
        ).all()
        told = seen.stories_of(self._session, {article for _id, articles, _at in rows for article in articles})
        revised = self._revised() if rows and self._pool.rules.updated is Updated.AGAIN else {}
        mine = {item.story_id for item in self._pool.items}
        self._brought = {
            variant: frozenset(
                story
                for story in (told[article] for article in articles if article in told)
                if story in mine and not (frozen_at and revised.get(story, frozen_at) > frozen_at)
            )
            for variant, articles, frozen_at in rows
        }

    def _revised(self) -> dict[int, datetime]:
        ids = [item.article_id for item in self._pool.items]
        rows = self._session.execute(
            select(Article.id, Article.revised_at).where(
                among(self._session, Article.id, ids), Article.revised_at.is_not(None)
            )
        )
        stories = {item.article_id: item.story_id for item in self._pool.items}
        return {stories[article]: at for article, at in rows if at is not None}

    def _row(self, picked: tuple[int, ...], language: str, edition: Edition) -> dict[str, object]:
        setter = self._setter(language, edition)
        made = setter.set(picked)
        return {
            "issue_id": self._issue.id,
            "key": _key(picked, language, edition),
            "language": language,
            "edition": edition,
            "articles": list(picked),
            "blocks": made.keys,
            "subject": made.subject,
            "preheader": made.preheader,
            "public": False,
            "readers": 0,
        }

    def _setter(self, language: str, edition: Edition) -> Typesetter:
        """Made when the first readers of a language and an edition come up, and tried on everything that they could
        get.
        """
        setter = self._typesetters.of(language, edition)
        if (language, edition) not in self._tried:
            sample = preview.set_strictly(setter, self._pick(None, language, frozenset()))
            try:
                check_mail(sample, self._issue, self._newsletter, links=self._links)
            except RefusedError as error:
                if setter.is_dressed:
                    raise LookFailedError(str(error)) from error
                raise
            self._tried.add((language, edition))
        return setter

    def _write(self, rows: list[dict[str, object]]) -> dict[str, int]:
        """Variants that are new, and the blocks they need; the ids of all by their keys."""
        if not rows:
            return {}
        known = self._ids([str(row["key"]) for row in rows])
        fresh = [row for row in rows if row["key"] not in known]
        if not fresh:
            return known
        self._write_blocks(fresh)
        self._session.execute(
            insert(Variant),
            [{**row, "blocks": [self._blocks[key] for key in _strings(row["blocks"])]} for row in fresh],
        )
        self.variants += len(fresh)
        return self._ids([str(row["key"]) for row in rows])

    def _write_blocks(self, rows: list[dict[str, object]]) -> None:
        needed: dict[str, dict[str, object]] = {}
        for row in rows:
            setter = self._typesetters.of(str(row["language"]), Edition(str(row["edition"])))
            for key in _strings(row["blocks"]):
                if key not in self._blocks and key not in needed:
                    block = setter.block(key)
                    needed[key] = {
                        "issue_id": self._issue.id,
                        "key": key,
                        "html": self._followed(block.html, setter.story(key)),
                        "text": block.text,
                        "web_html": block.web_html,
                    }
        if needed:
            self._session.execute(insert(Block), list(needed.values()))
            rows_of_blocks = self._session.execute(select(Block.key, Block.id).where(Block.issue_id == self._issue.id))
            self._blocks = dict(rows_of_blocks.all())

    def _followed(self, html: str, story: Story | None) -> str:
        """The HTML of a block with marks for its links, where clicks are measured."""
        follow = self._newsletter.clicks is not Measure.OFF
        if story is None:
            return rewrite(html, self._book, follow=follow)
        return rewrite(html, self._book, follow=follow, article_id=story.article_id, own=story.url)

    def _ids(self, keys: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for start in range(0, len(keys), 1000):
            query = select(Variant.key, Variant.id).where(
                Variant.issue_id == self._issue.id, Variant.key.in_(keys[start : start + 1000])
            )
            found |= dict(self._session.execute(query).all())
        return found


def _key(picked: Sequence[int], language: str, edition: Edition) -> str:
    return hashlib.sha256(json.dumps([language, edition, *picked]).encode()).hexdigest()


def _strings(value: object) -> Sequence[str]:
    return value if isinstance(value, list | tuple) else ()
