"""Jinja as the mails use it, and MJML to HTML.

Templates lie in `templates/` at the top level of the repository; a wheel carries the same tree as `newsletter/_templates`.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from mjml import mjml2html

import newsletter
from newsletter.core import i18n
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _

_PACKAGE: Final = Path(newsletter.__file__).parent
_BUNDLED: Final = _PACKAGE / "_templates"
TEMPLATES: Final = _BUNDLED if _BUNDLED.is_dir() else _PACKAGE.parent / "templates"

_AT: Final = re.compile(r" at position (\d+):\d+")


@cache
def environment() -> Environment:
    """The environment of all mails: what goes into HTML and MJML is escaped, what is undefined is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES / "email"),
        autoescape=select_autoescape(("html", "mjml")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(i18n.gettext, i18n.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.filters.update(date=i18n.format_date, datetime=i18n.format_datetime, number=i18n.format_number)
    return made


def render(template: str, /, **values: object) -> str:
    """A template below `templates/email/` in the current language, for example `render("confirm/body.txt", ...)`."""
    return environment().get_template(template).render(values)


def mjml_to_html(mjml: str) -> str:
    """The HTML of a mail. Raises RefusedError that names the line for MJML that cannot be read.

    Values are escaped when the MJML is made; the compiler hands text and attributes on as they are. It knows no
    includes and loads no fonts: a mail asks nobody for anything.
    """
    try:
        return str(mjml2html(mjml, fonts={}))
    except ValueError as error:
        position = _AT.search(str(error))
        line = mjml.encode()[: int(position[1])].count(b"\n") + 1 if position else mjml.count("\n") + 1
        reason = str(error).partition(" in root template")[0]
        raise RefusedError(
            _("The template of this mail has an error in line %(line)s: %(reason)s.", line=line, reason=reason)
        ) from error
