"""Web addresses as requests need them: read once, strictly, and safe to write on the wire."""

from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

import idna

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _

MAX_URL = 2_000
PORTS = {"http": 80, "https": 443}
KEPT = "/%:@!$&'()*+,;=~-._"  # what RFC 3986 lets stand in a path, and escapes already made


class FetchError(RefusedError):
    """The address could not be read; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """One request: `host` in ASCII, `path` with its query, both safe to write on the wire."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header (RFC 9110 section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def parse_target(url: str) -> Target:
    """Read an http or https URL as a browser would: characters outside ASCII are encoded, a fragment is dropped.

    Raises FetchError.
    """
    url = url.strip()
    if len(url) > MAX_URL:
        raise FetchError(_("This web address is too long: %(count)d characters at most.", count=MAX_URL))
    if any(character.isspace() or not character.isprintable() for character in url) or "\\" in url:
        raise _no_address(url)
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _ascii_host(parts.hostname or "")
    except (ValueError, idna.IDNAError):
        raise _no_address(url) from None
    if parts.scheme not in PORTS:
        raise FetchError(_("Only http:// and https:// addresses can be read."))
    if not host or port == 0:
        raise _no_address(url)
    if "@" in parts.netloc:
        raise FetchError(_("A web address with a user name or a password in it is not read. Leave them out."))
    path = quote(parts.path or "/", safe=KEPT)
    query = f"?{quote(parts.query, safe=KEPT + '?[]{}|^`')}" if parts.query else ""
    return Target(parts.scheme, host, port or PORTS[parts.scheme], path + query)


def follow(target: Target, location: str) -> Target:
    """Where a redirect leads; `location` may be relative and may have spaces, as browsers allow. Raises FetchError."""
    try:
        return parse_target(urljoin(target.url, location.strip().replace(" ", "%20")))
    except ValueError:
        raise _no_address(location) from None


def _ascii_host(host: str) -> str:
    """An address literal, or a name in its ASCII form (IDNA 2008, mapped as browsers do)."""
    if ":" in host or host.isascii():
        return host.lower()
    return idna.encode(host, uts46=True).decode("ascii")


def _no_address(url: str) -> FetchError:
    shown = "".join(character if character.isprintable() else "\ufffd" for character in url[:100])
    return FetchError(_("This is not a web address: %(url)s. It looks like https://example.org/page.", url=shown))
