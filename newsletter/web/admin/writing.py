"""Writing an article: taken in from an address, written as Markdown, HTML or plain text, changed, with its picture."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.articles import drafts, editing, extract, pictures, queries, stories, uploads
from newsletter.articles.draft import ArticleDraft, Given
from newsletter.articles.models import Article
from newsletter.core import fetching, imaging
from newsletter.core.errors import ConflictError, NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues.article_preview import article_mail, image_of
from newsletter.newsletters.editing import ensure_topic
from newsletter.newsletters.models import Newsletter
from newsletter.web.admin import guard
from newsletter.web.admin.articles import topic_names
from newsletter.web.admin.room import admin, enter
from newsletter.web.context import installation
from newsletter.web.security import allow, as_mail

Page = str | Response | tuple[str, int]
SPOKEN = ("title", "summary", "author", "source_name", "url", "language", "topic", "image_url", "image_alt")
TYPED = (*SPOKEN, "body", "format")  # what a draft keeps
FORMATS = ("markdown", "html", "text")
WITH_PICTURE = pictures.MAX_BYTES + guard.LARGEST_BODY

MARKUP = re.compile(r"<(?:p|div|h[1-6]|ul|ol|article|section|br|body|html)\b[^>]*>", re.IGNORECASE)
MARKDOWN = re.compile(r"^(?:#{1,6} |> |[-*+] |\d+\. |---\s*$)|\*\*\S|\]\(\S", re.MULTILINE)


@admin.get("/newsletters/<slug>/articles/new")
@guard.requires(Permission.EDIT_ARTICLES)
def new_article(slug: str) -> Page:
    return _editor(slug)


@admin.post("/newsletters/<slug>/articles")
@guard.requires(Permission.EDIT_ARTICLES)
@guard.takes(WITH_PICTURE)
def add_article(slug: str) -> Page:
    """From the address in `address`, else from the text in `body`."""
    address = request.form.get("address", "").strip()
    with installation().database.reading() as session:
        zone = ZoneInfo(enter(session, slug).timezone)
    try:
        # The network comes first: no transaction waits for somebody else's server.
        draft = _fetched(address, zone) if address else _with_picture(_written(zone))
        with installation().database.unit() as session:
            newsletter = enter(session, slug)
            stories.take_turn(session)
            article, created = editing.add_article(
                session,
                draft,
                newsletter_id=newsletter.id,
                topic_id=_topic_id(session, newsletter, draft),
                actor=guard.user().email,
                user_id=guard.user().id,
                now=guard.now(),
            )
            article_id = article.id
            if not address:
                drafts.drop(session, guard.user().id, newsletter.id, drafts.NEW)
    except RefusedError as error:
        return _editor(slug, typed=_typed(), wrong={"address" if address else "body": str(error)}), 422
    flash(_("The article is in. Check what was read.") if created else _("This article was here already."))
    return redirect(url_for("admin.article", slug=slug, article_id=article_id), 303)


@admin.get("/newsletters/<slug>/articles/<int:article_id>/edit")
@guard.requires(Permission.EDIT_ARTICLES)
def edit_article(slug: str, article_id: int) -> Page:
    return _editor(slug, article_id)


@admin.post("/newsletters/<slug>/articles/<int:article_id>")
@guard.requires(Permission.EDIT_ARTICLES)
@guard.takes(WITH_PICTURE)
def change_article(slug: str, article_id: int) -> Page:
    try:
        uploaded = _uploaded()
        with installation().database.unit() as session:
            newsletter = enter(session, slug)
            found = queries.placed(session, article_id, newsletter.id).article
            _must_be_theirs(session, article_id)
            draft = _changed(found, ZoneInfo(newsletter.timezone))
            if uploaded is not None:
                address = uploads.take(session, uploaded, installation().links, now=guard.now())
                draft = replace(draft, image_url=address)
            by: dict[str, Any] = {"actor": guard.user().email, "user_id": guard.user().id, "now": guard.now()}
            editing.change_article(session, found, draft, **by, version=_version())
            editing.file_under(session, found.id, newsletter.id, _topic_id(session, newsletter, draft), **by)
            drafts.drop(session, guard.user().id, newsletter.id, article_id)
    except ConflictError as error:
        return _editor(slug, article_id, typed=_typed(), wrong={"conflict": str(error)}), 409
    except NotFoundError:
        raise
    except RefusedError as error:
        return _editor(slug, article_id, typed=_typed(), wrong={"body": str(error)}), 422
    flash(_("Saved."))
    return redirect(url_for("admin.article", slug=slug, article_id=article_id), 303)


def _must_be_theirs(session: Session, article_id: int) -> None:
    """Its text is the same wherever it is placed: whoever may not write for all of these changes it for none."""
    if not all(
        guard.rights().allow(Permission.EDIT_ARTICLES, number) for number in queries.held_by(session, article_id)
    ):
        raise RefusedError(_("Other newsletters have this article too, and its text is the same in all. Ask an owner."))


@admin.post("/newsletters/<slug>/articles/preview")
@guard.requires(Permission.EDIT_ARTICLES)
@guard.takes(WITH_PICTURE)
def preview_article(slug: str) -> Response | str:
    """What is being written, for the frame beside it: as a mail, or the whole text as the archive has it."""
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        try:
            draft = _written(ZoneInfo(newsletter.timezone))
        except RefusedError as error:
            return _whole(None, str(error))
        picture = uploads.at(session, draft.image_url)
        if request.args.get("what") == "page":
            return _whole(draft, "", image=image_of(draft, picture, installation().links))
        mail = article_mail(session, newsletter, draft, picture, links=installation().links, now=guard.now())
    return as_mail(mail.html, readable=True)


@admin.post("/newsletters/<slug>/articles/draft")
@guard.requires(Permission.EDIT_ARTICLES)
def keep_draft(slug: str) -> Page:
    """Keep what was typed, or drop it; the editor asks for it at each pause."""
    article_id = _article_id()
    with installation().database.unit() as session:
        newsletter = enter(session, slug)
        if article_id != drafts.NEW:
            queries.placed(session, article_id, newsletter.id)
        if request.form.get("do") == "drop":
            drafts.drop(session, guard.user().id, newsletter.id, article_id)
        else:
            fields = _typed() | {"version": request.form.get("version", "")[:40]}
            drafts.keep(session, guard.user().id, newsletter.id, article_id, fields, now=guard.now())
            return render_template("admin/article-kept.html", now=guard.now())
    flash(_("What was not saved is gone."))
    if article_id == drafts.NEW:
        return redirect(url_for("admin.new_article", slug=slug), 303)
    return redirect(url_for("admin.edit_article", slug=slug, article_id=article_id), 303)


@admin.post("/newsletters/<slug>/pictures")
@guard.requires(Permission.EDIT_ARTICLES)
@guard.takes(WITH_PICTURE)
def upload_picture(slug: str) -> tuple[dict[str, str], int]:
    """A picture alone, for the editor that shows it at once; its address."""
    try:
        uploaded = _uploaded()
        if uploaded is None:
            raise RefusedError(_("Choose a picture."))
        with installation().database.unit() as session:
            enter(session, slug)
            return {"address": uploads.take(session, uploaded, installation().links, now=guard.now())}, 200
    except NotFoundError:
        raise
    except RefusedError as error:
        return {"error": str(error)}, 422


def _editor(
    slug: str,
    article_id: int = drafts.NEW,
    *,
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> str:
    """The page to write on. What was typed, refused or left behind by a closed tab stands in it."""
    allow("frame-src", "'self'")
    allow("img-src", "https:", "http:")
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        topics = topic_names(session, newsletter)
        row = queries.placed(session, article_id, newsletter.id) if article_id != drafts.NEW else None
        saved = _as_given(row.article, topics.get(row.topic_id or 0, "")) if row else dict.fromkeys(TYPED, "")
        kept = drafts.find(session, guard.user().id, newsletter.id, article_id) if typed is None else None
        version = row.article.updated_at.isoformat() if row else ""
        given = {"format": FORMATS[0], "address": request.form.get("address", "")} | {
            name: value for name, value in saved.items() if value
        }
        given = dict.fromkeys(TYPED, "") | given | dict(typed or {})
        restored = kept is not None and any(kept.fields.get(name, "") != given.get(name, "") for name in TYPED)
        if kept is not None and restored:
            given |= {name: str(value) for name, value in kept.fields.items() if name in TYPED}
            version = str(kept.fields.get("version") or version)
        return render_template(
            "admin/article-edit.html",
            article_id=article_id,
            row=row,
            given=given,
            saved=saved,
            topics=topics,
            version=version,
            wrong=wrong or {},
            restored_at=kept.at if kept is not None and restored else None,
        )


def _whole(draft: ArticleDraft | None, problem: str, image: object = None) -> str:
    allow("frame-ancestors", "'self'")
    allow("img-src", "https:", "http:")
    body = Markup(draft.body_html) if draft else ""  # noqa: S704 - sanitised by what read it
    return render_template("admin/article-whole.html", draft=draft, body=body, problem=problem, image=image)


def _fetched(address: str, zone: ZoneInfo) -> ArticleDraft:
    answer = fetching.fetch(address, allow=installation().settings.fetch_allow)
    return extract.from_url(answer, zone=zone)


def _written(zone: ZoneInfo) -> ArticleDraft:
    """The draft in the form: as what it says it is, else HTML, Markdown or plain text by what stands in it."""
    given = Given(**{name: request.form.get(name, "").strip() or None for name in SPOKEN})  # type: ignore[typeddict-item]
    body = request.form.get("body", "").replace("\r\n", "\n")
    written_as = request.form.get("format", "")
    if written_as == "html" or (written_as not in FORMATS and MARKUP.search(body)):
        return extract.from_html(body, zone=zone, **given)
    if written_as == "markdown" or (written_as not in FORMATS and MARKDOWN.search(body)):
        return extract.from_markdown(body, zone=zone, **given)
    return extract.from_text(body, zone=zone, **given)


def _changed(before: Article, zone: ZoneInfo) -> ArticleDraft:
    """The draft in the form, with what the form does not show. A text that nobody touched stays as it is."""
    draft = _written(zone)
    draft = replace(draft, published_at=draft.published_at or before.published_at)
    body = request.form.get("body", "").replace("\r\n", "\n").strip()
    if body in (before.body_html.strip(), before.body_markdown):
        draft = replace(draft, body_html=before.body_html, body_text=before.body_text, markdown=before.body_markdown)
    return draft


def _with_picture(draft: ArticleDraft) -> ArticleDraft:
    """The draft with the picture that was sent along, which is kept before the article is."""
    uploaded = _uploaded()
    if uploaded is None:
        return draft
    with installation().database.unit() as session:
        return replace(draft, image_url=uploads.take(session, uploaded, installation().links, now=guard.now()))


def _uploaded() -> imaging.Encoded | None:
    """The picture in the form, encoded anew. RefusedError for what is none."""
    file = request.files.get("picture")
    data = file.read(pictures.MAX_BYTES + 1) if file else b""
    if not data:
        return None
    if len(data) > pictures.MAX_BYTES:
        raise RefusedError(_("This file is too large: %(count)d MB at most.", count=pictures.MAX_BYTES // 1_000_000))
    return imaging.encode(data)


def _typed() -> dict[str, str]:
    return {name: request.form.get(name, "").replace("\r\n", "\n") for name in TYPED}


def _as_given(found: Article, topic: str) -> dict[str, str]:
    given = {name: getattr(found, name) or "" for name in SPOKEN if name != "topic"}
    source = found.body_markdown
    body = {"body": found.body_html, "format": "html"} if source is None else {"body": source, "format": "markdown"}
    return given | {"topic": topic} | body


def _version() -> datetime | None:
    """The version of the article that the form was made of."""
    try:
        return datetime.fromisoformat(request.form.get("version", ""))
    except ValueError:
        return None


def _article_id() -> int:
    asked = request.form.get("article_id", "")
    return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 16 else drafts.NEW


def _topic_id(session: Session, newsletter: Newsletter, draft: ArticleDraft) -> int | None:
    return ensure_topic(session, newsletter.id, draft.topic).id if draft.topic else None
