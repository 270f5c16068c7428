"""Articles that tell one story know it, whoever sent them and in whatever order they came."""

import time

import pytest

from newsletter.articles import editing, queries, stories
from newsletter.articles.models import Article, Placement
from newsletter.newsletters.models import Newsletter
from tests.support import reports
from tests.support.newsroom import Newsroom, draft

PAPERS = [f"https://paper{number}.example/pont" for number in range(4)]


def story_of(newsroom: Newsroom, article: Article) -> int | None:
    with newsroom.database.reading() as session:
        return session.get_one(Article, article.id).story_id


def also_in(newsroom: Newsroom, *articles: Article) -> dict[int, list[int]]:
    with newsroom.database.reading() as session:
        found = queries.also_in(session, [article.id for article in articles])
    return {own: [other.id for other in others] for own, others in found.items()}


@pytest.fixture
def gazette(newsroom: Newsroom) -> Newsletter:
    return newsroom.newsletter()


def test_one_agency_text_in_four_papers_is_one_story(newsroom: Newsroom, gazette: Newsletter) -> None:
    texts = (reports.LAW, reports.LAW_AGAIN, reports.LAW_FRAMED, reports.LAW)
    came = [
        newsroom.article(gazette, f"Headline {number}", url=PAPERS[number], body_text=text, language="en")
        for number, text in enumerate(texts)
    ]
    first = came[0].id
    assert [story_of(newsroom, article) for article in came] == [None, first, first, first]
    assert also_in(newsroom, came[0], came[2]) == {
        first: [came[1].id, came[2].id, came[3].id],
        came[2].id: [first, came[1].id, came[3].id],
    }


def test_an_update_belongs_to_the_first_article_of_its_story_not_to_the_one_it_resembles_most(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    first = newsroom.article(gazette, "Douze morts", url=PAPERS[0], body_text=reports.FLOOD)
    second = newsroom.article(gazette, "Dix-neuf morts", url=PAPERS[1], body_text=reports.FLOOD_UPDATED)
    third = newsroom.article(gazette, "Le président sur place", url=PAPERS[2], body_text=reports.FLOOD_LATER)
    assert (story_of(newsroom, second), story_of(newsroom, third)) == (first.id, first.id)


def test_a_series_under_one_title_is_as_many_stories_as_it_has_articles(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    texts = (reports.WEATHER, reports.WEATHER_ALIKE, reports.OTHER_WEATHER, reports.SERIES)
    came = [newsroom.article(gazette, "À lire", url=PAPERS[at], body_text=text) for at, text in enumerate(texts)]
    assert [story_of(newsroom, article) for article in came] == [None] * 4
    assert also_in(newsroom, *came) == {}


def test_a_shortened_text_under_the_same_title_is_found_though_its_accents_differ(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    first = newsroom.article(gazette, "Inondations : l'état d'urgence", url=PAPERS[0], body_text=reports.FLOOD)
    beginning = " ".join(reports.FLOOD.split()[:30])
    short = newsroom.article(gazette, "INONDATIONS – L'ETAT D'URGENCE", url=PAPERS[1], body_text=beginning)
    assert story_of(newsroom, short) == first.id


def test_the_same_words_in_another_language_or_long_ago_are_another_story(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    newsroom.article(gazette, "A", url=PAPERS[0], body_text=reports.FLOOD)
    abroad = newsroom.article(gazette, "B", url=PAPERS[1], body_text=reports.FLOOD, language="en")
    newsroom.pass_time(days=5)
    later = newsroom.article(gazette, "C", url=PAPERS[2], body_text=reports.FLOOD)
    assert (story_of(newsroom, abroad), story_of(newsroom, later)) == (None, None)


def test_a_translation_has_no_story_of_its_own(newsroom: Newsroom, gazette: Newsletter) -> None:
    original = newsroom.article(gazette, "Le pont", url=PAPERS[0], body_text=reports.FLOOD)
    other = newsroom.article(gazette, "La crue", url=PAPERS[1], body_text=reports.FLOOD)
    newsroom.article(gazette, "The bridge", body_text=reports.FLOOD, translation_of=original.id)
    assert also_in(newsroom, original, other) == {original.id: [other.id], other.id: [original.id]}


def test_an_article_of_a_savepoint_that_was_rolled_back_is_nobodys_story(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    with newsroom.database.unit() as session:

        def add(url: str) -> Article:
            given = draft("La crue", url=url, body_text=reports.FLOOD)
            return editing.add_article(session, given, newsletter_id=gazette.id, topic_id=None, now=newsroom.now)[0]

        point = session.begin_nested()
        add(PAPERS[0])
        point.rollback()
        kept = add(PAPERS[1])
        assert kept.story_id is None


def test_the_feed_that_an_article_came_from_stays_with_its_placement(newsroom: Newsroom, gazette: Newsletter) -> None:
    with newsroom.database.unit() as session:
        article, _ = editing.add_article(
            session, draft(), newsletter_id=gazette.id, topic_id=None, now=newsroom.now, feed_id=7
        )
        assert session.get_one(Placement, (article.id, gazette.id)).feed_id == 7


def test_five_thousand_recent_articles_cost_a_new_one_two_milliseconds(newsroom: Newsroom, gazette: Newsletter) -> None:
    """Finding, without the writing: what a poll of many feeds adds for each article. Generous on a busy machine."""
    with newsroom.database.unit() as session:
        many = [
            {
                "language": "fr",
                "title": f"Titre numéro {number}",
                "summary": "",
                "body_html": "",
                "body_text": "",
                "image_alt": "",
                "content_hash": f"{number:064}",
                "first_seen_at": newsroom.now,
                "updated_at": newsroom.now,
                "fingerprint": (number * 0x9E37_79B9_7F4A_7C15) % 2**63,
            }
            for number in range(5000)
        ]
        session.execute(Article.__table__.insert(), many)
    added = []
    with newsroom.database.unit() as session:
        for number in range(100):
            text = " ".join(f"mot{(number * 7919 + place * 31) % 4001}" for place in range(400))
            new = Article(title=f"Neuf {number}", language="fr", body_text=text, summary="", id=10**6 + number)
            started = time.perf_counter()
            stories.take_in(session, new, now=newsroom.now)
            added.append(time.perf_counter() - started)
    print(f"\nfirst {added[0] * 1000:.1f} ms, then {sorted(added)[50] * 1000:.2f} ms")
    assert sorted(added)[50] < 0.006
