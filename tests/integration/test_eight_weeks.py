"""Eight weeks of readers' lives: what three newsletters promise in two rhythms each is what comes, and nothing comes
twice.

The promise is worked out here from the rules alone, as editors and readers are told them. A digest holds what came in
since the last one of its rhythm; what is under embargo comes in when that ends. Of it a reader of that rhythm gets what
is filed under a topic that they chose, or under none, less what any newsletter has brought them before.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from newsletter.articles.models import Article, Placement
from newsletter.delivery.models import Delivery, DeliveryStatus
from newsletter.issues import clearance, schedule
from newsletter.issues import freeze as freezing
from newsletter.issues.models import Issue, Variant
from newsletter.newsletters import cadences, schedules
from newsletter.newsletters.cadences import ScheduleValues
from newsletter.newsletters.editing import ensure_topic
from newsletter.newsletters.models import Newsletter, Schedule
from newsletter.subscriptions import choices
from newsletter.subscriptions.choices import ChoiceValues
from newsletter.subscriptions.models import Subscription
from newsletter.subscriptions.models import SubscriptionStatus as Status
from tests.support.newsroom import Newsroom, draft

pytestmark = pytest.mark.timeout(300)

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)  # the clocks of Europe change in these weeks
END = BEGIN + timedelta(weeks=8)
ARTICLES = 5_000
READERS = 24
TOPICS = ("Politique", "Sport", "Culture")
PAPERS = {"matin": "Africa/Lome", "soir": "Europe/Paris", "eco": "America/Toronto"}
ROOMY = {"max_items": 300}


@dataclass(frozen=True)
class Written:
    """An article. `places`: the newsletters that have it, each with what it is filed under there, or None."""

    id: int
    at: datetime
    places: dict[str, str | None]
    embargo: datetime | None

    @property
    def came_at(self) -> datetime:
        return max(self.at, self.embargo or self.at)


@dataclass
class Rhythm:
    """A cadence, and when its digests leave; the hours are the test's own arithmetic."""

    paper: str
    name: str
    hours: list[datetime]
    id: int = 0


@dataclass
class Reader:
    """`decided`: from which moment on a reader has which rhythm and topics (None: all) of a newsletter; None in place
    of both: a break.
    """

    decided: dict[str, list[tuple[datetime, tuple[str, frozenset[str] | None] | None]]]
    subscriptions: dict[str, int] = field(default_factory=dict)
    id: int = 0

    def wants(self, paper: str, at: datetime) -> tuple[str, frozenset[str] | None] | None:
        """What holds at a moment."""
        return [said for since, said in self.decided[paper] if since <= at][-1]


def promised(reader: Reader, rhythms: list[Rhythm], articles: list[Written]) -> dict[tuple[str, datetime], set[int]]:
    """What each digest must bring the reader, by the rules."""
    had: set[int] = set()
    found = {}
    for hour, rhythm in departures(rhythms):
        since = max([BEGIN, *(earlier for earlier in rhythm.hours if earlier < hour)])
        said = reader.wants(rhythm.paper, hour)
        if said is None or said[0] != rhythm.name:
            continue
        topics = said[1]
        new = {
            article.id
            for article in articles
            if rhythm.paper in article.places
            and since <= article.came_at < hour
            and (topics is None or article.places[rhythm.paper] in (None, *topics))
        }
        if new - had:
            found[rhythm.paper, hour] = new - had
            had |= new
    return found


def departures(rhythms: list[Rhythm]) -> list[tuple[datetime, Rhythm]]:
    return sorted(((hour, rhythm) for rhythm in rhythms for hour in rhythm.hours), key=lambda found: found[0])


def hours(offset: timedelta, *, every: int, shift: datetime | None = None) -> Iterator[datetime]:
    """Each so many days at so many hours after midnight UTC, an hour earlier once summer time has begun."""
    moment = BEGIN + offset
    while moment <= END:
        yield moment - timedelta(hours=1) if shift and moment > shift else moment
        moment += timedelta(days=every)


