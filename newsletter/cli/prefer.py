"""`newsletter subscribers prefer`: what a reader chose of a newsletter, shown and set by staff."""

from dataclasses import replace
from typing import Any

import click
from sqlalchemy.orm import Session

from newsletter.cli.shared import actor, as_json, open_here, show
from newsletter.core.addresses import parse_address
from newsletter.core.clock import utc_now
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Edition, Newsletter
from newsletter.subscriptions import choices, queries
from newsletter.subscriptions.choices import ChoiceValues
from newsletter.subscriptions.models import Subscription


@click.command()
@click.argument("email")
@click.option("--newsletter", "slug", required=True)
@click.option("--topic", "topics", multiple=True, help="Short name of a topic; may be given several times.")
@click.option("--all-topics", is_flag=True, help="All topics, those to come included.")
@click.option("--edition", type=click.Choice([item.value for item in Edition]), default=None)
@click.option("--hour", default=None, help="0 to 23, or `none`: as soon as an issue is ready.")
@click.option("--timezone", default=None, help="Of the hour; the newsletter's unless given.")
@click.option("--breaking", type=click.Choice(["yes", "no"]), default=None, help="Breaking news too.")
@click.option("--cadence", default=None, help="Short name of a rhythm.")
@as_json
def prefer(email: str, slug: str, json_: bool, **asked: Any) -> None:
    """Show what a reader chose of a newsletter, and change what is given."""
    here = open_here()
    with here.database.unit() as session:
        newsletter = newsletters.by_slug(session, slug)
        subscription = _subscription(session, newsletter, email)
        values = _changed(session, newsletter, choices.values_of(session, subscription), asked)
        choices.set_choice(session, subscription, values, now=utc_now(), actor=actor())
        if asked["cadence"]:
            chosen = schedules.by_slug(session, newsletter, asked["cadence"])
            choices.set_cadence(session, subscription, chosen, now=utc_now(), actor=actor())
        session.flush()
        decided = described(session, subscription.id)
    show({"email": email, "newsletter": slug} | decided, json_, lambda: lines(decided))


def lines(decided: dict[str, Any]) -> list[str]:
    """What `described` gives, for people."""
    topics, hour, until = decided["topics"], decided["hour"], decided["paused_until"]
    return [
        _("Topics: %(topics)s", topics=_("all") if topics is None else ", ".join(topics)),
        _("Rhythm: %(rhythm)s", rhythm=decided["cadence"]),
        _("Edition: %(edition)s", edition=decided["edition"]),
        _("Hour: %(hour)s", hour=_("as soon as it is ready") if hour is None else hour),
        _("Breaking news: %(wanted)s", wanted=_("yes") if decided["breaking"] else _("no")),
        *([_("On a break until %(day)s", day=f"{until:%Y-%m-%d}")] if until else []),
    ]


def _subscription(session: Session, newsletter: Newsletter, email: str) -> Subscription:
    rows = queries.of_address(session, parse_address(email).key)
    row = next((item for item in rows if item.newsletter_id == newsletter.id), None)
    if row is None:
        raise NotFoundError(_("%(email)s does not subscribe to this newsletter.", email=email))
    return session.get_one(Subscription, row.id)


def _changed(session: Session, newsletter: Newsletter, values: ChoiceValues, asked: dict[str, Any]) -> ChoiceValues:
    if asked["topics"]:
        known = {topic.slug: topic.id for topic in newsletters.topics(session, newsletter.id)}
        unknown = [name for name in asked["topics"] if name not in known]
        if unknown:
            raise RefusedError(
                _(
                    "There is no topic “%(name)s”. These exist: %(topics)s.",
                    name=unknown[0],
                    topics=", ".join(sorted(known)) or "—",
                )
            )
        values = replace(values, topics=frozenset(known[name] for name in asked["topics"]))
    if asked["all_topics"]:
        values = replace(values, topics=None)
    if asked["edition"]:
        values = replace(values, edition=Edition(asked["edition"]))
    if asked["hour"] is not None:
        if asked["hour"] != "none" and not asked["hour"].isdecimal():
            raise RefusedError(_("An hour is a number from 0 to 23."))
        values = replace(values, hour=None if asked["hour"] == "none" else int(asked["hour"]))
    if asked["timezone"]:
        values = replace(values, timezone=asked["timezone"])
    if asked["breaking"]:
        values = replace(values, breaking=asked["breaking"] == "yes")
    return values


def described(session: Session, subscription_id: int) -> dict[str, Any]:
    """What a reader decided of a newsletter, in short names."""
    subscription = session.get_one(Subscription, subscription_id)
    kept = choices.values_of(session, subscription)
    slugs = {topic.id: topic.slug for topic in newsletters.topics(session, subscription.newsletter_id)}
    return {
        "topics": None if kept.topics is None else sorted(slugs[topic] for topic in kept.topics if topic in slugs),
        "cadence": choices.cadence_of(session, subscription).slug,
        "edition": kept.edition,
        "hour": kept.hour,
        "timezone": kept.timezone,
        "breaking": kept.breaking,
        "paused_until": subscription.paused_until,
    }
