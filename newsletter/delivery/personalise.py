"""One reader's copy of an issue as bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter.delivery import slots
from newsletter.mail import dkim, verp
from newsletter.mail.headers import Mailbox
from newsletter.mail.message import (
    ListHeaders,
    MessageHeaders,
    boundary_for,
    build_message,
    bulk_headers,
    encode_alternative,
    message_id,
)
from newsletter.mail.transport import Envelope

KIND = "issue"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A reader at the moment of sending."""

    subscription_id: int
    email: str
    name: str
    unsubscribe_url: str
    preferences_url: str


@dataclass(frozen=True, slots=True)
class Content:
    """A variant and what its messages share. `html` and `text` hold slots for what is personal; `date` is the
    freeze's.
    """

    sender: Mailbox
    reply_to: Mailbox | None
    subject: str
    html: str
    text: str
    date: datetime
    domain: str
    bounce_domain: str
    list_id: str
    list_name: str
    feedback_id: str
    list_links: dict[str, str]
    keys: Sequence[dkim.DkimKey]


def write_message(content: Content, recipient: Recipient, *, delivery_id: int, secret: bytes) -> tuple[Envelope, bytes]:
    """The envelope and the signed message: the same arguments give the same bytes, so that a repeated message is
    recognised.
    """
    identifier = message_id(KIND, delivery_id, secret, content.domain)
    boundary = boundary_for(identifier)
    values = {slots.SLOT_UNSUBSCRIBE: recipient.unsubscribe_url, slots.SLOT_PREFERENCES: recipient.preferences_url}
    fields = bulk_headers(
        MessageHeaders(
            date=content.date,
            sender=content.sender,
            recipient=Mailbox(recipient.email, recipient.name),
            subject=content.subject,
            message_id=identifier,
            reply_to=content.reply_to,
        ),
        ListHeaders(
            identifier=content.list_id,
            name=content.list_name,
            unsubscribe_url=recipient.unsubscribe_url,
            unsubscribe_mailto=verp.unsubscribe_address(recipient.subscription_id, secret, content.bounce_domain),
            feedback_id=content.feedback_id,
            further=content.list_links,
        ),
    )
    text = slots.fill(content.text, values, html=False)
    html = slots.fill(content.html, values, html=True)
    body = encode_alternative(text, html, boundary)
    message = dkim.sign(build_message(fields, body, boundary), content.keys, content.date)
    envelope = Envelope(
        sender=verp.envelope_sender(delivery_id, secret, content.bounce_domain),
        recipient=recipient.email,
        envelope_id=identifier.strip("<>").partition("@")[0],
    )
    return envelope, message
