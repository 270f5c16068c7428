"""Who gets what of an issue: by topic, language, edition and hour, and never a story twice."""

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from newsletter.articles import editing as articles
from newsletter.core.errors import RefusedError
from newsletter.delivery.models import Batch, Delivery, DeliveryStatus
from newsletter.issues import digest, dispatch, pool, serving
from newsletter.issues import freeze as freezing
from newsletter.issues.models import DigestRun, Issue, IssueKind, RunOutcome, Trigger, Variant
from newsletter.issues.seen import stories_seen
from newsletter.issues.selection.rules import DEFAULT
from newsletter.newsletters.editing import ensure_topic
from newsletter.newsletters.models import Edition, Newsletter
from newsletter.subscriptions import choices
from newsletter.subscriptions.choices import ChoiceValues
from newsletter.subscriptions.models import Choice, Subscription
from tests.support.newsroom import Newsroom, draft

AMA, KOFI, ESI = "ama@poste.example", "kofi@poste.example", "esi@poste.example"


def filed(newsroom: Newsroom, newsletter: Newsletter, title: str, topic: str) -> int:
    """An article under a topic; its id."""
    with newsroom.database.unit() as session:
        found = ensure_topic(session, newsletter.id, topic)
        placed = newsroom.now - timedelta(minutes=1)
        made, _new = articles.add_article(
            session, draft(title), newsletter_id=newsletter.id, topic_id=found.id, now=placed
        )
        return made.id


def choose(newsroom: Newsroom, subscription: Subscription, *topics: str, **values: object) -> None:
    with newsroom.database.unit() as session:
        found = session.get_one(Subscription, subscription.id)
        ids = frozenset(ensure_topic(session, found.newsletter_id, name).id for name in topics) or None
        chosen = ChoiceValues(topics=ids, **values)  # type: ignore[arg-type]
        choices.set_choice(session, found, chosen, now=newsroom.now)


def brought(newsroom: Newsroom, issue: Issue) -> dict[str, list[int]]:
    """The articles that each reader of an issue gets."""
    with newsroom.database.reading() as session:
        held = {row.id: row.articles for row in session.scalars(select(Variant).where(Variant.issue_id == issue.id))}
    return {email: held[row.variant_id] for email, row in newsroom.deliveries(issue).items()}


def special(
    newsroom: Newsroom, newsletter: Newsletter, kind: IssueKind, *ids: int, corrects: int | None = None
) -> Issue:
    """A frozen issue of a kind with these articles."""
    with newsroom.database.unit() as session:
        issue = digest.open_issue(
            session,
            session.get_one(Newsletter, newsletter.id),
            kind=kind,
            rules=DEFAULT,
            schedule=None,
            cut_off=newsroom.now,
            actor="test",
            now=newsroom.now,
        )
        issue.corrects_id = corrects
        digest.fill(session, issue, [pool.PoolItem(article, article, pinned=True) for article in ids])
    newsroom.freeze(issue)
    return issue


def test_readers_get_their_topics_and_what_is_filed_under_none(newsroom: Newsroom, books: None) -> None:
    gazette = newsroom.newsletter()
    sport, culture = filed(newsroom, gazette, "Le match", "Sport"), filed(newsroom, gazette, "Le conte", "Culture")
    general = newsroom.article(gazette, "Le pont").id
    newsroom.reader(gazette, AMA)
    choose(newsroom, newsroom.reader(gazette, KOFI), "Sport")
    choose(newsroom, newsroom.reader(gazette, ESI), "Sport", "Culture")
    issue = newsroom.draft_issue(gazette)
    newsroom.freeze(issue)
    got = {email: set(held) for email, held in brought(newsroom, issue).items()}
    assert got == {AMA: {sport, culture, general}, KOFI: {sport, general}, ESI: {sport, culture, general}}


def test_who_has_nothing_new_gets_nothing_and_is_counted(newsroom: Newsroom, books: None) -> None:
    gazette = newsroom.newsletter()
    filed(newsroom, gazette, "Le match", "Sport")
    newsroom.reader(gazette, AMA)
    choose(newsroom, newsroom.reader(gazette, KOFI), "Culture")
    issue = newsroom.draft_issue(gazette)
    assert newsroom.freeze(issue) == 1
    assert list(brought(newsroom, issue)) == [AMA]
    assert newsroom.issue(issue).nothing_new == 1


