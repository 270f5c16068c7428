"""The rooms that the frame of the desk leads to, and the tabs of its settings."""

from collections.abc import Iterator
from dataclasses import dataclass

import flask
from flask import request, url_for

from newsletter.accounts.permissions import Permission
from newsletter.core.i18n import gettext as _
from newsletter.newsletters.models import Newsletter
from newsletter.web.admin import guard

Link = tuple[str, str, bool]
"""Label, address, and whether it is where one is."""

# The room that a view belongs to, by the file the view is in; a file that is not named is a room of its own.
ROOM_OF = {
    "bulk": "subscribers",
    "files": "subscribers",
    "profile": "subscribers",
    "audience": "issues",
    "compose": "issues",
    "deliveries": "issues",
    "pacing": "issues",
    "composing": "issues",
    "message": "issues",
    "preflight": "issues",
    "sending": "issues",
    "urgent": "issues",
    "variants": "issues",
    "runs": "issues",
    "segments": "subscribers",
    "writing": "articles",
}


@dataclass(frozen=True, slots=True)
class Tab:
    """A page of the settings. `file` holds its views; `of_newsletter`: there is one for each newsletter; `shared`:
    there is one for all, and it shows what is theirs to whoever may see any newsletter.
    """

    file: str
    label: str
    endpoint: str
    permission: Permission
    of_newsletter: bool = True
    shared: bool = False

    def address(self, current: Newsletter | None) -> str:
        if self.of_newsletter and current is not None:
            return url_for(self.endpoint, slug=current.slug)
        return url_for(self.endpoint)


def _tabs() -> tuple[Tab, ...]:
    """In the order in which they are shown: what is one newsletter's, then what all share."""
    return (
        Tab("settings", _("Newsletter"), "admin.settings", Permission.MANAGE_NEWSLETTERS),
        Tab("schedules", _("Rhythms"), "admin.schedules", Permission.MANAGE_NEWSLETTERS),
        Tab("rules", _("Contents"), "admin.rules", Permission.MANAGE_NEWSLETTERS),
        Tab("measuring", _("Measuring"), "admin.measuring", Permission.MANAGE_NEWSLETTERS),
        Tab("topics", _("Topics"), "admin.topics", Permission.MANAGE_NEWSLETTERS),
        Tab("look", _("Look"), "admin.look", Permission.MANAGE_NEWSLETTERS),
        Tab("form", _("Form"), "admin.form", Permission.MANAGE_NEWSLETTERS),
        Tab("domain", _("Sending domain"), "admin.domain", Permission.READ),
        Tab("feeds", _("Feeds"), "admin.feeds", Permission.READ, of_newsletter=False, shared=True),
        Tab("people", _("People"), "admin.people", Permission.MANAGE_USERS, of_newsletter=False),
        Tab("log", _("Log"), "admin.log", Permission.MANAGE_USERS, of_newsletter=False),
        Tab("relays", _("Relays"), "admin.relays", Permission.MANAGE_NEWSLETTERS, of_newsletter=False),
        Tab("incoming", _("Incoming mail"), "admin.incoming", Permission.MANAGE_NEWSLETTERS, of_newsletter=False),
    )


def rooms(current: Newsletter | None) -> Iterator[Link]:
    """What the frame leads to."""
    here = _here()
    yield _("Desk"), url_for("admin.desk"), here == "desk"
    if current is not None:
        yield _("Issues"), url_for("admin.issues", slug=current.slug), here == "issues"
        yield _("Articles"), url_for("admin.articles", slug=current.slug), here == "articles"
        yield _("Subscribers"), url_for("admin.subscribers", slug=current.slug), here == "subscribers"
    if current is not None and guard.may(Permission.READ, everywhere=True):
        yield _("Deliverability"), url_for("admin.deliverability_page"), here == "deliverability"
        yield _("Reports"), url_for("admin.reports", slug=current.slug), here == "reports"
    if first := next(_open_tabs(current), None):
        yield _("Settings"), first.address(current), any(tab.file == here for tab in _tabs())


def settings_tabs(current: Newsletter | None) -> list[Link]:
    """The tabs of the settings, on a page of theirs; empty elsewhere."""
    here = _here()
    if not any(tab.file == here for tab in _tabs()):
        return []
    return [(tab.label, tab.address(current), tab.file == here) for tab in _open_tabs(current)]


def _open_tabs(current: Newsletter | None) -> Iterator[Tab]:
    return (tab for tab in _tabs() if _opens(tab, current))


def _opens(tab: Tab, current: Newsletter | None) -> bool:
    if tab.shared:
        return guard.rights().somewhere_allow(tab.permission)
    if not tab.of_newsletter:
        return guard.may(tab.permission, everywhere=True)
    return current is not None and guard.may(tab.permission, current)


def _here() -> str:
    view = flask.current_app.view_functions.get(request.endpoint or "")
    file = view.__module__.rpartition(".")[2] if view else ""
    return ROOM_OF.get(file, file)
