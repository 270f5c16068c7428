"""Links that staff get by mail: to come in for the first time, and when a password is lost.

What is queued holds a number drawn at random, from which the worker makes the link with the installation's key: a link
stands in the mail and nowhere else.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from newsletter.accounts import audit, rights, users
from newsletter.accounts.models import User
from newsletter.accounts.people import By, by_id
from newsletter.accounts.permissions import Rights
from newsletter.accounts.sign_in import WINDOW, RateLimitError
from newsletter.core import ratelimit
from newsletter.core.addresses import parse_address
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.tokens import Signer, new_token
from newsletter.delivery import transactional
from newsletter.newsletters import queries as newsletters

INVITATION = "invitation"
PASSWORD = "password"  # noqa: S105 - the kind of mail
PURPOSE = "password link"
LOST_LIFETIME = timedelta(hours=2)
"""Of a link that anybody may ask for: short, since nobody vouches for who asked."""
MAILS_PER_ACCOUNT = 3
ASKED_PER_NETWORK = 20


def invite(
    session: Session, signer: Signer, email: str, wanted: Rights, *, language: str, by: By, now: datetime
) -> User:
    """Add a member of staff and mail them a link to come in by, good once and for seven days.

    RefusedError when the address is taken or is none, when a newsletter does not exist, and when there is no newsletter
    whose address the mail could leave from.
    """
    slugs = {item.id: item.slug for item in newsletters.all_newsletters(session)}
    if not set(wanted.by_newsletter) <= set(slugs):
        raise RefusedError(_("Choose newsletters that exist."))
    user = users.create_user(
        session, email, wanted, language=language, now=now, actor=by.actor, by=by.user_id, slugs=slugs
    )
    _mail(session, signer, user, first=True, now=now, lifetime=users.LINK_LIFETIME, invited_by=by.actor)
    return user


def send_link(session: Session, signer: Signer, user_id: int, *, by: By, now: datetime) -> User:
    """Mail somebody a new link: the invitation again to who has not come in yet. Earlier links stop working."""
    user = by_id(session, user_id)
    if user.disabled_at is not None:
        raise RefusedError(_("This account is closed. Open it first."))
    if user.password_hash is None:
        _mail(session, signer, user, first=True, now=now, lifetime=users.LINK_LIFETIME, invited_by=by.actor)
    else:
        _mail(session, signer, user, first=False, now=now, lifetime=users.LINK_LIFETIME)
    audit.record(
        session,
        actor=by.actor,
        user_id=by.user_id,
        action="user.link_sent",
        subject="user",
        subject_id=user.id,
        now=now,
        email=user.email,
    )
    return user


def count_asking(session: Session, email: str, *, network: str, now: datetime) -> None:
    """Count a wish for a new password; RateLimitError when there were too many. In a unit of its own.

    Whether the address is known plays no part in it.
    """
    try:
        key = parse_address(email).key
    except RefusedError:
        key = email.strip().lower()
    account_ok = ratelimit.hit(session, f"lost-password:{key}", limit=MAILS_PER_ACCOUNT, window=WINDOW, now=now)
    network_ok = not network or ratelimit.hit(
        session, f"lost-password-from:{network}", limit=ASKED_PER_NETWORK, window=WINDOW, now=now
    )
    if not (account_ok and network_ok):
        raise RateLimitError(_("Too many tries. Wait a quarter of an hour, or ask an owner for a new link."))


def ask_for_password(session: Session, signer: Signer, email: str, *, now: datetime) -> None:
    """Mail a link to choose a new password, to the owner of an account only; whoever asks learns nothing.

    Call `count_asking` first.
    """
    user = users.find_by_email(session, email)
    if user is None or user.disabled_at is not None or not newsletters.all_newsletters(session):
        return
    first = user.password_hash is None
    _mail(session, signer, user, first=first, now=now, lifetime=users.LINK_LIFETIME if first else LOST_LIFETIME)
    audit.record(
        session,
        actor="sign-in page",
        action="user.password_asked",
        subject="user",
        subject_id=user.id,
        now=now,
        email=user.email,
    )


def _mail(
    session: Session,
    signer: Signer,
    user: User,
    *,
    first: bool,
    now: datetime,
    lifetime: timedelta,
    invited_by: str = "",
) -> None:
    """Make a link and ask for the mail: the invitation for who has `first` to come in, else that of a new password."""
    nonce = new_token()
    token = signer.derive_token(PURPOSE, nonce)
    users.make_password_link(session, user.id, now=now, token=token, lifetime=lifetime)
    written: dict[str, Any] = {
        "email": user.email,
        "email_key": user.email_key,
        "language": user.language,
        "newsletter_id": _sender(session, user),
        "params": {"nonce": nonce, "invited_by": invited_by},
        "lifetime": lifetime,
        "now": now,
    }
    if first:
        transactional.queue(session, kind=INVITATION, **written)
    else:
        transactional.queue(session, kind=PASSWORD, **written)


def _sender(session: Session, user: User) -> int:
    """The newsletter whose address the mail leaves from: one of theirs, else the oldest."""
    theirs: Mapping[int, object] = rights.of(session, user).by_newsletter
    known = [item.id for item in newsletters.all_newsletters(session)]
    if not known:
        raise RefusedError(_("Create a newsletter first: the mail leaves from its address."))
    return next((number for number in known if number in theirs), known[0])
