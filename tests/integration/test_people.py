"""Who may do what, the last owner, and the log, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, text

from newsletter.accounts import audit, people, rights, users
from newsletter.accounts import log as reading
from newsletter.accounts.log import Wanted
from newsletter.accounts.models import AuditEvent, Role, User, UserRight
from newsletter.accounts.people import By
from newsletter.accounts.permissions import Permission, Rights
from newsletter.core.errors import RefusedError
from tests.support.newsroom import NOW, Newsroom

EVERYTHING = Rights(Role.OWNER)


def add(newsroom: Newsroom, name: str, role: Role | Rights) -> int:
    """Somebody who has come in."""
    with newsroom.database.unit() as session:
        made = users.create_user(session, f"{name}@news.example", role, language="fr", now=newsroom.now, actor="test")
        made.password_hash = "set"
        return made.id


def change(newsroom: Newsroom, user_id: int, wanted: Rights, by: int | None = None) -> None:
    with newsroom.database.unit() as session:
        people.change_rights(session, user_id, wanted, by=By("test", by), now=newsroom.now, slugs={})


def owners(newsroom: Newsroom) -> set[int]:
    with newsroom.database.reading() as session:
        return set(session.scalars(select(User.id).where(User.role == Role.OWNER, User.disabled_at.is_(None))))


def test_the_last_owner_stays_one(newsroom: Newsroom):
    akouvi = add(newsroom, "akouvi", Role.OWNER)
    add(newsroom, "afi", Role.EDITOR)
    with pytest.raises(RefusedError):
        change(newsroom, akouvi, Rights(Role.EDITOR))
    with pytest.raises(RefusedError), newsroom.database.unit() as session:
        people.disable(session, akouvi, by=By("command"), now=newsroom.now)
    assert owners(newsroom) == {akouvi}


def test_an_owner_who_was_invited_and_has_not_come_in_does_not_count(newsroom: Newsroom):
    akouvi, kodjo = add(newsroom, "akouvi", Role.OWNER), add(newsroom, "kodjo", Role.OWNER)
    with newsroom.database.unit() as session:
        session.get_one(User, kodjo).password_hash = None
    with pytest.raises(RefusedError):
        change(newsroom, akouvi, Rights(Role.EDITOR))
    change(newsroom, kodjo, Rights(Role.EDITOR))
    assert owners(newsroom) == {akouvi}


def test_an_owner_whose_account_is_closed_does_not_count(newsroom: Newsroom):
    akouvi, kodjo = add(newsroom, "akouvi", Role.OWNER), add(newsroom, "kodjo", Role.OWNER)
    with newsroom.database.unit() as session:
        people.disable(session, kodjo, by=By("akouvi", akouvi), now=newsroom.now)
    with pytest.raises(RefusedError):
        change(newsroom, akouvi, Rights(Role.ANALYST))


@pytest.mark.parametrize("closing", [False, True])
def test_two_owners_who_demote_each_other_at_one_moment_leave_one(newsroom: Newsroom, closing: bool):
    akouvi, kodjo = add(newsroom, "akouvi", Role.OWNER), add(newsroom, "kodjo", Role.OWNER)
    for _time in range(5):
        together = Barrier(2)

        def act(pair: tuple[int, int], together: Barrier = together) -> bool:
            by, whom = pair
            together.wait(10)
            try:
                with newsroom.database.unit() as session:
                    if closing:
                        people.disable(session, whom, by=By("test", by), now=newsroom.now)
                    else:
                        wanted = Rights(Role.EDITOR)
                        people.change_rights(session, whom, wanted, by=By("test", by), now=newsroom.now, slugs={})
            except RefusedError:
                return False
            return True

        with ThreadPoolExecutor(2) as both:
            done = list(both.map(act, [(akouvi, kodjo), (kodjo, akouvi)]))
        assert sorted(done) == [False, True]
        assert len(owners(newsroom)) == 1
        for number in (akouvi, kodjo):
            with newsroom.database.unit() as session:
                people.enable(session, number, by=By("test"), now=newsroom.now)
            change(newsroom, number, EVERYTHING)


def test_nobody_raises_themselves_and_who_is_no_owner_changes_nobody(newsroom: Newsroom):
    akouvi, afi = add(newsroom, "akouvi", Role.OWNER), add(newsroom, "afi", Role.EDITOR)
    for by, whom in ((afi, afi), (akouvi, akouvi), (afi, akouvi)):
        with pytest.raises(RefusedError):
            change(newsroom, whom, Rights(Role.ANALYST), by=by)
        with pytest.raises(RefusedError):
            change(newsroom, whom, EVERYTHING, by=by)
    assert owners(newsroom) == {akouvi}


def test_rights_are_a_role_everywhere_or_one_for_each_newsletter(newsroom: Newsroom):
    one, other = newsroom.newsletter("gazette"), newsroom.newsletter("depeche")
    afi = add(newsroom, "afi", Rights(None, {one.id: Role.EDITOR}))
    with newsroom.database.reading() as session:
        may = rights.of(session, session.get_one(User, afi))
    assert may.allow(Permission.SEND, one.id)
    assert not may.allow(Permission.MANAGE_NEWSLETTERS, one.id)
    assert not may.allow(Permission.READ, other.id)
    assert not may.everywhere_allow(Permission.READ)
    change(newsroom, afi, Rights(Role.AUTHOR))
    with newsroom.database.reading() as session:
        assert rights.of(session, session.get_one(User, afi)) == Rights(Role.AUTHOR)
        assert list(session.scalars(select(UserRight))) == []


def test_those_who_hear_of_an_issue_may_send_it(newsroom: Newsroom):
    one, other = newsroom.newsletter("gazette"), newsroom.newsletter("depeche")
    add(newsroom, "akouvi", Role.OWNER)
    add(newsroom, "afi", Rights(None, {one.id: Role.EDITOR, other.id: Role.AUTHOR}))
    add(newsroom, "kodjo", Role.AUTHOR)
    with newsroom.database.reading() as session:
        heard = [rights.who_may(session, Permission.SEND, item.id, limit=9) for item in (one, other)]
    assert heard == [["akouvi@news.example", "afi@news.example"], ["akouvi@news.example"]]


def note(newsroom: Newsroom, count: int, **details: object) -> None:
    with newsroom.database.unit() as session:
        for number in range(count):
            audit.record(
                session,
                actor=f"person{number % 3}@news.example",
                action="issue.sent",
                subject=("issue", "user")[number % 2],
                subject_id=number % 5,
                now=NOW + timedelta(minutes=number // 2),
                **details,
            )


def test_the_log_is_read_from_page_to_page_without_a_gap(newsroom: Newsroom):
    note(newsroom, 25)
    found: list[int] = []
    with newsroom.database.reading() as session:
        while rows := reading.page(session, Wanted(), before=found[-1] if found else None, limit=4):
            found += [row.id for row in rows]
        everything = list(session.scalars(select(AuditEvent.id).order_by(AuditEvent.at.desc(), AuditEvent.id.desc())))
    assert found == everything
    assert len(found) == 25


def test_the_log_is_narrowed_by_all_that_is_asked(newsroom: Newsroom):
    note(newsroom, 30)
    wanted = Wanted("person0@news.example", "issue", 0, since=NOW, until=NOW + timedelta(minutes=10))
    with newsroom.database.reading() as session:
        rows = reading.page(session, wanted, limit=99)
    assert [(row.actor, row.subject, row.subject_id) for row in rows] == [("person0@news.example", "issue", 0)]


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted("person1@news.example"),
        Wanted("", "issue"),
        Wanted("person1@news.example", "issue"),
        Wanted(since=NOW, until=NOW + timedelta(days=1)),
        Wanted("", "issue", 3),
    ],
    ids=["all", "person", "subject", "person and subject", "period", "one thing"],
)
def test_no_question_to_the_log_reads_the_whole_table(newsroom: Newsroom, wanted: Wanted):
    note(newsroom, 300)
    with newsroom.database.unit() as session:
        session.execute(text("ANALYZE"))
    plans: list[str] = []
    with newsroom.database.reading() as session:
        postgres = session.get_bind().dialect.name == "postgresql"
        if postgres:
            # So few rows are sorted faster than they are found in their order; of a million that is not so.
            session.execute(text("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"))
            session.execute(text("SET LOCAL enable_sort = off"))
        query = reading.query(wanted, limit=30)
        compiled = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        explain = "EXPLAIN " if postgres else "EXPLAIN QUERY PLAN "
        plans = [str(row) for row in session.execute(text(explain + str(compiled)))]
    plan = " ".join(plans)
    assert "ix_audit_events" in plan
    assert "Seq Scan" not in plan
    assert "SCAN audit_events'" not in plan
    if wanted.subject_id is None:
        assert "Sort" not in plan
        assert "TEMP B-TREE" not in plan


def test_secrets_stay_out_of_the_log(newsroom: Newsroom):
    with newsroom.database.unit() as session:
        audit.record(
            session,
            actor="test",
            action="feed.added",
            subject="feed",
            subject_id=1,
            now=newsroom.now,
            url="https://ama:secret-word@press.example/rss",
            changed={"smtp_password": ["old-word", "new-word"], "name": ["a", "b"]},
        )
    with newsroom.database.reading() as session:
        details = session.scalars(select(AuditEvent).where(AuditEvent.action == "feed.added")).one().details
    assert details == {"url": "https://press.example/rss", "changed": {"smtp_password": "…", "name": ["a", "b"]}}
