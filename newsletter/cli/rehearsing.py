"""`newsletter digest preview` and `replay`: the next digest, and what past ones would have been. Nothing is saved."""

from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

import click
from sqlalchemy.orm import Session

from newsletter.cli.ruling import read_document, show_difference
from newsletter.cli.shared import as_json, open_here, show
from newsletter.core.addresses import parse_address
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.installation import Installation
from newsletter.delivery.personalise import Recipient
from newsletter.issues import preview as previewing
from newsletter.issues import rehearse
from newsletter.issues.difference import rehearsed
from newsletter.issues.replay import MOST_WEEKS, WEEKS
from newsletter.issues.selection.reasons import in_words
from newsletter.issues.selection.rules import read_rules
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import queries as subscriptions
from newsletter.subscriptions.audience import Recipients
from newsletter.subscriptions.models import Subscription


@click.command()
@click.argument("slug")
@click.option("--as", "email", default=None, help="As this reader would get it.")
@click.option("--at", "moment", type=click.DateTime(), default=None, help="With what was there at this time (UTC).")
@click.option("--html", is_flag=True, help="The HTML instead of the text.")
@click.option("--why", is_flag=True, help="Why each article is in, or out.")
@as_json
def preview(slug: str, email: str | None, moment: datetime | None, html: bool, why: bool, json_: bool) -> None:
    """Show the next digest without making or sending anything."""
    here = open_here()
    now = moment.replace(tzinfo=utc_now().tzinfo) if moment else utc_now()
    with here.database.reading() as session:
        newsletter = newsletters.by_slug(session, slug)
        who = _reader(session, here, newsletter, email) if email is not None else None
        next_ = rehearse.next_digest(
            session, newsletter, now=now, reader=who.subscription if who else None, as_it_was=now < utc_now()
        )
        titles = {item.article_id: item.title for item in next_.candidates}
        mail = (
            previewing.preview_next(
                session,
                newsletter,
                next_.picked,
                language=who.language if who else newsletter.language,
                edition=next_.edition,
                sections=next_.sections,
                rules=next_.rules,
                links=here.links,
                now=now,
                reader=who.recipient if who else None,
            )
            if next_.picked
            else None
        )
    reasons = [
        {
            "id": ruling.article_id,
            "title": titles[ruling.article_id],
            "verdict": ruling.verdict,
            "why": in_words(ruling.verdict, ruling.reason),
        }
        for ruling in next_.rulings
    ]
    answer = {
        "subject": mail.subject if mail else None,
        "preheader": mail.preheader if mail else None,
        "language": who.language if who else newsletter.language,
        "edition": next_.edition,
        "articles": [{"id": item, "title": titles[item]} for item in next_.picked],
        "trace": reasons,
        "html": mail.html if mail else None,
        "text": mail.text if mail else None,
    }

    def lines() -> list[str]:
        trace = ["", *(f"{item['title']}: {item['why']}" for item in reasons)] if why else []
        if mail is None:
            return [_("Nothing new."), *trace]
        return [mail.html] if html else [mail.subject, "", mail.text, *trace]

    show(answer, json_, lines)


@click.command()
@click.argument("slug")
@click.option("--rules", "file", type=click.File("r", encoding="utf-8"), help="Rules to try: a JSON file, or -.")
@click.option("--schedule", "rule", default=None, help="Hours to try, for example “30 18 * * 1-6”.")
@click.option(
    "--weeks", type=click.IntRange(1, MOST_WEEKS), default=WEEKS, show_default=True, help="How far to look back."
)
@click.option("--cadence", default=None, help="Short name of a rhythm; the main one unless given.")
@as_json
def replay(slug: str, file: TextIO | None, rule: str | None, weeks: int, cadence: str | None, json_: bool) -> None:
    """What the digests of the past weeks would have been by other rules or at other hours, beside those that are set.
    Nothing is saved.
    """
    here = open_here()
    tried = read_rules(read_document(file)) if file is not None else None
    with here.database.reading() as session:
        newsletter = newsletters.by_slug(session, slug)
        schedule = schedules.by_slug(session, newsletter, cadence)
        found = rehearsed(session, newsletter, schedule, tried, rule=rule, weeks=weeks, now=utc_now())
    show_difference(found, schedules.zone_of(newsletter, schedule), json_)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Somebody a digest is looked at for."""

    language: str
    recipient: Recipient
    subscription: Subscription


def _reader(session: Session, here: Installation, newsletter: Newsletter, email: str) -> _Reader:
    """A reader of the newsletter, and what is personal of theirs."""
    rows = subscriptions.of_address(session, parse_address(email).key)
    row = next((item for item in rows if item.newsletter_id == newsletter.id), None)
    if row is None:
        raise RefusedError(_("%(email)s does not subscribe to this newsletter.", email=email))
    found = Recipients(here.links).find(session, row.subscriber_id, newsletter_id=newsletter.id, issue_id=0)
    if not isinstance(found, Recipient):
        raise RefusedError(
            _("%(email)s would get nothing: not subscribed now, or on the do-not-mail list.", email=email)
        )
    return _Reader(row.language, found, session.get_one(Subscription, row.id))
