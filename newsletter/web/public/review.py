"""What an approver decides by a mailed link. A GET shows the issue as it would leave; only a POST acts, for mail
scanners follow every link. Who holds the link needs no account: it is signed for one approver and one revision of one
issue.
"""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from newsletter.core.clock import utc_now
from newsletter.core.errors import ConflictError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.urls import REVIEW
from newsletter.issues import approvals, editing, preview, queries, refresh, standing
from newsletter.issues.approvals import Mandate
from newsletter.issues.models import Issue
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter, Review
from newsletter.web.context import installation
from newsletter.web.language import fall_back_to
from newsletter.web.security import allow, as_mail, keep_private

blueprint = Blueprint("review", __name__)

VERBS = ("approve", "refresh", "skip")
DONE = ("approved", "fresh", "same", "skipped")
Page = str | AnyResponse | tuple[str, int]


@dataclass(frozen=True, slots=True)
class Seen:
    """An issue as an approver sees it. `token` is for its present revision; `stale`: theirs was for an earlier one.
    `problem`: why it cannot be sent as it is.
    """

    issue: Issue
    newsletter: Newsletter
    token: str
    stale: bool
    subject: str
    preheader: str
    standing: str
    approved_by: list[str]
    open: bool
    asks: bool
    waits: bool
    problem: str


@blueprint.get("/review/<token>")
def show(token: str) -> Page:
    done = request.args.get("done", "")
    return _page(token, done=done if done in DONE else "")


@blueprint.get("/review/<token>/message")
def message(token: str) -> Response:
    """The mail itself, for the frame."""
    keep_private()
    with installation().database.reading() as session:
        issue = queries.by_id(session, _mandate(session, token).issue_id)
        newsletter = newsletters.by_id(session, issue.newsletter_id)
        mail = preview.preview(session, issue, language=newsletter.language, links=installation().links)
    return as_mail(mail.html)


@blueprint.post("/review/<token>/<verb>")
def act(token: str, verb: str) -> Page:
    """Approve, compose again or skip what the link is for; what has changed since is shown instead."""
    keep_private()
    if verb not in VERBS:
        raise NotFound
    try:
        with installation().database.unit() as session:
            mandate = _mandate(session, token)
            issue = queries.by_id(session, mandate.issue_id)
            done = _do(session, issue, verb, mandate, now=utc_now())
            token = _token(issue, mandate.email)
    except ConflictError:
        return _page(token), 409
    except RefusedError as error:
        return _page(token, problem=str(error)), 422
    return redirect(url_for(".show", token=token, done=done), 303)


def _do(session: Session, issue: Issue, verb: str, mandate: Mandate, *, now: datetime) -> str:
    """What was done, one of DONE."""
    if verb == "approve":
        approvals.approve(session, issue, email=mandate.email, now=now, expected_revision=mandate.revision)
        return "approved"
    if not _asks(issue):
        raise RefusedError(_("This issue is not under review any more."))
    if verb == "skip":
        approvals.skip(session, issue, by=mandate.email, now=now, expected_revision=mandate.revision)
        return "skipped"
    renewed = refresh.refresh(session, issue, actor=mandate.email, now=now, expected_revision=mandate.revision)
    return "fresh" if renewed.added or renewed.removed else "same"


def _asks(issue: Issue) -> bool:
    """Whether approvers have a say about an issue: not when an editor has taken it into their hands."""
    return issue.review is not Review.NONE and issue.send_at is not None and issue.status in editing.OPEN


def _mandate(session: Session, token: str) -> Mandate:
    found = approvals.read_link(session, installation().signer, token)
    if found is None:
        raise NotFound
    return found


def _token(issue: Issue, email: str) -> str:
    return installation().signer.sign(REVIEW, issue.id, issue.revision, approvals.number_of(email))


def _page(token: str, *, done: str = "", problem: str = "") -> str:
    keep_private()
    allow("frame-src", "'self'")
    with installation().database.reading() as session:
        mandate = _mandate(session, token)
        issue = queries.by_id(session, mandate.issue_id)
        newsletter = newsletters.by_id(session, issue.newsletter_id)
        fall_back_to(newsletter.language)
        seen = _seen(session, issue, newsletter, mandate)
    return render_template(
        "public/review.html",
        seen=seen,
        done=done,
        problem=problem,
        composer_url=installation().links.composer(issue.id),
        publisher=newsletter.publisher,
    )


def _seen(session: Session, issue: Issue, newsletter: Newsletter, mandate: Mandate) -> Seen:
    waits = issue.status in editing.OPEN
    subject, preheader, problem = issue.subject, "", ""
    if waits:
        try:
            mail = preview.preview(session, issue, language=newsletter.language, links=installation().links)
            subject, preheader = mail.subject, mail.preheader
        except RefusedError as error:
            problem = str(error)
    approved_by = approvals.of_revision(session, issue)
    return Seen(
        issue=issue,
        newsletter=newsletter,
        token=_token(issue, mandate.email),
        stale=waits and issue.revision != mandate.revision,
        subject=subject,
        preheader=preheader,
        standing=standing.in_words(issue, newsletter, approved_by),
        approved_by=approved_by,
        open=approvals.under_review(issue),
        asks=_asks(issue),
        waits=waits,
        problem=problem,
    )
