"""The local mailbox of `newsletter up`, to read what was sent while there is no relay. Elsewhere it does not exist."""

import re
from pathlib import Path

from flask import Blueprint, Response, render_template, request
from werkzeug.exceptions import NotFound

from newsletter.mail.mailbox import ParsedMessage, list_messages, read_message
from newsletter.web.context import app
from newsletter.web.security import allow, as_mail, keep_private

blueprint = Blueprint("mailbox", __name__, url_prefix="/mailbox")

PAGE = 50
LONGEST_SOURCE = 300_000  # characters shown in the page; the whole is behind "raw"
HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)


@blueprint.get("/")
def index() -> str:
    directory = _directory()
    before = request.args.get("before")
    found = list_messages(directory, limit=PAGE + 1, before=before)
    messages = found[:PAGE]
    older = messages[-1].id if len(found) > PAGE else None
    return render_template("public/mailbox.html", messages=messages, older=older, first_page=before is None)


@blueprint.get("/<message_id>")
def read(message_id: str) -> str:
    message = _message(message_id)
    view = request.args.get("view", "html" if message.html else "text")
    allow("frame-src", "'self'")
    return render_template(
        "public/mailbox-message.html",
        message=message,
        view=view if view in ("html", "text", "source") else "html",
        phone=request.args.get("width") == "phone",
        source=message.raw[:LONGEST_SOURCE].decode("utf-8", "replace"),
    )


@blueprint.get("/<message_id>/html")
def html(message_id: str) -> Response:
    message = _message(message_id)
    # The frame may not navigate our page, and our pages refuse to stand in a frame: links open beside.
    target = '<base target="_blank">'
    framed, inserted = HEAD.subn(lambda found: found[0] + target, message.html, count=1)
    return as_mail(framed if inserted else target + message.html)


@blueprint.get("/<message_id>/raw")
def raw(message_id: str) -> Response:
    """The message byte for byte, as the SMTP server took it."""
    response = Response(_message(message_id).raw, content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = f'inline; filename="{message_id}.eml"'
    return response


def _directory() -> Path:
    keep_private()
    directory = app().mailbox
    if directory is None:
        raise NotFound
    return directory


def _message(message_id: str) -> ParsedMessage:
    message = read_message(_directory(), message_id)
    if message is None:
        raise NotFound
    return message
