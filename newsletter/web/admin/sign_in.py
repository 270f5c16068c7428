"""Coming in and going out."""

from flask import flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from newsletter.accounts import sessions
from newsletter.accounts import sign_in as signing
from newsletter.accounts.models import User
from newsletter.accounts.sign_in import MIN_PASSWORD, RateLimitError, SignInError
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.staff import invitations
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin
from newsletter.web.context import caller_network, installation
from newsletter.web.security import keep_private

Page = Response | tuple[str, int]


@admin.get("/sign-in")
@guard.open_to_anyone
def sign_in() -> Page:
    following = request.args.get("next", "")
    if g.signed_in is not None:
        return redirect(guard.local_path(following), 303)
    return _sign_in_page("", following)


@admin.post("/sign-in")
@guard.open_to_anyone
def submit_sign_in() -> Page:
    email, password = request.form.get("email", ""), request.form.get("password", "")
    following = request.form.get("next", "")
    database, now = installation().database, guard.now()
    try:
        with database.unit() as session:
            signing.count_try(session, email, network=caller_network(), now=now)
        with database.unit() as session:
            token = signing.sign_in(session, email, password, browser=guard.browser_name(), now=now)
    except RateLimitError as error:
        return _sign_in_page(email, following, str(error), 429)
    except SignInError as error:
        return _sign_in_page(email, following, str(error), 403)
    response = redirect(guard.local_path(following), 303)
    guard.start(response, token)
    return response


@admin.post("/sign-out")
@guard.open_to_anyone
def sign_out() -> Page:
    if g.signed_in is not None:
        with installation().database.unit() as session:
            sessions.revoke(session, g.signed_in.session_id, g.signed_in.user.id, now=guard.now())
    response = redirect(url_for("admin.sign_in"), 303)
    guard.leave(response)
    return response


@admin.get("/lost-password")
@guard.open_to_anyone
def lost_password() -> Page:
    return _lost_page("")


@admin.post("/lost-password")
@guard.open_to_anyone
def ask_for_password() -> Page:
    """The same answer whether the address is known or not."""
    email = request.form.get("email", "")[:320]
    database, now = installation().database, guard.now()
    try:
        with database.unit() as session:
            invitations.count_asking(session, email, network=caller_network(), now=now)
    except RateLimitError as error:
        return _lost_page(email, str(error), 429)
    with database.unit() as session:
        invitations.ask_for_password(session, installation().signer, email, now=now)
    flash(_("If there is an account for this address, a link is on its way to it."))
    return redirect(url_for("admin.sign_in"), 303)


@admin.get("/password/<token>")
@guard.open_to_anyone
def password(token: str) -> Page:
    keep_private()
    owner = _owner(token)
    return _password_page(owner) if owner else _used_page()


@admin.post("/password/<token>")
@guard.open_to_anyone
def submit_password(token: str) -> Page:
    keep_private()
    owner = _owner(token)
    if owner is None:
        return _used_page()
    chosen = request.form.get("password", "")
    try:
        with installation().database.unit() as session:
            opened = signing.set_password(session, token, chosen, browser=guard.browser_name(), now=guard.now())
    except RefusedError as error:
        return _password_page(owner, str(error), 422)
    response = redirect(url_for("admin.desk"), 303)
    guard.start(response, opened)
    return response


def _owner(token: str) -> User | None:
    with installation().database.reading() as session:
        return signing.password_link_owner(session, token, now=guard.now())


def _sign_in_page(email: str, following: str, problem: str | None = None, status: int = 200) -> tuple[str, int]:
    return render_template("admin/sign-in.html", email=email, following=following, problem=problem), status


def _lost_page(email: str, problem: str | None = None, status: int = 200) -> tuple[str, int]:
    return render_template("admin/lost-password.html", email=email, problem=problem), status


def _password_page(owner: User, problem: str | None = None, status: int = 200) -> tuple[str, int]:
    return render_template("admin/password.html", owner=owner, least=MIN_PASSWORD, problem=problem), status


def _used_page() -> tuple[str, int]:
    return render_template("admin/password-used.html"), 410
