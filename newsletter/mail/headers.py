"""Header fields: their names, and a writer that puts each kind of value on the wire in the only way it may be written.

The standard library writes a long List-Unsubscribe as encoded words, which nothing can read, so fields are made here.
A field is made once, is never changed, and carries its own bytes; `write_headers` only joins them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from newsletter.mail import words
from newsletter.mail.addrspec import wire_form

AUTO_SUBMITTED = "Auto-Submitted"
CC = "Cc"
CFBL_ADDRESS = "CFBL-Address"
CONTENT_TRANSFER_ENCODING = "Content-Transfer-Encoding"
CONTENT_TYPE = "Content-Type"
DATE = "Date"
DKIM_SIGNATURE = "DKIM-Signature"
FEEDBACK_ID = "Feedback-ID"
FORM_SUB = "Form-Sub"
FROM = "From"
IN_REPLY_TO = "In-Reply-To"
LIST_ARCHIVE = "List-Archive"
LIST_HELP = "List-Help"
LIST_ID = "List-Id"
LIST_OWNER = "List-Owner"
LIST_POST = "List-Post"
LIST_SUBSCRIBE = "List-Subscribe"
LIST_UNSUBSCRIBE = "List-Unsubscribe"
LIST_UNSUBSCRIBE_POST = "List-Unsubscribe-Post"
MESSAGE_ID = "Message-ID"
MIME_VERSION = "MIME-Version"
PRECEDENCE = "Precedence"
RECEIVED = "Received"
REFERENCES = "References"
REPLY_TO = "Reply-To"
RETURN_PATH = "Return-Path"
SENDER = "Sender"
SUBJECT = "Subject"
TO = "To"
X_AUTO_RESPONSE_SUPPRESS = "X-Auto-Response-Suppress"

NEVER_WRITTEN = frozenset({"return-path", "received", "bcc", "errors-to", "domainkey-signature"})
MAX_BLOCK = 32 * 1024
MAX_TEXT = 998
MAX_DISPLAY_NAME = 100
MAX_LIST_ID = 255

_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_URI = re.compile(r"(?:https?|mailto):[!#-;=?-~]+")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+>")
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


@dataclass(frozen=True, slots=True)
class Header:
    """One field: its name, and its folded bytes with the name and the last CRLF."""

    name: str
    line: bytes


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address and the name shown beside it; the name may hold anything a person typed."""

    address: str
    name: str = ""


@lru_cache(maxsize=1024)
def unstructured(name: str, text: str) -> Header:
    """Free text (Subject): ASCII as it stands, anything else as encoded words; cut to 998 characters.

    Controls and characters that turn the direction of the text become a space.
    """
    _check_name(name)
    text = words.clean(words.clean(text)[:MAX_TEXT])
    if not words.needs_encoding(text):
        return Header(name, words.fold(name, text.split(" ")))
    tokens = words.encoded_words(text, words.MAX_WORD_LINE - len(name) - 2)
    return Header(name, words.fold(name, tokens, words.MAX_WORD_LINE))


def mailbox(name: str, box: Mailbox, *, utf8: bool = False) -> Header:
    """One mailbox (From, To, Reply-To, Sender): RFC 5322 section 3.4, the name cut to 100 characters, the domain as
    A-labels.

    Raises ValueError for an address that cannot be written; without `utf8` that is also one with a local part beyond
    ASCII, because such a field may only travel in an SMTPUTF8 transaction (RFC 6532).
    """
    _check_name(name)
    address = wire_form(box.address)
    if not (utf8 or address.isascii()):
        raise ValueError(f"{name}: {address!r} needs SMTPUTF8")
    # Most names are a few plain words, which need neither cleaning nor folding.
    plain = not box.name or (_ATOMS.fullmatch(box.name) and "=?" not in box.name)
    if plain and len(line := f"{name}: {box.name} <{address}>" if box.name else f"{name}: {address}") <= words.FOLD_AT:
        return Header(name, line.encode() + b"\r\n")
    tokens, limit = _phrase(box.name, words.MAX_WORD_LINE - len(name) - 2)
    return Header(name, words.fold(name, [*tokens, f"<{address}>" if tokens else address], limit))


