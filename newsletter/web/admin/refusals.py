"""What could not be done, said inside the frame of the desk, with the way back."""

from flask import Response, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import Forbidden

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.web.admin.room import admin
from newsletter.web.errors import sentences, status_of


@admin.errorhandler(RefusedError)
def refused(error: RefusedError) -> Response:
    status = status_of(error)
    return _page(_("This cannot be done") if status == 422 else sentences(status)[0], str(error), status)


@admin.errorhandler(Forbidden)
def forbidden(error: Forbidden) -> Response:
    return _page(sentences(403)[0], error.description or sentences(403)[1], 403)


@admin.errorhandler(CSRFError)
def stale_form(error: CSRFError) -> Response:
    return _page(_("This form is no longer good"), _("Go back, load the page again, and send it once more."), 400)


def _page(title: str, advice: str, status: int) -> Response:
    posted = request.method == "POST"
    response = make_response(render_template("admin/refused.html", title=title, advice=advice, posted=posted))
    response.status_code = status
    return response
