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
    r"ref_src|ref_url|smid|share_?id|__twitter_impression|amp(?:_js_v|_gsa|_r)?)",
    re.IGNORECASE,
)


_CACHED: Final = re.compile(
    r"https?://(?:(?:www\.)?google\.[a-z.]+/amp|[\w-]+\.cdn\.ampproject\.org/(?:c|v|wp/s?|a))/(?P<secure>s/)?"
    r"(?P<rest>[\w-]+(?:\.[\w-]+)+(?:/.*)?)$"
)
_AMP_FILE: Final = re.compile(r"\.amp(\.html?)?$", re.IGNORECASE)
_AMP_END: Final = re.compile(r"(/[^/]+)/amp(?=/?$)", re.IGNORECASE)
_AMP_BEGIN: Final = re.compile(r"^/amp(/.+)$", re.IGNORECASE)
_ARTICLE: Final = re.compile(r"\d{3}|-[^/-]+-|\.\w{3,5}/?$")


def canonical_url(url: str) -> str:
    """The address without fragment, tracking parameters and default port, its host in lower-case ASCII; of a page for
    mobile telephones (AMP), the page's own address.

    It tells whether two addresses are one article's, and is no link. The order of the other parameters stays: it means
    something to some servers. Raises FetchError for what is no http address.
    """
    parts = urlsplit(parse_target(_out_of_cache(parse_target(url).url)).url)
    pairs = [pair for pair in parts.query.split("&") if pair and not _added(pair)]
    return urlunsplit((parts.scheme, _plain_host(parts.netloc), _plain_path(parts.path), "&".join(pairs), ""))


def _added(pair: str) -> bool:
    name, _equals, value = pair.partition("=")
    return _TRACKING.fullmatch(name) is not None or (name.lower() in ("outputtype", "output") and value == "amp")


def _out_of_cache(url: str) -> str:
    """The publisher's address of a page in Google's cache, where it stands in the path: `/amp/s/` means https."""
    found = _CACHED.match(url)
    return f"http{'s' if found['secure'] else ''}://{found['rest']}" if found else url


def _plain_host(netloc: str) -> str:
    """`amp.paper.example` is what `www.paper.example` gives telephones; below another name it may be anything."""
    return f"www.{netloc[4:]}" if netloc.startswith("amp.") and netloc.count(".") == 2 else netloc


def _plain_path(path: str) -> str:
    """Without the `amp` at the end or the beginning of an article's path. A section may be about amplifiers, so what
    is left must look like an article: with figures, a file ending or several hyphens.
    """
    path = _AMP_FILE.sub(lambda found: found[1] or "", path)
    for pattern in (_AMP_END, _AMP_BEGIN):
        rest = pattern.sub(r"\1", path)
        if rest != path and _ARTICLE.search(rest):
            return rest
    return path


def absolute_url(url: str | None) -> str | None:
    """The address when it is a usable http one, else None."""
    try:
        return parse_target(url).url if url else None
    except FetchError:
        return None
