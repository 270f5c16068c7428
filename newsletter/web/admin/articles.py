"""Articles of a newsletter: the list, the page of one, its place in digests, and taking it back."""

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.articles import editing, pictures, placing, queries
from newsletter.articles.models import Picture, Placement
from newsletter.articles.placing import Placing
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.urls import MEDIA_TYPES
from newsletter.issues import queries as issues
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.web.admin import guard, paging
from newsletter.web.admin.formats import zone
from newsletter.web.admin.room import admin, enter
from newsletter.web.context import installation
from newsletter.web.security import allow

Page = str | Response | tuple[str, int]


@admin.get("/newsletters/<slug>/articles")
@guard.requires(Permission.READ)
def articles(slug: str) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        rows = queries.page(session, newsletter.id, before=paging.before(), limit=paging.PER_PAGE + 1)
        listing = paging.listing(rows, lambda row: row.article.id, slug=slug)
        topics = topic_names(session, newsletter)
        carried = issues.issue_numbers(session, newsletter.id, [row.article.id for row in listing.rows])
    return render_template("admin/articles.html", listing=listing, topics=topics, carried=carried)


@admin.get("/newsletters/<slug>/articles/<int:article_id>")
@guard.requires(Permission.READ)
def article(slug: str, article_id: int) -> Page:
    return _article_page(slug, article_id)


@admin.post("/newsletters/<slug>/articles/<int:article_id>/withdraw")
@guard.requires(Permission.EDIT_ARTICLES)
def withdraw_article(slug: str, article_id: int) -> Page:
    with installation().database.unit() as session:
        newsletter = enter(session, slug)
        editing.withdraw(
            session, article_id, newsletter.id, actor=guard.user().email, user_id=guard.user().id, now=guard.now()
        )
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


def _article_page(slug: str, article_id: int, misplaced: str | None = None) -> Page:
    allow("img-src", "https:", "http:")  # pictures of an article stay where they were published
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        row = queries.placed(session, article_id, newsletter.id)
        topics = topic_names(session, newsletter)
        carried = issues.issue_numbers(session, newsletter.id, [article_id]).get(article_id)
        picture = pictures.of_article(session, row.article)
        also_in = queries.also_in(session, [article_id]).get(article_id, [])
        elsewhere = queries.placed_among(session, newsletter.id, [other.id for other in also_in])
    if guard.rights().everywhere is None:  # what other newsletters hold is not theirs to read
        also_in = [other for other in also_in if other.id in elsewhere]
    page = render_template(
        "admin/article.html",
        row=row,
        topics=topics,
        carried=carried,
        picture=picture,
        picture_url=address_of(picture),
        also_in=also_in,
        elsewhere=elsewhere,
        placing=_placing_given(row.placement) | ({"reserve": ""} | request.form.to_dict() if misplaced else {}),
        misplaced=misplaced,
        body=Markup(row.article.body_html),  # noqa: S704 - sanitised before it was stored
    )
    return (page, 422) if misplaced else page


def address_of(picture: Picture | None) -> str | None:
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


def topic_names(session: Session, newsletter: Newsletter) -> dict[int, str]:
    return {topic.id: topic.name for topic in newsletters.topics(session, newsletter.id)}
