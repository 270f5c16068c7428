"""Creating and changing newsletters."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.addresses import AddressError, parse_address
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.core.recurrence import ScheduleError
from newsletter.core.timetable import Timetable
from newsletter.core.tokens import Vault
from newsletter.newsletters import cadences, schedules, senders
from newsletter.newsletters.models import Newsletter, Review, TooLate, Topic
from newsletter.newsletters.wording import ValuesError, check_line, check_slug, check_time_zone, slugify


@dataclass(frozen=True, slots=True)
class NewsletterValues:
    """What an editor sets."""

    slug: str
    name: str
    from_address: str
    language: str = "fr"
    publisher: str = ""
    description: str = ""
    timezone: str = "UTC"
    from_name: str = ""
    reply_to: str | None = None
    postal_address: str = ""
    schedule: str | None = None  # of the main cadence
    resend_unknown: bool = True
    review: Review = Review.NONE
    approvers: tuple[str, ...] = ()
    too_late: TooLate = TooLate.SEND
    cooling_minutes: int = 0
    breaking_cap: int = 3


MOST_APPROVERS = 20
LONGEST_COOLING = 24 * 60  # minutes
MOST_BREAKING = 50
COLUMNS = [field.name for field in fields(NewsletterValues) if field.name != "schedule"]


def values_of(session: Session, newsletter: Newsletter) -> NewsletterValues:
    columns = {name: getattr(newsletter, name) for name in COLUMNS}
    columns["approvers"] = tuple(columns["approvers"])
    return NewsletterValues(**columns, schedule=schedules.main_of(session, newsletter.id).rule or None)


def create_newsletter(session: Session, values: NewsletterValues, *, now: datetime, vault: Vault) -> Newsletter:
    """Add a newsletter and, for a sender domain that is new, its signing keys; ValuesError when a field makes no
    sense.
    """
    checked = _check(values, now=now)
    if session.scalar(select(Newsletter.id).where(Newsletter.slug == checked.slug)):
        raise ValuesError({"slug": _("There is a newsletter called “%(slug)s” already.", slug=checked.slug)})
    newsletter = Newsletter(created_at=now, **_columns(checked))
    session.add(newsletter)
    session.flush()
    cadences.make_main(session, newsletter, rule=checked.schedule or "", now=now)
    senders.ensure_domain(session, newsletter.domain, vault=vault, now=now)
    return newsletter


def change_newsletter(
    session: Session, newsletter: Newsletter, values: NewsletterValues, *, now: datetime, vault: Vault
) -> None:
    """Change a newsletter. The slug stays: it is in List-Id, in links and in readers' filters."""
    main = schedules.main_of(session, newsletter.id)
    checked = _check(values, now=now, rule=main.rule)
    if checked.slug != newsletter.slug:
        raise ValuesError({"slug": _("The short name cannot change: links and readers' filters hang on it.")})
    moved = checked.timezone != newsletter.timezone
    for name, value in _columns(checked).items():
        setattr(newsletter, name, value)
    if (checked.schedule or "") != main.rule:
        main.rule = checked.schedule or ""
        schedules.restart(newsletter, main, now=now)
    if moved:
        schedules.restart_all(session, newsletter, now=now)
    senders.ensure_domain(session, newsletter.domain, vault=vault, now=now)


def ensure_topic(session: Session, newsletter_id: int, name: str) -> Topic:
    """The topic of this name, made when there is none."""
    name = " ".join(name.split())[:120]
    slug = slugify(name)
    topic = session.scalar(select(Topic).where(Topic.newsletter_id == newsletter_id, Topic.slug == slug))
    if topic is None:
        topic = Topic(newsletter_id=newsletter_id, slug=slug, name=name)
        session.add(topic)
        session.flush()
    return topic


def _columns(values: NewsletterValues) -> dict[str, object]:
    columns: dict[str, object] = {name: getattr(values, name) for name in COLUMNS}
    return columns | {"approvers": list(values.approvers)}


def _check(values: NewsletterValues, *, now: datetime, rule: str = "") -> NewsletterValues:
    """The values in their one form. `rule`: the one that is kept, which may have come to its end."""
    wrong: dict[str, str] = {}
    text = {
        name: _checked(name, partial(check_line, limit=limit), getattr(values, name) or "", wrong)
        for name, limit in (("name", 120), ("publisher", 120), ("from_name", 120), ("postal_address", 300))
    }
    if not text["name"]:
        wrong.setdefault("name", _("Give the newsletter a name."))
    _checked("slug", check_slug, values.slug, wrong)
    if values.language not in LOCALES:
        wrong["language"] = _("Choose French (fr) or English (en).")
    _checked("timezone", check_time_zone, values.timezone, wrong)
    from_address = _checked("from_address", _address, values.from_address, wrong)
    reply_to = _checked("reply_to", _address, values.reply_to, wrong) if values.reply_to else None
    schedule = " ".join((values.schedule or "").split()) or None
    if schedule and "timezone" not in wrong:
        try:
            timetable = Timetable.of(schedule, ZoneInfo(values.timezone), begin=now)
            if schedule != rule:
                timetable.check(now)
        except ScheduleError as error:
            wrong["schedule"] = str(error)
    approvers = _approvers(values, wrong)
    for name, most in (("cooling_minutes", LONGEST_COOLING), ("breaking_cap", MOST_BREAKING)):
        if not 0 <= getattr(values, name) <= most:
            wrong[name] = _("Give a whole number from 0 to %(most)d.", most=most)
    if len(values.description) > 1000:
        wrong["description"] = _("This text is too long: %(count)d characters at most.", count=1000)
    if wrong:
        raise ValuesError(wrong)
    return replace(
        values,
        name=text["name"],
        from_address=from_address,
        publisher=text["publisher"] or text["name"],
        description=" ".join(values.description.split()),
        from_name=text["from_name"] or text["name"],
        reply_to=reply_to,
        postal_address=text["postal_address"],
        schedule=schedule,
        approvers=approvers,
    )


def _approvers(values: NewsletterValues, wrong: dict[str, str]) -> tuple[str, ...]:
    """Addresses without repetition; a proof needs somebody to send it to."""
    found: dict[str, str] = {}
    for text in values.approvers:
        try:
            address = parse_address(text)
            found.setdefault(address.key, address.email)
        except AddressError as error:
            wrong["approvers"] = f"{text.strip()[:60]}: {error}"
    if len(found) > MOST_APPROVERS:
        wrong["approvers"] = _("Name %(count)d approvers at most.", count=MOST_APPROVERS)
    elif not values.approvers and values.review is Review.PROOF:
        wrong["approvers"] = _("Name at least one approver: a proof has to go to somebody.")
    return tuple(found.values())


def _checked(name: str, check: Callable[[str], str], value: str, wrong: dict[str, str]) -> str:
    """The value as it is kept; what is wrong with it goes to the others."""
    try:
        return check(value)
    except (AddressError, RefusedError) as error:
        wrong[name] = str(error)
        return value


def _address(value: str) -> str:
    return parse_address(value).email
