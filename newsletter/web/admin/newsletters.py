"""Publications: the list, a new one, and what is set for each."""

from dataclasses import fields, replace

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts import audit
from newsletter.accounts.permissions import Permission
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.issues import schedule
from newsletter.newsletters import editing, queries
from newsletter.newsletters.editing import NewsletterValues
from newsletter.newsletters.models import Newsletter, Review, TooLate
from newsletter.newsletters.wording import ValuesError
from newsletter.subscriptions import queries as subscriptions
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin, enter
from newsletter.web.admin.typed import whole_number
from newsletter.web.context import installation

Page = str | Response | tuple[str, int]
NOBODY = NewsletterValues(slug="", name="", from_address="", timezone="Africa/Lome")


@admin.get("/newsletters")
@guard.requires(Permission.READ)
def newsletters() -> str:
    with installation().database.reading() as session:
        rows = [
            (item, subscriptions.counts(session, item.id), _next_run(session, item))
            for item in queries.all_newsletters(session)
        ]
    return render_template("admin/newsletters.html", rows=rows)


@admin.get("/newsletters/new")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def new_newsletter() -> str:
    return render_template("admin/newsletter-new.html", values=NOBODY, wrong={})


@admin.post("/newsletters")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def create_newsletter() -> Page:
    values = _values(request.form.get("slug", "").strip())
    try:
        with installation().database.unit() as session:
            made = editing.create_newsletter(session, values, now=guard.now(), vault=installation().vault)
            _record(session, "newsletter.created", made)
            slug = made.slug
    except ValuesError as error:
        return render_template("admin/newsletter-new.html", values=values, wrong=error.fields), 422
    flash(_("The newsletter exists. Publish its DNS records before you send to many readers."))
    return redirect(url_for("admin.domain", slug=slug), 303)


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
    values = _with_review(_values(slug), before)
    try:
        with installation().database.unit() as session:
            newsletter = enter(session, slug)
            editing.change_newsletter(session, newsletter, values, now=guard.now(), vault=installation().vault)
            _record(session, "newsletter.changed", newsletter)
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


def _next_run(session: Session, newsletter: Newsletter) -> object:
    return schedule.next_run(session, newsletter, now=guard.now())


def _values(slug: str) -> NewsletterValues:
    given = {field.name: request.form.get(field.name, "").strip() for field in fields(NewsletterValues)}
    return NewsletterValues(
        slug=slug,
        name=given["name"],
        from_address=given["from_address"],
        language=given["language"] or LOCALES[0],
        publisher=given["publisher"],
        description=given["description"],
        timezone=given["timezone"],
        from_name=given["from_name"],
        reply_to=given["reply_to"] or None,
        postal_address=given["postal_address"],
        schedule=given["schedule"] or None,
        resend_unknown=given["resend_unknown"] == "yes",
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


def _record(session: Session, action: str, newsletter: Newsletter) -> None:
    audit.record(
        session,
        actor=guard.user().email,
        user_id=guard.user().id,
        action=action,
        subject="newsletter",
        subject_id=newsletter.id,
        now=guard.now(),
    )
