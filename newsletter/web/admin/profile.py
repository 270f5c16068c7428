"""One reader's page: the facts, everything that happened, and what staff can do about it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.addresses import key_of
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.prose import clean_characters
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.reports import history
from newsletter.subscriptions import pausing, queries, staff
from newsletter.subscriptions import wishes as wishing
from newsletter.subscriptions.models import Subscription
from newsletter.suppression import ledger as suppression
from newsletter.web import wishes
from newsletter.web.admin import finding, guard
from newsletter.web.admin.room import admin, enter
from newsletter.web.context import installation

Page = str | Response | tuple[str, int]
SHOWN = 30
MAX_WHY = 300


@admin.get("/newsletters/<slug>/subscribers/<int:subscription_id>")
@guard.requires(Permission.READ)
def subscriber(slug: str, subscription_id: int) -> str:
    return _subscriber_page(slug, subscription_id)


@admin.post("/newsletters/<slug>/subscribers/<int:subscription_id>/wishes")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def change_wishes(slug: str, subscription_id: int) -> Page:
    try:
        with installation().database.unit() as session:
            newsletter = enter(session, slug)
            row = finding.row(session, newsletter, subscription_id)
            fields = wishes.sent(wishing.options(session, newsletter), request.form)
            if fields is not None:
                held = session.get_one(Subscription, row.id, with_for_update=True)
                wish, who = wishes.read(fields), guard.user().email
                wishing.grant(session, newsletter, held, wish, now=guard.now(), actor=who)
    except NotFoundError:
        raise
    except RefusedError as error:
        return _subscriber_page(slug, subscription_id, wish_problem=str(error)), 422
    flash(_("Noted. The next issue follows these choices."))
    return redirect(url_for("admin.subscriber", slug=slug, subscription_id=subscription_id), 303)


@admin.post("/newsletters/<slug>/subscribers/<int:subscription_id>/block")
@guard.requires(Permission.MANAGE_SUBSCRIBERS, everywhere=True)
def block_address(slug: str, subscription_id: int) -> Page:
    """Never write to this address, whatever it subscribes to."""
    return _decide(slug, subscription_id, staff.block, _("Nothing is sent to %(email)s any more."))


@admin.post("/newsletters/<slug>/subscribers/<int:subscription_id>/unblock")
@guard.requires(Permission.MANAGE_SUBSCRIBERS, everywhere=True)
def unblock_address(slug: str, subscription_id: int) -> Page:
    return _decide(slug, subscription_id, staff.unblock, _("Issues are sent to %(email)s again."))


def _decide(slug: str, subscription_id: int, verb: Callable[..., None], done: str) -> Page:
    why = clean_characters(request.form.get("why", "")).strip()[:MAX_WHY]
    try:
        with installation().database.unit() as session:
            row = finding.row(session, enter(session, slug), subscription_id)
            verb(session, key_of(row.email), why=why, actor=guard.user().email, now=guard.now())
    except NotFoundError:
        raise
    except RefusedError as error:
        return _subscriber_page(slug, subscription_id, problem=str(error)), 422
    flash(done % {"email": row.email})
    return redirect(url_for("admin.subscriber", slug=slug, subscription_id=subscription_id), 303)


@admin.post("/newsletters/<slug>/subscribers/<int:subscription_id>/pause")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def pause_subscription(slug: str, subscription_id: int) -> Page:
    def verb(session: Session, newsletter: Newsletter) -> None:
        try:
            day = date.fromisoformat(request.form.get("until", ""))
        except ValueError:
            raise RefusedError(_("Say until when.")) from None
        staff.pause_subscription(session, newsletter, subscription_id, day, actor=guard.user().email, now=guard.now())

    return _act(slug, subscription_id, verb, _("Nothing is sent until then."))


@admin.post("/newsletters/<slug>/subscribers/<int:subscription_id>/resume")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def resume_subscription(slug: str, subscription_id: int) -> Page:
    def verb(session: Session, newsletter: Newsletter) -> None:
        staff.resume_subscription(session, newsletter, subscription_id, actor=guard.user().email, now=guard.now())

    return _act(slug, subscription_id, verb, _("The next issue is sent again."))


@admin.post("/newsletters/<slug>/subscribers/<int:subscription_id>/ask-again")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def resend_confirmation(slug: str, subscription_id: int) -> Page:
    def verb(session: Session, newsletter: Newsletter) -> None:
        signer, who = installation().signer, guard.user().email
        staff.resend_confirmation(session, signer, newsletter, subscription_id, actor=who, now=guard.now())

    return _act(slug, subscription_id, verb, _("A confirmation mail is on its way."))


def _act(slug: str, subscription_id: int, verb: Callable[[Session, Newsletter], None], done: str) -> Page:
    try:
        with installation().database.unit() as session:
            verb(session, enter(session, slug))
    except NotFoundError:
        raise
    except RefusedError as error:
        return _subscriber_page(slug, subscription_id, problem=str(error)), 422
    flash(done)
    return redirect(url_for("admin.subscriber", slug=slug, subscription_id=subscription_id), 303)


def _subscriber_page(slug: str, subscription_id: int, problem: str = "", wish_problem: str = "") -> str:
    kind = request.args.get("kind")
    below = history.Place.read(request.args.get("below", "")[:80])
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        row = finding.row(session, newsletter, subscription_id)
        everything = newsletters.all_newsletters(session)
        options = wishing.options(session, newsletter)
        subscription = session.get_one(Subscription, row.id)
        wish = wishing.of(session, newsletter, subscription)
        page = history.history(
            session,
            history.person(session, row.subscriber_id),
            kind=history.Kind(kind) if kind in set(history.Kind) else None,
            below=below,
            limit=SHOWN,
        )
        sees = guard.rights().sees
        page = replace(
            page, entries=[item for item in page.entries if item.newsletter_id is None or sees(item.newsletter_id)]
        )
        own = queries.of_address(session, key_of(row.email))
        others = [item for item in own if item.id != row.id and sees(item.newsletter_id)]
        block = suppression.find(session, key_of(row.email))
    given = wishes.sent(options, request.form, wish_problem) if wish_problem else None
    here: dict[str, Any] = {"slug": slug, "subscription_id": row.id}
    return render_template(
        "admin/subscriber.html",
        row=row,
        problem=problem,
        paused_until=subscription.paused_until,
        page=page,
        kind=kind if kind in set(history.Kind) else None,
        kinds=_kind_words(),
        older=url_for("admin.subscriber", **here, kind=kind, below=str(page.older)) if page.older else None,
        newest=url_for("admin.subscriber", **here, kind=kind) if below else None,
        names={item.id: item.name for item in everything},
        slugs={item.id: item.slug for item in everything},
        others=others,
        block=block,
        fields=given or wishes.shown(options, wish),
        tomorrow=pausing.first_day(newsletter, now=guard.now()).isoformat(),
    )


def _kind_words() -> dict[str, str]:
    return {
        "consent": _("Agreements and choices"),
        "sent": _("What was sent"),
        "returned": _("What came back"),
        "blocked": _("Blocks"),
        "staff": _("By staff"),
    }


@admin.app_template_filter()
def audit_name(action: str) -> str:
    """What staff did, in words; what has none by its own name."""
    return {
        "subscriber.added": _("Added by staff"),
        "subscriber.ended": _("Ended by staff"),
        "subscriber.paused": _("Paused by staff"),
        "subscriber.resumed": _("Resumed by staff"),
        "subscriber.asked_again": _("Asked again for a confirmation"),
        "address.blocked": _("Blocked by staff"),
        "address.unblocked": _("Unblocked by staff"),
    }.get(action, action)


@admin.app_template_filter()
def mail_name(kind: str) -> str:
    """A mail to one person."""
    return {
        "confirm": _("Confirmation mail"),
        "already_subscribed": _("Mail: subscribed already"),
        "come_back": _("Mail: asked to confirm again"),
    }.get(kind, kind)
