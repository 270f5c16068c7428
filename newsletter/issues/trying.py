"""Test sends: the issue as it is now, to oneself and colleagues, without a trace in what readers get.

A row of the transactional queue, written when it leaves. Nothing in it is a reader's: its links to leave and to choose
lead to the front page, and nothing counts who opened or followed what.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.accounts.models import User
from newsletter.core import ratelimit
from newsletter.core.addresses import Address, parse_address
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.delivery import transactional
from newsletter.issues import editing, letters
from newsletter.issues.models import Issue
from newsletter.newsletters.models import Edition
from newsletter.suppression.models import Suppression

MOST_AT_ONCE = 5
AN_HOUR = timedelta(hours=1)
MOST_IN_AN_HOUR = 40  # addresses, of one person
LIFETIME = timedelta(hours=6)


def read_addresses(text: str) -> list[Address]:
    """Addresses parted by commas, semicolons or white space, each once. Raises RefusedError."""
    words = [word for word in re.split(r"[\s,;]+", text.strip()) if word]
    if not words:
        raise RefusedError(_("Name the address that the proof goes to."))
    if len(words) > MOST_AT_ONCE:
        raise RefusedError(_("%(count)d addresses at most at once.", count=MOST_AT_ONCE))
    return list({address.key: address for address in map(parse_address, words)}.values())


def send_test(
    session: Session,
    issue: Issue,
    addresses: Sequence[Address],
    *,
    by: User,
    language: str,
    edition: Edition,
    now: datetime,
) -> None:
    """Queue the issue as it will be when the mail is written, for each address. Raises RefusedError, for example for a
    blocked address or after too many.
    """
    if issue.status not in editing.OPEN:
        raise RefusedError(_("This issue is no longer a draft: what is being sent cannot change."))
    editing.check_texts_of(session, issue)
    blocked = select(Suppression.id).where(Suppression.lifted_at.is_(None)).limit(1)
    for address in addresses:
        if session.scalar(blocked.where(Suppression.email_key == address.key)):
            raise RefusedError(_("%(email)s is blocked: nothing is sent to it.", email=address.email))
        if not ratelimit.hit(session, f"test:{by.id}", limit=MOST_IN_AN_HOUR, window=AN_HOUR, now=now):
            raise RefusedError(_("Enough proofs for this hour. Wait a little."))
        transactional.queue(
            session,
            kind=letters.TEST,
            email=address.email,
            email_key=address.key,
            language=language,
            newsletter_id=issue.newsletter_id,
            params={"issue": issue.id, "edition": edition},
            lifetime=LIFETIME,
            now=now,
        )
    audit.record(
        session,
        actor=by.email,
        user_id=by.id,
        action="issue.tested",
        subject="issue",
        subject_id=issue.id,
        now=now,
        revision=issue.revision,
        addresses=[address.email for address in addresses],
    )
