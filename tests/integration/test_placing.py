"""What an editor says about an article's place is kept, bounded and recorded."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEvent
from newsletter.articles import placing
from newsletter.articles.models import Article
from newsletter.articles.placing import Placing
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.newsletters.models import Newsletter
from tests.support.newsroom import NOW, Newsroom

PARIS = ZoneInfo("Europe/Paris")


def place(newsroom: Newsroom, article: Article, newsletter: Newsletter, said: Placing, actor: str = "afi") -> None:
    with newsroom.database.unit() as session:
        placing.place(session, article.id, newsletter.id, said, actor=actor, now=newsroom.now)


def placed(newsroom: Newsroom, article: Article, newsletter: Newsletter) -> tuple[Placing, str | None]:
    with newsroom.database.reading() as session:
        found = placing.placement_of(session, article.id, newsletter.id)
        return placing.placing_of(found), found.pinned_by


def events(newsroom: Newsroom) -> list[tuple[str, dict[str, object]]]:
    with newsroom.database.reading() as session:
        rows = session.scalars(
            select(AuditEvent).where(AuditEvent.action == "article.placed").order_by(AuditEvent.id)
        ).all()
    return [(row.actor, row.details) for row in rows]


def test_everything_said_is_kept_for_this_newsletter_alone(newsroom: Newsroom) -> None:
    gazette, revue = newsroom.newsletter(), newsroom.newsletter("revue")
    article = newsroom.article(gazette, url="https://a.example/1")
    newsroom.article(revue, url="https://a.example/1")
    said = Placing(2, -1.5, NOW + timedelta(hours=1), NOW + timedelta(days=1), True)
    place(newsroom, article, gazette, said)
    assert placed(newsroom, article, gazette) == (said, "afi")
    assert placed(newsroom, article, revue) == (Placing(), None)


def test_the_one_who_pinned_it_stays_named_until_it_is_unpinned(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    article = newsroom.article(gazette)
    place(newsroom, article, gazette, Placing(pin=1))
    place(newsroom, article, gazette, Placing(pin=1, boost=3), actor="kossi")
    assert placed(newsroom, article, gazette)[1] == "afi"
    place(newsroom, article, gazette, Placing(boost=3), actor="kossi")
    assert placed(newsroom, article, gazette)[1] is None


def test_each_change_is_recorded_with_who_made_it_and_what_is_no_change_is_not(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    article = newsroom.article(gazette)
    place(newsroom, article, gazette, Placing(pin=1, embargo_until=NOW))
    place(newsroom, article, gazette, Placing(pin=1, embargo_until=NOW))
    place(newsroom, article, gazette, Placing(pin=1), actor="kossi")
    own = {"newsletter_id": gazette.id}
    assert events(newsroom) == [
        ("afi", own | {"pin": 1, "embargo_until": NOW.isoformat()}),
        ("kossi", own | {"embargo_until": None}),
    ]


@pytest.mark.parametrize(
    "said",
    [
        Placing(pin=0),
        Placing(pin=51),
        Placing(boost=10.1),
        Placing(boost=-11),
        Placing(boost=float("nan")),
        Placing(embargo_until=NOW, expires_at=NOW),
    ],
    ids=repr,
)
def test_what_cannot_be_is_refused_and_nothing_changes(newsroom: Newsroom, said: Placing) -> None:
    gazette = newsroom.newsletter()
    article = newsroom.article(gazette)
    with pytest.raises(RefusedError):
        place(newsroom, article, gazette, said)
    assert placed(newsroom, article, gazette) == (Placing(), None)


def test_an_article_of_another_newsletter_has_no_place_here(newsroom: Newsroom) -> None:
    article = newsroom.article(newsroom.newsletter())
    with pytest.raises(NotFoundError):
        place(newsroom, article, newsroom.newsletter("revue"), Placing(pin=1))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("", None),
        ("  ", None),
        ("2026-07-01T18:00", datetime(2026, 7, 1, 16, tzinfo=UTC)),
        ("2026-01-01 18:00", datetime(2026, 1, 1, 17, tzinfo=UTC)),
        ("2026-01-01", datetime(2025, 12, 31, 23, tzinfo=UTC)),
        ("2026-01-01T18:00Z", datetime(2026, 1, 1, 18, tzinfo=UTC)),
        ("1er juillet 2026 à 18 h", datetime(2026, 7, 1, 16, tzinfo=UTC)),
    ],
)
def test_dates_are_read_in_the_newsletters_zone(text: str, moment: datetime | None) -> None:
    assert placing.read_moment(text, PARIS) == moment


@pytest.mark.parametrize("text", ["tomorrow", "2026-02-30", "12"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="is no date"):
        placing.read_moment(text, PARIS)


def test_numbers_are_read_as_people_type_them() -> None:
    assert [placing.read_number(text) for text in ("", "2,5", "-1.5", "\u22123", "+4")] == [0, 2.5, -1.5, -3, 4]
    assert [placing.read_place(text) for text in ("", " 3 ")] == [None, 3]
    for read, text in ((placing.read_number, "much"), (placing.read_place, "1.5"), (placing.read_place, "-1")):
        with pytest.raises(RefusedError):
            read(text)
