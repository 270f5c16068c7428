"""What is set for a newsletter."""

from dataclasses import asdict, replace

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts import audit
from newsletter.accounts.permissions import Permission
from newsletter.core.i18n import gettext as _
from newsletter.issues import schedule
from newsletter.newsletters import editing
from newsletter.newsletters.editing import NewsletterValues
from newsletter.newsletters.models import Newsletter, Review, TooLate
from newsletter.newsletters.wording import ValuesError
from newsletter.web.admin import guard
from newsletter.web.admin.newsletters import record, values_sent
from newsletter.web.admin.room import admin, enter
from newsletter.web.admin.typed import whole_number
from newsletter.web.context import installation

Page = str | Response | tuple[str, int]


@admin.get("/newsletters/<slug>/settings")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def settings(slug: str) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        return _settings_page(session, newsletter, editing.values_of(session, newsletter), {})


@admin.post("/newsletters/<slug>/settings")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def change_newsletter(slug: str) -> Page:
    with installation().database.reading() as session:
        before = editing.values_of(session, enter(session, slug))
    values = _with_review(values_sent(slug), before)
    try:
        with installation().database.unit() as session:
            newsletter = enter(session, slug)
            old = asdict(editing.values_of(session, newsletter))
            editing.change_newsletter(session, newsletter, values, now=guard.now(), vault=installation().vault)
            session.flush()
            changed = audit.changes(old, asdict(editing.values_of(session, newsletter)))
            if changed:
                record(session, "newsletter.changed", newsletter, changed=changed)
    except ValuesError as error:
        with installation().database.reading() as session:
            return _settings_page(session, enter(session, slug), values, error.fields), 422
    flash(_("Saved."))
    return redirect(url_for("admin.settings", slug=slug), 303)


def _settings_page(session: Session, newsletter: Newsletter, values: NewsletterValues, wrong: dict[str, str]) -> str:
    departures = schedule.departures(session, newsletter, now=guard.now())
    return render_template(
        "admin/newsletter-settings.html",
        values=values,
        wrong=wrong,
        departures=departures,
        form_url=installation().links.form(newsletter.slug),
    )


def _with_review(values: NewsletterValues, before: NewsletterValues) -> NewsletterValues:
    """What is asked about the review of digests; as it was where a form says nothing of it."""
    given = request.form
    review, too_late = given.get("review", ""), given.get("too_late", "")
    approvers = given.get("approvers", "\n".join(before.approvers))
    return replace(
        values,
        review=Review(review) if review in set(Review) else before.review,
        approvers=tuple(approvers.replace(",", " ").replace(";", " ").split()),
        too_late=TooLate(too_late) if too_late in set(TooLate) else before.too_late,
        cooling_minutes=whole_number(given.get("cooling_minutes", ""), before.cooling_minutes),
        breaking_cap=whole_number(given.get("breaking_cap", ""), before.breaking_cap),
    )
