"""Asking the domain name system who takes a domain's mail."""

import dns.exception
import dns.resolver

from newsletter.delivery.exchangers import Resolve

SECONDS = 3.0

# Under these a country registers names one level further down: `example.co.uk` is an organisation, `co.uk` is none.
SECOND_LEVEL = frozenset(
    (
        "ac",
        "asn",
        "co",
        "com",
        "edu",
        "go",
        "gob",
        "gouv",
        "gov",
        "gr",
        "id",
        "lg",
        "mil",
        "ne",
        "net",
        "nom",
        "or",
        "org",
    )
)


def resolver(configured: dns.resolver.Resolver | None = None, *, seconds: float = SECONDS) -> Resolve:
    """Asks the machine's name servers, or those of a resolver that is given; `seconds` for one domain at most."""
    try:
        asking = configured or dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        return lambda _domain: None
    asking.lifetime = seconds

    def resolve(domain: str) -> str | None:
        """The organisation of the best exchanger (RFC 5321, section 5.1); None when there is none, or no answer."""
        try:
            answer = asking.resolve(domain, "MX")
        except dns.resolver.NoAnswer:
            return organisation(domain)  # a domain without MX is its own exchanger
        except (dns.exception.DNSException, UnicodeError):
            return None
        _preference, host = min((record.preference, record.exchange.to_text()) for record in answer)
        return organisation(host) or None  # a null MX is one dot (RFC 7505)

    return resolve


def organisation(host: str) -> str:
    """The registered name of a host, as one word for all hosts of an organisation."""
    labels = host.rstrip(".").lower().split(".")
    below = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in SECOND_LEVEL
    return ".".join(labels[-3:] if below else labels[-2:])[:255]
