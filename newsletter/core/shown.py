"""What a link shows and where it leads: readers, and filters, distrust one that shows another site than it opens."""

import re
from typing import Final

LONGEST: Final = 300  # characters of a text that can be an address

_DOMAIN: Final = re.compile(
    r"(?:https?://)?(?:www\.)?((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24})(?:[/?#:]\S*)?", re.I
)
# What a text may name that looks like a domain and is none.
_FILE: Final = re.compile(r"\.(?:pdf|docx?|xlsx?|pptx?|jpe?g|png|gif|zip|txt|html?|php|js|py|csv|mp[34]|odt)$", re.I)


def shown_domain(text: str) -> str:
    """The domain that a link's text shows, when it shows one and nothing else."""
    text = text.strip()
    found = _DOMAIN.fullmatch(text) if len(text) <= LONGEST else None
    if found is None or (_FILE.search(text) and "/" not in text):
        return ""
    return found[1].lower()


def same_site(shown: str, host: str) -> bool:
    """A site may show its short name for a page of another of its hosts."""
    return shown == host or host.endswith(f".{shown}") or shown.endswith(f".{host}")
