"""The listener: who may write to it, and that nothing is acknowledged before it is kept."""

import asyncio
import smtplib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select

from newsletter.feedback import receiving, tools
from newsletter.feedback.inbox import Incoming
from newsletter.feedback.models import InboundMail
from newsletter.feedback.receiving import Scribe, Server
from newsletter.mail import mime, verp
from newsletter.newsletters.models import Newsletter
from tests.support.newsroom import DOMAIN, Newsroom

BOUNCES = f"bounces.{DOMAIN}"
RAW = b"From: mailer-daemon@mx.example\r\nSubject: failure notice\r\n\r\nno such user\r\n"


class Slow(Scribe):
    """A scribe whose database takes its time, or is away."""

    hold = 0.0
    away = False

    def _commit(self, together: list[tuple[list[Incoming], object]]) -> None:
        time.sleep(self.hold)
        if self.away:
            for _incoming, done in together:
                done.set_exception(OSError("the database is not there"))  # type: ignore[attr-defined]
            return
        super()._commit(together)  # type: ignore[arg-type]


@dataclass
class Listener:
    port: int
    scribe: Slow
    newsroom: Newsroom

    def address(self, tag: str = verp.DELIVERY, number: int = 1) -> str:
        return verp.Tagger(tag, self.newsroom.here.key("mail"), BOUNCES).address(number)

    def client(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.port, timeout=10)

    def raw(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        made.recv(1000)
        return made

    def stored(self) -> list[InboundMail]:
        with self.newsroom.database.reading() as session:
            return list(session.scalars(select(InboundMail).order_by(InboundMail.id)))


@contextmanager
def listening(newsroom: Newsroom, *, lmtp: bool = False) -> Iterator[Listener]:
    scribe = Slow(newsroom.database, newsroom.clock)
    server = Server(socket.create_server(("127.0.0.1", 0)), scribe, tools.doorkeeper(newsroom.here), lmtp=lmtp)
    port, loop = server.port, asyncio.new_event_loop()
    stopped = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve(stopped)), daemon=True)
    thread.start()
    try:
        yield Listener(port, scribe, newsroom)
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(10)
        scribe.stop()
        loop.close()


@pytest.fixture
def listener(newsroom: Newsroom, gazette: Newsletter) -> Iterator[Listener]:
    with listening(newsroom) as running:
        yield running


