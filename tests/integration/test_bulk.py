"""One thing done to many readers: counted first, done in batches that outlive a killed worker, taken back exactly."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from newsletter.core.errors import RefusedError
from newsletter.delivery.models import Delivery, DeliveryStatus, SkipReason
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import bulk, counts, search, unsubscribe
from newsletter.subscriptions.bulk_models import BulkAction, BulkKind, BulkStatus
from newsletter.subscriptions.models import EndedReason, Subscriber, Subscription, SubscriptionStatus
from newsletter.subscriptions.search import Find, Part
from newsletter.subscriptions.segments.rule import Condition, Field, Match, Op, Rule
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import SuppressionReason
from tests.support.newsroom import Newsroom

NAMES = ("afi", "ama", "edem", "kofi", "sena")


@pytest.fixture
def readers(newsroom: Newsroom, gazette: Newsletter) -> dict[str, int]:
    """Subscriptions by name."""
    return {name: newsroom.reader(gazette, f"{name}@poste.example", name=name.title()).id for name in NAMES}


def ask(newsroom: Newsroom, find: Find, kind: BulkKind, **params: str) -> int:
    with newsroom.database.unit() as session:
        return bulk.ask(session, find, kind, params, actor="ama@desk", now=newsroom.now).id


def work(newsroom: Newsroom, action_id: int) -> None:
    bulk.run(newsroom.database, action_id, newsroom.clock)


def do(newsroom: Newsroom, find: Find, kind: BulkKind, **params: str) -> int:
    action_id = ask(newsroom, find, kind, **params)
    work(newsroom, action_id)
    with newsroom.database.unit() as session:
        bulk.confirm(session, action_id, actor="ama@desk", now=newsroom.now)
    work(newsroom, action_id)
    return action_id


def undo(newsroom: Newsroom, action_id: int) -> BulkAction:
    with newsroom.database.unit() as session:
        bulk.undo(session, action_id, actor="kofi@desk", now=newsroom.now)
    work(newsroom, action_id)
    return action(newsroom, action_id)


def action(newsroom: Newsroom, action_id: int) -> BulkAction:
    with newsroom.database.reading() as session:
        return session.get_one(BulkAction, action_id)


def states(newsroom: Newsroom) -> dict[str, str]:
    with newsroom.database.reading() as session:
        assert counts.check(session) == []
        rows = session.execute(
            select(Subscriber.email_key, Subscription.status).join(
                Subscription, Subscription.subscriber_id == Subscriber.id
            )
        )
        return {email.partition("@")[0]: status.value for email, status in rows}


def found(newsroom: Newsroom, find: Find, limit: int = 2) -> list[str]:
    """The addresses of every page."""
    names, after = [], None
    while True:
        with newsroom.database.reading() as session:
            page = search.page(session, find, after=after, limit=limit)
        names += [row.email for row in page.rows]
        after = page.after
        if after is None:
            return names


def test_a_search_finds_by_address_by_domain_and_by_name(newsroom: Newsroom, gazette: Newsletter) -> None:
    for email, name in (
        ("ama@poste.example", "Zoé"),
        ("amavi@poste.example", ""),
        ("zed@gmail.example", "Amavi Lawson"),
        ("yao@gmail.example", "amadou"),
        ("k@gmail.example", "Émile"),
    ):
        newsroom.reader(gazette, email, name=name)
    newsroom.reader(newsroom.newsletter("herald"), "amata@poste.example")
    assert found(newsroom, Find(gazette.id, "ama")) == [
        "ama@poste.example",
        "amavi@poste.example",
        "zed@gmail.example",
        "yao@gmail.example",
    ]
    assert found(newsroom, Find(gazette.id, "@GMAIL.example")) == [
        "k@gmail.example",
        "yao@gmail.example",
        "zed@gmail.example",
    ]
    assert found(newsroom, Find(gazette.id, "émi")) == ["k@gmail.example"]
    assert found(newsroom, Find(gazette.id, "mavi")) == []
    assert found(newsroom, Find(gazette.id, "%")) == []
    assert found(newsroom, Find(gazette.id, "\0")) == []
    assert found(newsroom, Find(gazette.id))[0] == "k@gmail.example"
    assert found(newsroom, Find(gazette.id, status=SubscriptionStatus.ENDED)) == []


def test_who_is_renamed_is_found_by_the_new_name_and_address(newsroom: Newsroom, gazette: Newsletter) -> None:
    """Whoever writes the row: what is looked for is copied by the database."""
    ama, herald = newsroom.reader(gazette, "ama@poste.example", name="Ama"), newsroom.newsletter("herald")
    newsroom.reader(herald, "ama@poste.example")
    newsroom.reader(herald, "kofi@poste.example", name="Kofi")
    changed = {"email": "sena@gmail.example", "email_key": "sena@gmail.example", "domain": "gmail.example"}
    with newsroom.database.unit() as session:
        session.execute(update(Subscriber).where(Subscriber.id == ama.subscriber_id).values(name="Sena", **changed))
    for newsletter in (gazette, herald):
        for text in ("sena@", "Sena", "@gmail.example"):
            assert found(newsroom, Find(newsletter.id, text)) == ["sena@gmail.example"]
        for text in ("ama", "Ama"):
            assert found(newsroom, Find(newsletter.id, text)) == []
    assert found(newsroom, Find(herald.id, "@poste.example")) == ["kofi@poste.example"]


@pytest.mark.parametrize("after", ["", "x", "i.", "i.9999999999999999999999", "n.1", "n.x.y", "a.\0", "n.٣.a"])
def test_a_place_that_nobody_gave_out_is_no_error(newsroom: Newsroom, gazette: Newsletter, after: str) -> None:
    newsroom.reader(gazette)
    for text in ("", "am", "@poste.example"):
        with newsroom.database.reading() as session:
            search.page(session, Find(gazette.id, text), after=after)


def test_an_action_says_how_many_before_it_does_anything(
    newsroom: Newsroom, gazette: Newsletter, readers: dict[str, int]
) -> None:
    action_id = ask(newsroom, Find(gazette.id, "@poste.example"), BulkKind.END)
    work(newsroom, action_id)
    asked = action(newsroom, action_id)
    assert (asked.status, asked.total, asked.changed) == (BulkStatus.READY, 5, 0)
    assert set(states(newsroom).values()) == {"active"}


def test_ending_many_and_taking_it_back_leaves_everything_as_it_was(
    newsroom: Newsroom, gazette: Newsletter, readers: dict[str, int]
) -> None:
    action_id = do(newsroom, Find(gazette.id, ids=(readers["afi"], readers["edem"])), BulkKind.END)
    assert states(newsroom) == {"afi": "ended", "ama": "active", "edem": "ended", "kofi": "active", "sena": "active"}
    newsroom.pass_time(days=6)
    undone = undo(newsroom, action_id)
    assert (undone.status, undone.restored, undone.kept) == (BulkStatus.UNDONE, 2, 0)
    assert set(states(newsroom).values()) == {"active"}


def test_an_undo_leaves_alone_who_left_complained_was_erased_or_came_back(
    newsroom: Newsroom, gazette: Newsletter, readers: dict[str, int]
) -> None:
    action_id = do(newsroom, Find(gazette.id), BulkKind.END)
    newsroom.pass_time(hours=1)
    with newsroom.database.unit() as session:
        unsubscribe.end(session, readers["afi"], EndedReason.ONE_CLICK, now=newsroom.now)
        suppression.suppress(session, "ama@poste.example", SuppressionReason.COMPLAINT, source="arf", now=newsroom.now)
        session.delete(session.get_one(Subscription, readers["edem"]))
    newsroom.reader(gazette, "kofi@poste.example")
    undone = undo(newsroom, action_id)
    assert (undone.restored, undone.kept) == (1, 4)
    assert states(newsroom) == {"afi": "ended", "ama": "ended", "kofi": "active", "sena": "active"}


def test_a_break_of_many_ends_by_hand_or_by_an_undo(
    newsroom: Newsroom, gazette: Newsletter, readers: dict[str, int]
) -> None:
    until = (newsroom.now + timedelta(days=10)).isoformat()
    first = do(newsroom, Find(gazette.id), BulkKind.PAUSE, until=until)
    assert set(states(newsroom).values()) == {"paused"}
    second = do(newsroom, Find(gazette.id, "a"), BulkKind.RESUME)
    assert action(newsroom, second).changed == 2
    undone = undo(newsroom, second)
    assert (undone.restored, undone.kept) == (2, 0)
    assert set(states(newsroom).values()) == {"paused"}
    newsroom.pass_time(days=3)
    assert undo(newsroom, first).restored == 5
    assert set(states(newsroom).values()) == {"active"}


def test_a_language_goes_back_to_what_each_reader_had(
    newsroom: Newsroom, gazette: Newsletter, readers: dict[str, int]
) -> None:
    with newsroom.database.unit() as session:
        who = session.get_one(Subscription, readers["afi"]).subscriber_id
        session.get_one(Subscriber, who).language = "en"
    action_id = do(newsroom, Find(gazette.id), BulkKind.LANGUAGE, language="en")
    assert (action(newsroom, action_id).total, action(newsroom, action_id).changed) == (5, 4)
    undo(newsroom, action_id)
    with newsroom.database.reading() as session:
        spoken = session.execute(select(Subscriber.email_key, Subscriber.language)).all()
    assert {email for email, language in spoken if language == "en"} == {"afi@poste.example"}


def test_blocking_many_is_lifted_only_where_nothing_else_blocks(
    newsroom: Newsroom, gazette: Newsletter, readers: dict[str, int]
) -> None:
    with newsroom.database.unit() as session:
        suppression.suppress(
            session, "afi@poste.example", SuppressionReason.HARD_BOUNCE, source="smtp", now=newsroom.now
        )
    newsroom.pass_time(hours=1)
    action_id = do(newsroom, Find(gazette.id), BulkKind.SUPPRESS, why="bought list")
    assert action(newsroom, action_id).changed == 4
    undo(newsroom, action_id)
    with newsroom.database.reading() as session:
        blocked = [name for name in NAMES if suppression.find(session, f"{name}@poste.example")]
    assert blocked == ["afi"]


def test_an_action_that_was_cut_short_goes_on_where_it_was(
    newsroom: Newsroom, gazette: Newsletter, readers: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    action_id = ask(newsroom, Find(gazette.id), BulkKind.END)
    work(newsroom, action_id)
    with newsroom.database.unit() as session:
        bulk.confirm(session, action_id, actor="ama@desk", now=newsroom.now)
    with newsroom.database.unit() as session:
        assert bulk.step(session, action_id, now=newsroom.now)
    with newsroom.database._units() as session:
        assert bulk.step(session, action_id, now=newsroom.now)
        session.rollback()  # the worker was killed before its commit
    assert sorted(states(newsroom).values()) == ["active", "active", "active", "ended", "ended"]
    with newsroom.database.reading() as session:
        assert bulk.waiting(session, now=newsroom.now) == []
        assert bulk.waiting(session, now=newsroom.pass_time(minutes=1)) == [action_id]
    work(newsroom, action_id)
    work(newsroom, action_id)
    ended = action(newsroom, action_id)
    assert (ended.status, ended.done, ended.changed) == (BulkStatus.DONE, 5, 5)
    assert set(states(newsroom).values()) == {"ended"}


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("kind", [BulkKind.END, BulkKind.SUPPRESS])
def test_what_waits_for_them_is_withdrawn_all_at_once(
    newsroom: Newsroom, gazette: Newsletter, readers: dict[str, int], kind: BulkKind
) -> None:
    herald = newsroom.newsletter("herald")
    newsroom.reader(herald, "ama@poste.example")
    ours, theirs = newsroom.outgoing(gazette), newsroom.outgoing(herald)
    with newsroom.database.unit() as session:
        # Sent once perhaps: nobody can say that it was left out.
        newest = select(func.max(Delivery.id)).where(Delivery.issue_id == ours.id).scalar_subquery()
        session.execute(update(Delivery).where(Delivery.id == newest).values(repeated=True))
    do(newsroom, Find(gazette.id), kind, why="bought list")
    found = newsroom.deliveries(ours)
    assert sorted(row.status for row in found.values()) == ["skipped"] * 4 + ["unknown"]
    reason = SkipReason.UNSUBSCRIBED if kind is BulkKind.END else SkipReason.SUPPRESSED
    assert {row.skip_reason for row in found.values() if row.status is DeliveryStatus.SKIPPED} == {reason}
    (other,) = newsroom.deliveries(theirs).values()
    assert other.status is (DeliveryStatus.QUEUED if kind is BulkKind.END else DeliveryStatus.SKIPPED)


def test_after_a_week_nothing_is_taken_back(newsroom: Newsroom, gazette: Newsletter, readers: dict[str, int]) -> None:
    action_id = do(newsroom, Find(gazette.id), BulkKind.END)
    newsroom.pass_time(days=7)
    with pytest.raises(RefusedError), newsroom.database.unit() as session:
        bulk.undo(session, action_id, actor="ama@desk", now=newsroom.now)


def test_a_segment_is_meant_with_its_rule_as_it_was_and_the_readers_it_has_when_they_are_counted(
    newsroom: Newsroom, gazette: Newsletter, readers: dict[str, int]
) -> None:
    rule = Rule(Match.ALL, (Condition(Field.DOMAIN, Op.IS, "gmail.example"),))
    newsroom.reader(gazette, "zed@gmail.example")
    action_id = ask(newsroom, Find(gazette.id, part=Part(1, "Gmail", rule)), BulkKind.END)
    newsroom.reader(gazette, "yao@gmail.example")
    work(newsroom, action_id)
    newsroom.reader(gazette, "xam@gmail.example")
    with newsroom.database.unit() as session:
        bulk.confirm(session, action_id, actor="ama@desk", now=newsroom.now)
    work(newsroom, action_id)
    assert {name for name, state in states(newsroom).items() if state == "ended"} == {"zed", "yao"}
    assert bulk.find_of(action(newsroom, action_id)).part == Part(1, "Gmail", rule)
    undo(newsroom, action_id)
    assert set(states(newsroom).values()) == {"active"}


def test_what_was_not_meant_is_never_done(newsroom: Newsroom, gazette: Newsletter, readers: dict[str, int]) -> None:
    action_id = ask(newsroom, Find(gazette.id), BulkKind.END)
    work(newsroom, action_id)
    with newsroom.database.unit() as session:
        bulk.drop(session, action_id)
    with newsroom.database.unit() as session:
        bulk.confirm(session, action_id, actor="ama@desk", now=newsroom.now)
    work(newsroom, action_id)
    assert set(states(newsroom).values()) == {"active"}
