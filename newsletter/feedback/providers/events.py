"""One event as evidence. The provider's own word comes first, then what the other side has said."""

import re
from collections.abc import Iterable
from dataclasses import replace

from newsletter.feedback.providers.values import moment
from newsletter.mail import phrases, verdict
from newsletter.mail.evidence import MAX_REASON, Evidence, Kind
from newsletter.mail.replies import ReplyClass

_NOT_THE_ADDRESS = frozenset({ReplyClass.CONTENT, ReplyClass.SENDER, ReplyClass.MESSAGE})
_MOST_STATUS = 20
# Whoever is on such a list is refused for what they are, though its name may speak of spam.
_LISTS = re.compile(
    r"spamhaus|spamcop|\bsorbs\b|barracuda|abuseat|dnsbl|\brbl\b|block ?list|black ?list", re.IGNORECASE
)


def bounce(
    recipient: str,
    reply_class: ReplyClass | None,
    *,
    reason: str = "",
    status: str = "",
    proofs: Iterable[str] = (),
    event_id: str = "",
    at: str = "",
    sure: bool = False,
) -> Evidence:
    """A bounce. `reply_class` is what the provider calls it, None where it says nothing; `reason` and `status` are what
    the recipient's server said, and may correct it, unless the provider is `sure`: then they are its own words. `at` is
    the moment as the provider writes it.
    """
    said = _judged(status, reason)
    return Evidence(
        Kind.BOUNCE,
        recipient,
        reply_class if sure and reply_class else _second_opinion(reply_class, said, reason),
        (status or said.status)[:_MOST_STATUS],
        reason[:MAX_REASON],
        tuple(filter(None, proofs)),
        event_id,
        moment(at),
    )


def told(
    kind: Kind, recipient: str, *, reason: str = "", proofs: Iterable[str] = (), event_id: str = "", at: str = ""
) -> Evidence:
    """Anything that is no bounce."""
    return Evidence(
        kind,
        recipient,
        reason=reason[:MAX_REASON],
        proofs=tuple(filter(None, proofs)),
        event_id=event_id,
        occurred_at=moment(at),
    )


def _judged(status: str, reason: str) -> verdict.Verdict:
    said = verdict.judge(status, reason)
    if said.reply_class is ReplyClass.CONTENT and _LISTS.search(reason[: verdict.MOST_TEXT]):
        return replace(said, reply_class=ReplyClass.SENDER)
    return said


def _second_opinion(own: ReplyClass | None, said: verdict.Verdict, reason: str) -> ReplyClass:
    """Providers call "permanent" what is about us, about a message or about a mailbox that is full, and would have us
    drop readers for it. Words never make it worse for an address than its provider says.
    """
    if own is None:
        return said.reply_class
    if own not in (ReplyClass.HARD, ReplyClass.SOFT, ReplyClass.SENDER):
        return own
    if said.reply_class in _NOT_THE_ADDRESS or (said.reply_class is ReplyClass.SOFT and _is_clear(said, reason)):
        return said.reply_class
    return own


def _is_clear(said: verdict.Verdict, reason: str) -> bool:
    """Whether "soft" was said, and is not only what is left where nothing was."""
    words = " ".join(reason[: verdict.MOST_TEXT].split())
    if said.status.startswith(("4.", "5.2.")):
        return True
    return phrases.FULL.search(words) or phrases.DISABLED.search(words)