def wait(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def said(connection: socket.socket, *lines: bytes, until: bytes = b"\r\n") -> bytes:
    """Say these lines, and hear until the last answer."""
    connection.sendall(b"".join(lines))
    heard = b""
    while not heard.endswith(until):
        more = connection.recv(65536)
        if not more:
            break
        heard += more
    return heard


def test_a_bounce_is_kept_before_it_is_acknowledged(listener: Listener) -> None:
    listener.scribe.hold = 0.3
    with listener.client() as client:
        began = time.monotonic()
        client.sendmail("", [listener.address()], RAW)
        assert time.monotonic() - began >= 0.3
        [mail] = listener.stored()
    assert (mail.source, mail.envelope_recipient, mail.data) == ("smtp", listener.address(), RAW)


REFUSED: dict[str, Callable[[Listener], str]] = {
    "nobody": lambda _listener: f"somebody@{BOUNCES}",
    "a token of zeros": lambda _listener: f"b+{'0' * 40}@{BOUNCES}",
    "a token of another key": lambda _listener: verp.envelope_sender(1, b"x" * 32, BOUNCES),
    "a token of another purpose": lambda listener: "unsub+" + listener.address().partition("+")[2],
    "a role of another domain": lambda _listener: "fbl@elsewhere.example",
    "a role below our domain": lambda _listener: f"fbl@x.{DOMAIN}",
    "an open relay": lambda _listener: "victim@elsewhere.example",
    "a percent hack": lambda _listener: f"victim%elsewhere.example@{BOUNCES}",
}


@pytest.mark.parametrize("way", REFUSED)
def test_others_are_turned_away_and_nothing_is_kept(listener: Listener, way: str) -> None:
    with listener.client() as client:
        client.ehlo()
        client.mail("x@y.example")
        assert client.rcpt(REFUSED[way](listener))[0] == 550
    assert listener.stored() == []


@pytest.mark.parametrize("role", sorted(receiving.ROLES))
def test_roles_of_our_own_domains_are_taken(listener: Listener, role: str) -> None:
    with listener.client() as client:
        client.sendmail("x@y.example", [f"{role}@{BOUNCES}", f"{role.upper()}@{DOMAIN}"], RAW)
    assert len(listener.stored()) == 2


@pytest.mark.parametrize("tag", [verp.DELIVERY, verp.TRANSACTIONAL, verp.UNSUBSCRIBE])
def test_each_kind_of_token_is_taken_in_any_case(listener: Listener, tag: str) -> None:
    with listener.client() as client:
        client.sendmail("", [listener.address(tag).upper()], RAW)
    assert len(listener.stored()) == 1


def test_the_same_message_many_times_is_kept_once(listener: Listener) -> None:
    with listener.client() as client:
        for _time in range(50):
            client.sendmail("", [listener.address()], RAW)
    assert len(listener.stored()) == 1


def test_a_database_that_is_away_is_told_as_try_again(listener: Listener) -> None:
    listener.scribe.away = True
    with listener.client() as client, pytest.raises(smtplib.SMTPDataError) as caught:
        client.sendmail("", [listener.address()], RAW)
    assert caught.value.smtp_code == 451
    assert listener.stored() == []


def test_a_pipelined_session_is_answered_in_order_while_a_commit_is_pending(listener: Listener) -> None:
    listener.scribe.hold = 0.2
    rcpt = f"RCPT TO:<{listener.address()}>\r\n".encode()
    one = b"MAIL FROM:<>\r\n" + rcpt + b"DATA\r\n"
    with listener.raw() as connection:
        heard = said(
            connection, b"EHLO x\r\n", one, RAW, b".\r\n", one, RAW, b"again\r\n.\r\nQUIT\r\n", until=b"bye\r\n"
        )
    codes = [line[:3] for line in heard.split(b"\r\n") if line[3:4] == b" "]
    assert codes == [b"250", b"250", b"250", b"354", b"250", b"250", b"250", b"354", b"250", b"221"]
    assert len(listener.stored()) == 2


@pytest.mark.parametrize("end", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n"])
def test_only_the_real_end_of_data_ends_a_message(listener: Listener, end: bytes) -> None:
    smuggled = b"MAIL FROM:<>\r\nRCPT TO:<victim@elsewhere.example>\r\n"
    with listener.raw() as connection:
        rcpt = f"RCPT TO:<{listener.address()}>\r\n".encode()
        said(connection, b"EHLO x\r\n", b"MAIL FROM:<>\r\n", rcpt, b"DATA\r\n", until=b"go on\r\n")
        heard = said(connection, b"Subject: x\r\n\r\nhello", end, smuggled, b"\r\n.\r\n")
    assert heard.startswith(b"250")
    [mail] = listener.stored()
    assert smuggled in mail.data


def test_only_the_beginning_of_a_long_message_is_kept(listener: Listener) -> None:
    long = RAW + b"a line of text that goes on and on\r\n" * 150_000
    with listener.client() as client:
        client.sendmail("", [listener.address()], long)
    [mail] = listener.stored()
    assert mail.data == long[: len(mail.data)]
    assert mime.MOST_BYTES - 10 <= len(mail.data) <= mime.MOST_BYTES


def test_a_message_beyond_every_measure_is_refused(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "LARGEST", 3_000_000)
    with listener.client() as client:
        client.ehlo()
        assert client.docmd("MAIL FROM:<> SIZE=4000000")[0] == 552
        client.mail("")
        client.rcpt(listener.address())
        assert client.data(RAW + b"x" * 70 + b"\r\n" + b"long line\r\n" * 400_000)[0] == 552
    assert listener.stored() == []


def test_a_client_that_guesses_is_sent_away(listener: Listener) -> None:
    with listener.raw() as connection:
        assert b"421" in said(connection, b"GARBAGE\r\n" * 100, until=b"mistakes\r\n")


def test_octets_that_are_no_text_harm_nobody(listener: Listener) -> None:
    with listener.raw() as connection:
        rcpt = f"RCPT TO:<{listener.address()}>\r\n".encode()
        said(connection, b"EHLO x\r\n", b"MAIL FROM:<\xff\xfe@y.example>\r\n", rcpt, b"DATA\r\n", until=b"go on\r\n")
        heard = said(connection, bytes(range(256)).replace(b"\r", b"").replace(b"\n", b""), b"\r\n.\r\n")
    assert heard.startswith(b"250")
    assert len(listener.stored()) == 1


def test_a_client_that_vanishes_leaves_nothing(listener: Listener) -> None:
    connection = listener.raw()
    rcpt = f"RCPT TO:<{listener.address()}>\r\n".encode()
    said(connection, b"EHLO x\r\n", b"MAIL FROM:<>\r\n", rcpt, b"DATA\r\n", until=b"go on\r\n")
    connection.sendall(RAW)
    connection.close()
    with listener.client() as client:
        client.sendmail("", [listener.address(number=2)], RAW)
    assert [mail.envelope_recipient for mail in listener.stored()] == [listener.address(number=2)]


def test_one_connection_too_many_is_turned_away(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "MOST_CONNECTIONS", 2)
    first, second = listener.raw(), listener.raw()
    with socket.create_connection(("127.0.0.1", listener.port), timeout=10) as third:
        assert third.recv(1000).startswith(b"421")
    first.close()
    second.close()
    wait(lambda: _greeted(listener))


def _greeted(listener: Listener) -> bool:
    with socket.create_connection(("127.0.0.1", listener.port), timeout=10) as connection:
        return connection.recv(1000).startswith(b"220")


def test_lmtp_answers_for_each_recipient(newsroom: Newsroom, gazette: Newsletter) -> None:
    with listening(newsroom, lmtp=True) as listener, listener.raw() as connection:
        assert said(connection, b"EHLO x\r\n").startswith(b"500")
        rcpts = b"".join(f"RCPT TO:<{listener.address(number=n)}>\r\n".encode() for n in (1, 2))
        heard = said(
            connection,
            b"LHLO x\r\n",
            b"MAIL FROM:<>\r\n",
            rcpts,
            b"RCPT TO:<no@x.example>\r\nDATA\r\n",
            until=b"go on\r\n",
        )
        assert b"550 5.1.1" in heard
        connection.sendall(RAW + b".\r\n")
        answers = b""
        while answers.count(b"\r\n") < 2:
            answers += connection.recv(1000)
        assert [line[:3] for line in answers.split(b"\r\n") if line] == [b"250", b"250"]
        assert len(listener.stored()) == 2


def test_what_was_acknowledged_is_there_after_a_stop(newsroom: Newsroom, gazette: Newsletter) -> None:
    acknowledged = 0
    with listening(newsroom) as listener:
        listener.scribe.hold = 0.02
        with listener.client() as client:
            for number in range(20):
                client.sendmail("", [listener.address(number=number)], RAW)
                acknowledged += 1
    with newsroom.database.reading() as session:
        assert session.scalar(select(func.count(InboundMail.id))) == acknowledged == 20
