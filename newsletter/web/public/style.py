"""Colours and fonts of a newsletter's public pages, as a style sheet of its own: no page has a style in it."""

import hashlib

from flask import Response, request

from newsletter.core.paint import Shades
from newsletter.newsletters import queries
from newsletter.newsletters.look import HOUSE_LOOK, STACKS, Look, paint_of, readable_on
from newsletter.newsletters.models import Newsletter
from newsletter.newsletters.wearing import look_of
from newsletter.web.context import installation
from newsletter.web.public.subscribe import blueprint
from newsletter.web.static_files import FOREVER

# The grounds of the pages, see static/tokens.css.
LIGHT_GROUNDS = ("#fdfdfc", "#f3f3f0")
DARK_GROUNDS = ("#15171a", "#1f2226")


@blueprint.get("/n/<slug>/look.css", endpoint="style")
def style(slug: str) -> Response:
    with installation().database.reading() as session:
        found = look_of(queries.by_slug(session, slug))
    response = Response(style_sheet(found), content_type="text/css; charset=utf-8")
    if request.args.get("v") == mark(found):
        response.headers["Cache-Control"] = FOREVER
    return response


@blueprint.app_template_global("look_mark")
def mark_of(newsletter: Newsletter) -> str:
    """Changes with the look, so that a browser may keep the sheet for ever; empty for the house's look."""
    found = look_of(newsletter)
    return "" if found == HOUSE_LOOK else mark(found)


def mark(look: Look) -> str:
    return hashlib.sha256(style_sheet(look).encode()).hexdigest()[:12]


def style_sheet(look: Look) -> str:
    """Links and buttons in the newsletter's colours, as far as they can be read on the pages' own grounds."""
    paint = paint_of(look)
    fonts = ""
    if look.headline_font != HOUSE_LOOK.headline_font:
        fonts += f"--serif:{STACKS[look.headline_font]};"
    if look.text_font != HOUSE_LOOK.text_font:
        fonts += f"--sans:{STACKS[look.text_font]};"
    light, dark = _rules(paint.light, *LIGHT_GROUNDS), _rules(paint.dark, *DARK_GROUNDS)
    root = f":root{{{fonts}}}" if fonts else ""
    return f"{root}{light}@media (prefers-color-scheme:dark){{{dark}}}\n"


def _rules(shades: Shades, *grounds: str) -> str:
    button = f"background:{shades.accent};border-color:{shades.accent};color:{shades.label}"
    return (
        f":root:root{{--accent:{readable_on(shades.link, *grounds)}}}"
        f".public .btn.primary,.public .btn.primary:hover{{{button}}}"
        f".mast>div{{border-block-end-color:{shades.accent}}}"
    )
