"""What an SMTP reply means for the message, the address and the connection (RFC 5321 section 4.2, RFC 3463)."""

import re
from dataclasses import dataclass
from enum import StrEnum

MAX_TEXT = 1000


class Phase(StrEnum):
    """Where a conversation stands: what we last sent, and so what a reply, or the lack of one, is about.

    Up to and with BODY the server cannot have taken the message. In DOT it may have: the end of the message is on its
    way and no reply has come. That difference decides whether sending again can make two of one.
    """

    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    IDLE = "idle"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    DOT = "dot"


BEFORE_MESSAGE = frozenset({Phase.CONNECT, Phase.GREETING, Phase.EHLO, Phase.STARTTLS, Phase.AUTH, Phase.IDLE})


class ReplyClass(StrEnum):
    """What to do about a reply."""

    ACCEPTED = "accepted"
    """Taken. A bounce may still come."""
    TEMPORARY = "temporary"
    """Send the same message from the same host later."""
    LANE = "lane"
    """Temporary, and nothing to do with this message: back off on this way out."""
    TRANSACTION = "transaction"
    """Too many recipients in one transaction: begin another, nothing has failed."""
    HARD = "hard"
    """No such mailbox or domain: suppress the address, unless a circuit breaker holds."""
    SOFT = "soft"
    """This address cannot take mail at present: counts towards a threshold (5.2.1 as well, on a shorter one)."""
    MESSAGE = "message"
    """The message cannot be taken, by its size or its form; the address is innocent."""
    CONTENT = "content"
    """The content is refused: pause the issue when it is more than a few."""
    SENDER = "sender"
    """We are refused, by policy, reputation or authentication: never suppress; pause the lane, tell the operator."""
    OURS = "ours"
    """Our own mistake in the protocol: stop the lane, tell the operator."""
    DESYNC = "desync"
    """Not an answer to what we said: close the connection."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the server: its code, its enhanced status code (`5.1.1`, or nothing), and its text on one line."""

    code: int
    enhanced: str = ""
    text: str = ""

    @property
    def digit(self) -> int:
        """The first digit: 2 done, 3 go on, 4 try later, 5 refused."""
        return self.code // 100

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)


_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


def _phrases(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# What servers write where they give no enhanced code. Only ever a third opinion: a phrase never overrules a clear code.
_UNKNOWN_USER = _phrases(
    r"no such (?:user|mailbox|recipient|address|person|account)",
    r"unknown (?:user|mailbox|recipient|local|address)",
    r"invalid (?:user|mailbox|recipient|address)",
    r"(?:user|mailbox|recipient|account|address|alias)\b.{0,60}?(?:unknown|invalid|not (?:found|exist|known|be found))",
    r"(?:user|mailbox|recipient|account|address)\b.{0,60}?(?:does ?n.t exist|does not exist|no longer exists)",
    r"not a valid mailbox",
    r"no mailbox here",
    r"doesn't have an? .{0,30}account",
)
_NO_DOMAIN = _phrases(
    r"nxdomain",
    r"null ?mx",
    r"domain (?:name )?(?:does not exist|not found|unknown)",
    r"(?:unknown|no such) domain",
)
_FULL = _phrases(
    r"over ?quota",
    r"(?:mailbox|user|account|recipient)\b.{0,30}quota",
    r"mailbox (?:is )?full",
    r"full mailbox",
    r"out of (?:disk|storage)",
    r"exceeded (?:its |their )?storage",
)
_SIZE = _phrases(r"(?:message|mail)\b.{0,40}?(?:too (?:big|large)|size|exceed)", r"size limit", r"maximum.{0,20}size")
_TOO_MANY = _phrases(r"too many (?:recipients|rcpt)")
_CONTENT = _phrases(
    r"spam",
    r"\bjunk\b",
    r"virus",
    r"malware",
    r"phish",
    r"unsolicited",
    r"content (?:rejected|refused)",
    r"message (?:was )?(?:rejected|blocked)",
)
_POLICY = _phrases(
    r"block ?list",
    r"black ?list",
    r"blocked",
    r"dnsbl",
    r"\brbl\b",
    r"spamhaus",
    r"reputation",
    r"relay(?:ing)? (?:access )?(?:denied|not)",
    r"not permitted to relay",
    r"authenticat",
    r"\bspf\b",
    r"dkim",
    r"dmarc",
    r"reverse dns",
    r"\bptr\b",
    r"policy",
    r"denied",
    r"banned",
)
_SENDER = _phrases(r"sender (?:address |domain |verify ?)?(?:rejected|denied|failed|blocked)")

_HARD = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "7.17"})
_FULL_CODES = frozenset({"2.2"})
_SIZE_CODES = frozenset({"2.3", "3.4"})
_BAD_COMMAND = frozenset({500, 501, 502, 503, 504, 555})
REFUSED_LOGIN = frozenset({530, 534, 535, 538})


def parse_reply(code: int, lines: list[str]) -> Reply:
    """A reply from its code and the texts of its lines, each without the enhanced code before it (RFC 2034)."""
    enhanced = ""
    texts: list[str] = []
    for line in lines:
        found = _ENHANCED.match(line)
        enhanced = enhanced or (found[1] if found else "")
        text = line[found.end() :] if found else line
        if not text.isprintable():
            text = "".join(character if character.isprintable() else " " for character in text)
        texts.append(text.strip())
    return Reply(code, enhanced, " ".join(filter(None, texts))[:MAX_TEXT])


