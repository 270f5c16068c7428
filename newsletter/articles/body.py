"""The body of an article: HTML whose text was cleaned and whose leftovers are gone, and HTML made from paragraphs."""

import html
import re
from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from newsletter.articles.draft import Facts
from newsletter.articles.leftovers import sift
from newsletter.core.markup import sanitise
from newsletter.core.prose import clean_characters, clean_line

_TAG: Final = re.compile(r"(<[^>]*>)")
_INLINE: Final = re.compile(r"</?(?:a|abbr|strong|b|em|i|cite|q|s|del|sub|sup|small|mark|code)\b")
_TWO_BREAKS: Final = re.compile(r"<br>\s*<br>(?:\s*<br>)*")
_BULLET: Final = re.compile(r"[-–—•*·▪‣●]\s+")


def clean_body(markup: str, zone: tzinfo) -> tuple[str, Facts]:
    """Sanitised HTML with clean text and without leftovers of a page, and what these told about the article."""
    # Pages of a certain age part their paragraphs by two line breaks.
    safe = sanitise(_TWO_BREAKS.sub("</p><p>", sanitise(clean_characters(markup))))
    tokens = _TAG.split(safe)
    segments = _segments(tokens)
    texts = ["".join(html.unescape(tokens[place]) for place in segment) for segment in segments]
    # An empty line behind each says that they are blocks of their own.
    sifted = sift([line for text in texts for line in (clean_line(re.sub(r"\s*\n\s*", " ", text)), "")], zone)
    for segment, line in zip(segments, sifted.lines[::2], strict=True):
        if line is None:
            for place in segment:
                tokens[place] = ""
        elif len(segment) == 1:
            tokens[segment[0]] = html.escape(line, quote=False)
        else:
            for place, piece in zip(
                segment, _clean_pieces([html.unescape(tokens[place]) for place in segment]), strict=True
            ):
                tokens[place] = html.escape(piece, quote=False)
    body = "".join("\n" if "\n" in token and not token.strip() else token for token in tokens)
    return sanitise(body), sifted.found


def paragraphs_to_html(paragraphs: Sequence[str]) -> str:
    """HTML of plain paragraphs; neighbours that begin with a dash or a bullet are one list."""
    pieces: list[str] = []
    in_list = False
    for paragraph in paragraphs:
        bullet = _BULLET.match(paragraph)
        # A single dash may open a line of dialogue, but a list reads the same.
        if bool(bullet) != in_list:
            pieces.append("<ul>" if bullet else "</ul>")
            in_list = bool(bullet)
        text = html.escape(paragraph[bullet.end() :] if bullet else paragraph, quote=False)
        pieces.append(f"<li>{text}</li>" if bullet else f"<p>{text}</p>")
    if in_list:
        pieces.append("</ul>")
    return "\n".join(pieces)


def _segments(tokens: list[str]) -> list[list[int]]:
    """Places of the text tokens that stand on one line: between two tags that are not inline. No preformatted text."""
    segments: list[list[int]] = [[]]
    preformatted = 0
    for place, piece in enumerate(tokens):
        if place % 2 == 0:
            if piece.strip() and not preformatted:
                segments[-1].append(place)
            continue
        preformatted += (piece == "<pre>") - (piece == "</pre>")
        if not _INLINE.match(piece):
            segments.append([])
    return [segment for segment in segments if segment]


def _clean_pieces(pieces: list[str]) -> list[str]:
    """The texts of one line that inline tags part, each cleaned with its neighbours' words in sight."""
    words = [piece.split() or [""] for piece in pieces]
    cleaned: list[str] = []
    for index, piece in enumerate(pieces):
        before = (
            words[index - 1][-1] if index and not piece[:1].isspace() and not pieces[index - 1][-1:].isspace() else ""
        )
        last = index + 1 == len(pieces)
        after = "" if last or piece[-1:].isspace() or pieces[index + 1][:1].isspace() else words[index + 1][0]
        line = clean_line(f"{before}{piece}{after}".replace("\n", " "))
        if not (line.startswith(before) and line.endswith(after)):
            before = after = ""
            line = clean_line(piece.replace("\n", " "))
        line = line[len(before) : len(line) - len(after)]
        lead = " " if index and piece[:1].isspace() else ""
        trail = " " if not last and piece[-1:].isspace() and line else ""
        # A blank that is missing between two pieces is set by the first of them.
        cleaned.append(lead + (line.lstrip() if before else line) + trail)
    return cleaned
