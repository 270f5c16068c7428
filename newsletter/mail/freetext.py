"""Bounces without a form: servers that say in words, each in its own, who did not get a message and why."""

import re
from dataclasses import dataclass
from itertools import islice

from newsletter.mail import phrases
from newsletter.mail.mime import Received
from newsletter.mail.phrases import Words
from newsletter.mail.returned import Bounced

MOST_RECIPIENTS = 12
MOST_NAMED = 200  # addresses of a notice that are looked at
MOST_LINES = 60  # of them that are read for what they say

_ADDRESS = re.compile(
    r"(?<![\w.+@/=-])([\w!#$%&'*+/=?^`{"
    r"|}~.-]{1,100}@(?:[a-z0-9_](?:[a-z0-9_-]{0,62}[a-z0-9])?\.){1,8}[a-z][a-z0-9-]{0,62})(?![\w@-])",
    re.IGNORECASE,
)
_SENDERS = re.compile(
    r"mailer[-_. ]?daemon|post[-_]?master|mail(?:er)?[-_ ]?(?:delivery|administrator|admin|system|server)"
    r"|delivery|smtpd?\b|mdaemon"
    r"|microsoft ?exchange|system administrator|administrator@|undeliver|mail[- ]?subsystem|mmdf|listserv"
    r"|daemon@|no-?reply|bounce|mta|smtp|root@",
    re.IGNORECASE,
)
_SUBJECTS = re.compile(
    r"undeliver(?:able|ed)|un-?deliver|deliver(?:y|ed|ing)?\b.{0,30}(?:fail|status|problem|error|report"
    r"|unsuccess|notif|delay)|returned (?:mail|to sender|message)|fail(?:ure|ed)\b.{0,20}(?:notice|deliver"
    r"|mail|report|message)"
    r"|(?:mail|message|mailer|smtp|nondeliver|non-deliver|non remis|delivery)\b.{0,30}(?:fail|error|return"
    r"|reject|refus|status|could not|not deliver|undeliver|bounced|delayed)"
    r"|non[- ]?deliver(?:y|able)|could ?n.?o?.?t (?:be )?deliver|failure notice|rejected|user unknown"
    r"|unknown user|nondelivery|permanent (?:fatal )?error|warning: (?:could not|message)"
    r"|mail system error"
    r"|unzustellbar|nicht zugestellt|zustell|fehlgeschlagen|non (?:remis|d[ée]livr|distribu)|[ée]chec"
    r"|impossible de remettre|retour de courrier|no se (?:pudo|ha podido) entregar|devuelto|devolv"
    r"|niedostarcz|n[aã]o entregue|consegna|mancat|доставк|недоставл|不在|配信|届|退信|投递|DELIVERY|\breturned\b",
    re.IGNORECASE,
)
_FAILED = Words(
    r"(?:could|can|was|were|has|have|is|been|did|do|does|would|will)\s?(?:not|n.t) (?:be |been |get "
    r"|reach |able to |have )?(?:deliver|sen[dt]|reach|process|accept|complet|forward|relay|transmit)"
    r"|undeliver|unable to (?:deliver|be deliver|send|relay|process)|(?:deliver|fail|reject|bounce|return"
    r"|refus)\w*\b.{0,40}(?:fail|problem|error|permanent|recipient|address|following|sender|message)"
    r"|fatal errors?|permanent(?:ly)? (?:fail|error|fatal)"
    r"|did not reach|not (?:be )?deliver|not been deliver|(?:following|these|this|your) (?:address"
    r"|recipient|destination|message|mail|e-?mail|user)e?s?\b.{0,60}(?:fail|error|not|could|returned"
    r"|reject|unknown|problem|bounced|un)|failed (?:recipient|address|for|to deliver)"
    r"|transcript of session|user unknown|unknown user|\b5\d\d[ -]\d\.\d\.\d|\b(?:550|551|552|553|554)\b"
    r"|n.a(?:i)? pas pu|n.ont pas pu|pas [ée]t[ée] (?:remis|d[ée]livr|envoy|distribu)|impossible|ne peut"
    r"|konnte.{0,80}nicht|nicht (?:zugestellt|erreicht)|no (?:se )?(?:ha |han |pudo|pudieron|fue)"
    r"|n[aã]o (?:foi|p[oô]de|puderam)|non (?:è|e'|[ée]) stat|nie (?:mo|zosta|dotar)|не (?:удалось|может"
    r"|был|доставлен)|できません|ませんでした|不存在|失败|无法(?:发送|送达|投递)|退回|못했",
)
_STRONG_LINE = re.compile(r"^[\s>*\-–•]*<?([^\s<>@]{1,100}@[^\s<>@:;,]{3,255}?)>?\s*[:;,.]?\s*(?:\(.{0,80}\))?$")
_NAMED = re.compile(
    r"(?:rcpt to|recipient|to|for|user|address(?:es|ee)?|mailbox|destination|destinataire|empf[äa]nger|destinatario"
    r"|failed|addressed to|delivered to|deliver to|sent to|reach|adress[ée]e? [àa])"
    r"\s*(?:name|address|adres|e-?mail)?s?\b\s*(?:is|was|:|=)*\s*[\[<\"'(]?\s*(?:smtp:|mailto:|rfc822;\s?)?$",
    re.IGNORECASE,
)
_FOREIGN = re.compile(
    r"(?:contact|e-?mail to|write to|mailto|from|sender|mail from|help|please (?:send|forward|e-?mail)|abuse|support"
    r"|postmaster|by|owner|report|questions?)\W{0,6}(?:at |to |us |the )*[<\"'(:]?\s*$",
    re.IGNORECASE,
)
_QUOTED_FIELD = re.compile(r"^[\s>*]*(?:to|cc|an|à|para|from|subject|message-id)\s*:", re.IGNORECASE)
_ORIGIN = re.compile(r"(?:generated|expanded|forwarded|redirected|aliased) (?:from|by|for)\W*$", re.IGNORECASE)
_GIVEN = re.compile(r"\(reason: (.{3,300})\)", re.IGNORECASE)
_REPLY_LINE = re.compile(r"(?<![\d.])(?:[45]\d\d[ -]|[45]\.\d{1,2}\.\d{1,3})")
_PREFIX = re.compile(r"^(?:smtp|rfc822|to)=", re.IGNORECASE)
_OURS = (
    "postmaster@",
    "post_master@",
    "post-master@",
    "mailer-daemon@",
    "abuse@",
    "noreply@",
    "no-reply@",
    "support@",
    "helpdesk@",
    "bounce@",
    "double-bounce@",
)


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient that a notice names, and what it says of it."""

    recipient: str
    reason: str
    delayed: bool = False


def is_from_machine(message: Received) -> bool:
    """Whether a mail system says that it has written it."""
    sender = message.get("from")
    return bool(_SENDERS.search(sender)) or sender.strip().endswith("<>") or _is_report(message)


def seems_bounce(message: Received, bounced: Bounced) -> bool:
    """Whether a message without any form tells of a failure."""
    machine, titled = is_from_machine(message), bool(_SUBJECTS.search(message.get("subject")[:300]))
    if message.get("x-failed-recipients") or (machine and (titled or _is_report(message))):
        return True
    notice = bounced.notice
    if machine and bounced.original:
        return True
    if not (_FAILED.search(notice[:5000]) or phrases.UNKNOWN_USER.search(notice[:2000])):
        return False
    unaddressed = message.get("return-path").strip() == "<>"
    return machine or titled or (unaddressed and bool(bounced.original))


def _is_report(message: Received) -> bool:
    return message.content_type == "multipart/report" and message.parameters.get("report-type", "").lower() in (
        "delivery-status",
        "",
    )


def failures(message: Received, bounced: Bounced) -> list[Failure]:
    """Whom a notice names as not reached, and why; empty when it names nobody."""
    notice = bounced.notice
    delayed = _is_delay(message, notice)
    named = [item.strip(" <>") for item in message.get("x-failed-recipients").split(",") if "@" in item]
    found = named or _recipients(message, bounced)
    if not found:
        to = _ADDRESS.search(bounced.get("to"))
        found = [to[1]] if to and bounced.original else []
    return [Failure(item[:320], _reason(notice, item, found), delayed) for item in found[:MOST_RECIPIENTS]]


def reason_in(notice: str) -> str:
    """What a notice says as a whole, the telling line first."""
    return _reason(notice, "", [])


def _recipients(message: Received, bounced: Bounced) -> list[str]:
    """The addresses that a notice names, by how surely it names them. Ours and the mail system's own are none."""
    excluded = _excluded(message, bounced)
    original = {item.lower() for item in _ADDRESS.findall(bounced.get("to") + " " + bounced.get("cc"))}
    scores: dict[str, int] = {}
    spelled: dict[str, str] = {}
    before, seen, telling = "", 0, _Telling()
    for line in bounced.notice.split("\n")[:200]:
        for match in islice(_ADDRESS.finditer(line[:1000]), MOST_NAMED - seen):
            seen += 1
            address = _PREFIX.sub("", match[1].strip(".'`"))
            key = address.lower()
            if key in excluded or key.startswith(_OURS):
                continue
            score = _score(line, match, before, telling, key in original)
            if score > scores.get(key, 0):
                scores[key] = score
            spelled.setdefault(key, address)
        before = line.strip() or before
    if not scores:
        return []
    best = max(scores.values())
    return [spelled[key] for key, score in scores.items() if score >= min(best, 3)]


