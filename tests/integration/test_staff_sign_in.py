"""Staff come in by a link that works once, then by their password; every session can be ended."""

import pytest
from sqlalchemy import select

from newsletter.accounts import sessions, sign_in, users
from newsletter.accounts.models import AuditEvent, Role, User
from newsletter.core.database import Database
from newsletter.core.errors import RefusedError
from tests.support.newsroom import Newsroom

EMAIL, PASSWORD = "akouvi@gazette.example", "a long enough password"


@pytest.fixture
def desk(newsroom: Newsroom) -> Newsroom:
    """With one editor, who has not come in yet."""
    with newsroom.database.unit() as session:
        users.create_user(session, EMAIL, Role.EDITOR, language="fr", now=newsroom.now, actor="command")
    return newsroom


def user(database: Database) -> User:
    with database.reading() as session:
        found = users.find_by_email(session, EMAIL)
    assert found is not None
    return found


def new_link(desk: Newsroom) -> str:
    with desk.database.unit() as session:
        return users.make_password_link(session, user(desk.database).id, now=desk.now)


def use(desk: Newsroom, link: str, password: str = PASSWORD) -> str:
    with desk.database.unit() as session:
        return sign_in.set_password(session, link, password, browser="Firefox", now=desk.now)


def enter(desk: Newsroom, email: str = EMAIL, password: str = PASSWORD) -> str:
    with desk.database.unit() as session:
        return sign_in.sign_in(session, email, password, browser="Firefox", now=desk.now)


def is_in(desk: Newsroom, token: str) -> bool:
    with desk.database.reading() as session:
        return sessions.find(session, token, now=desk.now) is not None


def test_the_link_sets_the_password_and_lets_its_owner_in(desk: Newsroom) -> None:
    link = new_link(desk)
    with desk.database.reading() as session:
        owner = sign_in.password_link_owner(session, link, now=desk.now)
    assert owner is not None
    assert owner.email == EMAIL
    assert is_in(desk, use(desk, link))
    assert is_in(desk, enter(desk, EMAIL.upper()))


def test_the_link_works_once(desk: Newsroom) -> None:
    link = new_link(desk)
    use(desk, link)
    with pytest.raises(RefusedError):
        use(desk, link, "another long password")
    enter(desk)


def test_a_password_that_is_refused_does_not_use_the_link_up(desk: Newsroom) -> None:
    link = new_link(desk)
    for password in ("short", "x" * 1001):
        with pytest.raises(RefusedError):
            use(desk, link, password)
    use(desk, link)


def test_the_link_expires_after_seven_days(desk: Newsroom) -> None:
    link = new_link(desk)
    desk.pass_time(days=7)
    with pytest.raises(RefusedError):
        use(desk, link)


def test_a_newer_link_takes_the_place_of_an_older_one(desk: Newsroom) -> None:
    older, newer = new_link(desk), new_link(desk)
    with pytest.raises(RefusedError):
        use(desk, older)
    use(desk, newer)


def test_a_forged_link_is_refused(desk: Newsroom) -> None:
    for link in ("", "x" * 32, "\0", "é"):
        with pytest.raises(RefusedError):
            use(desk, link)


def test_wrong_unknown_disabled_and_without_password_read_the_same(desk: Newsroom) -> None:
    answers = set()

    def refused(email: str, password: str) -> None:
        with pytest.raises(sign_in.SignInError) as caught:
            enter(desk, email, password)
        answers.add(str(caught.value))

    refused(EMAIL, PASSWORD)  # no password yet
    use(desk, new_link(desk))
    refused(EMAIL, PASSWORD + "!")
    refused("nobody@gazette.example", PASSWORD)
    refused("not an address", PASSWORD)
    refused(EMAIL, "x" * 100_000)
    with desk.database.unit() as session:
        session.get_one(User, user(desk.database).id).disabled_at = desk.now
    refused(EMAIL, PASSWORD)
    assert len(answers) == 1


def test_a_disabled_account_is_out_at_once_and_its_links_are_void(desk: Newsroom) -> None:
    token = use(desk, new_link(desk))
    link = new_link(desk)
    with desk.database.unit() as session:
        session.get_one(User, user(desk.database).id).disabled_at = desk.now
    assert not is_in(desk, token)
    with pytest.raises(RefusedError):
        use(desk, link)


