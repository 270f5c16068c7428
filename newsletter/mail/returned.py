"""What a bounce says in words, told apart from the copy of our message that follows it."""

import re
from dataclasses import dataclass

from newsletter.mail import mime
from newsletter.mail.mime import Received

MOST_NOTICE = 8000

# What leads a line is taken whole and never given back: a row of dashes would be tried from each of them again.
_COPY = re.compile(
    r"^(?:[ \t>*|-]*+(?:"
    r"[=_*]{0,10} ?(?:this is a copy of (?:the|your) message|(?:the )?(?:unsent|original|returned|failed"
    r"|transcript of) (?:message|mail|headers?|text)\b.{0,40}(?:follows?|below|included)?"
    r"|(?:(?<=-)|(?<=- ))(?:the )?(?:body|headers?) of|below (?:this line|is)|copy of (?:the"
    r"|your) message|the (?:message|header|text|first).{0,40} (?:follows?\b|below|was:)"
    r"|your (?:original )?(?:message|mail).{0,40}(?:follows?\b|below|was:|reads|is attached)"
    r"|included is a copy|message (?:text|headers?) follow|message from you"
    r"|(?:(?<=-)|(?<=- ))begin (?:of )?(?:message|original)"
    r"|(?:texte|copie) (?:du|de votre) message|urspr[üu]ngliche nachricht|message d.origine|original mail"
    r"|mensaje original|mensagem original)"
    r"|Received: (?:from|by|\()|Return-Path:|Message-ID: ?<|DKIM-Signature:|MIME-Version:"
    r")|[ \t>*|]*+-{2,}+.{0,50}(?:message|mail|header|text|mensaje|nachricht).{0,40}-{2,}).*$",
    re.IGNORECASE | re.MULTILINE,
)
_TAGS = re.compile(r"<br\b[^<>]{0,200}>|</(?:p|div|tr|li|h\d|td)>|<[a-z/!][^<>@]{0,400}>", re.IGNORECASE)
_UNSEEN = ("style", "script", "head")
_BREAK = re.compile(r"<br|</(?:p|div|tr|li|h\d)", re.IGNORECASE)
_ENTITIES = (
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&nbsp;", " "),
    ("&quot;", '"'),
    ("&#39;", "'"),
    ("&amp;", "&"),
    ("&#64;", "@"),
)
_TOLD = frozenset({"from", "to", "subject", "message-id", "date", "received", "return-path", "mime-version"})


@dataclass(frozen=True, slots=True)
class Bounced:
    """`notice`: the words before the copy. `original`: fields of the message that came back, where they are there."""

    notice: str
    original: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """The first field of a name of the original; empty where there is none."""
        return next((value for key, value in self.original if key == name), "")


def take_apart(message: Received) -> Bounced:
    """Notice and original of a message that may be a bounce."""
    original: tuple[tuple[str, str], ...] = ()
    notices: list[str] = []
    for part in message.parts:
        kind = part.content_type
        if kind in (
            "message/rfc822",
            "text/rfc822-headers",
            "message/rfc822-headers",
            "text/rfc822",
            "message/global",
            "message/global-headers",
        ):
            original = original or _told(part.data)
        elif kind.startswith("text/") and not _inside_copy(part.inside) and (kind != "text/html" or not any(notices)):
            text = part.text
            text = _without_tags(text) if kind == "text/html" or _is_html(text) else text
            if kind == "text/plain" and notices and not original:
                original = _told(part.data)
                if original:
                    continue
            notices.append(text)
    whole = "\n".join(notices)
    found = _first_copy(whole)
    notice = whole[: found.start()] if found else whole
    if not original and found:
        original = _told(whole[found.start() :].encode("utf-8", "surrogateescape"))
    return Bounced(notice[:MOST_NOTICE], original)


def _first_copy(text: str) -> re.Match[str] | None:
    """Where the copy begins; a line of dashes that stands before anything was said is none."""
    text = text[: 4 * MOST_NOTICE]
    for found in _COPY.finditer(text):
        before = text[: found.start()]
        if "@" in before and len(before.strip()) > 40:
            return found
    return None


def _told(data: bytes) -> tuple[tuple[str, str], ...]:
    """The fields that stand at the beginning of a copy, after whatever line announces it."""
    for attempt in range(6):
        fields, _body = mime.split(data[: mime.MOST_HEADERS])
        if len({name for name, _value in fields} & _TOLD) >= 2:
            return fields
        separated = re.search(rb"\r?\n[ \t]*\r?\n", data)
        if separated is None or attempt == 5:
            return ()
        data = data[separated.end() :]
    return ()


def _inside_copy(inside: tuple[str, ...]) -> bool:
    return len(inside) > 3


def _is_html(text: str) -> bool:
    return text.lstrip()[:200].lower().startswith(("<html", "<!doctype html", "<body", "<head"))


def _without_tags(text: str) -> str:
    """The words of a page. Addresses in angle brackets are no tags."""
    text = text[: 8 * MOST_NOTICE]
    for name in _UNSEEN:
        text = _without(text, name)
    text = _TAGS.sub(lambda found: "\n" if _BREAK.match(found[0]) else " ", text)
    for written, meant in _ENTITIES:
        text = text.replace(written, meant)
    return re.sub(r"[ \t]+", " ", text)


def _without(text: str, name: str) -> str:
    """A page without the elements of a name; one that is never closed is cut off."""
    lowered = text.lower()
    kept: list[str] = []
    at = 0
    while (begins := lowered.find(f"<{name}", at)) >= 0:
        kept.append(text[at:begins])
        ends = lowered.find(f"</{name}>", begins)
        at = ends + len(name) + 3 if ends >= 0 else len(text)
    return "".join([*kept, text[at:]])
