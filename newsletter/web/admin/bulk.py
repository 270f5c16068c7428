"""One thing done to many readers: asked, counted, confirmed, watched, taken back."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import format_date
from newsletter.core.i18n import gettext as _
from newsletter.core.prose import clean_characters
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import bulk, pausing
from newsletter.subscriptions.bulk_models import BulkAction, BulkKind, BulkStatus
from newsletter.subscriptions.search import Find
from newsletter.transfer import exports
from newsletter.web.admin import finding, guard
from newsletter.web.admin.formats import zone
from newsletter.web.admin.room import admin, enter
from newsletter.web.admin.sheet import sheet
from newsletter.web.context import installation
from newsletter.web.language import NAMES

Page = str | Response | tuple[str, int]
NOTHING = {"kind": "", "until": "", "language": "", "why": ""}
BASE = "/newsletters/<slug>/subscribers"


@admin.get(f"{BASE}/export.csv")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def export_subscribers(slug: str) -> Response:
    """What a search finds, written while it is read: a million readers take no memory."""
    database = installation().database
    with database.reading() as session:
        newsletter = enter(session, slug)
        find = finding.find_in(request.args, newsletter.id)

    def rows() -> Iterator[list[str]]:
        with database.reading() as session:
            yield from exports.found(session, find)

    return sheet(f"{slug}-{guard.now():%Y-%m-%d}", rows())


@admin.get(f"{BASE}/bulk")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def new_bulk_action(slug: str) -> str:
    with installation().database.reading() as session:
        find = finding.find_or_segment(session, request.args, enter(session, slug))
    return _form(slug, find, NOTHING)


@admin.post(f"{BASE}/bulk")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def ask_bulk_action(slug: str) -> Page:
    with installation().database.reading() as session:
        find = finding.find_or_segment(session, request.form, enter(session, slug))
    try:
        with installation().database.unit() as session:
            kind, params = _wanted(enter(session, slug))
            action = bulk.ask(session, find, kind, params, actor=guard.user().email, now=guard.now())
            if find.ids:  # a handful: counted at once
                bulk.step(session, action.id, now=guard.now())
    except NotFoundError:
        raise
    except RefusedError as error:
        return _form(slug, find, NOTHING | request.form.to_dict(), str(error)), 422
    return redirect(url_for("admin.bulk_action", slug=slug, action_id=action.id), 303)


@admin.get(f"{BASE}/bulk/<int:action_id>")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def bulk_action(slug: str, action_id: int) -> str:
    return _page("admin/bulk.html", slug, action_id)


@admin.get(f"{BASE}/bulk/<int:action_id>/state")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def bulk_state(slug: str, action_id: int) -> str:
    """The part of the page that moves."""
    return _page("admin/bulk-state.html", slug, action_id)


@admin.post(f"{BASE}/bulk/<int:action_id>/confirm")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def confirm_bulk_action(slug: str, action_id: int) -> Response:
    with installation().database.unit() as session:
        bulk.by_id(session, enter(session, slug).id, action_id)
        bulk.confirm(session, action_id, actor=guard.user().email, now=guard.now())
    return redirect(url_for("admin.bulk_action", slug=slug, action_id=action_id), 303)


@admin.post(f"{BASE}/bulk/<int:action_id>/drop")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def drop_bulk_action(slug: str, action_id: int) -> Response:
    with installation().database.unit() as session:
        find = bulk.find_of(bulk.by_id(session, enter(session, slug).id, action_id))
        bulk.drop(session, action_id)
    flash(_("Nothing was done."))
    return redirect(_back(slug, find), 303)


@admin.post(f"{BASE}/bulk/<int:action_id>/undo")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def undo_bulk_action(slug: str, action_id: int) -> Response:
    try:
        with installation().database.unit() as session:
            bulk.by_id(session, enter(session, slug).id, action_id)
            bulk.undo(session, action_id, actor=guard.user().email, now=guard.now())
    except NotFoundError:
        raise
    except RefusedError as error:
        flash(str(error), "warn")
    return redirect(url_for("admin.bulk_action", slug=slug, action_id=action_id), 303)


def _wanted(newsletter: Newsletter) -> tuple[BulkKind, dict[str, Any]]:
    """What the form asks for; of its fields only those that the kind has."""
    kind = request.form.get("kind", "")
    if kind not in set(BulkKind):
        raise RefusedError(_("Choose what is to be done."))
    if kind == BulkKind.PAUSE:
        try:
            day = date.fromisoformat(request.form.get("until", ""))
        except ValueError:
            raise RefusedError(_("Say until when.")) from None
        return BulkKind.PAUSE, {"until": pausing.moment_of(newsletter, day, now=guard.now()).isoformat()}
    if kind == BulkKind.LANGUAGE:
        return BulkKind.LANGUAGE, {"language": request.form.get("language", "")}
    if kind == BulkKind.SUPPRESS:
        return BulkKind.SUPPRESS, {"why": clean_characters(request.form.get("why", "")).strip()[: bulk.MAX_WHY]}
    return BulkKind(kind), {}


def _form(slug: str, find: Find, given: dict[str, str], wrong: str = "") -> str:
    with installation().database.reading() as session:
        enter(session, slug)
    kinds = (
        ("end", _("End the subscription"), _("They get no further issue of this newsletter.")),
        ("pause", _("Pause until a day"), _("Those who read now get nothing until then.")),
        ("resume", _("Resume"), _("Those on a break get the next issue.")),
        ("language", _("Change the language"), _("Of their mails and pages, in every newsletter.")),
        ("suppress", _("Never write again"), _("Nothing is sent to these addresses by any newsletter.")),
    )
    return render_template(
        "admin/bulk-new.html",
        find=find,
        meant=finding.in_words(find),
        kinds=kinds,
        languages=list(NAMES.items()),
        given=given,
        wrong=wrong,
        back=_back(slug, find),
    )


def _page(template: str, slug: str, action_id: int) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        action = bulk.by_id(session, newsletter.id, action_id)
        sample = bulk.sample(session, action_id) if action.status is BulkStatus.READY else []
    undoable = bulk.may_undo(action, now=guard.now()) and action.finished_at
    return render_template(
        template,
        newsletter=newsletter,
        action=action,
        moving=action.status in bulk.MOVING,
        meant=finding.in_words(bulk.find_of(action)),
        sample=sample,
        promise=_promise(action),
        undo_until=undoable + bulk.UNDO_FOR if undoable else None,
    )


def _back(slug: str, find: Find) -> str:
    """Where the readers were chosen."""
    if find.part:
        return url_for("admin.segments", slug=slug)
    return url_for("admin.subscribers", slug=slug, q=find.text or None, status=find.status)


def _promise(action: BulkAction) -> str:
    if action.kind is BulkKind.SUPPRESS:
        return _("Blocking can be undone for seven days.")
    return _("It is done in the background and can be undone for seven days.")


@admin.app_template_filter()
def bulk_name(action: BulkAction) -> str:
    """What an action does."""
    if action.kind is BulkKind.PAUSE:
        until = datetime.fromisoformat(action.params["until"])
        return _("Pause until %(day)s", day=format_date(until, zone=zone(), style="long"))
    if action.kind is BulkKind.LANGUAGE:
        name = NAMES.get(action.params["language"], "")
        return _("Set the language: %(language)s", language=name)
    return {
        BulkKind.END: _("End the subscription"),
        BulkKind.RESUME: _("Resume"),
        BulkKind.SUPPRESS: _("Never write again"),
    }[action.kind]


@admin.app_template_filter()
def bulk_state_name(status: BulkStatus) -> str:
    return {
        BulkStatus.COLLECTING: _("being counted"),
        BulkStatus.READY: _("not confirmed"),
        BulkStatus.RUNNING: _("under way"),
        BulkStatus.DONE: _("done"),
        BulkStatus.UNDOING: _("being taken back"),
        BulkStatus.UNDONE: _("taken back"),
        BulkStatus.DROPPED: _("dropped"),
    }[status]
