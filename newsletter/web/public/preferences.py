"""The preference centre: language and newsletters of one reader, behind a personal link."""

from dataclasses import replace

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.subscriptions import preferences, returning
from newsletter.subscriptions.models import Measuring
from newsletter.subscriptions.preferences import PreferencesView, WishError
from newsletter.subscriptions.wishes import Wish
from newsletter.tracking.following import COUNTED_FOR
from newsletter.web import measuring, wishes
from newsletter.web.context import caller_network, installation
from newsletter.web.language import NAMES, prefer
from newsletter.web.public.shared import shared_publisher
from newsletter.web.security import keep_private
from newsletter.web.wishes import Fields

blueprint = Blueprint("preferences", __name__)


@blueprint.get("/p/<token>")
def show(token: str) -> str:
    keep_private()
    with installation().database.reading() as session:
        view = _known(preferences.look_up(session, installation().signer, token))
    prefer(view.language)
    fields = {number: wishes.shown(options, wish) for number, (options, wish) in view.wishes.items()}
    return _page(view, token, fields, {item.id for item, status in view.newsletters if status in preferences.READING})


@blueprint.post("/p/<token>")
def save(token: str) -> Response:
    keep_private()
    chosen = {
        int(text) for text in request.form.getlist("newsletter") if text.isascii() and text.isdigit() and len(text) < 16
    }
    language = request.form.get("language", "")
    try:
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
                wished=_wished(view, chosen),
                answered=_answered(view),
            )
    except WishError as error:
        return make_response(_refused(token, error, chosen, language), 422)
    return redirect(url_for(".show", token=token, done="saved", lang=None), 303)


def _wished(view: PreferencesView, chosen: set[int]) -> dict[int, Wish]:
    """What the form says of each newsletter that stays chosen."""
    wished = {}
    for number, (options, _wish) in view.wishes.items():
        fields = wishes.sent(options, request.form)
        if fields is not None and number in chosen:
            try:
                wished[number] = wishes.read(fields)
            except RefusedError as error:
                raise WishError(number, str(error)) from None
    return wished


def _answered(view: PreferencesView) -> dict[int, tuple[Measuring | None, str]]:
    """What the form answers to being measured, by newsletter."""
    found = {}
    for newsletter, _status in view.newsletters:
        answer = measuring.sent(newsletter, view.said.get(newsletter.id), request.form)
        if newsletter.id in view.said and answer is not None:
            found[newsletter.id] = (answer.said, answer.label)
    return found


def _refused(token: str, error: WishError, chosen: set[int], language: str) -> str:
    """The form again, as it was filled, with the problem beside its newsletter."""
    with installation().database.reading() as session:
        view = _known(preferences.look_up(session, installation().signer, token))
    fields = {}
    for number, (options, wish) in view.wishes.items():
        problem = str(error) if number == error.newsletter_id else ""
        fields[number] = wishes.sent(options, request.form, problem) or wishes.shown(options, wish)
    if language in LOCALES:
        view = replace(view, language=language)
    return _page(view, token, fields, chosen, problem=error)


def _page(
    view: PreferencesView, token: str, fields: dict[int, Fields], chosen: set[int], problem: WishError | None = None
) -> str:
    return render_template(
        "public/preferences.html",
        view=view,
        token=token,
        fields=fields,
        chosen=chosen,
        problem=problem,
        names=NAMES,
        measured_days=COUNTED_FOR.days,
        answers={
            item.id: measuring.answers(item, view.said.get(item.id))
            for item, _s in view.newsletters
            if item.id in fields
        },
        publisher=shared_publisher([item for item, _status in view.newsletters]),
        done=request.args.get("done"),
    )


@blueprint.post("/p/<token>/leave")
def leave(token: str) -> Response:
    keep_private()
    with installation().database.unit() as session:
        view = _known(preferences.look_up(session, installation().signer, token))
        preferences.leave_all(session, view, network=caller_network(), now=utc_now())
    return redirect(url_for(".show", token=token, done="left"), 303)


@blueprint.post("/p/<token>/back")
def come_back(token: str) -> Response:
    keep_private()
    with installation().database.unit() as session:
        view = _known(preferences.look_up(session, installation().signer, token))
        returning.come_back(session, view.subscriber_id, now=utc_now())
    return redirect(url_for(".show", token=token, done="back"), 303)


def _known(view: PreferencesView | None) -> PreferencesView:
    if view is None:
        raise NotFound
    return view
