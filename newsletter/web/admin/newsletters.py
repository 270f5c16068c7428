"""Publications: the list, and a new one."""

from dataclasses import fields
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts import audit
from newsletter.accounts.permissions import Permission
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.issues import schedule
from newsletter.newsletters import editing
from newsletter.newsletters.editing import NewsletterValues
from newsletter.newsletters.models import Newsletter
from newsletter.newsletters.wording import ValuesError
from newsletter.subscriptions import counts as subscriptions
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin
from newsletter.web.context import installation

Page = str | Response | tuple[str, int]
NOBODY = NewsletterValues(slug="", name="", from_address="", timezone="Africa/Lome")


@admin.get("/newsletters")
@guard.requires(Permission.READ, shared=True)
def newsletters() -> str:
    with installation().database.reading() as session:
        found = guard.theirs(session)
        counts = subscriptions.counts_of(session, [item.id for item in found])
        rows = [(item, counts[item.id], _next_run(session, item)) for item in found]
    return render_template("admin/newsletters.html", rows=rows)


@admin.get("/newsletters/new")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def new_newsletter() -> str:
    return render_template("admin/newsletter-new.html", values=NOBODY, wrong={})


@admin.post("/newsletters")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def create_newsletter() -> Page:
    values = values_sent(request.form.get("slug", "").strip())
    try:
        with installation().database.unit() as session:
            made = editing.create_newsletter(session, values, now=guard.now(), vault=installation().vault)
            record(session, "newsletter.created", made, slug=made.slug)
            slug = made.slug
    except ValuesError as error:
        return render_template("admin/newsletter-new.html", values=values, wrong=error.fields), 422
    flash(_("The newsletter exists. Publish its DNS records before you send to many readers."))
    return redirect(url_for("admin.domain", slug=slug), 303)


def _next_run(session: Session, newsletter: Newsletter) -> object:
    return schedule.next_run(session, newsletter, now=guard.now())


def values_sent(slug: str) -> NewsletterValues:
    """What a form says of a newsletter."""
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


def record(session: Session, action: str, newsletter: Newsletter, **details: Any) -> None:
    """Note that the user has done something to a newsletter."""
    audit.record(
        session,
        actor=guard.user().email,
        user_id=guard.user().id,
        action=action,
        subject="newsletter",
        subject_id=newsletter.id,
        now=guard.now(),
        **details,
    )
