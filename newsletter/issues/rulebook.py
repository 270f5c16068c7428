"""Changing the rules by which digests are composed: those of a newsletter, or of one of its rhythms."""

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core.errors import ConflictError
from newsletter.core.i18n import gettext as _
from newsletter.issues.selection.rules import Rules, read_rules, rules_document
from newsletter.newsletters.models import Newsletter, Schedule


def change_rules(
    session: Session,
    newsletter: Newsletter,
    rules: Rules | None,
    *,
    schedule: Schedule | None = None,
    actor: str,
    now: datetime,
    instead_of: str | None = None,
) -> None:
    """Compose by these rules from now on; None: by the defaults, or for a rhythm by the newsletter's. Issues that are
    composed already keep theirs.

    `instead_of`: the `mark` of those that somebody had before their eyes; ConflictError when others are in force.
    """
    changed: Newsletter | Schedule = schedule or newsletter
    session.refresh(changed, with_for_update=True)
    if instead_of is not None and instead_of != mark(read_rules(changed.rules)):
        raise ConflictError(_("Somebody else has changed the rules meanwhile. Look at theirs before you save yours."))
    document = None if rules is None else rules_document(rules)
    before = changed.rules
    # A rhythm may have the defaults as rules of its own; a newsletter that has none has the defaults.
    changed.rules = document if schedule is not None else document or None
    details: dict[str, Any] = {"cadence": schedule.slug} if schedule is not None else {}
    audit.record(
        session,
        actor=actor,
        action="newsletter.rules",
        subject="newsletter",
        subject_id=newsletter.id,
        now=now,
        changed={"rules": [before or {}, document or {}]},
        **details,
    )


def mark(rules: Rules) -> str:
    """Tells rules from others, for a form to bring back."""
    text = json.dumps(rules_document(rules), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
