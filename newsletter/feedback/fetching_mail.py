"""Fetching messages from a mailbox by IMAP (RFC 9051) or POP3 (RFC 1939), each once and none lost.

Only the beginning of a long message is fetched. A mailbox may vanish at any moment: what was handed over is written
down already, the rest is fetched the next time.
"""

import imaplib
import poplib
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from newsletter.core.i18n import gettext as _
from newsletter.feedback.models import Protocol
from newsletter.mail import mime

SECONDS = 30.0
LOT = 20
MOST_AT_ONCE = 2000
MOST_KNOWN = 5000
TOP_LINES = 2000
LONG = 200_000  # octets above which a POP3 server is asked for the beginning only

_UID = re.compile(rb"\bUID (\d{1,10})\b")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,12})\b")
_TROUBLE = (OSError, EOFError, imaplib.IMAP4.error, poplib.error_proto, ValueError)


class MailboxError(Exception):
    """A mailbox cannot be read; the message says why, in words."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a mailbox was read: for IMAP the highest UID below a UIDVALIDITY, for POP3 what was read and kept."""

    validity: int = 0
    seen: int = 0
    known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """Where a mailbox is and how it is read. `delete`: take out what concerns us."""

    name: str
    protocol: Protocol
    host: str
    port: int
    tls: str
    username: str
    password: str
    folder: str
    delete: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message, its beginning at least; `size` is the whole one's."""

    data: bytes
    size: int


Keep = Callable[[list[Fetched], Place], list[bool]]
"""Writes down for good those messages that concern us, and how far the mailbox was read with all of them; says of each
whether it did.
"""


def fetch(account: Account, keep: Keep) -> None:
    """Hand over what is new, in lots; only then is it taken out. Raises MailboxError."""
    try:
        if account.protocol is Protocol.IMAP:
            with _imap(account) as server:
                _fetch_imap(server, account, keep)
        else:
            with _pop3(account) as post:
                _fetch_pop3(post, account, keep)
    except ssl.SSLCertVerificationError as error:
        raise MailboxError(
            _("The certificate of %(host)s is not valid: %(reason)s.", host=account.host, reason=error.verify_message)
        ) from None
    except _TROUBLE as error:
        raise MailboxError(_in_words(account, error)) from None


def _in_words(account: Account, error: Exception) -> str:
    said = " ".join(str(error).split())[:200] or type(error).__name__
    if isinstance(error, TimeoutError):
        return _("%(host)s does not answer.", host=account.host)
    if isinstance(error, OSError):
        return _("%(host)s cannot be reached: %(reason)s.", host=account.host, reason=said)
    return _("%(host)s refuses: %(reason)s.", host=account.host, reason=said)


@contextmanager
def _imap(account: Account) -> Iterator[imaplib.IMAP4]:
    context = ssl.create_default_context()
    if account.tls == "tls":
        server: imaplib.IMAP4 = imaplib.IMAP4_SSL(account.host, account.port, ssl_context=context, timeout=SECONDS)
    else:
        server = imaplib.IMAP4(account.host, account.port, timeout=SECONDS)
    try:
        if account.tls == "starttls":
            server.starttls(context)
        server.login(account.username, account.password)
        yield server
    finally:
        with suppress(*_TROUBLE):
            server.logout()


def _fetch_imap(server: imaplib.IMAP4, account: Account, keep: Keep) -> None:
    folder = '"' + account.folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
    status, answer = server.select(folder, readonly=not account.delete)
    if status != "OK":
        raise ValueError(_("there is no folder %(folder)s", folder=account.folder))
    validity = int((server.response("UIDVALIDITY")[1] or [b"0"])[0] or 0)
    seen = account.place.seen if validity == account.place.validity else 0
    status, answer = server.uid("SEARCH", f"UID {seen + 1}:*")
    # `*` is the last message even when its number is below the range.
    waiting = sorted(uid for uid in map(int, (answer[0] or b"").split()) if uid > seen)[:MOST_AT_ONCE]
    for at in range(0, len(waiting), LOT):
        lot = waiting[at : at + LOT]
        messages = _imap_messages(server, lot)
        kept = keep(list(messages.values()), Place(validity, lot[-1]))
        ours = [str(uid) for uid, ours in zip(messages, kept, strict=True) if ours]
        if account.delete and ours:
            server.uid("STORE", ",".join(ours), "+FLAGS.SILENT", r"(\Deleted)")
            server.expunge()


