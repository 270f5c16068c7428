"""As whom a message is written."""

from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.mail.dkim import DkimKey
from newsletter.mail.headers import Mailbox


@dataclass(frozen=True, slots=True)
class Identity:
    """`bounce_domain` is that of the envelope's sender, `keys` sign, and answers go `reply_to`, or to the sender."""

    sender: Mailbox
    bounce_domain: str
    keys: Sequence[DkimKey] = ()
    reply_to: Mailbox | None = None
