"""What each reply of a server means."""

import pytest

from newsletter.mail.replies import Phase, Reply, ReplyClass, classify, parse_reply

TABLE = [
    # accepted
    ("250 2.0.0 taken", Phase.DOT, ReplyClass.ACCEPTED),
    ("299 never heard of", Phase.DOT, ReplyClass.ACCEPTED),
    ("354 go on", Phase.DATA, ReplyClass.ACCEPTED),
    # the way out
    ("421 4.7.0 too many connections", Phase.GREETING, ReplyClass.LANE),
    ("421 4.7.0 try later", Phase.RCPT, ReplyClass.LANE),
    ("421 closing", Phase.DOT, ReplyClass.LANE),
    ("452 4.3.1 insufficient storage", Phase.MAIL, ReplyClass.LANE),
    ("451 4.3.2 not accepting", Phase.MAIL, ReplyClass.LANE),
    ("451 4.4.1 no answer from host", Phase.RCPT, ReplyClass.LANE),
    ("452 insufficient system storage", Phase.MAIL, ReplyClass.LANE),
    ("450 busy", Phase.GREETING, ReplyClass.LANE),
    ("454 4.7.0 temporary authentication failure", Phase.AUTH, ReplyClass.LANE),
    # temporary
    ("450 4.7.1 greylisted, come back", Phase.RCPT, ReplyClass.TEMPORARY),
    ("451 4.7.500 server busy", Phase.DOT, ReplyClass.TEMPORARY),
    ("450 4.2.0 mailbox busy", Phase.RCPT, ReplyClass.TEMPORARY),
    ("450 try again", Phase.RCPT, ReplyClass.TEMPORARY),
    ("499 whatever", Phase.RCPT, ReplyClass.TEMPORARY),
    # another transaction
    ("452 4.5.3 too many recipients", Phase.RCPT, ReplyClass.TRANSACTION),
    ("452 too many recipients", Phase.RCPT, ReplyClass.TRANSACTION),
    ("552 too many recipients", Phase.RCPT, ReplyClass.TRANSACTION),
    ("552 5.5.3 too many recipients", Phase.RCPT, ReplyClass.TRANSACTION),
    # the mailbox is not there
    ("550 5.1.1 no", Phase.RCPT, ReplyClass.HARD),
    ("550 5.1.1 no", Phase.DOT, ReplyClass.HARD),
    ("553 5.1.2 bad domain", Phase.RCPT, ReplyClass.HARD),
    ("501 5.1.3 bad syntax of address", Phase.RCPT, ReplyClass.HARD),
    ("551 5.1.6 moved", Phase.RCPT, ReplyClass.HARD),
    ("550 5.1.10 null MX", Phase.RCPT, ReplyClass.HARD),
    ("550 5.7.17 mailbox owner has changed", Phase.RCPT, ReplyClass.HARD),
    ("556 domain takes no mail", Phase.RCPT, ReplyClass.HARD),
    ("550 no such user here", Phase.RCPT, ReplyClass.HARD),
    ("550 nope", Phase.RCPT, ReplyClass.HARD),
    ("550 5.5.0 Requested action not taken: mailbox unavailable", Phase.RCPT, ReplyClass.HARD),
    ("550 5.4.4 host not found: NXDOMAIN", Phase.RCPT, ReplyClass.HARD),
    ("554 delivery error: this user doesn't have a yahoo.example account", Phase.DOT, ReplyClass.HARD),
    # the mailbox takes nothing now
    ("550 5.2.1 disabled", Phase.RCPT, ReplyClass.SOFT),
    ("552 5.2.2 over quota", Phase.RCPT, ReplyClass.SOFT),
    ("452 4.2.2 full", Phase.RCPT, ReplyClass.SOFT),
    ("552 mailbox full", Phase.RCPT, ReplyClass.SOFT),
    ("554 5.4.14 hop count exceeded", Phase.DOT, ReplyClass.SOFT),
    ("550 5.4.1 recipient address rejected", Phase.RCPT, ReplyClass.SOFT),
    ("599 whatever", Phase.RCPT, ReplyClass.SOFT),
    # the message
    ("552 5.3.4 too big", Phase.MAIL, ReplyClass.MESSAGE),
    ("552 5.2.3 too long", Phase.RCPT, ReplyClass.MESSAGE),
    ("552 message size exceeds fixed maximum", Phase.MAIL, ReplyClass.MESSAGE),
    ("554 message too large", Phase.DOT, ReplyClass.MESSAGE),
    ("550 5.6.7 no SMTPUTF8", Phase.MAIL, ReplyClass.MESSAGE),
    # its content
    ("554 5.6.0 malformed", Phase.DOT, ReplyClass.CONTENT),
    ("554 this looks like spam", Phase.DOT, ReplyClass.CONTENT),
    ("550 not wanted", Phase.DOT, ReplyClass.CONTENT),
    # us
    ("550 5.7.1 policy", Phase.RCPT, ReplyClass.SENDER),
    ("550 5.7.515 access denied, authentication level", Phase.DOT, ReplyClass.SENDER),
    ("550 5.7.26 unauthenticated", Phase.DOT, ReplyClass.SENDER),
    ("535 5.7.8 bad password", Phase.AUTH, ReplyClass.SENDER),
    ("530 authentication required", Phase.MAIL, ReplyClass.SENDER),
    ("554 no service for you", Phase.GREETING, ReplyClass.SENDER),
    ("550 5.1.8 sender's domain", Phase.RCPT, ReplyClass.SENDER),
    ("550 sender address rejected: user unknown", Phase.RCPT, ReplyClass.SENDER),
    ("550 5.1.1 no", Phase.MAIL, ReplyClass.SENDER),
    ("550 blocked, see spamhaus", Phase.RCPT, ReplyClass.SENDER),
    ("554 relay access denied", Phase.RCPT, ReplyClass.SENDER),
    # our mistakes
    ("500 what?", Phase.RCPT, ReplyClass.OURS),
    ("503 5.5.1 bad sequence", Phase.DATA, ReplyClass.OURS),
    ("504 not implemented", Phase.MAIL, ReplyClass.OURS),
    ("550 5.5.2 syntax", Phase.RCPT, ReplyClass.OURS),
    ("555 5.5.4 parameters", Phase.MAIL, ReplyClass.OURS),
    ("502 no", Phase.EHLO, ReplyClass.OURS),
    # no answer to what was said
    ("150 eh", Phase.RCPT, ReplyClass.DESYNC),
    ("354 go on", Phase.RCPT, ReplyClass.DESYNC),
    ("354 go on", Phase.DOT, ReplyClass.DESYNC),
    # an enhanced code that contradicts the basic one is not heard
    ("450 5.1.1 no such user", Phase.RCPT, ReplyClass.TEMPORARY),
]


