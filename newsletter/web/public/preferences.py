"""The preference centre: language and newsletters of one reader, behind a personal link."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from newsletter.core.clock import utc_now
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.subscriptions import preferences
from newsletter.subscriptions.preferences import PreferencesView
from newsletter.web.context import caller_network, installation
from newsletter.web.language import NAMES, prefer
from newsletter.web.public.shared import shared_publisher
from newsletter.web.security import keep_private

blueprint = Blueprint("preferences", __name__)


@blueprint.get("/p/<token>")
def show(token: str) -> str:
    keep_private()
    with installation().database.reading() as session:
        view = _known(preferences.look_up(session, installation().signer, token))
    prefer(view.language)
    return render_template(
        "public/preferences.html",
        view=view,
        token=token,
        names=NAMES,
        publisher=shared_publisher([item for item, _status in view.newsletters]),
        done=request.args.get("done"),
    )


@blueprint.post("/p/<token>")
def save(token: str) -> Response:
    keep_private()
    chosen = {
        int(text) for text in request.form.getlist("newsletter") if text.isascii() and text.isdigit() and len(text) < 16
    }
    language = request.form.get("language", "")
    with installation().database.unit() as session:
        view = _known(preferences.look_up(session, installation().signer, token))
        preferences.save(
            session,
            view,
            language=language if language in LOCALES else view.language,
            newsletter_ids=chosen,
            wording=_("Ticked in the preferences that a personal link opens."),
            network=caller_network(),
            now=utc_now(),
        )
    return redirect(url_for(".show", token=token, done="saved", lang=None), 303)


@blueprint.post("/p/<token>/leave")
def leave(token: str) -> Response:
    keep_private()
    with installation().database.unit() as session:
        view = _known(preferences.look_up(session, installation().signer, token))
        preferences.leave_all(session, view, network=caller_network(), now=utc_now())
    return redirect(url_for(".show", token=token, done="left"), 303)


def _known(view: PreferencesView | None) -> PreferencesView:
    if view is None:
        raise NotFound
    return view
