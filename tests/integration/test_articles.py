"""Articles come in once, stand in any number of newsletters, and can be taken back."""

from typing import Any

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEvent
from newsletter.articles import editing, queries
from newsletter.articles.models import Article
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.issues.editing import article_ids
from newsletter.newsletters.editing import ensure_topic
from newsletter.newsletters.models import Newsletter
from tests.support.newsroom import Newsroom, draft

URL = "https://news.example/pont"


def offer(newsroom: Newsroom, newsletter: Newsletter, title: str = "Le pont", **values: object) -> tuple[Article, bool]:
    with newsroom.database.unit() as session:
        return editing.add_article(
            session, draft(title, **values), newsletter_id=newsletter.id, topic_id=None, now=newsroom.now
        )


def listed(newsroom: Newsroom, newsletter: Newsletter) -> list[int]:
    with newsroom.database.reading() as session:
        return [row.article.id for row in queries.page(session, newsletter.id)]


def test_the_same_address_twice_is_one_article(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    first, is_new = offer(newsroom, gazette, url=URL)
    again, is_new_again = offer(newsroom, gazette, "Le pont, titre retouché", url=URL)
    assert (is_new, is_new_again) == (True, False)
    assert again.id == first.id
    assert listed(newsroom, gazette) == [first.id]


def test_the_same_text_without_an_address_is_one_article(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    first, _ = offer(newsroom, gazette)
    again, is_new = offer(newsroom, gazette)
    other, _ = offer(newsroom, gazette, "Un autre")
    assert (again.id, is_new) == (first.id, False)
    assert listed(newsroom, gazette) == [other.id, first.id]


def test_a_text_with_an_address_is_not_taken_for_one_without(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    first, _ = offer(newsroom, gazette, url=URL)
    second, is_new = offer(newsroom, gazette)
    assert is_new
    assert second.id != first.id


def test_an_article_stands_in_two_newsletters_as_one_row(newsroom: Newsroom) -> None:
    gazette, revue = newsroom.newsletter(), newsroom.newsletter("revue")
    first, _ = offer(newsroom, gazette, url=URL)
    again, is_new = offer(newsroom, revue, url=URL)
    assert (again.id, is_new) == (first.id, True)
    assert listed(newsroom, gazette) == listed(newsroom, revue) == [first.id]


def test_each_newsletter_sends_a_shared_article_for_itself(newsroom: Newsroom) -> None:
    gazette, revue = newsroom.newsletter(), newsroom.newsletter("revue")
    for newsletter in (gazette, revue):
        offer(newsroom, newsletter, url=URL)
    newsroom.pass_time(minutes=1)
    assert newsroom.compose(gazette) is not None
    assert newsroom.compose(revue) is not None
    assert newsroom.compose(gazette) is None


def test_a_withdrawn_article_is_in_no_next_issue_and_comes_back_when_offered_again(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    article, _ = offer(newsroom, gazette, url=URL)
    newsroom.pass_time(minutes=1)
    with newsroom.database.unit() as session:
        editing.withdraw(session, article.id, gazette.id, actor="ama@desk", now=newsroom.now)
    newsroom.pass_time(minutes=1)
    assert newsroom.compose(gazette) is None
    again, is_new = offer(newsroom, gazette, url=URL)
    assert (again.id, is_new) == (article.id, True)
    newsroom.pass_time(minutes=1)
    assert newsroom.compose(gazette) is not None


def test_withdrawing_from_one_newsletter_leaves_the_other_alone(newsroom: Newsroom) -> None:
    gazette, revue = newsroom.newsletter(), newsroom.newsletter("revue")
    article, _ = offer(newsroom, gazette, url=URL)
    offer(newsroom, revue, url=URL)
    newsroom.pass_time(minutes=1)
    with newsroom.database.unit() as session:
        editing.withdraw(session, article.id, gazette.id, actor="ama@desk", now=newsroom.now)
    newsroom.pass_time(minutes=1)
    assert newsroom.compose(gazette) is None
    assert newsroom.compose(revue) is not None


def test_a_translation_is_chosen_for_its_language_and_the_original_for_any_other(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    original = newsroom.article(gazette, "Le pont")
    english = newsroom.article(gazette, "The bridge", language="en", translation_of=original.id)
    alone = newsroom.article(gazette, "La gare")
    with newsroom.database.reading() as session:
        for language, expected in (("en", english.id), ("fr", original.id), ("de", original.id), ("", original.id)):
            chosen = queries.in_language(session, [original.id, alone.id], language)
            assert {key: article.id for key, article in chosen.items()} == {original.id: expected, alone.id: alone.id}


def test_a_translation_is_no_story_of_its_own(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    original = newsroom.article(gazette, "Le pont")
    newsroom.article(gazette, "The bridge", language="en", translation_of=original.id)
    assert listed(newsroom, gazette) == [original.id]
    issue = newsroom.draft_issue(gazette)
    with newsroom.database.reading() as session:
        assert article_ids(session, issue.id) == [original.id]


def test_a_change_keeps_the_article_and_when_it_was_first_seen(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    article, _ = offer(newsroom, gazette, url=URL)
    newsroom.pass_time(days=1)
    with newsroom.database.unit() as session:
        found = queries.by_id(session, article.id)
        editing.change_article(session, found, draft("Le pont, corrigé", url=URL), actor="ama@desk", now=newsroom.now)
    with newsroom.database.reading() as session:
        changed = queries.by_id(session, article.id)
    assert (changed.title, changed.first_seen_at, changed.updated_at) == (
        "Le pont, corrigé",
        article.first_seen_at,
        newsroom.now,
    )


@pytest.mark.parametrize(
    "values",
    [
        {"title": "  "},
        {"title": "x" * 301},
        {"body_text": "x" * 400_001},
        {"body_html": "x" * 800_001},
        {"author": "x" * 201},
        {"source_name": "x" * 201},
        {"image_alt": "x" * 301},
    ],
    ids=lambda values: next(iter(values)),
)
def test_what_is_empty_or_too_long_is_refused_and_nothing_is_written(
    newsroom: Newsroom, values: dict[str, str]
) -> None:
    gazette = newsroom.newsletter()
    with pytest.raises(RefusedError):
        offer(newsroom, gazette, **({"title": "Le pont"} | values))
    assert listed(newsroom, gazette) == []


def test_an_article_of_another_newsletter_is_not_found(newsroom: Newsroom) -> None:
    gazette, revue = newsroom.newsletter(), newsroom.newsletter("revue")
    article, _ = offer(newsroom, gazette)
    with newsroom.database.reading() as session:
        assert queries.placed(session, article.id, gazette.id).article.id == article.id
        with pytest.raises(NotFoundError):
            queries.placed(session, article.id, revue.id)
        with pytest.raises(NotFoundError):
            queries.by_id(session, article.id + 1)


TEXT = "Le pont de Lomé rouvre lundi. Douze personnes ont été blessées, dont 3 enfants, a dit la mairie."


def revise(newsroom: Newsroom, article: Article, **values: object) -> tuple[bool, Article]:
    """What the source says an hour later."""
    later = newsroom.pass_time(hours=1)
    given = {"url": URL, "body_text": TEXT} | values
    title = str(given.pop("title", "Le pont"))
    with newsroom.database.unit() as session:
        own = queries.by_id(session, article.id)
        return editing.revise_article(session, own, draft(title, **given), now=later), own


def test_a_source_that_says_the_same_again_changes_nothing(newsroom: Newsroom) -> None:
    article, _ = offer(newsroom, newsroom.newsletter(), url=URL, body_text=TEXT)
    changed, found = revise(newsroom, article)
    assert not changed
    assert (found.updated_at, found.revised_at) == (article.updated_at, None)


def test_a_typing_error_that_a_source_corrects_is_taken_over_but_is_no_revision(newsroom: Newsroom) -> None:
    article, _ = offer(newsroom, newsroom.newsletter(), url=URL, body_text=TEXT.replace("blessées", "blesées"))
    changed, found = revise(newsroom, article)
    assert changed
    assert (found.body_text, found.updated_at, found.revised_at) == (TEXT, newsroom.now, None)


@pytest.mark.parametrize(
    "values",
    [
        {"body_text": TEXT.replace("3 enfants", "4 enfants")},
        {"title": "Le pont ferme"},
        {"summary": "Tout est faux : le maire présente ses excuses."},
    ],
    ids=["a figure", "the title", "the summary"],
)
def test_other_words_are_a_revision_of_the_same_article(newsroom: Newsroom, values: dict[str, str]) -> None:
    article, _ = offer(newsroom, newsroom.newsletter(), url=URL, body_text=TEXT)
    changed, found = revise(newsroom, article, **values)
    assert changed
    assert found.revised_at == newsroom.now
    assert (found.first_seen_at, found.url_key) == (article.first_seen_at, article.url_key)


def test_what_a_source_no_longer_tells_is_kept(newsroom: Newsroom) -> None:
    article, _ = offer(
        newsroom, newsroom.newsletter(), url=URL, body_text=TEXT, author="Afi", published_at=newsroom.now
    )
    changed, found = revise(newsroom, article)
    assert not changed
    assert (found.author, found.published_at) == ("Afi", article.published_at)


def test_a_source_does_not_undo_what_an_editor_wrote(newsroom: Newsroom) -> None:
    article, _ = offer(newsroom, newsroom.newsletter(), url=URL, body_text=TEXT)
    with newsroom.database.unit() as session:
        own = queries.by_id(session, article.id)
        said = draft("Le pont, corrigé", url=URL, body_text=TEXT)
        editing.change_article(session, own, said, actor="ama@desk", now=newsroom.now)
    changed, found = revise(newsroom, article, title="Le pont, tout autre chose")
    assert not changed
    assert (found.title, found.revised_at) == ("Le pont, corrigé", None)


def test_what_is_done_by_hand_is_on_record_with_what_was_before(newsroom: Newsroom) -> None:
    """And a body by its length, not by what it says."""
    gazette = newsroom.newsletter()
    secret = "Ce que dit le texte. " * 20
    by: dict[str, Any] = {"actor": "ama@desk", "user_id": None, "now": newsroom.now}
    with newsroom.database.unit() as session:
        sport = ensure_topic(session, gazette.id, "Sport").id
        given = draft("Le pont", url=URL, author="Ama", body_text=secret)
        article, _ = editing.add_article(session, given, newsletter_id=gazette.id, topic_id=None, **by)
        editing.add_article(session, given, newsletter_id=gazette.id, topic_id=None, **by)
        later = draft("Le pont, corrigé", url=URL, author="Ama", body_text=f"{secret}Et la suite.")
        editing.change_article(session, article, later, **by)
        editing.change_article(session, article, later, **by)
        for _time in range(2):
            editing.file_under(session, article.id, gazette.id, sport, **by)
        for _time in range(2):
            editing.withdraw(session, article.id, gazette.id, **by)
        editing.add_article(session, given, newsletter_id=gazette.id, topic_id=sport, **by)
        # What a feed brings is nobody's hand.
        other = draft("La gare", url="https://news.example/gare")
        editing.add_article(session, other, newsletter_id=gazette.id, topic_id=None, now=newsroom.now, feed_id=None)
    with newsroom.database.reading() as session:
        events = session.scalars(
            select(AuditEvent).where(AuditEvent.subject == "article").order_by(AuditEvent.id)
        ).all()
    actions = ["article.added", "article.changed", "article.filed", "article.withdrawn", "article.put_back"]
    assert [event.action for event in events] == actions
    assert {(event.actor, event.subject_id) for event in events} == {("ama@desk", article.id)}
    added, changed, filed, withdrawn, put_back = (event.details["changed"] for event in events)
    assert added["title"] == [None, "Le pont"]
    assert added["author"] == [None, "Ama"]
    assert set(changed) == {"title", "summary", "body"}
    assert changed["title"] == ["Le pont", "Le pont, corrigé"]
    assert changed["body"][0] == added["body"][1]
    assert changed["body"][1]["characters"] - changed["body"][0]["characters"] == len("Et la suite.")
    assert filed == {"topic": [None, "Sport"]}
    assert withdrawn["withdrawn_at"] == put_back["withdrawn_at"][::-1] == [None, newsroom.now.isoformat()]
    assert "Ce que dit" not in str([event.details for event in events])
