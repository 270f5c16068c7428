"""Who did what: by person, subject and period, on pages and as a file."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Response, render_template, request, url_for

from newsletter.accounts import log as reading
from newsletter.accounts.log import Wanted
from newsletter.accounts.models import AuditEvent
from newsletter.accounts.permissions import Permission
from newsletter.core.i18n import gettext as _
from newsletter.web.admin import guard, log_words, paging
from newsletter.web.admin.formats import zone
from newsletter.web.admin.room import admin
from newsletter.web.admin.sheet import sheet
from newsletter.web.context import installation

ARGUMENTS = ("person", "subject", "id", "since", "until")
LARGEST = 2**63 - 1


@admin.get("/log")
@guard.requires(Permission.MANAGE_USERS)
def log() -> str:
    asked = _asked()
    with installation().database.reading() as session:
        rows = reading.page(session, _wanted(asked), before=paging.before(), limit=paging.PER_PAGE + 1)
        people = reading.people(session)
    person = asked.get("person", "")
    return render_template(
        "admin/log.html",
        listing=paging.listing(rows, lambda row: row.id, **asked),
        asked={name: asked.get(name, "") for name in ARGUMENTS},
        people=[("", _("Everybody")), *((email, email) for email in people)]
        + [(name, label) for name, label in log_words.actors().items()]
        + ([(person, person)] if person and person not in {*people, *log_words.actors()} else []),
        subjects=[("", _("Everything")), *log_words.subjects().items()],
        words=log_words,
        file_url=url_for("admin.log_file", **asked),  # type: ignore[arg-type]
    )


@admin.get("/log.csv")
@guard.requires(Permission.MANAGE_USERS)
def log_file() -> Response:
    """All that fits, written while it is read."""
    return sheet("log", _rows(_wanted(_asked())))


def _rows(wanted: Wanted) -> Iterator[list[str]]:
    yield [_("When (UTC)"), _("Who"), _("What"), _("Action"), _("About"), _("Number"), _("Changes"), _("Details")]
    yield from map(_cells, reading.every(installation().database, wanted))


def _cells(event: AuditEvent) -> list[str]:
    changed = "; ".join(f"{name}: {old} → {new}" for name, old, new in log_words.changes(event.details))
    return [
        f"{event.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        event.actor,
        log_words.action_in_words(event.action),
        event.action,
        log_words.subjects().get(event.subject, event.subject),
        str(event.subject_id or ""),
        changed,
        "; ".join(f"{name}: {said}" for name, said in log_words.remarks(event.details)),
    ]


def _asked() -> dict[str, str]:
    """What the address asks for, without what is empty."""
    given = {name: request.args.get(name, "").strip()[:320] for name in ARGUMENTS}
    return {name: text for name, text in given.items() if text and text.isprintable()}


def _wanted(asked: dict[str, str]) -> Wanted:
    number = asked.get("id", "")
    local = zone()
    until = _midnight(asked.get("until", ""), local, days=1)
    return Wanted(
        actor=asked.get("person", ""),
        subject=asked.get("subject", ""),
        subject_id=int(number) if number.isascii() and number.isdecimal() and int(number[:19]) <= LARGEST else None,
        since=_midnight(asked.get("since", ""), local),
        until=until,
    )


def _midnight(text: str, local: ZoneInfo, days: int = 0) -> datetime | None:
    """The beginning of a day, or of one some days after it; None for what is no day."""
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
        return datetime(day.year, day.month, day.day, tzinfo=local).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
