"""`newsletter look`: how a newsletter's mails look, from files and to files."""

import json
from pathlib import Path
from typing import Any

import click

from newsletter.articles import uploads
from newsletter.cli.shared import actor, as_json, open_here, show
from newsletter.core import imaging
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.installation import Installation
from newsletter.issues import dressing, wardrobe
from newsletter.issues.content import HOUSE, Dress
from newsletter.issues.preflight import wording
from newsletter.newsletters import queries
from newsletter.newsletters.look import Look, look_document, read_look
from newsletter.newsletters.wearing import look_of

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
LARGEST = 1_500_000  # octets of any file given


@click.group()
def look() -> None:
    """Logo, colours, fonts, foot and MJML of a newsletter's mails."""


@look.command("show")
@click.argument("slug")
@click.option("--mjml", is_flag=True, help="Print its own MJML; without any, the house's to begin from.")
@as_json
def show_(slug: str, mjml: bool, json_: bool) -> None:
    """What a newsletter wears, as a document that `set` takes."""
    here = open_here()
    with here.database.reading() as session:
        newsletter = queries.by_slug(session, slug)
        found = look_of(newsletter)
        template = dressing.template_of(session, newsletter)
    if mjml:
        click.echo(template or dressing.starting_text(found), nl=False)
        return
    document = look_document(found)
    answer = {"look": document, "own_mjml": bool(template)}
    show(answer, json_, lambda: [json.dumps(document, ensure_ascii=False, indent=2)])


@look.command("set")
@click.argument("slug")
@click.argument("file", type=FILE, required=False)
@click.option("--mjml", type=FILE, help="MJML of its own, a block for each part of the mail.")
@click.option("--logo", type=FILE, help="A picture: PNG, JPEG or WebP.")
@as_json
def set_(slug: str, file: Path | None, mjml: Path | None, logo: Path | None, json_: bool) -> None:
    """Wear what FILE says, a JSON document as `show` prints it. What does not fit is refused with the reason.

    What is not given stays as it is.
    """
    if file is None and mjml is None and logo is None:
        raise click.UsageError(_("Give a document, --mjml or --logo."))
    here = open_here()
    now = utc_now()
    with here.database.unit() as session:
        newsletter = queries.by_slug(session, slug)
        asked = look_of(newsletter) if file is None else read_look(_document(_text(file)))
        template = dressing.template_of(session, newsletter) if mjml is None else _text(mjml)
        if logo is not None:
            made = imaging.encode_logo(_octets(logo))
            uploads.keep(session, made, now=now)
            asked = dressing.with_logo(asked, made)
        elif asked.logo is not None and not uploads.is_kept(session, asked.logo.key):
            raise RefusedError(_("There is no picture of this key here. Give it with --logo."))
        answer = _save(here, session, slug, asked, template)
    show(answer, json_, lambda: _lines(answer))


@look.command()
@click.argument("slug")
@click.option("--mjml", is_flag=True, help="Give back the MJML only; colours, logo and fonts stay.")
@as_json
def reset(slug: str, mjml: bool, json_: bool) -> None:
    """Wear the house's look again. The one before can be put back on the desk."""
    here = open_here()
    with here.database.unit() as session:
        newsletter = queries.by_slug(session, slug)
        answer = _save(here, session, slug, look_of(newsletter) if mjml else HOUSE.look, "")
    show(answer, json_, lambda: _lines(answer))


def _save(here: Installation, session: Any, slug: str, asked: Look, template: str) -> dict[str, Any]:
    newsletter = queries.by_slug(session, slug)
    dress: Dress = dressing.dressed(asked, template, here.links)
    now = utc_now()
    fitting = wardrobe.fit(session, newsletter, dress, links=here.links, now=now)
    wardrobe.save(session, newsletter, fitting, actor=actor(), now=now)
    return {
        "look": look_document(asked),
        "own_mjml": bool(template),
        "bytes": fitting.weight,
        "remarks": [wording.in_words(item) for item in fitting.findings],
    }


def _lines(answer: dict[str, Any]) -> list[str]:
    said = _("It fits, and the next issue wears it: a digest of five weighs %(size)d kB.", size=answer["bytes"] // 1000)
    return [said, *answer["remarks"]]


def _octets(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise RefusedError(_("The file is too large: %(count)d kB at most.", count=LARGEST // 1000))
    return data


def _text(path: Path) -> str:
    try:
        return _octets(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RefusedError(_("This file is not text in UTF-8: %(name)s", name=path.name)) from None


def _document(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RefusedError(_("A look is one JSON object, as `newsletter look show` prints it."))
    return found