def _imap_messages(server: imaplib.IMAP4, uids: list[int]) -> dict[int, Fetched]:
    """The beginnings of messages, by UID; one that has vanished meanwhile is left out."""
    status, answer = server.uid(
        "FETCH", ",".join(map(str, uids)), f"(UID RFC822.SIZE BODY.PEEK[]<0.{mime.MOST_BYTES}>)"
    )
    if status != "OK":
        raise ValueError(_("it does not hand over its messages"))
    found: dict[int, Fetched] = {}
    for item in answer:
        if isinstance(item, tuple) and (uid := _UID.search(item[0])):
            size = _SIZE.search(item[0])
            found[int(uid[1])] = Fetched(item[1], int(size[1]) if size else len(item[1]))
    return {uid: message for uid, message in found.items() if uid in set(uids)}


@contextmanager
def _pop3(account: Account) -> Iterator[poplib.POP3]:
    context = ssl.create_default_context()
    if account.tls == "tls":
        post: poplib.POP3 = poplib.POP3_SSL(account.host, account.port, context=context, timeout=SECONDS)
    else:
        post = poplib.POP3(account.host, account.port, timeout=SECONDS)
    try:
        if account.tls == "starttls":
            post.stls(context)
        post.user(account.username)
        post.pass_(account.password)
        yield post
    finally:
        # QUIT is what makes deletions happen; a connection that is lost keeps every message.
        with suppress(*_TROUBLE):
            post.quit()


def _fetch_pop3(post: poplib.POP3, account: Account, keep: Keep) -> None:
    names = dict(_numbered(post.uidl()[1]))
    sizes = {number: int(size) for number, size in _numbered(post.list()[1]) if size.isdigit()}
    before = set(account.place.known)
    known = [name for name in account.place.known if name in set(names.values())]
    new = [number for number, name in names.items() if name not in before][:MOST_AT_ONCE]
    for at in range(0, len(new), LOT):
        lot = new[at : at + LOT]
        messages = [_pop3_message(post, number, sizes.get(number, 0)) for number in lot]
        known += [names[number] for number in lot]
        kept = keep(messages, Place(known=tuple(known[-MOST_KNOWN:])))
        for number, ours in zip(lot, kept, strict=True):
            if account.delete and ours:
                post.dele(number)


def _pop3_message(post: poplib.POP3, number: int, size: int) -> Fetched:
    _answer, lines, _octets = post.top(number, TOP_LINES) if size > LONG else post.retr(number)
    data = b"\r\n".join(lines) + b"\r\n"
    return Fetched(data[: mime.MOST_BYTES], size or len(data))


def _numbered(lines: list[bytes]) -> Iterator[tuple[int, str]]:
    for line in lines:
        number, _blank, value = line.decode("ascii", "replace").partition(" ")
        if number.isdigit() and value:
            yield int(number), value.strip()


def check(account: Account) -> str:
    """Why a mailbox cannot be read, in words; empty when it can. Nothing is fetched."""
    try:
        if account.protocol is Protocol.IMAP:
            with _imap(account) as server:
                status, _answer = server.select('"' + account.folder.replace('"', "") + '"', readonly=True)
                return "" if status == "OK" else _("there is no folder %(folder)s", folder=account.folder)
        with _pop3(account) as post:
            post.stat()
    except (*_TROUBLE, socket.gaierror) as error:
        return _in_words(account, error)
    return ""
