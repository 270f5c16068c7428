"""Reading messages that anybody may have written: bounces, complaints, answers (RFC 5322, RFC 2045 to 2047).

The standard parser raises on some of what comes in and takes seconds for some of the rest. This one takes what it can
in one pass, within bounds, and never raises: a message without a blank line, with bare line ends, with a boundary that
is never closed, or with a thousand nested parts is read as far as it can be understood.
"""

import base64
import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.header import decode_header
from functools import lru_cache

MOST_BYTES = 1024 * 1024
"""Of a message; what is reported stands at its beginning."""
MOST_PARTS = 60
MOST_DEPTH = 12
MOST_HEADERS = 64 * 1024
MOST_TEXT = 96 * 1024
"""Octets of one part that are decoded."""
MOST_VALUE = 4000

_FIELD = re.compile(rb"([!-9;-~]{1,80})[ \t]*:[ \t]*(.*)", re.DOTALL)
_PARAMETER = re.compile(r';\s*([\w*-]{1,40})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')
_WORD = re.compile(r"=\?[\w.+*-]{1,40}\?[bq]\?[^?]*\?=", re.IGNORECASE)
_BLANK = re.compile(rb"\r\n\r\n|\n\n|\r\r(?!\n)")
_CHARSETS = {
    "x-unknown": "utf-8",
    "unknown-8bit": "utf-8",
    "ks_c_5601-1987": "cp949",
    "x-sjis": "cp932",
    "gb2312": "gb18030",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One part that holds no further parts. `content_type` is in lower case; `inside` tells the types around it, the
    outermost first. `raw` is the body as it stands.
    """

    fields: tuple[tuple[str, str], ...]
    content_type: str
    charset: str
    encoding: str
    raw: bytes
    inside: tuple[str, ...] = ()

    @property
    def data(self) -> bytes:
        """The body with its transfer encoding undone, as far as `MOST_TEXT`."""
        return _undo(self.raw[: 2 * MOST_TEXT], self.encoding)[:MOST_TEXT]

    @property
    def text(self) -> str:
        """The body as text with `\\n` line ends."""
        return _plain_ends(decode(self.data, self.charset))

    def get(self, name: str) -> str:
        """The first field of a name, decoded; empty where there is none."""
        return _first(self.fields, name)


@dataclass(frozen=True, slots=True)
class Received:
    """A message as read: its fields in order with their names in lower case, and the parts in order."""

    fields: tuple[tuple[str, str], ...]
    content_type: str
    parameters: dict[str, str] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()

    def get(self, name: str) -> str:
        """The first field of a name, decoded; empty where there is none."""
        return _first(self.fields, name)

    def of_type(self, *types: str) -> Iterator[Part]:
        """The parts of these types."""
        return (part for part in self.parts if part.content_type in types)


def read(raw: bytes) -> Received:
    """Read a message of any kind; what cannot be understood is left out."""
    raw = raw[:MOST_BYTES]
    if raw.startswith((b"From ", b">From ")):  # the line that a mailbox file puts before a message
        raw = raw.partition(b"\n")[2]
    fields, body = split(raw)
    parts: list[Part] = []
    content_type, parameters = content_type_of(_first(fields, "content-type"))
    _collect(fields, body, (), parts)
    return Received(fields, content_type, parameters, tuple(parts))


def split(raw: bytes) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """The fields before the first empty line, and what follows."""
    raw = raw.lstrip(b"\r\n")
    found = _BLANK.search(raw, 0, MOST_HEADERS)
    head, body = (raw[: found.start()], raw[found.end() :]) if found else (raw[:MOST_HEADERS], b"")
    return read_fields(head), body


def read_fields(head: bytes) -> tuple[tuple[str, str], ...]:
    """Fields of a header block, unfolded and decoded, names in lower case; lines that are none are passed over."""
    lines = re.split(rb"\r\n|\n|\r", head)
    unfolded: list[bytes] = []
    for line in lines[:2000]:
        if line[:1] in (b" ", b"\t") and unfolded:
            unfolded[-1] += b" " + line.strip()
        elif line.strip():
            unfolded.append(line)
    found = (_FIELD.match(line) for line in unfolded)
    return tuple((item[1].decode("ascii").lower(), header_text(item[2][:MOST_VALUE])) for item in found if item)


def header_text(value: bytes) -> str:
    """A field's value with encoded words undone (RFC 2047)."""
    text = decode(value, "utf-8").strip()
    if "=?" not in text or not _WORD.search(text):
        return text
    try:
        pieces = decode_header(text)
    except (ValueError, LookupError, binascii.Error):
        return text
    return "".join(
        piece if isinstance(piece, str) else decode(piece, charset or "ascii") for piece, charset in pieces
    ).strip()


def content_type_of(value: str) -> tuple[str, dict[str, str]]:
    """A type in lower case, and its parameters by name."""
    kind = value.partition(";")[0].strip().lower()
    parameters: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(value[:MOST_VALUE]):
        parameters.setdefault(name.lower().rstrip("*"), quoted.replace('\\"', '"') or plain)
    return (kind if "/" in kind else "text/plain"), parameters


def decode(data: bytes, charset: str) -> str:
    """Text of octets in a charset; one that is unknown or wrong is read as UTF-8, else as Latin-1."""
    name = charset.strip("'\" ").lower()
    known = _is_charset(_CHARSETS.get(name, name))
    for candidate in (_CHARSETS.get(name, name) if known else "utf-8", "utf-8"):
        try:
            return data.decode(candidate)
        except ValueError:
            continue
    return data.decode("latin-1")


@lru_cache(maxsize=256)
def _is_charset(name: str) -> bool:
    """Whether Python can read text in it; some codecs of its are no charsets at all."""
    try:
        return isinstance(b"a".decode(name), str)
    except (LookupError, ValueError, TypeError):
        return False


def _collect(fields: tuple[tuple[str, str], ...], body: bytes, inside: tuple[str, ...], parts: list[Part]) -> None:
    if len(parts) >= MOST_PARTS:
        return
    kind, parameters = content_type_of(_first(fields, "content-type"))
    boundary = parameters.get("boundary", "")
    if kind.startswith("multipart/") and boundary and len(inside) < MOST_DEPTH:
        for piece in _pieces(body, boundary.encode("utf-8", "surrogateescape")):
            _collect(*_headed(piece), (*inside, kind), parts)
        return
    parts.append(
        Part(
            fields=fields,
            content_type=kind,
            charset=parameters.get("charset", ""),
            encoding=_first(fields, "content-transfer-encoding").strip().lower(),
            raw=body,
            inside=inside,
        )
    )


def _headed(piece: bytes) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """Fields and body of a part, which may begin with its body."""
    if piece[:1] in (b"\r", b"\n"):
        return (), piece.lstrip(b"\r\n")
    fields, body = split(piece)
    if not any(name.startswith("content-") for name, _value in fields):
        return (), piece
    return fields, body


def _pieces(body: bytes, boundary: bytes) -> list[bytes]:
    """What stands between the lines of a boundary; the last need not be closed."""
    mark = re.compile(rb"(?:^|[\r\n])--" + re.escape(boundary) + rb"(--)?[ \t]*(?:\r\n|\n|\r|\Z)")
    pieces: list[bytes] = []
    begins = -1
    at = 0
    while len(pieces) < MOST_PARTS and (found := mark.search(body, at)):
        if begins >= 0:
            pieces.append(body[begins : found.start()])
        begins = -1 if found[1] else found.end()
        if found[1]:
            break
        at = max(found.end() - 1, found.start() + 1)
    if begins >= 0 and len(pieces) < MOST_PARTS:
        pieces.append(body[begins:])
    return pieces or [body]


def _undo(raw: bytes, encoding: str) -> bytes:
    if encoding == "quoted-printable":
        return quopri.decodestring(raw)
    if encoding == "base64":
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
        try:
            return base64.b64decode(letters + b"=" * (-len(letters) % 4))
        except (ValueError, binascii.Error):
            return base64.b64decode(letters[: len(letters) // 4 * 4])
    return raw


def _plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _first(fields: tuple[tuple[str, str], ...], name: str) -> str:
    return next((value for key, value in fields if key == name), "")
