"""Links of an issue from the freeze to the counts: followed, judged, folded once, forgotten."""

import re
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, text, update

from newsletter.core.database import dialect_of
from newsletter.delivery.models import Delivery, DeliveryStatus
from newsletter.issues import inspection, variants
from newsletter.issues.contents import blocks_of
from newsletter.issues.models import Block, Issue, Variant
from newsletter.mail.transport import Transport
from newsletter.newsletters.models import Measure, Newsletter
from newsletter.subscriptions import measuring
from newsletter.subscriptions.models import Measuring, Subscriber, Subscription
from newsletter.subscriptions.segments import sql
from newsletter.subscriptions.segments.rule import Condition, Field, Match, Op, Rule
from newsletter.subscriptions.segments.sql import members
from newsletter.tracking import folding, following, forgetting, queries
from newsletter.tracking.following import Pointer
from newsletter.tracking.models import CLICKS_OF_READERS, EngagementEvent, IssueLink, LinkCount
from newsletter.tracking.queries import Clicks, Opens
from newsletter.tracking.recording import Recorder, asked
from newsletter.tracking.words import LinkKind
from tests.support.newsroom import Newsroom
from tests.support.smtp_server import SmtpSink

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36"
STORIES = ("a", "b", "c", "d")
NAMES = ("ama@poste.example", "kofi@poste.example", "efua@poste.example")


def measure(
    newsroom: Newsroom, newsletter: Newsletter, *, clicks: Measure = Measure.OFF, opens: Measure = Measure.OFF
) -> None:
    with newsroom.database.unit() as session:
        session.execute(update(Newsletter).where(Newsletter.id == newsletter.id).values(clicks=clicks, opens=opens))
    newsletter.clicks, newsletter.opens = clicks, opens


def sent(newsroom: Newsroom, newsletter: Newsletter, relay: Transport, *emails: str) -> Issue:
    """An issue of four stories that these readers have got, a minute ago."""
    for story in STORIES:
        newsroom.article(newsletter, f"Histoire {story}", url=f"https://journal.example/{story}")
    issue = newsroom.outgoing(newsletter, *(emails or NAMES))
    newsroom.deliver(relay)
    newsroom.pass_time(minutes=1)
    return issue


def follow(
    newsroom: Newsroom,
    issue: Issue,
    number: int,
    email: str = "",
    *,
    agent: str = FIREFOX,
    address: str = "203.0.113.7",
    method: str = "GET",
    after: float = 0,
) -> None:
    delivery = newsroom.deliveries(issue)[email].id if email else 0
    recorder = Recorder(newsroom.database)
    recorder.record(
        asked(
            issue_id=issue.id,
            newsletter_id=issue.newsletter_id,
            number=number,
            delivery_id=delivery,
            at=newsroom.now + timedelta(seconds=after),
            method=method,
            purpose="",
            user_agent=agent,
            address=address,
        )
    )
    assert recorder.waiting == 0


def fold(newsroom: Newsroom) -> int:
    with newsroom.database.unit() as session:
        return folding.fold(session, now=newsroom.now)


def figures(newsroom: Newsroom, issue: Issue) -> tuple[Clicks, Opens]:
    with newsroom.database.reading() as session:
        found = queries.figures(session, [issue.id])[issue.id]
    return found.clicked, found.opened


def counts(newsroom: Newsroom, issue: Issue) -> dict[str, Clicks]:
    with newsroom.database.reading() as session:
        return {link.url.rpartition("/")[2]: link.counts for link in queries.links(session, issue.id)}


def events(newsroom: Newsroom) -> Sequence[EngagementEvent]:
    with newsroom.database.reading() as session:
        return session.scalars(select(EngagementEvent).order_by(EngagementEvent.id)).all()


def number_of(newsroom: Newsroom, issue: Issue, story: str) -> int:
    with newsroom.database.reading() as session:
        return session.scalars(
            select(IssueLink.number).where(
                IssueLink.issue_id == issue.id, IssueLink.url == f"https://journal.example/{story}"
            )
        ).one()


