"""A body that is encoded once for everybody: bytes that never change, and slots that are encoded for each reader.

A slot's value is encoded by itself, so what stands around it keeps its bytes. In quoted-printable it stands between two
soft line breaks. In base64, where three bytes become four characters, what follows is kept at each of its three
alignments, and the bytes that join two of them are encoded with the value.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from html import escape

from newsletter.delivery import slots
from newsletter.mail import message, quoted

CLEARLY_SHORTER = 0.9  # of quoted-printable, which a person can read in the source of a message

_CLEAN_AND_UNESCAPED = re.compile(r"[ !#-%(-;=?-~]*")


class Body:
    """A multipart/alternative with slots, or one text/plain when there is no HTML. `first` is what stands before the
    first slot of the text, `marks` are all its slots, `headers` the fields that say how to read it.

    Everything is in the relaxed form that DKIM hashes, whatever the values.
    """

    def __init__(self, text: str, html: str, boundary: str) -> None:
        self._text = _encode(text if html else f"{text.rstrip()}\n", html=False)
        self._html = _encode(html, html=True) if html else None
        self._between, self._end = b"", b""
        if self._html is None:
            self.first = self._text.first
            self.headers = message.text_headers(self._text.encoding)
            self.marks = self._text.marks
        else:
            mark = b"--" + boundary.encode("ascii")
            self.first = mark + b"\r\n" + message.part_head("plain", self._text.encoding) + self._text.first
            html_head = message.part_head("html", self._html.encoding)
            self._between = b"\r\n" + mark + b"\r\n" + html_head + self._html.first
            self._end = b"\r\n" + mark + b"--\r\n"
            self.headers = message.body_headers(boundary)
            self.marks = self._text.marks | self._html.marks
        self._hash = hashlib.sha256(self.first)

    def rest(self, values: Mapping[str, str]) -> bytes:
        """What follows `first` for one reader. `values`, by mark, are lines of text, not escaped."""
        html = self._html.write(values) if self._html is not None else ()
        return b"".join([*self._text.write(values), self._between, *html, self._end])

    def digest(self, rest: bytes) -> bytes:
        """The SHA-256 of the whole body."""
        state = self._hash.copy()
        state.update(rest)
        return state.digest()

    def size(self) -> int:
        """Bytes that are kept."""
        html = self._html.size() if self._html is not None else 0
        return len(self.first) + len(self._between) + self._text.size() + html


class QuotedBlocks:
    """In quoted-printable."""

    encoding = b"quoted-printable"

    def __init__(self, pieces: Sequence[str], *, html: bool) -> None:
        *blocks, last = pieces[::2]
        encoded = [*map(quoted.quoted_block, blocks), quoted.quoted_printable(last)]
        self.first, *self._static = encoded
        self.marks = frozenset(pieces[1::2])
        self._order = pieces[1::2]
        self._html = html

    def write(self, values: Mapping[str, str]) -> list[bytes]:
        ready = {mark: quoted.quoted_block(_value(values[mark], html=self._html)) for mark in self.marks}
        written: list[bytes] = []
        for mark, static in zip(self._order, self._static, strict=True):
            written.append(ready[mark])
            written.append(static)
        return written

    def size(self) -> int:
        return len(self.first) + sum(map(len, self._static))


class Base64Blocks:
    """In base64."""

    encoding = b"base64"

    def __init__(self, pieces: Sequence[str], *, html: bool) -> None:
        self.marks = frozenset(pieces[1::2])
        self._order = pieces[1::2]
        self._html = html
        first, *others = map(_octets, pieces[::2])
        whole = len(first) - len(first) % 3 if others else len(first)
        self.first = _lines(first[:whole])
        self._carried = first[whole:]
        self._static = [_Aligned(other) for other in others]

    def write(self, values: Mapping[str, str]) -> list[bytes]:
        ready = {mark: _octets(_value(values[mark], html=self._html)) for mark in self.marks}
        written: list[bytes] = []
        carried = self._carried
        for mark, static in zip(self._order, self._static, strict=True):
            carried += ready[mark]
            missing = -len(carried) % 3
            if missing <= static.length:
                written.append(_lines(carried + static.heads[missing]))
                written.append(static.lines[missing])
                carried = static.tails[missing]
            else:
                carried += static.heads[missing]
        written.append(_lines(carried))
        return written

    def size(self) -> int:
        return len(self.first) + sum(map(len, [lines for static in self._static for lines in static.lines]))


class _Aligned:
    """What stands between two slots, in base64 from its first, second and third byte on: `heads` come before that,
    `tails` are left over.
    """

    def __init__(self, data: bytes) -> None:
        self.length = len(data)
        self.heads = [data[:start] for start in range(3)]
        rests = [data[start:] for start in range(3)]
        wholes = [len(rest) - len(rest) % 3 for rest in rests]
        self.lines = [_lines(rest[:whole]) for rest, whole in zip(rests, wholes, strict=True)]
        self.tails = [rest[whole:] for rest, whole in zip(rests, wholes, strict=True)]


def _encode(body: str, *, html: bool) -> QuotedBlocks | Base64Blocks:
    pieces = slots.split(body)
    pieces[::2] = map(quoted.clean, pieces[::2])
    blocks = QuotedBlocks(pieces, html=html)
    as_base64 = len(quoted.base64_lines(_octets("".join(pieces[::2]))))
    return Base64Blocks(pieces, html=html) if as_base64 < blocks.size() * CLEARLY_SHORTER else blocks


def _value(value: str, *, html: bool) -> str:
    if _CLEAN_AND_UNESCAPED.fullmatch(value):
        return value
    value = quoted.clean(value)
    return escape(value) if html else value


def _octets(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def _lines(data: bytes) -> bytes:
    """Base64 in whole lines, each with CRLF."""
    return quoted.base64_lines(data) + b"\r\n" if data else b""
