"""The one written form of an address that may stand in a command or in a header (RFC 5321 section 4.1.2, RFC 6531
section 3.3).
"""

import re
from functools import lru_cache

import idna

MAX_LOCAL = 64
MAX_DOMAIN = 255

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PLAIN_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN = re.compile(rf"{_PLAIN_ATOM}(?:\.{_PLAIN_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
_UNSEEN = re.compile("[\u0080-\u00a0\u00ad\u061c\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3000\ud800-\udfff\ufeff]")


@lru_cache(maxsize=4096)
def ascii_domain(domain: str) -> str:
    """The domain in lower case, as A-labels where it is international. Raises ValueError when it is not a host name."""
    lowered = domain.lower()
    if not lowered.isascii():
        try:
            lowered = idna.encode(lowered, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise ValueError(f"not a domain name: {domain!r}") from error
    if len(lowered) > MAX_DOMAIN or not _DOMAIN.fullmatch(lowered):
        raise ValueError(f"not a domain name: {domain!r}")
    return lowered


def wire_form(address: str) -> str:
    """`local@domain` with the domain as A-labels and the local part untouched, for it belongs to the receiver alone.

    The answer is ASCII unless the local part is not; then it needs SMTPUTF8 at every hop. Quoted local parts are
    refused: nobody has one that a sign-up form accepts, and every server parses them in its own way. Raises
    ValueError.
    """
    if len(address) <= MAX_LOCAL and _PLAIN.fullmatch(address):
        return address
    local, at, domain = address.rpartition("@")
    if not at or not _DOT_ATOM.fullmatch(local) or _UNSEEN.search(local):
        raise ValueError(f"not an address that can be written: {address[:100]!r}")
    if len(local.encode()) > MAX_LOCAL:
        raise ValueError(f"the part before @ is longer than {MAX_LOCAL} bytes: {address[:100]!r}")
    return f"{local}@{ascii_domain(domain)}"
