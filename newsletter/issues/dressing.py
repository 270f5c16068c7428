"""What the issues of a newsletter wear. A look that cannot be read is none: an issue leaves in the house's then."""

import logging
import re
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.articles import uploads
from newsletter.core import imaging
from newsletter.core.i18n import gettext as _
from newsletter.core.imaging import Encoded
from newsletter.core.paint import DARK, LIGHT
from newsletter.core.templating import TEMPLATES
from newsletter.core.urls import Links
from newsletter.issues.content import HOUSE, Dress, Image
from newsletter.newsletters.look import NARROWEST_LOGO, Logo, Look, paint_of
from newsletter.newsletters.models import Newsletter
from newsletter.newsletters.wearing import look_of

log = logging.getLogger(__name__)

LOGO_WIDTH: Final = 240  # pixels, where nobody has set it

_PAINTED: Final = ("sheet", "well", "ink2", "ink3", "rule", "link")


def template_of(session: Session, newsletter: Newsletter) -> str:
    """MJML of its own, empty when it has none."""
    return session.scalar(select(Newsletter.look_template).where(Newsletter.id == newsletter.id)) or ""


def dress_of(session: Session, newsletter: Newsletter, links: Links) -> Dress:
    template = template_of(session, newsletter)
    if newsletter.look is None and not template:
        return HOUSE
    return dressed(look_of(newsletter), template, links)


def dressed(look: Look, template: str, links: Links) -> Dress:
    """A look and MJML as an issue wears them."""
    logo = look.logo
    if logo is None:
        return Dress(look, None, template)
    return Dress(
        look, Image(links.media(logo.key, logo.content_type), logo.alt, logo.shown, logo.shown_height), template
    )


def note_failure(newsletter: Newsletter, number: int, reason: str, *, now: datetime) -> None:
    """An issue leaves in the house's look for its own has failed: say so in the log, and on the desk until it is
    mended.
    """
    log.warning("Issue %s of %s leaves in the house's look, since its own failed: %s", number, newsletter.slug, reason)
    newsletter.look_failed = {"at": now.isoformat(), "issue": number, "reason": reason[:500]}


def starting_text(look: Look) -> str:
    """The house's mail as MJML to begin from, in the colours of a look, with a word on how it is written."""
    text = (TEMPLATES / "email" / "parts" / "own.mjml").read_text("utf-8")
    paint = paint_of(look)
    own = {
        getattr(house, name): getattr(mine, name)
        for house, mine in ((LIGHT, paint.light), (DARK, paint.dark))
        for name in _PAINTED
    }
    said = (
        _("The house’s mail as MJML of your own."),
        _('A slot is {{ name }}; an element with if="name" is left out where that slot is empty.'),
        _("Each block begins with a line like the next one; docs/looks.md lists the slots of each."),
    )
    head = "\n     ".join(said)
    return f"<!-- {head} -->\n" + re.sub("|".join(own), lambda found: own[found[0]], text)


def with_logo(look: Look, made: Encoded, *, shown: int = LOGO_WIDTH, alt: str | None = None) -> Look:
    """The look with another logo, shown no wider than it is."""
    before = look.logo
    logo = Logo(
        uploads.key_of(made),
        made.content_type,
        made.width,
        made.height,
        shown=max(NARROWEST_LOGO, min(shown, made.width)),
        alt=(before.alt if before else "") if alt is None else alt,
        plate=imaging.is_dark(made),
    )
    return replace(look, logo=logo)
