"""The local mailbox, spoken to over a real socket."""

import smtplib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.mail import mailbox

MESSAGE = (
    b"From: =?utf-8?q?La_r=C3=A9daction?= <desk@news.example>\r\n"
    b"To: reader@mail.example\r\n"
    b"Subject: =?utf-8?q?Les_titres_de_l=E2=80=99apr?=\r\n =?utf-8?b?w6hzLW1pZGk=?=\r\n"
    b"List-Unsubscribe: <https://news.example/u/abc>\r\n"
    b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nL=C3=A0\r\n"
    b"--b\r\nContent-Type: text/html; charset=x-none\r\n\r\n<p>Hi</p>\r\n.leading dot\r\n--b--\r\n"
)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[mailbox.Mailbox]:
    running = mailbox.serve(tmp_path)
    yield running
    running.stop()


def say(port: int, *parts: bytes) -> bytes:
    """Everything the server answers to bytes sent as they are."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for part in parts:
            connection.sendall(part)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


def test_a_message_is_kept_byte_for_byte_with_its_envelope(box: mailbox.Mailbox, tmp_path: Path) -> None:
    with smtplib.SMTP("127.0.0.1", box.port) as client:
        client.sendmail("bounce+1@news.example", ["reader@mail.example", "other@mail.example"], MESSAGE)
    [stored] = mailbox.list_messages(tmp_path)
    assert stored.envelope_sender == "bounce+1@news.example"
    assert stored.envelope_recipients == ("reader@mail.example", "other@mail.example")
    assert stored.subject == "Les titres de l’après-midi"
    assert stored.from_address == "La rédaction <desk@news.example>"
    message = mailbox.read_message(tmp_path, stored.id)
    assert message is not None
    assert message.raw == MESSAGE
    assert message.text.strip() == "Là"
    assert message.html.startswith("<p>Hi</p>")
    assert message.list_unsubscribe == "https://news.example/u/abc"
    assert (tmp_path / f"{stored.id}.eml").stat().st_mode & 0o777 in (0o600, 0o640, 0o644)


def test_pipelined_commands_are_answered_in_order(box: mailbox.Mailbox, tmp_path: Path) -> None:
    group = b"EHLO x\r\nMAIL FROM:<> SIZE=10\r\nRCPT TO:<a@b.example>\r\nDATA\r\n"
    group += b"Subject: 1\r\n\r\n.\r\nMAIL FROM:<>\r\nQUIT\r\n"
    codes = [line[:4] for line in say(box.port, group).split(b"\r\n")]
    assert codes[-7:] == [b"250 ", b"250 ", b"354 ", b"250 ", b"250 ", b"221 ", b""]
    assert [message.subject for message in mailbox.list_messages(tmp_path)] == ["1"]


def test_the_end_of_a_message_may_come_in_pieces(box: mailbox.Mailbox, tmp_path: Path) -> None:
    head = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n"
    say(box.port, head, b"Subject: 1\r\n\r\n..dots\r", b"\n", b".", b"\r", b"\nQUIT\r\n")
    [stored] = mailbox.list_messages(tmp_path)
    message = mailbox.read_message(tmp_path, stored.id)
    assert message is not None
    assert message.raw == b"Subject: 1\r\n\r\n.dots\r\n"


def test_a_dot_between_bare_line_feeds_smuggles_in_no_second_message(box: mailbox.Mailbox, tmp_path: Path) -> None:
    head = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n"
    inner = b"\n.\nMAIL FROM:<evil@b.example>\r\nRCPT TO:<a@b.example>\r\nDATA\r\nSubject: 2\r\n"
    say(box.port, head + b"Subject: 1\r\n\r\n" + inner + b"\r\n.\r\nQUIT\r\n")
    assert [message.subject for message in mailbox.list_messages(tmp_path)] == ["1"]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (b"RCPT TO:<a@b.example>", b"503"),
        (b"DATA", b"503"),
        (b"MAIL FROM:<a\x01@b.example>", b"501"),
        (b"MAIL FROM:nobody", b"501"),
        (b"MAIL FROM:<a@b.example> SIZE=999999999", b"552"),
        (b"MAIL TO:<a@b.example>", b"501"),
        (b"GET / HTTP/1.1", b"500"),
        (b"\xff\xfe", b"500"),
        (b"x" * 5000, b"500"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_by_its_code(
    box: mailbox.Mailbox, command: bytes, code: bytes
) -> None:
    assert say(box.port, command + b"\r\nQUIT\r\n").split(b"\r\n")[1][:3] == code


def test_a_message_over_the_limit_is_refused_and_the_connection_goes_on(box: mailbox.Mailbox, tmp_path: Path) -> None:
    head = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n"
    answer = say(box.port, head, b"x" * (mailbox.LARGEST + 10), b"\r\n.\r\nNOOP\r\nQUIT\r\n")
    assert [line[:3] for line in answer.split(b"\r\n")[-4:-1]] == [b"552", b"250", b"221"]
    assert mailbox.list_messages(tmp_path) == []


def test_no_id_leads_out_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "secret.eml").write_text("x")
    for name in ("secret", "../secret", "0" * 19, f"{'0' * 19}-000000/../secret", ""):
        assert mailbox.read_message(tmp_path, name) is None


def test_the_list_is_paged_from_the_newest(box: mailbox.Mailbox, tmp_path: Path) -> None:
    with smtplib.SMTP("127.0.0.1", box.port) as client:
        for number in range(5):
            client.sendmail("a@b.example", ["c@d.example"], b"Subject: %d\r\n\r\n" % number)
    first = mailbox.list_messages(tmp_path, 2)
    assert [message.subject for message in first] == ["4", "3"]
    assert [message.subject for message in mailbox.list_messages(tmp_path, 2, first[-1].id)] == ["2", "1"]


def test_only_the_last_messages_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "KEPT", 3)
    for _ in range(2):  # and the second server counts what the first one left
        running = mailbox.serve(tmp_path)
        with smtplib.SMTP("127.0.0.1", running.port) as client:
            for number in range(4):
                client.sendmail("a@b.example", ["c@d.example"], b"Subject: %d\r\n\r\n" % number)
        running.stop()
    assert [message.subject for message in mailbox.list_messages(tmp_path)] == ["3", "2", "1"]


def test_stopping_ends_the_open_connections(tmp_path: Path) -> None:
    running = mailbox.serve(tmp_path)
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as connection:
        connection.recv(100)
        running.stop()
        assert connection.recv(100) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", running.port), timeout=5)