def classify(reply: Reply, phase: Phase) -> ReplyClass:
    """What a reply means: by its enhanced code, else by its basic code, else by its text.

    An enhanced code that contradicts the first digit is not heard. 3yz is an answer to DATA and AUTH only.
    """
    if reply.digit == 2:
        return ReplyClass.ACCEPTED
    if reply.digit == 3:
        return ReplyClass.ACCEPTED if phase in (Phase.DATA, Phase.AUTH) else ReplyClass.DESYNC
    if reply.digit not in (4, 5):
        return ReplyClass.DESYNC
    if reply.code == 421:
        return ReplyClass.LANE
    status = reply.enhanced[2:] if reply.enhanced.startswith(f"{reply.digit}.") else ""
    return _temporary(reply, phase, status) if reply.digit == 4 else _permanent(reply, phase, status)


def _temporary(reply: Reply, phase: Phase, status: str) -> ReplyClass:
    if phase in BEFORE_MESSAGE:
        return ReplyClass.LANE  # whatever it is, it is not about one message
    if phase is not Phase.MAIL and (status in _FULL_CODES or (not status and _FULL.search(reply.text))):
        return ReplyClass.SOFT
    if status == "5.3" or (not status and reply.code == 452 and _TOO_MANY.search(reply.text)):
        return ReplyClass.TRANSACTION
    if status.startswith(("3.", "4.")) or (not status and reply.code == 452):
        return ReplyClass.LANE  # the system is full or busy, or cannot reach its next hop
    return ReplyClass.TEMPORARY  # greylisting (450, 451, 4.7.x), a locked mailbox (4.2.x), and whatever is unknown


def _permanent(reply: Reply, phase: Phase, status: str) -> ReplyClass:
    if phase in BEFORE_MESSAGE:
        # A command that is not understood is ours; any other refusal to talk to us is about who we are.
        return ReplyClass.OURS if reply.code in _BAD_COMMAND else ReplyClass.SENDER
    if reply.code in REFUSED_LOGIN:
        return ReplyClass.SENDER
    if phase is Phase.MAIL:  # nobody has been named yet, so no address is to blame
        if reply.code in _BAD_COMMAND or status.startswith("5."):
            return ReplyClass.OURS
        about_form = reply.code == 552 or status in _SIZE_CODES or status.startswith("6.")
        return ReplyClass.MESSAGE if about_form else ReplyClass.SENDER
    if status and (known := _by_status(reply, status)):
        return known
    return _by_code(reply, phase)


def _by_status(reply: Reply, status: str) -> ReplyClass | None:
    """The class of a permanent enhanced code, or None when it says nothing that the basic code does not."""
    subject = status.partition(".")[0]
    if status in _HARD:
        return ReplyClass.HARD
    if status in ("1.7", "1.8"):  # it is our envelope sender that is bad
        return ReplyClass.SENDER
    if status in _SIZE_CODES:
        return ReplyClass.MESSAGE
    if status == "5.3":
        return ReplyClass.TRANSACTION
    if status == "6.7":  # an international address, and no SMTPUTF8 on the way: neither is at fault for good
        return ReplyClass.MESSAGE
    if status == "5.0" and reply.code not in _BAD_COMMAND:
        return None  # some large providers answer `550 5.5.0 mailbox unavailable` for an unknown user
    if subject == "2":
        return ReplyClass.SOFT
    if subject == "4":
        return ReplyClass.HARD if _NO_DOMAIN.search(reply.text) else ReplyClass.SOFT
    return {"5": ReplyClass.OURS, "6": ReplyClass.CONTENT, "7": ReplyClass.SENDER}.get(subject)


def _by_code(reply: Reply, phase: Phase) -> ReplyClass:
    """The class of a permanent reply without a telling enhanced code."""
    text = reply.text
    if reply.code in _BAD_COMMAND:
        return ReplyClass.OURS
    if reply.code == 556:  # the domain accepts no mail (RFC 7504)
        return ReplyClass.HARD
    if reply.code == 552:
        if phase is Phase.RCPT and _TOO_MANY.search(text):
            return ReplyClass.TRANSACTION
        return ReplyClass.SOFT if _FULL.search(text) and not _SIZE.search(text) else ReplyClass.MESSAGE
    if _SENDER.search(text):
        return ReplyClass.SENDER
    if _UNKNOWN_USER.search(text):
        return ReplyClass.HARD
    if _FULL.search(text):
        return ReplyClass.SOFT
    if _SIZE.search(text):
        return ReplyClass.MESSAGE
    if _CONTENT.search(text):
        return ReplyClass.CONTENT if phase in (Phase.DATA, Phase.BODY, Phase.DOT) else ReplyClass.SENDER
    if _POLICY.search(text):
        return ReplyClass.SENDER
    if reply.code in (550, 551, 553) and phase is Phase.RCPT and reply.enhanced in ("", "5.5.0"):
        return ReplyClass.HARD
    if reply.code in (550, 554) and phase in (Phase.DATA, Phase.BODY, Phase.DOT):
        return ReplyClass.CONTENT
    return ReplyClass.SOFT
