"""An issue in pieces: which of them a reader's articles ask for, each rendered once, and the whole put together.

Pure, and the same code for a preview, a proof and the freeze: what one of them shows the others send.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from markupsafe import escape

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import use_locale
from newsletter.core.templating import RenderedMail
from newsletter.delivery.slots import protect
from newsletter.issues.content import HOUSE, DigestContent, LookFailedError, Story
from newsletter.issues.layout import Headings, Piece, fit, lay_out, list_up, most_cards, pieces_of
from newsletter.issues.pieces import PREHEADER_MARK, STORIES, SUBJECT_MARK, BlockText, Pieces
from newsletter.issues.subject import make_preheader, make_subject
from newsletter.issues.tidy import read_on, tidy, tidy_story
from newsletter.newsletters.editions import Edition

__all__ = ["BlockText", "SetIssue", "Typesetter", "assemble", "assemble_web"]

SUBJECTS = 2  # times that the subject stands in the HTML


@dataclass(frozen=True, slots=True)
class SetIssue:
    """An issue for readers of the same articles: keys of its blocks in their order. Subject and preheader hold slots
    where an editor wants a reader's own data.
    """

    subject: str
    preheader: str
    keys: tuple[str, ...]


class Written(Protocol):
    """A block, just rendered or read from the database."""

    @property
    def html(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def web_html(self) -> str: ...


class Typesetter:
    """Sets an issue in one language and edition. `content` has every story that any reader may get; `locale` is what
    our own words come in.

    Nothing is rendered twice: setting the articles of one more kind of reader is a matter of lists and sums.
    """

    def __init__(
        self,
        content: DigestContent,
        *,
        locale: str,
        edition: Edition = Edition.FULL,
        tidied: Mapping[int, Story] | None = None,
    ) -> None:
        """`tidied`: the content's stories by article, where they were made tidy before."""
        self._content = content
        self._locale = locale
        self._edition = edition
        self._number = content.number
        self._left_out = content.left_out
        self._frame = tidy(content)
        on_page = tidied or _tidied(content)
        in_mail = {article: read_on(content.web_url, story) for article, story in on_page.items()}
        self._tidied = on_page
        self._stories: dict[int, Story] = in_mail
        self._headings = Headings(tuple(in_mail.values()))
        self._pieces = Pieces(content, in_mail, on_page, self._headings, locale=locale, edition=edition)
        self._newsletter = tidy(content, web=True).newsletter
        self._language = content.language or locale
        self._keys: dict[Piece, str] = {}
        self._weights: dict[Piece, int] = {}
        self._blocks: dict[str, BlockText] = {}
        self._told: dict[str, Story] = {}

    def set(self, article_ids: Sequence[int]) -> SetIssue:
        """The issue of these articles, in this order; in HTML at most 90 kB, so that no mail program cuts it. What does
        not fit is counted, with a link to the web page that has it.

        Raises RefusedError for what cannot be rendered, KeyError for an article that the issue does not have.
        """
        subject, preheader = self._titles(article_ids)
        pieces = fit(
            partial(self._arrange, article_ids),
            partial(self._weigh, _bytes(subject) * SUBJECTS + _bytes(preheader)),
            cards=0 if self._edition is Edition.LIGHT else most_cards(article_ids, self._headings),
            shown=len(article_ids),
        )
        return SetIssue(subject, preheader, tuple([self._keys[piece] for piece in pieces if piece in self._keys]))

    def block(self, key: str) -> BlockText:
        """A block that an issue was set with."""
        return self._blocks[key]

    def story(self, key: str) -> Story | None:
        """The story that a block tells; None for one that tells none."""
        return self._told.get(key)

    def _arrange(self, article_ids: Sequence[int], cards: int, shown: int) -> list[Piece]:
        if self._edition is Edition.LIGHT:
            layout = list_up(article_ids, self._headings, shown=shown)
        else:
            layout = lay_out(article_ids, self._headings, cards=cards, shown=shown)
        return pieces_of(layout, left_out=self._left_out)

    def _weigh(self, titles: int, pieces: list[Piece]) -> int:
        """Bytes of HTML, of which the subject and the preheader are some."""
        weights = self._weights
        if missing := [piece for piece in pieces if piece not in weights]:
            self._render(dict.fromkeys(missing))
        return sum([weights[piece] for piece in pieces], titles)

    def _render(self, pieces: Iterable[Piece]) -> None:
        for piece, block in self._rendered(pieces).items():
            key = f"{piece.kind}:{self._language}:{self._edition}:{piece.which}"
            self._weights[piece] = len(block.html.encode())
            if block.html or block.text or block.web_html:
                self._keys[piece] = key
                self._blocks[key] = block
                if piece.kind in STORIES:
                    self._told[key] = self._stories[piece.which]

    def _rendered(self, pieces: Iterable[Piece]) -> dict[Piece, BlockText]:
        try:
            return self._pieces.render(pieces)
        except Exception as error:
            if self._content.dress.is_house:
                raise
            reason = str(error) if isinstance(error, RefusedError) else type(error).__name__
            raise LookFailedError(reason) from error

    def in_edition(self, edition: Edition) -> "Typesetter":
        """What sets the same issue in another edition, without preparing its stories again."""
        return Typesetter(self._content, locale=self._locale, edition=edition, tidied=self._tidied)

    def undressed(self) -> "Typesetter":
        """The same in the house's look."""
        return Typesetter(replace(self._content, dress=HOUSE), locale=self._locale, edition=self._edition)

    @property
    def is_dressed(self) -> bool:
        """Whether it sets in a look of the newsletter's own."""
        return not self._content.dress.is_house

    def _titles(self, article_ids: Sequence[int]) -> tuple[str, str]:
        """What an editor wrote, else what the stories give."""
        subject, preheader = self._frame.subject, self._frame.preheader
        if subject and preheader:
            return subject, preheader
        stories = [self._stories[article] for article in article_ids]
        with use_locale(self._locale):
            if not subject:
                subject = protect(make_subject(stories, newsletter=self._newsletter, number=self._number))
            if not preheader:
                preheader = protect(make_preheader(stories))
        return subject, preheader


def assemble(blocks: Sequence[Written], *, subject: str, preheader: str) -> RenderedMail:
    """A mail of its blocks; its HTML is empty for a mail that is text only."""
    head, *others = [block.html for block in blocks] or [""]
    head = head.replace(SUBJECT_MARK, str(escape(subject))).replace(PREHEADER_MARK, str(escape(preheader)))
    return RenderedMail(
        subject=subject,
        preheader=preheader,
        html="".join([head, *others]),
        text="".join([block.text for block in blocks]),
    )


def assemble_web(blocks: Sequence[Written]) -> str:
    """The issue as a fragment for the archive's page, below a heading of that page: every story, nothing personal.

    It has no style attribute, as the policy of our pages wants it. Stories without an address of their own are whole.
    """
    return "".join([block.web_html for block in blocks])


def _tidied(content: DigestContent) -> dict[int, Story]:
    told = [story if content.dress.look.minutes else replace(story, minutes=0) for story in content.stories]
    return {story.article_id: tidy_story(story) for story in told}


def _bytes(text: str) -> int:
    return len(escape(text).encode())
