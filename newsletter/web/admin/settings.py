"""What is set for a newsletter."""

import hashlib
import json
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
from newsletter.web.admin.log_words import fields, value
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
            now = editing.values_of(session, newsletter)
            if request.form.get("seen", version_of(now)) != version_of(now):
                return _settings_page(session, newsletter, values, {}, theirs=_differences(values, now)), 409
            old = asdict(now)
            editing.change_newsletter(session, newsletter, values, now=guard.now(), vault=installation().vault)
            session.flush()
            changed = audit.changes(old, asdict(editing.values_of(session, newsletter)))
            if changed:
                record(session, "newsletter.changed", newsletter, changed=changed)
    except ValuesError as error:
        with installation().database.reading() as session:
            seen = request.form.get("seen", "")
            return _settings_page(session, enter(session, slug), values, error.fields, seen=seen), 422
    flash(_("Saved."))
    return redirect(url_for("admin.settings", slug=slug), 303)


def version_of(values: NewsletterValues) -> str:
    """What a form brings back, so that nobody overwrites unseen what somebody else has set."""
    text = json.dumps(asdict(values), default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _differences(typed: NewsletterValues, now: NewsletterValues) -> list[tuple[str, str]]:
    """(field, what it is now) of all that is not as it was typed."""
    said, words = asdict(typed), fields()
    return [(words.get(name, name), value(name, item)) for name, item in asdict(now).items() if item != said[name]]


def _settings_page(
    session: Session,
    newsletter: Newsletter,
    values: NewsletterValues,
    wrong: dict[str, str],
    *,
    seen: str = "",
    theirs: list[tuple[str, str]] | None = None,
) -> str:
    """`theirs`: what somebody else has set meanwhile, of which the next save is told."""
    departures = schedule.departures(session, newsletter, now=guard.now())
    return render_template(
        "admin/newsletter-settings.html",
        values=values,
        wrong=wrong,
        seen=seen or version_of(editing.values_of(session, newsletter)),
        theirs=theirs,
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
