"""Articles of a newsletter: the list, taken in from an address or a text, changed, withdrawn."""

import re
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.articles import editing, extract, pictures, placing, queries, stories
from newsletter.articles.draft import ArticleDraft, Given
from newsletter.articles.models import Article, Picture, Placement
from newsletter.articles.placing import Placing
from newsletter.core import fetching
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.urls import MEDIA_TYPES
from newsletter.issues import queries as issues
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.editing import ensure_topic
from newsletter.newsletters.models import Newsletter
from newsletter.web.admin import guard, paging
from newsletter.web.admin.formats import zone
from newsletter.web.admin.room import admin, enter
from newsletter.web.context import installation
from newsletter.web.security import allow

Page = str | Response | tuple[str, int]
SPOKEN = ("title", "summary", "author", "source_name", "url", "language", "topic", "image_url", "image_alt")

MARKUP = re.compile(r"<(?:p|div|h[1-6]|ul|ol|article|section|br|body|html)\b[^>]*>", re.IGNORECASE)
MARKDOWN = re.compile(r"^(?:#{1,6} |> |[-*+] |\d+\. |---\s*$)|\*\*\S|\]\(\S", re.MULTILINE)


@admin.get("/newsletters/<slug>/articles")
@guard.requires(Permission.READ)
def articles(slug: str) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        rows = queries.page(session, newsletter.id, before=paging.before(), limit=paging.PER_PAGE + 1)
        listing = paging.listing(rows, lambda row: row.article.id, slug=slug)
        topics = _topic_names(session, newsletter)
        carried = issues.issue_numbers(session, newsletter.id, [row.article.id for row in listing.rows])
    return render_template("admin/articles.html", listing=listing, topics=topics, carried=carried)


@admin.get("/newsletters/<slug>/articles/new")
@guard.requires(Permission.EDIT_ARTICLES)
def new_article(slug: str) -> Page:
    return _new_page(slug)


@admin.post("/newsletters/<slug>/articles")
@guard.requires(Permission.EDIT_ARTICLES)
def add_article(slug: str) -> Page:
    """From the address in `address`, else from the text in `body`."""
    address = request.form.get("address", "").strip()
    with installation().database.reading() as session:
        zone = ZoneInfo(enter(session, slug).timezone)
    try:
        # The network comes first: no transaction waits for somebody else's server.
        draft = _fetched(address, zone) if address else _written(zone)
        with installation().database.unit() as session:
            newsletter = enter(session, slug)
            stories.take_turn(session)
            article, created = editing.add_article(
                session,
                draft,
                newsletter_id=newsletter.id,
                topic_id=_topic_id(session, newsletter, draft),
                now=guard.now(),
            )
            article_id = article.id
    except RefusedError as error:
        return _new_page(slug, {"address" if address else "body": str(error)})
    flash(_("The article is in. Check what was read.") if created else _("This article was here already."))
    return redirect(url_for("admin.article", slug=slug, article_id=article_id), 303)


@admin.get("/newsletters/<slug>/articles/<int:article_id>")
@guard.requires(Permission.READ)
def article(slug: str, article_id: int) -> Page:
    return _article_page(slug, article_id)


@admin.post("/newsletters/<slug>/articles/<int:article_id>")
@guard.requires(Permission.EDIT_ARTICLES)
def change_article(slug: str, article_id: int) -> Page:
    try:
        with installation().database.unit() as session:
            newsletter = enter(session, slug)
            found = queries.placed(session, article_id, newsletter.id).article
            _must_be_theirs(session, article_id)
            draft = _changed(found, ZoneInfo(newsletter.timezone))
            editing.change_article(session, found, draft, now=guard.now())
            editing.file_under(session, found.id, newsletter.id, _topic_id(session, newsletter, draft))
    except RefusedError as error:
        return _article_page(slug, article_id, str(error))
    flash(_("Saved."))
    return redirect(url_for("admin.article", slug=slug, article_id=article_id), 303)


@admin.post("/newsletters/<slug>/articles/<int:article_id>/withdraw")
@guard.requires(Permission.EDIT_ARTICLES)
def withdraw_article(slug: str, article_id: int) -> Page:
    with installation().database.unit() as session:
        newsletter = enter(session, slug)
        editing.withdraw(session, article_id, newsletter.id, now=guard.now())
    flash(_("Withdrawn. No further issue will hold this article."))
    return redirect(url_for("admin.articles", slug=slug), 303)


@admin.post("/newsletters/<slug>/articles/<int:article_id>/place")
@guard.requires(Permission.COMPOSE)
def place_article(slug: str, article_id: int) -> Page:
    """Pin, boost, embargo, expiry and reserve, all from one form; dates are in the newsletter's zone."""
    user = guard.user()
    try:
        with installation().database.unit() as session:
            newsletter = enter(session, slug)
            said = _said(ZoneInfo(newsletter.timezone))
            placing.place(session, article_id, newsletter.id, said, actor=user.email, user_id=user.id, now=guard.now())
    except NotFoundError:
        raise
    except RefusedError as error:
        return _article_page(slug, article_id, misplaced=str(error))
    flash(_("Saved. The next digest goes by it."))
    return redirect(url_for("admin.article", slug=slug, article_id=article_id), 303)


