"""Who may enter a staff page: the session behind the cookie, and the permission that each view declares.

Which newsletter a page is about is found here, from its address, before the view runs. A view whose address names none
is closed to a user who is limited to some newsletters, unless it declares that it shows only what is theirs: what a new
view forgets to ask is refused.
"""

from collections.abc import Callable
from datetime import datetime
from enum import Enum, auto
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import flask
from flask import Response, current_app, g, make_response, redirect, request, url_for
from flask_wtf.csrf import CSRFProtect
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden, RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse

from newsletter.accounts import sessions
from newsletter.accounts.models import User
from newsletter.accounts.permissions import Permission, Rights
from newsletter.accounts.sessions import LIFETIME, SignedIn
from newsletter.core.clock import utc_now
from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.feeds import queries as feeds
from newsletter.issues import queries as issues
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.web.context import installation
from newsletter.web.language import use_language

View = TypeVar("View", bound=Callable[..., Any])
DECLARED = "declared_permission"
REACH = "declared_reach"
LARGEST = "largest_body"
TOO_LARGE = "page_for_too_large"
LARGEST_BODY = 2 * 1024 * 1024  # an article pasted with its markup


class Reach(Enum):
    """For what a view needs its permission."""

    OF_THE_PAGE = auto()
    EVERYWHERE = auto()
    SHARED = auto()


def requires(permission: Permission, *, shared: bool = False, everywhere: bool = False) -> Callable[[View], View]:
    """Declare what a user needs to open a view. Stands below the route; `let_in` enforces it before the view runs.

    The permission has to be held for the newsletter that the address names, by `slug` or `issue_id`, for one of those
    that take the feed that it names by `feed_id`, and everywhere where it names nothing of the kind. `shared`: it names
    none, and the view shows and does only what `rights()` and `theirs` let through. `everywhere`: it names one, but
    what is done reaches all of them.
    """

    def declare(view: View) -> View:
        view.__dict__[DECLARED] = permission
        view.__dict__[REACH] = Reach.SHARED if shared else Reach.EVERYWHERE if everywhere else Reach.OF_THE_PAGE
        return view

    return declare


def takes(octets: int) -> Callable[[View], View]:
    """Declare that a view takes files: what is sent to it may be this large, its texts still as large as elsewhere."""

    def declare(view: View) -> View:
        view.__dict__[LARGEST] = octets
        return view

    return declare


def too_large(page: Callable[..., str]) -> Callable[[View], View]:
    """Declare what a view shows, with status 413, to whoever sends more than it takes, in place of the page for errors.
    It is called as the view would be, once it is known who asks; nothing that was sent can be read.
    """

    def declare(view: View) -> View:
        view.__dict__[TOO_LARGE] = page
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
    instead = None
    try:
        cast(CSRFProtect, current_app.extensions["csrf"]).protect()
        if (request.content_length or 0) > LARGEST_BODY and sum(map(len, request.form.values())) > LARGEST_BODY:
            raise RequestEntityTooLarge
    except RequestEntityTooLarge:
        instead = view.__dict__.get(TOO_LARGE) if view else None
        if instead is None:
            raise
    g.now = utc_now()
    g.signed_in = found = _find_session()
    if found is not None:
        use_language(found.user.language)
    declared = view.__dict__.get(DECLARED, "nothing") if view else "nothing"
    if declared is None:
        return None
    if found is None:
        return _ask_to_sign_in()
    if not isinstance(declared, Permission) or not _allowed(found.rights, declared, view.__dict__[REACH]):
        raise _not_allowed()
    if instead is not None:
        return make_response(instead(**(request.view_args or {})), 413)
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


def rights() -> Rights:
    """What the user may do, and where."""
    return signed_in().rights


def may(permission: str, newsletter: Newsletter | None = None, *, everywhere: bool = False) -> bool:
    """Whether the user may do something; for templates, which hide what would be refused.

    It is asked for the newsletter named, else for that of the page; where there is none, or `everywhere`, for all.
    """
    found = g.get("signed_in")
    if found is None:
        return False
    number = newsletter.id if newsletter is not None else g.get("entered")
    if number is None or everywhere:
        return bool(found.rights.everywhere_allow(Permission(permission)))
    return bool(found.rights.allow(Permission(permission), number))


def entered(newsletter: Newsletter) -> Newsletter:
    """Note which newsletter a page is about. NotFoundError for one that the user may not see: that it exists is not
    told.
    """
    if not rights().sees(newsletter.id):
        raise _nothing_there()
    g.entered = newsletter.id
    return newsletter


def require(permission: Permission, newsletter: Newsletter) -> None:
    """Raise Forbidden unless the user may do it to this newsletter: for a view whose form names one that they see."""
    if not rights().allow(permission, newsletter.id):
        raise _not_allowed()


def theirs(session: Session) -> list[Newsletter]:
    """The newsletters that the user may see, oldest first."""
    return [item for item in newsletters.all_newsletters(session) if rights().sees(item.id)]


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


def _allowed(rights: Rights, permission: Permission, reach: Reach) -> bool:
    """NotFoundError where the address names what the user may not see."""
    if rights.everywhere is not None or reach is Reach.EVERYWHERE:
        return rights.everywhere_allow(permission)
    if reach is Reach.SHARED:
        # Reading is what being signed in allows: whoever has no newsletter left still has an account.
        return permission is Permission.READ or rights.somewhere_allow(permission)
    held = []
    if (named := _named_newsletter()) is not None:
        held.append(rights.allow(permission, entered(named).id))
    if (takers := _takers_of_named_feed(rights)) is not None:
        held.append(any(rights.allow(permission, number) for number in takers))
    return bool(held) and all(held)


def _named_newsletter() -> Newsletter | None:
    """The newsletter that the address of the page names; NotFoundError where it names one and an issue of another."""
    given, found = request.view_args or {}, []
    try:
        with installation().database.reading() as session:
            if "slug" in given:
                found.append(newsletters.by_slug(session, given["slug"]))
            if "issue_id" in given:
                found.append(newsletters.by_id(session, issues.by_id(session, given["issue_id"]).newsletter_id))
    except NotFoundError:
        raise _nothing_there() from None
    if len({item.id for item in found}) > 1:
        raise _nothing_there()
    return found[0] if found else None


def _takers_of_named_feed(rights: Rights) -> list[int] | None:
    """Which newsletters of the user take the feed that the address names, if it names one; NotFoundError if none do."""
    given = request.view_args or {}
    if "feed_id" not in given:
        return None
    with installation().database.reading() as session:
        found = feeds.taken_by(session, given["feed_id"], within=rights.where(Permission.READ))
    if not found:
        raise _nothing_there()
    return found


def _not_allowed() -> Forbidden:
    return Forbidden(_("Your role does not allow this. Ask an owner."))


def _nothing_there() -> NotFoundError:
    """In the same words whether it is missing or somebody else's."""
    return NotFoundError(_("This page does not exist, or it is not open to you."))


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
