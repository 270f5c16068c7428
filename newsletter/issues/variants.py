"""The forms an issue has: which articles, in which language and edition, for how many readers."""

from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.articles import queries as articles
from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.core.templating import RenderedMail
from newsletter.core.urls import Links
from newsletter.delivery.personalise import Recipient
from newsletter.delivery.slots import fill_for_nobody
from newsletter.issues.contents import blocks_of
from newsletter.issues.models import Variant
from newsletter.issues.preview import seen_by
from newsletter.issues.typesetting import assemble
from newsletter.newsletters.editions import Edition
from newsletter.tracking import links as tracked
from newsletter.tracking.rewriting import unfollowed

HEADLINES = 3


@dataclass(frozen=True, slots=True)
class VariantView:
    """A variant as staff see it: the first headlines, and how many more stories it has."""

    id: int
    language: str
    edition: Edition
    public: bool
    readers: int
    subject: str
    headlines: list[str]
    more: int


def page(session: Session, issue_id: int, *, skip: int = 0, limit: int = 50) -> list[VariantView]:
    """Variants of an issue, those with most readers first."""
    rows = session.scalars(
        select(Variant)
        .where(Variant.issue_id == issue_id)
        .order_by(Variant.readers.desc(), Variant.id)
        .offset(skip)
        .limit(limit)
    ).all()
    told = {article for row in rows for article in row.articles[:HEADLINES]}
    titles = {number: found.title for number, found in articles.in_language(session, sorted(told), "").items()}
    return [
        VariantView(
            id=row.id,
            language=row.language,
            edition=row.edition,
            public=row.public,
            readers=row.readers,
            subject=fill_for_nobody(row.subject),
            headlines=[titles[article] for article in row.articles[:HEADLINES] if article in titles],
            more=max(0, len(row.articles) - HEADLINES),
        )
        for row in rows
    ]


def mail_of(
    session: Session, issue_id: int, variant_id: int, links: Links, *, reader: Recipient | None = None
) -> RenderedMail:
    """A variant as this reader got it, without one as anybody may see it. NotFoundError for one of another issue."""
    variant = session.get(Variant, variant_id)
    if variant is None or variant.issue_id != issue_id:
        raise NotFoundError(_("This variant does not exist."))
    mail = assemble(blocks_of(session, variant), subject=variant.subject, preheader=variant.preheader)
    html = unfollowed(mail.html, tracked.urls(session, issue_id))
    return seen_by(reader, replace(mail, html=html), links)
