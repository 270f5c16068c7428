"""Guarded outbound HTTP: the only way the service reads an address that a person or a feed names.

Such an address is hostile until shown otherwise. It may point into our network, redirect there, never end, unpack to
gigabytes or send one byte a minute. Every request here has checked destinations, one deadline over all its parts, and
bounds on what is received and on what that unpacks to.
"""

import functools
import http.client
import io
import socket
import ssl
import time
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Literal, cast

from newsletter.core.destinations import Allowed, Resolver, resolve_checked, system_resolver
from newsletter.core.i18n import gettext as _
from newsletter.core.targets import FetchError, Target, follow, parse_target

MAX_REDIRECTS = 5
OVERHEAD = 256_000  # octets of headers, chunk sizes and trailers received beside the body
REDIRECTS = (301, 302, 303, 307, 308)
PERMANENT = (301, 308)
USER_AGENT = "Mozilla/5.0 (compatible; newsletter/0.1)"
TEXT_TYPES = ("text/html", "application/xhtml+xml", "text/plain", "text/markdown", "text/x-markdown")


@dataclass(frozen=True, slots=True)
class Fetched:
    """`url` is where redirects ended; `content_type` in lower case without parameters; `body` unpacked, empty unless
    the status is 200. `headers` have their names in lower case. `permanent_url`: where the page is from now on (301 and
    308, RFC 9110 section 15.4), None when it is where it was asked for.
    """

    url: str
    status: int
    content_type: str
    charset: str | None
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    permanent_url: str | None = None


def fetch(
    url: str,
    *,
    allow: Sequence[str] = (),
    accept: Sequence[str] = TEXT_TYPES,
    max_bytes: int = 5_000_000,
    deadline_seconds: float = 15,
    resolver: Resolver = system_resolver,
    tls: ssl.SSLContext | None = None,
    headers: Mapping[str, str] | None = None,
    statuses: Collection[int] = (200,),
    redirects: int = MAX_REDIRECTS,
    method: Literal["GET", "HEAD"] = "GET",
    enough: bool = False,
) -> Fetched:
    """GET `url`, through at most so many redirects, each checked like the first.

    `allow`: hosts or networks that may be private. `accept`: media types, `image/*` possible. `max_bytes` bounds the
    body as sent and as unpacked. The deadline covers everything from the first lookup to the last octet. `headers` are
    sent beside ours. `statuses`: answers that the caller understands; any other one is an error. `enough`: a longer
    body is cut at `max_bytes` instead of refused. Raises FetchError, as its kind PrivateAddressError when the host is
    inside a private network.
    """
    deadline = _Deadline(deadline_seconds)
    terms = _Terms(
        Allowed.parse(allow),
        accept,
        max_bytes,
        deadline,
        resolver,
        tls or _system_tls(),
        headers or {},
        statuses,
        method,
        enough,
    )
    target = parse_target(url)
    lasting, permanent_url = True, None
    for _hop in range(redirects + 1):
        try:
            answer = _request(target, terms)
        except TimeoutError:
            raise FetchError(
                _(
                    "%(host)s did not answer completely within %(seconds)d seconds.",
                    host=target.host,
                    seconds=deadline_seconds,
                )
            ) from None
        except (OSError, http.client.HTTPException, zlib.error) as error:
            raise FetchError(_explain(target, error)) from None
        if isinstance(answer, Fetched):
            return replace(answer, permanent_url=permanent_url)
        target = follow(target, answer.location)
        lasting = lasting and answer.status in PERMANENT
        permanent_url = target.url if lasting else permanent_url
    raise FetchError(_("%(url)s redirects more than %(count)d times.", url=url[:200], count=MAX_REDIRECTS))


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until the end, more than 0. Raises TimeoutError after it."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Wire(io.RawIOBase):
    """A connection whose every wait ends at the deadline and which hands over at most `limit` octets.

    A timeout per read is no bound: a server that sends one byte a second never meets it.
    """

    def __init__(self, connection: socket.socket, deadline: _Deadline, limit: int) -> None:
        self._connection, self._deadline, self._room = connection, deadline, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(self._deadline.left())
        received = self._connection.recv_into(buffer)
        self._room -= received
        if self._room < 0:
            raise _TooLargeError
        return received

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)


class _TooLargeError(OSError):
    """More octets than the caller wants."""


@dataclass(frozen=True, slots=True)
class _Terms:
    """What holds for every request of one fetch."""

    allowed: Allowed
    accept: Sequence[str]
    max_bytes: int
    deadline: _Deadline
    resolver: Resolver
    tls: ssl.SSLContext
    headers: Mapping[str, str]
    statuses: Collection[int]
    method: str
    enough: bool


@dataclass(frozen=True, slots=True)
class _Redirect:
    status: int
    location: str


