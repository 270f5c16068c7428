"""Saving a look: tried on a real issue first, in every language and edition, kept with those before it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.articles import queries as articles
from newsletter.articles.samples import load_samples
from newsletter.core.errors import ConflictError, NotFoundError, RefusedError
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.core.templating import RenderedMail
from newsletter.core.urls import Links
from newsletter.issues import digest, dressing, inspection, preview
from newsletter.issues.content import HOUSE, DigestContent, Dress, Story
from newsletter.issues.layout import MOST_WEIGHT
from newsletter.issues.own_mjml.reading import read_template
from newsletter.issues.preflight import look as looking
from newsletter.issues.preflight import wording
from newsletter.issues.preflight.findings import Finding, fatal, merged
from newsletter.issues.stories import stories
from newsletter.issues.typesetting import Typesetter
from newsletter.newsletters.editions import Edition
from newsletter.newsletters.look import look_document, read_look
from newsletter.newsletters.look_models import SavedLook
from newsletter.newsletters.models import Newsletter

KEPT: Final = 20  # looks of a newsletter that can be put back
TRIED: Final = 5  # stories of the issue a look is tried on
LIGHT_ENOUGH: Final = 40_000  # bytes of HTML; what a digest of five is meant to stay below


@dataclass(frozen=True, slots=True)
class Fitting:
    """How a dress fits. `weight`: bytes of the heaviest form of a digest of five. `problems`: sentences, for which it
    is refused; `findings`: what else was found, and the house's look has not.
    """

    dress: Dress
    weight: int
    problems: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def latest_id(session: Session, newsletter_id: int) -> int:
    """The look in force, 0 when none was ever saved: what a form brings back, so that nobody overwrites another."""
    query = select(SavedLook.id).where(SavedLook.newsletter_id == newsletter_id).order_by(SavedLook.id.desc()).limit(1)
    return session.scalar(query) or 0


def history(session: Session, newsletter_id: int) -> list[SavedLook]:
    """The last looks, the one in force first."""
    query = select(SavedLook).where(SavedLook.newsletter_id == newsletter_id).order_by(SavedLook.id.desc()).limit(KEPT)
    return list(session.scalars(query))


def find(session: Session, newsletter_id: int, look_id: int) -> SavedLook:
    found = session.get(SavedLook, look_id)
    if found is None or found.newsletter_id != newsletter_id:
        raise NotFoundError(_("This look is not kept any more."))
    return found


def sample(
    session: Session, newsletter: Newsletter, dress: Dress, *, language: str, links: Links, now: datetime
) -> DigestContent:
    """The newsletter's next digest, else one of its latest articles, else one of a few that come with the service."""
    held = [item.article_id for item in digest.next_articles(session, newsletter, cut_off=now)][: TRIED * 2]
    if not held:
        held = [row.article.id for row in articles.page(session, newsletter.id, limit=TRIED) if not row.withdrawn_at]
    told = stories(
        session, newsletter, held, language=language, links=links, sections={}, rules=newsletter.rules
    ) or _samples(language)
    return preview.content_of_next(session, newsletter, told, language=language, links=links, now=now, dress=dress)


def shown(
    session: Session,
    newsletter: Newsletter,
    dress: Dress,
    *,
    language: str,
    edition: Edition,
    links: Links,
    now: datetime,
) -> RenderedMail:
    """The sample in a dress, as the public may see it. Raises RefusedError for a dress that cannot be worn."""
    content = sample(session, newsletter, dress, language=language, links=links, now=now)
    setter = Typesetter(content, locale=preview.locale_of(language, newsletter), edition=edition)
    mail = preview.set_strictly(setter, [story.article_id for story in content.stories])
    return preview.seen_by(None, mail, links)


