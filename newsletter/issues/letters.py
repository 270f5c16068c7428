"""Mails to those who look after an issue: the proof, and what has become of it; written when they leave."""

from typing import Any

from markupsafe import Markup
from sqlalchemy.orm import Session

from newsletter.articles import queries as articles
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import use_locale
from newsletter.core.installation import Installation
from newsletter.core.templating import render_mail
from newsletter.delivery.models import TransactionalMail
from newsletter.delivery.transactional import Letter
from newsletter.issues import approvals, pool, preview, rulings, standing
from newsletter.issues.editing import article_ids, check_texts_of
from newsletter.issues.models import Issue, IssueStatus
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import senders
from newsletter.newsletters.models import Edition, Newsletter
from newsletter.newsletters.wearing import paint_for

PROOF = "proof"
ISSUE_NOTICE = "issue_notice"
TEST = "test_issue"


class ReviewMails:
    """Writers of the kinds above, for `newsletter.delivery.transactional`."""

    def __init__(self, installation: Installation) -> None:
        self._here = installation

    def proof(self, session: Session, mail: TransactionalMail) -> Letter | None:
        """The issue as it would leave, and the link to decide by; None when it was decided or has changed meanwhile."""
        issue = session.get(Issue, mail.params["issue"])
        if issue is None or not approvals.under_review(issue) or issue.revision != mail.params["revision"]:
            return None
        newsletter = newsletters.by_id(session, issue.newsletter_id)
        with use_locale(mail.language):
            stories = _stories(session, issue)
            when = standing.hour_in_words(issue, newsletter)
        subject, text, problem = self._text(session, issue, newsletter)
        return self._letter(
            session,
            mail,
            newsletter,
            number=issue.number,
            title=subject,
            when=when,
            fresh=issue.revision > 1,
            changed_by=issue.changed_by or "",
            stories=stories,
            text=text,
            problem=problem,
            url=self._here.links.review(issue.id, issue.revision, approvals.number_of(mail.email)),
        )

    def notice(self, session: Session, mail: TransactionalMail) -> Letter | None:
        """What has become of an issue; None when somebody has decided about it meanwhile."""
        issue = session.get(Issue, mail.params["issue"])
        notice = mail.params["notice"]
        if issue is None or (issue.status is not IssueStatus.DRAFT and notice != "skipped"):
            return None
        newsletter = newsletters.by_id(session, issue.newsletter_id)
        subject, _text, _problem = self._text(session, issue, newsletter)
        with use_locale(mail.language):
            what = standing.notice_in_words(issue, newsletter, notice)
        return self._letter(
            session,
            mail,
            newsletter,
            number=issue.number,
            title=subject,
            notice=notice,
            what=what,
            url=self._here.links.composer(issue.id),
        )

    def test(self, session: Session, mail: TransactionalMail) -> Letter | None:
        """The issue as a reader of everything would get it, marked; None when it has left meanwhile."""
        issue = session.get(Issue, mail.params["issue"])
        if issue is None or issue.status not in (IssueStatus.DRAFT, IssueStatus.SCHEDULED):
            return None
        newsletter = newsletters.by_id(session, issue.newsletter_id)
        edition = Edition(mail.params["edition"])
        seen = preview.preview(session, issue, language=mail.language, edition=edition, links=self._here.links)
        with use_locale(mail.language):
            subject = _("[Proof] %(title)s", title=seen.subject)
        html = seen.html or str(Markup("<pre>{}</pre>").format(seen.text))  # the edition that has text alone
        return self._signed(session, newsletter, subject=subject, html=html, text=seen.text)

    def _text(self, session: Session, issue: Issue, newsletter: Newsletter) -> tuple[str, str, str]:
        """(subject, text, why it could not be sent)."""
        try:
            check_texts_of(session, issue)
            mail = preview.preview(session, issue, language=newsletter.language, links=self._here.links)
        except RefusedError as error:
            return issue.subject, "", str(error)
        return mail.subject, mail.text, ""

    def _letter(self, session: Session, mail: TransactionalMail, newsletter: Newsletter, **values: Any) -> Letter:
        rendered = render_mail(
            mail.kind,
            mail.language,
            newsletter=newsletter.name,
            publisher=newsletter.publisher,
            paint=paint_for(newsletter),
            **values,
        )
        return self._signed(session, newsletter, subject=rendered.subject, html=rendered.html, text=rendered.text)

    def _signed(self, session: Session, newsletter: Newsletter, *, subject: str, html: str, text: str) -> Letter:
        by = senders.identity(session, newsletter, self._here.vault)
        return Letter(by, subject, html, text)


def _stories(session: Session, issue: Issue) -> list[tuple[str, str]]:
    """(title, why it is in) of what a reader of everything gets."""
    picked = pool.pool_of(session, issue).pick(topics=None, language="") or article_ids(session, issue.id)
    titles = {number: found.title for number, found in articles.in_language(session, list(picked), "").items()}
    why = {told.article_id: told.words for told in rulings.of_issue(session, issue.id)}
    return [(titles[article], why.get(article, "")) for article in picked]
