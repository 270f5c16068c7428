"""What never reaches the wire, whatever stands in a message or an address."""

from dataclasses import replace

import pytest

from newsletter.mail.commands import dot_stuffed
from newsletter.mail.replies import Phase, ReplyClass
from newsletter.mail.transport import OutcomeKind, Relay, Transport
from tests.support.smtp_client import ENVELOPE, FAST, MESSAGE, Mailer, judge
from tests.support.smtp_server import SmtpSink


@pytest.mark.parametrize(
    "vector",
    [
        before + b"." + after
        for before in (b"\n", b"\r", b"\r\r\n", b"\n\n", b"x\n", b"x\r")
        for after in (b"\n", b"\r", b"\r\n", b"\r\r\n", b"\n\n")
    ],
)
def test_a_lone_cr_or_lf_never_reaches_the_wire(sink: SmtpSink, vector: bytes) -> None:
    with Transport(Relay.parse(sink.url), timeouts=FAST) as transport, pytest.raises(ValueError, match="stands alone"):
        transport.send(ENVELOPE, b"Subject: a\r\n\r\nx" + vector + b"MAIL FROM:<evil@x.example>\r\n")
    assert all(b"evil" not in conversation.raw for conversation in sink.conversations)


def test_dots_are_stuffed_and_arrive_as_they_were(mailer: Mailer, sink: SmtpSink) -> None:
    message = b".first\r\n.\r\n..\r\n\r\n.\r\n.\r\nMAIL FROM:<evil@x.example>\r\n"
    with mailer(Relay.parse(sink.url), timeouts=FAST) as transport:
        assert transport.send(ENVELOPE, message).kind is OutcomeKind.SENT
    assert [received.data for received in sink.received] == [message]


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (b"", b".\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b"\r\n.\r\n.\r\n", b"\r\n..\r\n..\r\n.\r\n"),
        (b"a.b\r\n", b"a.b\r\n.\r\n"),
    ],
)
def test_a_message_ends_with_one_dot(message: bytes, wire: bytes) -> None:
    assert b"".join(dot_stuffed(message)) == wire


@pytest.mark.parametrize("recipient", ["a@x.example>\r\nDATA", "a b@x.example", "", "a@x\n.example", "<a@x.example>"])
def test_an_address_that_cannot_be_written_is_rejected_without_a_word(sink: SmtpSink, recipient: str) -> None:
    with Transport(Relay.parse(sink.url), timeouts=FAST) as transport:
        outcome = transport.send(replace(ENVELOPE, recipient=recipient), MESSAGE)
    assert judge(outcome) == (OutcomeKind.REJECTED, ReplyClass.HARD, Phase.RCPT)
    assert sink.conversations == []


def test_a_sender_that_cannot_be_written_is_a_defect(sink: SmtpSink) -> None:
    with Transport(Relay.parse(sink.url), timeouts=FAST) as transport, pytest.raises(ValueError, match="address"):
        transport.send(replace(ENVELOPE, sender="a>\r\n@x.example"), MESSAGE)


def test_a_message_above_the_limit_is_not_sent(mailer: Mailer, sink: SmtpSink) -> None:
    sink.extensions = ("SIZE 10",)
    with mailer(Relay.parse(sink.url), timeouts=FAST) as transport:
        assert judge(transport.send(ENVELOPE, MESSAGE)) == (OutcomeKind.REJECTED, ReplyClass.MESSAGE, Phase.MAIL)
    assert not any(line.startswith("MAIL") for line in sink.conversations[0].lines)


def test_size_0_is_no_limit(mailer: Mailer, sink: SmtpSink) -> None:
    sink.extensions = ("SIZE 0",)
    with mailer(Relay.parse(sink.url), timeouts=FAST) as transport:
        assert transport.send(ENVELOPE, MESSAGE).kind is OutcomeKind.SENT


def test_an_international_address_needs_smtputf8(sink: SmtpSink) -> None:
    to = replace(ENVELOPE, recipient="jörg@exämple.org")
    with Transport(Relay.parse(sink.url), timeouts=FAST) as transport:
        outcome = transport.send(to, MESSAGE)
        assert (outcome.kind, outcome.reply_class) == (OutcomeKind.REJECTED, ReplyClass.MESSAGE)
        transport.close()
        sink.extensions = ("SMTPUTF8", "8BITMIME")
        assert transport.send(to, "To: jörg@x.example\r\n\r\na\r\n".encode()).kind is OutcomeKind.SENT
    assert sink.recipients == ["jörg@xn--exmple-cua.org"]
    assert sink.conversations[1].lines[1].endswith("> BODY=8BITMIME SMTPUTF8")


def test_an_international_domain_alone_needs_nothing(mailer: Mailer, sink: SmtpSink) -> None:
    with mailer(Relay.parse(sink.url), timeouts=FAST) as transport:
        assert transport.send(replace(ENVELOPE, recipient="b@exämple.org"), MESSAGE).kind is OutcomeKind.SENT
    assert sink.recipients == ["b@xn--exmple-cua.org"]
