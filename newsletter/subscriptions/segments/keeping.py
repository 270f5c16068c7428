"""Segments are made, changed and removed by staff; each change is on record with what was before."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core.errors import ConflictError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.newsletters.models import Newsletter
from newsletter.newsletters.wording import LONGEST_NAME, check_line
from newsletter.subscriptions.segments import counting, queries
from newsletter.subscriptions.segments.conditions import Names
from newsletter.subscriptions.segments.models import Segment
from newsletter.subscriptions.segments.names import check
from newsletter.subscriptions.segments.reading import document_of
from newsletter.subscriptions.segments.rule import Rule

MOST = 200  # segments of a newsletter: more than anybody finds one among


def add(
    session: Session, newsletter: Newsletter, name: str, rule: Rule, *, known: Names, actor: str, now: datetime
) -> Segment:
    """Make a segment. `known`: what the newsletter has that a rule may name. RefusedError for a name that is taken."""
    session.execute(select(Newsletter.id).where(Newsletter.id == newsletter.id).with_for_update(key_share=True))
    check(rule, known)
    if len(queries.of_newsletter(session, newsletter.id)) >= MOST:
        raise RefusedError(_("A newsletter has %(count)d segments at most.", count=MOST))
    made = Segment(
        newsletter_id=newsletter.id,
        name=_free_name(session, newsletter.id, name),
        rule=document_of(rule),
        created_by=actor,
        created_at=now,
    )
    session.add(made)
    session.flush()
    recount(session, newsletter, made, rule, now=now)
    _record(session, made, "segment.added", actor=actor, now=now, name=made.name, rule=made.rule)
    return made


def change(
    session: Session,
    newsletter: Newsletter,
    segment: Segment,
    name: str,
    rule: Rule,
    *,
    known: Names,
    actor: str,
    now: datetime,
    expected_revision: int | None = None,
) -> None:
    """Give a segment another name or rule. ConflictError when somebody else has since `expected_revision`."""
    session.execute(select(Newsletter.id).where(Newsletter.id == newsletter.id).with_for_update(key_share=True))
    _lock(session, segment)
    if expected_revision not in (None, segment.revision):
        who = segment.changed_by or segment.created_by
        raise ConflictError(_("%(who)s has changed this segment since you opened it. Look at it again.", who=who))
    check(rule, known)
    name, document = _free_name(session, newsletter.id, name, but=segment.id), document_of(rule)
    before, after = {"name": segment.name, "rule": segment.rule}, {"name": name, "rule": document}
    if before != after:
        segment.name, segment.rule = name, document
        segment.revision += 1
        segment.changed_by, segment.changed_at = actor, now
        _record(session, segment, "segment.changed", actor=actor, now=now, before=before, after=after)
    recount(session, newsletter, segment, rule, now=now)


def recount(session: Session, newsletter: Newsletter, segment: Segment, rule: Rule, *, now: datetime) -> None:
    """Count the readers of a segment, if that takes some seconds at most, and keep the figure for lists."""
    session.flush()
    found = counting.count_rule(session, newsletter, rule, now=now, seconds=counting.ON_SAVE)
    segment.readers = None if found.more else found.number
    segment.counted_at = now


def remove(session: Session, segment: Segment, *, actor: str, now: datetime) -> None:
    """Take a segment away. An issue that names it does not leave until somebody says who gets it."""
    _lock(session, segment)
    segment.removed_at = now
    _record(session, segment, "segment.removed", actor=actor, now=now, name=segment.name, rule=segment.rule)


def _lock(session: Session, segment: Segment) -> None:
    session.refresh(segment, with_for_update={"key_share": True})
    if segment.removed_at is not None:
        raise RefusedError(_("This segment was removed."))


def _free_name(session: Session, newsletter_id: int, name: str, but: int = 0) -> str:
    name = check_line(" ".join(name.split()), LONGEST_NAME)
    if not name:
        raise RefusedError(_("Give the segment a name."))
    taken = {item.name.casefold() for item in queries.of_newsletter(session, newsletter_id) if item.id != but}
    if name.casefold() in taken:
        raise RefusedError(_("There is a segment of this name already."))
    return name


def _record(session: Session, segment: Segment, action: str, *, actor: str, now: datetime, **details: Any) -> None:
    audit.record(session, actor=actor, action=action, subject="segment", subject_id=segment.id, now=now, **details)
    session.flush()