class _Telling:
    """Whether lines tell of a failure: asked once of each, and of a bounded number, for nothing takes longer."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], bool] = {}

    def of(self, line: str, before: str) -> bool:
        """`before`: the line above it."""
        key = (line[:400], before[-300:])
        if key not in self._known and len(self._known) < MOST_LINES:
            self._known[key] = bool(
                _REPLY_LINE.search(line)
                or phrases.UNKNOWN_USER.search(key[0])
                or _FAILED.search(key[0])
                or _FAILED.search(key[1])
            )
        return self._known.get(key, False)


def _score(line: str, match: re.Match[str], before: str, telling: _Telling, in_original: bool) -> int:
    """How surely an address in a line is a failed recipient: 5 certain, 1 no more than a guess."""
    ahead = line[: match.start()]
    score = 1
    if _STRONG_LINE.match(line):
        score = 5
    elif _QUOTED_FIELD.match(line) or _ORIGIN.search(ahead[-60:]):
        score = 2
    elif ahead.strip(" \t<>\"'*-[(").strip() == "" or _NAMED.search(ahead[-60:]):
        score = 4
    elif _FOREIGN.search(ahead[-60:]):
        return 1 if in_original else 0
    elif telling.of(line, before):
        score = 3
    return max(score, 4) if in_original and score > 2 else max(score, 1 + in_original)


def _excluded(message: Received, bounced: Bounced) -> set[str]:
    """Addresses that are nobody's who failed: to whom the bounce came, from whom, and the sender of the original."""
    fields = [
        message.get(name)
        for name in ("from", "to", "reply-to", "delivered-to", "return-path", "x-original-to", "envelope-to")
    ]
    fields += [bounced.get(name) for name in ("from", "sender", "reply-to", "return-path", "errors-to")]
    found = {item.lower() for value in fields for item in _ADDRESS.findall(value)}
    return found - {item.lower() for item in _ADDRESS.findall(bounced.get("to"))} if bounced.get("to") else found


