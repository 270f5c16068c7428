"""What comes back about mail that was sent, in one form whatever brought it: a bounce message, a complaint in ARF, a
mailbox provider's webhook.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from newsletter.mail.replies import ReplyClass

MAX_REASON = 1000


class Kind(StrEnum):
    """What a report says."""

    BOUNCE = "bounce"
    """It will not arrive."""
    COMPLAINT = "complaint"
    """Its reader called it spam, or asked the provider to be left alone."""
    UNSUBSCRIBE = "unsubscribe"
    """Its reader asked to leave."""
    DELAYED = "delayed"
    """It has not arrived yet; whoever has it goes on trying."""
    DELIVERED = "delivered"
    """The recipient's server took it."""
    AUTO_REPLY = "auto_reply"
    """A machine answered: on holiday, moved, a challenge, a read receipt."""
    ANSWER = "answer"
    """A person wrote something."""
    OTHER = "other"
    """Anything else, such as a report that is not about a reader."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a report says about one recipient.

    `reply_class` of a bounce says whose fault it is: HARD when the address does not exist, SENDER when we are refused
    for what we are, CONTENT for what was in it, MESSAGE for its size or form, SOFT for anything else. `recipient` is
    the address as reported, which may be another one than ours, or be missing. `status` is an enhanced status code
    (RFC 3463) or empty, `reason` the words of the other side, at most 1,000 characters. `proofs` are texts that may
    hold a token of ours: envelope senders, envelope identifiers (RFC 3461), Message-IDs, addresses of
    List-Unsubscribe. `event_id`: the source's own identifier, empty where it gives none.
    """

    kind: Kind
    recipient: str = ""
    reply_class: ReplyClass | None = None
    status: str = ""
    reason: str = ""
    proofs: tuple[str, ...] = ()
    event_id: str = ""
    occurred_at: datetime | None = None

    @property
    def is_hard(self) -> bool:
        """Whether it says that the address does not exist."""
        return self.kind is Kind.BOUNCE and self.reply_class is ReplyClass.HARD
