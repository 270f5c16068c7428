"""An issue as readers will see it: the same code for a preview and for the freeze."""

import logging
from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from newsletter.core.i18n import known_locale
from newsletter.core.templating import RenderedMail
from newsletter.core.urls import Links
from newsletter.delivery.personalise import Recipient, fill
from newsletter.issues import dressing, pool
from newsletter.issues.content import HOUSE, DigestContent, Dress, LookFailedError, Story
from newsletter.issues.contents import check_mail
from newsletter.issues.editing import article_ids
from newsletter.issues.models import Issue, IssueKind
from newsletter.issues.stories import section_titles, sections_of, stories
from newsletter.issues.typesetting import Typesetter, assemble
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Edition, Newsletter

log = logging.getLogger(__name__)


def preview(
    session: Session,
    issue: Issue,
    *,
    language: str,
    links: Links,
    edition: Edition = Edition.FULL,
    picked: Sequence[int] | None = None,
    reader: Recipient | None = None,
) -> RenderedMail:
    """The mail of an issue in a language and edition, of what a reader of everything gets or of the articles `picked`
    for some readers; as this reader would get it, without one as the public may see it.

    Raises RefusedError for an issue that could not be sent.
    """
    newsletter = newsletters.by_id(session, issue.newsletter_id)
    setter = typesetter(session, issue, newsletter, language=language, edition=edition, links=links)
    if picked is None:
        picked = pool.pool_of(session, issue).pick(topics=None, language=language)
    mail = set_mail(setter, picked or article_ids(session, issue.id))
    check_mail(mail, issue, newsletter, links=links)
    return seen_by(reader, mail, links)


def preview_next(
    session: Session,
    newsletter: Newsletter,
    held: Sequence[int],
    *,
    language: str,
    links: Links,
    now: datetime,
    edition: Edition = Edition.FULL,
    sections: dict[int, str] | None = None,
    rules: dict[str, Any] | None = None,
    reader: Recipient | None = None,
) -> RenderedMail:
    """The same for an issue that has not been made, of these articles. `sections` are keys of `rules`, by article."""
    told = stories(
        session,
        newsletter,
        held,
        language=language,
        links=links,
        sections=section_titles(sections or {}, rules or newsletter.rules),
        rules=rules or newsletter.rules,
    )
    content = content_of_next(session, newsletter, told, language=language, links=links, now=now)
    setter = Typesetter(content, locale=locale_of(language, newsletter), edition=edition)
    return seen_by(reader, set_mail(setter, held), links)


def content_of_next(
    session: Session,
    newsletter: Newsletter,
    told: tuple[Story, ...],
    *,
    language: str,
    links: Links,
    now: datetime,
    dress: Dress | None = None,
) -> DigestContent:
    """An issue that has not been made, of these stories; `dress` None: what the newsletter wears."""
    return DigestContent(
        newsletter=newsletter.name,
        publisher=newsletter.publisher,
        postal_address=newsletter.postal_address,
        web_url=links.archive(newsletter.slug),
        number=0,
        day=_day(now, newsletter),
        stories=told,
        replies_welcome=newsletter.reply_to is not None,
        language=_foreign(language, newsletter),
        dress=dressing.dress_of(session, newsletter, links) if dress is None else dress,
    )


def typesetter(
    session: Session,
    issue: Issue,
    newsletter: Newsletter,
    *,
    language: str,
    edition: Edition,
    links: Links,
    plain: bool = False,
) -> Typesetter:
    """What sets an issue for readers of a language and an edition: with all articles of its pool, each translated where
    a translation exists, dated in the newsletter's zone.

    A subject that an editor wrote is in the newsletter's language; in another one it is made from the stories. A
    correction is what somebody wrote, whoever reads it. `plain`: in the house's look, whatever the newsletter wears.
    """
    own = language == newsletter.language or issue.kind is IssueKind.CORRECTION
    held = article_ids(session, issue.id)
    content = DigestContent(
        newsletter=newsletter.name,
        publisher=newsletter.publisher,
        postal_address=newsletter.postal_address,
        web_url=links.archive(newsletter.slug, issue.number),
        number=issue.number,
        day=_day(issue.cut_off, newsletter),
        stories=stories(
            session,
            newsletter,
            held,
            language=language,
            links=links,
            sections=section_titles(sections_of(session, issue.id), issue.rules),
            rules=issue.rules,
        ),
        subject=issue.subject if own else "",
        preheader=issue.preheader if own else "",
        introduction=issue.introduction if own else "",
        replies_welcome=newsletter.reply_to is not None,
        language=_foreign(language, newsletter),
        dress=HOUSE if plain else dressing.dress_of(session, newsletter, links),
    )
    return Typesetter(content, locale=locale_of(language, newsletter), edition=edition)


class Typesetters:
    """The typesetters of an issue, made when they are first asked for; editions of a language share its stories."""

    def __init__(
        self, session: Session, issue: Issue, newsletter: Newsletter, links: Links, *, plain: bool = False
    ) -> None:
        self._make = partial(typesetter, session, issue, newsletter, links=links, plain=plain)
        self._made: dict[str, dict[Edition, Typesetter]] = {}

    def of(self, language: str, edition: Edition) -> Typesetter:
        """The typesetter of this language and edition."""
        made = self._made.setdefault(language, {})
        if edition not in made:
            kin = next(iter(made.values()), None)
            made[edition] = kin.in_edition(edition) if kin else self._make(language=language, edition=edition)
        return made[edition]


def set_mail(setter: Typesetter, held: Sequence[int]) -> RenderedMail:
    """The mail of these articles, with slots; in the house's look where the newsletter's own fails."""
    try:
        return set_strictly(setter, held)
    except LookFailedError as error:
        log.warning("A look failed, the house's is shown instead: %s", error)
        return set_strictly(setter.undressed(), held)


def set_strictly(setter: Typesetter, held: Sequence[int]) -> RenderedMail:
    """The same; LookFailedError where the look fails."""
    made = setter.set(held)
    return assemble([setter.block(key) for key in made.keys], subject=made.subject, preheader=made.preheader)


def seen_by(reader: Recipient | None, mail: RenderedMail, links: Links) -> RenderedMail:
    """The mail with its slots filled."""
    somebody = reader or Recipient(0, "", "", links.home(), links.home())
    return RenderedMail(
        subject=fill(mail.subject, somebody, html=False),
        preheader=fill(mail.preheader, somebody, html=False),
        html=fill(mail.html, somebody, html=True),
        text=fill(mail.text, somebody, html=False),
    )


def _day(moment: datetime, newsletter: Newsletter) -> date:
    return moment.astimezone(ZoneInfo(newsletter.timezone)).date()


def locale_of(language: str, newsletter: Newsletter) -> str:
    """What our own words come in: the language, else the newsletter's."""
    return known_locale(language) or known_locale(newsletter.language) or "en"


def _foreign(language: str, newsletter: Newsletter) -> str:
    """The language when our own words come in another one."""
    return "" if language == locale_of(language, newsletter) else language
