"""A rule as SQL: one condition on the audience of a newsletter, the same on SQLite and PostgreSQL.

Each part is true or false and never NULL, for a rule also says who is left out, and what is neither would be left out
of both. Values travel as parameters. What looks at another table asks whether there is a row, by an index that begins
with the reader: a `NOT IN` over a million of them would be compared row by row. A table of a room beside this one is
named by `sqlalchemy.table`, for rooms of one layer do not import each other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    Text,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    table,
    text,
    true,
)
from sqlalchemy.orm import Session

from newsletter.core.database import among, dialect_of
from newsletter.delivery.models import Batch, Delivery, DeliveryStatus, SoftBounce
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Edition, Newsletter
from newsletter.subscriptions.audience import audience
from newsletter.subscriptions.models import Choice, ConsentEvent, ConsentKind, Measuring, Subscriber, Subscription
from newsletter.subscriptions.segments.rule import Condition, Field, Group, Match, Op, Rule, Way

REACHED: Final = (DeliveryStatus.SENT, DeliveryStatus.UNKNOWN)
JOINING: Final = (ConsentKind.REQUESTED, ConsentKind.IMPORTED, ConsentKind.ADDED_BY_STAFF)


@dataclass
class _Ground:
    """What a rule is evaluated on."""

    session: Session
    newsletter: Newsletter
    now: datetime

    @cached_property
    def main_cadence(self) -> int:
        return schedules.main_of(self.session, self.newsletter.id).id

    @cached_property
    def gone_cadences(self) -> list[int]:
        return schedules.gone(self.session, self.newsletter.id)

    def before(self, days: int) -> datetime:
        return self.now - timedelta(days=days)

    def issues_since(self, moment: datetime) -> list[int]:
        """Issues of which something can have been sent after a moment: tries end when a batch expires."""
        query = select(Batch.issue_id).where(Batch.newsletter_id == self.newsletter.id, Batch.expires_at > moment)
        return list(self.session.scalars(query.distinct()))

    def batches_of(self, issue_id: int) -> list[int]:
        return list(self.session.scalars(select(Batch.id).where(Batch.issue_id == issue_id)))


def fits(session: Session, newsletter: Newsletter, rule: Rule, *, now: datetime) -> ColumnElement[bool]:
    """SQL: the rule is true of a reader, in a query that has Subscriber and Subscription as `audience` joins them."""
    ground = _Ground(session, newsletter, now)
    return _matched(rule.match, [_part(ground, item) for item in rule.of])


def members(session: Session, newsletter: Newsletter, rule: Rule, *, now: datetime) -> Select[int]:
    """The subscriptions, by id, of the active readers of a newsletter who may be mailed and fit a rule."""
    return audience(newsletter.id).with_only_columns(Subscription.id).where(fits(session, newsletter, rule, now=now))


def _part(ground: _Ground, item: Condition | Group) -> ColumnElement[bool]:
    if isinstance(item, Group):
        return _matched(item.match, [_part(ground, each) for each in item.of])
    return _BY_FIELD[item.field](ground, item)


def _matched(match: Match, parts: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    if match is Match.ALL:
        return and_(*parts)
    return or_(*parts) if match is Match.ANY else not_(or_(*parts))


def _domain(ground: _Ground, item: Condition) -> ColumnElement[bool]:
    if item.op is Op.ENDS:
        return Subscriber.domain.endswith(str(item.value), autoescape=True)
    return Subscriber.domain == item.value


def _language(ground: _Ground, item: Condition) -> ColumnElement[bool]:
    return Subscriber.language == item.value


def _edition(ground: _Ground, item: Condition) -> ColumnElement[bool]:
    """Who chose nothing gets the full edition."""
    wanted = Edition(str(item.value))
    chosen = _chose(ground, Choice.edition == wanted)
    return or_(Subscription.choice_id.is_(None), chosen) if wanted is Edition.FULL else chosen


def _topic(ground: _Ground, item: Condition) -> ColumnElement[bool]:
    """Who chose no topics gets all of them."""
    if dialect_of(ground.session) == "sqlite":
        listed = func.json_each(Choice.topics).table_valued("value")
        named: ColumnElement[bool] = exists(select(literal(1)).select_from(listed).where(listed.c.value == item.value))
    else:
        wanted = func.jsonb_build_array(cast(literal(item.value), BigInteger))
        named = Choice.topics.op("@>", is_comparison=True)(wanted)
    return or_(Subscription.choice_id.is_(None), _chose(ground, or_(Choice.topics.is_(null()), named)))


def _chose(ground: _Ground, wanted: ColumnElement[bool]) -> ColumnElement[bool]:
    """The reader's choice is one of those. In the statement itself: a reader may choose anew between two statements."""
    fitting = select(Choice.id).where(Choice.newsletter_id == ground.newsletter.id, wanted)
    return and_(Subscription.choice_id.is_not(None), Subscription.choice_id.in_(fitting))


def _cadence(ground: _Ground, item: Condition) -> ColumnElement[bool]:
    """The main one has those too who chose none, or one that is gone."""
    on_it = [int(item.value)]
    if item.value == ground.main_cadence:
        on_it += [0, *ground.gone_cadences]
    on_one: ColumnElement[bool] = among(ground.session, func.coalesce(Subscription.schedule_id, 0), on_it)
    return on_one


