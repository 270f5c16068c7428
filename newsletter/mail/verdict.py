"""Whose fault a bounce is: from the enhanced status code, the basic code and the words of the server, read together.

Codes alone mislead: of real bounces a quarter of those that say 5.1.x are about spam, quota or the sender, and as many
unknown users come with another code. So clear words are heard first, and codes where there are none.
"""

import re
from dataclasses import dataclass

from newsletter.mail import phrases
from newsletter.mail.replies import ReplyClass

MOST_TEXT = 1500

_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,2}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?=[ \-:#;,)\]]|$)(?![\d.])")
_HARD = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "1.4", "7.17"})
_NO_MAIL = frozenset({"1.10"})  # the domain takes none, and says so (RFC 7505)
_BY_SUBJECT = {
    "2": ReplyClass.SOFT,
    "3": ReplyClass.SOFT,
    "4": ReplyClass.SOFT,
    "5": ReplyClass.SOFT,
    "6": ReplyClass.CONTENT,
    "7": ReplyClass.SENDER,
}
_UNAVAILABLE = re.compile(
    r"mailbox (?:is )?(?:currently )?unavailable|mailbox not available|unavailable mailbox", re.IGNORECASE
)
# A gateway's heading over the answer that it quotes: it says at which command, the answer says why.
_HEADING = re.compile(r"\bunknown address error (?=[45]\d\d[ -])", re.IGNORECASE)
_AGAIN = re.compile(r"(?:host|name|domain|user) (?:was )?not found.{0,20}try again", re.IGNORECASE)
_MOMENTARY = re.compile(r"temporar|try again|later|busy|at this time", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The class of a bounce, and the enhanced status code that it came with or stands for."""

    reply_class: ReplyClass
    status: str


def judge(status: str, text: str, notice: str = "") -> Verdict:
    """What a final failure means. `status` as a report gives it or empty; `text` is what the server said; `notice` are
    the words around a report whose server said nothing, which may be about anything.
    """
    text = _HEADING.sub("", " ".join(text[: 2 * MOST_TEXT].split())[:MOST_TEXT])
    notice = _HEADING.sub("", " ".join(notice[: 2 * MOST_TEXT].split())[:MOST_TEXT])
    said = _STATUS.findall(text) or _STATUS.findall(notice)
    code = next(iter(_CODE.findall(text) or _CODE.findall(notice)), "")
    status = _better(status, said)
    found = _by_words(text, code, status)
    if found is None and notice:
        found = _by_words(notice, code, status)
        if status[2:] in _HARD and found not in (ReplyClass.HARD, ReplyClass.SOFT):
            found = ReplyClass.HARD
    found = found or _by_codes(code, status)
    if found is ReplyClass.HARD and _is_temporary(code, status):
        found = ReplyClass.SOFT
    return Verdict(found, status)


def _better(status: str, said: list[str]) -> str:
    """The code of the report, unless it says nothing (5.0.0) and the server's words say more."""
    telling = [item for item in said if not item.endswith(".0.0")]
    return telling[0] if telling and (not status or status.endswith((".0.0", "4.7"))) else status


def _is_temporary(code: str, status: str) -> bool:
    """Both codes, or the only one, say "later"."""
    digits = {item[0] for item in (code, status) if item}
    return digits == {"4"}


def _by_words(text: str, code: str, status: str) -> ReplyClass | None:
    if not text:
        return None
    if phrases.SENDER.search(text) or status[2:] in ("1.7", "1.8"):
        return ReplyClass.SENDER
    if phrases.FULL.search(text) or _AGAIN.search(text):
        return ReplyClass.SOFT
    blamed = phrases.CONTENT.search(text)
    if phrases.UNKNOWN_USER.search(text) and not (blamed and status[2:3] in ("6", "7")):
        return ReplyClass.HARD
    if phrases.NO_DOMAIN.search(text):
        return ReplyClass.HARD
    if _UNAVAILABLE.search(text) and code == "550" and not _MOMENTARY.search(text):
        return ReplyClass.HARD
    for pattern, found in (
        (phrases.DISABLED, ReplyClass.SOFT),
        (phrases.TOO_MANY, ReplyClass.SOFT),
        (phrases.SIZE, ReplyClass.MESSAGE),
    ):
        if pattern.search(text):
            return found
    if blamed:
        return ReplyClass.CONTENT
    if phrases.POLICY.search(text):
        return ReplyClass.SENDER
    if phrases.NETWORK.search(text):
        return ReplyClass.SOFT
    return None


def _by_codes(code: str, status: str) -> ReplyClass:
    detail = status[2:]
    if detail in _HARD:
        return ReplyClass.HARD
    if detail in ("1.7", "1.8"):
        return ReplyClass.SENDER
    if status and not detail.startswith(("0.", "1.")):
        return _BY_SUBJECT.get(detail.partition(".")[0], ReplyClass.SOFT)
    return ReplyClass.HARD if code in ("550", "551", "553", "556") else ReplyClass.SOFT
