"""Content encodings that keep a body in seven bits: quoted-printable and base64 (RFC 2045 sections 6.7 and 6.8)."""

import base64
import re
import unicodedata

MAX_ENCODED_LINE = 76

_LINE_END = re.compile("\r\n|\r|\n")
# Controls but tab and line feed, the characters that override or embed a direction, and halves of surrogate pairs.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")
_LITERAL = re.compile(rb"[^\n\x20-\x3c\x3e-\x7e]|(?<= ) ")
_ESCAPES = {bytes((byte,)): b"=%02X" % byte for byte in range(256)}
_LINE_START = re.compile(rb"^(\.|F(?=rom ))", re.MULTILINE)
_LINE_TAIL = re.compile(rb" $", re.MULTILINE)
_PLAIN_LINE = re.compile(r"(?!\.|From )[!-<>-~]+(?: [!-<>-~]+)*")


def clean(text: str) -> str:
    """Text in NFC with `\\n` as its only line end, without controls and direction overrides."""
    return unicodedata.normalize("NFC", _UNWANTED.sub("", _LINE_END.sub("\n", text)))


def quoted_printable(text: str) -> bytes:
    """Encode clean text: ASCII lines of at most 76 bytes with CRLF between them, and at the end where the text ends a
    line.

    No line begins with `.` or `From ` nor ends in a blank, and no two blanks follow each other, so no relay has a
    reason to touch it and DKIM's relaxed form of it is itself. Texts that end a line can be encoded apart and joined.
    """
    return b"\r\n".join(_lines(text, MAX_ENCODED_LINE))


def quoted_block(text: str) -> bytes:
    """Encode clean text that others are encoded before and behind: it begins and ends at the start of a line.

    A soft line break ends it unless the text ends a line itself. No text is no bytes.
    """
    if len(text) < MAX_ENCODED_LINE and _PLAIN_LINE.fullmatch(text):
        return text.encode() + b"=\r\n"
    lines = _lines(text, MAX_ENCODED_LINE - 1)
    if lines[-1]:
        lines[-1] += b"="
        lines.append(b"")
    return b"\r\n".join(lines)


def base64_lines(data: bytes) -> bytes:
    """Encode any bytes: lines of 76 bytes with CRLF between them."""
    encoded = base64.b64encode(data)
    step = MAX_ENCODED_LINE
    return b"\r\n".join(encoded[at : at + step] for at in range(0, len(encoded), step))


def _lines(text: str, last_room: int) -> list[bytes]:
    """The encoded lines, the last of at most `last_room` bytes."""
    data = _LITERAL.sub(lambda match: _ESCAPES[match[0]], text.encode())
    data = _LINE_TAIL.sub(lambda match: _ESCAPES[match[0]], data)
    data = _LINE_START.sub(lambda match: _ESCAPES[match[0]], data)
    lines: list[bytes] = []
    *whole, last = data.split(b"\n")
    for line in whole:
        _wrap(line, lines, MAX_ENCODED_LINE)
    _wrap(last, lines, last_room)
    return lines


def _wrap(line: bytes, lines: list[bytes], room: int) -> None:
    """Break one line softly, never inside an escape, so that its end has at most `room` bytes."""
    at = 0
    while len(line) - at > room:
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
