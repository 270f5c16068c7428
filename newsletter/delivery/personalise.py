"""One reader's copy of an issue as bytes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.delivery import slots
from newsletter.delivery.blocks import Body
from newsletter.mail import dkim, headers, verp
from newsletter.mail.addrspec import wire_form
from newsletter.mail.headers import Header, Mailbox
from newsletter.mail.message import (
    ListHeaders,
    MessageHeaders,
    MessageIds,
    boundary_for,
    bulk_headers,
    check_lines,
)
from newsletter.mail.quoted import MAX_ENCODED_LINE
from newsletter.mail.transport import Envelope

KIND = "issue"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A reader at the moment of sending. `domain` is that of the address, in lower case; `attributes` are there when
    the text asks for some. `named_clicks`, `named_opens`: whether these may be known to be this reader's.
    """

    subscription_id: int
    email: str
    name: str
    unsubscribe_url: str
    preferences_url: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    domain: str = ""
    named_clicks: bool = False
    named_opens: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """A variant and what its messages share. `html`, `text` and `subject` hold slots for what is personal; without
    `html` it is sent as plain text alone. `date` is the freeze's.
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


class Prepared:
    """A variant, encoded once; a message is a join of bytes.

    Only a few header fields are a message's own: To, Message-ID, List-Unsubscribe, and Subject where it has slots. They
    stand first; the others and the body outside the slots are the same bytes in each message. The same content, reader
    and delivery give the same bytes, so that a repeated message is recognised. Safe for several threads.

    `fields` are what the text asks of a reader: "name", "email" or attributes. `sender_domain` is whose mail it is.
    `whose(delivery_id)` is what tells in a followed link, and in the pixel, whose message it is.
    """

    fields: frozenset[str]
    sender_domain: str

    def __init__(self, content: Content, secret: bytes, *, whose: Callable[[int], str] | None = None) -> None:
        """Raises RefusedError, in words, for content that no message can be made of."""
        try:
            self._prepare(content, secret, whose)
            self._check()
        except ValueError as error:
            raise RefusedError(_("No mail can be made of this issue: %(reason)s.", reason=error)) from error

    def _prepare(self, content: Content, secret: bytes, whose: Callable[[int], str] | None) -> None:
        seed = "\0".join((content.list_id, content.subject, content.text, content.html))
        boundary = boundary_for(seed)
        subject_slots = frozenset(slots.split(content.subject)[1::2])
        self._subject = content.subject if subject_slots else ""
        self._body = Body(content.text, content.html, boundary)
        marks = self._body.marks | subject_slots
        self._answers = {mark: _answer(mark, whose) for mark in sorted(marks)}
        self.fields = frozenset(found[0] for mark in marks if (found := slots.read_field(mark)))
        self.sender_domain = content.domain
        self._ids = MessageIds(KIND, secret, content.domain)
        self._bounces = verp.Tagger(verp.DELIVERY, secret, content.bounce_domain)
        self._leaving = verp.Tagger(verp.UNSUBSCRIBE, secret, content.bounce_domain)
        own = [headers.TO, headers.MESSAGE_ID, headers.LIST_UNSUBSCRIBE, *([headers.SUBJECT] if subject_slots else [])]
        fields = [*_fields_for_anybody(content, self._ids.of(0)), *self._body.headers]
        headers.write_headers(fields)
        shared = [item for item in fields if item.name not in own]
        self._signing = dkim.Signing(content.keys, shared, own, content.date) if content.keys else None
        self._shared = b"".join([item.line for item in shared]) + b"\r\n" + self._body.first

    def write(self, recipient: Recipient, delivery_id: int) -> tuple[Envelope, bytes]:
        """The envelope and the signed message. Raises ValueError for data of this reader that cannot be written."""
        values = {mark: answer(recipient, delivery_id) for mark, answer in self._answers.items()}
        identifier = self._ids.of(delivery_id)
        own = [
            headers.mailbox(headers.TO, Mailbox(recipient.email, recipient.name), utf8=True),
            headers.message_id(identifier),
            headers.unsubscribe(recipient.unsubscribe_url, self._leaving.address(recipient.subscription_id)),
        ]
        if self._subject:
            own.append(headers.unstructured(headers.SUBJECT, slots.fill(self._subject, values, html=False)))
        rest = self._body.rest(values)
        signatures = b""
        if self._signing is not None:
            signatures = self._signing.sign(own, self._body.digest(rest))
        message = b"".join([signatures, *[item.line for item in own], self._shared, rest])
        envelope = Envelope(
            sender=self._bounces.address(delivery_id),
            recipient=wire_form(recipient.email),
            envelope_id=identifier[1 : identifier.index("@")],
        )
        return envelope, message

    def size(self) -> int:
        """Bytes that are kept, about."""
        return len(self._shared) + self._body.size()

    def _check(self) -> None:
        """Whatever is wrong with what all messages share is wrong with this one."""
        sample = Recipient(0, "reader@example.org", "", "https://example.org/u", "https://example.org/p")
        message = self.write(sample, 0)[1]
        check_lines(message)
        body = message.partition(b"\r\n\r\n")[2]
        if dkim.relaxed_body(body) != body or b"\n." in body or max(map(len, body.split(b"\r\n"))) > MAX_ENCODED_LINE:
            raise ValueError("the body would not reach a reader as it leaves")


def fill(text: str, reader: Recipient, *, html: bool) -> str:
    """A text with slots as this reader gets it, to be looked at; links to follow lead nowhere."""
    marks = slots.split(text)[1::2]
    values = {mark: "#" if slots.read_link(mark) is not None else _answer(mark, None)(reader, 0) for mark in marks}
    return slots.fill(text, values, html=html)


def _fields_for_anybody(content: Content, message_id: str) -> list[Header]:
    """The header fields as one reader or another could get them."""
    return bulk_headers(
        MessageHeaders(
            date=content.date,
            sender=content.sender,
            recipient=Mailbox("reader@example.org"),
            subject=slots.fill_for_nobody(content.subject),
            message_id=message_id,
            reply_to=content.reply_to,
        ),
        ListHeaders(
            identifier=content.list_id,
            name=content.list_name,
            unsubscribe_url="https://example.org/u",
            unsubscribe_mailto="u@example.org",
            feedback_id=content.feedback_id,
            further=content.list_links,
        ),
    )


def _answer(mark: str, whose: Callable[[int], str] | None) -> Callable[[Recipient, int], str]:
    """What tells the value of a mark for a reader and a delivery."""
    if (asked := slots.read_field(mark)) is not None:
        return partial(_field, *asked)
    if slots.read_link(mark) is not None:
        raise ValueError("it has links to follow that lead nowhere")
    if mark in (slots.SLOT_CLICKER, slots.SLOT_OPENER):
        if whose is None:
            raise ValueError("it has links to follow that say of nobody whose they are")
        return partial(_clicker if mark == slots.SLOT_CLICKER else _opener, whose)
    if mark == slots.SLOT_UNSUBSCRIBE:
        return lambda recipient, _delivery_id: recipient.unsubscribe_url
    return lambda recipient, _delivery_id: recipient.preferences_url


def _clicker(whose: Callable[[int], str], recipient: Recipient, delivery_id: int) -> str:
    return whose(delivery_id) if recipient.named_clicks else ""


def _opener(whose: Callable[[int], str], recipient: Recipient, delivery_id: int) -> str:
    return whose(delivery_id) if recipient.named_opens else ""


def _field(name: str, fallback: str, recipient: Recipient, _delivery_id: int) -> str:
    known = {"name": recipient.name, "email": recipient.email}
    return slots.as_text(known[name] if name in known else recipient.attributes.get(name)) or fallback
