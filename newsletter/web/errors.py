"""What a person sees when something did not work: a sentence in the frame of the page, never a traceback."""

import logging
import secrets

from flask import Flask, Response, g, jsonify, make_response, render_template, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from newsletter.accounts.sign_in import RateLimitError
from newsletter.core.errors import ConflictError, NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _

log = logging.getLogger(__name__)


def sentences(status: int) -> tuple[str, str]:
    """A title and what to do next, for a status."""
    known = {
        400: (_("This request cannot be read"), _("Go back to the page before and try again.")),
        403: (_("This page is not open to you"), _("Your account may not do this. Someone with more rights can.")),
        404: (
            _("This page does not exist"),
            _("The link may be cut off. Copy it whole from the message that you received."),
        ),
        405: (_("This page cannot be used that way"), _("Open it with a link or a button of this site.")),
        409: (_("Changed meanwhile"), _("Load the page again and look at what there is now.")),
        413: (
            _("That is too much at once"),
            _("What was sent is longer than this page accepts. Shorten it and try again."),
        ),
        429: (_("Too many attempts"), _("Wait a few minutes, then try again.")),
        500: (_("Something went wrong here"), _("It is not your fault, and it has been noted. Try again in a moment.")),
        503: (_("The service cannot answer right now"), _("Nothing was lost. Try again in a minute.")),
    }
    if status in known:
        return known[status]
    return known[500] if status >= 500 else known[400]


def answer(status: int, advice: str | None = None, reference: str | None = None) -> Response:
    """The error page, or the same as JSON for a caller that asked for JSON."""
    title, usual_advice = sentences(status)
    advice = advice or usual_advice
    if request.is_json or request.accept_mimetypes.best == "application/json":
        body: dict[str, str] = {"error": advice} | ({"reference": reference} if reference else {})
        response = jsonify(body)
    else:
        response = make_response(render_template("errors/error.html", title=title, advice=advice, reference=reference))
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    if status in (429, 503):
        response.headers["Retry-After"] = "60"
    return response


def set_up_errors(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(RefusedError, _refused)
    app.register_error_handler(OperationalError, _unavailable)
    app.register_error_handler(Exception, _defect)


def _http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:  # a redirect that was raised
        return make_response(error.get_response())
    response = answer(error.code)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def status_of(error: RefusedError) -> int:
    if isinstance(error, NotFoundError):
        return 404
    if isinstance(error, ConflictError):
        return 409
    return 429 if isinstance(error, RateLimitError) else 422


def _refused(error: RefusedError) -> Response:
    return answer(status_of(error), advice=str(error))


def _unavailable(error: OperationalError) -> Response:
    return answer(503, reference=_note(error))


def _defect(error: Exception) -> Response:
    return answer(500, reference=_note(error))


def _note(error: Exception) -> str:
    """Log an error under a reference that the person can quote; with the endpoint, since the path may hold a token."""
    g.reference = reference = secrets.token_hex(4)
    log.error("reference %s: %s %s failed", reference, request.method, request.endpoint, exc_info=error)
    return reference
