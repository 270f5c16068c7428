"""What is a reader's own: looked up for many at once, asked for by editors, and written into each copy."""

import email
import email.policy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from newsletter.core.errors import RefusedError
from newsletter.delivery.models import SkipReason
from newsletter.delivery.personalise import Recipient
from newsletter.issues import archive, contents, dispatch, editing, preview
from newsletter.issues.contents import IssueContents
from newsletter.issues.models import Issue, Variant
from newsletter.newsletters.models import Edition, Newsletter
from newsletter.subscriptions import queries
from newsletter.subscriptions.audience import Recipients
from newsletter.subscriptions.models import EndedReason, Subscriber, Subscription, SubscriptionStatus
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import SuppressionReason
from tests.support.newsroom import DOMAIN, Newsroom


def know(newsroom: Newsroom, subscription: Subscription, **attributes: Any) -> Subscription:
    with newsroom.database.unit() as session:
        session.get_one(Subscriber, subscription.subscriber_id).attributes = attributes
    return subscription


def look_up(newsroom: Newsroom, newsletter: Newsletter, ids: Sequence[int], *, attributes: bool = False) -> Any:
    with newsroom.database.reading() as session:
        return Recipients(newsroom.here.links).find_all(
            session, ids, newsletter_id=newsletter.id, issue_id=5, attributes=attributes
        )


def written(newsroom: Newsroom, newsletter: Newsletter, *, subject: str, introduction: str) -> Issue:
    """A draft with an editor's words."""
    issue = newsroom.draft_issue(newsletter)
    with newsroom.database.unit() as session:
        draft = session.get_one(Issue, issue.id)
        editing.change_text(session, draft, subject=subject, introduction=introduction, actor="test", now=newsroom.now)
    return issue


@contextmanager
def statements(newsroom: Newsroom) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    with newsroom.database.reading() as session:
        engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_many_readers_are_looked_up_at_once_and_who_may_not_get_mail_is_told(newsroom: Newsroom) -> None:
    gazette, other = newsroom.newsletter(), newsroom.newsletter("soir")
    ama = know(newsroom, newsroom.reader(gazette, "Ama@Poste.example", name="Ama"), city="Lomé")
    gone = newsroom.reader(gazette, "gone@poste.example")
    bad = newsroom.reader(gazette, "bad@poste.example")
    elsewhere = newsroom.reader(other, "else@poste.example")
    with newsroom.database.unit() as session:
        row = session.get_one(Subscription, gone.id)
        row.status, row.ended_reason = SubscriptionStatus.ENDED, EndedReason.ONE_CLICK
        suppression.suppress(
            session, "bad@poste.example", SuppressionReason.HARD_BOUNCE, source="test", now=newsroom.now
        )
    ids = [ama.subscriber_id, gone.subscriber_id, bad.subscriber_id, elsewhere.subscriber_id, 999_999]
    found = look_up(newsroom, gazette, ids)
    assert found[ama.subscriber_id] == Recipient(
        subscription_id=ama.id,
        email="Ama@poste.example",
        name="Ama",
        unsubscribe_url=newsroom.here.links.unsubscribe(ama.id, 5),
        preferences_url=newsroom.here.links.preferences(ama.subscriber_id),
        attributes={},
        domain="poste.example",
        named_clicks=True,
    )
    assert [found[item] for item in ids[1:]] == [
        SkipReason.UNSUBSCRIBED,
        SkipReason.SUPPRESSED,
        SkipReason.UNSUBSCRIBED,
        SkipReason.UNSUBSCRIBED,
    ]
    assert look_up(newsroom, gazette, ids, attributes=True)[ama.subscriber_id].attributes == {"city": "Lomé"}