def html_of(newsroom: Newsroom, issue: Issue) -> str:
    with newsroom.database.reading() as session:
        return "".join(session.scalars(select(Block.html).where(Block.issue_id == issue.id).order_by(Block.id)))


def test_a_freeze_numbers_each_link_once_and_says_whose_story_it_is(
    newsroom: Newsroom, gazette: Newsletter, relay: Transport
) -> None:
    measure(newsroom, gazette, clicks=Measure.READER)
    issue = sent(newsroom, gazette, relay)
    with newsroom.database.reading() as session:
        of_issue = select(IssueLink).where(IssueLink.issue_id == issue.id).order_by(IssueLink.number)
        links = session.scalars(of_issue).all()
        variant = session.scalars(select(Variant).where(Variant.issue_id == issue.id)).first()
        assert variant is not None
        texts = "".join(block.text for block in blocks_of(session, variant))
    assert {link.url for link in links} == {f"https://journal.example/{story}" for story in STORIES}
    assert [link.number for link in links] == [1, 2, 3, 4]
    assert all(link.article_id and link.followed and link.kind is LinkKind.ARTICLE for link in links)
    html = html_of(newsroom, issue)
    assert "https://journal.example" not in html
    assert "@@UNSUBSCRIBE@@" in html
    assert f"https://news.example/archive/gazette/{issue.number}" in html
    assert "https://journal.example/a" in texts, "the text part keeps the real addresses"


def test_off_leaves_every_byte_as_it_is(
    newsroom: Newsroom, gazette: Newsletter, relay: Transport, sink: SmtpSink
) -> None:
    issue = sent(newsroom, gazette, relay, "ama@poste.example")
    html = html_of(newsroom, issue)
    assert html.count('href="https://journal.example/') >= len(STORIES)
    assert "@@LINK" not in html
    raw = sink.received[-1].data
    assert b"/c/" not in raw
    assert b"/o/" not in raw
    with newsroom.database.reading() as session:
        assert {link.followed for link in session.scalars(select(IssueLink))} == {False}


def test_staff_see_where_links_lead(newsroom: Newsroom, gazette: Newsletter, relay: Transport) -> None:
    measure(newsroom, gazette, clicks=Measure.READER, opens=Measure.READER)
    issue = sent(newsroom, gazette, relay)
    with newsroom.database.reading() as session:
        variant = session.scalars(select(Variant.id).where(Variant.issue_id == issue.id)).first()
        assert variant is not None
        html = variants.mail_of(session, issue.id, variant, newsroom.here.links).html
    assert "https://journal.example/a" in html
    assert "/c/" not in html
    assert "/o/" not in html


def test_clicks_are_counted_by_link_with_machines_apart(
    newsroom: Newsroom, gazette: Newsletter, relay: Transport
) -> None:
    measure(newsroom, gazette, clicks=Measure.READER)
    issue = sent(newsroom, gazette, relay)
    a, b = number_of(newsroom, issue, "a"), number_of(newsroom, issue, "b")
    follow(newsroom, issue, a, NAMES[0])
    follow(newsroom, issue, a, NAMES[0], after=20)  # within the minute
    follow(newsroom, issue, a, NAMES[1], after=5)
    follow(newsroom, issue, b, NAMES[1], after=90)
    follow(newsroom, issue, a, NAMES[2], agent="Barracuda Sentinel (EE)")
    follow(newsroom, issue, b, NAMES[2], method="HEAD", after=30)
    assert fold(newsroom) == 6
    assert figures(newsroom, issue)[0] == Clicks(clicks=3, readers=2, machines=1)
    assert counts(newsroom, issue) | {} == {
        "a": Clicks(2, 2, 1),
        "b": Clicks(1, 1, 0),
        "c": Clicks(),
        "d": Clicks(),
    }
    assert {(item.network, item.family) for item in events(newsroom)} == {
        ("203.0.113.0/24", "firefox"),
        ("203.0.113.0/24", "barracuda"),
    }


