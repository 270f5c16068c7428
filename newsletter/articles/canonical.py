"""One spelling for the addresses of one article, so that it is recognised when it comes in again."""

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from newsletter.core.targets import FetchError, parse_target

# What senders add to see who followed which link; the page is the same without.
_TRACKING: Final = re.compile(
    r"(?:utm_\w*|mtm_\w*|pk_\w*|piwik_\w*|matomo_\w*|hsa_\w*|mc_\w*|mkt_tok|_hsenc|_hsmi|__s|vero_\w*|oly_\w*|"
    r"fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|twclid|ttclid|yclid|igshid|igsh|li_fat_id|epik|rb_clickid|s_kwcid|"
    r"wickedid|xtor|xtref|at_(?:medium|campaign|custom\d|link\w*)|ns_(?:mchannel|source|campaign|linkname|fee)|cmpid|"
    r"ref_src|ref_url|smid|share_?id|__twitter_impression|amp)",
    re.IGNORECASE,
)


def canonical_url(url: str) -> str:
    """The address without fragment, tracking parameters and default port, its host in lower-case ASCII.

    The order of the other parameters stays: it means something to some servers. Raises FetchError for what is no http
    address.
    """
    target = parse_target(url)
    parts = urlsplit(target.url)
    pairs = [pair for pair in parts.query.split("&") if pair and not _TRACKING.fullmatch(pair.partition("=")[0])]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "&".join(pairs), ""))


def absolute_url(url: str | None) -> str | None:
    """The address when it is a usable http one, else None."""
    try:
        return parse_target(url).url if url else None
    except FetchError:
        return None