def _joined(ground: _Ground, item: Condition) -> ColumnElement[bool]:
    at = func.coalesce(Subscription.confirmed_at, Subscription.created_at)
    if item.op is Op.WITHIN:
        return at > ground.before(int(item.value))
    zone = ZoneInfo(ground.newsletter.timezone)
    begins = datetime.combine(date.fromisoformat(str(item.value)), time(), zone)
    return at >= begins if item.op is Op.SINCE else at < begins


def _came_by(ground: _Ground, item: Condition) -> ColumnElement[bool]:
    """By the last event that brought the reader in: who left and came back did so in the last way."""
    by = case(
        (or_(ConsentEvent.kind == ConsentKind.IMPORTED, ConsentEvent.form == "import"), Way.IMPORT.value),
        (or_(ConsentEvent.kind == ConsentKind.ADDED_BY_STAFF, ConsentEvent.form == "staff"), Way.STAFF.value),
        else_=Way.FORM.value,
    )
    last = (
        select(by)
        .where(
            ConsentEvent.subscriber_id == Subscription.subscriber_id,
            ConsentEvent.newsletter_id == ground.newsletter.id,
            ConsentEvent.kind.in_(JOINING),
        )
        .order_by(ConsentEvent.id.desc())
        .limit(1)
        .correlate(Subscription)
        .scalar_subquery()
    )
    return func.coalesce(last, "") == item.value


def _attribute(ground: _Ground, item: Condition) -> ColumnElement[bool]:
    """Letters from A to Z are compared whatever their case, alike on both databases; others as they are."""
    sqlite = dialect_of(ground.session) == "sqlite"
    wanted = str(item.value).translate(_SMALL)
    if sqlite:
        # A path would have to quote the name; here it is a value.
        each = func.json_each(Subscriber.attributes).table_valued("key", "value")
        held: Any = func.lower(each.c.value)
    else:
        held = func.lower(
            func.coalesce(Subscriber.attributes.op("->>", return_type=Text())(item.name), "").collate("C")
        )
    asked: ColumnElement[bool] = held != ""
    if item.op is Op.IS:
        asked = held == wanted
    elif item.op is Op.CONTAINS:
        asked = (func.instr if sqlite else func.strpos)(held, wanted) > 0
    return exists(select(literal(1)).select_from(each).where(each.c.key == item.name, asked)) if sqlite else asked


def _issue(ground: _Ground, item: Condition) -> ColumnElement[bool]:
    """By reader and issue, or by the batches of the issue: both have an index, and the database knows which is less."""
    return exists().where(
        Delivery.subscriber_id == Subscription.subscriber_id,
        Delivery.issue_id == item.value,
        among(ground.session, Delivery.batch_id, ground.batches_of(int(item.value))),
        Delivery.status.in_(REACHED),
    )


def _nothing_sent(ground: _Ground, item: Condition) -> ColumnElement[bool]:
    since = ground.before(int(item.value))
    issues = ground.issues_since(since)
    if not issues:
        return true()
    return ~exists().where(
        Delivery.subscriber_id == Subscription.subscriber_id,
        among(ground.session, Delivery.issue_id, issues),
        Delivery.status.in_(REACHED),
        Delivery.updated_at > since,
    )


def _bounced(ground: _Ground, item: Condition) -> ColumnElement[bool]:
    return exists().where(
        SoftBounce.subscriber_id == Subscription.subscriber_id, SoftBounce.at > ground.before(int(item.value))
    )


def _clicked(ground: _Ground, item: Condition) -> ColumnElement[bool]:
    """As a person and known by name; the days are those of UTC. Of who objects to being measured nobody knows: they
    are among neither.
    """
    found = exists().where(
        _ENGAGEMENT.c.subscriber_id == Subscription.subscriber_id,
        _ENGAGEMENT.c.newsletter_id == ground.newsletter.id,
        _ENGAGEMENT.c.day >= ground.before(int(item.value)).date(),
        text(_CLICKS_OF_READERS),
    )
    if item.op is Op.WITHIN:
        return found
    return and_(func.coalesce(Subscription.measuring, "") != Measuring.REFUSED, ~found)


# The rows of the index over clicks of known readers, said in its own words: no database finds out that it may be used
# from a parameter.
_CLICKS_OF_READERS: Final = "verdict = 'person' AND number > 0 AND subscriber_id IS NOT NULL"
_ENGAGEMENT: Final = table("engagement_events", column("subscriber_id"), column("newsletter_id"), column("day", Date()))
_SMALL: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_BY_FIELD: Final[dict[Field, Callable[[_Ground, Condition], ColumnElement[bool]]]] = {
    Field.DOMAIN: _domain,
    Field.LANGUAGE: _language,
    Field.EDITION: _edition,
    Field.TOPIC: _topic,
    Field.CADENCE: _cadence,
    Field.JOINED: _joined,
    Field.CAME_BY: _came_by,
    Field.ATTRIBUTE: _attribute,
    Field.ISSUE: _issue,
    Field.NOTHING_SENT: _nothing_sent,
    Field.BOUNCED: _bounced,
    Field.CLICKED: _clicked,
}
