"""Breaking news goes to everybody who wants such, once; a correction to those whom the mistake has reached."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.articles import editing as articles
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.issues import breaking, correction, dispatch, review
from newsletter.issues import freeze as freezing
from newsletter.issues.contents import blocks_of
from newsletter.issues.models import Issue, IssueKind, IssueStatus, Variant
from newsletter.issues.typesetting import assemble
from newsletter.newsletters.models import Newsletter, Schedule
from newsletter.subscriptions import choices
from newsletter.subscriptions.choices import ChoiceValues
from newsletter.subscriptions.models import Subscription
from tests.support.mailers import Sends
from tests.support.newsroom import Newsroom

AMA, KOFI, ESI = "ama@poste.example", "kofi@poste.example", "esi@poste.example"


def break_news(newsroom: Newsroom, newsletter: Newsletter, *article_ids: int, subject: str = "") -> Issue:
    with newsroom.database.unit() as session:
        found = session.get_one(Newsletter, newsletter.id)
        return breaking.send_breaking(session, found, article_ids, subject=subject, actor="akouvi", now=newsroom.now)


def correct(newsroom: Newsroom, issue: Issue, text: str = "Il fallait lire 1926.", **values: object) -> Issue:
    with newsroom.database.unit() as session:
        found = session.get_one(Issue, issue.id)
        return correction.send_correction(session, found, text=text, actor="akouvi", now=newsroom.now, **values)  # type: ignore[arg-type]


def freeze(newsroom: Newsroom, issue: Issue) -> int | None:
    with newsroom.database.unit() as session:
        return freezing.freeze(session, issue.id, newsroom.here.links, now=newsroom.now)


def text_for(newsroom: Newsroom, issue: Issue, language: str) -> str:
    """What the readers of a language got."""
    with newsroom.database.reading() as session:
        variant = session.scalars(
            select(Variant).where(Variant.issue_id == issue.id, Variant.language == language, Variant.readers > 0)
        ).one()
        made = assemble(blocks_of(session, variant), subject=variant.subject, preheader=variant.preheader)
        return f"{made.subject}\n{made.text}"


def test_breaking_news_reaches_every_cadence_but_not_who_wants_none(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.reader(gazette, AMA)
    weekly, quiet = newsroom.reader(gazette, KOFI), newsroom.reader(gazette, ESI)
    with newsroom.database.unit() as session:
        cadence = Schedule(
            newsletter_id=gazette.id,
            slug="hebdo",
            name="Hebdo",
            position=1,
            rule="0 9 * * 1",
            since=newsroom.now,
            created_at=newsroom.now,
        )
        session.add(cadence)
        session.flush()
        session.get_one(Subscription, weekly.id).schedule_id = cadence.id
        choices.set_choice(
            session, session.get_one(Subscription, quiet.id), ChoiceValues(breaking=False), now=newsroom.now
        )
    issue = break_news(newsroom, gazette, newsroom.article(gazette, "Le barrage cède").id, subject="Le barrage")
    assert (issue.kind, issue.status, issue.subject) == (IssueKind.BREAKING, IssueStatus.SENDING, "Le barrage")
    assert freeze(newsroom, issue) == 2
    assert set(newsroom.deliveries(issue)) == {AMA, KOFI}


def test_a_second_press_makes_no_second_issue(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    one, two = (newsroom.article(gazette, title).id for title in ("Le barrage cède", "La route est coupée"))
    first = break_news(newsroom, gazette, one, two)
    for again in ((one,), (two, one)):
        with pytest.raises(RefusedError, match=f"Issue {first.number} has been breaking news"):
            break_news(newsroom, gazette, *again)
    newsroom.act(dispatch.cancel, first)
    assert break_news(newsroom, gazette, one).number == 2


def test_what_was_breaking_news_is_not_sent_again_in_the_digest(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.reader(gazette, AMA)
    article = newsroom.article(gazette, "Le barrage cède").id
    freeze(newsroom, break_news(newsroom, gazette, article))
    newsroom.pass_time(minutes=5)
    newsroom.article(gazette, "Autre chose")
    issue = newsroom.draft_issue(gazette)
    newsroom.freeze(issue)
    with newsroom.database.reading() as session:
        (delivery,) = newsroom.deliveries(issue).values()
        assert article not in session.get_one(Variant, delivery.variant_id).articles


def test_breaking_news_cools_off_and_can_be_pulled_back(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter(cooling_minutes=2)
    issue = break_news(newsroom, gazette, newsroom.article(gazette).id)
    assert (issue.status, issue.send_at) == (IssueStatus.SCHEDULED, newsroom.now + timedelta(minutes=2))
    newsroom.act(dispatch.pull_back, issue)
    newsroom.pass_time(minutes=3)
    with newsroom.database.unit() as session:
        review.sweep(session, now=newsroom.now)
    assert newsroom.issue(issue).status is IssueStatus.DRAFT


def test_breaking_news_of_what_cannot_be_sent_makes_nothing(newsroom: Newsroom) -> None:
    gazette, other = newsroom.newsletter(), newsroom.newsletter("autre")
    gone = newsroom.article(gazette, "Retiré")
    with newsroom.database.unit() as session:
        articles.withdraw(session, gone.id, gazette.id, actor="ama@desk", now=newsroom.now)
    for ids, error in (
        ((), RefusedError),
        ((999_999,), NotFoundError),
        ((newsroom.article(other, "Ailleurs").id,), NotFoundError),
        ((gone.id,), RefusedError),
        (tuple(range(1, 12)), RefusedError),
    ):
        with pytest.raises(error):
            break_news(newsroom, gazette, *ids)
    with newsroom.database.reading() as session:
        assert session.scalars(select(Issue)).all() == []


def sent(newsroom: Newsroom, newsletter: Newsletter) -> Issue:
    """An issue that its readers have got, all of them."""
    issue = newsroom.draft_issue(newsletter)
    newsroom.freeze(issue)
    newsroom.deliver(Sends())
    assert newsroom.issue(issue).status is IssueStatus.SENT
    return newsroom.issue(issue)


def test_a_correction_reaches_those_who_got_the_mistake_and_nobody_else(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.reader(gazette, AMA)
    newsroom.reader(gazette, KOFI, language="en")
    issue = sent(newsroom, gazette)
    newsroom.reader(gazette, ESI)
    made = correct(newsroom, issue)
    assert (made.kind, made.corrects_id) == (IssueKind.CORRECTION, issue.id)
    assert freeze(newsroom, made) == 2
    assert set(newsroom.deliveries(made)) == {AMA, KOFI}
    for language in ("fr", "en"):
        text = text_for(newsroom, made, language)
        assert "Il fallait lire 1926." in text
        assert text.startswith("Rectificatif")


def test_a_correction_of_an_article_brings_it_again_to_those_who_had_it(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.reader(gazette, AMA)
    article = newsroom.article(gazette, "Le pont de 1962")
    issue = sent(newsroom, gazette)
    made = correct(newsroom, issue, article_id=article.id, subject="La date du pont")
    assert freeze(newsroom, made) == 1
    text = text_for(newsroom, made, "fr")
    assert text.startswith("La date du pont")
    assert "Le pont de 1962" in text
    newsroom.deliver(Sends())
    assert newsroom.issue(made).status is IssueStatus.SENT


def test_what_cannot_be_corrected_is_refused(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    with pytest.raises(RefusedError, match="Nobody has got"):
        correct(newsroom, newsroom.draft_issue(gazette))
    newsroom.pass_time(minutes=5)
    newsroom.reader(gazette, AMA)
    article = newsroom.article(gazette, "Le marché").id
    issue = newsroom.draft_issue(gazette)
    newsroom.freeze(issue)
    with pytest.raises(RefusedError, match="being sent"):
        correct(newsroom, issue)
    newsroom.deliver(Sends())
    for wrong in ({"text": "  "}, {"article_id": article + 1000}, {"text": "x" * 5000}):
        with pytest.raises(RefusedError):
            correct(newsroom, issue, **wrong)
