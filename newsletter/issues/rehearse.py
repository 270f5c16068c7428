"""What the next digest would be, at a moment and for a reader, without making anything: by the code that makes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.issues import pool, seen
from newsletter.issues.selection.candidate import Candidate, Ruling
from newsletter.issues.selection.choose import choose
from newsletter.issues.selection.pick import Pool
from newsletter.issues.selection.rules import rules_document
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Edition, Newsletter
from newsletter.subscriptions import choices
from newsletter.subscriptions.models import Subscriber, Subscription


@dataclass(frozen=True, slots=True)
class NextDigest:
    """`picked`: articles in their order, none when there would be no mail. `rulings`: for each candidate, those of the
    pool as this reader meets them. `sections`: the key of each article's section.
    """

    candidates: Sequence[Candidate]
    picked: tuple[int, ...]
    rulings: list[Ruling]
    sections: dict[int, str]
    rules: dict[str, Any]
    edition: Edition


def next_digest(
    session: Session,
    newsletter: Newsletter,
    *,
    now: datetime,
    reader: Subscription | None = None,
    as_it_was: bool = False,
) -> NextDigest:
    """The digest that would be composed at a moment: of the reader's cadence, topics, language and edition, less what
    they were sent; without a reader, of the main cadence for whoever wants everything.

    `as_it_was`: the moment is past, and what runs have decided since does not count.
    """
    schedule = choices.cadence_of(session, reader) if reader else schedules.main_of(session, newsletter.id)
    rules = pool.rules_of(newsletter, schedule)
    before = now if as_it_was else None
    found = pool.candidates(session, newsletter, schedule, cut_off=now, rules=rules, judged_before=before)
    chosen = choose(found, rules, cut_off=now)
    held = Pool(chosen.pool, rules)
    values = choices.values_of(session, reader) if reader else choices.EVERYTHING
    language, known = newsletter.language, set[int]()
    if reader is not None:
        language = session.scalars(select(Subscriber.language).where(Subscriber.id == reader.subscriber_id)).one()
        known = seen.stories_seen(session, reader.subscriber_id, {item.story_id for item in held.items}, now=now)
    in_pool = {item.article_id for item in held.items}
    others = [ruling for ruling in chosen.rulings if ruling.article_id not in in_pool]
    mine = held.explain(topics=values.topics, language=language, seen=known)
    return NextDigest(
        candidates=found,
        picked=held.pick(topics=values.topics, language=language, seen=known) if chosen.enough else (),
        rulings=[*mine, *others] if reader else list(chosen.rulings),
        sections={item.article_id: item.section for item in held.items if item.section},
        rules=rules_document(rules),
        edition=values.edition,
    )
