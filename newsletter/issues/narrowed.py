"""An issue for a part of the readers: those of a segment, or all but those of one.

An issue that names a segment never goes to anybody else. Where the segment is gone, or its rule asks for what is gone,
it goes to nobody: its readers are none in every query, and the freeze stops it in words.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, false, not_, select, true
from sqlalchemy.orm import Session

from newsletter.core.database import among
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues.models import Issue, IssueStatus
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions.segments import names as naming
from newsletter.subscriptions.segments import sql
from newsletter.subscriptions.segments.conditions import Names
from newsletter.subscriptions.segments.models import Segment
from newsletter.subscriptions.segments.reading import read_rule
from newsletter.subscriptions.segments.rule import Field, Rule

ASKED_ABOUT = 100  # issues that a rule may be made of, the newest
LEFT = (IssueStatus.SENDING, IssueStatus.PAUSED, IssueStatus.SENT, IssueStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Part:
    """A segment as an issue uses it."""

    id: int
    name: str
    rule: Rule
    document: dict[str, Any]

    def as_document(self) -> dict[str, Any]:
        return {"segment": self.id, "name": self.name, "rule": self.document}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who gets an issue: of its readers those in `only`, and not those in `without`. `problem`: why nobody does, in
    words.
    """

    only: Part | None = None
    without: Part | None = None
    problem: str = ""

    def as_document(self) -> dict[str, Any] | None:
        """As it is kept with the issue; None: everybody."""
        parts = {"only": self.only, "without": self.without}
        return {name: part.as_document() for name, part in parts.items() if part is not None} or None


def chosen(session: Session, issue: Issue) -> Chosen:
    """The segments of an issue: as they are now, or as they were when it was frozen."""
    if issue.frozen_at is not None:
        return _frozen(issue)
    try:
        return Chosen(_part(session, issue, issue.segment_id), _part(session, issue, issue.without_segment_id))
    except RefusedError as error:
        return Chosen(problem=str(error))


def condition(session: Session, issue: Issue, found: Chosen | None = None, *, now: datetime) -> ColumnElement[bool]:
    """SQL on what `audience` has: the reader is among those whom somebody chose. `found`: what `chosen` has said."""
    if issue.segment_id is None and issue.without_segment_id is None and issue.narrowed is None:
        return true()
    found = found or chosen(session, issue)
    if found.problem or (found.only is None and found.without is None):
        return false()
    newsletter = newsletters.by_id(session, issue.newsletter_id)
    within = sql.fits(session, newsletter, found.only.rule, now=now) if found.only else true()
    outside = not_(sql.fits(session, newsletter, found.without.rule, now=now)) if found.without else true()
    return within & outside


def names(session: Session, newsletter: Newsletter, rules: Collection[Rule] = ()) -> Names:
    """What rules for a newsletter may name: its topics, its rhythms, its newest issues, and those of these rules."""
    newest = (
        select(Issue.id, Issue.number, Issue.subject)
        .where(Issue.newsletter_id == newsletter.id, Issue.frozen_at.is_not(None))
        .order_by(Issue.id.desc())
        .limit(ASKED_ABOUT)
    )
    rows = {row.id: row for row in session.execute(newest)}
    wanted = {item for rule in rules for item in rule.ids(Field.ISSUE)} - set(rows)
    if wanted:
        theirs = select(Issue.id, Issue.number, Issue.subject).where(
            Issue.newsletter_id == newsletter.id, among(session, Issue.id, wanted), Issue.status.in_(LEFT)
        )
        rows |= {row.id: row for row in session.execute(theirs)}
    called = {
        number: _("issue %(number)d, “%(subject)s”", number=row.number, subject=row.subject)
        if row.subject
        else _("issue %(number)d", number=row.number)
        for number, row in rows.items()
    }
    return naming.names(session, newsletter, called)


def waiting_for(session: Session, segment: Segment) -> list[Issue]:
    """Issues that have not been frozen and are for this segment, or for all but it."""
    query = select(Issue).where(
        Issue.newsletter_id == segment.newsletter_id,
        Issue.status.in_((IssueStatus.DRAFT, IssueStatus.SCHEDULED, IssueStatus.SENDING, IssueStatus.PAUSED)),
        Issue.frozen_at.is_(None),
        (Issue.segment_id == segment.id) | (Issue.without_segment_id == segment.id),
    )
    return list(session.scalars(query.order_by(Issue.id)))


def in_words(found: Chosen) -> str:
    """Who gets an issue; empty where nobody chose."""
    if found.problem:
        return found.problem
    if found.only and found.without:
        return _("Only the segment “%(only)s”, without “%(without)s”", only=found.only.name, without=found.without.name)
    if found.only:
        return _("Only the segment “%(name)s”", name=found.only.name)
    if found.without:
        return _("All but the segment “%(name)s”", name=found.without.name)
    return ""


def _part(session: Session, issue: Issue, segment_id: int | None) -> Part | None:
    """RefusedError where the segment, or what its rule asks for, is gone."""
    if segment_id is None:
        return None
    # As it is now, whatever this session has read before: somebody may have removed it since.
    found = session.scalar(select(Segment).where(Segment.id == segment_id).execution_options(populate_existing=True))
    if found is None or found.newsletter_id != issue.newsletter_id:
        raise RefusedError(_("The segment it is for does not exist any more. Choose who gets it."))
    if found.removed_at is not None:
        raise RefusedError(_("The segment “%(name)s” was removed. Choose who gets it.", name=found.name))
    newsletter = newsletters.by_id(session, issue.newsletter_id)
    try:
        rule = read_rule(found.rule)
        naming.check(rule, names(session, newsletter, [rule]))
    except RefusedError as error:
        reason = {"name": found.name, "reason": str(error)}
        raise RefusedError(_("The segment “%(name)s” cannot be used. %(reason)s", **reason)) from error
    return Part(found.id, found.name, rule, found.rule)


def _frozen(issue: Issue) -> Chosen:
    kept = issue.narrowed or {}
    parts = {
        name: Part(part["segment"], part["name"], read_rule(part["rule"]), part["rule"]) for name, part in kept.items()
    }
    return Chosen(parts.get("only"), parts.get("without"))
