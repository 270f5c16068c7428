"""The SQL of a rule gives exactly what reading each reader by hand gives, on both databases."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Integer, column, insert, select, text
from sqlalchemy.orm import Session

from newsletter.core.i18n import LOCALES
from newsletter.core.patience import TooSlowError, within
from newsletter.delivery.models import Batch, Delivery, DeliveryStatus, SoftBounce
from newsletter.issues.models import Issue, IssueStatus
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Edition, Newsletter, Schedule, Topic
from newsletter.subscriptions.models import (
    Choice,
    ConsentEvent,
    ConsentKind,
    Measuring,
    Subscriber,
    Subscription,
    SubscriptionStatus,
)
from newsletter.subscriptions.segments import counting
from newsletter.subscriptions.segments.conditions import CONDITIONS
from newsletter.subscriptions.segments.rule import Condition, Field, Group, Kind, Match, Op, Rule, Way
from newsletter.subscriptions.segments.sql import members
from newsletter.tracking.models import EngagementEvent
from newsletter.tracking.words import Manner, Verdict
from tests.support.newsroom import NOW, Newsroom

REACHED = (DeliveryStatus.SENT, DeliveryStatus.UNKNOWN)
DOMAINS = ("poste.tg", "mail.poste.tg", "poste_tg", "a%b.tg", "x.example", "tg")
ENDS = ("poste.tg", ".tg", "tg", "_tg", "e")
NAMES = ("ville", "prénom", "a.b", "100%", 'dit "x"', "back\\slash", "$", "[0]")
VALUES = ("Lomé", "lomé", "LOMÉ", "a_b", "%", "a%b", "'; DROP TABLE segments; --", "0")
DAYS = (1, 7, 30, 3650)
CLICK_DAYS = (1, 7, 365)
DATES = ("2026-01-05", "2026-03-01", "2026-03-02", "2026-03-03")
MOMENTS = [NOW - timedelta(days=days, microseconds=less) for days in (0, 1, 7, 30, 400) for less in (-1, 0, 1)]
MOMENTS += [datetime(2026, 3, 1, tzinfo=ZoneInfo("Pacific/Auckland")) + timedelta(microseconds=at) for at in (-1, 0)]
ISSUES = (41, 42, 43)  # the last one is another newsletter's


@dataclass(frozen=True)
class Person:
    domain: str
    language: str
    attributes: dict[str, str]
    choice: tuple[Edition, frozenset[int] | None] | None
    cadence: str | None
    created_at: datetime
    confirmed_at: datetime | None
    events: tuple[tuple[ConsentKind, str], ...]
    sent: tuple[tuple[int, DeliveryStatus, datetime], ...] = field(default=())
    bounced: tuple[datetime, ...] = ()
    seen: tuple[tuple[int, int, Verdict | None, bool, bool], ...] = ()
    measuring: Measuring | None = None
    active: bool = True


moments = st.sampled_from(MOMENTS)
choices = st.none() | st.tuples(
    st.sampled_from(Edition), st.none() | st.frozensets(st.sampled_from((1, 2, 3)), min_size=1)
)
events = st.tuples(st.sampled_from(ConsentKind), st.sampled_from(("", "import", "staff", "form")))
sendings = st.lists(
    st.tuples(st.sampled_from(ISSUES), st.sampled_from(DeliveryStatus), moments), unique_by=lambda item: item[0]
)
# An event: so many days ago, of which link (0: the picture), what it was taken for, whether it is known whose it is,
# and whether it was in an issue of the neighbour.
seen = st.tuples(
    st.sampled_from((0, 1, 2, 7, 8, 30, 365, 366)),
    st.sampled_from((0, 1, 2)),
    st.none() | st.sampled_from(Verdict),
    st.booleans(),
    st.booleans(),
)
people = st.builds(
    Person,
    domain=st.sampled_from(DOMAINS),
    language=st.sampled_from(LOCALES),
    attributes=st.dictionaries(st.sampled_from(NAMES), st.sampled_from((*VALUES, "")), max_size=4),
    choice=choices,
    cadence=st.sampled_from((None, "main", "other", "gone")),
    created_at=moments,
    confirmed_at=st.none() | moments,
    events=st.lists(events, max_size=4).map(tuple),
    sent=sendings.map(tuple),
    bounced=st.lists(moments, max_size=2).map(tuple),
    seen=st.lists(seen, max_size=3).map(tuple),
    measuring=st.none() | st.sampled_from(Measuring),
    active=st.sampled_from((True, True, True, False)),
)


def _conditions(topics: Sequence[int], cadences: Sequence[int]) -> st.SearchStrategy[Condition]:
    def value(asked: Field, op: Op) -> st.SearchStrategy[str | int]:
        match CONDITIONS[asked].takes[op]:
            case Kind.DOMAIN:
                return st.sampled_from(ENDS if op is Op.ENDS else DOMAINS)
            case Kind.LANGUAGE:
                return st.sampled_from(LOCALES)
            case Kind.EDITION:
                return st.sampled_from([item.value for item in Edition])
            case Kind.WAY:
                return st.sampled_from([item.value for item in Way])
            case Kind.DATE:
                return st.sampled_from(DATES)
            case Kind.DAYS:
                return st.sampled_from(DAYS)
            case Kind.CLICK_DAYS:
                return st.sampled_from(CLICK_DAYS)
            case Kind.TEXT:
                return st.sampled_from((*VALUES, "o", "A"))
            case Kind.ID:
                known = {Field.TOPIC: topics, Field.CADENCE: cadences, Field.ISSUE: ISSUES}
                return st.sampled_from(known[asked])
        return st.just("")

    asked = [(item, op) for item, known in CONDITIONS.items() for op in known.takes]
    return st.sampled_from(asked).flatmap(
        lambda pair: st.builds(
            Condition,
            field=st.just(pair[0]),
            op=st.just(pair[1]),
            value=value(*pair),
            name=st.sampled_from(NAMES) if pair[0] is Field.ATTRIBUTE else st.just(""),
        )
    )


class Gazette:
    """A newsletter with three topics and three cadences, one of which is gone."""

    def __init__(self, newsroom: Newsroom) -> None:
        self.database = newsroom.database
        self.newsletter = newsroom.newsletter(timezone="Pacific/Auckland")
        self.neighbour = newsroom.newsletter("autre")
        with self.database.unit() as session:
            made = [Topic(newsletter_id=self.newsletter.id, slug=f"t{at}", name=f"T{at}") for at in (1, 2, 3)]
            session.add_all(made)
            main = schedules.main_of(session, self.newsletter.id)
            others = [_cadence(self.newsletter, "other", 1), _cadence(self.newsletter, "gone", 2)]
            others[1].removed_at = NOW
            session.add_all(others)
            session.flush()
            self.topics = [item.id for item in made]
            self.cadences = {"main": main.id, "other": others[0].id, "gone": others[1].id}
            for issue in ISSUES:
                owner = self.neighbour if issue == ISSUES[-1] else self.newsletter
                session.add(_issue(issue, owner.id))
                session.flush()
                session.execute(insert(Batch).values(id=issue, **_batch(issue, owner.id)))

    def rules(self) -> st.SearchStrategy[Rule]:
        condition = _conditions(self.topics, [self.cadences["main"], self.cadences["other"]])
        inner = st.builds(Group, st.sampled_from(Match), st.lists(condition, min_size=1, max_size=3).map(tuple))
        return st.builds(Rule, st.sampled_from(Match), st.lists(condition | inner, min_size=1, max_size=4).map(tuple))

    def fill(self, session: Session, population: Sequence[Person]) -> dict[int, Person]:
        """By the id of their subscription."""
        found: dict[int, Person] = {}
        for at, person in enumerate(population):
            email = f"reader{at}@{person.domain}"
            reader = Subscriber(
                email=email,
                email_key=email,
                domain=person.domain,
                name="",
                language=person.language,
                attributes=person.attributes,
                created_at=person.created_at,
            )
            session.add(reader)
            session.flush()
            subscription = Subscription(
                subscriber_id=reader.id,
                newsletter_id=self.newsletter.id,
                status=SubscriptionStatus.ACTIVE if person.active else SubscriptionStatus.PENDING,
                created_at=person.created_at,
                confirmed_at=person.confirmed_at,
                choice_id=self._choice(session, person),
                measuring=person.measuring,
                schedule_id=self.cadences[person.cadence] if person.cadence else None,
            )
            session.add(subscription)
            session.add_all(self._events(reader.id, person))
            session.add_all(self._seen(reader.id, person))
            session.flush()
            self._deliveries(session, reader.id, person)
            found[subscription.id] = person
        session.flush()
        return found

    def _choice(self, session: Session, person: Person) -> int | None:
        if person.choice is None:
            return None
        edition, topics = person.choice
        ids = None if topics is None else sorted(self.topics[item - 1] for item in topics)
        key = f"{edition} {ids}"
        known = session.scalar(select(Choice.id).where(Choice.key == key))
        if known is not None:
            return known
        made = Choice(
            newsletter_id=self.newsletter.id,
            key=key,
            topics=ids,
            edition=edition,
            hour=None,
            timezone=None,
            breaking=True,
        )
        session.add(made)
        session.flush()
        return made.id

    def _events(self, subscriber_id: int, person: Person) -> list[ConsentEvent]:
        # One of the neighbour's comes last and must not count.
        told = [(self.newsletter, *event) for event in person.events] + [(self.neighbour, ConsentKind.IMPORTED, "")]
        return [
            ConsentEvent(
                subscriber_id=subscriber_id,
                newsletter_id=newsletter.id,
                kind=kind,
                at=NOW,
                wording="",
                form=form,
                network="",
                actor="",
            )
            for newsletter, kind, form in told
        ]

    def _seen(self, subscriber_id: int, person: Person) -> list[EngagementEvent]:
        return [
            EngagementEvent(
                issue_id=ISSUES[0],
                newsletter_id=(self.neighbour if elsewhere else self.newsletter).id,
                number=number,
                subscriber_id=subscriber_id if known else None,
                at=NOW - timedelta(days=days),
                day=(NOW - timedelta(days=days)).date(),
                manner=Manner.GET,
                family="firefox",
                network="",
                verdict=verdict,
            )
            for days, number, verdict, known, elsewhere in person.seen
        ]

    def _deliveries(self, session: Session, subscriber_id: int, person: Person) -> None:
        rows = [
            Delivery(
                issue_id=issue,
                batch_id=issue,
                variant_id=1,
                subscriber_id=subscriber_id,
                status=status,
                attempts=1,
                repeated=False,
                updated_at=at,
            )
            for issue, status, at in person.sent
        ]
        # What came back names a delivery; which one it is does not matter here.
        returned = [
            Delivery(
                issue_id=1000 + at,
                batch_id=1,
                variant_id=1,
                subscriber_id=subscriber_id,
                status=DeliveryStatus.FAILED,
                attempts=1,
                repeated=False,
                updated_at=NOW,
            )
            for at in range(len(person.bounced))
        ]
        session.add_all([*rows, *returned])
        session.flush()
        session.add_all(
            SoftBounce(
                delivery_id=row.id,
                issue_id=row.issue_id,
                subscriber_id=subscriber_id,
                at=at,
                disabled=False,
                source="smtp",
                reply="",
            )
            for row, at in zip(returned, person.bounced, strict=True)
        )

    def fits(self, person: Person, rule: Rule) -> bool:
        """The rule, read for one person."""
        return person.active and self._matched(rule.match, [self._part(person, item) for item in rule.of])

    def _part(self, person: Person, item: Condition | Group) -> bool:
        if isinstance(item, Group):
            return self._matched(item.match, [self._part(person, each) for each in item.of])
        return self._met(person, item)

    def _matched(self, match: Match, parts: Sequence[bool]) -> bool:
        return {Match.ALL: all(parts), Match.ANY: any(parts), Match.NONE: not any(parts)}[match]

    def _met(self, person: Person, item: Condition) -> bool:
        edition, topics = person.choice or (Edition.FULL, None)
        since = NOW - timedelta(days=int(item.value)) if item.op is Op.WITHIN else NOW
        match item.field:
            case Field.DOMAIN:
                return person.domain == item.value or (item.op is Op.ENDS and person.domain.endswith(str(item.value)))
            case Field.LANGUAGE:
                return person.language == item.value
            case Field.EDITION:
                return edition == item.value
            case Field.TOPIC:
                return topics is None or item.value in [self.topics[at - 1] for at in topics]
            case Field.CADENCE:
                on = person.cadence if person.cadence == "other" else "main"
                return self.cadences[on] == item.value
            case Field.JOINED:
                joined = person.confirmed_at or person.created_at
                if item.op is Op.WITHIN:
                    return joined > since
                begins = datetime.combine(date.fromisoformat(str(item.value)), time(), ZoneInfo("Pacific/Auckland"))
                return joined >= begins if item.op is Op.SINCE else joined < begins
            case Field.CAME_BY:
                return _way(person) == item.value
            case Field.ATTRIBUTE:
                held, wanted = _small(person.attributes.get(item.name, "")), _small(str(item.value))
                return {Op.IS: held == wanted, Op.CONTAINS: wanted in held, Op.THERE: held != ""}[item.op]
            case Field.ISSUE:
                return any(issue == item.value and status in REACHED for issue, status, _at in person.sent)
            case Field.NOTHING_SENT:
                ours = [item for item in person.sent if item[0] != ISSUES[-1]]
                return not any(status in REACHED and at > since for _issue, status, at in ours)
            case _:
                return _did(person, item)


def _did(person: Person, item: Condition) -> bool:
    """What is known of mail that was sent: that it came back, that a link in it was followed."""
    if item.field is Field.BOUNCED:
        return any(at > NOW - timedelta(days=int(item.value)) for at in person.bounced)
    assert item.field is Field.CLICKED
    clicked = any(
        days <= int(item.value) and number and verdict is Verdict.PERSON and known and not elsewhere
        for days, number, verdict, known, elsewhere in person.seen
    )
    return clicked if item.op is Op.WITHIN else not clicked and person.measuring is not Measuring.REFUSED


def _way(person: Person) -> str:
    joining = (ConsentKind.REQUESTED, ConsentKind.IMPORTED, ConsentKind.ADDED_BY_STAFF)
    told = [event for event in person.events if event[0] in joining]
    if not told:
        return ""
    kind, form = told[-1]
    if kind is ConsentKind.IMPORTED or form == "import":
        return "import"
    return "staff" if kind is ConsentKind.ADDED_BY_STAFF or form == "staff" else "form"


def _small(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _cadence(newsletter: Newsletter, slug: str, position: int) -> Schedule:
    return Schedule(
        newsletter_id=newsletter.id,
        slug=slug,
        name=slug,
        position=position,
        rule="",
        since=NOW,
        created_at=NOW,
    )


def _issue(issue_id: int, newsletter_id: int) -> Issue:
    return Issue(
        id=issue_id,
        newsletter_id=newsletter_id,
        number=issue_id,
        status=IssueStatus.SENT,
        subject="",
        preheader="",
        introduction="",
        resend_unknown=False,
        cut_off=NOW,
        created_at=NOW,
        created_by="test",
    )


def _batch(issue: int, newsletter_id: int) -> dict[str, object]:
    return {
        "issue_id": issue,
        "position": 0,
        "newsletter_id": newsletter_id,
        "resend_unknown": False,
        "expires_at": NOW + timedelta(days=1),
        "held": False,
    }


def test_sql_and_python_choose_the_same_readers(newsroom: Newsroom) -> None:
    gazette = Gazette(newsroom)

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(rule=gazette.rules(), population=st.lists(people, max_size=6))
    def agree(rule: Rule, population: list[Person]) -> None:
        with gazette.database.unit() as session:
            found = gazette.fill(session, population)
            chosen = set(session.scalars(members(session, gazette.newsletter, rule, now=NOW)))
            assert chosen == {number for number, person in found.items() if gazette.fits(person, rule)}
            session.rollback()

    agree()


def test_a_query_that_takes_too_long_is_ended_and_the_transaction_goes_on(newsroom: Newsroom) -> None:
    endless = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT count(*) FROM n"
    )
    with newsroom.database.reading() as session:
        with pytest.raises(TooSlowError), within(session, 0.05):
            session.scalar(endless)
        assert session.scalar(text("SELECT 1")) == 1
        with within(session, 5):
            assert session.scalar(text("SELECT 2")) == 2


def test_a_count_that_takes_too_long_says_so(newsroom: Newsroom) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT i FROM n"
    many = select(text(endless).columns(column("i", Integer)).subquery())
    with newsroom.database.reading() as session:
        found = counting.count(session, many, seconds=0.05)
    assert found in (counting.Count(None), counting.Count(counting.MANY, more=True))
