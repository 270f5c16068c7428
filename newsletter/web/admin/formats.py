"""Template filters: figures, moments and names in the user's language and the newsletter's time zone."""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_location
from flask import g

from newsletter.accounts.models import Role
from newsletter.core.i18n import (
    NO_BREAK,
    current_locale,
    format_date,
    format_datetime,
    format_number,
    format_time,
    ngettext,
)
from newsletter.core.i18n import gettext as _
from newsletter.core.prose import reading_minutes
from newsletter.delivery.models import SkipReason
from newsletter.feedback.models import Effect, FeedbackReport
from newsletter.mail.evidence import Kind
from newsletter.mail.replies import ReplyClass
from newsletter.subscriptions.models import ConsentEvent, ConsentKind, EndedReason
from newsletter.suppression.models import SuppressionReason
from newsletter.web.admin.room import admin
from newsletter.web.language import NAMES

BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def zone(name: str | None = None) -> ZoneInfo:
    """The named time zone, or that of the newsletter in view; UTC where there is none."""
    return ZoneInfo(name or g.get("zone") or "UTC")


@admin.app_template_filter()
def number(value: int) -> str:
    return format_number(value)


@admin.app_template_filter()
def combined(attributes: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    """Attributes of a field and some more."""
    return attributes | others


@admin.app_template_filter()
def percent(share: float, whole: bool = False) -> str:
    """A share from 0 to 1: `65,8 %`, with a second decimal only where the first would say nothing, or `65 %`."""
    value = share * 100
    text = f"{value:.0f}" if whole or value in (0, 100) else f"{value:.2f}" if value < 0.1 else f"{value:.1f}"
    return f"{text.replace('.', ',')}{NO_BREAK}%" if current_locale() == "fr" else f"{text}%"


@admin.app_template_filter()
def pace(per_second: float) -> str:
    """Messages a second: `41`, below ten with one decimal."""
    if per_second >= 10:
        return format_number(round(per_second))
    text = f"{per_second:.1f}"
    return text.replace(".", ",") if current_locale() == "fr" else text


@admin.app_template_filter()
def per_time(limit: float) -> str:
    """A limit as somebody would say it: `at most 5 a second`, `at most 30 a minute`."""
    if limit >= 1:
        return _("at most %(count)s a second", count=pace(limit))
    return _("at most %(count)s a minute", count=pace(limit * 60))


@admin.app_template_filter()
def size(octets: int) -> str:
    """Thousands of octets, as mail programs count them."""
    return _("%(count)s kB", count=format_number(max(1, round(octets / 1000))))


@admin.app_template_filter()
def moment(value: datetime, zone_name: str | None = None) -> str:
    """Day and hour, for the middle of a sentence."""
    return format_datetime(value, zone=zone(zone_name))


@admin.app_template_filter()
def day(value: datetime, zone_name: str | None = None) -> str:
    """`13 septembre 2023`."""
    return format_date(value, zone=zone(zone_name), style="long")


@admin.app_template_filter()
def weekday(value: datetime, zone_name: str | None = None) -> str:
    """`Mercredi 13 septembre 2023`."""
    return format_date(value, zone=zone(zone_name))


@admin.app_template_filter()
def clock(value: datetime, zone_name: str | None = None) -> str:
    """`18 h 30`."""
    return format_time(value, zone=zone(zone_name))


@admin.app_template_filter()
def second(value: datetime) -> str:
    """`18:30:05`, for rows that follow each other within a minute."""
    return f"{value.astimezone(zone()):%H:%M:%S}"


@admin.app_template_filter()
def browser(name: str) -> str:
    """A browser and its system out of what it calls itself; the text itself when neither is known."""
    program = next((label for mark, label in BROWSERS if mark in name), None)
    system = next((label for mark, label in SYSTEMS if mark in name), None)
    if program and system:
        return _("%(browser)s on %(system)s", browser=program, system=system)
    return re.sub(r"[^\x20-\x7e]", "", name)[:60] or _("Unknown browser")


@admin.app_template_filter()
def role_name(role: Role) -> str:
    return {
        Role.OWNER: _("Owner: may do everything."),
        Role.EDITOR: _("Editor: writes, composes, sends and looks after subscribers."),
        Role.AUTHOR: _("Author: writes articles."),
        Role.ANALYST: _("Analyst: reads."),
    }[role]


@admin.app_template_filter()
def role_word(role: Role) -> str:
    return {
        Role.OWNER: _("Owner"),
        Role.EDITOR: _("Editor"),
        Role.AUTHOR: _("Author"),
        Role.ANALYST: _("Analyst"),
    }[role]


@admin.app_template_filter()
def language_name(language: str) -> str:
    return NAMES.get(language, language)


@admin.app_template_filter()
def place(zone_name: str) -> str:
    """The city of a time zone in the user's language: `Lomé`."""
    return get_timezone_location(ZoneInfo(zone_name), locale=current_locale(), return_city=True) or zone_name


@admin.app_template_filter()
def from_now(value: datetime, zone_name: str) -> str:
    """The day of something to come, as one says it today: `today`, `tomorrow`, `sunday 17 september`."""
    local = zone(zone_name)
    days = (value.astimezone(local).date() - g.now.astimezone(local).date()).days
    if days == 0:
        return _("today")
    if days == 1:
        return _("tomorrow")
    return format_date(value, zone=local, style="long")


@admin.app_template_filter()
def in_time(value: datetime) -> str:
    """How long it is until a moment: `in 4 minutes`, `in 3 hours`."""
    left = max(0, round((value - g.now).total_seconds()))
    if left < 120:
        return ngettext("in %(num)s second", "in %(num)s seconds", left)
    if left < 7200:
        return ngettext("in %(num)s minute", "in %(num)s minutes", left // 60)
    if left < 172_800:
        return ngettext("in %(num)s hour", "in %(num)s hours", left // 3600)
    return ngettext("in %(num)s day", "in %(num)s days", left // 86_400)


@admin.app_template_filter()
def minutes(text: str) -> int:
    return reading_minutes(text)


@admin.app_template_filter()
def actor_name(actor: str) -> str:
    """A member of staff by the name before the @; `command` and `schedule` in words (`command (ama)` too)."""
    return {"command": _("the command line"), "schedule": _("the schedule")}.get(
        actor.partition(" ")[0], actor.partition("@")[0]
    )


@admin.app_template_filter()
def consent_name(kind: ConsentKind) -> str:
    return {
        ConsentKind.REQUESTED: _("Asked to subscribe"),
        ConsentKind.CONFIRMED: _("Confirmed from the mail"),
        ConsentKind.IMPORTED: _("Imported from a file"),
        ConsentKind.ADDED_BY_STAFF: _("Added by staff"),
        ConsentKind.CHANGED: _("Changed the preferences"),
        ConsentKind.ENDED: _("Subscription ended"),
    }[kind]


@admin.app_template_filter()
def consent_words(event: ConsentEvent) -> str:
    """The wording that was agreed to; of an end, its reason."""
    if event.kind is ConsentKind.ENDED and event.wording in set(EndedReason):
        return reason_name(EndedReason(event.wording))
    return event.wording


@admin.app_template_filter()
def reason_name(reason: EndedReason) -> str:
    return {
        EndedReason.UNSUBSCRIBED: _("unsubscribed by the link"),
        EndedReason.ONE_CLICK: _("unsubscribed in the mail program"),
        EndedReason.BY_MAIL: _("asked for it by mail"),
        EndedReason.COMPLAINED: _("called it spam"),
        EndedReason.NOT_ME: _("said that it was not them"),
        EndedReason.BY_STAFF: _("ended by staff"),
        EndedReason.SUPPRESSED: _("the address is blocked"),
    }[reason]


@admin.app_template_filter()
def skip_name(reason: SkipReason) -> str:
    return {
        SkipReason.UNSUBSCRIBED: _("unsubscribed since"),
        SkipReason.SUPPRESSED: _("blocked since"),
        SkipReason.CANCELLED: _("the sending was cancelled"),
        SkipReason.PAUSED: _("on a break since"),
    }[reason]


@admin.app_template_filter()
def block_reason(reason: SuppressionReason) -> str:
    """Why nothing is sent to an address."""
    return {
        SuppressionReason.HARD_BOUNCE: _("the mailbox does not exist"),
        SuppressionReason.SOFT_BOUNCES: _("nothing has arrived for weeks"),
        SuppressionReason.COMPLAINT: _("called it spam"),
        SuppressionReason.NOT_ME: _("said that it was not them"),
        SuppressionReason.MANUAL: _("staff decided so"),
    }[reason]


@admin.app_template_filter()
def effect_name(effect: Effect) -> str:
    """What was made of a report."""
    return {
        Effect.SUPPRESSED: _("address blocked"),
        Effect.HELD: _("waits for a person"),
        Effect.COUNTED: _("counted"),
        Effect.ENDED: _("subscription ended"),
        Effect.FORWARDED: _("passed on to the editor"),
        Effect.IGNORED: _("nothing"),
        Effect.UNMATCHED: _("nothing: nobody knows whom it is about"),
        Effect.AGAIN: _("known before"),
    }[effect]


@admin.app_template_filter()
def report_name(report: FeedbackReport) -> str:
    """What came back, in a few words."""
    if report.kind is Kind.BOUNCE:
        hard = report.reply_class is ReplyClass.HARD
        return _("did not arrive: no such mailbox") if hard else _("did not arrive")
    return {
        Kind.COMPLAINT: _("called it spam"),
        Kind.UNSUBSCRIBE: _("asked to leave"),
        Kind.AUTO_REPLY: _("automatic answer"),
        Kind.ANSWER: _("wrote back"),
        Kind.DELAYED: _("has not arrived yet"),
        Kind.DELIVERED: _("arrived"),
        Kind.OTHER: _("something else"),
    }.get(report.kind, str(report.kind))
