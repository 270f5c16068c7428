"""How many readers a rule has, without letting a page hang, and a few of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from newsletter.core.addresses import mask
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.core.patience import TooSlowError, within
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions.models import Subscriber
from newsletter.subscriptions.segments.rule import Rule
from newsletter.subscriptions.segments.sql import members

WHILE_TYPING: Final = 0.7  # seconds, then what is certain is said
AT_LEAST: Final = 0.2  # seconds to find out whether there are many
MANY: Final = 10_000
ON_SAVE: Final = 10.0
SAMPLE: Final = 10


@dataclass(frozen=True, slots=True)
class Count:
    """`number` None: it took too long. `more`: there are more than `number`, it took too long to say how many."""

    number: int | None
    more: bool = False


def count(session: Session, query: Select[Any], *, seconds: float = WHILE_TYPING) -> Count:
    """The rows of a query if that takes no longer than `seconds`; else whether they are many, if that is quick."""
    try:
        with within(session, seconds):
            return Count(session.scalar(select(func.count()).select_from(query.subquery())) or 0)
    except TooSlowError:
        pass
    some = query.limit(MANY + 1).subquery()
    try:
        with within(session, AT_LEAST):
            found = session.scalar(select(func.count()).select_from(some)) or 0
            return Count(min(found, MANY), more=found > MANY)
    except TooSlowError:
        return Count(None)


def count_rule(
    session: Session, newsletter: Newsletter, rule: Rule, *, now: datetime, seconds: float = WHILE_TYPING
) -> Count:
    """How many readers a rule has now."""
    return count(session, members(session, newsletter, rule, now=now), seconds=seconds)


def sample(session: Session, newsletter: Newsletter, rule: Rule, *, now: datetime) -> list[str]:
    """Some of the readers of a rule, their addresses masked; none when they are not found quickly."""
    query = members(session, newsletter, rule, now=now).with_only_columns(Subscriber.email).limit(SAMPLE)
    try:
        with within(session, AT_LEAST):
            return [mask(email) for email in session.scalars(query)]
    except TooSlowError:
        return []


def in_words(found: Count) -> str:
    """For the page of the builder."""
    if found.number is None:
        return _("Too many readers to count while you type. They are counted when you save.")
    if found.more:
        return ngettext("More than %(num)s reader.", "More than %(num)s readers.", found.number)
    return ngettext("%(num)s reader.", "%(num)s readers.", found.number)
