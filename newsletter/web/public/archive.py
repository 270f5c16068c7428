"""Sent issues, for everyone to read."""

from flask import Blueprint, render_template, request
from werkzeug.exceptions import NotFound

from newsletter.core.i18n import direction
from newsletter.issues import archive
from newsletter.newsletters import queries
from newsletter.web.context import installation
from newsletter.web.language import NAMES, current_language, fall_back_to
from newsletter.web.security import allow

blueprint = Blueprint("archive", __name__)

PAGE = 20
LARGEST = 2**31 - 1


@blueprint.get("/archive/<slug>")
def index(slug: str) -> str:
    before = request.args.get("before", type=int)
    if before is not None and not 0 < before <= LARGEST:
        raise NotFound
    with installation().database.reading() as session:
        newsletter = queries.by_slug(session, slug)
        found = archive.page(session, newsletter.id, before=before, limit=PAGE + 1)
    fall_back_to(newsletter.language)
    issues = found[:PAGE]
    return render_template(
        "public/archive.html",
        newsletter=newsletter,
        issues=issues,
        older=issues[-1].number if len(found) > PAGE else None,
        first_page=before is None,
        publisher=newsletter.publisher,
    )


@blueprint.get("/archive/<slug>/<int:number>")
def read(slug: str, number: int) -> str:
    if number > LARGEST:
        raise NotFound
    with installation().database.reading() as session:
        newsletter = queries.by_slug(session, slug)
        fall_back_to(newsletter.language)
        issue = archive.read(
            session, newsletter.id, number, language=request.args.get("language") or current_language()
        )
    allow("img-src", "https:")  # issues of earlier days show pictures where their publisher keeps them
    return render_template(
        "public/archive-issue.html",
        newsletter=newsletter,
        issue=issue,
        languages=NAMES,
        direction=direction(issue.language),
        publisher=newsletter.publisher,
    )
