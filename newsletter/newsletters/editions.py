"""The editions of a newsletter, apart from its tables: rendering knows them and needs no database."""

from enum import StrEnum

from newsletter.core.i18n import gettext as _


class Edition(StrEnum):
    """How much of an issue a reader wants: with pictures, without, or as plain text."""

    FULL = "full"
    LIGHT = "light"
    TEXT = "text"


def edition_names() -> dict[Edition, str]:
    """What editions are called."""
    return {Edition.FULL: _("full"), Edition.LIGHT: _("light"), Edition.TEXT: _("text only")}
