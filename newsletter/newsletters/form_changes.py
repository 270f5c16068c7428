"""Changing a sign-up form. Each wording of the consent is kept: a reader has agreed to the one that they saw."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core.i18n import LOCALES
from newsletter.newsletters.look_models import ConsentWording
from newsletter.newsletters.models import Newsletter
from newsletter.newsletters.sign_up_form import SignUpForm, checked, form_document, read_form


def change_form(session: Session, newsletter: Newsletter, form: SignUpForm, *, actor: str, now: datetime) -> None:
    """Show readers this form from now on. ValuesError for texts that cannot stand there."""
    session.refresh(newsletter, with_for_update=True)
    before = read_form(newsletter.form)
    made = checked(form)
    wordings = dict(before.wordings)
    for language in LOCALES:
        text = made.says(language).consent
        if text == before.says(language).consent:
            continue
        written = ConsentWording(
            newsletter_id=newsletter.id, language=language, text=text, written_by=actor, written_at=now
        )
        session.add(written)
        session.flush()
        wordings[language] = written.id
    document = form_document(replace(made, wordings=wordings)) or None
    earlier, newsletter.form = newsletter.form, document
    audit.record(
        session,
        actor=actor,
        action="newsletter.form",
        subject="newsletter",
        subject_id=newsletter.id,
        now=now,
        before=earlier,
        after=document,
    )


def wording(session: Session, newsletter_id: int, wording_id: int) -> str | None:
    """The wording that a form showed, by the id it brought back; None for one of another newsletter. Empty: the
    house's.
    """
    found = session.get(ConsentWording, wording_id)
    return found.text if found is not None and found.newsletter_id == newsletter_id else None