def fit(session: Session, newsletter: Newsletter, dress: Dress, *, links: Links, now: datetime) -> Fitting:
    """Try a dress on in every language and edition: it is rendered, looked at as before each departure, and weighed."""
    weight, found = 0, list[Finding]()
    try:
        if dress.template:
            read_template(dress.template)
        for language in newsletter.languages or LOCALES:
            content = sample(session, newsletter, dress, language=language, links=links, now=now)
            locale = preview.locale_of(language, newsletter)
            for edition in Edition:
                mail = _worn(content, locale, edition)
                weight = max(weight, len(mail.html.encode()))
                if told := _found(mail):
                    usual = {item.key for item in _found(_worn(replace(content, dress=HOUSE), locale, edition))}
                    found += [item for item in told if item.key not in usual]
    except RefusedError as error:
        return Fitting(dress, weight, (str(error),))
    problems = [wording.in_words(item) for item in fatal(found)]
    if weight > MOST_WEIGHT:
        problems.append(
            _(
                "A digest of five weighs %(size)d kB like that, and mail programs cut what is over %(most)d.",
                size=weight // 1000,
                most=MOST_WEIGHT // 1000,
            )
        )
    return Fitting(dress, weight, tuple(dict.fromkeys(problems)), tuple(merged(found)))


def save(
    session: Session, newsletter: Newsletter, fitting: Fitting, *, actor: str, now: datetime, seen: int | None = None
) -> SavedLook:
    """Wear what fits from now on; issues that have left keep what they wore.

    `seen`: the look that somebody had before their eyes. RefusedError for what does not fit, ConflictError when another
    was saved meanwhile.
    """
    if fitting.problems:
        raise RefusedError(" ".join(fitting.problems))
    session.refresh(newsletter, with_for_update=True)
    if seen is not None and seen != latest_id(session, newsletter.id):
        raise ConflictError(_("Somebody else has saved a look meanwhile. Look at theirs before you save yours."))
    dress = fitting.dress
    document, template = look_document(dress.look) or None, dress.template or None
    before = {"look": newsletter.look, "own_template": bool(dressing.template_of(session, newsletter))}
    newsletter.look, newsletter.look_template, newsletter.look_failed = document, template, None
    saved = SavedLook(
        newsletter_id=newsletter.id,
        look=document,
        template=template,
        own_template=template is not None,
        saved_by=actor,
        saved_at=now,
    )
    session.add(saved)
    session.flush()
    _forget_old(session, newsletter.id)
    audit.record(
        session,
        actor=actor,
        action="newsletter.look",
        subject="newsletter",
        subject_id=newsletter.id,
        now=now,
        before=before,
        after={"look": document, "own_template": template is not None},
    )
    return saved


def dress_kept(session: Session, newsletter: Newsletter, look_id: int, links: Links) -> Dress:
    """A look that was kept, to be tried on and saved again."""
    kept = find(session, newsletter.id, look_id)
    return dressing.dressed(read_look(kept.look), kept.template or "", links)


def _worn(content: DigestContent, locale: str, edition: Edition) -> RenderedMail:
    """A digest of five."""
    setter = Typesetter(content, locale=locale, edition=edition)
    return preview.set_strictly(setter, [story.article_id for story in content.stories][:TRIED])


def _found(mail: RenderedMail) -> list[Finding]:
    return looking.look(inspection.copy_of(mail))


def _samples(language: str) -> tuple[Story, ...]:
    drafts: Sequence[Any] = [pair[0 if language == "fr" else 1] for pair in load_samples()]
    return tuple(
        Story(
            title=draft.title,
            url="https://news.example/sample",
            summary=draft.summary,
            article_id=place,
            key=f"a{place}",
        )
        for place, draft in enumerate(drafts[:TRIED], start=1)
    )


def _forget_old(session: Session, newsletter_id: int) -> None:
    oldest = (
        select(SavedLook.id).where(SavedLook.newsletter_id == newsletter_id).order_by(SavedLook.id.desc()).offset(KEPT)
    )
    if gone := list(session.scalars(oldest)):
        session.execute(delete(SavedLook).where(SavedLook.id.in_(gone)))
