"""What is kept of a reader, in words. It may say only what the code does."""

from flask import Blueprint, render_template

from newsletter.newsletters import queries
from newsletter.web import measuring
from newsletter.web.context import installation
from newsletter.web.public.shared import shared_publisher

blueprint = Blueprint("privacy", __name__)


@blueprint.get("/privacy")
def show() -> str:
    with installation().database.reading() as session:
        newsletters = queries.all_newsletters(session)
    return render_template(
        "public/privacy.html",
        newsletters=newsletters,
        measured=[(item, told) for item in newsletters if (told := measuring.sentences(item))],
        publisher=shared_publisher(newsletters),
    )