def test_folding_again_counts_nothing_twice(newsroom: Newsroom, gazette: Newsletter, relay: Transport) -> None:
    measure(newsroom, gazette, clicks=Measure.READER)
    issue = sent(newsroom, gazette, relay)
    follow(newsroom, issue, 1, NAMES[0])
    assert fold(newsroom) == 1
    before = figures(newsroom, issue)
    assert fold(newsroom) == 0
    assert figures(newsroom, issue) == before
    follow(newsroom, issue, 2, NAMES[0], after=120)
    fold(newsroom)
    assert figures(newsroom, issue)[0] == Clicks(clicks=2, readers=1)


def test_a_fold_that_is_broken_off_has_counted_nothing(
    newsroom: Newsroom, gazette: Newsletter, relay: Transport
) -> None:
    measure(newsroom, gazette, clicks=Measure.READER)
    issue = sent(newsroom, gazette, relay)
    follow(newsroom, issue, 1, NAMES[0])
    with suppress(RuntimeError), newsroom.database.unit() as session:
        folding.fold(session, now=newsroom.now)
        raise RuntimeError("the power went")
    assert figures(newsroom, issue)[0] == Clicks()
    fold(newsroom)
    assert figures(newsroom, issue)[0] == Clicks(clicks=1, readers=1)


