"""The composer: what an issue says, in which order, and how it looks to a reader."""

from collections.abc import Sequence
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from newsletter.accounts.permissions import Permission
from newsletter.articles import queries as articles
from newsletter.articles.models import Article
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.issues import editing, preview, queries
from newsletter.issues.models import Issue
from newsletter.newsletters.models import Edition, Newsletter
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin, enter_by_id
from newsletter.web.admin.variants import edition_names
from newsletter.web.context import installation
from newsletter.web.language import NAMES
from newsletter.web.security import allow, as_mail

FORMS = ("phone", "wide", "text")
CUT_BY_PHONE, CUT_BY_DESKTOP, GAUGE = (
    40,
    70,
    80,
)  # characters of a subject that are seen; the length that the gauge shows


def composer_page(session: Session, newsletter: Newsletter, issue: Issue) -> str:
    """The page of an issue that has not been sent."""
    allow("frame-src", "'self'")
    language, form = _asked_language(newsletter), _asked_form()
    links = installation().links
    edition = _asked_edition()
    mail = preview.preview(session, issue, language=language, edition=edition, links=links)
    own = (
        mail
        if language == newsletter.language and edition is Edition.FULL
        else preview.preview(session, issue, language=newsletter.language, links=links)
    )
    return render_template(
        "admin/composer.html",
        issue=issue,
        articles=articles_in_order(session, issue, language),
        audience=queries.audience_size(session, newsletter.id),
        mail=mail,
        subject=own.subject,
        size=len(mail.html.encode()) + len(mail.text.encode()),
        language_in_view=language,
        languages=NAMES,
        form="text" if edition is Edition.TEXT else form,
        edition=edition,
        editions=edition_names(),
        used=min(len(own.subject), GAUGE) * 100 / GAUGE,
        cuts=[at * 100 / GAUGE for at in (CUT_BY_PHONE, CUT_BY_DESKTOP)],
    )


def articles_in_order(session: Session, issue: Issue, language: str) -> list[tuple[int, Article]]:
    """Each article of an issue with the id of its original, in the language where it has been translated."""
    ids = queries.articles_of(session, issue.id)
    chosen = articles.in_language(session, ids, language)
    return [(article_id, chosen[article_id]) for article_id in ids]


def leads(session: Session, issues: Sequence[Issue]) -> dict[int, str]:
    """The title of each issue's first article, by the issue's id: what a draft is called until it has a subject."""
    first = {issue.id: next(iter(queries.articles_of(session, issue.id)), 0) for issue in issues if not issue.subject}
    titles = {item.id: item.title for item in articles.in_language(session, list(first.values()), "").values()}
    return {issue.id: titles.get(first.get(issue.id, 0), "") for issue in issues}


@admin.post("/issues/<int:issue_id>")
@guard.requires(Permission.COMPOSE)
def change_issue(issue_id: int) -> AnyResponse:
    """Every button of the composer comes here and brings the texts along, so that none of them loses what was typed."""
    verb, _colon, article = request.form.get("do", "save").partition(":")
    with installation().database.unit() as session:
        found = queries.by_id(session, issue_id)
        enter_by_id(session, found.newsletter_id)
        editing.change_text(
            session,
            found,
            subject=request.form.get("subject", ""),
            introduction=request.form.get("introduction", ""),
        )
        session.flush()  # what comes next reads the row again under a lock, which forgets what was not written
        anchor = _rearrange(session, found, verb, int(article)) if article.isdecimal() else None
    if verb == "send":
        return redirect(url_for("admin.ask_to_send", issue_id=issue_id), 303)
    if verb == "save":
        flash(_("Saved."))
    arguments: dict[str, Any] = {"issue_id": issue_id, "_anchor": anchor, **_view_arguments()}
    return redirect(url_for("admin.issue", **arguments), 303)


@admin.get("/issues/<int:issue_id>/preview")
@guard.requires(Permission.READ)
def preview_issue(issue_id: int) -> Response:
    """The mail itself, for the frame in the composer."""
    with installation().database.reading() as session:
        found = queries.by_id(session, issue_id)
        newsletter = enter_by_id(session, found.newsletter_id)
        mail = preview.preview(
            session,
            found,
            language=_asked_language(newsletter),
            edition=_asked_edition(),
            links=installation().links,
        )
    return as_mail(mail.html)


def _rearrange(session: Session, issue: Issue, verb: str, article_id: int) -> str | None:
    """Do what a button beside an article says; the anchor to come back to."""
    if verb == "drop":
        editing.drop(session, issue, article_id)
        flash(_("The article is out of this issue. It can be in the next one."))
        return "articles"
    if verb in ("up", "down"):
        editing.move(session, issue, article_id, up=verb == "up")
        return f"article-{article_id}"
    return None


def _asked_language(newsletter: Newsletter) -> str:
    asked = request.args.get("language", "")
    return asked if asked in LOCALES else newsletter.language


def _asked_edition() -> Edition:
    asked = request.args.get("edition", "")
    return Edition(asked) if asked in {item.value for item in Edition} else Edition.FULL


def _asked_form() -> str:
    asked = request.args.get("form", "")
    return asked if asked in FORMS else FORMS[0]


def _view_arguments() -> dict[str, str]:
    """What the preview was showing, kept over a change."""
    return {name: request.args[name] for name in ("language", "form", "edition") if request.args.get(name)}
