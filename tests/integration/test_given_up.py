"""Readers whom nothing reached any more are asked once; staff block and unblock with a reason."""

import pytest
from sqlalchemy import select

from newsletter.core.errors import RefusedError
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import returning, staff
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import Suppression, SuppressionReason
from tests.support.newsroom import Newsroom

AMA = "ama@poste.example"


def give_up(newsroom: Newsroom, reason: SuppressionReason = SuppressionReason.SOFT_BOUNCES) -> None:
    with newsroom.database.unit() as session:
        suppression.suppress(session, AMA, reason, source="smtp", now=newsroom.now)


def ask(newsroom: Newsroom) -> int:
    with newsroom.database.unit() as session:
        return returning.ask_back(session, now=newsroom.now)


def test_a_reader_is_asked_once_a_month_later(newsroom: Newsroom, gazette: Newsletter) -> None:
    newsroom.reader(gazette, AMA)
    newsroom.reader(newsroom.newsletter("revue"), AMA)
    give_up(newsroom)
    assert ask(newsroom) == 0
    newsroom.pass_time(days=31)
    assert [ask(newsroom), ask(newsroom)] == [1, 0]
    assert [mail.kind for mail in newsroom.mails()] == ["come_back"]
    newsroom.pass_time(days=10)
    assert ask(newsroom) == 0


@pytest.mark.parametrize(
    "reason", [SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT, SuppressionReason.MANUAL]
)
def test_nobody_else_is_asked(newsroom: Newsroom, gazette: Newsletter, reason: SuppressionReason) -> None:
    newsroom.reader(gazette, AMA)
    give_up(newsroom, reason)
    newsroom.pass_time(days=31)
    assert ask(newsroom) == 0


def test_who_has_left_is_not_asked(newsroom: Newsroom, gazette: Newsletter) -> None:
    subscription = newsroom.reader(gazette, AMA)
    give_up(newsroom)
    with newsroom.database.unit() as session:
        staff.end_subscription(session, subscription.id, actor="test", now=newsroom.now)
    newsroom.pass_time(days=31)
    assert ask(newsroom) == 0


def test_a_reader_who_comes_back_gets_the_next_issue(newsroom: Newsroom, gazette: Newsletter) -> None:
    subscription = newsroom.reader(gazette, AMA)
    give_up(newsroom)
    assert newsroom.freeze(newsroom.draft_issue(gazette)) == 0
    with newsroom.database.unit() as session:
        assert returning.come_back(session, subscription.subscriber_id, now=newsroom.now)
        assert not returning.come_back(session, subscription.subscriber_id, now=newsroom.now)
    newsroom.article(gazette, "Une autre nouvelle")
    newsroom.pass_time(minutes=10)
    assert newsroom.freeze(newsroom.draft_issue(gazette)) == 1


def test_a_complaint_is_not_undone_by_a_link(newsroom: Newsroom, gazette: Newsletter) -> None:
    subscription = newsroom.reader(gazette, AMA)
    give_up(newsroom, SuppressionReason.COMPLAINT)
    with newsroom.database.unit() as session:
        assert not returning.come_back(session, subscription.subscriber_id, now=newsroom.now)


def test_staff_block_and_unblock_with_a_reason(newsroom: Newsroom, gazette: Newsletter) -> None:
    newsroom.reader(gazette, AMA)
    for verb in (staff.block, staff.unblock):
        with pytest.raises(RefusedError), newsroom.database.unit() as session:
            verb(session, AMA, why="  ", actor="me", now=newsroom.now)
    with newsroom.database.unit() as session:
        staff.block(session, AMA, why="asked by phone", actor="me", now=newsroom.now)
    with pytest.raises(RefusedError), newsroom.database.unit() as session:
        staff.block(session, AMA, why="again", actor="me", now=newsroom.now)
    with newsroom.database.unit() as session:
        staff.unblock(session, AMA, why="asked by phone again", actor="me", now=newsroom.now)
    with newsroom.database.reading() as session:
        [row] = session.scalars(select(Suppression))
    assert (row.reason, row.source, row.note, row.lifted_by) == (
        SuppressionReason.MANUAL,
        "me",
        "asked by phone",
        "me: asked by phone again",
    )
    with pytest.raises(RefusedError), newsroom.database.unit() as session:
        staff.unblock(session, AMA, why="once more", actor="me", now=newsroom.now)
