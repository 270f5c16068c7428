"""Reading issues."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.delivery import queries as deliveries
from newsletter.delivery.models import DeliveryStatus, SkipReason
from newsletter.issues.editing import article_ids
from newsletter.issues.models import Issue, IssueArticle, IssueStatus
from newsletter.issues.reach import reach
from newsletter.subscriptions.counts import counts
from newsletter.subscriptions.models import SubscriptionStatus

COUNTED = 20_000  # readers who are counted when somebody looks


@dataclass(frozen=True, slots=True)
class Readers:
    """How many; not `exact`: that many at most."""

    number: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an issue stands. The counts add up to `audience`, which is None until the issue is frozen. `wave` of
    `waves` may leave at present.
    """

    status: IssueStatus
    audience: int | None
    counts: dict[DeliveryStatus, int]
    frozen_at: datetime | None
    finished_at: datetime | None
    wave: int
    waves: int

    @property
    def done(self) -> int:
        """Deliveries that will not change any more."""
        ended = (DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN, DeliveryStatus.SKIPPED)
        return sum(self.counts[status] for status in ended)


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A delivery as staff see it."""

    id: int
    email: str
    status: DeliveryStatus
    updated_at: datetime
    attempts: int
    repeated: bool
    reply: str | None
    skip_reason: SkipReason | None
    next_attempt_at: datetime | None


def by_id(session: Session, issue_id: int) -> Issue:
    found = session.get(Issue, issue_id)
    if found is None:
        raise NotFoundError(_("This issue does not exist."))
    return found


def page(
    session: Session, newsletter_id: int | None = None, *, before: int | None = None, limit: int = 50
) -> list[Issue]:
    """Issues of one newsletter or of all, the newest first, below the id `before`."""
    query = select(Issue).order_by(Issue.id.desc()).limit(limit)
    if newsletter_id is not None:
        query = query.where(Issue.newsletter_id == newsletter_id)
    if before is not None:
        query = query.where(Issue.id < before)
    return list(session.scalars(query))


def in_flight(session: Session) -> list[Issue]:
    """Issues that are being sent or paused."""
    query = select(Issue).where(Issue.status.in_([IssueStatus.SENDING, IssueStatus.PAUSED])).order_by(Issue.id)
    return list(session.scalars(query))


def progress(session: Session, issue_id: int) -> Progress:
    issue = by_id(session, issue_id)
    by_wave = deliveries.by_wave(session, issue_id)
    total = sum(by_wave.values(), deliveries.Counts())
    return Progress(
        status=issue.status,
        audience=issue.audience,
        counts={status: getattr(total, status.value) for status in DeliveryStatus},
        frozen_at=issue.frozen_at,
        finished_at=issue.finished_at,
        wave=issue.wave,
        waves=max(by_wave, default=0),
    )


def audience_size(session: Session, newsletter_id: int) -> int:
    """How many readers a newsletter has, which is how many an issue may have at most."""
    return counts(session, newsletter_id)[SubscriptionStatus.ACTIVE]


def readers_of(session: Session, issue: Issue, *, now: datetime) -> Readers:
    """How many readers an issue would have if it left now and all of it were new to them.

    Few are counted. Of many the newsletter's counter is told, which is the most that it can be: a page of an issue must
    not read a million rows each time it is opened.
    """
    most = audience_size(session, issue.newsletter_id)
    if most > COUNTED:
        return Readers(most, exact=False)
    return Readers(session.scalar(select(func.count()).select_from(reach(session, issue, now=now).subquery())) or 0)


def to_leave(session: Session) -> list[Issue]:
    """Issues that have an hour and have not left, those that leave first at the front."""
    query = select(Issue).where(
        Issue.status.in_([IssueStatus.DRAFT, IssueStatus.SCHEDULED]), Issue.send_at.is_not(None)
    )
    return list(session.scalars(query.order_by(Issue.send_at, Issue.id)))


def articles_of(session: Session, issue_id: int) -> list[int]:
    """The ids of an issue's articles in their order."""
    return article_ids(session, issue_id)


def issue_numbers(session: Session, newsletter_id: int, article_ids: list[int]) -> dict[int, tuple[int, int]]:
    """(issue id, number) of the issue that holds each article."""
    rows = session.execute(
        select(IssueArticle.article_id, Issue.id, Issue.number)
        .join(Issue, Issue.id == IssueArticle.issue_id)
        .where(IssueArticle.newsletter_id == newsletter_id, IssueArticle.article_id.in_(article_ids))
    )
    return {article_id: (issue_id, number) for article_id, issue_id, number in rows}
