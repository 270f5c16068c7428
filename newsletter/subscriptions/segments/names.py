"""What a newsletter has that a rule may ask about, and whether what one asks about is there."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from newsletter.core.errors import RefusedError
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Measure, Newsletter
from newsletter.subscriptions.segments.conditions import CONDITIONS, Names
from newsletter.subscriptions.segments.rule import Rule


def names(session: Session, newsletter: Newsletter, issues: Mapping[int, str]) -> Names:
    """What a rule for this newsletter may name."""
    return Names(
        {item.id: item.name for item in newsletters.topics(session, newsletter.id)},
        {item.id: item.name for item in schedules.of_newsletter(session, newsletter.id)},
        issues,
        clicks=newsletter.clicks is Measure.READER,
    )


def check(rule: Rule, known: Names) -> None:
    """RefusedError when a rule asks for what the newsletter does not have, or has no more."""
    for item in rule.conditions():
        if words := CONDITIONS[item.field].refusal(item, known):
            raise RefusedError(words)
