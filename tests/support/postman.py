"""A relay that answers as a test says, and an issue in waves that is small enough for one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from newsletter.delivery import outbox
from newsletter.issues import course, editing, preview
from newsletter.issues.models import Block, Issue, IssueStatus, Variant
from newsletter.mail.outcomes import Outcome, accepted, failed
from newsletter.mail.replies import Phase, parse_reply
from newsletter.mail.transport import Envelope
from newsletter.mail.wire import Refused
from newsletter.newsletters.models import Edition, Newsletter
from newsletter.subscriptions.audience import audience
from tests.support.mailers import Hand
from tests.support.newsroom import Newsroom

NO_SUCH_USER = "550 5.1.1 no such user"
SPAM = "554 5.6.0 this looks like spam"


class Postman:
    """Takes every message, but for those to recipients, or whole domains, in `refuse`: reply by address or domain.

    A reply that begins with `.` comes after the final dot, any other one after RCPT.
    """

    def __init__(self, refuse: Mapping[str, str] | None = None) -> None:
        self.refuse = dict(refuse or {})
        self.recipients: list[str] = []

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        recipient = envelope.recipient
        answer = self.refuse.get(recipient) or self.refuse.get(recipient.rpartition("@")[2])
        if answer is None:
            self.recipients.append(recipient)
            return accepted(parse_reply(250, ["2.0.0 taken"]))
        code, _blank, text = answer.removeprefix(".").partition(" ")
        phase = Phase.DOT if answer.startswith(".") else Phase.RCPT
        return failed(Refused(phase, parse_reply(int(code), [text])))


def readers(count: int, *, domain: str = "poste.example", name: str = "reader") -> list[str]:
    return [f"{name}{number:03}@{domain}" for number in range(count)]


def issue_in_waves(
    newsroom: Newsroom, newsletter: Newsletter, emails: Sequence[str], *, size: int, waves: Sequence[int]
) -> Issue:
    """A frozen issue to these readers, who are new, cut like a large one."""
    for email in emails:
        newsroom.reader(newsletter, email)
    issue = newsroom.draft_issue(newsletter)
    with newsroom.database.unit() as session:
        found = session.get_one(Issue, issue.id)
        variant_id = write_variant(newsroom, session, found, newsletter)
        everybody = audience(newsletter.id).subquery()
        found.status, found.frozen_at = IssueStatus.SENDING, newsroom.now
        found.expires_at = newsroom.now + timedelta(hours=48)
        found.wave, found.wave_opened_at = 1, newsroom.now
        found.audience = outbox.enqueue(
            session,
            issue_id=found.id,
            newsletter_id=newsletter.id,
            audience=select(
                everybody.c.subscriber_id,
                literal(variant_id).label("variant_id"),
                everybody.c.subscription_id.label("rank"),
                literal(0).label("slot"),
            ),
            cuts=[outbox.Cut(0, size, waves, None)],
            by_variant=False,
            resend_unknown=True,
            expires_at=found.expires_at,
            now=newsroom.now,
        )
    return issue


def write_variant(newsroom: Newsroom, session: Session, issue: Issue, newsletter: Newsletter) -> int:
    """The whole of an issue as a variant of one block; its id."""
    links = newsroom.here.links
    setter = preview.typesetter(session, issue, newsletter, language="fr", edition=Edition.FULL, links=links)
    held = editing.article_ids(session, issue.id)
    mail = preview.set_mail(setter, held)
    block = Block(issue_id=issue.id, key="whole", html=mail.html, text=mail.text, web_html="")
    session.add(block)
    session.flush()
    variant = Variant(
        issue_id=issue.id,
        key="whole",
        language="fr",
        edition=Edition.FULL,
        articles=held,
        blocks=[block.id],
        subject=mail.subject,
        preheader=mail.preheader,
        public=True,
        readers=0,
    )
    session.add(variant)
    session.flush()
    return variant.id


def deliver(newsroom: Newsroom, postman: Postman) -> int:
    """Send what is due without looking at the issue as a whole in between; how many messages were tried."""

    def leave_it(session: Session, issue_id: int, *, now: object) -> None:
        """Nobody looks."""

    return Hand(replace(newsroom.office(), review=leave_it)).deliver(postman)


def look(newsroom: Newsroom, issue: Issue) -> Issue:
    """Look at an issue as a worker does after a batch; the issue as it is then."""
    with newsroom.database.unit() as session:
        course.after_batch(session, issue.id, now=newsroom.now)
    return newsroom.issue(issue)
