"""Links of a message and the picture that tells of its opening. The answer never waits for anything to be counted."""

import base64
from typing import Final

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import NotFound
from werkzeug.urls import iri_to_uri

from newsletter.core.clock import utc_now
from newsletter.core.i18n import gettext as _
from newsletter.newsletters.models import Measure
from newsletter.tracking import following
from newsletter.tracking.following import Pointer, Target, Targets
from newsletter.tracking.recording import Recorder, asked
from newsletter.web.context import WebApp, installation
from newsletter.web.security import keep_private

blueprint = Blueprint("following", __name__)

# One transparent dot, 43 bytes.
GIF: Final = base64.b64decode("R0lGODlhAQABAPAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
PURPOSES: Final = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


def set_up_following(app: WebApp) -> None:
    app.extensions["targets"] = Targets(app.installation.database)
    app.extensions["recorder"] = Recorder(app.installation.database)


@blueprint.get("/c/<token>")
def follow(token: str) -> Response:
    keep_private()
    pointer = following.read_click(installation().signer, token)
    if pointer is None:
        raise NotFound
    if not pointer.issue_id:
        return _line(_("This link is for trying: it stands for nobody."))
    target = _find(pointer)
    _record(pointer, target)
    response = Response(status=302, content_type="text/plain; charset=utf-8")
    response.headers["Location"] = iri_to_uri(target.url)
    return response


@blueprint.get("/o/<token>")
def opened(token: str) -> Response:
    keep_private()
    pointer = following.read_open(installation().signer, token)
    if pointer is None:
        raise NotFound
    if pointer.issue_id:
        _record(pointer, _find(pointer))
    response = Response(GIF, content_type="image/gif")
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # mail programs on the web show it in their pages
    return response


def _find(pointer: Pointer) -> Target:
    targets: Targets = current_app.extensions["targets"]
    target = targets.find(pointer)
    if target is None:
        raise NotFound
    return target


def _record(pointer: Pointer, target: Target) -> None:
    """Note the request, where that is wanted: never more than the newsletter said at the freeze of the issue."""
    now = utc_now()
    if not target.counts(now):
        return
    recorder: Recorder = current_app.extensions["recorder"]
    recorder.record(
        asked(
            issue_id=pointer.issue_id,
            newsletter_id=target.newsletter_id,
            number=pointer.number,
            delivery_id=pointer.delivery_id if target.measure is Measure.READER else 0,
            at=now,
            method=request.method,
            purpose=" ".join(request.headers.get(name, "") for name in PURPOSES),
            user_agent=request.headers.get("User-Agent", ""),
            address=request.remote_addr or "",
        )
    )


def _line(text: str) -> Response:
    return Response(text + "\n", content_type="text/plain; charset=utf-8")
