"""Messages as bytes: the body in two forms, the header fields that each kind of mail carries, and the whole (RFC 5322,
RFC 2046).

Everything is CRLF and seven bits, so that no relay has to change a byte and every signature stays valid.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from newsletter.mail import headers, quoted
from newsletter.mail.addrspec import ascii_domain
from newsletter.mail.headers import Header, Mailbox
from newsletter.mail.verp import SHORT_LENGTH, Tokens
from newsletter.mail.words import MAX_LINE

MAX_MESSAGE_ID = 78
MAX_FIELD = 4000  # characters of a field in which identifiers are looked for
ONE_CLICK = "List-Unsubscribe=One-Click"

_BOUNDARY = re.compile(r"[A-Za-z0-9'()+_,./:=?-]{1,70}")
_IDENTIFIER = re.compile(rf"(?<![0-9A-Za-z])[2-7A-Za-z]{{{SHORT_LENGTH}}}(?![0-9A-Za-z])")
_KIND = re.compile(r"[a-z][a-z0-9-]{0,15}")


@dataclass(frozen=True, slots=True)
class MessageHeaders:
    """What every message of ours says about itself.

    `date` is fixed when the delivery is created, `message_id` comes from `message_id()`: both are the same at each
    attempt, so that a receiver can tell a repeated message from a second one. `date` is aware.
    """

    date: datetime
    sender: Mailbox
    recipient: Mailbox
    subject: str
    message_id: str
    reply_to: Mailbox | None = None


@dataclass(frozen=True, slots=True)
class ListHeaders:
    """What a newsletter's message says about the list it belongs to (RFC 2369, RFC 2919, RFC 8058).

    `identifier` is the stable list id, `unsubscribe_url` the one-click address of this reader, `unsubscribe_mailto`
    what comes from `verp.unsubscribe_address`. `feedback_id` is `issue:list:kind:sender` without anything personal;
    empty leaves the field out. `further` are optional list fields by name (List-Help, List-Archive, List-Owner,
    List-Subscribe), each with one address.
    """

    identifier: str
    name: str
    unsubscribe_url: str
    unsubscribe_mailto: str
    feedback_id: str = ""
    further: dict[str, str] = field(default_factory=dict)


def bulk_headers(message: MessageHeaders, listing: ListHeaders) -> list[Header]:
    """Fields of one copy of an issue. Raises ValueError for a value that cannot be written as it is."""
    fields = [
        *_common(message),
        headers.list_id(listing.identifier, listing.name),
        headers.unsubscribe(listing.unsubscribe_url, listing.unsubscribe_mailto),
        headers.structured(headers.LIST_UNSUBSCRIBE_POST, ONE_CLICK),
        *(headers.uris(name, [address]) for name, address in listing.further.items()),
        headers.structured(headers.LIST_POST, "NO"),
        headers.structured(headers.PRECEDENCE, "bulk"),
        headers.structured(headers.AUTO_SUBMITTED, "auto-generated"),
        headers.structured(headers.X_AUTO_RESPONSE_SUPPRESS, "OOF, AutoReply"),
    ]
    if listing.feedback_id:
        fields.append(headers.structured(headers.FEEDBACK_ID, listing.feedback_id))
    return fields


def transactional_headers(message: MessageHeaders, *, form_sub: str = "", in_reply_to: str = "") -> list[Header]:
    """Fields of a mail that answers one person's act: a confirmation, a password link, an acknowledgement.

    No list fields, for nobody is subscribed by it, and no Precedence. `form_sub` is the value of Form-Sub on mail that
    a public form caused. `in_reply_to` makes it a reply to that message (RFC 3834), to be sent with the null sender.
    """
    submitted = "auto-replied" if in_reply_to else "auto-generated"
    fields = [
        *_common(message),
        headers.structured(headers.AUTO_SUBMITTED, submitted),
        headers.structured(headers.X_AUTO_RESPONSE_SUPPRESS, "OOF, AutoReply"),
    ]
    if in_reply_to:
        fields.append(headers.message_id(in_reply_to, headers.IN_REPLY_TO))
        fields.append(headers.message_id(in_reply_to, headers.REFERENCES))
    if form_sub:
        fields.append(headers.structured(headers.FORM_SUB, form_sub))
    return fields


def message_id(kind: str, number: int, secret: bytes, domain: str) -> str:
    """`<kind.token@domain>`; see MessageIds."""
    return MessageIds(kind, secret, domain).of(number)


class MessageIds:
    """Writes `<kind.token@domain>`, the same for the same number, which only we can read; at most 78 characters.

    A long domain costs the kind first (the token covers it), then its leading labels. Only one whose last two labels
    are too long makes a longer identifier, which RFC 5322 section 2.1.1 allows. Raises ValueError for a kind that is
    not a short word.
    """

    def __init__(self, kind: str, secret: bytes, domain: str) -> None:
        if not _KIND.fullmatch(kind):
            raise ValueError(f"not a kind of message: {kind!r}")
        host = ascii_domain(domain)
        self._tokens = _tokens_of(kind, secret)
        self._before = f"<{kind}."
        if self._length(host) > MAX_MESSAGE_ID:
            self._before = "<"
        while self._length(host) > MAX_MESSAGE_ID and host.count(".") > 1:
            host = host.partition(".")[2]
        self._behind = f"@{host}>"

    def of(self, number: int) -> str:
        return self._before + self._tokens.of(number) + self._behind

    def _length(self, host: str) -> int:
        return len(f"{self._before}{'x' * SHORT_LENGTH}@{host}>")


def read_message_id(kind: str, text: str, secret: bytes) -> int | None:
    """The number behind an identifier of this kind in a text, or behind its left side alone, as an envelope identifier
    has it; None where there is none that proves itself.
    """
    tokens = _tokens_of(kind, secret)
    read = (tokens.read(found[0].lower()) for found in _IDENTIFIER.finditer(text[:MAX_FIELD]))
    return next((number for number in read if number is not None), None)


def _tokens_of(kind: str, secret: bytes) -> Tokens:
    return Tokens(f"message-id:{kind}", secret, short=True)


def boundary_for(seed: str) -> str:
    """A boundary that is the same for the same seed, such as a message's identifier. `=_` cannot occur in either
    content encoding, so it never occurs in a part.
    """
    return "=_" + hashlib.sha256(seed.encode(errors="surrogatepass")).hexdigest()[:32]


def encode_alternative(text: str, html: str, boundary: str) -> bytes:
    """The body of a multipart/alternative: the plain text, then the HTML, each in the shorter of the two encodings.

    Raises ValueError for a boundary that cannot be written, or that stands in a part.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise ValueError(f"not a boundary: {boundary!r}")
    mark = b"--" + boundary.encode("ascii")
    parts = [encode_part("plain", text), encode_part("html", html)]
    if any(b"\n" + mark in part or part.startswith(mark) for part in parts):
        raise ValueError("the boundary occurs in a part")
    return b"".join([mark, b"\r\n", parts[0], b"\r\n", mark, b"\r\n", parts[1], b"\r\n", mark, b"--\r\n"])


