"""Readers of a newsletter: found, added, looked at, taken off."""

from collections.abc import Callable

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.addresses import key_of, parse_address
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.prose import clean_characters
from newsletter.feedback import queries as feedback
from newsletter.issues import sent_to
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import consent, queries, staff
from newsletter.subscriptions import wishes as wishing
from newsletter.subscriptions.models import Subscription, SubscriptionStatus
from newsletter.subscriptions.queries import SubscriptionRow
from newsletter.suppression import ledger as suppression
from newsletter.web import wishes
from newsletter.web.admin import guard, paging
from newsletter.web.admin.room import admin, enter
from newsletter.web.context import installation

Page = str | Response | tuple[str, int]
NOTHING = {"email": "", "name": "", "agreed": "", "proof": ""}
MAX_NAME = 200
MAX_PROOF = 2000
SENT_SHOWN = 20


@admin.get("/newsletters/<slug>/subscribers")
@guard.requires(Permission.READ)
def subscribers(slug: str) -> str:
    text = request.args.get("q", "").strip()[:320]
    status = _status(request.args.get("status"))
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        rows = queries.search(
            session, newsletter.id, text=text, status=status, before=paging.before(), limit=paging.PER_PAGE + 1
        )
        counts = queries.counts(session, newsletter.id)
    listing = paging.listing(rows, lambda row: row.id, slug=slug, q=text or None, status=status)
    return render_template(
        "admin/subscribers.html",
        listing=listing,
        counts=counts,
        text=text,
        status=status,
        words=_tab_words(),
        form_url=installation().links.form(slug),
    )


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
            row = _row(session, newsletter, subscription_id)
            fields = wishes.sent(wishing.options(session, newsletter), request.form)
            if fields is not None:
                held = session.get_one(Subscription, row.id, with_for_update=True)
                wish, who = wishes.read(fields), guard.user().email
                wishing.grant(session, newsletter, held, wish, now=guard.now(), actor=who)
    except NotFoundError:
        raise
    except RefusedError as error:
        return _subscriber_page(slug, subscription_id, problem=str(error)), 422
    flash(_("Noted. The next issue follows these choices."))
    return redirect(url_for("admin.subscriber", slug=slug, subscription_id=subscription_id), 303)


def _subscriber_page(slug: str, subscription_id: int, problem: str = "") -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        row = _row(session, newsletter, subscription_id)
        history = consent.history(session, row.subscriber_id)
        names = {item.id: item.name for item in newsletters.all_newsletters(session)}
        options = wishing.options(session, newsletter)
        wish = wishing.of(session, newsletter, session.get_one(Subscription, row.id))
        before = paging.before()
        sent = sent_to.sent_to(session, row.subscriber_id, before=before, limit=SENT_SHOWN + 1)
        returned = feedback.of_subscriber(session, row.subscriber_id)
        blocks = suppression.history(session, key_of(row.email))
    given = wishes.sent(options, request.form, problem) if problem else None
    sees = guard.rights().sees
    return render_template(
        "admin/subscriber.html",
        row=row,
        history=[item for item in history if sees(item.newsletter_id)],
        newsletter_names=names,
        fields=given or wishes.shown(options, wish),
        sent=[item for item in sent[:SENT_SHOWN] if sees(item.newsletter_id)],
        returned=[item for item in returned if item.newsletter_id is None or sees(item.newsletter_id)],
        blocks=blocks,
        older=sent[SENT_SHOWN - 1].issue_id if len(sent) > SENT_SHOWN else None,
    )


@admin.get("/newsletters/<slug>/subscribers/<int:subscription_id>/end")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def ask_to_end(slug: str, subscription_id: int) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        row = _row(session, newsletter, subscription_id)
    return render_template("admin/subscriber-end.html", row=row)


@admin.post("/newsletters/<slug>/subscribers/<int:subscription_id>/end")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def end_subscription(slug: str, subscription_id: int) -> Page:
    with installation().database.unit() as session:
        newsletter = enter(session, slug)
        row = _row(session, newsletter, subscription_id)
        staff.end_subscription(session, row.id, actor=guard.user().email, now=guard.now())
    flash(_("%(email)s gets no more issues.", email=row.email))
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
    why = clean_characters(request.form.get("why", "")).strip()[:MAX_PROOF]
    try:
        with installation().database.unit() as session:
            row = _row(session, enter(session, slug), subscription_id)
            verb(session, key_of(row.email), why=why, actor=guard.user().email, now=guard.now())
    except NotFoundError:
        raise
    except RefusedError as error:
        flash(str(error), "warn")
    else:
        flash(done % {"email": row.email})
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


def _row(session: Session, newsletter: Newsletter, subscription_id: int) -> SubscriptionRow:
    row = queries.by_id(session, subscription_id)
    if row.newsletter_id != newsletter.id:
        raise NotFoundError(_("This subscription does not exist."))
    return row


def _status(text: str | None) -> SubscriptionStatus | None:
    return SubscriptionStatus(text) if text in set(SubscriptionStatus) else None


def _tab_words() -> dict[str, str]:
    """Subscribers by status, in the plural."""
    return {
        "active": _("Subscribed"),
        "pending": _("Awaiting"),
        "paused": _("On pause"),
        "ended": _("Gone"),
    }