def make_rhythms(newsroom: Newsroom) -> list[Rhythm]:
    """Two for each newsletter: its clocks hang in another zone each, so that their digests leave at all hours."""
    european = datetime(2026, 3, 29, 1, tzinfo=UTC)
    at = timedelta
    rhythms = [
        Rhythm("matin", "main", list(hours(at(hours=6, minutes=30), every=1))),
        Rhythm("matin", "weekly", list(hours(at(days=6, hours=9), every=7))),
        Rhythm("soir", "main", list(hours(at(hours=17, minutes=30), every=1, shift=european))),
        Rhythm("soir", "weekly", list(hours(at(days=3, hours=17), every=7, shift=european))),
        Rhythm("eco", "main", list(hours(at(hours=12), every=1, shift=datetime(2026, 3, 8, 7, tzinfo=UTC)))),
        Rhythm("eco", "weekly", list(hours(at(days=4, hours=13), every=7, shift=datetime(2026, 3, 8, 7, tzinfo=UTC)))),
    ]
    rules = {
        "matin": ("30 6 * * *", "0 9 * * 0"),
        "soir": ("FREQ=DAILY;BYHOUR=18;BYMINUTE=30", "FREQ=WEEKLY;BYDAY=TH;BYHOUR=18"),
        "eco": ("0 7 * * *", "FREQ=WEEKLY;BYDAY=FR;BYHOUR=8"),
    }
    newsroom.now = BEGIN
    for paper, zone in PAPERS.items():
        made = newsroom.newsletter(paper, timezone=zone)
        with newsroom.database.unit() as session:
            newsletter = session.get_one(Newsletter, made.id)
            newsletter.rules = ROOMY
            for topic in TOPICS:
                ensure_topic(session, newsletter.id, topic)
            main, weekly = (
                schedules.main_of(session, newsletter.id),
                cadences.create(
                    session,
                    newsletter,
                    ScheduleValues(name="Chaque semaine", slug="weekly", rule=rules[paper][1]),
                    actor="test",
                    now=BEGIN,
                ),
            )
            main.created_at = BEGIN
            values = ScheduleValues(name="Chaque jour", rule=rules[paper][0])
            cadences.change(session, newsletter, main, values, actor="test", now=BEGIN)
            for rhythm in rhythms:
                if rhythm.paper == paper:
                    rhythm.id = main.id if rhythm.name == "main" else weekly.id
    return rhythms


def think_of_articles(rng: random.Random) -> list[Written]:
    """Articles at all hours, some in two or three newsletters, some under embargo for hours or many days."""
    written = []
    for number, at in enumerate(sorted(BEGIN + (END - BEGIN) * rng.random() for _article in range(ARTICLES)), start=1):
        chosen = rng.sample(sorted(PAPERS), rng.choices((1, 2, 3), (85, 12, 3))[0])
        filed = {paper: rng.choice((*TOPICS, None)) for paper in chosen}
        embargo = at + timedelta(hours=rng.choice((1, 5, 30, 200))) if rng.random() < 0.05 else None
        written.append(Written(number, at, filed, embargo))
    return written


def invite_readers(newsroom: Newsroom, rng: random.Random) -> list[Reader]:
    """Each reads all three newsletters, and changes their mind now and then: other topics, another rhythm, a break."""

    def mind() -> tuple[str, frozenset[str] | None] | None:
        if rng.random() < 0.1:
            return None
        topics = frozenset(rng.sample(TOPICS, rng.randint(1, 2))) if rng.random() < 0.6 else None
        return rng.choice(("main", "weekly")), topics

    readers = []
    with newsroom.database.reading() as session:
        papers = {item.slug: item for item in session.scalars(select(Newsletter))}
    for number in range(READERS):
        moments = sorted(BEGIN + (END - BEGIN) * rng.random() for _change in range(rng.randint(0, 3)))
        decided = {paper: [(BEGIN, mind() or ("main", None)), *((at, mind()) for at in moments)] for paper in PAPERS}
        reader = Reader(decided)
        for paper, newsletter in papers.items():
            subscription = newsroom.reader(newsletter, f"reader{number}@poste.example")
            reader.id, reader.subscriptions[paper] = subscription.subscriber_id, subscription.id
        readers.append(reader)
    return readers


