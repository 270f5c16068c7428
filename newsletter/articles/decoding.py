"""Octets of a file or an answer into text; what is no text is refused with words."""

import codecs
import re
from typing import Final

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _

BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
SIGNATURES: Final = {
    b"%PDF": "PDF",
    b"PK\x03\x04": "ZIP, DOCX, ODT",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"{\\rtf": "RTF",
    b"\xd0\xcf\x11\xe0": "DOC, XLS",
    b"\x1f\x8b": "GZIP",
    b"\x7fELF": "ELF",
}
# Python also has codecs that are no charsets of documents, some of them slow on purpose-made input.
_CHARSETS: Final = re.compile(
    r"(?:utf-(?:8|16|32)|iso8859-|cp125|cp1252|koi8-|mac-roman|latin|ascii|shift_jis|cp932|euc_|gb|big5|iso2022_)"
)
_META: Final = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]{2,40})""", re.IGNORECASE)
_CONTROLS: Final = bytes(set(range(32)) - {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1B}) + b"\x7f"


def decode_bytes(data: bytes, declared: str | None = None) -> str:
    """Text of a document: by its byte order mark, as UTF-8, by the charset that is declared, as Windows-1252.

    Valid UTF-8 with letters beyond ASCII is UTF-8 whatever was declared: servers mislabel it daily, and no other
    charset looks like it by chance. `declared` is the server's word; without it the document's own counts.
    Raises RefusedError for what is not text.
    """
    for mark, charset in BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(charset, "replace")
    _refuse_binary(data)
    declared = declared or _declared_inside(data)
    if not data.isascii():
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return data.decode(_charset(declared), "replace")


def _charset(declared: str | None) -> str:
    try:
        name = codecs.lookup((declared or "").strip()).name
    except (LookupError, ValueError):
        return "cp1252"
    # The web's Latin-1 and ASCII are Windows-1252; that it is not UTF-8 is known by now (WHATWG Encoding 4.2).
    if name in ("iso8859-1", "ascii", "utf-8") or not _CHARSETS.match(name):
        return "cp1252"
    return name


def _declared_inside(data: bytes) -> str | None:
    found = _META.search(data[:4096])
    return found[1].decode("ascii") if found else None


def _refuse_binary(data: bytes) -> None:
    kind = next((name for signature, name in SIGNATURES.items() if data.startswith(signature)), None)
    if kind:
        raise RefusedError(_("This is a %(kind)s file, not text. Give a text, Markdown or HTML file.", kind=kind))
    sample = data[:65_536]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if b"\0" in sample or controls * 100 > len(sample):
        raise RefusedError(_("This file is not text. Give a text, Markdown or HTML file."))
