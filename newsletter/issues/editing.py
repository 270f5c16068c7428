"""Changing an issue that has not left.

Each change raises the issue's revision: an approval is of one revision, and an editor who looks at an older one is told
so instead of overwriting what a colleague did. `expected_revision` is the one that the editor saw; None: whatever there
is.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.articles.models import Placement
from newsletter.core.errors import ConflictError, NotFoundError, RefusedError
from newsletter.core.i18n import format_datetime
from newsletter.core.i18n import gettext as _
from newsletter.issues import history, personal, pool, rulings, status
from newsletter.issues.models import Issue, IssueArticle, IssueKind, IssueStatus
from newsletter.issues.selection.candidate import Candidate
from newsletter.issues.selection.choose import matches
from newsletter.issues.selection.rules import MOST, read_rules
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Review
from newsletter.subscriptions import queries as subscriptions

MAX_SUBJECT = 200
MAX_SUBJECT_WITH_SLOTS = 300  # the column of a variant
MAX_PREHEADER = 200
MAX_INTRODUCTION = 4000
SHORT = 80  # characters of a text that the record keeps

FOUND = "preflight"  # the code of an issue that was stopped by what was found when it was looked at
OPEN = (IssueStatus.DRAFT, IssueStatus.SCHEDULED)


def change_text(
    session: Session,
    issue: Issue,
    *,
    subject: str,
    introduction: str,
    actor: str,
    now: datetime,
    preheader: str | None = None,
    expected_revision: int | None = None,
) -> None:
    """Set the subject and the preview text (empty: made from the stories; `preheader` None: as it is), and the
    introduction.
    """
    begin(session, issue, expected_revision)
    subject = " ".join(subject.split())
    preheader = issue.preheader if preheader is None else " ".join(preheader.split())
    introduction = introduction.replace("\r\n", "\n").strip()
    if len(subject) > MAX_SUBJECT:
        raise RefusedError(_("The subject is too long: %(count)d characters at most.", count=MAX_SUBJECT))
    if len(introduction) > MAX_INTRODUCTION:
        raise RefusedError(_("The introduction is too long: %(count)d characters at most.", count=MAX_INTRODUCTION))
    if len(preheader) > MAX_PREHEADER:
        raise RefusedError(_("The preview text is too long: %(count)d characters at most.", count=MAX_PREHEADER))
    check_texts(session, issue.newsletter_id, subject=subject, introduction=introduction, preheader=preheader)
    before = {name: getattr(issue, name) for name in history.TEXTS}
    after = {"subject": subject, "preheader": preheader, "introduction": introduction}
    changed = {name: [before[name][:SHORT], text[:SHORT]] for name, text in after.items() if text != before[name]}
    if not changed:
        return
    issue.subject, issue.preheader, issue.introduction = subject, preheader, introduction
    finish(session, issue, history.WRITTEN, actor=actor, now=now, texts=changed)


def check_texts(session: Session, newsletter_id: int, *, subject: str, introduction: str, preheader: str = "") -> None:
    """Refuse texts that ask for what no reader has, or in a way that nobody understands."""
    texts = ((subject, _("Subject")), (preheader, _("Preview text")), (introduction, _("Introduction")))
    for text, place in texts:
        personal.check(
            text,
            place=place,
            has=partial(subscriptions.has_attribute, session, newsletter_id),
            known=partial(subscriptions.attribute_names, session, newsletter_id),
        )
    if len(personal.with_slots(subject)) > MAX_SUBJECT_WITH_SLOTS:
        raise RefusedError(_("The subject is too long: shorten what stands behind the bars."))


def check_texts_of(session: Session, issue: Issue) -> None:
    """The same for the texts that an issue has."""
    texts = {name: getattr(issue, name) for name in history.TEXTS}
    check_texts(session, issue.newsletter_id, **texts)


def drop(
    session: Session,
    issue: Issue,
    article_id: int,
    *,
    actor: str,
    now: datetime,
    expected_revision: int | None = None,
) -> None:
    """Take an article out; it is free for the next issue. The last one stays: an empty digest is none."""
    begin(session, issue, expected_revision)
    held = article_ids(session, issue.id)
    if article_id not in held:
        return
    if len(held) == 1 and issue.kind is not IssueKind.CORRECTION:
        raise RefusedError(_("This is the last article. Cancel the issue instead."))
    session.execute(
        delete(IssueArticle).where(IssueArticle.issue_id == issue.id, IssueArticle.article_id == article_id)
    )
    rulings.free(session, issue.id, {"code": "dropped"}, article_id=article_id)
    finish(session, issue, "issue.dropped", actor=actor, now=now, article=article_id, place=held.index(article_id) + 1)


def move(
    session: Session,
    issue: Issue,
    article_id: int,
    *,
    to: int,
    actor: str,
    now: datetime,
    into: str | None = None,
    expected_revision: int | None = None,
) -> None:
    """Put an article at a place, 1 is the lead; beyond the end it is the last. It joins the section it comes to, or the
    one named by `into`, a key of the issue's rules, empty for none.
    """
    begin(session, issue, expected_revision)
    if to < 1:
        raise RefusedError(_("A place is a number from 1, the lead, to %(last)d.", last=MOST))
    rows = places(session, issue.id)
    at = next((index for index, row in enumerate(rows) if row.article_id == article_id), None)
    if at is None:
        raise NotFoundError(_("This article is not in the issue."))
    to = min(to, len(rows)) - 1
    section = rows[to].section if into is None else _section(issue, into)
    if to == at and section == rows[at].section:
        return
    moved = rows.pop(at)
    moved.section = section
    rows.insert(to, moved)
    _number(session, rows)
    rulings.by_hand(session, issue.id, article_id, {"code": "moved", "by": actor}, section=section)
    finish(session, issue, "issue.moved", actor=actor, now=now, article=article_id, places=[at + 1, to + 1])


def add(
    session: Session,
    issue: Issue,
    article_id: int,
    *,
    actor: str,
    now: datetime,
    place: int | None = None,
    expected_revision: int | None = None,
) -> None:
    """Put an article in by hand, for every reader whatever their topics: at a place, else at the end of its section."""
    begin(session, issue, expected_revision)
    candidate = _addable(session, issue, article_id, now=now)
    rows = places(session, issue.id)
    if len(rows) >= MOST:
        raise RefusedError(_("The issue is full: it has %(count)d articles.", count=MOST))
    if any(row.article_id == article_id for row in rows):
        raise RefusedError(_("This article is in the issue already."))
    twin = next((row for row in rows if row.story_id == candidate.story_id), None)
    if twin is not None:
        raise RefusedError(
            _("The issue has this story already: article %(article)d tells it.", article=twin.article_id)
        )
    at, section = _room(issue, rows, candidate, place)
    made = IssueArticle(
        issue_id=issue.id,
        article_id=article_id,
        newsletter_id=issue.newsletter_id,
        position=at,
        story_id=candidate.story_id,
        section=section,
        pinned=True,
    )
    session.add(made)
    session.flush()
    rows.insert(at, made)
    _number(session, rows)
    rulings.by_hand(session, issue.id, article_id, {"code": "added", "by": actor}, section=section)
    finish(session, issue, "issue.added", actor=actor, now=now, article=article_id, place=at + 1)


def begin(session: Session, issue: Issue, expected_revision: int | None, *, step: bool = True) -> None:
    """Lock the issue, and make sure that it has neither left nor changed since the editor looked. `step`: what is done
    to it now can be undone.
    """
    status.lock(session, issue)
    if issue.status not in OPEN:
        raise RefusedError(_("This issue is no longer a draft: what is being sent cannot change."))
    must_be_at(session, issue, expected_revision)
    (history.remember if step else history.overlook)(session, issue)


def must_be_at(session: Session, issue: Issue, expected_revision: int | None) -> None:
    """ConflictError, with who and when, for a revision that is not the one somebody has looked at."""
    if expected_revision is None or expected_revision == issue.revision:
        return
    zone = ZoneInfo(newsletters.by_id(session, issue.newsletter_id).timezone)
    raise ConflictError(
        _(
            "%(who)s changed this issue on %(when)s, after you had opened it. Look at it again.",
            who=issue.changed_by or issue.created_by,
            when=format_datetime(issue.changed_at or issue.created_at, zone=zone),
        )
    )


def finish(session: Session, issue: Issue, action: str, *, actor: str, now: datetime, **details: Any) -> None:
    """Note a change. It voids what was approved: an issue that had been is under review again, for its hour."""
    history.keep(session, issue, action, by=actor, now=now)
    issue.revision += 1
    issue.changed_by, issue.changed_at = actor, now
    if (issue.pause_reason or {}).get("code") == FOUND:
        issue.pause_reason = None  # it was about the revision before
    if issue.status is IssueStatus.SCHEDULED and issue.review is not Review.NONE:
        status.move(issue, IssueStatus.DRAFT)
    audit.record(
        session,
        actor=actor,
        action=action,
        subject="issue",
        subject_id=issue.id,
        now=now,
        revision=issue.revision,
        **details,
    )
    session.flush()


def article_ids(session: Session, issue_id: int) -> list[int]:
    """Articles of an issue in their order."""
    return list(
        session.scalars(
            select(IssueArticle.article_id).where(IssueArticle.issue_id == issue_id).order_by(IssueArticle.position)
        )
    )


def places(session: Session, issue_id: int) -> list[IssueArticle]:
    """The articles of an issue with their places, in their order."""
    query = select(IssueArticle).where(IssueArticle.issue_id == issue_id).order_by(IssueArticle.position)
    return list(session.scalars(query))


def _addable(session: Session, issue: Issue, article_id: int, *, now: datetime) -> Candidate:
    placement = session.get(Placement, (article_id, issue.newsletter_id))
    found = pool.by_hand(session, newsletters.by_id(session, issue.newsletter_id), article_id)
    if placement is None or found is None:
        raise NotFoundError(_("Article %(article)d does not exist in this newsletter.", article=article_id))
    if placement.withdrawn_at is not None:
        raise RefusedError(_("This article has been withdrawn."))
    if placement.embargo_until is not None and now < placement.embargo_until:
        raise RefusedError(_("This article is under embargo. Lift that first."))
    if placement.expires_at is not None and placement.expires_at <= now:
        raise RefusedError(_("This article has expired. Change that first."))
    return found


def _section(issue: Issue, key: str) -> str | None:
    if key and key not in {item.key for item in read_rules(issue.rules).sections}:
        raise RefusedError(_("This issue has no such section."))
    return key or None


def _room(
    issue: Issue, rows: Sequence[IssueArticle], candidate: Candidate, place: int | None
) -> tuple[int, str | None]:
    """(index, section) for an article that is added."""
    if place is not None and place < 1:
        raise RefusedError(_("A place is a number from 1, the lead, to %(last)d.", last=MOST))
    if place is not None and place <= len(rows):
        return place - 1, rows[place - 1].section
    sections = read_rules(issue.rules).sections
    section = next((item.key for item in sections if matches(candidate, item.filter)), None)
    keys = [item.key for item in sections]
    upto = keys[: keys.index(section) + 1] if section else None
    if upto is None:
        return len(rows), None
    return max((index + 1 for index, row in enumerate(rows) if row.section in upto), default=0), section


def _number(session: Session, rows: Sequence[IssueArticle]) -> None:
    for position, row in enumerate(rows):
        row.position = position
    session.flush()
