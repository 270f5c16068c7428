"""Confirming a subscription. A mail scanner follows links, so a GET only shows the button; a POST confirms."""

from flask import Blueprint, make_response, render_template
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from newsletter.core.clock import utc_now
from newsletter.core.urls import PREFERENCES
from newsletter.subscriptions import confirm
from newsletter.subscriptions.confirm import ConfirmationView
from newsletter.web.context import caller_network, installation
from newsletter.web.language import fall_back_to
from newsletter.web.security import keep_private

blueprint = Blueprint("confirm", __name__)


@blueprint.get("/confirm/<token>")
def show(token: str) -> Response:
    keep_private()
    with installation().database.reading() as session:
        view = _known(confirm.look_up(session, token, now=utc_now()))
    return _page(view, token, just_now=False)


@blueprint.post("/confirm/<token>")
def accept(token: str) -> Response:
    keep_private()
    with installation().database.unit() as session:
        view = _known(confirm.confirm(session, token, network=caller_network(), now=utc_now()))
    return _page(view, token, just_now=True)


@blueprint.post("/confirm/<token>/refuse")
def refuse(token: str) -> Response | str:
    """“That was not me”: nothing is ever written to the address again."""
    keep_private()
    with installation().database.unit() as session:
        view = _known(confirm.refuse(session, token, network=caller_network(), now=utc_now()))
    if view.state in ("confirmed", "expired"):
        return _page(view, token, just_now=False)
    fall_back_to(view.newsletter.language)
    return render_template("public/refused.html", view=view, publisher=view.newsletter.publisher)


def _known(view: ConfirmationView | None) -> ConfirmationView:
    """A forged token and one that was never made get the same answer."""
    if view is None:
        raise NotFound
    return view


def _page(view: ConfirmationView, token: str, *, just_now: bool) -> Response:
    fall_back_to(view.newsletter.language)
    # The confirmation link dies after a week and the link to the preferences never does, so it is given to
    # whoever just confirmed and not to whoever finds the old link.
    open_door = just_now and view.state == "confirmed"
    page = render_template(
        "public/confirm.html",
        view=view,
        token=token,
        just_now=just_now,
        preferences_token=installation().signer.sign(PREFERENCES, view.subscriber_id) if open_door else None,
        publisher=view.newsletter.publisher,
    )
    return make_response(page, 410 if view.state in ("expired", "gone") else 200)