def test_folds_at_once_count_each_event_once(
    newsroom: Newsroom, gazette: Newsletter, relay: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(newsroom, gazette, clicks=Measure.READER)
    emails = [f"reader{number}@poste.example" for number in range(40)]
    issue = sent(newsroom, gazette, relay, *emails)
    for turn, email in enumerate(emails):
        follow(newsroom, issue, 1, email, after=turn)
        follow(newsroom, issue, 2, email, after=100 + turn)
    monkeypatch.setattr(folding, "CHUNK", 7)
    problems: list[BaseException] = []

    def work() -> None:
        try:
            while True:
                with newsroom.database.reading() as session:
                    if not folding.anything_waits(session):
                        return
                fold(newsroom)
        except BaseException as error:  # noqa: BLE001 - told to the test
            problems.append(error)

    threads = [threading.Thread(target=work) for _turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    assert figures(newsroom, issue)[0] == Clicks(clicks=80, readers=40)
    assert {name: found.readers for name, found in counts(newsroom, issue).items()} == {
        "a": 0,
        "b": 0,
        "c": 0,
        "d": 0,
    } | dict.fromkeys((_story(newsroom, issue, 1), _story(newsroom, issue, 2)), 40)


def _story(newsroom: Newsroom, issue: Issue, number: int) -> str:
    with newsroom.database.reading() as session:
        return session.get_one(IssueLink, (issue.id, number)).url.rpartition("/")[2]


def test_a_scanner_is_known_by_its_later_clicks_and_the_counts_are_mended(
    newsroom: Newsroom, gazette: Newsletter, relay: Transport
) -> None:
    measure(newsroom, gazette, clicks=Measure.READER)
    issue = sent(newsroom, gazette, relay)
    follow(newsroom, issue, 1, NAMES[0], agent=CHROME)
    fold(newsroom)
    assert figures(newsroom, issue)[0] == Clicks(clicks=1, readers=1)
    for number in (2, 3, 4):
        follow(newsroom, issue, number, NAMES[0], agent=CHROME, after=number)
    fold(newsroom)
    assert figures(newsroom, issue)[0] == Clicks(machines=4)
    assert {found.readers for found in counts(newsroom, issue).values()} == {0}


def test_without_persons_clicks_are_counted_and_nothing_says_whose(
    newsroom: Newsroom, gazette: Newsletter, relay: Transport
) -> None:
    measure(newsroom, gazette, clicks=Measure.ANONYMOUS)
    issue = sent(newsroom, gazette, relay)
    follow(newsroom, issue, 1)
    follow(newsroom, issue, 1, address="198.51.100.9", after=1)
    follow(newsroom, issue, 2, agent="curl/8", after=2)
    fold(newsroom)
    assert figures(newsroom, issue)[0] == Clicks(clicks=2, readers=0, machines=1)
    newsroom.pass_time(days=1, minutes=1)
    with newsroom.database.unit() as session:
        assert forgetting.forget_old(session, now=newsroom.now) == 3
    assert figures(newsroom, issue)[0] == Clicks(clicks=2, readers=0, machines=1)


def test_opens_are_estimates_with_what_mail_programs_load_apart(
    newsroom: Newsroom, gazette: Newsletter, relay: Transport
) -> None:
    measure(newsroom, gazette, opens=Measure.ANONYMOUS)
    issue = sent(newsroom, gazette, relay)
    follow(newsroom, issue, 0, agent="Mozilla/5.0", address="17.58.0.1")
    follow(newsroom, issue, 0, agent="x (via ggpht.com GoogleImageProxy)", address="66.249.80.1", after=1)
    follow(newsroom, issue, 0, agent="x (via ggpht.com GoogleImageProxy)", address="66.249.80.1", after=2)
    fold(newsroom)
    assert figures(newsroom, issue) == (Clicks(), Opens(opens=2, prefetched=1))
    with newsroom.database.reading() as session:
        (day,) = queries.days(session, issue.id)
    assert day.day == newsroom.now.date()


def test_a_reader_is_named_only_as_far_as_they_said(
    newsroom: Newsroom, gazette: Newsletter, relay: Transport, sink: SmtpSink
) -> None:
    measure(newsroom, gazette, clicks=Measure.READER, opens=Measure.READER)
    for email, answer in zip(NAMES, (None, Measuring.AGREED, Measuring.REFUSED), strict=True):
        reader = newsroom.reader(gazette, email)
        with newsroom.database.unit() as session:
            subscription = session.get_one(Subscription, reader.id)
            measuring.say(session, subscription, answer, wording="Oui", now=newsroom.now)
    issue = newsroom.outgoing(gazette)
    del issue
    newsroom.article(gazette, "Histoire a", url="https://journal.example/a")
    newsroom.pass_time(hours=1)
    last = newsroom.draft_issue(gazette)
    newsroom.freeze(last)
    newsroom.deliver(relay)
    of = {}
    for received in sink.received[-3:]:
        flat = received.data.replace(b"=\r\n", b"")
        of[received.recipient] = (b"~" in flat.partition(b"/c/")[2][:80], b"~" in flat.partition(b"/o/")[2][:80])
    assert of == {NAMES[0]: (True, False), NAMES[1]: (True, True), NAMES[2]: (False, False)}


def test_an_erased_reader_leaves_the_sums_and_nothing_else(
    newsroom: Newsroom, gazette: Newsletter, relay: Transport
) -> None:
    measure(newsroom, gazette, clicks=Measure.READER)
    issue = sent(newsroom, gazette, relay)
    for email in NAMES[:2]:
        follow(newsroom, issue, 1, email)
    fold(newsroom)
    follow(newsroom, issue, 2, NAMES[0], after=90)  # not folded yet
    reader = newsroom.deliveries(issue)[NAMES[0]].subscriber_id
    with newsroom.database.reading() as session:
        assert [url for _event, url in queries.of_subscriber(session, reader)] != []
    with newsroom.database.unit() as session:
        assert forgetting.forget(session, reader) == 2
    assert {item.subscriber_id for item in events(newsroom)} == {newsroom.deliveries(issue)[NAMES[1]].subscriber_id}
    assert figures(newsroom, issue)[0] == Clicks(clicks=2, readers=2)
    delivery = newsroom.deliveries(issue)[NAMES[0]].id
    with newsroom.database.unit() as session:
        session.execute(text("DELETE FROM subscribers WHERE id = :id"), {"id": reader})
    with newsroom.database.unit() as session:
        session.add(
            EngagementEvent(
                issue_id=issue.id,
                newsletter_id=gazette.id,
                number=3,
                delivery_id=delivery,
                at=newsroom.now,
                day=newsroom.now.date(),
                manner="get",
                family="firefox",
                network="",
            )
        )
    fold(newsroom)
    assert events(newsroom)[-1].delivery_id is None, "an old message of theirs names nobody"
    assert figures(newsroom, issue)[0] == Clicks(clicks=3, readers=2)


def test_a_token_with_the_half_of_another_issue_names_nobody(
    newsroom: Newsroom, gazette: Newsletter, relay: Transport
) -> None:
    measure(newsroom, gazette, clicks=Measure.READER)
    first = sent(newsroom, gazette, relay)
    newsroom.pass_time(hours=1)
    newsroom.article(gazette, "Histoire z", url="https://journal.example/z")
    second = newsroom.draft_issue(gazette)
    newsroom.freeze(second)
    newsroom.deliver(relay)
    newsroom.pass_time(minutes=1)
    delivery = newsroom.deliveries(first)[NAMES[0]].id
    Recorder(newsroom.database).record(
        asked(
            issue_id=second.id,
            newsletter_id=gazette.id,
            number=1,
            delivery_id=delivery,
            at=newsroom.now,
            method="GET",
            purpose="",
            user_agent=FIREFOX,
            address="",
        )
    )
    fold(newsroom)
    assert [item.delivery_id for item in events(newsroom)] == [None]
    assert figures(newsroom, second)[0] == Clicks(clicks=1)


def test_events_go_after_400_days_and_the_counts_stay(
    newsroom: Newsroom, gazette: Newsletter, relay: Transport
) -> None:
    measure(newsroom, gazette, clicks=Measure.READER)
    issue = sent(newsroom, gazette, relay)
    follow(newsroom, issue, 1, NAMES[0])
    fold(newsroom)
    newsroom.pass_time(days=399)
    with newsroom.database.unit() as session:
        assert forgetting.forget_old(session, now=newsroom.now) == 0
    newsroom.pass_time(days=1, hours=1)
    with newsroom.database.unit() as session:
        assert forgetting.forget_old(session, now=newsroom.now) == 1
    assert figures(newsroom, issue)[0] == Clicks(clicks=1, readers=1)


def test_more_than_a_person_makes_adds_nothing(
    newsroom: Newsroom, gazette: Newsletter, relay: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(newsroom, gazette, clicks=Measure.READER)
    issue = sent(newsroom, gazette, relay)
    monkeypatch.setattr(folding, "MOST", 3)
    for turn in range(4):
        follow(newsroom, issue, 1, NAMES[0], after=100 * turn)
    fold(newsroom)
    assert figures(newsroom, issue)[0] == Clicks()


def test_those_who_clicked_of_late_are_a_segment_and_so_are_the_others(
    newsroom: Newsroom, gazette: Newsletter, relay: Transport
) -> None:
    measure(newsroom, gazette, clicks=Measure.READER)
    issue = sent(newsroom, gazette, relay)
    follow(newsroom, issue, 1, NAMES[0])
    follow(newsroom, issue, 1, NAMES[1], agent="curl/8")
    fold(newsroom)
    newsroom.pass_time(days=2)

    def found(newsletter: Newsletter, op: Op, days: int) -> set[str]:
        rule = Rule(Match.ALL, (Condition(Field.CLICKED, op, days),))
        with newsroom.database.reading() as session:
            query = members(session, newsletter, rule, now=newsroom.now).with_only_columns(Subscriber.email)
            return set(session.scalars(query))

    assert found(gazette, Op.WITHIN, 2) == {NAMES[0]}
    assert found(gazette, Op.NOT_WITHIN, 2) == set(NAMES) - {NAMES[0]}
    assert found(gazette, Op.WITHIN, 1) == set()
    assert found(gazette, Op.NOT_WITHIN, 1) == set(NAMES)
    herald = newsroom.newsletter("herald")
    newsroom.reader(herald, NAMES[0])
    assert found(herald, Op.WITHIN, 2) == set()


def test_a_segment_asks_for_clicks_in_the_words_of_their_index() -> None:
    assert sql._CLICKS_OF_READERS == CLICKS_OF_READERS


def test_a_busy_database_keeps_no_reader_waiting_and_loses_no_click(
    newsroom: Newsroom, gazette: Newsletter, relay: Transport
) -> None:
    measure(newsroom, gazette, clicks=Measure.READER)
    issue = sent(newsroom, gazette, relay)
    delivery = newsroom.deliveries(issue)[NAMES[0]].id
    recorder = Recorder(newsroom.database)
    began = datetime.now().astimezone()
    with newsroom.database.unit() as session:
        if dialect_of(session) == "postgresql":
            session.execute(text("LOCK TABLE engagement_events IN ACCESS EXCLUSIVE MODE"))
        else:
            session.execute(update(Delivery).where(Delivery.id == delivery).values(status=DeliveryStatus.SENT))
        recorder.record(
            asked(
                issue_id=issue.id,
                newsletter_id=gazette.id,
                number=1,
                delivery_id=delivery,
                at=newsroom.now,
                method="GET",
                purpose="",
                user_agent=FIREFOX,
                address="203.0.113.7",
            )
        )
        assert (datetime.now().astimezone() - began) < timedelta(seconds=2)
    deadline = threading.Event()
    for _turn in range(200):
        if events(newsroom):
            break
        deadline.wait(0.05)
    assert [item.delivery_id for item in events(newsroom)] == [delivery]
    with newsroom.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(LinkCount)) == 0


def test_what_is_looked_at_before_it_leaves_has_real_addresses_and_what_is_tried_has_links_for_nobody(
    newsroom: Newsroom, gazette: Newsletter
) -> None:
    measure(newsroom, gazette, clicks=Measure.READER, opens=Measure.READER)
    newsroom.article(gazette, "Histoire a", url="https://journal.example/a")
    newsroom.reader(gazette)
    issue = newsroom.draft_issue(gazette)
    for frozen in (False, True):
        if frozen:
            newsroom.freeze(issue)
        with newsroom.database.reading() as session:
            gathered = inspection.gather(session, newsroom.here, session.get_one(Issue, issue.id), now=newsroom.now)
        for copy in gathered.copies:
            assert copy.html == "" or "https://journal.example/a" in copy.html
            assert "/c/" not in copy.html
        message = gathered.specimens[0].write()[1].replace(b"=\r\n", b"").decode("ascii", "replace")
        tokens = re.findall(r"https://news\.example/c/([\w~-]+)", message)
        assert tokens
        signer = newsroom.here.signer
        assert {following.read_click(signer, token) for token in tokens} == {Pointer(0, 1, 0)}
        assert "https://news.example/o/" in message


def test_an_issue_from_before_anything_was_measured_is_sent_as_it_was(
    newsroom: Newsroom, gazette: Newsletter, relay: Transport, sink: SmtpSink
) -> None:
    newsroom.article(gazette, "Histoire a", url="https://journal.example/a")
    issue = newsroom.outgoing(gazette, NAMES[0])
    with newsroom.database.unit() as session:
        session.execute(text("DELETE FROM issue_measures"))
        session.execute(text("DELETE FROM issue_links"))
    newsroom.deliver(relay)
    assert b"https://journal.example/a" in sink.received[-1].data.replace(b"=\r\n", b"")
    assert figures(newsroom, issue) == (Clicks(), Opens())
