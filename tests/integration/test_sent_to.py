"""What a reader was sent, and whom an article was sent to."""

from newsletter.issues import sent_to
from newsletter.newsletters.models import Newsletter
from tests.support.newsroom import Newsroom

NAMES = ("ama", "kofi", "efua")


def test_a_reader_s_issues_come_newest_first_with_their_articles_and_in_pages(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    ama = newsroom.reader(gazette)
    issues = []
    for title in ("Le marché déménage", "La pluie revient", "Un pont de plus"):
        newsroom.pass_time(hours=1)
        newsroom.article(gazette, title)
        issue = newsroom.draft_issue(gazette)
        newsroom.freeze(issue)
        issues.append(issue.id)
    with newsroom.database.reading() as session:
        first = sent_to.sent_to(session, ama.subscriber_id, limit=2)
        second = sent_to.sent_to(session, ama.subscriber_id, before=first[-1].issue_id, limit=2)
    assert [item.issue_id for item in (*first, *second)] == issues[::-1]
    assert [article.title for article in first[0].articles] == ["Un pont de plus"]
    assert {item.status for item in first} == {"queued"}


def test_readers_of_an_article_come_in_pages_and_nobody_else(newsroom: Newsroom, gazette: Newsletter) -> None:
    told = newsroom.article(gazette, "Le marché déménage")
    newsroom.outgoing(gazette, *(f"{name}@poste.example" for name in NAMES))
    newsroom.pass_time(hours=1)
    other = newsroom.article(gazette, "La pluie revient")
    newsroom.outgoing(gazette, "late@poste.example")
    with newsroom.database.reading() as session:
        first = sent_to.readers_of(session, told.id, limit=2)
        rest = sent_to.readers_of(session, told.id, after=first[-1].delivery_id, limit=2)
        later = sent_to.readers_of(session, other.id)
        nobody = sent_to.readers_of(session, 999)
    assert len(first) == 2
    assert {item.email for item in (*first, *rest)} == {f"{name}@poste.example" for name in NAMES}
    assert len(later) == 4
    assert nobody == []
