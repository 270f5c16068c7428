"""What an SMTP client says: the envelope, the extensions that a server announced, and the commands made of both."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.mail.replies import Phase, Reply
from newsletter.mail.wire import Refused

MAX_ENVELOPE_ID = 100
MAX_ORIGINAL_RECIPIENT = 500

# To look for it costs half of what bytes.find or bytes.replace cost, and most messages have none.
_LINE_BEGINS_WITH_DOT = re.compile(rb"\r\n\.")
_XTEXT = re.compile(r"\+([0-7][0-9A-F])")
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who a message is from and for, on the wire; the header fields are another matter.

    `sender` is where failures go; empty is the null sender `<>` of automatic replies. `envelope_id` comes back in
    delivery reports (RFC 3461), printable ASCII. What goes into a command has both addresses in the form of
    `addrspec.wire_form`.
    """

    sender: str
    recipient: str
    envelope_id: str = ""


@dataclass(frozen=True, slots=True)
class Extensions:
    """What a server announced in its answer to EHLO; nothing after HELO. `size` 0 is no limit."""

    names: frozenset[str] = frozenset()
    size: int = 0
    auth: tuple[str, ...] = ()


def parse_extensions(lines: Sequence[str]) -> Extensions:
    """Read the lines of an EHLO reply; the first is the server's greeting. Lines that make no sense are passed over."""
    names: set[str] = set()
    size = 0
    auth: list[str] = []
    for line in lines[1:]:
        name, *values = line.replace("=", " ", 1).upper().split() or [""]
        names.add(name)
        if name == "SIZE" and values and values[0].isascii() and values[0].isdigit():
            size = int(values[0][:20])
        if name == "AUTH":
            auth += values
    return Extensions(frozenset(names - {""}), size, tuple(auth))


def mail_and_rcpt(envelope: Envelope, message: bytes, extensions: Extensions) -> tuple[bytes, bytes]:
    """The MAIL and RCPT commands for a message, with the parameters that the server understands.

    Raises Refused, without a byte sent, for what this server cannot take: a message above its limit (RFC 1870), an
    international address or header without SMTPUTF8 (RFC 6531), eight-bit content without 8BITMIME (RFC 6152).
    """
    names = extensions.names
    sender, recipient = envelope.sender, envelope.recipient
    mail = f"MAIL FROM:<{sender}>"
    rcpt = f"RCPT TO:<{recipient}>"
    if extensions.size and len(message) > extensions.size:
        text = f"the message has {len(message)} bytes, the relay takes {extensions.size}"
        raise Refused(Phase.MAIL, Reply(552, "5.3.4", text))
    if "SIZE" in names:
        mail += f" SIZE={len(message)}"
    if not (message.isascii() and mail.isascii() and rcpt.isascii()):
        mail += _beyond_ascii(mail + rcpt, message, names)
    if "DSN" in names:
        mail += " RET=HDRS"
        if envelope.envelope_id:
            mail += f" ENVID={xtext(envelope.envelope_id, MAX_ENVELOPE_ID)}"
        # A failed reply is nobody's business: asking for a report on the null sender would have nowhere to go.
        rcpt += " NOTIFY=FAILURE,DELAY" if sender else " NOTIFY=NEVER"
        if sender and recipient.isascii():
            rcpt += f" ORCPT=rfc822;{xtext(recipient, MAX_ORIGINAL_RECIPIENT)}"
    return f"{mail}\r\n".encode(), f"{rcpt}\r\n".encode()


def _beyond_ascii(addresses: str, message: bytes, names: frozenset[str]) -> str:
    """The parameters of MAIL for what is not ASCII. Raises Refused when the server has none."""
    eight_bit = not message.isascii()
    international = not addresses.isascii() or (eight_bit and not message.partition(b"\r\n\r\n")[0].isascii())
    if international and "SMTPUTF8" not in names:
        raise Refused(Phase.MAIL, Reply(550, "5.6.7", "the relay takes no international addresses (SMTPUTF8)"))
    if eight_bit and "8BITMIME" not in names:
        raise Refused(Phase.MAIL, Reply(554, "5.6.3", "the relay takes no eight-bit content (8BITMIME)"))
    return (" BODY=8BITMIME" if eight_bit else "") + (" SMTPUTF8" if international else "")


def xtext(text: str, limit: int) -> str:
    """Text as the value of a parameter: `+`, `=` and what is not printable ASCII as `+XX` (RFC 3461 section 4).

    Raises ValueError beyond ASCII, or when it is longer than `limit`.
    """
    if not text.isascii():
        raise ValueError(f"only ASCII can be written in a parameter: {text[:100]!r}")
    written = _NOT_XTEXT.sub(lambda match: f"+{ord(match[0]):02X}", text) if _NOT_XTEXT.search(text) else text
    if len(written) > limit:
        raise ValueError(f"a parameter of more than {limit} characters: {text[:100]!r}")
    return written


def unxtext(text: str) -> str:
    """The text that a parameter stands for. `+XX` of a letter or digit is none of our writing: it stays, for a part of
    an address may look like that.
    """
    return _XTEXT.sub(lambda found: _unless_plain(chr(int(found[1], 16)), found[0]), text)


def _unless_plain(character: str, written: str) -> str:
    return written if character.isalnum() else character


def dot_stuffed(message: bytes) -> tuple[bytes, bytes]:
    """The message as it follows DATA, and what ends it: a dot before each line that begins with one, a last CRLF, and
    the final dot (section 4.5.2).
    """
    if _LINE_BEGINS_WITH_DOT.search(message):
        message = message.replace(b"\r\n.", b"\r\n..")
    if message.startswith(b"."):
        message = b"." + message
    return message, b".\r\n" if not message or message.endswith(b"\r\n") else b"\r\n.\r\n"
