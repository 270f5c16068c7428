"""What reading needs, made from an installation."""

from newsletter.core import fetching
from newsletter.core.installation import Installation
from newsletter.feedback import webhooks
from newsletter.feedback.matching import Matcher
from newsletter.feedback.reading import Reader
from newsletter.feedback.receiving import Doorkeeper
from newsletter.newsletters import domain_checks, senders
from newsletter.newsletters import queries as newsletters


def reader(installation: Installation) -> Reader:
    """Reads whatever comes in."""
    matcher = Matcher(installation.key("mail"), installation.signer)
    return Reader(matcher, webhooks.unwrap, confirm=fetch_plainly, take_summary=domain_checks.take_report)


def fetch_plainly(url: str) -> bytes:
    """What is at an address of a provider's own. No redirect is followed, and nothing private is reached. Raises
    RefusedError.
    """
    return fetching.fetch(url, accept=("*/*",), max_bytes=64 * 1024, deadline_seconds=5, redirects=0).body


def doorkeeper(installation: Installation) -> Doorkeeper:
    """Knows the installation's own domains."""

    def domains() -> frozenset[str]:
        with installation.database.reading() as session:
            ours = {newsletter.domain for newsletter in newsletters.all_newsletters(session)}
        return frozenset(ours | {senders.bounce_domain(domain) for domain in ours})

    return Doorkeeper(installation.key("mail"), domains)
