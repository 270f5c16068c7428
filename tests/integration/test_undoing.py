"""Each step of an issue can be undone and taken again, until it is frozen; two people never overwrite each other."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from newsletter.accounts import presence, users
from newsletter.accounts.models import Role
from newsletter.articles import drafts
from newsletter.articles import editing as articles
from newsletter.core.errors import ConflictError, RefusedError
from newsletter.issues import editing, history, refresh, rulings, undoing
from newsletter.issues.history_models import IssueState
from newsletter.issues.models import Issue, IssueArticle
from newsletter.newsletters.models import Newsletter
from tests.integration.test_changing_issues import by_hand, order
from tests.support.newsroom import Newsroom

AKOUVI, YAO = "akouvi", "yao"


def do(newsroom: Newsroom, verb: Callable[..., object], issue: Issue, *values: object, **named: object) -> object:
    with newsroom.database.unit() as session:
        given = {"actor": AKOUVI, "now": newsroom.now} | named
        return verb(session, session.get_one(Issue, issue.id), *values, **given)


def write(newsroom: Newsroom, issue: Issue, subject: str, **named: object) -> None:
    do(newsroom, editing.change_text, issue, subject=subject, introduction="", **named)


def steps(newsroom: Newsroom, issue: Issue, *, ahead: bool = False) -> int:
    with newsroom.database.reading() as session:
        query = select(func.count()).where(IssueState.issue_id == issue.id, IssueState.ahead.is_(ahead))
        return session.scalar(query) or 0


def why(newsroom: Newsroom, issue: Issue) -> dict[str, str]:
    with newsroom.database.reading() as session:
        return {told.title: told.words for told in rulings.of_issue(session, issue.id)}


def gazette_of(newsroom: Newsroom, issue: Issue) -> Newsletter:
    with newsroom.database.reading() as session:
        return session.get_one(Newsletter, issue.newsletter_id)


@pytest.fixture
def issue(newsroom: Newsroom) -> Issue:
    gazette = by_hand(newsroom)
    for title in ("Un", "Deux", "Trois"):
        newsroom.article(gazette, title)
    return newsroom.draft_issue(gazette)


def article(newsroom: Newsroom, issue: Issue, place: int) -> int:
    with newsroom.database.reading() as session:
        return editing.article_ids(session, issue.id)[place - 1]


def test_every_kind_of_step_is_undone_and_taken_again(newsroom: Newsroom, issue: Issue) -> None:
    said = why(newsroom, issue)
    do(newsroom, editing.move, issue, article(newsroom, issue, 3), to=1)
    do(newsroom, editing.drop, issue, article(newsroom, issue, 2))
    write(newsroom, issue, "Notre objet", preheader="Notre aperçu")
    assert order(newsroom, issue) == ["Trois", "Deux"]
    for _step in range(3):
        assert do(newsroom, undoing.undo, issue) is not None
    assert order(newsroom, issue) == ["Un", "Deux", "Trois"]
    assert newsroom.issue(issue).subject == newsroom.issue(issue).preheader == ""
    assert why(newsroom, issue) == said, "the rulings are what they were"
    assert do(newsroom, undoing.undo, issue) is None
    for _step in range(3):
        assert do(newsroom, undoing.redo, issue) is not None
    assert order(newsroom, issue) == ["Trois", "Deux"]
    assert newsroom.issue(issue).preheader == "Notre aperçu"
    assert do(newsroom, undoing.redo, issue) is None


def test_what_is_added_by_hand_goes_and_comes_back(newsroom: Newsroom, issue: Issue) -> None:
    late = newsroom.article(gazette_of(newsroom, issue), "La dernière minute")
    do(newsroom, editing.add, issue, late.id)
    do(newsroom, undoing.undo, issue)
    assert "La dernière minute" not in order(newsroom, issue)
    assert "La dernière minute" not in why(newsroom, issue)
    do(newsroom, undoing.redo, issue)
    assert order(newsroom, issue)[-1] == "La dernière minute"
    assert why(newsroom, issue)["La dernière minute"] == "In: added by akouvi"


def test_composing_again_is_undone_with_its_window(newsroom: Newsroom, issue: Issue) -> None:
    before = newsroom.issue(issue).cut_off
    newsroom.pass_time(hours=1)
    newsroom.article(gazette_of(newsroom, issue), "Quatre")
    do(newsroom, refresh.refresh, issue)
    assert "Quatre" in order(newsroom, issue)
    do(newsroom, undoing.undo, issue)
    assert "Quatre" not in order(newsroom, issue)
    assert newsroom.issue(issue).cut_off == before
    newsroom.pass_time(hours=1)
    following = newsroom.compose(gazette_of(newsroom, issue))
    assert following is not None
    assert order(newsroom, following) == ["Quatre"], "what was undone is in the next one, not lost"


def test_a_new_step_ends_what_could_be_taken_again(newsroom: Newsroom, issue: Issue) -> None:
    do(newsroom, editing.move, issue, article(newsroom, issue, 3), to=1)
    do(newsroom, undoing.undo, issue)
    do(newsroom, editing.drop, issue, article(newsroom, issue, 1))
    assert do(newsroom, undoing.redo, issue) is None


def test_typing_on_is_one_step_and_another_persons_words_are_another(newsroom: Newsroom, issue: Issue) -> None:
    for text in ("N", "No", "Notre objet"):
        write(newsroom, issue, text)
        newsroom.pass_time(seconds=20)
    write(newsroom, issue, "Celui de Yao", actor=YAO)
    do(newsroom, undoing.undo, issue)
    assert newsroom.issue(issue).subject == "Notre objet"
    do(newsroom, undoing.undo, issue)
    assert newsroom.issue(issue).subject == ""


def test_fifty_steps_are_kept_and_none_after_the_issue_has_left(newsroom: Newsroom, issue: Issue) -> None:
    for turn in range(53):
        do(newsroom, editing.move, issue, article(newsroom, issue, 1), to=2 + turn % 2)
    assert steps(newsroom, issue) == history.MOST
    newsroom.reader(gazette_of(newsroom, issue))
    newsroom.freeze(issue)
    assert steps(newsroom, issue) == 0
    with pytest.raises(RefusedError):
        do(newsroom, undoing.undo, issue)


def test_an_article_that_was_withdrawn_meanwhile_does_not_come_back(newsroom: Newsroom, issue: Issue) -> None:
    gone = article(newsroom, issue, 2)
    do(newsroom, editing.drop, issue, gone)
    with newsroom.database.unit() as session:
        articles.withdraw(session, gone, issue.newsletter_id, actor="ama@desk", now=newsroom.now)
    do(newsroom, undoing.undo, issue)
    assert order(newsroom, issue) == ["Un", "Trois"]


def test_nobody_undoes_what_they_have_not_seen(newsroom: Newsroom, issue: Issue) -> None:
    seen = newsroom.issue(issue).revision
    do(newsroom, editing.move, issue, article(newsroom, issue, 3), to=1, actor=YAO)
    with pytest.raises(ConflictError):
        do(newsroom, undoing.undo, issue, expected_revision=seen)
    assert order(newsroom, issue) == ["Trois", "Un", "Deux"]


def test_a_piece_is_put_into_the_section_it_is_dropped_on(newsroom: Newsroom) -> None:
    sections = [{"key": "une", "title": "La une"}, {"key": "togo", "title": "Togo"}]
    gazette = newsroom.newsletter()
    with newsroom.database.unit() as session:
        session.get_one(Newsletter, gazette.id).rules = {"order": "hand", "sections": sections}
    gazette = gazette_of(newsroom, Issue(newsletter_id=gazette.id))
    for title in ("Un", "Deux"):
        newsroom.article(gazette, title)
    issue = newsroom.draft_issue(gazette)
    second = article(newsroom, issue, 2)
    do(newsroom, editing.move, issue, second, to=2, into="togo")
    with newsroom.database.reading() as session:
        assert session.get_one(IssueArticle, (issue.id, second)).section == "togo"
    with pytest.raises(RefusedError):
        do(newsroom, editing.move, issue, second, to=1, into="nulle part")


def test_presence_is_written_at_most_every_ten_seconds_and_fades(newsroom: Newsroom) -> None:
    with newsroom.database.unit() as session:
        esi, yao = (
            users.create_user(
                session, f"{name}@gazette.example", Role.EDITOR, language="fr", now=newsroom.now, actor="t"
            )
            for name in ("esi", "yao")
        )

    def be_there(user_id: int, *, typing: bool = False) -> None:
        with newsroom.database.unit() as session:
            presence.note(session, "issue", 1, user_id, typing=typing, now=newsroom.now)

    def seen_by(user_id: int) -> list[presence.Seen]:
        with newsroom.database.reading() as session:
            return presence.others(session, "issue", 1, user_id, now=newsroom.now)

    be_there(esi.id)
    be_there(yao.id)
    began = newsroom.now
    newsroom.pass_time(seconds=5)
    be_there(yao.id)
    assert [(seen.email, seen.seen_at, seen.typing) for seen in seen_by(esi.id)] == [
        ("yao@gazette.example", began, False)
    ]
    be_there(yao.id, typing=True)
    assert [seen.typing for seen in seen_by(esi.id)] == [True]
    newsroom.pass_time(seconds=40)
    assert seen_by(esi.id) == []
    with newsroom.database.unit() as session:
        presence.forget(session, now=newsroom.now + timedelta(days=2))
        assert session.scalar(select(func.count()).select_from(presence.Presence)) == 0


def test_a_draft_is_kept_for_each_person_and_goes_after_two_months(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    with newsroom.database.unit() as session:
        esi = users.create_user(
            session, "esi@gazette.example", Role.AUTHOR, language="fr", now=newsroom.now, actor="t"
        ).id
        for text in ("Un", "Un début"):
            drafts.keep(session, esi, gazette.id, drafts.NEW, {"body": text}, now=newsroom.now)
        found = drafts.find(session, esi, gazette.id, drafts.NEW)
        assert found is not None
        assert found.fields == {"body": "Un début"}
        assert drafts.find(session, esi + 1, gazette.id, drafts.NEW) is None
        with pytest.raises(RefusedError):
            drafts.keep(session, esi, gazette.id, drafts.NEW, {"body": "x" * 1_000_001}, now=newsroom.now)
        drafts.forget(session, now=newsroom.now + timedelta(days=61))
        assert session.scalar(select(func.count()).select_from(drafts.ArticleDraft)) == 0
