"""Mailboxes that bounces arrive in: each message once, none lost, and letters to people left alone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.core.errors import RefusedError
from newsletter.feedback import fetching_mail, mailboxes
from newsletter.feedback.mailboxes import MailboxValues
from newsletter.feedback.models import AfterReading, InboundMail, InboundMailbox, Protocol
from newsletter.mail import mime
from tests.support.certificates import Authority
from tests.support.mail_servers import Box, ImapServer, Pop3Server
from tests.support.newsroom import Newsroom

SERVERS = {Protocol.IMAP: ImapServer, Protocol.POP3: Pop3Server}


def bounce(number: int) -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example\r\nTo: bounces@gazette.example\r\nSubject: failure notice\r\n\r\n"
        f"<reader{number}@poste.example>:\r\n550 5.1.1 no such user\r\n"
    ).encode()


LETTER = b"From: Ama <ama@poste.example>\r\nTo: desk@gazette.example\r\nSubject: Bonjour\r\n\r\nLe pont est ferme.\r\n"


@pytest.fixture(params=list(Protocol))
def protocol(request: pytest.FixtureRequest) -> Protocol:
    return request.param


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def server(box: Box, protocol: Protocol) -> Iterator[ImapServer | Pop3Server]:
    with SERVERS[protocol](box) as running:
        yield running


def values(server: ImapServer | Pop3Server, protocol: Protocol, **changes: object) -> MailboxValues:
    given = {
        "name": "retours",
        "host": "127.0.0.1",
        "port": server.port,
        "tls": "none",
        "username": "me",
        "password": "secret",
    }
    return MailboxValues(protocol=protocol, **(given | changes))  # type: ignore[arg-type]


def add(newsroom: Newsroom, given: MailboxValues) -> int:
    with newsroom.database.unit() as session:
        return mailboxes.add(session, given, vault=newsroom.here.vault, actor="test", now=newsroom.now).id


def poll(newsroom: Newsroom, mailbox_id: int) -> int:
    return mailboxes.poll(newsroom.database, mailbox_id, newsroom.here.vault, clock=newsroom.clock)


def stored(newsroom: Newsroom) -> list[bytes]:
    with newsroom.database.reading() as session:
        return sorted(session.scalars(select(InboundMail.data)))


def row(newsroom: Newsroom, mailbox_id: int) -> InboundMailbox:
    with newsroom.database.reading() as session:
        return session.get_one(InboundMailbox, mailbox_id)


def test_each_message_is_fetched_once(newsroom: Newsroom, server: ImapServer, box: Box, protocol: Protocol) -> None:
    number = add(newsroom, values(server, protocol))
    box.add(bounce(1), bounce(2))
    assert [poll(newsroom, number), poll(newsroom, number)] == [2, 0]
    box.add(bounce(3))
    assert poll(newsroom, number) == 1
    assert stored(newsroom) == [bounce(1), bounce(2), bounce(3)]
    assert len(box.messages) == 3
    fetches = [line for line in box.said if "FETCH" in line or line.startswith("RETR")]
    assert len(fetches) == (2 if protocol is Protocol.IMAP else 3)


def test_what_was_ours_is_deleted_when_so_asked_and_letters_stay(
    newsroom: Newsroom, server: ImapServer, box: Box, protocol: Protocol
) -> None:
    number = add(newsroom, values(server, protocol, after_reading=AfterReading.DELETE))
    box.add(bounce(1), LETTER, bounce(2))
    assert poll(newsroom, number) == 2
    assert list(box.messages.values()) == [LETTER]
    assert LETTER not in stored(newsroom)
    assert poll(newsroom, number) == 0


def test_many_messages_come_in_lots(newsroom: Newsroom, server: ImapServer, box: Box, protocol: Protocol) -> None:
    number = add(newsroom, values(server, protocol, after_reading=AfterReading.DELETE))
    box.add(*(bounce(at) for at in range(3 * fetching_mail.LOT + 1)))
    assert poll(newsroom, number) == 3 * fetching_mail.LOT + 1
    assert box.messages == {}


def nth(count: int, word: str) -> Callable[[str], bool]:
    """Hang up at the n-th command of a kind."""
    seen: list[str] = []

    def judge(line: str) -> bool:
        if word in line.upper():
            seen.append(line)
            return len(seen) == count
        return False

    return judge


BREAKS = {
    Protocol.IMAP: [(2, "FETCH"), (1, "STORE"), (1, "EXPUNGE"), (1, "SEARCH"), (1, "LOGIN")],
    Protocol.POP3: [(25, "RETR"), (1, "DELE"), (1, "QUIT"), (1, "UIDL"), (1, "PASS")],
}


@pytest.mark.parametrize("place", range(5))
def test_a_mailbox_that_vanishes_loses_nothing_and_doubles_nothing(
    newsroom: Newsroom, server: ImapServer, box: Box, protocol: Protocol, place: int
) -> None:
    number = add(newsroom, values(server, protocol, after_reading=AfterReading.DELETE))
    count = 2 * fetching_mail.LOT
    box.add(*(bounce(at) for at in range(count)))
    box.hang_up = nth(*BREAKS[protocol][place])
    poll(newsroom, number)
    box.hang_up = lambda _line: False
    poll(newsroom, number)
    assert sorted(stored(newsroom)) == sorted(bounce(at) for at in range(count))


def test_numbers_that_begin_anew_do_nothing_twice(newsroom: Newsroom, box: Box) -> None:
    with ImapServer(box) as server:
        number = add(newsroom, values(server, Protocol.IMAP))
        box.add(bounce(1))
        poll(newsroom, number)
        box.validity, box.messages = 2, {}
        box.add(bounce(1), bounce(2))
        assert poll(newsroom, number) == 1
    assert stored(newsroom) == [bounce(1), bounce(2)]


def test_of_a_long_message_only_the_beginning_is_fetched(
    newsroom: Newsroom, server: ImapServer, box: Box, protocol: Protocol
) -> None:
    number = add(newsroom, values(server, protocol))
    box.add(bounce(1) + b"and on and on and on and on\r\n" * 100_000)
    assert poll(newsroom, number) == 1
    [data] = stored(newsroom)
    assert len(data) <= mime.MOST_BYTES
    assert data.startswith(bounce(1))


TROUBLE: dict[str, tuple[dict[str, object], dict[str, object], str]] = {
    "a wrong password": ({"password": "another"}, {}, "refuses"),
    "nonsense": ({"nonsense": True}, {}, ""),
    "nobody there": ({}, {"port": 1}, "cannot be reached"),
    "a host that does not exist": ({}, {"host": "nowhere.invalid"}, "cannot be reached"),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_is_said_in_words_and_tried_again_later(
    newsroom: Newsroom, server: ImapServer, box: Box, protocol: Protocol, name: str
) -> None:
    of_box, of_values, words = TROUBLE[name]
    for key, value in of_box.items():
        setattr(box, key, value)
    number = add(newsroom, values(server, protocol, **of_values))
    assert poll(newsroom, number) == 0
    found = row(newsroom, number)
    assert found.last_error
    assert words in found.last_error
    assert "secret" not in found.last_error
    assert found.failing_since == newsroom.now
    assert found.next_poll_at == newsroom.now + mailboxes.AFTER_TROUBLE


def test_a_folder_that_does_not_exist_is_named(newsroom: Newsroom, box: Box) -> None:
    with ImapServer(box) as server:
        number = add(newsroom, values(server, Protocol.IMAP, folder='Re"tours'))
        poll(newsroom, number)
    assert 'Re"tours' in (row(newsroom, number).last_error or "")


def test_a_server_that_says_nothing_is_not_waited_for(
    newsroom: Newsroom, server: ImapServer, box: Box, protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching_mail, "SECONDS", 0.3)
    box.silent = True
    number = add(newsroom, values(server, protocol))
    poll(newsroom, number)
    assert row(newsroom, number).last_error == "127.0.0.1 does not answer."


def test_a_certificate_that_nobody_vouches_for_is_refused(
    newsroom: Newsroom, box: Box, protocol: Protocol, tmp_path: Path
) -> None:
    box.add(bounce(1))
    with SERVERS[protocol](box, tls=Authority(tmp_path).server_context("127.0.0.1")) as server:
        number = add(newsroom, values(server, protocol, tls="tls"))
        poll(newsroom, number)
    assert "certificate" in (row(newsroom, number).last_error or "")
    assert stored(newsroom) == []
    assert not any("secret" in line for line in box.said)


def test_the_password_is_locked(newsroom: Newsroom, server: ImapServer, protocol: Protocol) -> None:
    number = add(newsroom, values(server, protocol))
    assert "secret" not in row(newsroom, number).locked_password


def test_several_mailboxes_are_read_when_their_turn_comes(newsroom: Newsroom, box: Box) -> None:
    other = Box()
    with ImapServer(box) as first, Pop3Server(other) as second:
        add(newsroom, values(first, Protocol.IMAP))
        add(newsroom, values(second, Protocol.POP3, name="autres"))
        box.add(bounce(1))
        other.add(bounce(2))

        def poll_all() -> int:
            return mailboxes.poll_due(
                newsroom.database, newsroom.here.vault, clock=newsroom.clock, stopping=lambda: False
            )

        assert [poll_all(), poll_all()] == [2, 0]
        box.add(bounce(3))
        assert poll_all() == 0
        newsroom.pass_time(minutes=3)
        assert poll_all() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"host": ""},
        {"username": ""},
        {"password": ""},
        {"tls": "ssl"},
        {"folder": "a\r\nb"},
        {"password": "a\nb"},
    ],
)
def test_what_makes_no_sense_is_refused(
    newsroom: Newsroom, server: ImapServer, protocol: Protocol, changes: dict[str, object]
) -> None:
    with pytest.raises(RefusedError):
        add(newsroom, values(server, protocol, **changes))


def test_a_name_is_taken_once(newsroom: Newsroom, server: ImapServer, protocol: Protocol) -> None:
    add(newsroom, values(server, protocol))
    with pytest.raises(RefusedError):
        add(newsroom, values(server, protocol))
