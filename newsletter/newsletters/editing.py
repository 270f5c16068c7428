"""Creating and changing newsletters."""

import re
import unicodedata
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.addresses import AddressError, parse_address
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.core.recurrence import ScheduleError, parse_cron
from newsletter.core.tokens import Vault
from newsletter.newsletters import schedules, senders
from newsletter.newsletters.models import Newsletter, Review, TooLate, Topic

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # categories that have no business in a name or a header


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


class ValuesError(RefusedError):
    """Some fields make no sense: `fields` maps a field's name to what is wrong with it."""

    def __init__(self, wrong: dict[str, str]) -> None:
        super().__init__(" ".join(wrong.values()))
        self.fields = wrong


def values_of(session: Session, newsletter: Newsletter) -> NewsletterValues:
    columns = {name: getattr(newsletter, name) for name in COLUMNS}
    columns["approvers"] = tuple(columns["approvers"])
    return NewsletterValues(**columns, schedule=schedules.main_of(session, newsletter.id).rule or None)


def create_newsletter(session: Session, values: NewsletterValues, *, now: datetime, vault: Vault) -> Newsletter:
    """Add a newsletter and, for a sender domain that is new, its signing keys; ValuesError when a field makes no
    sense.
    """
    checked = _check(values)
    if session.scalar(select(Newsletter.id).where(Newsletter.slug == checked.slug)):
        raise ValuesError({"slug": _("There is a newsletter called “%(slug)s” already.", slug=checked.slug)})
    newsletter = Newsletter(created_at=now, **_columns(checked))
    session.add(newsletter)
    session.flush()
    schedules.make_main(session, newsletter, rule=checked.schedule or "", now=now)
    senders.ensure_domain(session, newsletter.domain, vault=vault, now=now)
    return newsletter


def change_newsletter(
    session: Session, newsletter: Newsletter, values: NewsletterValues, *, now: datetime, vault: Vault
) -> None:
    """Change a newsletter. The slug stays: it is in List-Id, in links and in readers' filters."""
    checked = _check(values)
    if checked.slug != newsletter.slug:
        raise ValuesError({"slug": _("The short name cannot change: links and readers' filters hang on it.")})
    main = schedules.main_of(session, newsletter.id)
    if (checked.schedule or "", checked.timezone) != (main.rule, newsletter.timezone):
        main.rule, main.since = checked.schedule or "", now
    for name, value in _columns(checked).items():
        setattr(newsletter, name, value)
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


def slugify(text: str) -> str:
    """Lower-case ASCII letters, digits and hyphens, at most 60: `Économie & emploi` becomes `economie-emploi`."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")[:60].strip("-") or "x"


@cache
def _time_zones() -> set[str]:
    return available_timezones()  # reads a directory of six hundred files


def _columns(values: NewsletterValues) -> dict[str, object]:
    columns: dict[str, object] = {name: getattr(values, name) for name in COLUMNS}
    return columns | {"approvers": list(values.approvers)}


def _check(values: NewsletterValues) -> NewsletterValues:
    wrong: dict[str, str] = {}
    text = {
        name: _line(getattr(values, name) or "", name, limit, wrong)
        for name, limit in (("name", 120), ("publisher", 120), ("from_name", 120), ("postal_address", 300))
    }
    if not text["name"]:
        wrong["name"] = _("Give the newsletter a name.")
    if not SLUG.fullmatch(values.slug) or len(values.slug) > 60:
        wrong["slug"] = _("The short name has lower-case letters, digits and single hyphens, 60 at most.")
    if values.language not in LOCALES:
        wrong["language"] = _("Choose French (fr) or English (en).")
    if values.timezone not in _time_zones():
        wrong["timezone"] = _("“%(zone)s” is not a time zone. It looks like Africa/Lome.", zone=values.timezone[:60])
    from_address = _address(values.from_address, "from_address", wrong)
    reply_to = _address(values.reply_to, "reply_to", wrong) if values.reply_to else None
    schedule = (values.schedule or "").strip() or None
    if schedule and "timezone" not in wrong:
        try:
            parse_cron(schedule, ZoneInfo(values.timezone))
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
    return NewsletterValues(
        slug=values.slug,
        name=text["name"],
        from_address=from_address,
        language=values.language,
        publisher=text["publisher"] or text["name"],
        description=" ".join(values.description.split()),
        timezone=values.timezone,
        from_name=text["from_name"] or text["name"],
        reply_to=reply_to,
        postal_address=text["postal_address"],
        schedule=schedule,
        resend_unknown=values.resend_unknown,
        review=values.review,
        approvers=approvers,
        too_late=values.too_late,
        cooling_minutes=values.cooling_minutes,
        breaking_cap=values.breaking_cap,
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


def _line(value: str, name: str, limit: int, wrong: dict[str, str]) -> str:
    """One line of visible text: it may end up in a header."""
    value = unicodedata.normalize("NFC", value.strip())
    if any(unicodedata.category(character) in UNSAFE for character in value):
        wrong[name] = _("This text has invisible or control characters in it. Type it again.")
    elif len(value) > limit:
        wrong[name] = _("This text is too long: %(count)d characters at most.", count=limit)
    return value


def _address(value: str, name: str, wrong: dict[str, str]) -> str:
    try:
        return parse_address(value).email
    except AddressError as error:
        wrong[name] = str(error)
        return value