@pytest.mark.parametrize("email", [EMAIL, "nobody@gazette.example", "a\0b", "x" * 10_000])
def test_the_ninth_try_in_a_quarter_of_an_hour_is_refused(desk: Newsroom, email: str) -> None:
    def count(name: str) -> None:
        with desk.database.unit() as session:
            sign_in.count_try(session, name, network="", now=desk.now)

    for _ in range(8):
        count(email)
    with pytest.raises(sign_in.RateLimitError):
        count(f" {email.upper()} ")
    count("other@gazette.example")
    desk.pass_time(minutes=15)
    count(email)


def test_one_network_cannot_try_many_accounts(desk: Newsroom) -> None:
    def count(number: int, network: str) -> None:
        with desk.database.unit() as session:
            sign_in.count_try(session, f"user{number}@gazette.example", network=network, now=desk.now)

    for number in range(40):
        count(number, "203.0.113.0/24")
    with pytest.raises(sign_in.RateLimitError):
        count(41, "203.0.113.0/24")
    count(41, "198.51.100.0/24")


def test_setting_a_password_ends_every_other_session(desk: Newsroom) -> None:
    before = use(desk, new_link(desk))
    second = enter(desk)
    fresh = use(desk, new_link(desk), "another long password")
    assert [is_in(desk, token) for token in (before, second, fresh)] == [False, False, True]
    with pytest.raises(sign_in.SignInError):
        enter(desk)


def test_a_session_ends_two_weeks_after_it_was_last_used(desk: Newsroom) -> None:
    token = use(desk, new_link(desk))
    desk.pass_time(days=13)
    with desk.database.unit() as session:
        found = sessions.find(session, token, now=desk.now)
        assert found is not None
        assert found.stale
        sessions.touch(session, found.session_id, now=desk.now)
    desk.pass_time(days=13)
    assert is_in(desk, token)
    desk.pass_time(days=1)
    assert not is_in(desk, token)


def test_one_session_is_revoked_or_all_but_this_one_and_never_somebody_elses(desk: Newsroom) -> None:
    tokens = [use(desk, new_link(desk)), enter(desk), enter(desk)]
    me = user(desk.database).id
    with desk.database.reading() as session:
        ids = []
        for token in tokens:
            found = sessions.find(session, token, now=desk.now)
            assert found is not None
            ids.append(found.session_id)
        assert {row.id for row in sessions.of_user(session, me, now=desk.now)} == set(ids)
    with desk.database.unit() as session:
        sessions.revoke(session, ids[0], me + 1, now=desk.now)
        sessions.revoke(session, ids[1], me, now=desk.now)
    assert [is_in(desk, token) for token in tokens] == [True, False, True]
    with desk.database.unit() as session:
        sessions.revoke_all(session, me, now=desk.now, but=ids[2])
    assert [is_in(desk, token) for token in tokens] == [False, False, True]
    with desk.database.unit() as session:
        sessions.revoke_all(session, me, now=desk.now)
    assert not is_in(desk, tokens[2])


def test_a_forged_cookie_is_nobody(desk: Newsroom) -> None:
    use(desk, new_link(desk))
    assert not any(is_in(desk, token) for token in ("", "x", "\0", "é" * 100_000))


def test_an_address_has_one_account(desk: Newsroom) -> None:
    for email in (EMAIL, EMAIL.upper(), "no address", ""):
        with pytest.raises(RefusedError), desk.database.unit() as session:
            users.create_user(session, email, Role.OWNER, language="fr", now=desk.now, actor="command")


def test_neither_the_password_nor_a_token_is_stored(desk: Newsroom) -> None:
    link = new_link(desk)
    token = use(desk, link)
    with desk.database.reading() as session:
        for table in (User.__table__, *(User.metadata.tables[name] for name in ("password_links", "user_sessions"))):
            stored = str(session.execute(select(table)).all())
            assert all(secret not in stored for secret in (PASSWORD, link, token))


def test_coming_in_leaves_a_record(desk: Newsroom) -> None:
    use(desk, new_link(desk))
    enter(desk)
    with desk.database.reading() as session:
        actions = session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()
    assert list(actions) == ["user.created", "user.password_set", "user.signed_in"]
