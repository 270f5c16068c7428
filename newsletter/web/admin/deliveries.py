"""One delivery with its whole story, so that "did she get it?" is answered in one look."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import render_template

from newsletter.accounts.permissions import Permission
from newsletter.core.i18n import gettext as _
from newsletter.delivery import personalise
from newsletter.delivery.ledger import TOO_LATE
from newsletter.delivery.models import ASKED_AGAIN, Delivery, DeliveryStatus
from newsletter.feedback import queries as reports
from newsletter.feedback.models import FeedbackReport
from newsletter.issues import finding, queries
from newsletter.issues.finding import Story
from newsletter.issues.models import Issue
from newsletter.mail.evidence import Kind
from newsletter.mail.message import MessageIds
from newsletter.mail.outcomes import OutcomeKind
from newsletter.mail.verp import envelope_sender
from newsletter.newsletters import senders
from newsletter.newsletters.models import Newsletter
from newsletter.web.admin import guard
from newsletter.web.admin.formats import report_name, skip_name
from newsletter.web.admin.room import admin, enter_by_id
from newsletter.web.context import installation

AGAINST = (Kind.BOUNCE, Kind.COMPLAINT)


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a delivery, with its state's shape, and what a server said. `inbound_id`: the message
    that brought it, where that is kept.
    """

    at: datetime
    shape: str
    what: str
    said: str = ""
    relay: str = ""
    inbound_id: int | None = None


@admin.get("/issues/<int:issue_id>/deliveries/<int:delivery_id>")
@guard.requires(Permission.READ)
def delivery(issue_id: int, delivery_id: int) -> str:
    here = installation()
    with here.database.reading() as session:
        issue = queries.by_id(session, issue_id)
        newsletter = enter_by_id(session, issue.newsletter_id)
        story = finding.story(session, issue_id, delivery_id)
        came_back = reports.of_delivery(session, delivery_id)
    steps = [*_before(issue, story), *_returned(came_back)]
    return render_template(
        "admin/delivery.html",
        issue=issue,
        story=story,
        row=story.delivery,
        answer=answer(story.delivery, came_back),
        steps=sorted(steps, key=lambda step: step.at),
        support=_for_support(newsletter, story, here.key("mail")),
        relay=story.relays.get(story.delivery.relay_id or 0, ""),
    )


def answer(row: Delivery, came_back: Sequence[FeedbackReport]) -> tuple[str, str, str]:
    """Whether the reader got it: the shape, the short answer, and what it means."""
    against = next((item for item in came_back if item.kind in AGAINST), None)
    match row.status:
        case DeliveryStatus.SENT if against is not None and against.kind is Kind.BOUNCE:
            return "failed", _("No, it came back."), _("A server took it, and reported later that it did not arrive.")
        case DeliveryStatus.SENT if against is not None:
            return "warn", _("Yes, and its reader called it spam."), _("Nothing more is sent to this address.")
        case DeliveryStatus.SENT if any(item.kind is Kind.DELIVERED for item in came_back):
            return "sent", _("Yes."), _("The reader's own server has confirmed it.")
        case DeliveryStatus.SENT:
            text = _("The relay took it, and nothing came back since. If it is not in the inbox, look among the spam.")
            return "sent", _("Yes, as far as anybody can know."), text
        case DeliveryStatus.UNKNOWN:
            text = _("The connection broke after the message and before the answer: it may have arrived or not.")
            return "unknown", _("Nobody knows."), text
        case DeliveryStatus.FAILED if row.reply == TOO_LATE:
            return "failed", _("No."), _("The issue was out of date before a server took it.")
        case DeliveryStatus.FAILED:
            return "failed", _("No."), _("A server refused it for good; what it said is below.")
        case DeliveryStatus.SKIPPED:
            return "skipped", _("No, it was left out."), skip_name(row.skip_reason) if row.skip_reason else ""
        case DeliveryStatus.DEFERRED:
            return "deferred", _("Not yet."), _("A server wants it later. It is tried again by itself.")
        case DeliveryStatus.SENDING:
            return "sending", _("It is on its way right now."), ""
    return "queued", _("Not yet."), _("It waits for its turn.")


def _before(issue: Issue, story: Story) -> list[Step]:
    """From the freeze to where it stands."""
    row = story.delivery
    steps = [Step(issue.frozen_at, "queued", _("Queued"))] if issue.frozen_at else []
    for item in story.attempts:
        relay = story.relays.get(item.relay_id or 0, "")
        steps.append(Step(item.at, *_attempt(item.outcome), item.reply, relay))
    told = story.attempts[-1] if story.attempts else None
    ended = row.status in (DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN, DeliveryStatus.SKIPPED)
    if ended and not (told is not None and told.at == row.updated_at and row.status is not DeliveryStatus.SENT):
        relay = story.relays.get(row.relay_id or 0, "")
        steps.append(Step(row.updated_at, row.status.value, _end(row), row.reply or "", relay))
    if story.bounce is not None and story.bounce.decided_at is not None:
        who = story.bounce.decided_by or ""
        steps.append(Step(story.bounce.decided_at, "", _("%(who)s decided about the bounce.", who=who)))
    return steps


def _attempt(outcome: str) -> tuple[str, str]:
    return {
        ASKED_AGAIN: ("queued", _("Queued once more by staff; it had ended with:")),
        OutcomeKind.DEFERRED.value: ("deferred", _("Put off")),
        OutcomeKind.REJECTED.value: ("failed", _("Refused")),
        OutcomeKind.AMBIGUOUS.value: ("unknown", _("Lost after the message, before the answer")),
    }.get(outcome, ("", outcome))


def _end(row: Delivery) -> str:
    if row.status is DeliveryStatus.SENT:
        return _("Taken by the relay")
    if row.status is DeliveryStatus.SKIPPED:
        return _("Left out: %(why)s", why=skip_name(row.skip_reason)) if row.skip_reason else _("Left out")
    return _("Given up") if row.status is DeliveryStatus.FAILED else _("Left as unknown")


def _returned(came_back: Sequence[FeedbackReport]) -> list[Step]:
    return [
        Step(
            item.received_at,
            "failed" if item.kind in AGAINST else "sent" if item.kind is Kind.DELIVERED else "",
            _("Came back: %(what)s", what=report_name(item)) if item.kind is not Kind.DELIVERED else _("Arrived"),
            " ".join(filter(None, (item.status, item.reason))),
            inbound_id=item.inbound_id,
        )
        for item in came_back
    ]


def _for_support(newsletter: Newsletter, story: Story, secret: bytes) -> list[tuple[str, str]]:
    """What a mail provider asks for; names as its staff know them, in English."""
    row, domain = story.delivery, newsletter.domain
    identifier = MessageIds(personalise.KIND, secret, domain).of(row.id)
    lines = [
        ("Message-ID", identifier),
        ("Envelope sender", envelope_sender(row.id, secret, senders.bounce_domain(domain))),
        ("From", newsletter.from_address),
        ("Recipient", story.email),
        ("Time (UTC)", f"{row.updated_at:%Y-%m-%d %H:%M:%S}"),
    ]
    if row.relay_id and row.relay_id in story.relays:
        lines.append(("Relay", story.relays[row.relay_id]))
    return [*lines, ("Answer", row.reply or "-")]
