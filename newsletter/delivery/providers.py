"""Which mailbox provider a recipients' domain belongs to, where readers of French newsletters have most of theirs."""

from collections.abc import Mapping
from typing import Final

OTHERS: Final = ""

_DOMAINS: Final[Mapping[str, tuple[str, ...]]] = {
    "gmail": ("gmail.com", "googlemail.com"),
    "yahoo": ("ymail.com", "rocketmail.com", "myyahoo.com", "aol.com", "aol.fr", "aim.com"),
    "microsoft": ("msn.com", "passport.com", "outlook.com", "outlook.fr", "hotmail.com", "hotmail.fr", "live.com"),
    "orange": ("orange.fr", "wanadoo.fr", "orange.com", "voila.fr"),
    "sfr": (
        "sfr.fr",
        "neuf.fr",
        "cegetel.net",
        "club-internet.fr",
        "9online.fr",
        "9business.fr",
        "noos.fr",
        "numericable.fr",
    ),
    "free": ("free.fr", "freesbee.fr", "libertysurf.fr", "worldonline.fr", "online.fr", "alicepro.fr", "aliceadsl.fr"),
    "laposte": ("laposte.net",),
}
_COUNTRIES: Final = {"yahoo": "yahoo", "hotmail": "microsoft", "outlook": "microsoft", "live": "microsoft"}
_BY_DOMAIN: Final = {domain: provider for provider, domains in _DOMAINS.items() for domain in domains}
NAMES: Final = tuple(_DOMAINS)


def provider_of(domain: str) -> str:
    """One of NAMES, or OTHERS. Those with a domain in each country are known by its first label."""
    found = _BY_DOMAIN.get(domain)
    if found is not None:
        return found
    label, _dot, rest = domain.partition(".")
    return _COUNTRIES.get(label, OTHERS) if len(rest.rpartition(".")[2]) in (2, 3) and len(rest) <= 6 else OTHERS


def way_of(provider: str) -> str:
    """The name of a provider's lane. No domain begins like it."""
    return f"@{provider}"
