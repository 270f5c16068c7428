"""Feeds: what is read, how it is doing, added, polled, paused, removed, in and out as a list.

Newsletters share them. Who is limited to some newsletters sees the feeds that these take, and changes for the others
nothing but the moment at which a feed is read.
"""

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
from newsletter.feeds.queries import Listed
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
FOR_ALL = ("pause", "resume")  # done to the feed itself, whoever takes it
NOTED = {"poll": "feed.polled", "pause": "feed.paused", "resume": "feed.resumed"}


@admin.get("/feeds")
@guard.requires(Permission.READ, shared=True)
def feeds() -> Page:
    return _page()


@admin.post("/feeds")
@guard.requires(Permission.EDIT_ARTICLES, shared=True)
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
@guard.requires(Permission.READ, shared=True)
def export_feeds() -> Response:
    """Every feed that the user sees, for other programs."""
    with installation().database.reading() as session:
        found = queries.listed(session, within=_seen(), limit=100_000)
    body = opml.write_opml(queries.outlines(found, None), title="Newsletter", now=guard.now())
    headers = {"Content-Disposition": 'attachment; filename="feeds.opml"'}
    return FlaskResponse(body, mimetype="text/x-opml", headers=headers)


@admin.post("/feeds/list")
@guard.requires(Permission.EDIT_ARTICLES, shared=True)
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
        row = _row(session, feed_id)
    return render_template(
        "admin/feed.html",
        row=row,
        told=health(row.feed, guard.now()),
        shapes=SHAPES,
        edits=_edits(row),
        not_theirs=None if _theirs_alone(row) else _not_theirs(),
    )


@admin.post("/feeds/<int:feed_id>")
@guard.requires(Permission.EDIT_ARTICLES)
def change_feed(feed_id: int) -> Page:
    """Read it now, pause or resume it, or take it away from the newsletter that the form names."""
    action = request.form.get("action", "")
    with installation().database.unit() as session:
        row = _row(session, feed_id)
        found = row.feed
        if action in FOR_ALL and not _theirs_alone(row):
            raise RefusedError(_not_theirs())
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
                said = _remove(session, row)
            case _other:
                raise NotFoundError(_("There is no such action."))
        if action in NOTED:
            _note(session, NOTED[action], found)
    flash(said)
    return redirect(url_for("admin.feeds") if action == "remove" else url_for("admin.feed", feed_id=feed_id), 303)


def _remove(session: Session, row: Listed) -> str:
    """Take the feed away from the newsletter that the form names; what has become of it."""
    newsletter = _editable(session, request.form.get("newsletter", ""))
    if any(taker.newsletter.id == newsletter.id for taker in row.takers):
        _note(session, "feed.removed", row.feed, newsletter=newsletter.slug)
    if adding.remove(session, row.feed, newsletter.id):
        return _("It is read no longer. Its articles stay.")
    return _("It is read for other newsletters still.")


def _page(problem: str = "") -> str:
    now = guard.now()
    with installation().database.reading() as session:
        rows = queries.page(session, before=paging.before(), limit=paging.PER_PAGE + 1, within=_seen())
        listing = paging.listing(rows, lambda row: row.feed.id)
        places = [
            (f"{item.slug}/{topic.slug}" if topic else item.slug, f"{item.name}: {topic.name}" if topic else item.name)
            for item in guard.theirs(session)
            if guard.rights().allow(Permission.EDIT_ARTICLES, item.id)
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


def _seen() -> frozenset[int] | None:
    """The newsletters whose feeds the user sees; None: all."""
    return guard.rights().where(Permission.READ)


def _row(session: Session, feed_id: int) -> Listed:
    """The feed as the user sees it."""
    within = _seen()
    (row,) = queries.with_takers(session, [queries.by_id(session, feed_id, within=within)], within=within)
    return row


def _edits(row: Listed) -> bool:
    """Whether the user may change something about the feed."""
    within = guard.rights().where(Permission.EDIT_ARTICLES)
    return within is None or any(taker.newsletter.id in within for taker in row.takers)


def _theirs_alone(row: Listed) -> bool:
    """Whether all newsletters that take the feed are the user's to change, and so what is done to it for all."""
    within = guard.rights().where(Permission.EDIT_ARTICLES)
    return within is None or (not row.others and all(taker.newsletter.id in within for taker in row.takers))


def _not_theirs() -> str:
    return _(
        "This feed also goes to newsletters that you may not change: ask an owner to pause it or have it read again. "
        "Removing it from yours leaves theirs alone."
    )


def _editable(session: Session, slug: str) -> Newsletter:
    """A newsletter that a form names; one that the user does not see does not exist."""
    newsletter = newsletters.by_slug(session, slug, within=_seen())
    guard.require(Permission.EDIT_ARTICLES, newsletter)
    return newsletter


def _destination(session: Session, into: str) -> tuple[Newsletter, int | None]:
    """The newsletter and the topic of `slug` or `slug/topic`."""
    slug, _slash, topic = into.partition("/")
    newsletter = _editable(session, slug)
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
