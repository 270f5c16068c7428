"""The mails that bring staff in: what each says, made from its row when it is sent."""

from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts import rights
from newsletter.accounts.models import PasswordLink, User
from newsletter.core.i18n import format_datetime
from newsletter.core.installation import Installation
from newsletter.core.templating import render_mail
from newsletter.core.tokens import hash_token
from newsletter.delivery.models import TransactionalMail
from newsletter.delivery.transactional import Letter
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import senders
from newsletter.staff.invitations import PURPOSE


class StaffMails:
    """Writers of the kinds in `invitations`, for `newsletter.delivery.transactional`."""

    def __init__(self, installation: Installation) -> None:
        self._here = installation

    def link(self, session: Session, mail: TransactionalMail) -> Letter | None:
        """The link; None when it was used or replaced meanwhile, or its account is closed."""
        token = self._here.signer.derive_token(PURPOSE, mail.params["nonce"])
        found = session.execute(
            select(PasswordLink, User)
            .join(User, User.id == PasswordLink.user_id)
            .where(
                PasswordLink.token_hash == hash_token(token),
                PasswordLink.used_at.is_(None),
                User.disabled_at.is_(None),
            )
        ).first()
        if found is None:
            return None
        link, user = found
        newsletter = newsletters.by_id(session, mail.newsletter_id or 0)
        names = {item.id: item.name for item in newsletters.all_newsletters(session)}
        may = rights.of(session, user)
        rendered = render_mail(
            mail.kind,
            mail.language,
            newsletter=newsletter.name,
            publisher=newsletter.publisher,
            email=user.email,
            # Only what has an @ is a person whom the reader knows.
            invited_by=invited_by if "@" in (invited_by := mail.params.get("invited_by", "")) else "",
            newsletters=[names[number] for number in may.by_newsletter if number in names],
            url=self._here.links.password(token),
            expires_at=format_datetime(link.expires_at, mail.language, ZoneInfo(newsletter.timezone)),
        )
        by = senders.identity(session, newsletter, self._here.vault)
        return Letter(by, rendered.subject, rendered.html, rendered.text)
