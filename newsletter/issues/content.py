"""What an issue says, as values: rendering takes nothing else, so a preview, a proof and the real thing are one."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from newsletter.core.errors import RefusedError
from newsletter.newsletters.look import HOUSE_LOOK, Look


@dataclass(frozen=True, slots=True)
class Image:
    """A picture on the web. `alt` says what it shows; sizes in pixels, 0 when not known."""

    url: str
    alt: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another place that tells the same story."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Story:
    """One article as a digest shows it; plain text, but `body_html`, which was made safe when the article was stored.

    `url` is where it is read, empty when only the issue's own web page has it: give `body_html` then, and a `key`,
    which becomes its anchor there. `minutes` 0: not known. `section` is the title of its section, in an issue that has
    some. `updated`: readers may know an earlier form of it. `day`: when it was published. `language`, when it is
    another than the issue's.
    """

    title: str
    url: str = ""
    summary: str = ""
    topic: str = ""
    author: str = ""
    source: str = ""
    minutes: int = 0
    image: Image | None = None
    key: str = ""
    body_html: str = ""
    article_id: int = 0
    section: str = ""
    updated: bool = False
    also_in: tuple[Elsewhere, ...] = ()
    day: date | None = None
    language: str = ""


class LookFailedError(RefusedError):
    """An issue cannot be rendered in the look of its newsletter; in the house's it may be."""


@dataclass(frozen=True, slots=True)
class Dress:
    """What an issue wears: a checked look, the picture of its logo at the size it is shown, and MJML of the
    newsletter's own, in its one text (see own_mjml.template); empty: the house's.
    """

    look: Look = HOUSE_LOOK
    logo: Image | None = None
    template: str = ""

    @property
    def is_house(self) -> bool:
        return self.look == HOUSE_LOOK and not self.template


HOUSE: Final = Dress()


@dataclass(frozen=True, slots=True)
class DigestContent:
    """An issue. `day` is the date in the newsletter's time zone, `web_url` its page in the archive.

    `stories` are all that any reader gets, each with its `article_id`. `language` is what they are written in, when our
    own words do not come in it. An empty `subject` or `preheader` is made from a reader's stories. `introduction` is
    plain text, blank lines between paragraphs.
    `replies_welcome`: somebody reads the answers, so the footer asks for them. `left_out` stories are on the web only.
    """

    newsletter: str
    publisher: str
    postal_address: str
    web_url: str
    number: int
    day: date
    stories: tuple[Story, ...]
    subject: str = ""
    preheader: str = ""
    introduction: str = ""
    replies_welcome: bool = False
    left_out: int = 0
    language: str = ""
    dress: Dress = HOUSE