def date(moment: datetime) -> Header:
    """The Date field, with a numeric zone. Raises ValueError for a moment without one."""
    if moment.tzinfo is None:
        raise ValueError("the date of a message needs a time zone")
    return Header(DATE, words.fold(DATE, [format_datetime(moment)]))


def message_id(value: str, name: str = MESSAGE_ID) -> Header:
    """An identifier with its angle brackets, on one line."""
    if not _MESSAGE_ID.fullmatch(value):
        raise ValueError(f"{name}: not a message identifier: {value[:100]!r}")
    return Header(name, words.fold(name, [value]))


@lru_cache(maxsize=1024)
def list_id(identifier: str, phrase: str = "") -> Header:
    """`Phrase <identifier>` (RFC 2919): the phrase may be encoded, the identifier never."""
    if len(identifier) > MAX_LIST_ID or not _DOT_ATOM.fullmatch(identifier):
        raise ValueError(f"{LIST_ID}: not a list identifier: {identifier[:100]!r}")
    tokens, limit = _phrase(phrase, words.MAX_WORD_LINE - len(LIST_ID) - 2)
    return Header(LIST_ID, words.fold(LIST_ID, [*tokens, f"<{identifier}>"], limit))


def uris(name: str, values: Sequence[str]) -> Header:
    """A list of addresses of the web or of mail in order of preference (RFC 2369), folded only after a comma, never
    encoded.
    """
    _check_name(name)
    if not values:
        raise ValueError(f"{name}: no address")
    for value in values:
        if not _URI.fullmatch(value) or "," in value:
            raise ValueError(f"{name}: not an address that can be written: {value[:100]!r}")
    last = len(values) - 1
    return Header(
        name, words.fold(name, [f"<{value}>," if n < last else f"<{value}>" for n, value in enumerate(values)])
    )


def unsubscribe(url: str, mailto: str) -> Header:
    """List-Unsubscribe with an address of the web and one of mail, of this subscription alone (RFC 2369, RFC 8058)."""
    if not url.startswith(("https://", "http://")):
        raise ValueError("the unsubscribe address has to be one of the web")
    return uris(LIST_UNSUBSCRIBE, [url, f"mailto:{mailto}?subject=unsubscribe"])


@lru_cache(maxsize=1024)
def structured(name: str, value: str) -> Header:
    """A value with a syntax of its own, in printable ASCII, folded at its spaces and never encoded."""
    _check_name(name)
    if not value.strip() or not _PRINTABLE.fullmatch(value):
        raise ValueError(f"{name}: only printable ASCII can be written: {value[:100]!r}")
    return Header(name, words.fold(name, value.split()))


def write_headers(fields: Iterable[Header]) -> bytes:
    """The header block without the empty line that ends it.

    Raises ValueError for a name that occurs twice, for one that only other hosts may write, and for a block of more
    than 32 kB.
    """
    seen: set[str] = set()
    lines: list[bytes] = []
    for field in fields:
        name = field.name.lower()
        if name in seen or name in NEVER_WRITTEN:
            raise ValueError(f"{field.name}: {'twice in one message' if name in seen else 'not ours to write'}")
        seen.add(name)
        lines.append(field.line)
    block = b"".join(lines)
    if len(block) > MAX_BLOCK:
        raise ValueError(f"a header block of {len(block)} bytes is more than {MAX_BLOCK}")
    return block


def _check_name(name: str) -> None:
    if not _FIELD_NAME.fullmatch(name):
        raise ValueError(f"not a header name: {name!r}")


def _phrase(text: str, first_room: int) -> tuple[list[str], int]:
    """Tokens of a display name, and the limit of a line that holds them: atoms, a quoted string, or encoded words.

    A name that contains `=?` is encoded even though a quoted string would be lawful, since many programs decode inside
    quotes.
    """
    text = words.clean(words.clean(text)[:MAX_DISPLAY_NAME])
    if not text:
        return [], words.FOLD_AT
    if words.needs_encoding(text):
        return words.encoded_words(text, first_room), words.MAX_WORD_LINE
    if _ATOMS.fullmatch(text):
        return text.split(" "), words.FOLD_AT
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'.split(" "), words.FOLD_AT
