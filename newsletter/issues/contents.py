"""What the delivery engine asks of an issue: the shared part of its messages, read once per variant and kept."""

from collections.abc import Sequence
from threading import Lock

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.database import among
from newsletter.core.installation import Installation
from newsletter.core.templating import RenderedMail
from newsletter.core.urls import Links
from newsletter.delivery.personalise import Content, Prepared
from newsletter.issues.measuring import Measures, as_sent, with_pixel
from newsletter.issues.models import Block, Issue, Variant
from newsletter.issues.typesetting import BlockText, assemble
from newsletter.mail.dkim import DkimKey
from newsletter.mail.headers import Mailbox
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import senders
from newsletter.newsletters.models import Newsletter
from newsletter.tracking import links as tracked

KEPT_BYTES = 64 * 1024 * 1024
KEPT_BLOCKS = 4000  # of some 600 bytes each


class IssueContents:
    """A variant never changes after the freeze, so what was read once is good until the process ends."""

    def __init__(self, installation: Installation) -> None:
        self._here = installation
        self._kept: dict[int, Prepared] = {}
        self._bytes = 0
        self._blocks: dict[int, BlockText] = {}
        self._lock = Lock()

    def prepared(self, session: Session, variant_id: int) -> Prepared:
        """A variant ready to be written to its readers. The one asked for longest ago goes when they take too much."""
        with self._lock:
            found = self._kept.pop(variant_id, None) or self._prepare(session, variant_id)
            self._kept[variant_id] = found
            return found

    def _prepare(self, session: Session, variant_id: int) -> Prepared:
        made = Prepared(self._read(session, variant_id), self._here.key("mail"), whose=self._here.links.whose)
        self._bytes += made.size()
        while self._kept and self._bytes > KEPT_BYTES:
            self._bytes -= self._kept.pop(next(iter(self._kept))).size()
        return made

    def _read(self, session: Session, variant_id: int) -> Content:
        variant = session.get_one(Variant, variant_id)
        issue = session.get_one(Issue, variant.issue_id)
        newsletter = newsletters.by_id(session, issue.newsletter_id)
        keys = senders.signing_keys(session, newsletter.domain, self._here.vault)
        measures = Measures(*tracked.measures(session, issue.id))
        blocks = self._blocks_of(session, variant, measures)
        mail = assemble(blocks, subject=variant.subject, preheader=variant.preheader)
        mail = with_pixel(mail, issue.id, measures, self._here.links)
        return _content(mail, issue, newsletter, links=self._here.links, keys=keys)

    def _blocks_of(self, session: Session, variant: Variant, measures: Measures) -> list[BlockText]:
        """The pieces of a variant: those that the variants before had are known already."""
        missing = [block_id for block_id in variant.blocks if block_id not in self._blocks]
        if len(self._blocks) + len(missing) > KEPT_BLOCKS:
            self._blocks.clear()
            missing = variant.blocks
        if missing:
            rows = session.execute(select(Block.id, Block.html, Block.text).where(among(session, Block.id, missing)))
            links = self._here.links
            self._blocks |= {
                row.id: BlockText(as_sent(row.html, variant.issue_id, measures, links), row.text, "") for row in rows
            }
        return [self._blocks[block_id] for block_id in variant.blocks]


def blocks_of(session: Session, variant: Variant) -> list[Block]:
    """The pieces of a variant in their order."""
    rows = session.scalars(select(Block).where(among(session, Block.id, variant.blocks)))
    found = {block.id: block for block in rows}
    return [found[block_id] for block_id in variant.blocks]


def check_mail(mail: RenderedMail, issue: Issue, newsletter: Newsletter, *, links: Links) -> None:
    """Write a mail to a reader who does not exist, so that what is wrong with it is found before anybody gets it.

    Raises RefusedError.
    """
    Prepared(_content(mail, issue, newsletter, links=links, keys=[]), b"")


def trial(
    mail: RenderedMail,
    issue: Issue,
    newsletter: Newsletter,
    *,
    links: Links,
    keys: Sequence[DkimKey],
    secret: bytes,
) -> Prepared:
    """A mail that is tried before its issue is frozen, as `IssueContents` prepares those of a frozen one.

    Raises RefusedError.
    """
    return Prepared(_content(mail, issue, newsletter, links=links, keys=keys), secret, whose=links.whose)


def sender_id(domain: str) -> str:
    """The last part of Feedback-ID: 5 to 15 letters and digits, the same for all mail of a domain."""
    letters = "".join(character for character in domain.lower() if character.isalnum())
    return letters[:15].ljust(5, "x")


def _content(
    mail: RenderedMail, issue: Issue, newsletter: Newsletter, *, links: Links, keys: Sequence[DkimKey]
) -> Content:
    domain = newsletter.domain
    return Content(
        sender=Mailbox(newsletter.from_address, newsletter.from_name),
        reply_to=Mailbox(newsletter.reply_to) if newsletter.reply_to else None,
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
        date=issue.frozen_at or issue.created_at,
        domain=domain,
        bounce_domain=senders.bounce_domain(domain),
        list_id=newsletter.list_id,
        list_name=newsletter.name,
        feedback_id=f"{issue.id}:{newsletter.slug}:digest:{sender_id(domain)}",
        list_links={"List-Archive": links.archive(newsletter.slug)},
        keys=keys,
    )
