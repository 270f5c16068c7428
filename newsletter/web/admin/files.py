"""A file of readers on the desk: brought, its columns named, tried, imported."""

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.prose import clean_characters
from newsletter.transfer import files
from newsletter.transfer.chosen import COLUMNS
from newsletter.transfer.models import FileStatus, ReaderFile
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin, enter
from newsletter.web.context import installation

Page = str | Response | tuple[str, int]
BASE = "/newsletters/<slug>/subscribers/files"
MAX_PROOF = 2000
MAX_COLUMN = 60


@admin.get(BASE)
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def new_file(slug: str) -> str:
    return _new(slug)


def _too_large(slug: str) -> str:
    return _new(slug, str(files.TooLargeError()))


@admin.post(BASE)
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
@guard.too_large(_too_large)
def bring_file(slug: str) -> Page:
    sent = request.files.get("file")
    try:
        with installation().database.unit() as session:
            newsletter = enter(session, slug)
            data = sent.stream.read(files.LARGEST + 1) if sent else b""
            name = clean_characters((sent.filename if sent else "") or "").replace("/", " ").strip()
            file = files.bring(session, newsletter.id, name, data, actor=guard.user().email, now=guard.now())
    except NotFoundError:
        raise
    except RefusedError as error:
        return _new(slug, str(error)), 413 if isinstance(error, files.TooLargeError) else 422
    return redirect(url_for("admin.reader_file", slug=slug, file_id=file.id), 303)


@admin.get(f"{BASE}/<int:file_id>")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def reader_file(slug: str, file_id: int) -> str:
    return _page("admin/file.html", slug, file_id)


@admin.get(f"{BASE}/<int:file_id>/state")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def file_state(slug: str, file_id: int) -> str:
    """The part of the page that moves."""
    return _page("admin/file-state.html", slug, file_id)


@admin.post(f"{BASE}/<int:file_id>/try")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def try_file(slug: str, file_id: int) -> Page:
    try:
        with installation().database.unit() as session:
            file = files.by_id(session, enter(session, slug).id, file_id, lock=True)
            columns = [_column(place) for place in range(len(file.columns))]
            agreed = request.form.get("agreed") == "yes"
            files.try_out(
                session, file, columns, agreed=agreed, proof=request.form.get("proof", "").strip()[:MAX_PROOF]
            )
    except NotFoundError:
        raise
    except RefusedError as error:
        return _page("admin/file.html", slug, file_id, str(error)), 422
    return redirect(url_for("admin.reader_file", slug=slug, file_id=file_id), 303)


@admin.post(f"{BASE}/<int:file_id>/import")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def import_file(slug: str, file_id: int) -> Response:
    with installation().database.unit() as session:
        file = files.by_id(session, enter(session, slug).id, file_id, lock=True)
        files.begin(session, file, actor=guard.user().email, now=guard.now())
    return redirect(url_for("admin.reader_file", slug=slug, file_id=file_id), 303)


def _column(place: int) -> str:
    """What a column is: one of ours, nothing, or its own name as an attribute."""
    chosen = request.form.get(f"column-{place}", "")
    return clean_characters(chosen).strip().lower()[:MAX_COLUMN]


def _new(slug: str, wrong: str = "") -> str:
    with installation().database.reading() as session:
        enter(session, slug)
    return render_template("admin/file-new.html", wrong=wrong)


def _page(template: str, slug: str, file_id: int, wrong: str = "") -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        file = files.by_id(session, newsletter.id, file_id)
    rows = files.first_rows(file)
    return render_template(
        template,
        newsletter=newsletter,
        file=file,
        moving=file.status in files.MOVING,
        columns=_columns(file, rows) if file.status in (FileStatus.NEW, FileStatus.TRIED) else [],
        agreed=request.form.get("agreed", "yes" if file.agreed else "no") == "yes",
        proof=request.form.get("proof", file.proof),
        wrong=wrong,
    )


def _columns(file: ReaderFile, rows: list[list[str]]) -> list[tuple[str, str, list[tuple[str, str]], str]]:
    """Of each column: its name in the file, some of what stands in it, what it may be, and what it is taken for."""
    known = [("email", _("Address")), ("name", _("Name")), ("language", _("Language")), ("", _("leave out"))]
    known += [(name, name) for name in COLUMNS]
    made = []
    for place, title in enumerate(rows[0]):
        own = clean_characters(title).strip().lower().lstrip("\ufeff")[:MAX_COLUMN]
        options = known if own in dict(known) else [*known, (own, _("keep as “%(name)s”", name=own))]
        some = ", ".join(row[place].strip()[:40] for row in rows[1:] if place < len(row) and row[place].strip())
        chosen = request.form.get(f"column-{place}", file.columns[place])
        made.append((title.strip() or "–", some, options, chosen))
    return made
