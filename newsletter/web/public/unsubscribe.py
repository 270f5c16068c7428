"""Leaving (RFC 8058): a GET shows one button, any POST ends the subscription, and nothing ever redirects.

A mailbox provider posts `List-Unsubscribe=One-Click` without cookie, referrer or patience; a person presses the button.
"""

from flask import Blueprint, make_response, render_template, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from newsletter.core.clock import utc_now
from newsletter.core.i18n import gettext as _
from newsletter.core.urls import PREFERENCES
from newsletter.subscriptions import unsubscribe
from newsletter.subscriptions.unsubscribe import UnsubscribeView
from newsletter.web.context import caller_network, installation
from newsletter.web.language import fall_back_to
from newsletter.web.security import keep_private

blueprint = Blueprint("unsubscribe", __name__)


@blueprint.get("/u/<token>")
def show(token: str) -> Response | str:
    keep_private()
    if unsubscribe.is_nobody(installation().signer, token):
        return _line(_("This link is for trying: it stands for nobody."))
    with installation().database.reading() as session:
        view = _known(unsubscribe.look_up(session, installation().signer, token))
    return _page(view, token)


@blueprint.post("/u/<token>")
def leave(token: str) -> Response | str:
    keep_private()
    # Read before the transaction opens: the body may come in slowly, and the database must not wait for it.
    one_click = request.form.get("List-Unsubscribe", "").strip().lower() == "one-click"
    if unsubscribe.is_nobody(installation().signer, token):
        return _line(_("This link is for trying: it stands for nobody."))
    with installation().database.unit() as session:
        view = _known(unsubscribe.look_up(session, installation().signer, token))
        unsubscribe.unsubscribe(session, view, one_click=one_click, network=caller_network(), now=utc_now())
    if one_click:
        return _line(_("You are unsubscribed."))
    return _page(view, token, just_now=True)


def _line(text: str) -> Response:
    """An answer for machines, which never redirects."""
    response = make_response(text + "\n")
    response.mimetype = "text/plain"
    return response


def _known(view: UnsubscribeView | None) -> UnsubscribeView:
    if view is None:
        raise NotFound
    return view


def _page(view: UnsubscribeView, token: str, *, just_now: bool = False) -> str:
    fall_back_to(view.newsletter.language)
    return render_template(
        "public/unsubscribe.html",
        view=view,
        token=token,
        ended=just_now or view.ended,
        preferences_token=installation().signer.sign(PREFERENCES, view.subscriber_id) if just_now else None,
        publisher=view.newsletter.publisher,
    )
