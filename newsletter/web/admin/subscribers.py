"""Readers of a newsletter: found, added, looked at, taken off."""

from dataclasses import replace
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.addresses import parse_address
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.prose import clean_characters
from newsletter.subscriptions import bulk, search, staff
from newsletter.subscriptions import counts as counting
from newsletter.subscriptions.models import SubscriptionStatus
from newsletter.web.admin import finding, guard, paging
from newsletter.web.admin.room import admin, enter
from newsletter.web.context import installation

Page = str | Response | tuple[str, int]
NOTHING = {"email": "", "name": "", "agreed": "", "proof": ""}
MAX_NAME = 200
MAX_PROOF = 2000
MAX_PLACE = 700  # characters: a name and a number
ACTIONS_SHOWN = 5
SENT_SHOWN = 20


@admin.get("/newsletters/<slug>/subscribers")
@guard.requires(Permission.READ)
def subscribers(slug: str) -> Response:
    """The list; only what is found of it while somebody types."""
    part = request.headers.get("HX-Request") == "true"
    after = request.args.get("after", "")[:MAX_PLACE] or None
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        find = replace(finding.find_in(request.args, newsletter.id), ids=())
        found = search.page(session, find, after=after, limit=paging.PER_PAGE)
        counts = counting.counts(session, newsletter.id)
        actions = [] if part else bulk.recent(session, newsletter.id, limit=ACTIONS_SHOWN)
    here: dict[str, Any] = {"slug": slug, "q": find.text or None, "status": find.status}
    page = render_template(
        "admin/subscribers-found.html" if part else "admin/subscribers.html",
        newsletter=newsletter,
        find=find,
        found=found,
        counts=counts,
        actions=actions,
        words=finding.tab_words(),
        next=url_for("admin.subscribers", **here, after=found.after) if found.after else None,
        begin=url_for("admin.subscribers", **here) if after else None,
        form_url=installation().links.form(slug),
    )
    return Response(page, mimetype="text/html", headers={"Vary": "HX-Request"})


@admin.get("/newsletters/<slug>/subscribers/new")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def new_subscriber(slug: str) -> str:
    with installation().database.reading() as session:
        enter(session, slug)
    return render_template("admin/subscriber-new.html", given=NOTHING, wrong=None)


@admin.post("/newsletters/<slug>/subscribers")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def add_subscriber(slug: str) -> Page:
    given = request.form.to_dict()
    agreed = given.get("agreed") == "yes"
    try:
        with installation().database.unit() as session:
            _add(session, slug, agreed)
    except RefusedError as error:
        with installation().database.reading() as session:
            enter(session, slug)
        return render_template("admin/subscriber-new.html", given=NOTHING | given, wrong=str(error)), 422
    if agreed:
        flash(_("The address is on the list and gets the next issue."))
    else:
        flash(_("A confirmation mail is on its way. The address joins when its owner agrees."))
    return redirect(url_for("admin.subscribers", slug=slug), 303)


@admin.get("/newsletters/<slug>/subscribers/<int:subscription_id>/end")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def ask_to_end(slug: str, subscription_id: int) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        row = finding.row(session, newsletter, subscription_id)
    return render_template("admin/subscriber-end.html", row=row)


@admin.post("/newsletters/<slug>/subscribers/<int:subscription_id>/end")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def end_subscription(slug: str, subscription_id: int) -> Page:
    with installation().database.unit() as session:
        newsletter = enter(session, slug)
        row = finding.row(session, newsletter, subscription_id)
        staff.end_subscription(session, row.id, actor=guard.user().email, now=guard.now())
    flash(_("%(email)s gets no more issues.", email=row.email))
    return redirect(url_for("admin.subscriber", slug=slug, subscription_id=subscription_id), 303)


def _add(session: Session, slug: str, agreed: bool) -> None:
    newsletter = enter(session, slug)
    staff.add_subscriber(
        session,
        installation().signer,
        newsletter,
        parse_address(request.form.get("email", "")),
        name=_name(request.form.get("name", "")),
        status=SubscriptionStatus.ACTIVE if agreed else SubscriptionStatus.PENDING,
        proof=request.form.get("proof", "").strip()[:MAX_PROOF],
        actor=guard.user().email,
        now=guard.now(),
    )


def _name(text: str) -> str:
    name = " ".join(clean_characters(text).split())
    if len(name) > MAX_NAME:
        raise RefusedError(_("This name is too long: %(count)d characters at most.", count=MAX_NAME))
    return name
