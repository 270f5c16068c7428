"""What the readers of an issue got: each of its forms, and how it looks."""

from flask import Response, render_template, request, url_for
from werkzeug.exceptions import NotFound

from newsletter.accounts.permissions import Permission
from newsletter.issues import queries, variants
from newsletter.newsletters.editions import edition_names
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin, enter_by_id
from newsletter.web.context import installation
from newsletter.web.language import NAMES
from newsletter.web.security import allow, as_mail

PAGE = 50
LARGEST = 2**31 - 1


@admin.get("/issues/<int:issue_id>/variants")
@guard.requires(Permission.READ)
def variants_of(issue_id: int) -> str:
    """All variants of an issue, those with most readers first; none before it is frozen."""
    skip = request.args.get("skip", 0, type=int)
    if not 0 <= skip <= LARGEST:
        raise NotFound
    with installation().database.reading() as session:
        issue = queries.by_id(session, issue_id)
        newsletter = enter_by_id(session, issue.newsletter_id)
        found = variants.page(session, issue_id, skip=skip, limit=PAGE + 1)
    return render_template(
        "admin/variants.html",
        issue=issue,
        newsletter=newsletter,
        variants=found[:PAGE],
        editions=edition_names(),
        languages=NAMES,
        fewer=url_for("admin.variants_of", issue_id=issue_id, skip=skip + PAGE) if len(found) > PAGE else None,
        most=url_for("admin.variants_of", issue_id=issue_id) if skip else None,
    )


@admin.get("/issues/<int:issue_id>/variants/<int:variant_id>")
@guard.requires(Permission.READ)
def variant(issue_id: int, variant_id: int) -> str:
    """One variant: the message in a frame, and its text."""
    allow("frame-src", "'self'")
    with installation().database.reading() as session:
        issue = queries.by_id(session, issue_id)
        newsletter = enter_by_id(session, issue.newsletter_id)
        mail = variants.mail_of(session, issue_id, variant_id, installation().links)
    return render_template("admin/variant.html", issue=issue, newsletter=newsletter, mail=mail, variant_id=variant_id)


@admin.get("/issues/<int:issue_id>/variants/<int:variant_id>/message")
@guard.requires(Permission.READ)
def variant_message(issue_id: int, variant_id: int) -> Response:
    """The mail itself, for the frame."""
    with installation().database.reading() as session:
        enter_by_id(session, queries.by_id(session, issue_id).newsletter_id)
        mail = variants.mail_of(session, issue_id, variant_id, installation().links)
    return as_mail(mail.html)
