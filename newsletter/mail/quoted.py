"""Content encodings that keep a body in seven bits: quoted-printable and base64 (RFC 2045 sections 6.7 and 6.8)."""

import base64
import re
import unicodedata

MAX_ENCODED_LINE = 76

_LINE_END = re.compile("\r\n|\r|\n")
# Controls but tab and line feed, the characters that override or embed a direction, and halves of surrogate pairs.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")
_LITERAL = re.compile(rb"[^\t\n\x20-\x3c\x3e-\x7e]")
_ESCAPES = {bytes((byte,)): b"=%02X" % byte for byte in range(256)}
_LINE_START = re.compile(rb"^(\.|F(?=rom ))", re.MULTILINE)
_LINE_TAIL = re.compile(rb"[ \t]$", re.MULTILINE)


def clean(text: str) -> str:
    """Text in NFC with `\\n` as its only line end, without controls and direction overrides."""
    return unicodedata.normalize("NFC", _UNWANTED.sub("", _LINE_END.sub("\n", text)))


def quoted_printable(text: str) -> bytes:
    """Encode clean text: ASCII lines of at most 76 bytes with CRLF between them, and at the end where the text ends a
    line.

    No line begins with `.` or `From ` nor ends in a blank, so no relay has a reason to touch it. Texts that end a line
    can be encoded apart and joined.
    """
    data = _LITERAL.sub(lambda match: _ESCAPES[match[0]], text.encode())
    data = _LINE_TAIL.sub(lambda match: _ESCAPES[match[0]], data)
    data = _LINE_START.sub(lambda match: _ESCAPES[match[0]], data)
    lines: list[bytes] = []
    for line in data.split(b"\n"):
        if len(line) <= MAX_ENCODED_LINE:
            lines.append(line)
        else:
            _wrap(line, lines)
    return b"\r\n".join(lines)


def base64_lines(data: bytes) -> bytes:
    """Encode any bytes: lines of 76 bytes with CRLF between them."""
    encoded = base64.b64encode(data)
    step = MAX_ENCODED_LINE
    return b"\r\n".join(encoded[at : at + step] for at in range(0, len(encoded), step))


def _wrap(line: bytes, lines: list[bytes]) -> None:
    """Break one long line softly, never inside an escape."""
    at = 0
    while len(line) - at > MAX_ENCODED_LINE:
        end = at + MAX_ENCODED_LINE - 1
        if line[end - 1] == 0x3D:
            end -= 1
        elif line[end - 2] == 0x3D:
            end -= 2
        lines.append(line[at:end] + b"=")
        at = end
        if line[at] == 0x2E or line.startswith(b"From ", at):
            line = _ESCAPES[line[at : at + 1]] + line[at + 1 :]
            at = 0
    lines.append(line[at:])
