"""What the topics, cadences and issues that a rule names are called, and whether they are still there."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions.segments.rule import Field, Rule


@dataclass(frozen=True, slots=True)
class Names:
    """By id. `issues`: those that may be asked about, from the room that knows issues."""

    topics: Mapping[int, str] = field(default_factory=dict)
    cadences: Mapping[int, str] = field(default_factory=dict)
    issues: Mapping[int, str] = field(default_factory=dict)

    def of(self, asked: Field) -> Mapping[int, str]:
        return {Field.TOPIC: self.topics, Field.CADENCE: self.cadences, Field.ISSUE: self.issues}.get(asked, {})


def names(session: Session, newsletter: Newsletter, issues: Mapping[int, str]) -> Names:
    """What a rule for this newsletter may name."""
    return Names(
        {item.id: item.name for item in newsletters.topics(session, newsletter.id)},
        {item.id: item.name for item in schedules.of_newsletter(session, newsletter.id)},
        issues,
    )


def check(rule: Rule, known: Names) -> None:
    """RefusedError when a rule names what the newsletter does not have, or has no more."""
    gone = {
        Field.TOPIC: _("The rule asks for a topic that this newsletter does not have any more."),
        Field.CADENCE: _("The rule asks for a rhythm that this newsletter does not have any more."),
        Field.ISSUE: _("The rule asks for an issue that this newsletter does not have."),
    }
    for asked, words in gone.items():
        if not rule.ids(asked) <= set(known.of(asked)):
            raise RefusedError(words)