def _must_be_theirs(session: Session, article_id: int) -> None:
    """Its text is the same wherever it is placed: whoever may not write for all of these changes it for none."""
    if not all(
        guard.rights().allow(Permission.EDIT_ARTICLES, number) for number in queries.held_by(session, article_id)
    ):
        raise RefusedError(_("Other newsletters have this article too, and its text is the same in all. Ask an owner."))


def _new_page(slug: str, wrong: dict[str, str] | None = None) -> Page:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        topics = _topic_names(session, newsletter)
    given = {name: request.form.get(name, "") for name in (*SPOKEN, "address", "body")}
    page = render_template("admin/article-new.html", given=given, topics=topics, wrong=wrong or {})
    return (page, 422) if wrong else page


def _article_page(slug: str, article_id: int, problem: str | None = None, misplaced: str | None = None) -> Page:
    allow("img-src", "https:", "http:")  # pictures of an article stay where they were published
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        row = queries.placed(session, article_id, newsletter.id)
        topics = _topic_names(session, newsletter)
        carried = issues.issue_numbers(session, newsletter.id, [article_id]).get(article_id)
        picture = pictures.of_article(session, row.article)
        also_in = queries.also_in(session, [article_id]).get(article_id, [])
        elsewhere = queries.placed_among(session, newsletter.id, [other.id for other in also_in])
    if guard.rights().everywhere is None:  # what other newsletters hold is not theirs to read
        also_in = [other for other in also_in if other.id in elsewhere]
    given = _as_given(row.article, topics.get(row.topic_id or 0, "")) | (request.form.to_dict() if problem else {})
    page = render_template(
        "admin/article.html",
        row=row,
        given=given,
        topics=topics,
        carried=carried,
        picture=picture,
        picture_url=_address_of(picture),
        also_in=also_in,
        elsewhere=elsewhere,
        placing=_placing_given(row.placement) | ({"reserve": ""} | request.form.to_dict() if misplaced else {}),
        problem=problem,
        misplaced=misplaced,
        body=Markup(row.article.body_html),  # noqa: S704 - sanitised before it was stored
    )
    return (page, 422) if problem or misplaced else page


def _address_of(picture: Picture | None) -> str | None:
    """Path of a picture that we serve."""
    if picture is None or picture.key is None or picture.content_type is None:
        return None
    return url_for("media.media", key=picture.key, ending=MEDIA_TYPES[picture.content_type])


def _said(zone: ZoneInfo) -> Placing:
    """What the form says. Raises RefusedError."""
    form = request.form
    return Placing(
        pin=placing.read_place(form.get("pin", "")),
        boost=placing.read_number(form.get("boost", "")),
        embargo_until=placing.read_moment(form.get("embargo_until", ""), zone),
        expires_at=placing.read_moment(form.get("expires_at", ""), zone),
        reserve="reserve" in form,
    )


def _placing_given(placement: Placement | None) -> dict[str, str]:
    """The same as the form shows it."""
    said = placing.placing_of(placement) if placement else Placing()

    def local(moment: datetime | None) -> str:
        return f"{moment.astimezone(zone()):%Y-%m-%dT%H:%M}" if moment else ""

    given = {
        "pin": str(said.pin or ""),
        "boost": f"{said.boost:g}" if said.boost else "",
        "embargo_until": local(said.embargo_until),
        "expires_at": local(said.expires_at),
    }
    return given | {"reserve": "yes" if said.reserve else ""}


def _fetched(address: str, zone: ZoneInfo) -> ArticleDraft:
    answer = fetching.fetch(address, allow=installation().settings.fetch_allow)
    return extract.from_url(answer, zone=zone)


def _written(zone: ZoneInfo) -> ArticleDraft:
    """The draft in the form: HTML, Markdown or plain text, by what stands in it."""
    given = Given(**{name: request.form.get(name, "").strip() or None for name in SPOKEN})  # type: ignore[typeddict-item]
    body = request.form.get("body", "")
    if MARKUP.search(body):
        return extract.from_html(body, zone=zone, **given)
    if MARKDOWN.search(body):
        return extract.from_markdown(body, zone=zone, **given)
    return extract.from_text(body, zone=zone, **given)


def _changed(before: Article, zone: ZoneInfo) -> ArticleDraft:
    """The draft in the form, with what the form does not show. A text that nobody touched stays as it is."""
    draft = _written(zone)
    draft = replace(draft, published_at=draft.published_at or before.published_at)
    if request.form.get("body", "").replace("\r\n", "\n").strip() == before.body_html.strip():
        draft = replace(draft, body_html=before.body_html, body_text=before.body_text)
    return draft


def _as_given(found: Article, topic: str) -> dict[str, str]:
    given = {name: getattr(found, name) or "" for name in SPOKEN if name != "topic"}
    return given | {"topic": topic, "body": found.body_html}


def _topic_id(session: Session, newsletter: Newsletter, draft: ArticleDraft) -> int | None:
    return ensure_topic(session, newsletter.id, draft.topic).id if draft.topic else None


def _topic_names(session: Session, newsletter: Newsletter) -> dict[int, str]:
    return {topic.id: topic.name for topic in newsletters.topics(session, newsletter.id)}
