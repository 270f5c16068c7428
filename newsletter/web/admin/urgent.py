"""What cannot wait for the next digest: breaking news from an article, and the correction of an issue."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.articles import queries as articles
from newsletter.core.errors import ConflictError, NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues import breaking, correction, editing, queries, standing
from newsletter.web.admin import guard
from newsletter.web.admin.compose import articles_in_order
from newsletter.web.admin.room import admin, enter, enter_by_id
from newsletter.web.context import installation

Page = str | Response | tuple[str, int]


@admin.get("/newsletters/<slug>/articles/<int:article_id>/breaking")
@guard.requires(Permission.SEND)
def ask_to_break(slug: str, article_id: int) -> Page:
    return _breaking_page(slug, article_id)


@admin.post("/newsletters/<slug>/articles/<int:article_id>/breaking")
@guard.requires(Permission.SEND)
def break_news(slug: str, article_id: int) -> Page:
    try:
        with installation().database.unit() as session:
            newsletter = enter(session, slug)
            made = breaking.send_breaking(
                session,
                newsletter,
                [article_id],
                subject=request.form.get("subject", ""),
                actor=guard.user().email,
                now=guard.now(),
            )
            issue_id, words = made.id, standing.in_words(made, newsletter)
    except (NotFoundError, ConflictError):
        raise
    except RefusedError as error:
        return _breaking_page(slug, article_id, str(error)), 422
    flash(words or _("The breaking news is on its way."))
    return redirect(url_for("admin.issue", issue_id=issue_id), 303)


@admin.get("/issues/<int:issue_id>/correct")
@guard.requires(Permission.SEND)
def ask_to_correct(issue_id: int) -> Page:
    with installation().database.reading() as session:
        correction.check(session, queries.by_id(session, issue_id))
    return _correction_page(issue_id)


@admin.post("/issues/<int:issue_id>/correct")
@guard.requires(Permission.SEND)
def correct(issue_id: int) -> Page:
    article = request.form.get("article", "")
    try:
        with installation().database.unit() as session:
            found = queries.by_id(session, issue_id)
            newsletter = enter_by_id(session, found.newsletter_id)
            made = correction.send_correction(
                session,
                found,
                text=request.form.get("text", ""),
                subject=request.form.get("subject", ""),
                article_id=int(article) if article.isdecimal() and len(article) < 16 else None,
                actor=guard.user().email,
                now=guard.now(),
            )
            made_id, words = made.id, standing.in_words(made, newsletter)
    except (NotFoundError, ConflictError):
        raise
    except RefusedError as error:
        return _correction_page(issue_id, str(error)), 422
    flash(words or _("The correction is on its way."))
    return redirect(url_for("admin.issue", issue_id=made_id), 303)


def _breaking_page(slug: str, article_id: int, problem: str = "") -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        row = articles.placed(session, article_id, newsletter.id)
        return render_template(
            "admin/breaking.html",
            article=row.article,
            subject=request.form.get("subject", ""),
            earlier=breaking.told_by(session, newsletter, [article_id]),
            audience=queries.audience_size(session, newsletter.id),
            cooling=newsletter.cooling_minutes,
            cap=newsletter.breaking_cap,
            problem=problem,
        )


def _correction_page(issue_id: int, problem: str = "") -> str:
    with installation().database.reading() as session:
        issue = queries.by_id(session, issue_id)
        newsletter = enter_by_id(session, issue.newsletter_id)
        return render_template(
            "admin/correction.html",
            issue=issue,
            articles=articles_in_order(session, issue, newsletter.language),
            given={name: request.form.get(name, "") for name in ("subject", "text", "article")},
            usual=correction.usual_subject(issue, newsletter),
            longest=editing.MAX_INTRODUCTION,
            cooling=newsletter.cooling_minutes,
            problem=problem,
        )
