"""Reports of mailbox providers about a domain: DMARC aggregate reports (RFC 9990, and the older form of RFC 7489) and
reports about TLS (RFC 8460), as they come: XML or JSON, packed or not, in a mail or as a file.

Anybody can send such a file, so it is unpacked within bounds, a document type is refused before anything is expanded,
and what is read is capped.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLParser

from newsletter.mail import mime

MOST_UNPACKED = 10 * 1024 * 1024
MOST_ROWS = 10_000
MOST_TEXT = 255
_GZIP = 16 + zlib.MAX_WBITS


class UnreadableError(ValueError):
    """It is no report, or one that is made to hurt."""


@dataclass(frozen=True, slots=True)
class Row:
    """Messages from one source. `aligned`: SPF or DKIM passed for the author's domain; for TLS: the session was safe.
    `result` says what was done or what went wrong.
    """

    source: str
    count: int
    aligned: bool
    dkim: bool
    spf: bool
    result: str


@dataclass(frozen=True, slots=True)
class Summary:
    """One report. `kind` is dmarc or tls; `report_id` is unique for its organisation."""

    kind: str
    organisation: str
    report_id: str
    domain: str
    begins: datetime
    ends: datetime
    rows: tuple[Row, ...]


def find(raw: bytes) -> Summary | None:
    """The report in a mail or a file; None where there is none. Raises UnreadableError for one that cannot be read."""
    message = mime.read(raw)
    problem: UnreadableError | None = None
    for data in (*(part.data for part in message.parts if _may_be_one(part.content_type)), raw):
        try:
            if (found := read(data)) is not None:
                return found
        except UnreadableError as error:
            problem = problem or error
    if problem is not None:
        raise problem
    return None


def read(data: bytes) -> Summary | None:
    """A report from its octets; None for anything else."""
    plain = _unpacked(data)
    start = plain.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"<" and b"<feedback" in plain[:4000]:
        return _dmarc(plain)
    if start == b"{" and b"report-id" in plain[:100_000]:
        return _tls(plain)
    return None


def _may_be_one(kind: str) -> bool:
    known = ("application/gzip", "application/x-gzip", "application/zip", "application/x-zip-compressed", "text/xml")
    further = ("application/xml", "application/octet-stream", "application/tlsrpt+gzip", "application/tlsrpt+json")
    return kind in known or kind in further or kind == "application/json"


def _unpacked(data: bytes) -> bytes:
    if data[:2] == b"\x1f\x8b":
        return _gunzip(data)
    if data[:2] == b"PK":
        return _unzip(data)
    return data[:MOST_UNPACKED]


def _gunzip(data: bytes) -> bytes:
    unpacking = zlib.decompressobj(_GZIP)
    try:
        plain = unpacking.decompress(data, MOST_UNPACKED + 1)
    except zlib.error:
        raise UnreadableError("it cannot be unpacked") from None
    if len(plain) > MOST_UNPACKED:
        raise UnreadableError("it is too large")
    return plain


def _unzip(data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise UnreadableError("it holds several files")
            with archive.open(names[0]) as member:
                plain = member.read(MOST_UNPACKED + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError):
        raise UnreadableError("it cannot be unpacked") from None
    if len(plain) > MOST_UNPACKED:
        raise UnreadableError("it is too large")
    return plain


def _dmarc(plain: bytes) -> Summary:
    root = _parse(plain)
    about, policy = _child(root, "report_metadata"), _child(root, "policy_published")
    span = _child(about, "date_range")
    rows = tuple(_dmarc_row(item) for item in list(_children(root, "record"))[:MOST_ROWS])
    return Summary(
        "dmarc",
        _text(about, "org_name") or "?",
        _text(about, "report_id") or "?",
        _text(policy, "domain").lower(),
        _second(_text(span, "begin")),
        _second(_text(span, "end")),
        rows,
    )


def _parse(plain: bytes) -> Element:
    """The root element. Nothing is expanded: a document type is not taken at all."""
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise UnreadableError("it has a document type")
    parser = XMLParser()  # noqa: S314 - without a document type there is nothing to expand
    try:
        parser.feed(plain)
        return parser.close()
    except (ParseError, ValueError, LookupError, AssertionError, RecursionError):
        raise UnreadableError("it is no XML") from None


def _dmarc_row(record: Element) -> Row:
    row = _child(record, "row")
    evaluated = _child(row, "policy_evaluated")
    dkim, spf = (_text(evaluated, name) == "pass" for name in ("dkim", "spf"))
    return Row(
        _text(row, "source_ip"), _count(_text(row, "count")), dkim or spf, dkim, spf, _text(evaluated, "disposition")
    )


def _tls(plain: bytes) -> Summary:
    try:
        report = json.loads(plain)
    except (ValueError, RecursionError):
        raise UnreadableError("it is no JSON") from None
    policies = _get(report, "policies")
    found: list[Row] = []
    domain = ""
    for item in (policies if isinstance(policies, list) else [])[:100]:
        domain = domain or str(_get(item, "policy", "policy-domain") or "")[:MOST_TEXT].lower()
        found += _tls_rows(item)
    return Summary(
        "tls",
        str(_get(report, "organization-name") or "?")[:MOST_TEXT],
        str(_get(report, "report-id") or "?")[:MOST_TEXT],
        domain,
        _moment(_get(report, "date-range", "start-datetime")),
        _moment(_get(report, "date-range", "end-datetime")),
        tuple(found[:MOST_ROWS]),
    )


def _tls_rows(item: Any) -> list[Row]:
    good = _count(_get(item, "summary", "total-successful-session-count"))
    rows = [Row("", good, True, True, True, "")] if good else []
    details = _get(item, "failure-details")
    for detail in (details if isinstance(details, list) else [])[:MOST_ROWS]:
        host = str(_get(detail, "receiving-mx-hostname") or _get(detail, "sending-mta-ip") or "")[:MOST_TEXT]
        why = str(_get(detail, "result-type") or "")[:MOST_TEXT]
        rows.append(Row(host, _count(_get(detail, "failed-session-count")), False, False, False, why))
    return rows


def _children(element: Element | None, name: str) -> Iterator[Element]:
    """Children of a name, in whatever namespace."""
    for item in element if element is not None else ():
        if isinstance(item.tag, str) and item.tag.rpartition("}")[2] == name:
            yield item


def _child(element: Element | None, name: str) -> Element | None:
    return next(_children(element, name), None)


def _text(element: Element | None, name: str) -> str:
    found = _child(element, name)
    return (found.text or "").strip()[:MOST_TEXT].replace("\0", "") if found is not None else ""


def _get(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _count(value: Any) -> int:
    try:
        return max(0, min(int(value), 2**31 - 1))
    except (TypeError, ValueError, OverflowError):
        return 0


def _second(text: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        raise UnreadableError("it says no time") from None


def _moment(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise UnreadableError("it says no time") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
