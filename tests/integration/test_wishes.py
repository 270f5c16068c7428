"""What readers decide about a newsletter: a break, topics that come and go, the rows they share."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from newsletter.core.errors import RefusedError
from newsletter.delivery.models import SkipReason
from newsletter.issues import dispatch, freeze
from newsletter.issues.models import Issue
from newsletter.newsletters import topics
from newsletter.newsletters.models import Newsletter, Schedule
from newsletter.subscriptions import consent, interning, pausing, wishes
from newsletter.subscriptions import topics as leaving
from newsletter.subscriptions.audience import Recipients
from newsletter.subscriptions.interning import EVERYTHING, ChoiceValues
from newsletter.subscriptions.models import Choice, Subscription, SubscriptionStatus
from newsletter.subscriptions.wishes import Wish
from tests.support.newsroom import Newsroom


def wish_of(newsroom: Newsroom, newsletter: Newsletter, reader: Subscription) -> Wish:
    with newsroom.database.reading() as session:
        return wishes.of(session, newsletter, session.get_one(Subscription, reader.id))


def grant(newsroom: Newsroom, newsletter: Newsletter, reader: Subscription, **wanted: object) -> None:
    wish = replace(wish_of(newsroom, newsletter, reader), **wanted)  # type: ignore[arg-type]
    with newsroom.database.unit() as session:
        wishes.grant(session, newsletter, session.get_one(Subscription, reader.id), wish, now=newsroom.now)


def status(newsroom: Newsroom, reader: Subscription) -> SubscriptionStatus:
    with newsroom.database.reading() as session:
        return session.get_one(Subscription, reader.id).status


def choices_kept(newsroom: Newsroom) -> int:
    with newsroom.database.reading() as session:
        return len(session.scalars(select(Choice.id)).all())


def test_on_a_break_nothing_comes_until_its_day(newsroom: Newsroom, gazette: Newsletter) -> None:
    ama, _kofi = newsroom.reader(gazette), newsroom.reader(gazette, "kofi@poste.example")
    waiting = newsroom.draft_issue(gazette)
    newsroom.freeze(waiting)
    grant(newsroom, gazette, ama, paused_until=date(2026, 3, 10))
    assert newsroom.statuses(waiting) == {"ama@poste.example": "skipped", "kofi@poste.example": "queued"}
    assert newsroom.deliveries(waiting)["ama@poste.example"].skip_reason == "paused"
    newsroom.pass_time(hours=1)
    newsroom.article(gazette, "Le marché déménage")
    later = newsroom.draft_issue(gazette)
    newsroom.freeze(later)
    assert list(newsroom.statuses(later)) == ["kofi@poste.example"]
    for days, expected in ((7, SubscriptionStatus.PAUSED), (1, SubscriptionStatus.ACTIVE)):
        newsroom.pass_time(days=days)
        with newsroom.database.unit() as session:
            pausing.resume_due(session, now=newsroom.now)
        assert status(newsroom, ama) is expected
    assert wish_of(newsroom, gazette, ama).paused_until is None


def test_who_ends_a_break_early_is_back_at_once_and_it_is_recorded(newsroom: Newsroom, gazette: Newsletter) -> None:
    ama = newsroom.reader(gazette)
    grant(newsroom, gazette, ama, paused_until=date(2026, 4, 1))
    grant(newsroom, gazette, ama, paused_until=None)
    assert status(newsroom, ama) is SubscriptionStatus.ACTIVE
    with newsroom.database.reading() as session:
        said = [event.wording for event in consent.history(session, ama.subscriber_id)]
    assert said[:2] == ["resumed", "paused until 2026-04-01T00:00:00+00:00"]


@pytest.mark.parametrize("day", [date(2026, 3, 2), date(2025, 3, 2), date(2028, 3, 3)])
def test_a_break_ends_on_a_day_to_come_within_two_years(newsroom: Newsroom, gazette: Newsletter, day: date) -> None:
    ama = newsroom.reader(gazette)
    with pytest.raises(RefusedError):
        grant(newsroom, gazette, ama, paused_until=day, choice=ChoiceValues(hour=7))
    assert wish_of(newsroom, gazette, ama).choice == EVERYTHING
    assert status(newsroom, ama) is SubscriptionStatus.ACTIVE


def test_a_cadence_is_of_the_same_newsletter_and_its_change_recorded(newsroom: Newsroom, gazette: Newsletter) -> None:
    ama, other = newsroom.reader(gazette), newsroom.newsletter("sport")
    with newsroom.database.unit() as session:
        weekly = Schedule(
            newsletter_id=gazette.id,
            slug="weekly",
            name="Le dimanche",
            position=1,
            rule="0 8 * * 0",
            since=newsroom.now,
            created_at=newsroom.now,
        )
        session.add(weekly)
        foreign = wishes.options(session, other).cadences[0].id
    with pytest.raises(RefusedError):
        grant(newsroom, gazette, ama, cadence=foreign)
    grant(newsroom, gazette, ama, cadence=weekly.id)
    assert wish_of(newsroom, gazette, ama).cadence == weekly.id
    with newsroom.database.reading() as session:
        assert consent.history(session, ama.subscriber_id)[0].wording == "main → weekly"


def test_who_chose_only_the_topic_that_goes_gets_everything(newsroom: Newsroom, gazette: Newsletter) -> None:
    with newsroom.database.unit() as session:
        town, sport, farm = (topics.add(session, gazette, name) for name in ("Ville", "Sport", "Champs"))
    ama, kofi, efua = (newsroom.reader(gazette, f"{name}@poste.example") for name in ("ama", "kofi", "efua"))
    grant(newsroom, gazette, ama, choice=ChoiceValues(frozenset({sport.id}), hour=7))
    grant(newsroom, gazette, kofi, choice=ChoiceValues(frozenset({sport.id, town.id})))
    grant(newsroom, gazette, efua, choice=ChoiceValues(frozenset({farm.id})))
    with newsroom.database.unit() as session:
        assert leaving.remove(session, topics.by_slug(session, gazette, "sport")) == 1
    assert wish_of(newsroom, gazette, ama).choice == ChoiceValues(None, hour=7)
    assert wish_of(newsroom, gazette, kofi).choice == ChoiceValues(frozenset({town.id}))
    assert wish_of(newsroom, gazette, efua).choice == ChoiceValues(frozenset({farm.id}))


def test_choices_that_nobody_has_are_dropped_and_others_stay(newsroom: Newsroom, gazette: Newsletter) -> None:
    ama, kofi = newsroom.reader(gazette), newsroom.reader(gazette, "kofi@poste.example")
    grant(newsroom, gazette, ama, choice=ChoiceValues(hour=7))
    grant(newsroom, gazette, kofi, choice=ChoiceValues(hour=8))
    grant(newsroom, gazette, ama, choice=ChoiceValues(breaking=False))
    with newsroom.database.unit() as session:
        assert interning.drop_unused(session) == 1
    assert wish_of(newsroom, gazette, ama).choice == ChoiceValues(breaking=False)
    assert choices_kept(newsroom) == 2


def test_a_choice_that_somebody_is_taking_is_not_dropped(newsroom: Newsroom, gazette: Newsletter) -> None:
    if newsroom.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite lets one writer in at a time")
    ama, wanted = newsroom.reader(gazette), ChoiceValues(hour=7)
    with newsroom.database.unit() as session:
        interning.intern(session, gazette.id, [wanted])
    with newsroom.database.unit() as taking:
        chosen = interning.intern(taking, gazette.id, [wanted])[wanted]
        with newsroom.database.unit() as tidying:
            assert interning.drop_unused(tidying) == 0
        taking.get_one(Subscription, ama.id).choice_id = chosen
    with newsroom.database.unit() as session:
        assert interning.drop_unused(session) == 0
    assert wish_of(newsroom, gazette, ama).choice == wanted


def test_choices_stay_while_an_issue_is_frozen(newsroom: Newsroom, gazette: Newsletter) -> None:
    if newsroom.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite lets one writer in at a time")
    with newsroom.database.unit() as session:
        interning.intern(session, gazette.id, [ChoiceValues(hour=7)])
    issue = newsroom.draft_issue(gazette)
    with newsroom.database.unit() as session:
        dispatch.send(session, session.get_one(Issue, issue.id), actor="test", now=newsroom.now)
    with newsroom.database.unit() as freezing:
        freeze.freeze(freezing, issue.id, newsroom.here.links, now=newsroom.now)
        with newsroom.database.unit() as tidying:
            assert interning.drop_unused(tidying) == 0
        freezing.rollback()
    with newsroom.database.unit() as tidying:
        assert interning.drop_unused(tidying) == 1


def test_a_break_that_begins_while_an_issue_is_sent_is_told_as_such(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    reader = newsroom.reader(gazette)
    with newsroom.database.unit() as session:
        found = session.get_one(Subscription, reader.id)
        pausing.pause(session, found, newsroom.now + timedelta(days=3), now=newsroom.now)
    with newsroom.database.reading() as session:
        told = Recipients(newsroom.here.links).find(session, reader.subscriber_id, newsletter_id=gazette.id, issue_id=1)
    assert told is SkipReason.PAUSED
