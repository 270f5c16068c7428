"""Pieces of an issue as HTML, as text and for the web: many at a time, since one run of the MJML compiler costs as much
as some stories.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from newsletter.core.i18n import direction, format_date, use_locale
from newsletter.core.i18n import gettext as _
from newsletter.core.templating import compact, macros, mjml_to_html, plain
from newsletter.delivery.slots import SLOT_PREFERENCES, SLOT_UNSUBSCRIBE, protect
from newsletter.issues import footer
from newsletter.issues.content import DigestContent, Elsewhere, Image, Story
from newsletter.issues.layout import Headings, Kind, Piece
from newsletter.issues.own_mjml.compiling import compile_apart
from newsletter.issues.own_mjml.writing import OwnMjml
from newsletter.issues.tidy import CARD_WORDS, LEAD_WORDS, SENTENCE_WORDS, Told, in_a_sentence, protected, tidy, told
from newsletter.newsletters.editions import Edition
from newsletter.newsletters.look import paint_of

# Marks from the private use area of Unicode, which no text of ours has: it is taken out of what people write.
SUBJECT_MARK: Final = "\ue001"
PREHEADER_MARK: Final = "\ue002"
_CUT: Final = Markup("\ue003")

_ESCAPED_SUBJECT: Final = r"\u{e001}"  # so the compiler writes it in an attribute

PICTURE_WIDTH: Final = 536  # pixels between the margins of a column of 600

_ROW_CUT: Final = Markup("<mj-raw>{}</mj-raw>").format(_CUT)
STORIES: Final = {
    Kind.LEAD: LEAD_WORDS,
    Kind.FIRST_CARD: CARD_WORDS,
    Kind.CARD: CARD_WORDS,
    Kind.FIRST_LINE: 0,
    Kind.LINE: 0,
    Kind.ONLINE: 0,
}
_ROWS: Final = (Kind.HEAD, Kind.LEAD, Kind.HEADING, Kind.FIRST_CARD, Kind.CARD, Kind.MORE, Kind.FOOT)
_LINES: Final = (Kind.FIRST_LINE, Kind.LINE)
_MAIL_ONLY: Final = (Kind.LINES, Kind.LINES_END, Kind.MORE)


@dataclass(frozen=True, slots=True)
class BlockText:
    """A piece as it stands in a mail and on the web; empty where it has no part in one of them."""

    html: str
    text: str
    web_html: str


class Pieces:
    """Renders pieces of an issue in one language and edition. `on_page` and `in_mail` are its tidy stories by article:
    those of the web page have no link to it.
    """

    def __init__(
        self,
        content: DigestContent,
        in_mail: Mapping[int, Story],
        on_page: Mapping[int, Story],
        headings: Headings,
        *,
        locale: str,
        edition: Edition,
    ) -> None:
        self._mail = tidy(content)
        self._web = tidy(content, web=True)
        self._in_mail = in_mail
        self._on_page = on_page
        self._headings = headings
        self._locale = locale
        self._edition = edition
        self._look = content.dress.look
        self._paint = paint_of(content.dress.look)

    def render(self, asked: Iterable[Piece]) -> dict[Piece, BlockText]:
        """Each piece in its forms."""
        pieces = list(asked)
        with use_locale(self._locale):
            html = self._html(pieces) if self._edition is not Edition.TEXT else {}
            texts = self._texts(pieces)
            webs = self._webs(pieces) if self._edition is Edition.FULL else {}
        return {piece: BlockText(html.get(piece, ""), texts.get(piece, ""), webs.get(piece, "")) for piece in pieces}

    def _html(self, pieces: Sequence[Piece]) -> dict[Piece, str]:
        """All in one document, cut where marks stand between them. What opens it belongs to the head, what closes it to
        the foot, and so it is with lines.
        """
        rows = [piece for piece in pieces if piece.kind in _ROWS]
        lines = [piece for piece in pieces if piece.kind in _LINES]
        write = self._macros(
            "light.mjml" if self._edition is Edition.LIGHT else "body.mjml",
            self._mail,
            own=True,
            pictured_stories=self._edition is Edition.FULL,
            footer=Markup(protect(footer.as_mail(self._look.footer, self._paint))),  # noqa: S704 - it was Markup before
        )
        inside = _CUT + Markup("").join(self._write(write, piece, mail=True) + _CUT for piece in lines)
        written = Markup("").join(self._write(write, piece, mail=True) + _ROW_CUT for piece in rows)
        document = write.frame(_ROW_CUT + written + write.lines(inside) + _ROW_CUT)
        opening, *cut, closing = compact(self._compile(document)).split(_CUT)
        made = dict(zip((*rows, Piece(Kind.LINES), *lines, Piece(Kind.LINES_END)), map(_piece, cut), strict=True))
        head, foot = Piece(Kind.HEAD), Piece(Kind.FOOT)
        if head in made:
            made[head] = _piece(opening.replace(_ESCAPED_SUBJECT, SUBJECT_MARK)) + made[head]
        if foot in made:
            made[foot] += _piece(closing)
        return made

    def _compile(self, document: str) -> str:
        """MJML that somebody wrote is compiled where it can do no harm."""
        return compile_apart(document) if self._mail.dress.template else mjml_to_html(document)

    def _texts(self, pieces: Sequence[Piece]) -> dict[Piece, str]:
        write = self._macros("light.txt" if self._edition is Edition.LIGHT else "body.txt", self._mail)
        made = {}
        for piece in pieces:
            if piece.kind in _ROWS or piece.kind in _LINES:
                text = plain(str(self._write(write, piece, mail=True)))
                made[piece] = f"{text}\n" if piece.kind is Kind.FOOT else f"{text}\n\n"
        return made

    def _webs(self, pieces: Sequence[Piece]) -> dict[Piece, str]:
        write = self._macros("web.html", self._web, footer=footer.as_html(self._look.footer), sites=self._look.links)
        return {
            piece: compact(str(self._write(write, piece, mail=False)))
            for piece in pieces
            if piece.kind not in _MAIL_ONLY
        }

    def _macros(self, template: str, content: DigestContent, *, own: bool = False, **others: Any) -> Any:
        values = self._values(content) | others
        if own and content.dress.template:
            return OwnMjml(content.dress.template, values)
        return macros(f"digest/{template}", **values)

    def _values(self, content: DigestContent) -> dict[str, Any]:
        """What a template is filled with."""
        language = content.language or self._locale
        logo = content.dress.logo
        return {
            "look": self._look,
            "paint": self._paint,
            "logo": logo,
            "pictured": logo is not None and self._edition is Edition.FULL,
            "plate": logo is not None and self._look.logo is not None and self._look.logo.plate,
            "footer": "",
            "footer_text": protect(footer.as_text(self._look.footer)),
            "sites": [Elsewhere(protect(place.name), protect(place.url)) for place in self._look.links],
            "digest": content,
            "locale": language,
            "direction": direction(language),
            "title": SUBJECT_MARK,
            "preheader": PREHEADER_MARK,
            "day": format_date(content.day),
            "introduction": [text for text in content.introduction.split("\n\n") if text],
            "sender": ", ".join(filter(None, (content.publisher, content.postal_address))),
            "unsubscribe": SLOT_UNSUBSCRIBE,
            "preferences": SLOT_PREFERENCES,
            "picture_height": picture_height,
        }

    def _write(self, write: Any, piece: Piece, *, mail: bool) -> Any:
        """What the template makes of a piece."""
        kind, which = piece
        if kind in STORIES:
            story = self._told(piece, mail=mail)
            if kind in (Kind.FIRST_CARD, Kind.CARD):
                return write.card(story, kind is Kind.FIRST_CARD)
            if kind is Kind.LEAD:
                return write.lead(story)
            return write.line(story, kind is Kind.FIRST_LINE)
        if kind is Kind.HEADING:
            title = self._title(which)
            return write.heading(protect(title) if mail else title)
        if kind is Kind.ONLINE_HEADING:
            return write.heading(self._title(Headings.IN_BRIEF))
        if kind is Kind.MORE:
            return write.more(which)
        return getattr(write, kind.replace("-", "_"))()

    def _told(self, piece: Piece, *, mail: bool) -> Told:
        kind, article = piece
        lead = kind is Kind.LEAD
        if not mail:
            return told(self._on_page[article], STORIES[kind], self._web.day, group=lead)
        story = self._in_mail[article]
        if self._edition is Edition.LIGHT:
            return protected(told(in_a_sentence(story), SENTENCE_WORDS, self._mail.day, group=lead))
        return protected(told(story, STORIES[kind], self._mail.day, group=lead))

    def _title(self, heading: int) -> str:
        if heading == Headings.IN_BRIEF:
            return _("In brief")
        return self._headings.titles[heading] or _("Also in this issue")


def picture_height(image: Image) -> int:
    """The height of a picture at the width of a mail; 0 when its size is not known."""
    return round(PICTURE_WIDTH * image.height / image.width) if image.width and image.height else 0


def _piece(html: str) -> str:
    """Pieces stand on lines of their own."""
    stripped = html.strip()
    return f"{stripped}\n" if stripped else ""