def _reason(notice: str, recipient: str, all_of_them: list[str]) -> str:
    """The lines that follow the recipient's, up to the next recipient's; where they say nothing, the telling ones."""
    if len(all_of_them) == 1 and (given := _GIVEN.search(notice[:4000])):
        return given[1]  # Sendmail sums up; the transcript that follows holds answers to other commands too
    lines = [line.strip() for line in notice.split("\n")[:300]]
    near: list[str] = []
    others = [item.lower() for item in all_of_them if item != recipient]
    if recipient:
        wanted = recipient.lower()
        for at, line in enumerate(lines):
            if wanted in line.lower():
                near += [line]
                for following in lines[at + 1 : at + 9]:
                    if any(other in following.lower() for other in others):
                        break
                    near.append(following)
    telling = [
        line for line in lines if _REPLY_LINE.search(line) and not any(other in line.lower() for other in others)
    ]
    text = " ".join(filter(None, [*near[:24]]))
    if not (_REPLY_LINE.search(text) or phrases.UNKNOWN_USER.search(text[:1500]) or phrases.FULL.search(text[:1500])):
        text = " ".join([*telling[:6], text, *([] if others else [line for line in lines if line][:20])])
    return text.strip()[:1500]


def _is_delay(message: Received, notice: str) -> bool:
    """A warning that it has not arrived yet; not the notice that gives up and tells of warnings before."""
    subject = message.get("subject")[:300]
    if phrases.UNKNOWN_USER.search(notice[:1500]):
        return False
    if re.search(r"\b(?:warning|delay(?:ed)?|verz[öo]gert|retard|still trying)\b", subject, re.IGNORECASE):
        return True
    gave_up = re.search(
        r"giving up|given up|permanent|i.m (?:not going to|giving)|failed after|retry timeout exceeded"
        r"|returned to sender|delivery failed",
        notice[:4000],
        re.IGNORECASE,
    )
    return not gave_up and bool(phrases.DELAYED.search(notice[:4000]))
