"""What comes back and is no report: answers of machines (RFC 3834), receipts, and what a person asks for in a word."""

import re

from newsletter.mail.mime import Received

_SUBJECT = re.compile(
    r"^(?:re\s?:\s*)?(?:out of (?:the )?office|auto(?:matic|mated)?[- ]?(?:reply|response|answer|respon)"
    r"|autoreply|auto:|r[ée]ponse automatique|absence|absent|en cong[ée]|message d.absence|vacation"
    r"|on (?:vacation|leave|holiday)"
    r"|abwesenheit|automatische (?:antwort|r[üu]ckmeldung)|autom\. antwort|respuesta autom[áa]tica"
    r"|fuera de (?:la )?oficina|risposta automatica|fuori sede|resposta autom[áa]tica|aus[êe]ncia"
    r"|automatisch antwoord|afwezig"
    r"|autosvar|fr[åa]nvarande|automatyczna odpowied|nieobecno|автоответ|自動(?:返信|応答)|自动(?:回复|答复)|away from"
    r"|i am away|thank you for (?:your|contacting)|please confirm your (?:message|e-?mail)"
    r"|.{0,40}challenge|verify your (?:message|e-?mail)|.{0,60}\bautoreply\b|.{0,60}\bauto[- ]?reply\b"
    r"|.{0,60}out of office)",
    re.IGNORECASE,
)
_DISPOSITION = ("message/disposition-notification", "message/global-disposition-notification")
_PRECEDENCE = ("auto_reply", "auto-reply", "autoreply")
_FIELDS = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponse",
    "x-auto-reply",
    "x-vacation",
    "x-mail-autoreply",
    "x-bluebottle-request",
    "x-boxbe-challenge",
)
_CHALLENGE = re.compile(
    r"(?:confirm|verify|prove|authenticate).{0,80}(?:your (?:message|e-?mail|address|identity)|that you"
    r"|you are (?:a )?(?:human|not))|challenge[-/ ]?response|guest list|approved senders?|boxbe"
    r"|spam ?arrest|sender verification|white ?list.{0,60}(?:click|reply)",
    re.IGNORECASE,
)
_BEFORE = (
    r"(?:please\s+|merci de (?:me |nous )?|veuillez (?:me |nous )?|je (?:veux|souhaite|voudrais|d[ée]sire) (?:me )?)?"
)
_WISH = (
    r"(?:stop|unsubscribe|remove|opt[- ]?out|d[ée]sabonn\w{0,6}|d[ée]sinscri\w{0,6}|r[ée]sili\w{1,6}|arr[êe]te[rz]?"
    r"|retirer|supprimer|supprimez|cancel (?:my )?subscription|leave)"
)
_AFTER = (
    r"(?:[- ](?:me|moi|nous|svp|s.il vous pla[iî]t|merci|please|thanks|thank you|now|mail(?:s|ing)?|e-?mails?"
    r"|courriels?"
    r"|envois?|sending"
    r"|(?:from|de|à|of)? ?(?:la|cette|votre|vos|les|this|the|your)? ?(?:newsletters?|lettres?|listes?|list)))"
)
_STOP = re.compile(rf"^\W*{_BEFORE}{_WISH}{_AFTER}{{0,4}}\W*$", re.IGNORECASE)
_QUOTED = re.compile(
    r"^(?:>|On .{5,120} wrote:|Le .{5,120} a [ée]crit|-{2,}|_{5,}|De ?:|From:|Envoy[ée])", re.IGNORECASE
)


def is_automatic(message: Received) -> bool:
    """Whether a machine answered, for somebody who is away or instead of somebody."""
    submitted = message.get("auto-submitted").lower()
    if submitted.startswith("auto-replied") or any(message.get(name) for name in _FIELDS):
        return True
    if message.get("x-auto-response-suppress") and submitted.startswith("auto-generated"):
        return True
    if message.get("precedence").strip().lower() in _PRECEDENCE or _SUBJECT.search(message.get("subject")[:300]):
        return True
    text = next((part.text[:3000] for part in message.of_type("text/plain", "text/html")), "")
    return bool(_CHALLENGE.search(text)) and bool(re.search(r"https?://|reply", text))


def is_receipt(message: Received) -> bool:
    """Whether it is a disposition notification (RFC 8098): somebody has or has not read a message. One by which a
    filter refuses it is none.
    """
    if "disposition-notification" not in message.get("content-type").lower() and not any(
        part.content_type in _DISPOSITION for part in message.parts
    ):
        return False
    text = next((part.text[:3000] for part in message.of_type("text/plain")), "")
    return "automatically rejected" not in f"{text} {message.get('subject')}"


def wants_to_leave(message: Received) -> bool:
    """Whether a person asks to be taken off, by the subject or by the first words, in French or in English; not by
    what is quoted below them, nor in a sentence about something else.
    """
    subject = re.sub(r"^(?:\s*(?:re|tr|fwd?|aw)\s*:)+", "", message.get("subject")[:200], flags=re.IGNORECASE)
    return bool(_STOP.match(subject.strip())) or bool(_STOP.match(first_words(message)))


def first_words(message: Received) -> str:
    """The first line that its writer wrote; empty where there is none."""
    for part in message.of_type("text/plain"):
        for line in map(str.strip, part.text.split("\n")[:40]):
            if _QUOTED.match(line):
                return ""
            if line:
                return line[:200]
    return ""
