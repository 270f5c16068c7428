"""The forms that an issue will have when it leaves: which articles, language and edition, for about how many readers.

A frozen issue has its variants. Before, they are foreseen from what readers chose; what single readers had before is
not asked, so a form may lack a story or two in the end.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.core.database import among
from newsletter.core.i18n import LOCALES
from newsletter.core.templating import RenderedMail
from newsletter.issues import pool, preview
from newsletter.issues.editing import article_ids
from newsletter.issues.models import Issue, IssueKind
from newsletter.issues.preview import Typesetters
from newsletter.issues.reach import reach
from newsletter.newsletters.models import Edition, Newsletter
from newsletter.subscriptions.models import Choice

MOST = 20


@dataclass(frozen=True, slots=True)
class Form:
    """What some readers will get alike. `readers` 0: nobody yet."""

    language: str
    edition: Edition
    articles: tuple[int, ...]
    readers: int = 0


def foreseen(session: Session, issue: Issue, newsletter: Newsletter, *, now: datetime, most: int = MOST) -> list[Form]:
    """The forms for the readers that an issue has now, those with most readers first; one for nobody when it has none.

    Counts readers by what they chose: one GROUP BY over all of them, for a job rather than for a page.
    """
    readers = reach(session, issue, now=now).subquery()
    rows = session.execute(
        select(readers.c.language, readers.c.choice_id, func.count()).group_by(readers.c.language, readers.c.choice_id)
    ).all()
    wanted = {choice_id for _language, choice_id, _count in rows if choice_id is not None}
    choices = {row.id: row for row in session.scalars(select(Choice).where(among(session, Choice.id, wanted)))}
    counts: Counter[tuple[str, Edition, frozenset[int] | None]] = Counter()
    for language, choice_id, count in rows:
        choice = choices.get(choice_id)
        topics = frozenset(choice.topics) if choice and choice.topics is not None else None
        counts[_spoken(language, newsletter), choice.edition if choice else Edition.FULL, topics] += count
    held = pool.pool_of(session, issue)
    found: Counter[tuple[str, Edition, tuple[int, ...]]] = Counter()
    for (language, edition, topics), count in counts.items():
        if issue.kind is IssueKind.CORRECTION:
            picked = tuple(article_ids(session, issue.id))
        else:
            picked = held.pick(topics=topics, language=language)
        if picked or issue.kind is IssueKind.CORRECTION:
            found[language, edition, picked] += count
    forms = [Form(*form, count) for form, count in found.most_common(most)]
    return forms or usual(session, issue, newsletter)[:1]


def usual(session: Session, issue: Issue, newsletter: Newsletter) -> list[Form]:
    """Every edition in the newsletter's language, of what a reader of everything gets; cheap, whatever the audience."""
    picked = pool.pool_of(session, issue).pick(topics=None, language=newsletter.language)
    held = picked or tuple(article_ids(session, issue.id))
    return [Form(newsletter.language, edition, held) for edition in Edition]


def mail_of(form: Form, setters: Typesetters) -> RenderedMail:
    """The mail of a form, with slots. Raises RefusedError for one that cannot be rendered."""
    return preview.set_mail(setters.of(form.language, form.edition), form.articles)


def _spoken(language: str, newsletter: Newsletter) -> str:
    return language if language in (newsletter.languages or LOCALES) else newsletter.language
