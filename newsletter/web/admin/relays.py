"""Relays: where mail is handed over, what each may carry, and how it fares."""

from dataclasses import replace
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.delivery import limits, overview, relay_values
from newsletter.delivery import relays as records
from newsletter.delivery.models import RelayRecord
from newsletter.delivery.relay_values import Account, Trial
from newsletter.mail.smtp import Security
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin
from newsletter.web.admin.typed import whole_number
from newsletter.web.context import installation

Page = str | Response | tuple[str, int]
MANAGE = Permission.MANAGE_NEWSLETTERS
LIMITS = ("per_second", "per_day", "concurrency")
SHAPES = {"open": "ok", "slowed": "warn", "closed": "warn", "paused": "paused", "no address": "bad"}
NUMBERS = {"weight": 1, "connections": 16, "messages_per_connection": 0}


@admin.get("/relays")
@guard.requires(MANAGE)
def relays() -> str:
    return _list_page()


@admin.get("/relays/new")
@guard.requires(MANAGE)
def new_relay() -> str:
    return _form(None, Account(), _usual(), "")


@admin.post("/relays/new")
@guard.requires(MANAGE)
def add_relay() -> Page:
    here = installation()
    account, values = _account_sent(), _values_sent()
    try:
        with here.database.unit() as session:
            made = records.create(
                session,
                name=request.form.get("name", ""),
                url=relay_values.url_of(account),
                vault=here.vault,
                actor=guard.user().email,
                now=guard.now(),
                **values,
            )
            relay_id = made.id
    except RefusedError as error:
        return _form(None, account, values, str(error)), 422
    flash(_("Added. Test the connection before mail depends on it."))
    return redirect(url_for("admin.relay", relay_id=relay_id), 303)


@admin.get("/relays/<int:relay_id>")
@guard.requires(MANAGE)
def relay(relay_id: int) -> str:
    return _relay_page(relay_id)


@admin.post("/relays/<int:relay_id>")
@guard.requires(MANAGE)
def change_relay(relay_id: int) -> Page:
    here = installation()
    account, values = _account_sent(), _values_sent()
    try:
        with here.database.unit() as session:
            record = records.by_id(session, relay_id)
            url = None
            if record.locked_url:
                url = _new_url(record, account)
            records.change(
                session, record, vault=here.vault, actor=guard.user().email, now=guard.now(), url=url, **values
            )
            limits.look_again(session, now=guard.now())
    except RefusedError as error:
        return _relay_page(relay_id, account=account, values=values, problem=str(error)), 422
    flash(_("Saved. Workers hear of it within a second."))
    return redirect(url_for("admin.relay", relay_id=relay_id), 303)


@admin.post("/relays/<int:relay_id>/try")
@guard.requires(MANAGE)
def try_relay(relay_id: int) -> str:
    """Connect and log in; nothing is sent."""
    here = installation()
    with here.database.reading() as session:
        record = records.by_id(session, relay_id)
    try:
        where = records.address(record, here.settings, here.vault)
    except RefusedError as error:
        return _relay_page(relay_id, trial=Trial(problem=str(error)))
    if where is None:
        return _relay_page(relay_id, trial=Trial(problem=_("NEWSLETTER_SMTP_URL is not set: mail has nowhere to go.")))
    # The network comes with no transaction open: the server may take its time.
    return _relay_page(relay_id, trial=relay_values.try_out(where))


@admin.post("/relays/<int:relay_id>/pause")
@guard.requires(MANAGE)
def pause_relay(relay_id: int) -> Response:
    with installation().database.unit() as session:
        record = records.by_id(session, relay_id)
        limits.pause(session, record.id, "", actor=guard.user().email, now=guard.now())
    flash(_("Paused. What waits takes the other relays, or stays queued."))
    return redirect(url_for("admin.relays"), 303)


@admin.post("/relays/<int:relay_id>/resume")
@guard.requires(MANAGE)
def resume_relay(relay_id: int) -> Response:
    with installation().database.unit() as session:
        lane_id = limits.find(session, records.by_id(session, relay_id).id, "")
        limits.resume(session, lane_id or 0, actor=guard.user().email, now=guard.now())
    flash(_("Sending goes on."))
    return redirect(url_for("admin.relays"), 303)


@admin.get("/relays/<int:relay_id>/remove")
@guard.requires(MANAGE)
def ask_to_remove_relay(relay_id: int) -> str:
    here = installation()
    with here.database.reading() as session:
        record = records.by_id(session, relay_id)
        usable = records.usable(session, here.settings, here.vault)
        others = [item.name for item, _where in usable if item.id != relay_id]
        return render_template(
            "admin/relay-remove.html", relay=record, others=others, waiting=overview.waiting(session)
        )


@admin.post("/relays/<int:relay_id>/remove")
@guard.requires(MANAGE)
def remove_relay(relay_id: int) -> Response:
    with installation().database.unit() as session:
        record = records.by_id(session, relay_id)
        name = record.name
        records.remove(session, record, actor=guard.user().email, now=guard.now())
    flash(_("%(name)s is removed.", name=name))
    return redirect(url_for("admin.relays"), 303)