def _request(target: Target, terms: _Terms) -> Fetched | _Redirect:
    """One exchange: the page, or the address that a redirect names."""
    with _connect(target, terms) as connection:
        connection.settimeout(terms.deadline.left())
        connection.sendall(_request_head(target, terms))
        wire = _Wire(connection, terms.deadline, terms.max_bytes + OVERHEAD)
        response = http.client.HTTPResponse(cast(socket.socket, wire), method=terms.method)
        response.begin()
        location = response.headers.get("location")
        if response.status in REDIRECTS and location:
            # Header octets are read as Latin-1; a server that sends a bare path beyond ASCII means UTF-8.
            return _Redirect(response.status, location.encode("latin-1", "replace").decode("utf-8", "replace"))
        _check_answer(target, response, terms)
        body = _read_body(response, terms) if response.status == 200 else b""
        headers = response.headers
        named = {name.lower(): value for name, value in headers.items()}
        kind, charset = headers.get_content_type(), headers.get_content_charset()
        return Fetched(target.url, response.status, kind, charset, body, named)


def _request_head(target: Target, terms: _Terms) -> bytes:
    lines = (
        f"{terms.method} {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        f"User-Agent: {USER_AGENT}",
        f"Accept: {', '.join(terms.accept)}",
        "Accept-Encoding: gzip",
        "Connection: close",
        # What another server once sent is handed back here; a line break in it would begin a header of its own.
        *(f"{name}: {value}" for name, value in terms.headers.items() if value.isprintable()),
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _connect(target: Target, terms: _Terms) -> socket.socket | ssl.SSLSocket:
    """A connection to a checked address; TLS names the host, not the address, so certificates and virtual hosts fit."""
    deadline = terms.deadline
    addresses = resolve_checked(target.host, target.port, terms.allowed, terms.resolver, deadline.left())
    for index, address in enumerate(addresses):
        share = deadline.left() / (len(addresses) - index)
        try:
            connection = socket.create_connection((address, target.port), timeout=share)
            break
        except OSError:
            if index == len(addresses) - 1:
                raise
    if target.scheme == "http":
        return connection
    try:
        connection.settimeout(deadline.left())
        return terms.tls.wrap_socket(connection, server_hostname=target.host)
    except BaseException:
        connection.close()
        raise


def _check_answer(target: Target, response: http.client.HTTPResponse, terms: _Terms) -> None:
    if response.status not in terms.statuses:
        raise FetchError(_("%(host)s answered with status %(status)d.", host=target.host, status=response.status))
    if response.status != 200:
        return
    content_type = (
        response.headers.get_content_type() if "content-type" in response.headers else "application/octet-stream"
    )
    if not any(fnmatchcase(content_type, pattern) for pattern in terms.accept):
        raise FetchError(
            _(
                "%(url)s holds %(type)s, which cannot be used here; expected: %(accept)s.",
                url=target.url[:200],
                type=content_type[:100],
                accept=", ".join(terms.accept),
            )
        )


def _read_body(response: http.client.HTTPResponse, terms: _Terms) -> bytes:
    """The body, unpacked. Both its sizes are bounded, since a kilobyte of gzip may hold a megabyte."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", ""):
        raise http.client.HTTPException(f"content encoding {encoding[:20]}")
    unpacker = zlib.decompressobj(wbits=31) if "gzip" in encoding else None
    body = bytearray()
    max_bytes = terms.max_bytes
    while chunk := response.read(65_536):
        terms.deadline.left()
        # One octet over the bound is enough to know; the rest of a bomb is never unpacked.
        body += unpacker.decompress(chunk, max_bytes + 1 - len(body)) if unpacker else chunk
        if len(body) > max_bytes:
            if terms.enough:
                return bytes(body[:max_bytes])
            raise _TooLargeError
    if terms.method == "GET" and (response.length or (unpacker and not unpacker.eof)):
        raise http.client.IncompleteRead(b"")
    return bytes(body)


def _explain(target: Target, error: Exception) -> str:
    """The reason of a failed exchange in words; the order goes from the narrowest class to the widest."""
    host = target.host
    match error:
        case _TooLargeError():
            return _("%(url)s is too large to be read.", url=target.url[:200])
        case ssl.SSLCertVerificationError():
            return _("The certificate of %(host)s is not valid: %(reason)s.", host=host, reason=error.verify_message)
        case ssl.SSLError():
            return _("No secure connection to %(host)s could be made.", host=host)
        case socket.gaierror():
            return _("There is no host named %(host)s. Check the spelling.", host=host)
        case ConnectionRefusedError():
            return _("%(host)s refused the connection on port %(port)d.", host=host, port=target.port)
        case http.client.HTTPException() | zlib.error():
            return _("%(host)s sent an answer that is broken or incomplete.", host=host)
    return _("%(host)s could not be reached.", host=host)


@functools.cache
def _system_tls() -> ssl.SSLContext:
    return ssl.create_default_context()
