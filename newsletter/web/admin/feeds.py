"""Feeds: what is read, how it is doing, added, polled, paused, removed, in and out as a list."""

from typing import Any

from flask import Response as FlaskResponse
from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts import audit
from newsletter.accounts.permissions import Permission
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.feeds import adding, discover, opml, queries
from newsletter.feeds.adding import Added
from newsletter.feeds.apart import Apart
from newsletter.feeds.health import State, health
from newsletter.feeds.models import Feed
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import topics
from newsletter.newsletters.models import Newsletter
from newsletter.web.admin import guard, paging
from newsletter.web.admin.room import admin
from newsletter.web.context import installation

Page = str | Response | tuple[str, int]

SHAPES = {
    State.OK: "ok",
    State.SLOW: "warn",
    State.FAILING: "bad",
    State.GONE: "ended",
    State.PAUSED: "paused",
}
MOST_REASONS = 5
NOTED = {"poll": "feed.polled", "pause": "feed.paused", "resume": "feed.resumed", "remove": "feed.removed"}


@admin.get("/feeds")
@guard.requires(Permission.READ)
def feeds() -> Page:
    return _page()


@admin.post("/feeds")
@guard.requires(Permission.EDIT_ARTICLES)
def add_feed() -> Page:
    """Take the feed of the site at `url` into the newsletter, or the topic of one, that `into` names."""
    url, into = request.form.get("url", "").strip(), request.form.get("into", "")
    try:
        with installation().database.reading() as session:
            newsletter, topic_id = _destination(session, into)
        # The network comes first: no transaction waits for somebody else's server.
        fetch = discover.fetcher(installation().settings.fetch_allow)
        with Apart() as parse:
            found = discover.find_feed(url, fetch, guard.now(), parse=parse)
        with installation().database.unit() as session:
            added = adding.add(session, found, newsletter_id=newsletter.id, topic_id=topic_id, now=guard.now())
            _note(session, "feed.added", added.feed, newsletter=newsletter.slug)
    except RefusedError as error:
        return _page(str(error)), 422
    flash(_in_words(added))
    return redirect(url_for("admin.feed", feed_id=added.feed.id), 303)


@admin.get("/feeds/list.opml")
@guard.requires(Permission.READ)
def export_feeds() -> Response:
    """Every feed, for other programs."""
    with installation().database.reading() as session:
        found = queries.listed(session, limit=100_000)
    body = opml.write_opml(queries.outlines(found, None), title="Newsletter", now=guard.now())
    headers = {"Content-Disposition": 'attachment; filename="feeds.opml"'}
    return FlaskResponse(body, mimetype="text/x-opml", headers=headers)


@admin.post("/feeds/list")
@guard.requires(Permission.EDIT_ARTICLES)
def import_feeds() -> Page:
    """Take the feeds of a file; workers read them in a moment. One that cannot be taken leaves the others."""
    file = request.files.get("file")
    reasons: list[str] = []
    try:
        outlines = opml.read_opml(file.read() if file else b"")
        with installation().database.unit() as session:
            newsletter, topic_id = _destination(session, request.form.get("into", ""))
            named = queries.topics_by_name(session, newsletter.id)
            for outline in outlines:
                topic = named.get(queries.folded(outline.folder))
                try:
                    feed, _joined = adding.note(
                        session,
                        outline.url,
                        title=outline.title,
                        newsletter_id=newsletter.id,
                        topic_id=topic.id if topic else topic_id,
                        now=guard.now(),
                    )
                    _note(session, "feed.added", feed, newsletter=newsletter.slug)
                except RefusedError as error:
                    reasons.append(f"{outline.title or outline.url[:100]}: {error}")
    except RefusedError as error:
        return _page(str(error)), 422
    taken = len(outlines) - len(reasons)
    flash(ngettext("%(num)s feed is read in a moment.", "%(num)s feeds are read in a moment.", taken))
    for reason in reasons[:MOST_REASONS]:
        flash(reason)
    return redirect(url_for("admin.feeds"), 303)


@admin.get("/feeds/<int:feed_id>")
@guard.requires(Permission.READ)
def feed(feed_id: int) -> Page:
    with installation().database.reading() as session:
        (row,) = queries.with_takers(session, [queries.by_id(session, feed_id)])
    return render_template("admin/feed.html", row=row, told=health(row.feed, guard.now()), shapes=SHAPES)


@admin.post("/feeds/<int:feed_id>")
@guard.requires(Permission.EDIT_ARTICLES)
def change_feed(feed_id: int) -> Page:
    """Read it now, pause or resume it, or take it away from the newsletter that the form names."""
    action = request.form.get("action", "")
    with installation().database.unit() as session:
        found = queries.by_id(session, feed_id)
        match action:
            case "poll":
                adding.ask(session, [found.id], now=guard.now())
                said = _("It is read in a moment.")
            case "pause":
                adding.pause(session, found, now=guard.now())
                said = _("Paused. Digests go on with the other feeds.")
            case "resume":
                adding.resume(session, found, now=guard.now())
                said = _("It is read in a moment.")
            case "remove":
                newsletter = newsletters.by_slug(session, request.form.get("newsletter", ""))
                gone = adding.remove(session, found, newsletter.id)
                said = (
                    _("It is read no longer. Its articles stay.")
                    if gone
                    else _("It is read for other newsletters still.")
                )
            case _other:
                raise NotFoundError(_("There is no such action."))
        _note(session, NOTED[action], found)
    flash(said)
    return redirect(url_for("admin.feeds") if action == "remove" else url_for("admin.feed", feed_id=feed_id), 303)


def _page(problem: str = "") -> str:
    now = guard.now()
    with installation().database.reading() as session:
        rows = queries.page(session, before=paging.before(), limit=paging.PER_PAGE + 1)
        listing = paging.listing(rows, lambda row: row.feed.id)
        places = [
            (f"{item.slug}/{topic.slug}" if topic else item.slug, f"{item.name}: {topic.name}" if topic else item.name)
            for item in newsletters.all_newsletters(session)
            for topic in (None, *newsletters.topics(session, item.id))
        ]
    return render_template(
        "admin/feeds.html",
        listing=listing,
        told={row.feed.id: health(row.feed, now) for row in listing.rows},
        shapes=SHAPES,
        places=places,
        given={name: request.form.get(name, "") for name in ("url", "into")},
        problem_text=problem,
    )


def _destination(session: Session, into: str) -> tuple[Newsletter, int | None]:
    """The newsletter and the topic of `slug` or `slug/topic`."""
    slug, _slash, topic = into.partition("/")
    newsletter = newsletters.by_slug(session, slug)
    return newsletter, topics.by_slug(session, newsletter, topic).id if topic else None


def _in_words(added: Added) -> str:
    if not added.joined:
        return _("This newsletter takes it already.")
    return ngettext("%(num)s article came in.", "%(num)s articles came in.", len(added.taken.added))


def _note(session: Session, action: str, feed: Feed, **details: Any) -> None:
    user = guard.user()
    audit.record(
        session,
        actor=user.email,
        user_id=user.id,
        action=action,
        subject="feed",
        subject_id=feed.id,
        now=guard.now(),
        url=feed.url,
        **details,
    )
