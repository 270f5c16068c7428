"""An issue as a mail and as a page: pure, from DigestContent to HTML and text, of all its stories."""

from dataclasses import replace

from newsletter.core.templating import RenderedMail
from newsletter.issues.content import DigestContent
from newsletter.issues.typesetting import BlockText, Typesetter, assemble, assemble_web
from newsletter.newsletters.editions import Edition


def render_digest(content: DigestContent, locale: str, *, edition: Edition = Edition.FULL) -> RenderedMail:
    """The mail of an issue for readers of all its stories.

    Marks of `newsletter.delivery.slots` stand where a reader's own links and data go, in the HTML, the text, the
    subject and the preheader. HTML and text have the same stories: those that did not fit are counted, with a link to
    the web page that has them.
    """
    subject, preheader, blocks = _set(content, locale, edition)
    return assemble(blocks, subject=subject, preheader=preheader)


def render_web(content: DigestContent, locale: str) -> str:
    """The issue as a fragment for the archive's page, see `assemble_web`."""
    return assemble_web(_set(content, locale, Edition.FULL)[2])


def _set(content: DigestContent, locale: str, edition: Edition) -> tuple[str, str, list[BlockText]]:
    numbered = tuple(replace(story, article_id=place) for place, story in enumerate(content.stories))
    typesetter = Typesetter(replace(content, stories=numbered), locale=locale, edition=edition)
    made = typesetter.set(range(len(numbered)))
    return made.subject, made.preheader, [typesetter.block(key) for key in made.keys]
