"""The staff: who they are, what each may do and where, invited, changed, signed out, let in no more."""

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts import people as staff
from newsletter.accounts import sessions
from newsletter.accounts.models import Role, User
from newsletter.accounts.people import By
from newsletter.accounts.permissions import Permission, Rights
from newsletter.accounts.rights import GIVEN_FOR_ONE
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.staff import invitations
from newsletter.web.admin import guard
from newsletter.web.admin.formats import role_word
from newsletter.web.admin.room import admin
from newsletter.web.context import installation
from newsletter.web.language import NAMES

Page = str | Response | tuple[str, int]
EVERYWHERE, LIMITED = "everywhere", "limited"


@dataclass(frozen=True, slots=True)
class Form:
    """What the fields about rights show. `roles`: the role chosen for each newsletter, by its id."""

    reach: str
    role: str
    roles: dict[int, str]
    email: str = ""
    language: str = ""


@admin.get("/people")
@guard.requires(Permission.MANAGE_USERS)
def people() -> str:
    with installation().database.reading() as session:
        everybody = staff.everybody(session, now=guard.now())
        names = _names(session)
    return render_template("admin/people.html", people=everybody, names=names)


@admin.get("/people/new")
@guard.requires(Permission.MANAGE_USERS)
def new_person() -> str:
    return _invitation_page(Form(EVERYWHERE, "", {}, language=guard.user().language))


@admin.post("/people")
@guard.requires(Permission.MANAGE_USERS)
def invite_person() -> Page:
    form = _typed()
    try:
        with installation().database.unit() as session:
            made = invitations.invite(
                session,
                installation().signer,
                form.email,
                _wanted(form),
                language=form.language if form.language in LOCALES else guard.user().language,
                by=_by(),
                now=guard.now(),
            )
    except RefusedError as error:
        return _invitation_page(form, str(error)), 422
    flash(_("The invitation is on its way to %(email)s.", email=made.email))
    return redirect(url_for("admin.person", user_id=made.id), 303)


@admin.get("/people/<int:user_id>")
@guard.requires(Permission.MANAGE_USERS)
def person(user_id: int) -> str:
    return _person_page(user_id)


@admin.post("/people/<int:user_id>/rights")
@guard.requires(Permission.MANAGE_USERS)
def change_rights(user_id: int) -> Page:
    form = _typed()
    try:
        with installation().database.unit() as session:
            slugs = {item.id: item.slug for item in newsletters.all_newsletters(session)}
            staff.change_rights(session, user_id, _wanted(form), by=_by(), now=guard.now(), slugs=slugs)
    except NotFoundError:
        raise
    except RefusedError as error:
        return _person_page(user_id, form, str(error)), 422
    flash(_("Saved. It holds from their next click on."))
    return redirect(url_for("admin.person", user_id=user_id), 303)


@admin.post("/people/<int:user_id>/link")
@guard.requires(Permission.MANAGE_USERS)
def send_link(user_id: int) -> Response:
    with installation().database.unit() as session:
        user = invitations.send_link(session, installation().signer, user_id, by=_by(), now=guard.now())
    flash(_("A new link is on its way to %(email)s. Earlier ones work no more.", email=user.email))
    return redirect(url_for("admin.person", user_id=user_id), 303)


@admin.post("/people/<int:user_id>/sessions/end")
@guard.requires(Permission.MANAGE_USERS)
def end_sessions(user_id: int) -> Response:
    with installation().database.unit() as session:
        staff.end_sessions(session, user_id, by=_by(), now=guard.now())
    flash(_("Signed out everywhere."))
    return redirect(url_for("admin.person", user_id=user_id), 303)


@admin.post("/people/<int:user_id>/disable")
@guard.requires(Permission.MANAGE_USERS)
def disable_person(user_id: int) -> Response:
    with installation().database.unit() as session:
        staff.disable(session, user_id, by=_by(), now=guard.now())
    flash(_("The account is closed. What they did stays on record."))
    return redirect(url_for("admin.person", user_id=user_id), 303)


@admin.post("/people/<int:user_id>/enable")
@guard.requires(Permission.MANAGE_USERS)
def enable_person(user_id: int) -> Response:
    with installation().database.unit() as session:
        staff.enable(session, user_id, by=_by(), now=guard.now())
    flash(_("The account is open again, with the rights that it had."))
    return redirect(url_for("admin.person", user_id=user_id), 303)


def _by() -> By:
    return By(guard.user().email, guard.user().id)


def _typed() -> Form:
    given = request.form
    roles = {
        int(number): role
        for name, role in given.items()
        if name.startswith("role-")
        and role
        and (number := name[5:]).isascii()
        and number.isdecimal()
        and len(number) < 16
    }
    return Form(given.get("reach", ""), given.get("role", ""), roles, given.get("email", ""), given.get("language", ""))


def _wanted(form: Form) -> Rights:
    """The rights that a form asks for. Raises RefusedError."""
    if form.reach == EVERYWHERE:
        return Rights(_role(form.role))
    if form.reach == LIMITED:
        return Rights(None, {number: _role(role) for number, role in form.roles.items()})
    raise RefusedError(_("Choose where the role counts."))


def _role(text: str) -> Role:
    if text not in set(Role):
        raise RefusedError(_("Choose a role."))
    return Role(text)


def _form_of(user: User, rights: Rights) -> Form:
    if rights.everywhere is not None:
        return Form(EVERYWHERE, rights.everywhere, {}, user.email)
    return Form(LIMITED, "", {number: str(role) for number, role in rights.by_newsletter.items()}, user.email)


def _person_page(user_id: int, form: Form | None = None, problem: str = "") -> str:
    with installation().database.reading() as session:
        found = staff.person(session, user_id, now=guard.now())
        opened = sessions.of_user(session, user_id, now=guard.now())
        fields = _fields(session)
        names = _names(session)
    return render_template(
        "admin/person.html",
        person=found,
        sessions=opened,
        names=names,
        form=form or _form_of(found.user, found.rights),
        myself=found.user.id == guard.user().id,
        problem_text=problem,
        **fields,
    )


def _invitation_page(form: Form, problem: str = "") -> str:
    with installation().database.reading() as session:
        fields = _fields(session)
    return render_template("admin/person-new.html", form=form, problem_text=problem, languages=NAMES, **fields)


def _fields(session: Session) -> dict[str, Any]:
    offered: list[Newsletter] = newsletters.all_newsletters(session)
    return {
        "offered": offered,
        "roles": [(role.value, role_word(role)) for role in Role],
        "roles_for_one": [("", _("not this one")), *((role.value, role_word(role)) for role in GIVEN_FOR_ONE)],
    }


def _names(session: Session) -> dict[int, str]:
    return {item.id: item.name for item in newsletters.all_newsletters(session)}
