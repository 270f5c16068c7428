"""What a newsletter measures of its readers, in plain words: what is written down, for how long, what the law asks."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.i18n import gettext as _
from newsletter.newsletters import measuring as measures
from newsletter.newsletters.models import Measure
from newsletter.tracking.following import COUNTED_FOR
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin, enter
from newsletter.web.context import installation


@admin.get("/newsletters/<slug>/measuring")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def measuring(slug: str) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
    return render_template(
        "admin/measuring.html",
        clicks=_clicks(),
        opens=_opens(),
        chosen={"clicks": newsletter.clicks, "opens": newsletter.opens},
        days=COUNTED_FOR.days,
    )


@admin.post("/newsletters/<slug>/measuring")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def change_measuring(slug: str) -> Response:
    clicks, opens = _sent("clicks"), _sent("opens")
    with installation().database.unit() as session:
        measures.change(
            session,
            enter(session, slug),
            clicks=clicks,
            opens=opens,
            actor=guard.user().email,
            user_id=guard.user().id,
            now=guard.now(),
        )
    flash(_("Saved. It holds for the issues that leave from now on."))
    return redirect(url_for("admin.measuring", slug=slug), 303)


def _sent(name: str) -> Measure:
    given = request.form.get(name, "")
    if given not in set(Measure):
        raise BadRequest
    return Measure(given)


def _clicks() -> list[tuple[Measure, str, str]]:
    """What there is to choose of clicks: value, label, what it means."""
    return [
        (Measure.OFF, _("No"), _("Links lead straight to their pages. Nothing is written down.")),
        (
            Measure.ANONYMOUS,
            _("How often, without persons"),
            _("All readers have the same links. How often each was followed is kept, and not by whom."),
        ),
        (
            Measure.READER,
            _("Reader by reader"),
            _(
                "Each reader has links of their own, so a profile shows what was followed and a segment can hold those"
                " who click. Who objects in the preferences is counted without a name."
            ),
        ),
    ]


def _opens() -> list[tuple[Measure, str, str]]:
    return [
        (Measure.OFF, _("No"), _("Messages hold no hidden picture.")),
        (
            Measure.ANONYMOUS,
            _("A rate, without persons"),
            _("All readers load the same picture of one dot. Only the number of times is kept: an estimate."),
        ),
        (
            Measure.READER,
            _("Reader by reader, of those who agreed"),
            _("Only for readers who ticked it in their preferences; all others count in the rate without a name."),
        ),
    ]
