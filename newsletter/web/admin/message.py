"""The message beside an issue: as a telephone or a desktop shows it, by day and by night, for everybody or one reader;
and its proofs by mail.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from flask import Response, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from newsletter.accounts.permissions import Permission
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import LOCALES, ngettext
from newsletter.core.i18n import gettext as _
from newsletter.core.templating import RenderedMail
from newsletter.issues import as_reader, editing, preview, queries, trying
from newsletter.issues.as_reader import AsReader
from newsletter.issues.models import Issue
from newsletter.newsletters.editions import Edition, edition_names
from newsletter.newsletters.models import Newsletter
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin, enter_by_id
from newsletter.web.context import installation
from newsletter.web.language import NAMES
from newsletter.web.security import as_mail

FORMS = ("phone", "wide", "text")
SCHEMES = ("system", "light", "dark")
VIEW = ("language", "form", "edition", "scheme", "as", "pool", "q", "before")  # what a page of the composer shows
NOTHING: Final = RenderedMail("", "", "", "")

_DARK: Final = re.compile(r"@media\s*\(\s*prefers-color-scheme\s*:\s*dark\s*\)")
_BOTH: Final = re.compile(r'((?:color-schemes?" content="|color-schemes?\s*:\s*))light dark')


@dataclass(frozen=True, slots=True)
class Asked:
    """What the pane is to show. `reader`: an address, empty for everybody."""

    language: str
    edition: Edition
    form: str
    scheme: str
    reader: str

    def arguments(self) -> dict[str, Any]:
        """For the frame's address."""
        given = {"language": self.language, "edition": self.edition, "scheme": self.scheme, "as": self.reader}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class Message:
    """What the pane shows: `mail` as it was asked for, None with the `reason`; `own`: as readers of everything get it
    in the newsletter's language; `reader`: the one it was looked at for.
    """

    mail: RenderedMail | None
    reason: str
    own: RenderedMail
    reader: AsReader | None
    size: int
    left_out: list[tuple[str, str]]
    languages: dict[str, str]
    editions: dict[Edition, str]


def shown(newsletter: Newsletter) -> Asked:
    """What the address asks for, in so far as it exists."""
    language, edition = request.args.get("language", ""), request.args.get("edition", "")
    form, scheme = request.args.get("form", ""), request.args.get("scheme", "")
    kept = Edition(edition) if edition in set(Edition) else Edition.FULL
    return Asked(
        language=language if language in LOCALES else newsletter.language,
        edition=kept,
        form="text" if kept is Edition.TEXT else form if form in FORMS else FORMS[0],
        scheme=scheme if scheme in SCHEMES else SCHEMES[0],
        reader=request.args.get("as", "").strip()[:320],
    )


def view_arguments() -> dict[str, Any]:
    """What the page was showing, kept over a change."""
    return {name: request.args[name][:320] for name in VIEW if request.args.get(name)}


def look(session: Session, newsletter: Newsletter, issue: Issue, asked: Asked) -> Message:
    """The message as it was asked for. What stands in its way is told, for its editor is about to mend it."""
    links = installation().links
    reader: AsReader | None = None
    mail: RenderedMail | None = None
    own, reason, left_out = NOTHING, "", list[tuple[str, str]]()
    try:
        own = preview.preview(session, issue, language=newsletter.language, links=links)
        if asked.reader:
            reader = as_reader.as_reader(session, issue, asked.reader, links, now=guard.now())
            mail, reason = reader.mail, reader.nothing
            left_out = as_reader.left_out_in_words(session, reader)
        elif asked.language == newsletter.language and asked.edition is Edition.FULL:
            mail = own
        else:
            mail = preview.preview(session, issue, language=asked.language, edition=asked.edition, links=links)
    except RefusedError as error:
        reason = str(error)
    size = len(mail.html.encode()) + len(mail.text.encode()) if mail else 0
    return Message(mail, reason, own, reader, size, left_out, dict(NAMES), edition_names())


@admin.get("/issues/<int:issue_id>/preview")
@guard.requires(Permission.READ)
def preview_issue(issue_id: int) -> Response:
    """The mail itself, for the frame in the composer."""
    with installation().database.reading() as session:
        issue = queries.by_id(session, issue_id)
        newsletter = enter_by_id(session, issue.newsletter_id)
        asked = shown(newsletter)
        links = installation().links
        if asked.reader and issue.status in editing.OPEN:
            found = as_reader.as_reader(session, issue, asked.reader, links, now=guard.now())
            if found.mail is None:
                raise NotFoundError(found.nothing)
            mail = found.mail
        else:
            mail = preview.preview(session, issue, language=asked.language, edition=asked.edition, links=links)
    return as_mail(in_scheme(mail.html, asked.scheme), readable=True)


@admin.get("/issues/<int:issue_id>/test")
@guard.requires(Permission.COMPOSE)
def ask_for_test(issue_id: int) -> str:
    return _test_page(issue_id)


@admin.post("/issues/<int:issue_id>/test")
@guard.requires(Permission.COMPOSE)
def send_test(issue_id: int) -> AnyResponse | tuple[str, int]:
    """A proof to oneself or to those who are named."""
    try:
        addresses = trying.read_addresses(request.form.get("addresses", "")[:2000])
        with installation().database.unit() as session:
            issue = queries.by_id(session, issue_id)
            asked = shown(enter_by_id(session, issue.newsletter_id))
            trying.send_test(
                session,
                issue,
                addresses,
                by=guard.user(),
                language=asked.language,
                edition=asked.edition,
                now=guard.now(),
            )
    except NotFoundError:
        raise
    except RefusedError as error:
        return _test_page(issue_id, request.form.get("addresses", ""), str(error)), 422
    flash(ngettext("A proof is on its way.", "%(num)s proofs are on their way.", len(addresses)))
    return redirect(url_for("admin.issue", issue_id=issue_id, **view_arguments()), 303)


def in_scheme(html: str, scheme: str) -> str:
    """The mail as it looks by day or by night, whatever the system of the one who looks prefers."""
    if scheme == "system":
        return html
    html = _DARK.sub("@media all" if scheme == "dark" else "@media not all", html)
    return _BOTH.sub(rf"\g<1>{scheme}", html)


def _test_page(issue_id: int, typed: str | None = None, problem: str = "") -> str:
    with installation().database.reading() as session:
        issue = queries.by_id(session, issue_id)
        newsletter = enter_by_id(session, issue.newsletter_id)
        return render_template(
            "admin/issue-test.html",
            issue=issue,
            asked=shown(newsletter),
            addresses=guard.user().email if typed is None else typed,
            problem=problem,
            title=_("Send a proof"),
        )
