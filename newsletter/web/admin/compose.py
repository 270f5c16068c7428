"""The composer: what an issue says, in which order, and how it looks to a reader."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response as AnyResponse

from newsletter.accounts.permissions import Permission
from newsletter.articles import placing
from newsletter.articles import queries as articles
from newsletter.articles.models import Article
from newsletter.core.errors import ConflictError, RefusedError
from newsletter.core.i18n import LOCALES, ngettext
from newsletter.core.i18n import gettext as _
from newsletter.issues import approvals, dispatch, editing, pool, preview, queries, rulings, standing
from newsletter.issues import refresh as refreshing
from newsletter.issues.models import Issue, IssueKind
from newsletter.issues.rulings import Told
from newsletter.issues.selection.candidate import Verdict
from newsletter.issues.selection.reasons import in_words
from newsletter.issues.stories import section_titles, sections_of
from newsletter.newsletters.models import Edition, Newsletter
from newsletter.web.admin import guard, preflight
from newsletter.web.admin.room import admin, enter_by_id
from newsletter.web.admin.variants import edition_names
from newsletter.web.context import installation
from newsletter.web.language import NAMES
from newsletter.web.security import allow, as_mail

FORMS = ("phone", "wide", "text")
CUT_BY_PHONE, CUT_BY_DESKTOP = 40, 70  # characters of a subject that are seen
GAUGE = 80  # the length that the gauge shows
OFFERED = 100  # the newest articles, to be added by hand
DECIDING = ("approve", "pull-back", "schedule", "send")  # verbs that ask for the permission to send


@dataclass(frozen=True, slots=True)
class Line:
    """An article of an issue as the composer shows it. `section`: the title that stands above it, on the first of each.
    `no_room`: why a reader of everything does not get it, empty when they do.
    """

    article_id: int
    article: Article
    place: int
    section: str
    why: str
    no_room: str


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
    told = rulings.of_issue(session, issue.id)
    lines = _lines(session, issue, language, told)
    held = {line.article_id for line in lines}
    approved_by = approvals.of_revision(session, issue)
    seen = preflight.view_of(session, issue)
    preflight.look_soon(issue, seen)
    return render_template(
        "admin/composer.html",
        issue=issue,
        now=guard.now(),
        kind=standing.kind_in_words(issue.kind),
        is_digest=issue.kind is IssueKind.DIGEST,
        under_review=approvals.under_review(issue),
        standing=standing.in_words(issue, newsletter, approved_by),
        approved_by=approved_by,
        preflight=seen,
        lines=lines,
        offered=_offered(session, newsletter, held),
        trace=[item for item in told if item.article_id not in held],
        audience=queries.readers_of(session, issue, now=guard.now()),
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
def change_issue(issue_id: int) -> AnyResponse | tuple[str, int]:
    """Every button of the composer comes here and brings the texts along, so that none of them loses what was typed."""
    verb, _colon, article = request.form.get("do", "save").partition(":")
    if verb in DECIDING and not guard.may(Permission.SEND):
        raise Forbidden(_("Your role does not allow this. Ask an owner."))
    try:
        with installation().database.unit() as session:
            found = queries.by_id(session, issue_id)
            newsletter = enter_by_id(session, found.newsletter_id)
            editing.change_text(
                session,
                found,
                subject=request.form.get("subject", ""),
                introduction=request.form.get("introduction", ""),
                expected_revision=_shown_revision(),
                actor=guard.user().email,
                now=guard.now(),
            )
            anchor = _do(session, newsletter, found, verb, int(article) if article.isdecimal() else 0)
    except ConflictError as error:
        return _conflict_page(issue_id, str(error), verb), 409
    if verb == "send":
        return redirect(url_for("admin.ask_to_send", issue_id=issue_id), 303)
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


def _do(session: Session, newsletter: Newsletter, issue: Issue, verb: str, article_id: int) -> str | None:
    """Do what a button says; the anchor to come back to."""
    by: dict[str, Any] = {"actor": guard.user().email, "now": guard.now()}
    match verb:
        case "save":
            flash(_("Saved."))
        case "drop":
            editing.drop(session, issue, article_id, **by)
            flash(_("The article is out of this issue. It can be in the next one."))
            return "articles"
        case "up" | "down" | "place":
            to = _place(session, issue, verb, article_id)
            if to:
                editing.move(session, issue, article_id, to=to, **by)
            return f"article-{article_id}"
        case "add":
            return _add(session, newsletter, issue, by)
        case "refresh":
            _tell_renewed(refreshing.refresh(session, issue, **by))
            return "articles"
        case "approve":
            approvals.approve(session, issue, email=guard.user().email, now=guard.now())
            flash(standing.in_words(issue, newsletter, approvals.of_revision(session, issue)) or _("It is on its way."))
        case "pull-back":
            dispatch.pull_back(session, issue, **by)
            flash(_("Pulled back. It leaves when you send it."))
        case "schedule":
            dispatch.schedule(session, issue, send_at=_asked_moment(newsletter), **by)
            flash(standing.in_words(issue, newsletter))
    return None


def _place(session: Session, issue: Issue, verb: str, article_id: int) -> int:
    """Where an article is to go; 0: it stays."""
    if verb == "place":
        return placing.read_place(request.form.get(f"place-{article_id}", "")) or 0
    order = queries.articles_of(session, issue.id)
    if article_id not in order:
        return 0
    to = order.index(article_id) + (0 if verb == "up" else 2)
    return to if to <= len(order) else 0


def _add(session: Session, newsletter: Newsletter, issue: Issue, by: dict[str, Any]) -> str:
    asked = request.form.get("article", "").strip()
    if not asked.isdecimal() or len(asked) > 15:
        raise RefusedError(_("Choose the article that you want to add."))
    editing.add(session, issue, int(asked), **by)
    if int(asked) not in pool.pool_of(session, issue).pick(topics=None, language=newsletter.language):
        flash(
            _("The article is in, but there is no room for it at its place. Move it up, or take another one out."),
            "warn",
        )
    return f"article-{asked}"


def _tell_renewed(renewed: refreshing.Renewed) -> None:
    parts = []
    if renewed.added:
        parts.append(ngettext("%(num)s article came in.", "%(num)s articles came in.", len(renewed.added)))
    if renewed.removed:
        parts.append(ngettext("%(num)s article is out.", "%(num)s articles are out.", len(renewed.removed)))
    flash(" ".join(parts) or _("Nothing new has come in since."))


def _conflict_page(issue_id: int, words: str, verb: str) -> str:
    """What was typed and what there is now, beside each other; nothing is lost of either."""
    with installation().database.reading() as session:
        found = queries.by_id(session, issue_id)
        enter_by_id(session, found.newsletter_id)
        return render_template(
            "admin/conflict.html",
            issue=found,
            words=words,
            typed={name: request.form.get(name, "") for name in ("subject", "introduction")},
            only_text=verb == "save",
        )


def _shown_revision() -> int | None:
    """The revision that the form was made of."""
    asked = request.form.get("revision", "")
    return int(asked) if asked.isdecimal() and len(asked) < 16 else None


def _asked_moment(newsletter: Newsletter) -> Any:
    found = placing.read_moment(request.form.get("send_at", ""), ZoneInfo(newsletter.timezone))
    if found is None:
        raise RefusedError(_("Name the moment at which it is to leave."))
    return found


def _lines(session: Session, issue: Issue, language: str, told: Sequence[Told]) -> list[Line]:
    titles = section_titles(sections_of(session, issue.id), issue.rules)
    why = {item.article_id: item.words for item in told}
    everything = pool.pool_of(session, issue).explain(topics=None, language=language)
    crowded = {
        item.article_id: in_words(item.verdict, item.reason) for item in everything if item.verdict is not Verdict.IN
    }
    lines: list[Line] = []
    section = ""
    for place, (article_id, article) in enumerate(articles_in_order(session, issue, language), start=1):
        title = titles.get(article_id, "")
        lines.append(
            Line(
                article_id,
                article,
                place,
                section=title if title != section else "",
                why=why.get(article_id, ""),
                no_room=crowded.get(article_id, ""),
            )
        )
        section = title
    return lines


def _offered(session: Session, newsletter: Newsletter, held: set[int]) -> list[Article]:
    """Articles that can be added by hand, the newest first."""
    rows = articles.page(session, newsletter.id, limit=OFFERED)
    return [row.article for row in rows if row.withdrawn_at is None and row.article.id not in held]


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
