"""Who may enter a staff page: the session behind the cookie, and the permission that each view declares."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import flask
from flask import Response, current_app, g, redirect, request, url_for
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import Forbidden, RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse

from newsletter.accounts import sessions
from newsletter.accounts.models import User
from newsletter.accounts.permissions import Permission, allows
from newsletter.accounts.sessions import LIFETIME, SignedIn
from newsletter.core.clock import utc_now
from newsletter.core.i18n import gettext as _
from newsletter.web.context import installation
from newsletter.web.language import use_language

View = TypeVar("View", bound=Callable[..., Any])
DECLARED = "declared_permission"
LARGEST = "largest_body"
LARGEST_BODY = 2 * 1024 * 1024  # an article pasted with its markup


def requires(permission: Permission) -> Callable[[View], View]:
    """Declare what a user needs to open a view. Stands below the route; `let_in` enforces it before the view runs."""

    def declare(view: View) -> View:
        view.__dict__[DECLARED] = permission
        return view

    return declare


def takes(octets: int) -> Callable[[View], View]:
    """Declare that a view takes files: what is sent to it may be this large, its texts still as large as elsewhere."""

    def declare(view: View) -> View:
        view.__dict__[LARGEST] = octets
        return view

    return declare


def open_to_anyone(view: View) -> View:
    """Declare that a view needs no sign-in."""
    view.__dict__[DECLARED] = None
    return view


def let_in() -> AnyResponse | None:
    """Before each request: find who is asking, and refuse what their role does not allow.

    A view that declares nothing is closed to everybody.
    """
    view = current_app.view_functions.get(request.endpoint or "")
    request.max_content_length = view.__dict__.get(LARGEST, LARGEST_BODY) if view else LARGEST_BODY
    cast(CSRFProtect, current_app.extensions["csrf"]).protect()
    if (request.content_length or 0) > LARGEST_BODY and sum(map(len, request.form.values())) > LARGEST_BODY:
        raise RequestEntityTooLarge
    g.now = utc_now()
    g.signed_in = found = _find_session()
    if found is not None:
        use_language(found.user.language)
    declared = view.__dict__.get(DECLARED, "nothing") if view else "nothing"
    if declared is None:
        return None
    if found is None:
        return _ask_to_sign_in()
    if not isinstance(declared, Permission) or not allows(found.user.role, declared):
        raise Forbidden(_("Your role does not allow this. Ask an owner."))
    return None


def close_up(response: Response) -> Response:
    """After each request: a session in use lives on."""
    found = g.get("signed_in")
    if found is not None and found.stale and not g.get("cookie_changed"):
        with installation().database.unit() as session:
            sessions.touch(session, found.session_id, now=g.now)
        set_cookie(response, request.cookies[cookie_name()])
    return response


def signed_in() -> SignedIn:
    """Who is asking, in a view that requires a permission."""
    found: SignedIn = g.signed_in
    return found


def user() -> User:
    return signed_in().user


def may(permission: str) -> bool:
    """Whether the user may do something; for templates, which hide what would be refused."""
    found = g.get("signed_in")
    return found is not None and allows(found.user.role, Permission(permission))


def now() -> datetime:
    """The moment of the request."""
    moment: datetime = g.now
    return moment


def cookie_name() -> str:
    # A browser takes a `__Host-` cookie only over https and from this very host: no neighbouring site can plant one.
    return "__Host-staff" if _secure() else "staff"


def set_cookie(response: AnyResponse, token: str) -> None:
    g.cookie_changed = True
    response.set_cookie(
        cookie_name(), token, max_age=int(LIFETIME.total_seconds()), httponly=True, samesite="Lax", secure=_secure()
    )


def leave(response: AnyResponse) -> None:
    """Take the session, and all that was kept for it, away from the browser."""
    flask.session.clear()
    g.cookie_changed = True
    response.delete_cookie(cookie_name(), httponly=True, samesite="Lax", secure=_secure())


def start(response: AnyResponse, token: str) -> None:
    """Hand a new session to the browser. What an earlier visitor left behind, form tokens included, is dropped."""
    flask.session.clear()
    set_cookie(response, token)


def local_path(target: str | None) -> str:
    """Where to go after signing in: a path of the desk, or the desk itself when the target leads anywhere else."""
    desk = url_for("admin.desk")
    if not target or not target.startswith(desk) or "\\" in target or any(ord(character) < 33 for character in target):
        return desk
    parts = urlsplit(target)
    return desk if parts.scheme or parts.netloc else target


def browser_name() -> str:
    """What the browser calls itself, for the list of sessions."""
    return (request.user_agent.string or "")[:200]


def _find_session() -> SignedIn | None:
    token = request.cookies.get(cookie_name())
    if not token:
        return None
    with installation().database.reading() as session:
        return sessions.find(session, token, now=g.now)


def _ask_to_sign_in() -> AnyResponse:
    if request.headers.get("HX-Request"):
        # Part of a page cannot show the sign-in form: have the browser load the whole page again.
        return Response(status=401, headers={"HX-Refresh": "true"})
    following = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("admin.sign_in", next=following), 303)


def _secure() -> bool:
    return installation().settings.site_url.startswith("https://")
