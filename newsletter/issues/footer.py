"""What stands at the foot of a newsletter's mails by its look: a little Markdown, as HTML and as text."""

import re
from typing import Final

from markupsafe import Markup

from newsletter.core.markup import html_to_text, markdown_to_html
from newsletter.core.paint import Paint
from newsletter.core.tags import flatten

KEPT: Final[dict[str, set[str]]] = {"p": set(), "br": set(), "strong": set(), "em": set(), "a": {"href"}}
DROPPED: Final = frozenset({"img", "table", "pre", "hr", "figure"})

# The sanitiser has written these tags itself, bare of attributes.
_BLOCK: Final = re.compile(r"<(/?)(?:h[2-4]|li|div|blockquote|dt|dd)>")
_LINK: Final = re.compile(r"<a href=")


def as_html(text: str) -> Markup:
    """Paragraphs, links and emphasis; anything else is left out, or its text alone stays."""
    cleaned = _BLOCK.sub(r"<\1p>", markdown_to_html(text)) if text else ""
    return Markup(flatten(cleaned, KEPT, DROPPED).strip())  # noqa: S704 - sanitised, then reduced to five tags


def as_mail(text: str, paint: Paint) -> Markup:
    """The same with the styles that a mail program wants on each element."""
    html = _LINK.sub(f'<a class="acc" style="color:{paint.light.link};text-decoration:underline" href=', as_html(text))
    return Markup(html.replace("<p>", '<p style="margin:10px 0 0">'))  # noqa: S704 - only styles of ours were added


def as_text(text: str) -> str:
    return html_to_text(str(as_html(text))) if text else ""
