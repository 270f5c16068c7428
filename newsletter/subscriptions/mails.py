"""The mails of a subscription: what each says, made from its row when it is sent."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.i18n import format_datetime
from newsletter.core.installation import Installation
from newsletter.core.templating import render_mail
from newsletter.core.tokens import hash_token
from newsletter.core.urls import CONFIRM as CONFIRM_PURPOSE
from newsletter.delivery.models import TransactionalMail
from newsletter.delivery.transactional import Letter
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import senders
from newsletter.newsletters.models import Newsletter
from newsletter.newsletters.wearing import paint_for
from newsletter.subscriptions.models import Confirmation
from newsletter.suppression import ledger as suppression

CONFIRM = "confirm"
ALREADY_SUBSCRIBED = "already_subscribed"
COME_BACK = "come_back"


class SubscriptionMails:
    """Writers of the kinds above, for `newsletter.delivery.transactional`."""

    def __init__(self, installation: Installation) -> None:
        self._here = installation

    def confirm(self, session: Session, mail: TransactionalMail) -> Letter | None:
        """The link to confirm. Nothing a stranger typed is in it: the form must not become a way to write to others."""
        newsletter = newsletters.by_id(session, mail.newsletter_id or 0)
        token = self._here.signer.derive_token(CONFIRM_PURPOSE, mail.params["nonce"])
        confirmation = session.scalar(select(Confirmation).where(Confirmation.token_hash == hash_token(token)))
        if confirmation is None or confirmation.used_at is not None or confirmation.replaced_at is not None:
            return None
        return self._letter(
            session,
            mail,
            newsletter,
            url=self._here.links.confirm(token),
            site=urlsplit(self._here.links.site_url).netloc,
            requested_at=_moment(confirmation.created_at, newsletter, mail.language),
            expires_at=_moment(confirmation.expires_at, newsletter, mail.language),
        )

    def already_subscribed(self, session: Session, mail: TransactionalMail) -> Letter | None:
        """Says that nothing needs to be done, to the owner of the address only."""
        newsletter = newsletters.by_id(session, mail.newsletter_id or 0)
        return self._letter(
            session,
            mail,
            newsletter,
            url=self._here.links.preferences(mail.params["subscriber_id"]),
        )

    def come_back(self, session: Session, mail: TransactionalMail) -> Letter | None:
        """Asks whether the mailbox works again; None when that has shown meanwhile."""
        if suppression.find(session, mail.email_key) is None:
            return None
        newsletter = newsletters.by_id(session, mail.newsletter_id or 0)
        url = self._here.links.preferences(mail.params["subscriber_id"])
        return self._letter(session, mail, newsletter, url=url)

    def _letter(self, session: Session, mail: TransactionalMail, newsletter: Newsletter, **values: Any) -> Letter:
        rendered = render_mail(
            mail.kind,
            mail.language,
            newsletter=newsletter.name,
            publisher=newsletter.publisher,
            paint=paint_for(newsletter),
            **values,
        )
        by = senders.identity(session, newsletter, self._here.vault)
        return Letter(by, rendered.subject, rendered.html, rendered.text)


def _moment(moment: datetime, newsletter: Newsletter, language: str) -> str:
    return format_datetime(moment, language, ZoneInfo(newsletter.timezone))