def encode_part(subtype: str, text: str) -> bytes:
    """One text part with its own header, in UTF-8; the line end after it belongs to the boundary that follows."""
    text = quoted.clean(text)
    body, encoding = quoted.quoted_printable(text), b"quoted-printable"
    if len(other := quoted.base64_lines(text.replace("\n", "\r\n").encode())) < len(body):
        body, encoding = other, b"base64"
    return part_head(subtype, encoding) + body


def part_head(subtype: str, encoding: bytes) -> bytes:
    """The header of a text part, with the empty line that ends it."""
    return b"Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n" % (
        subtype.encode("ascii"),
        encoding,
    )


def build_message(fields: Sequence[Header], body: bytes, boundary: str) -> bytes:
    """A whole message of given fields and an alternative body with that boundary.

    Raises ValueError for a CR or LF that stands alone (a door for smuggling a second message), for a NUL and for a
    line of more than 998 bytes: such a message is a defect of ours and must not leave.
    """
    block = headers.write_headers([*fields, *body_headers(boundary)])
    message = block + b"\r\n" + body
    check_lines(message)
    return message


def body_headers(boundary: str) -> list[Header]:
    """The fields that say how to read an alternative body with that boundary."""
    content_type = headers.structured(headers.CONTENT_TYPE, f'multipart/alternative; boundary="{boundary}"')
    return [headers.structured(headers.MIME_VERSION, "1.0"), content_type]


def text_headers(encoding: bytes) -> list[Header]:
    """The fields that say how to read a body that is plain text alone."""
    return [
        headers.structured(headers.MIME_VERSION, "1.0"),
        headers.structured(headers.CONTENT_TYPE, "text/plain; charset=utf-8"),
        headers.structured(headers.CONTENT_TRANSFER_ENCODING, encoding.decode("ascii")),
    ]


def check_lines(message: bytes) -> None:
    """Refuse (ValueError) what must never reach a wire: a lone CR or LF, a NUL, a line of more than 998 bytes."""
    ends = message.count(b"\r\n")
    if message.count(b"\r") != ends or message.count(b"\n") != ends:
        raise ValueError("a CR or LF stands alone in the message")
    if b"\0" in message:
        raise ValueError("a NUL stands in the message")
    start = 0
    while (
        len(message) - start > MAX_LINE
    ):  # leaps from the last line end within reach to the next, not from line to line
        end = message.rfind(b"\r\n", start, start + MAX_LINE + 2)
        if end < 0:
            raise ValueError(f"a line of the message has more than {MAX_LINE} bytes")
        start = end + 2


def _common(message: MessageHeaders) -> list[Header]:
    fields = [
        headers.date(message.date),
        headers.mailbox(headers.FROM, message.sender),
        headers.mailbox(headers.TO, message.recipient, utf8=True),
        headers.unstructured(headers.SUBJECT, message.subject),
        headers.message_id(message.message_id),
    ]
    if message.reply_to and message.reply_to.address != message.sender.address:
        fields.append(headers.mailbox(headers.REPLY_TO, message.reply_to))
    return fields
