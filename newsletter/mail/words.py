"""Text in header fields: cleaning, encoded words (RFC 2047) and folding (RFC 5322 section 2.2.3)."""

import base64
import re
import unicodedata
from collections.abc import Callable, Iterable

MAX_WORD = 75
MAX_WORD_LINE = 76
FOLD_AT = 78
MAX_LINE = 998

# What may not stand in a line that people read: controls, line and paragraph separators, characters that turn the
# direction of the text or have no form at all, and halves of surrogate pairs. With them goes any run of blanks, which
# folding could not keep.
_UNWANTED = re.compile("[\x00-\x20\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
_PLAIN_WORD_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_WORD_FRAME = len("=?utf-8?q??=")


def clean(text: str) -> str:
    """One line of text in NFC: each run of blanks, controls and direction marks has become one space, none at the
    ends.
    """
    return unicodedata.normalize("NFC", _UNWANTED.sub(" ", text).strip(" "))


def needs_encoding(text: str) -> bool:
    """Whether text has to be written as encoded words.

    So does ASCII that contains `=?`, or the reader's program would decode what somebody only typed; and a word too
    long for a line.
    """
    return not text.isascii() or "=?" in text or max(map(len, text.split(" ")), default=0) > MAX_LINE - FOLD_AT


def encoded_words(text: str, first_room: int) -> list[str]:
    """Encoded words of at most 75 characters, the first of at most `first_room`; B or Q, whichever is shorter in all.

    No word splits a code point, and Q writes only what is allowed in a phrase (RFC 2047 section 5, rule 3), so the
    words fit anywhere.
    """
    pieces = [_q_piece(character.encode()) for character in text]
    quoted = _pack(pieces, first_room, len)
    size = sum(map(len, quoted))
    raw = (
        [character.encode("latin-1") for character in text]
        if text.isascii()
        else [character.encode() for character in text]
    )
    binary = _pack(raw, first_room, lambda data: (len(data) + 2) // 3 * 4)
    if size <= sum((len(data) + 2) // 3 * 4 for data in binary):
        return [f"=?utf-8?q?{data.decode('ascii')}?=" for data in quoted]
    return [f"=?utf-8?b?{base64.b64encode(data).decode('ascii')}?=" for data in binary]


def fold(name: str, tokens: Iterable[str], limit: int = FOLD_AT) -> bytes:
    """`Name: token token...` with CRLF at the end; a line breaks only between two tokens, before it would pass `limit`.

    A token longer than a line stands alone on one. Raises ValueError for a line of more than 998 bytes.
    """
    lines: list[str] = []
    line = f"{name}:"
    empty = True
    for token in tokens:
        if not empty and len(line) + 1 + len(token) > limit:
            lines.append(line)
            line = ""
        line += " " + token
        empty = False
    lines.append(line)
    data = "\r\n".join(lines).encode()
    if len(data) > MAX_LINE and max(map(len, data.split(b"\r\n"))) > MAX_LINE:
        raise ValueError(f"{name}: a line of more than {MAX_LINE} bytes cannot be sent")
    return data + b"\r\n"


def _q_piece(data: bytes) -> bytes:
    if data == b" ":
        return b"_"
    return b"".join(bytes((byte,)) if byte in _PLAIN_WORD_BYTES else b"=%02X" % byte for byte in data)


def _pack(pieces: list[bytes], first_room: int, size: Callable[[bytes], int]) -> list[bytes]:
    words: list[bytes] = []
    word = b""
    room = first_room - _WORD_FRAME
    for piece in pieces:
        if word and size(word + piece) > room:
            words.append(word)
            word = b""
            room = MAX_WORD - _WORD_FRAME
        word += piece
    words.append(word)
    return words
