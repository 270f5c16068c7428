"""Ways of the mail that are paused: opened again by hand."""

from flask import flash, redirect, url_for
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.i18n import gettext as _
from newsletter.delivery import limits
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin
from newsletter.web.context import installation


@admin.post("/lanes/<int:lane_id>/resume")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def resume_lane(lane_id: int) -> Response:
    with installation().database.unit() as session:
        limits.resume(session, lane_id, actor=guard.user().email, now=guard.now())
    flash(_("Sending goes on."))
    return redirect(url_for("admin.desk"), 303)
