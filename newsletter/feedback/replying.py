"""Answers that people write to where only machines answer: they go to the editor."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import parseaddr

from sqlalchemy.orm import Session

from newsletter.core import ratelimit
from newsletter.core.addresses import AddressError, key_of, parse_address
from newsletter.core.installation import Installation
from newsletter.core.templating import render_mail
from newsletter.delivery import transactional
from newsletter.delivery.models import TransactionalMail
from newsletter.delivery.transactional import Letter
from newsletter.feedback.models import InboundMail
from newsletter.mail import mime
from newsletter.mail.headers import Mailbox
from newsletter.mail.mime import Received
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import senders
from newsletter.newsletters.models import Newsletter
from newsletter.newsletters.wearing import paint_for

READER_REPLY = "reader_reply"
LIFETIME = timedelta(days=3)
MOST_AN_HOUR = 60
"""Answers of one newsletter that are passed on: two robots that answer each other end here."""
MOST_TEXT = 20_000
_LOOPING = ("bulk", "list", "junk", "auto_reply")


def forward(session: Session, inbound_id: int, message: Received, newsletter_id: int, *, now: datetime) -> bool:
    """Ask for an answer to be mailed to the editor; False for what no person wrote, and beyond the limit."""
    newsletter = newsletters.by_id(session, newsletter_id)
    to = newsletter.reply_to or newsletter.from_address
    writer = key_of(_writer(message))
    if not writer or writer in (key_of(to), key_of(newsletter.from_address)) or not _by_person(message):
        return False
    window = timedelta(hours=1)
    if not ratelimit.hit(session, f"reply:{newsletter.id}", limit=MOST_AN_HOUR, window=window, now=now):
        return False
    transactional.queue(
        session,
        kind=READER_REPLY,
        email=to,
        email_key=key_of(to),
        language=newsletter.language,
        newsletter_id=newsletter.id,
        params={"inbound": inbound_id},
        lifetime=LIFETIME,
        now=now,
    )
    return True


class ReplyMails:
    """Writers of the kind above, for `newsletter.delivery.transactional`."""

    def __init__(self, installation: Installation) -> None:
        self._here = installation

    def reader_reply(self, session: Session, mail: TransactionalMail) -> Letter | None:
        """What a reader wrote, as text; None when it is not kept any more."""
        inbound = session.get(InboundMail, mail.params["inbound"])
        if inbound is None:
            return None
        newsletter = newsletters.by_id(session, mail.newsletter_id or 0)
        message = mime.read(inbound.data)
        rendered = render_mail(
            mail.kind,
            mail.language,
            newsletter=newsletter.name,
            publisher=newsletter.publisher,
            paint=paint_for(newsletter),
            writer=_writer(message),
            title=_one_line(message.get("subject")),
            text=body_text(message),
        )
        by = replace(senders.identity(session, newsletter, self._here.vault), reply_to=_answer_to(message, newsletter))
        return Letter(by, rendered.subject, rendered.html, rendered.text)


def body_text(message: Received) -> str:
    """What was written, as plain text, at most 20,000 characters."""
    plain = next((part.text for part in message.of_type("text/plain")), "")
    if not plain:
        page = next((part.text for part in message.of_type("text/html")), "")
        plain = re.sub(r"<[^<>]{0,500}>", " ", page[: 4 * MOST_TEXT])
    cleaned = "".join(letter if letter.isprintable() or letter in "\n\t" else " " for letter in plain[:MOST_TEXT])
    return cleaned.strip()


def _by_person(message: Received) -> bool:
    submitted = message.get("auto-submitted").strip().lower()
    return submitted in ("", "no") and message.get("precedence").strip().lower() not in _LOOPING


def _writer(message: Received) -> str:
    """The address that an answer to it would go to; empty where there is none that can be written to."""
    for name in ("reply-to", "from"):
        try:
            return parse_address(parseaddr(message.get(name)[:1000])[1]).email
        except AddressError:
            continue
    return ""


def _answer_to(message: Received, newsletter: Newsletter) -> Mailbox | None:
    writer = _writer(message)
    return Mailbox(writer) if writer and writer.isascii() else None


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