def test_five_hundred_readers_are_one_question(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    reader = newsroom.reader(gazette)
    with statements(newsroom) as seen:
        found = look_up(newsroom, gazette, range(reader.subscriber_id, reader.subscriber_id + 500))
    assert len(found) == 500
    assert len([statement for statement in seen if "SELECT" in statement]) == 1


def test_an_attribute_is_known_when_one_reader_of_the_newsletter_has_it(newsroom: Newsroom) -> None:
    gazette, other = newsroom.newsletter(), newsroom.newsletter("soir")
    know(newsroom, newsroom.reader(gazette), city="", visits=3)
    know(newsroom, newsroom.reader(gazette, "kofi@poste.example"), **{"code postal": "01 BP 1"})
    know(newsroom, newsroom.reader(other, "afi@poste.example"), town="Lomé")
    with newsroom.database.reading() as session:
        names = ("code postal", "visits", "city", "town", "nope", "a.b", "$")
        known = [name for name in names if queries.has_attribute(session, gazette.id, name)]
        assert known == ["code postal", "visits"]
        assert queries.attribute_names(session, gazette.id) == ["city", "code postal", "visits"]


@pytest.mark.parametrize(
    ("subject", "introduction", "told"),
    [
        ("Hello {{ town }}", "", "Subject: no reader of this newsletter has “town”.*name, email, city"),
        ("", "Hello {{ name", "Introduction: braces are not in pairs"),
        ("", "Hello {{ !! }}", "Introduction: “{{ !! }}” cannot be filled in"),
        ("Hello {{ name | " + "é" * 170 + " }}", "", "shorten what stands behind the bars"),
    ],
)
def test_a_mistake_is_refused_while_it_is_edited(
    newsroom: Newsroom, subject: str, introduction: str, told: str
) -> None:
    gazette = newsroom.newsletter()
    know(newsroom, newsroom.reader(gazette), city="Lomé")
    with pytest.raises(RefusedError, match=told):
        written(newsroom, gazette, subject=subject, introduction=introduction)


def test_an_issue_that_asks_for_what_nobody_has_any_more_does_not_leave(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    reader = know(newsroom, newsroom.reader(gazette), city="Lomé")
    issue = written(newsroom, gazette, subject="{{ city }}", introduction="")
    know(newsroom, reader)
    with pytest.raises(RefusedError, match="no reader of this newsletter has “city”"):
        newsroom.freeze(issue)
    with newsroom.database.unit() as session, pytest.raises(RefusedError, match="city"):
        dispatch.send(session, session.get_one(Issue, issue.id), actor="test", now=newsroom.now)


def test_each_copy_has_the_readers_own_words_and_the_public_page_those_for_everybody(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    newsroom.article(gazette, "Un titre avec {{ name }} et @@UNSUBSCRIBE@@")
    ama = know(newsroom, newsroom.reader(gazette, name="Ama"), city="Lomé & <Kara>")
    issue = written(
        newsroom,
        gazette,
        subject="{{ name | Lecteur }}, vos nouvelles",
        introduction="Bonjour {{ name | à tous }}.\n\nÀ {{ city | travers le pays }}.",
    )
    newsroom.freeze(issue)
    kept = IssueContents(newsroom.here)
    with newsroom.database.reading() as session:
        variant = session.query(Variant).filter_by(issue_id=issue.id).one()
        prepared = kept.prepared(session, variant.id)
        assert kept.prepared(session, variant.id) is prepared
        page = archive.read(session, gazette.id, issue.number, language="fr")
        assert session.get_one(Issue, issue.id).subject == page.subject == "Lecteur, vos nouvelles"
        reader = Recipients(newsroom.here.links).find(
            session, ama.subscriber_id, newsletter_id=gazette.id, issue_id=issue.id
        )
    assert isinstance(reader, Recipient)
    assert prepared.fields == {"name", "city"}
    mail = email.message_from_bytes(prepared.write(reader, 1)[1], policy=email.policy.default)
    text, html = (part.get_payload(decode=True).decode() for part in mail.iter_parts())  # type: ignore[attr-defined]
    assert mail["Subject"] == "Ama, vos nouvelles"
    assert "Bonjour Ama." in text
    assert "À Lomé & <Kara>." in text
    assert "À Lomé &amp; &lt;Kara&gt;." in html
    for part in (text, html, page.html):
        assert "Un titre avec {{ name }} et @@UNSUBSCRIBE@@" in " ".join(part.split())
    assert "Bonjour à tous." in page.html
    assert "À travers le pays." in page.html


def test_a_preview_shows_what_everybody_or_one_reader_gets(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    know(newsroom, newsroom.reader(gazette), city="Ho")
    issue = written(newsroom, gazette, subject="{{ name | Lecteur }}", introduction="À {{ city | tous }}")
    reader = Recipient(
        1, "ama@poste.example", "Ama", "https://news.example/u/1", "https://news.example/p/1", {"city": "Ho"}
    )
    with newsroom.database.reading() as session:
        draft = session.get_one(Issue, issue.id)
        public = preview.preview(session, draft, language="fr", links=newsroom.here.links)
        own = preview.preview(session, draft, language="fr", links=newsroom.here.links, reader=reader)
    assert (public.subject, own.subject) == ("Lecteur", "Ama")
    assert "À tous" in public.text
    assert "À Ho" in own.text
    assert reader.unsubscribe_url in own.html
    assert "@@" not in public.html + public.text + own.html + own.text


def test_what_cannot_become_a_mail_is_found_at_the_freeze(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    issue = newsroom.draft_issue(gazette)
    with newsroom.database.unit() as session:
        session.get_one(Newsletter, gazette.id).from_address = f"the desk@{DOMAIN}"
    assert newsroom.freeze(issue) is None
    reason = newsroom.issue(issue).pause_reason
    assert reason is not None
    assert reason["code"] == "cannot_be_written"
    assert newsroom.deliveries(issue) == {}


def test_only_so_many_bytes_of_variants_are_kept(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    gazette = newsroom.newsletter()
    issue = newsroom.outgoing(gazette, "ama@poste.example")
    kept = IssueContents(newsroom.here)
    with newsroom.database.unit() as session:
        first = session.query(Variant).filter_by(issue_id=issue.id).one()
        second = Variant(
            issue_id=issue.id,
            key="another",
            language="en",
            edition=Edition.FULL,
            articles=first.articles,
            blocks=first.blocks,
            subject="a",
            preheader="",
            public=False,
            readers=0,
        )
        session.add(second)
        session.flush()
        before = kept.prepared(session, first.id)
        monkeypatch.setattr(contents, "KEPT_BYTES", before.size() + 1)
        other = kept.prepared(session, second.id)
        assert kept.prepared(session, second.id) is other
        assert kept.prepared(session, first.id) is not before
