"""What comes back for a message that was sent: bounces, complaints, answers, as other servers write them."""

from dataclasses import dataclass

from newsletter.mail.outcomes import Outcome
from newsletter.mail.transport import Envelope
from tests.support.postman import Postman


@dataclass(frozen=True)
class Sent:
    """A message as it left."""

    envelope: Envelope
    message: bytes

    def header(self, name: str) -> str:
        head = self.message.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").decode()
        return next(
            line.partition(": ")[2] for line in head.split("\r\n") if line.lower().startswith(name.lower() + ":")
        )


class Archivist(Postman):
    """A relay that keeps what it takes, by recipient."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, Sent] = {}

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        self.sent[envelope.recipient] = Sent(envelope, message)
        return super().send(envelope, message)


def dsn(
    sent: Sent,
    *,
    status: str = "5.1.1",
    said: str = "550 5.1.1 no such user",
    action: str = "failed",
    recipients: tuple[str, ...] = (),
    to: str | None = None,
    envid: str | None = None,
    original: bytes | None = None,
) -> bytes:
    """A delivery status notification; `to`, `envid` and `original` are those of the message unless given."""
    blocks = "".join(
        f"Final-Recipient: rfc822; {who}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; {said}\r\n\r\n"
        for who in recipients or (sent.envelope.recipient,)
    )
    copy = sent.message if original is None else original
    head = (
        "Return-Path: <>\r\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example>\r\n"
        f"To: {sent.envelope.sender if to is None else to}\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=BB\r\n\r\n"
        "--BB\r\nContent-Type: text/plain\r\n\r\nYour message could not be delivered.\r\n"
        "--BB\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n"
        f"Original-Envelope-Id: {sent.envelope.envelope_id if envid is None else envid}\r\n\r\n{blocks}"
        "--BB\r\nContent-Type: message/rfc822\r\n\r\n"
    )
    return head.encode() + copy + b"\r\n--BB--\r\n"


def complaint(sent: Sent, *, kind: str = "abuse", original: bytes | None = None) -> bytes:
    """A complaint of a feedback loop."""
    copy = sent.message if original is None else original
    head = (
        "From: fbl@provider.example\r\nTo: fbl@gazette.example\r\nSubject: complaint\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=BB\r\n\r\n"
        "--BB\r\nContent-Type: text/plain\r\n\r\nA reader complained.\r\n"
        f"--BB\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: {kind}\r\nVersion: 1\r\n\r\n"
        "--BB\r\nContent-Type: message/rfc822\r\n\r\n"
    )
    return head.encode() + copy + b"\r\n--BB--\r\n"


def letter(*, to: str, sender: str, subject: str = "Re: la suite", text: str = "Merci !", extra: str = "") -> bytes:
    """What a person writes."""
    head = f"From: Ama <{sender}>\r\nTo: {to}\r\nSubject: {subject}\r\n{extra}"
    return f"{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n".encode()
