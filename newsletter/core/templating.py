"""Jinja as the mails use it, and MJML to HTML.

Templates lie in `templates/` at the top level of the repository; a wheel carries the same tree as
`newsletter/_templates`.
"""

import re
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from mjml import mjml2html

import newsletter
from newsletter.core import i18n
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.paint import HOUSE

_PACKAGE: Final = Path(newsletter.__file__).parent
_BUNDLED: Final = _PACKAGE / "_templates"
TEMPLATES: Final = _BUNDLED if _BUNDLED.is_dir() else _PACKAGE.parent / "templates"

_INDENT: Final = re.compile(r"[ \t]*\n\s*")
_BLANK_LINES: Final = re.compile(r"\n\s*\n")
_AT: Final = re.compile(r" at position (\d+):\d+")


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """What a person reads of a mail. `preheader`: what inboxes show behind the subject; the HTML has it too."""

    subject: str
    preheader: str
    html: str
    text: str


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
    made.filters["wrap"] = wrap
    made.globals["paint"] = HOUSE  # of a mail that brings none of its own
    return made


def render(template: str, /, **values: object) -> str:
    """A template below `templates/email/` in the current language, for example `render("confirm/body.txt", ...)`.

    Plain text comes out with single blank lines, ended by one line feed; a subject on one line without it.
    """
    text = environment().get_template(template).render(values)
    if not template.endswith(".txt"):
        return text
    text = plain(text)
    return " ".join(text.split("\n")) if template.endswith("subject.txt") else f"{text}\n"


def macros(template: str, /, **values: object) -> Any:
    """The macros of a template below `templates/email/`, which know these values; they speak the language that is
    current when they are called.
    """
    return environment().get_template(template).make_module(values)


def plain(text: str) -> str:
    """Plain text with single blank lines inside and none around."""
    return _BLANK_LINES.sub("\n\n", text).strip()


def render_mail(name: str, locale: str, /, *, preheader: str = "", **values: object) -> RenderedMail:
    """A mail of the three templates in `templates/email/<name>/`, in this language; a `paint` among the values is what
    it is painted with.
    """
    with i18n.use_locale(locale):
        subject = render(f"{name}/subject.txt", **values)
        parts = {"locale": locale, "subject": subject, "preheader": preheader, **values}
        return RenderedMail(
            subject=subject,
            preheader=preheader,
            html=compact(mjml_to_html(render(f"{name}/body.mjml", **parts))),
            text=render(f"{name}/body.txt", **parts),
        )


def wrap(text: str, first: str = "", rest: str = "") -> str:
    """Plain text in lines of at most 72 characters, led by `first` and `rest`; a longer word (a link) stays whole."""
    lines = textwrap.wrap(
        text, 72, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines)


def compact(html: str) -> str:
    """HTML without the blanks that templates are laid out with. Line ends stay single, so no line grows long for it."""
    return _INDENT.sub("\n", html).strip() + "\n"


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
