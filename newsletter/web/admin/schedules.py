"""Rhythms of a newsletter: when its digests leave, tried before they are saved."""

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from babel import Locale
from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.i18n import current_locale, format_date
from newsletter.core.i18n import gettext as _
from newsletter.core.recurrence import ScheduleError
from newsletter.core.timetable import countries
from newsletter.issues import schedule as running
from newsletter.issues.schedule import Departure
from newsletter.newsletters import cadences
from newsletter.newsletters import schedules as reading
from newsletter.newsletters.cadences import ScheduleValues
from newsletter.newsletters.models import Newsletter, Schedule
from newsletter.newsletters.weekly import EVERY_DAY, Weekly, read_times
from newsletter.newsletters.wording import ValuesError
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin, enter
from newsletter.web.admin.typed import whole_number
from newsletter.web.context import installation

Page = str | Response | tuple[str, int]
MONDAY = datetime(2024, 1, 1)  # noqa: DTZ001 - a day of the week, not a moment


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed, as it was typed. `rule` is empty where days and times say it all."""

    values: ScheduleValues
    days: tuple[int, ...] = ()
    times: str = ""
    rule: str = ""
    starts: str = ""
    ends: str = ""
    wrong: dict[str, str] = field(default_factory=dict)


@admin.get("/newsletters/<slug>/schedules")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def schedules(slug: str) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        rows = [
            (item, reading.zone_of(newsletter, item).key, running.departures_of(newsletter, item, now=guard.now()))
            for item in reading.of_newsletter(session, newsletter.id)
        ]
    return render_template("admin/schedules.html", rows=rows)


@admin.get("/newsletters/<slug>/schedules/new")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def new_schedule(slug: str) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        return _page(newsletter, None, Form(ScheduleValues(name=""), days=EVERY_DAY[:5]), [])


@admin.post("/newsletters/<slug>/schedules/new")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def create_schedule(slug: str) -> Page:
    return _keep(slug, None)


@admin.get("/newsletters/<slug>/schedules/<cadence>")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def schedule(slug: str, cadence: str) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        found = reading.by_slug(session, newsletter, cadence)
        told = running.departures_of(newsletter, found, now=guard.now())
        return _page(newsletter, found, _form_of(newsletter, found), told)


@admin.post("/newsletters/<slug>/schedules/<cadence>")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def change_schedule(slug: str, cadence: str) -> Page:
    """Try or save what the form says, or pause, resume or remove the rhythm."""
    action = request.form.get("do", "save")
    if action in ("try", "save"):
        return _keep(slug, cadence)
    by = {"actor": guard.user().email, "now": guard.now()}
    with installation().database.unit() as session:
        newsletter = enter(session, slug)
        found = reading.by_slug(session, newsletter, cadence)
        if action == "pause":
            cadences.pause(session, newsletter, found, **by)  # type: ignore[arg-type]
        elif action == "resume":
            cadences.resume(session, newsletter, found, **by)  # type: ignore[arg-type]
        elif action == "remove":
            cadences.remove(session, found, **by)  # type: ignore[arg-type]
    flash(_("Saved."))
    return redirect(url_for("admin.schedules", slug=slug), 303)


def _keep(slug: str, cadence: str | None) -> Page:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        found = reading.by_slug(session, newsletter, cadence) if cadence is not None else None
        form = _typed(newsletter, cadences.values_of(found) if found else ScheduleValues(name=""))
        told = _try(newsletter, found, form)
        if form.wrong or request.form.get("do") == "try":
            return _page(newsletter, found, form, told), 422 if form.wrong else 200
    try:
        _save(slug, cadence, form.values)
    except ValuesError as error:  # somebody else has taken the short name
        form.wrong.update(error.fields)
        return _page(newsletter, found, form, told), 422
    flash(_("Saved."))
    return redirect(url_for("admin.schedules", slug=slug), 303)


def _save(slug: str, cadence: str | None, values: ScheduleValues) -> None:
    actor, now = guard.user().email, guard.now()
    with installation().database.unit() as session:
        newsletter = enter(session, slug)
        if cadence is None:
            cadences.create(session, newsletter, values, actor=actor, now=now)
        else:
            found = reading.by_slug(session, newsletter, cadence)
            cadences.change(session, newsletter, found, values, actor=actor, now=now)


def _try(newsletter: Newsletter, found: Schedule | None, form: Form) -> list[Departure]:
    """When digests would leave; what is wrong goes to the form."""
    now = guard.now()
    try:
        planned = cadences.planned(newsletter, form.values, begin=found.created_at if found else now, now=now)
    except ValuesError as error:
        form.wrong.update({name: words for name, words in error.fields.items() if name not in form.wrong})
        return []
    if planned is None and (found is None or found.position):
        form.wrong.setdefault("times", _("Say when the digests leave."))
    return [] if form.wrong else running.departures_by(planned, form.values.name, now=now)


def _typed(newsletter: Newsletter, before: ScheduleValues) -> Form:
    given = {name: request.form.get(name, "").strip() for name in ("name", "times", "rule", "timezone", "quiet")}
    wrong: dict[str, str] = {}
    days = tuple(day for day in EVERY_DAY if str(day) in request.form.getlist("day"))
    values = ScheduleValues(
        name=given["name"],
        rule=given["rule"] or _weekly_rule(days, given["times"], wrong),
        slug=before.slug,
        timezone=given["timezone"] or None,
        skipped=tuple(line.strip() for line in request.form.get("skipped", "").splitlines() if line.strip()),
        holidays=request.form.get("holidays", ""),
        quiet=given["quiet"],
        lead_minutes=whole_number(request.form.get("lead_minutes", ""), before.lead_minutes),
        catch_up_minutes=whole_number(request.form.get("catch_up_minutes", ""), before.catch_up_minutes),
        carry=whole_number(request.form.get("carry", ""), before.carry),
    )
    moments = {name: _moment(newsletter, values, name, wrong) for name in ("starts_at", "ends_at")}
    return Form(
        ScheduleValues(**{name: getattr(values, name) for name in cadences.COLUMNS} | moments),
        days,
        given["times"],
        given["rule"],
        request.form.get("starts_at", ""),
        request.form.get("ends_at", ""),
        wrong,
    )


def _weekly_rule(days: tuple[int, ...], times: str, wrong: dict[str, str]) -> str:
    """The rule that days and times make; none without a time."""
    try:
        clocks = read_times(times)
        return Weekly(days, clocks).rule if clocks else ""
    except ScheduleError as error:
        wrong["times"] = str(error)
        return ""


def _moment(newsletter: Newsletter, values: ScheduleValues, name: str, wrong: dict[str, str]) -> datetime | None:
    text = request.form.get(name, "").strip()
    if not text:
        return None
    try:
        return cadences.moment(newsletter, values, datetime.fromisoformat(text).replace(tzinfo=None))
    except ValuesError as error:
        wrong.update(error.fields)
    except (ValueError, OverflowError):
        wrong[name] = _("This is no moment. It looks like 2026-12-24T18:30.")
    return None


def _form_of(newsletter: Newsletter, found: Schedule) -> Form:
    values = cadences.values_of(found)
    weekly = Weekly.of(values.rule)
    zone = reading.zone_of(newsletter, found)
    return Form(
        values,
        weekly.days if weekly else EVERY_DAY[:5],
        ", ".join(weekly.times) if weekly else "",
        "" if weekly else values.rule,
        _local(values.starts_at, zone),
        _local(values.ends_at, zone),
    )


def _local(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}" if moment else ""


def _page(newsletter: Newsletter, found: Schedule | None, form: Form, told: list[Departure]) -> str:
    names = Locale(current_locale()).territories
    return render_template(
        "admin/schedule.html",
        schedule=found,
        form=form,
        departures=told,
        zone=(form.values.timezone if "timezone" not in form.wrong else None) or newsletter.timezone,
        weekdays=[(day, format_date(MONDAY.replace(day=day)).partition(" ")[0].rstrip(",")) for day in EVERY_DAY],
        countries=[("", _("none")), *sorted(((code, names.get(code, code)) for code in countries()), key=_by_name)],
        tried=request.method == "POST",
    )


def _by_name(option: tuple[str, str]) -> str:
    return option[1]