@admin.post("/relays/limits")
@guard.requires(MANAGE)
def change_limits() -> Page:
    """What a relay, a recipients' domain, or a domain over one relay may carry; an empty field is no limit."""
    domain, chosen = request.form.get("domain", "").strip(), request.form.get("relay", "0")
    try:
        given = {name: _limit(name) for name in LIMITS}
        with installation().database.unit() as session:
            relay_id = int(chosen) if chosen.isascii() and chosen.isdecimal() and len(chosen) < 19 else 0
            if relay_id:
                records.by_id(session, relay_id)
            limits.set_limits(
                session,
                relay_id,
                limits.of_domain(domain) if domain else "",
                limits=given,
                actor=guard.user().email,
                now=guard.now(),
            )
    except RefusedError as error:
        return _list_page(str(error)), 422
    flash(_("Saved. Workers hear of it within a second."))
    return redirect(url_for("admin.relays", _anchor="limits"), 303)


def _list_page(problem: str = "") -> str:
    here, now = installation(), guard.now()
    with here.database.unit() as session:
        records.ensure_default(session, now=now)
    with here.database.reading() as session:
        found = overview.overview(session, here.settings, here.vault, now=now)
        today = overview.today(session, now=now)
        connections = overview.connections(session, now=now)
        waiting = overview.waiting(session)
    return render_template(
        "admin/relays.html",
        relays=found["relays"],
        lanes=[item for item in found["lanes"] if not item["domain"].startswith("@")],
        today=today,
        connections=connections,
        waiting=waiting,
        shapes=SHAPES,
        given={name: request.form.get(name, "") for name in ("relay", "domain", *LIMITS)},
        problem_text=problem,
    )


def _relay_page(
    relay_id: int,
    *,
    account: Account | None = None,
    values: dict[str, Any] | None = None,
    problem: str = "",
    trial: Trial | None = None,
) -> str:
    here, now = installation(), guard.now()
    with here.database.reading() as session:
        record = records.by_id(session, relay_id)
        shown = next(
            item
            for item in overview.overview(session, here.settings, here.vault, now=now)["relays"]
            if item["id"] == relay_id
        )
        counted = overview.today(session, now=now).get(relay_id, 0)
    return _form(
        record,
        account or relay_values.account_of(record, here.settings, here.vault),
        values or {name: getattr(record, name) for name in _usual()},
        problem,
        shown=shown,
        counted=counted,
        trial=trial,
        kept=relay_values.has_password(record, here.settings, here.vault),
    )


def _form(record: RelayRecord | None, account: Account, values: dict[str, Any], problem: str, **more: Any) -> str:
    return render_template(
        "admin/relay.html",
        relay=record,
        # What was typed as a password is not written into a page again.
        account=replace(account, password=""),
        values=values,
        name=record.name if record else request.form.get("name", ""),
        problem_text=problem,
        shapes=SHAPES,
        securities=[
            (Security.STARTTLS.value, _("STARTTLS (usually port 587)")),
            (Security.TLS.value, _("TLS from the start (usually port 465)")),
            (Security.NONE.value, _("None (a relay on this machine or in this house)")),
        ],
        **{"shown": None, "counted": 0, "trial": None, "kept": False, **more},
    )


def _usual() -> dict[str, Any]:
    return {**NUMBERS, "standby": False, "senders": [], "group_exchangers": False}


def _account_sent() -> Account:
    given = request.form
    security = given.get("security", "")
    return Account(
        host=given.get("host", "").strip()[:255],
        port=whole_number(given.get("port", ""), 0),
        security=Security(security) if security in set(Security) else Security.STARTTLS,
        user=given.get("user", "").strip()[:320],
        password=given.get("password", "")[:1000],
    )


def _values_sent() -> dict[str, Any]:
    given = request.form
    senders = given.get("senders", "").replace(",", " ").replace(";", " ").split()
    return {
        **{name: whole_number(given.get(name, ""), usual) for name, usual in NUMBERS.items()},
        "standby": bool(given.get("standby")),
        "senders": senders[:50],
        "group_exchangers": bool(given.get("group_exchangers")),
    }


def _new_url(record: RelayRecord, account: Account) -> str | None:
    """The address as it is to be kept; None when it is as it was, so that the record of changes does not name it."""
    here = installation()
    try:
        kept = records.address(record, here.settings, here.vault)
    except RefusedError:
        kept = None
    url = relay_values.url_of(account, kept)
    return None if kept is not None and kept == kept.parse(url) else url


def _limit(name: str) -> float | int | None:
    text = request.form.get(name, "").strip().replace(",", ".")
    if not text:
        return None
    try:
        return float(text) if name == "per_second" else int(text)
    except ValueError:
        raise RefusedError(_("“%(text)s” is no number.", text=text[:40])) from None
