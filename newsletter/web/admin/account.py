"""A user's own account: where they are signed in, and the language of their pages."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from newsletter.accounts import audit, sessions, users
from newsletter.accounts.permissions import Permission
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin
from newsletter.web.context import installation
from newsletter.web.language import NAMES, use_language


@admin.get("/account")
@guard.requires(Permission.READ, shared=True)
def account() -> str:
    with installation().database.reading() as session:
        opened = sessions.of_user(session, guard.user().id, now=guard.now())
        names = {item.id: item.name for item in guard.theirs(session)}
    return render_template(
        "admin/account.html",
        sessions=opened,
        this_session=guard.signed_in().session_id,
        languages=NAMES,
        rights=guard.rights(),
        names=names,
    )


@admin.post("/account/language")
@guard.requires(Permission.READ, shared=True)
def change_language() -> Response:
    language = request.form.get("language", "")
    if language not in LOCALES:
        raise RefusedError(_("Choose French (fr) or English (en)."))
    with installation().database.unit() as session:
        users.change_language(session, guard.user().id, language)
    use_language(language)
    flash(_("Your pages are in English now."))
    return redirect(url_for("admin.account"), 303)


@admin.post("/account/sessions/<int:session_id>/revoke")
@guard.requires(Permission.READ, shared=True)
def revoke_session(session_id: int) -> Response:
    user, now = guard.user(), guard.now()
    with installation().database.unit() as session:
        sessions.revoke(session, session_id, user.id, now=now)
        audit.record(
            session,
            actor=user.email,
            user_id=user.id,
            action="session.revoked",
            subject="user",
            subject_id=user.id,
            now=now,
        )
    flash(_("That browser is signed out."))
    return redirect(url_for("admin.account"), 303)


@admin.post("/account/sessions/revoke")
@guard.requires(Permission.READ, shared=True)
def revoke_all_sessions() -> Response:
    """Sign out everywhere, here too."""
    user, now = guard.user(), guard.now()
    with installation().database.unit() as session:
        sessions.revoke_all(session, user.id, now=now)
        audit.record(
            session,
            actor=user.email,
            user_id=user.id,
            action="session.revoked_all",
            subject="user",
            subject_id=user.id,
            now=now,
        )
    response = redirect(url_for("admin.sign_in"), 303)
    guard.leave(response)
    return response