class Life:
    """The weeks as they go by: readers change their minds, hours come, digests are composed, frozen and sent."""

    def __init__(self, newsroom: Newsroom, articles: list[Written], readers: list[Reader]) -> None:
        self.newsroom = newsroom
        self.articles = list(articles)
        self.changes = sorted(
            (
                (at, reader, paper, said)
                for reader in readers
                for paper, told in reader.decided.items()
                for at, said in told
            ),
            key=lambda change: change[0],
        )
        self.by_issue: dict[int, tuple[str, datetime]] = {}

    def go_on_until(self, moment: datetime) -> None:
        while self.changes and self.changes[0][0] <= moment:
            at, reader, paper, said = self.changes.pop(0)
            self.newsroom.now = at
            self._decide(reader.subscriptions[paper], said)
        self._write(moment)
        self.newsroom.now = moment + timedelta(seconds=7)  # workers look every few seconds

    def _write(self, moment: datetime) -> None:
        """Articles come in; each tells a story of its own."""
        came = [article for article in self.articles if article.at <= moment]
        del self.articles[: len(came)]
        if not came:
            return
        with self.newsroom.database.unit() as session:
            papers = {item.slug: item.id for item in session.scalars(select(Newsletter))}
            rows, places = [], []
            for article in came:
                given = draft(f"Histoire {article.id}")
                columns = {name: getattr(given, name) for name in given.__slots__ if name in Article.__table__.columns}
                own = {"id": article.id, "first_seen_at": article.at, "updated_at": article.at}
                rows.append(columns | own | {"content_hash": f"{article.id}"})
                for paper, topic in article.places.items():
                    place = {"article_id": article.id, "newsletter_id": papers[paper], "placed_at": article.at}
                    filed = ensure_topic(session, papers[paper], topic).id if topic else None
                    places.append(place | {"topic_id": filed, "embargo_until": article.embargo})
            session.execute(insert(Article), rows)
            session.execute(insert(Placement), places)

    def _decide(self, subscription_id: int, said: tuple[str, frozenset[str] | None] | None) -> None:
        with self.newsroom.database.unit() as session:
            found = session.get_one(Subscription, subscription_id)
            found.status = Status.PAUSED if said is None else Status.ACTIVE
            if said is None:
                return
            query = select(Schedule).where(Schedule.newsletter_id == found.newsletter_id, Schedule.slug == said[0])
            choices.set_cadence(session, found, session.scalars(query).one(), now=self.newsroom.now)
            topics = None
            if said[1] is not None:
                topics = frozenset(ensure_topic(session, found.newsletter_id, name).id for name in said[1])
            choices.set_choice(session, found, ChoiceValues(topics=topics), now=self.newsroom.now)

    def work(self) -> None:
        """What workers do."""
        now = self.newsroom.now
        with self.newsroom.database.reading() as session:
            due = schedules.due(session, now=now)
        for schedule_id in due:
            with self.newsroom.database.unit() as session:
                issue = schedule.run_due(session, schedule_id, now=now)
            if issue is not None:
                self._send(issue, now)

    def _send(self, issue: Issue, now: datetime) -> None:
        with self.newsroom.database.unit() as session:
            freezing.freeze(session, issue.id, self.newsroom.here.links, now=now)
            paper = session.get_one(Newsletter, issue.newsletter_id).slug
            self.by_issue[issue.id] = paper, issue.cut_off
            session.execute(update(Delivery).where(Delivery.issue_id == issue.id).values(status=DeliveryStatus.SENT))


def test_what_is_promised_comes_and_nothing_comes_twice(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    # How a message looks keeps nothing from anybody here, and looking at each would take as long as all the rest.
    monkeypatch.setattr(clearance.inspection, "look_at", lambda *_values: [])
    rng = random.Random(20260302)
    rhythms = make_rhythms(newsroom)
    articles = think_of_articles(rng)
    readers = invite_readers(newsroom, rng)
    life = Life(newsroom, articles, readers)
    for hour, _rhythm in departures(rhythms):
        life.go_on_until(hour)
        life.work()

    got: dict[int, dict[tuple[str, datetime], list[int]]] = defaultdict(dict)
    with newsroom.database.reading() as session:
        query = select(Delivery.subscriber_id, Delivery.issue_id, Variant.articles).join(
            Variant, Variant.id == Delivery.variant_id
        )
        for subscriber_id, issue_id, held in session.execute(query):
            got[subscriber_id][life.by_issue[issue_id]] = held

    assert sum(len(reader.decided["matin"]) - 1 for reader in readers) > 10  # minds were changed
    for reader in readers:
        received = got[reader.id]
        every = [article for held in received.values() for article in held]
        assert len(every) == len(set(every)), "an article came twice"
        expected = promised(reader, rhythms, articles)
        assert {at: set(held) for at, held in received.items()} == expected
        assert len(every) > 500