def test_readers_who_chose_alike_share_a_row_and_a_variant(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    filed(newsroom, gazette, "Le match", "Sport")
    filed(newsroom, gazette, "Le conte", "Culture")
    for number in range(5):
        choose(newsroom, newsroom.reader(gazette, f"r{number}@poste.example"), "Sport")
    issue = newsroom.draft_issue(gazette)
    newsroom.freeze(issue)
    with newsroom.database.reading() as session:
        assert len(session.scalars(select(Choice)).all()) == 1
        readers = session.scalars(select(Variant.readers).where(Variant.issue_id == issue.id).order_by(Variant.id))
        assert readers.all() == [0, 5]  # the archive's, and theirs


def test_all_topics_are_no_choice_and_none_is_refused(newsroom: Newsroom) -> None:
    gazette, other = newsroom.newsletter(), newsroom.newsletter("autre")
    filed(newsroom, gazette, "Le match", "Sport")
    reader = newsroom.reader(gazette, AMA)
    choose(newsroom, reader, "Sport")
    with newsroom.database.unit() as session:
        found = session.get_one(Subscription, reader.id)
        assert found.choice_id is None
        foreign = ensure_topic(session, other.id, "Ailleurs").id
        for values in (
            ChoiceValues(topics=frozenset()),
            ChoiceValues(topics=frozenset({foreign})),
            ChoiceValues(hour=24),
            ChoiceValues(hour=7, timezone="Mars/Olympus"),
        ):
            with pytest.raises(RefusedError):
                choices.set_choice(session, found, values, now=newsroom.now)


def test_a_reader_of_two_newsletters_gets_an_article_once(newsroom: Newsroom, books: None) -> None:
    gazette, herald = newsroom.newsletter(), newsroom.newsletter("herald")
    shared = newsroom.article(gazette, "Le pont").id
    assert newsroom.article(herald, "Le pont").id == shared
    own = newsroom.article(herald, "La gare").id
    for newsletter in (gazette, herald):
        newsroom.reader(newsletter, AMA)
    newsroom.reader(herald, KOFI)
    first, second = newsroom.draft_issue(gazette), newsroom.draft_issue(herald)
    newsroom.freeze(first)
    newsroom.freeze(second)
    assert brought(newsroom, first) == {AMA: [shared]}
    assert {email: set(held) for email, held in brought(newsroom, second).items()} == {AMA: {own}, KOFI: {shared, own}}
    with newsroom.database.reading() as session:
        ama = newsroom.deliveries(first)[AMA].subscriber_id
        assert stories_seen(session, ama, {shared, own, 99}, now=newsroom.now) == {shared, own}


def test_two_newsletters_frozen_at_one_moment_do_not_both_bring_it(newsroom: Newsroom, books: None) -> None:
    issues = []
    for slug in ("gazette", "herald", "courrier"):
        newsletter = newsroom.newsletter(slug)
        newsroom.article(newsletter, "Le pont")
        newsroom.reader(newsletter, AMA)
        issues.append(newsroom.draft_issue(newsletter))
    for issue in issues:
        newsroom.act(dispatch.send, issue)

    def freeze(issue: Issue) -> None:
        with newsroom.database.unit() as session:
            freezing.freeze(session, issue.id, newsroom.here.links, now=newsroom.now)

    threads = [threading.Thread(target=freeze, args=(issue,)) for issue in issues]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(len(brought(newsroom, issue)) for issue in issues) == 1


@pytest.mark.parametrize(
    ("status", "again"), [("failed", True), ("skipped", True), ("unknown", False), ("sent", False)]
)
def test_what_never_arrived_may_come_again(newsroom: Newsroom, status: str, again: bool) -> None:
    gazette, herald = newsroom.newsletter(), newsroom.newsletter("herald")
    for newsletter in (gazette, herald):
        newsroom.article(newsletter, "Le pont")
        newsroom.reader(newsletter, AMA)
    first, second = newsroom.draft_issue(gazette), newsroom.draft_issue(herald)
    newsroom.freeze(first)
    with newsroom.database.unit() as session:
        session.execute(update(Delivery).values(status=DeliveryStatus(status)))
    newsroom.freeze(second)
    assert (AMA in brought(newsroom, second)) is again


def test_breaking_news_goes_to_who_wants_it_and_is_not_in_the_next_digest(newsroom: Newsroom, books: None) -> None:
    gazette = newsroom.newsletter()
    flash, calm = newsroom.article(gazette, "Alerte").id, newsroom.article(gazette, "Le conte").id
    newsroom.reader(gazette, AMA)
    choose(newsroom, newsroom.reader(gazette, KOFI), breaking=False)
    assert brought(newsroom, special(newsroom, gazette, IssueKind.BREAKING, flash)) == {AMA: [flash]}
    following = newsroom.draft_issue(gazette)
    newsroom.freeze(following)
    got = {email: set(held) for email, held in brought(newsroom, following).items()}
    assert got == {AMA: {calm}, KOFI: {flash, calm}}


def test_nobody_gets_more_breaking_news_in_a_day_than_the_newsletter_says(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    with newsroom.database.unit() as session:
        session.get_one(Newsletter, gazette.id).breaking_cap = 2
    newsroom.reader(gazette, AMA)
    flashes = [newsroom.article(gazette, f"Alerte {number}").id for number in range(4)]
    sizes = [len(brought(newsroom, special(newsroom, gazette, IssueKind.BREAKING, flash))) for flash in flashes[:3]]
    newsroom.pass_time(hours=25)
    sizes.append(len(brought(newsroom, special(newsroom, gazette, IssueKind.BREAKING, flashes[3]))))
    assert sizes == [1, 1, 0, 1]


def test_a_correction_goes_to_those_who_were_reached(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    sport, culture = filed(newsroom, gazette, "Le match", "Sport"), filed(newsroom, gazette, "Le conte", "Culture")
    newsroom.reader(gazette, AMA)
    choose(newsroom, newsroom.reader(gazette, KOFI), "Culture")
    newsroom.reader(gazette, ESI)
    issue = newsroom.draft_issue(gazette)
    newsroom.freeze(issue)
    missed = newsroom.deliveries(issue)[ESI].id
    with newsroom.database.unit() as session:
        session.execute(update(Delivery).values(status=DeliveryStatus.SENT))
        session.execute(update(Delivery).where(Delivery.id == missed).values(status=DeliveryStatus.FAILED))
    assert brought(newsroom, special(newsroom, gazette, IssueKind.CORRECTION, sport, corrects=issue.id)) == {
        AMA: [sport]
    }
    everybody = special(newsroom, gazette, IssueKind.CORRECTION, culture, corrects=issue.id)
    assert brought(newsroom, everybody) == {AMA: [culture], KOFI: [culture]}


def test_an_edition_is_a_form_of_its_own(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.article(gazette)
    for email, edition in ((AMA, Edition.FULL), (KOFI, Edition.LIGHT), (ESI, Edition.TEXT)):
        choose(newsroom, newsroom.reader(gazette, email), edition=edition)
    issue = newsroom.draft_issue(gazette)
    newsroom.freeze(issue)
    with newsroom.database.reading() as session:
        forms = {row.id: row.edition for row in session.scalars(select(Variant))}
    got = {email: forms[row.variant_id] for email, row in newsroom.deliveries(issue).items()}
    assert got == {AMA: Edition.FULL, KOFI: Edition.LIGHT, ESI: Edition.TEXT}


def test_a_digest_waits_for_the_hour_that_a_reader_chose(newsroom: Newsroom, books: None) -> None:
    gazette = newsroom.newsletter()  # in Lomé, where it is 9 in the morning
    newsroom.article(gazette)
    newsroom.reader(gazette, AMA)
    choose(newsroom, newsroom.reader(gazette, KOFI), hour=18)
    choose(newsroom, newsroom.reader(gazette, ESI), hour=7, timezone="America/Montreal")
    issue = newsroom.draft_issue(gazette)
    assert newsroom.freeze(issue) == 3
    with newsroom.database.reading() as session:
        hours = {row.id: row.not_before for row in session.scalars(select(Batch))}
    waits = {email: hours[row.batch_id] for email, row in newsroom.deliveries(issue).items()}
    assert waits == {
        AMA: None,
        KOFI: datetime(2026, 3, 2, 18, tzinfo=UTC),
        ESI: datetime(2026, 3, 2, 12, tzinfo=UTC),
    }
    assert newsroom.issue(issue).expires_at == datetime(2026, 3, 4, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hour", "now", "expected"),
    [
        (9, "2026-03-02T09:59+00:00", None),
        (8, "2026-03-02T09:00+00:00", "2026-03-03T07:00+00:00"),
        (2, "2026-03-28T20:00+00:00", "2026-03-29T01:00+00:00"),  # the clock leaves out 2 to 3
        (2, "2026-10-24T20:00+00:00", "2026-10-25T00:00+00:00"),  # and has it twice
    ],
)
def test_the_next_hour_of_a_zone(hour: int, now: str, expected: str | None) -> None:
    moment = datetime.fromisoformat(now)
    zone = ZoneInfo("Africa/Lome") if hour == 9 else ZoneInfo("Europe/Paris")
    found = serving.next_hour(hour, zone, moment)
    assert found == (datetime.fromisoformat(expected) if expected else None)


def test_too_little_news_is_skipped_merged_or_held(newsroom: Newsroom) -> None:
    for policy, outcome, made in (
        ("skip", RunOutcome.TOO_LITTLE, False),
        ("merge", RunOutcome.MERGED, False),
        ("hold", RunOutcome.ISSUE, True),
    ):
        newsletter = newsroom.newsletter(policy)
        with newsroom.database.unit() as session:
            session.get_one(Newsletter, newsletter.id).rules = {"minimum": 2, "too_little": policy}
        newsroom.article(newsletter, f"Seule nouvelle de {policy}")
        with newsroom.database.unit() as session:
            found = session.get_one(Newsletter, newsletter.id)
            issue = digest.compose(session, found, trigger=Trigger.SCHEDULE, actor="schedule", now=newsroom.now)
        assert (issue is not None) is made
        with newsroom.database.reading() as session:
            run = session.scalars(select(DigestRun).where(DigestRun.newsletter_id == newsletter.id)).one()
        assert (run.outcome, (run.reason or {})["found"]) == (outcome, 1)
        newsroom.pass_time(hours=1)
        newsroom.article(newsletter, f"Une autre de {policy}")
        newsroom.article(newsletter, f"Encore une de {policy}")
        following = newsroom.compose(newsletter)
        assert following is not None
        with newsroom.database.reading() as session:
            size = len(pool.pool_of(session, following).items)
        assert size == (3 if policy == "merge" else 2)
