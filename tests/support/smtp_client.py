"""What the tests of the SMTP client share: an envelope, a message, short time limits, and one way to run a script."""

from newsletter.mail.replies import Phase, ReplyClass
from newsletter.mail.transport import Envelope, Outcome, OutcomeKind, Relay, Timeouts, Transport
from tests.support.smtp_server import Script, ScriptedServer

ENVELOPE = Envelope("b+token@bounces.zio.example", "b@x.example", "d42")
MESSAGE = b"Subject: a\r\n\r\nhello\r\n.\r\n..dots\r\nend\r\n"
FAST = Timeouts(connect=2, greeting=0.5, command=0.5, data=0.5, block=0.5, dot=0.5, transaction=3, drain=0.3, quit=0.2)


def send(*scripts: Script, envelope: Envelope = ENVELOPE, message: bytes = MESSAGE, times: int = 1) -> list[Outcome]:
    with ScriptedServer(*scripts) as server, Transport(Relay.parse(server.url), timeouts=FAST) as transport:
        return [transport.send(envelope, message) for _ in range(times)]


def judge(outcome: Outcome) -> tuple[OutcomeKind, ReplyClass, Phase]:
    return outcome.kind, outcome.reply_class, outcome.phase