@pytest.mark.parametrize(("line", "phase", "expected"), TABLE, ids=[f"{line} at {phase}" for line, phase, _ in TABLE])
def test_a_reply_means(line: str, phase: Phase, expected: ReplyClass) -> None:
    assert classify(parse_reply(int(line[:3]), [line[4:]]), phase) is expected


def test_every_class_has_a_row() -> None:
    assert {expected for _, _, expected in TABLE} == set(ReplyClass)


def test_no_reply_before_the_message_blames_an_address() -> None:
    blaming = {ReplyClass.HARD, ReplyClass.SOFT, ReplyClass.CONTENT}
    for phase in (Phase.GREETING, Phase.EHLO, Phase.STARTTLS, Phase.AUTH, Phase.IDLE, Phase.MAIL):
        for line, _, _ in TABLE:
            assert classify(parse_reply(int(line[:3]), [line[4:]]), phase) not in blaming


def test_the_enhanced_code_is_taken_off_every_line() -> None:
    reply = parse_reply(550, ["5.1.1 no such user", "5.1.1 at this host"])
    assert reply == Reply(550, "5.1.1", "no such user at this host")
    assert str(reply) == "550 5.1.1 no such user at this host"


def test_text_of_the_server_is_one_short_printable_line() -> None:
    reply = parse_reply(550, ["a\x1b[31m\x00b\x85", "c" * 5000])
    assert reply.text.isprintable()
    assert len(reply.text) <= 1000


@pytest.mark.parametrize("text", ["1.2.3.4 is blocked", "5.1 x", "51.1.1 x", "5.1.1234 x"])
def test_what_only_looks_like_an_enhanced_code_is_text(text: str) -> None:
    assert parse_reply(550, [text]) == Reply(550, "", text)
