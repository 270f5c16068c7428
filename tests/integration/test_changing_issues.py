"""An issue that has not left can change: by hand, and by composing it again without losing what was done by hand."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEvent
from newsletter.articles import editing as articles
from newsletter.articles import placing
from newsletter.articles.models import Article
from newsletter.articles.placing import Placing
from newsletter.core.errors import ConflictError, NotFoundError, RefusedError
from newsletter.issues import editing, pool, refresh, rulings
from newsletter.issues.models import DigestRun, Issue, IssueArticle
from newsletter.newsletters import schedules
from newsletter.newsletters.editing import ensure_topic
from newsletter.newsletters.models import Newsletter
from tests.support.newsroom import MINUTE, Newsroom

SECTIONS = {
    "sections": [
        {"key": "sport", "title": "Sport", "filter": {"any": [{"field": "keyword", "value": "match"}]}},
        {"key": "rest", "title": "Le reste"},
    ],
    "order": "hand",
}


def do(newsroom: Newsroom, verb: Callable[..., object], issue: Issue, *values: object, **named: object) -> object:
    with newsroom.database.unit() as session:
        by = {"actor": "akouvi", "now": newsroom.now} | named
        return verb(session, session.get_one(Issue, issue.id), *values, **by)


def again(newsroom: Newsroom, issue: Issue) -> refresh.Renewed:
    renewed = do(newsroom, refresh.refresh, issue)
    assert isinstance(renewed, refresh.Renewed)
    return renewed


def order(newsroom: Newsroom, issue: Issue) -> list[str]:
    """Titles in their order."""
    with newsroom.database.reading() as session:
        query = (
            select(Article.title)
            .join(IssueArticle, IssueArticle.article_id == Article.id)
            .where(IssueArticle.issue_id == issue.id)
            .order_by(IssueArticle.position)
        )
        return list(session.scalars(query))


def why(newsroom: Newsroom, issue: Issue) -> dict[str, str]:
    with newsroom.database.reading() as session:
        return {told.title: told.words for told in rulings.of_issue(session, issue.id)}


def by_hand(newsroom: Newsroom) -> Newsletter:
    """A newsletter whose articles come in the order they came in."""
    gazette = newsroom.newsletter()
    with newsroom.database.unit() as session:
        session.get_one(Newsletter, gazette.id).rules = {"order": "hand"}
    gazette.rules = {"order": "hand"}
    return gazette


def test_an_article_is_added_by_hand_and_told_so(newsroom: Newsroom) -> None:
    gazette = by_hand(newsroom)
    newsroom.article(gazette, "Un")
    issue = newsroom.draft_issue(gazette)
    late = newsroom.article(gazette, "La dernière minute")
    do(newsroom, editing.add, issue, late.id)
    assert order(newsroom, issue) == ["Un", "La dernière minute"]
    assert why(newsroom, issue)["La dernière minute"] == "In: added by akouvi"
    newsroom.pass_time(hours=1)
    assert newsroom.compose(gazette) is None, "it is not in the next one too"


def test_an_added_article_takes_the_place_it_is_given(newsroom: Newsroom) -> None:
    gazette = by_hand(newsroom)
    for title in ("Un", "Deux"):
        newsroom.article(gazette, title)
    issue = newsroom.draft_issue(gazette)
    do(newsroom, editing.add, issue, newsroom.article(gazette, "La une").id, place=1)
    do(newsroom, editing.add, issue, newsroom.article(gazette, "La fin").id, place=99)
    assert order(newsroom, issue) == ["La une", "Un", "Deux", "La fin"]


def test_what_is_added_goes_to_every_reader_whatever_their_topics(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.article(gazette, "Un")
    issue = newsroom.draft_issue(gazette)
    with newsroom.database.unit() as session:
        topic = ensure_topic(session, gazette.id, "Sport")
    late = newsroom.article(gazette, "Un match")
    with newsroom.database.unit() as session:
        articles.file_under(session, late.id, gazette.id, topic.id, actor="ama@desk", now=newsroom.now)
    do(newsroom, editing.add, issue, late.id)
    with newsroom.database.reading() as session:
        picked = pool.pool_of(session, session.get_one(Issue, issue.id)).pick(
            topics=frozenset({topic.id + 1}), language="fr"
        )
    assert late.id in picked


def test_what_cannot_be_added_is_refused_with_the_reason(newsroom: Newsroom) -> None:
    gazette, other = newsroom.newsletter(), newsroom.newsletter("autre")
    newsroom.article(gazette, "Le pont rouvre")
    issue = newsroom.draft_issue(gazette)
    strange = newsroom.article(other, "Ailleurs")
    withdrawn, barred, expired = (newsroom.article(gazette, title) for title in ("Retiré", "Embargo", "Périmé"))
    translated = newsroom.article(gazette, "The bridge", translation_of=withdrawn.id, language="en")
    twin = newsroom.article(gazette, "Le pont rouvre, dit la mairie")
    with newsroom.database.unit() as session:
        articles.withdraw(session, withdrawn.id, gazette.id, actor="ama@desk", now=newsroom.now)
        first = session.scalars(select(IssueArticle).where(IssueArticle.issue_id == issue.id)).one()
        session.get_one(Article, twin.id).story_id = first.article_id
        for article, said in (
            (barred, Placing(embargo_until=newsroom.now + MINUTE)),
            (expired, Placing(expires_at=newsroom.now)),
        ):
            placing.place(session, article.id, gazette.id, said, actor="test", now=newsroom.now)
    for article_id, error, words in (
        (strange.id, NotFoundError, "does not exist"),
        (999_999, NotFoundError, "does not exist"),
        (translated.id, NotFoundError, "does not exist"),
        (withdrawn.id, RefusedError, "withdrawn"),
        (barred.id, RefusedError, "embargo"),
        (expired.id, RefusedError, "expired"),
        (twin.id, RefusedError, "this story already"),
        (first.article_id, RefusedError, "in the issue already"),
    ):
        with pytest.raises(error, match=words):
            do(newsroom, editing.add, issue, article_id)
    assert newsroom.issue(issue).revision == 1


def test_in_sections_an_article_is_added_to_its_own_and_moved_into_others(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    gazette.rules = SECTIONS
    with newsroom.database.unit() as session:
        session.get_one(Newsletter, gazette.id).rules = SECTIONS
    for title in ("Un match", "Le pont", "Le marché"):
        newsroom.article(gazette, title)
    issue = newsroom.draft_issue(gazette)
    assert order(newsroom, issue) == ["Un match", "Le pont", "Le marché"]
    do(newsroom, editing.add, issue, newsroom.article(gazette, "Autre match").id)
    assert order(newsroom, issue) == ["Un match", "Autre match", "Le pont", "Le marché"]
    with newsroom.database.reading() as session:
        bridge = session.scalars(select(Article.id).where(Article.title == "Le pont")).one()
    do(newsroom, editing.move, issue, bridge, to=1)
    with newsroom.database.reading() as session:
        found = session.get_one(Issue, issue.id)
        assert session.get_one(IssueArticle, (issue.id, bridge)).section == "sport"
        picked = pool.pool_of(session, found).pick(topics=None, language="fr")
        assert list(picked) == editing.article_ids(session, issue.id), "readers get it in the order that editors see"


def test_every_edit_is_recorded_with_what_it_changed(newsroom: Newsroom) -> None:
    gazette = by_hand(newsroom)
    one, two = (newsroom.article(gazette, title) for title in ("Un", "Deux"))
    issue = newsroom.draft_issue(gazette)
    do(newsroom, editing.change_text, issue, subject="À la une", introduction="")
    do(newsroom, editing.move, issue, two.id, to=1)
    do(newsroom, editing.drop, issue, one.id)
    do(newsroom, editing.add, issue, one.id)
    with newsroom.database.reading() as session:
        query = select(AuditEvent).where(AuditEvent.subject_id == issue.id, AuditEvent.actor == "akouvi")
        events = list(session.scalars(query.order_by(AuditEvent.id)))
    assert [(event.action, event.details) for event in events] == [
        ("issue.written", {"texts": {"subject": ["", "À la une"]}, "revision": 2}),
        ("issue.moved", {"article": two.id, "places": [2, 1], "revision": 3}),
        ("issue.dropped", {"article": one.id, "place": 2, "revision": 4}),
        ("issue.added", {"article": one.id, "place": 2, "revision": 5}),
    ]


def test_every_edit_of_an_older_revision_is_refused_and_changes_nothing(newsroom: Newsroom) -> None:
    gazette = by_hand(newsroom)
    one, two = (newsroom.article(gazette, title) for title in ("Un", "Deux"))
    issue = newsroom.draft_issue(gazette)
    late = newsroom.article(gazette, "Trois")
    do(newsroom, editing.change_text, issue, subject="Celui de Kodjo", introduction="", actor="kodjo")
    for verb, values, named in (
        (editing.change_text, (), {"subject": "Le mien", "introduction": ""}),
        (editing.move, (two.id,), {"to": 1}),
        (editing.drop, (one.id,), {}),
        (editing.add, (late.id,), {}),
        (refresh.refresh, (), {}),
    ):
        with pytest.raises(ConflictError, match="kodjo"):
            do(newsroom, verb, issue, *values, expected_revision=1, **named)
    assert order(newsroom, issue) == ["Un", "Deux"]
    assert (newsroom.issue(issue).subject, newsroom.issue(issue).revision) == ("Celui de Kodjo", 2)


def test_composing_again_takes_in_what_is_new_and_keeps_what_was_done_by_hand(newsroom: Newsroom) -> None:
    gazette = by_hand(newsroom)
    _one, two, three, _four = (newsroom.article(gazette, title) for title in ("Un", "Deux", "Trois", "Quatre"))
    issue = newsroom.draft_issue(gazette)
    do(newsroom, editing.change_text, issue, subject="À la une", introduction="Bonsoir.")
    do(newsroom, editing.drop, issue, two.id)
    do(newsroom, editing.move, issue, three.id, to=1)
    newsroom.pass_time(minutes=30)
    late = newsroom.article(gazette, "Cinq")
    renewed = again(newsroom, issue)
    assert renewed.added == (late.id,)
    assert order(newsroom, issue) == ["Trois", "Un", "Quatre", "Cinq"]
    found = newsroom.issue(issue)
    assert (found.subject, found.introduction) == ("À la une", "Bonsoir.")
    told = why(newsroom, issue)
    assert told["Trois"] == "In: put there by akouvi"
    assert told["Deux"] == "Not this time: an editor has taken it out"
    assert told["Cinq"] == "In: new"
    assert again(newsroom, issue) == refresh.Renewed((), ())
    assert order(newsroom, issue) == ["Trois", "Un", "Quatre", "Cinq"]


def test_what_found_no_room_and_was_taken_out_stays_out(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    gazette.rules = {"order": "hand", "max_items": 2}
    with newsroom.database.unit() as session:
        session.get_one(Newsletter, gazette.id).rules = gazette.rules
    _one, _two, three = (newsroom.article(gazette, title) for title in ("Un", "Deux", "Trois"))
    issue = newsroom.draft_issue(gazette)
    do(newsroom, editing.drop, issue, three.id)
    newsroom.pass_time(minutes=5)
    again(newsroom, issue)
    assert order(newsroom, issue) == ["Un", "Deux"]


def test_the_window_grows_and_the_next_digest_begins_where_it_ends(newsroom: Newsroom) -> None:
    gazette = by_hand(newsroom)
    newsroom.article(gazette, "Un")
    issue = newsroom.draft_issue(gazette)
    newsroom.pass_time(minutes=30)
    newsroom.article(gazette, "Deux")
    again(newsroom, issue)
    with newsroom.database.reading() as session:
        run = session.scalars(select(DigestRun).where(DigestRun.issue_id == issue.id)).one()
        assert run.cut_off == newsroom.now
        assert pool.window_start(session, schedules.main_of(session, gazette.id)) == newsroom.now
    newsroom.pass_time(minutes=5)
    assert newsroom.compose(gazette) is None
    newsroom.article(gazette, "Trois")
    following = newsroom.compose(gazette)
    assert following is not None
    assert order(newsroom, following) == ["Trois"]
    with pytest.raises(RefusedError, match="later digest"):
        again(newsroom, issue)


def test_composing_again_lets_go_what_was_withdrawn_even_if_placed_by_hand(newsroom: Newsroom) -> None:
    gazette = by_hand(newsroom)
    one, two = (newsroom.article(gazette, title) for title in ("Un", "Deux"))
    issue = newsroom.draft_issue(gazette)
    do(newsroom, editing.move, issue, two.id, to=1)
    with newsroom.database.unit() as session:
        articles.withdraw(session, two.id, gazette.id, actor="ama@desk", now=newsroom.now)
    newsroom.pass_time(minutes=5)
    assert again(newsroom, issue).removed == (two.id,)
    with newsroom.database.unit() as session:
        articles.withdraw(session, one.id, gazette.id, actor="ama@desk", now=newsroom.now)
    newsroom.pass_time(minutes=5)
    with pytest.raises(RefusedError, match="Nothing would be left"):
        again(newsroom, issue)


def test_a_story_that_was_added_by_hand_does_not_come_a_second_time(newsroom: Newsroom) -> None:
    gazette = by_hand(newsroom)
    newsroom.article(gazette, "Un")
    issue = newsroom.draft_issue(gazette)
    mine = newsroom.article(gazette, "Le pont rouvre")
    do(newsroom, editing.add, issue, mine.id)
    newsroom.pass_time(minutes=5)
    twin = newsroom.article(gazette, "Réouverture du pont")
    with newsroom.database.unit() as session:
        session.get_one(Article, twin.id).story_id = mine.id
    again(newsroom, issue)
    assert order(newsroom, issue) == ["Un", "Le pont rouvre"]


def test_a_digest_that_was_held_has_enough_after_composing_again(newsroom: Newsroom) -> None:
    from newsletter.issues import review  # noqa: PLC0415

    gazette = newsroom.newsletter()
    gazette.rules = {"minimum": 2, "too_little": "hold"}
    with newsroom.database.unit() as session:
        session.get_one(Newsletter, gazette.id).rules = gazette.rules
    newsroom.article(gazette, "Un")
    issue = newsroom.draft_issue(gazette)
    with newsroom.database.unit() as session:
        review.plan(session, session.get_one(Issue, issue.id), send_at=newsroom.now, actor="schedule", now=newsroom.now)
    assert newsroom.issue(issue).pause_reason is not None
    newsroom.pass_time(minutes=5)
    newsroom.article(gazette, "Deux")
    again(newsroom, issue)
    assert newsroom.issue(issue).pause_reason is None


def test_composing_again_on_the_same_day_with_nothing_new_voids_no_approval(newsroom: Newsroom) -> None:
    gazette = by_hand(newsroom)
    newsroom.article(gazette, "Un")
    issue = newsroom.draft_issue(gazette)
    newsroom.pass_time(minutes=5)
    again(newsroom, issue)
    assert newsroom.issue(issue).revision == 1
    newsroom.now += timedelta(days=1)
    again(newsroom, issue)
    assert newsroom.issue(issue).revision == 2, "it bears another date"
