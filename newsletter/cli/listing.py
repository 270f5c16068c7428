"""An issue as commands show it."""

from typing import Any

from sqlalchemy.orm import Session

from newsletter.delivery import bounces
from newsletter.issues import approvals, narrowed, queries, standing
from newsletter.issues.models import Issue
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter


def summary(session: Session, issue: Issue, known: dict[int, Newsletter]) -> dict[str, Any]:
    """What the list has of each issue. `standing` says in words what it waits for, or why it was given up."""
    newsletter = known[issue.newsletter_id]
    approved_by = approvals.of_revision(session, issue)
    return {
        "id": issue.id,
        "newsletter": newsletter.slug,
        "number": issue.number,
        "kind": issue.kind.value,
        "status": issue.status.value,
        "standing": standing.in_words(issue, newsletter, approved_by),
        "pause_reason": issue.pause_reason,
        "subject": issue.subject,
        "audience": issue.audience,
        "created_at": issue.created_at,
        "review": issue.review.value,
        "revision": issue.revision,
        "approvals": approved_by,
        "send_at": issue.send_at,
        "nothing_new": issue.nothing_new,
        "corrects": issue.corrects_id,
        "who_gets_it": narrowed.in_words(narrowed.chosen(session, issue)),
    }


def details(session: Session, issue_id: int) -> dict[str, Any]:
    """Everything that is shown of one issue."""
    issue = queries.by_id(session, issue_id)
    progress = queries.progress(session, issue_id)
    known = {item.id: item for item in newsletters.all_newsletters(session)}
    return summary(session, issue, known) | {
        "articles": queries.articles_of(session, issue_id),
        "changed_by": issue.changed_by,
        "changed_at": issue.changed_at,
        "frozen_at": progress.frozen_at,
        "finished_at": progress.finished_at,
        "wave": progress.wave,
        "waves": progress.waves,
        "brake_released": issue.brake_released,
        "held_bounces": sum(item.count for item in bounces.held(session, issue_id)),
        "deliveries": {status.value: count for status, count in progress.counts.items()},
    }
