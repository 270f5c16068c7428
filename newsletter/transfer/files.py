"""A CSV file that staff bring on the desk: its columns are named, it is tried, and then it is imported, by a worker.

The file is kept while that goes on, so that what was tried is what is imported. A trial is the import itself with each
group rolled back. Rows are read anew from the beginning after a worker was killed, and those dealt with are passed.
"""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.accounts.models import User
from newsletter.core import jobs
from newsletter.core.database import Database
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import use_locale
from newsletter.core.tokens import Signer
from newsletter.newsletters import queries as newsletters
from newsletter.subscriptions.models import SubscriptionStatus
from newsletter.transfer import imports
from newsletter.transfer.imports import Report
from newsletter.transfer.models import FileStatus, ReaderFile

LARGEST = 2_000_000  # octets; the command takes what is larger
KEPT = timedelta(days=7)
QUIET = timedelta(seconds=30)
MOVING = (FileStatus.TRYING, FileStatus.RUNNING)
USUAL = {
    "email": ("e-mail", "mail", "courriel", "adresse", "adresse e-mail", "adresse email", "email address", "address"),
    "name": ("nom", "nom complet", "full name", "prénom", "first name"),
    "language": ("langue", "lang", "locale"),
}
MAX_COLUMNS = 200


class TooLargeError(RefusedError):
    """A file is larger than LARGEST."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "This file is larger than 2 MB, the most that this page takes. Import it with the command below, which"
                " takes any size, or divide it into several files."
            )
        )


def bring(session: Session, newsletter_id: int, name: str, data: bytes, *, actor: str, now: datetime) -> ReaderFile:
    """Keep a file. RefusedError for what is none, or has no first line that names columns."""
    if not data.strip():
        raise RefusedError(_("Choose a file."))
    if len(data) > LARGEST:
        raise TooLargeError
    header = list(_cells(data, 1))
    if not header or len(header[0]) > MAX_COLUMNS:
        raise RefusedError(_("This file is not a CSV file."))
    guessed: list[str] = []
    for cell in header[0]:
        title = cell.strip().lower().lstrip("\ufeff")[:60]
        guess = _guess(title)
        guessed.append(title if guess in guessed else guess)
    made = ReaderFile(
        newsletter_id=newsletter_id,
        name=name[:200],
        data=data,
        columns=guessed,
        agreed=False,
        proof="",
        status=FileStatus.NEW,
        errors=[],
        created_by=actor,
        created_at=now,
    )
    session.add(made)
    session.flush()
    return made


def _guess(title: str) -> str:
    """What a column is, by what spreadsheets and other services call it; its own name otherwise."""
    return next((name for name, titles in USUAL.items() if title in titles), title)


def first_rows(file: ReaderFile, count: int = 4) -> list[list[str]]:
    """The line that names the columns, and some rows to look at."""
    return list(_cells(file.data, count))


def try_out(session: Session, file: ReaderFile, columns: list[str], *, agreed: bool, proof: str) -> None:
    """Take the names of the columns and have the file tried. RefusedError unless one of them is the address, once."""
    if file.status not in (FileStatus.NEW, FileStatus.TRIED):
        raise RefusedError(_("This file has been imported already."))
    if columns.count("email") != 1 or len(columns) != len(file.columns):
        raise RefusedError(_("Say which column has the address: one of them."))
    named = [name for name in columns if name]
    if len(set(named)) != len(named):
        raise RefusedError(_("Two columns have the same name."))
    if agreed and not proof.strip():
        raise RefusedError(_("Say where and when these people agreed: it is the proof of consent."))
    file.columns, file.agreed, file.proof = columns, agreed, proof
    _start(session, file, FileStatus.TRYING)


def begin(session: Session, file: ReaderFile, *, actor: str, now: datetime) -> None:
    """Import what was tried. Twice is the same as once."""
    if file.status is not FileStatus.TRIED:
        return
    expected = {"added": file.added, "bad": file.bad}
    _start(session, file, FileStatus.RUNNING)
    audit.record(
        session,
        actor=actor,
        action="subscribers.imported",
        subject="reader_file",
        subject_id=file.id,
        now=now,
        file=file.name,
        agreed=file.agreed,
        proof=file.proof,
        expected=expected,
    )


def _start(session: Session, file: ReaderFile, status: FileStatus) -> None:
    file.status = status
    file.position = file.added = file.known = file.blocked = file.bad = 0
    file.errors = []
    jobs.wake(session, jobs.READ_FILE, file.id)


def run(database: Database, signer: Signer, file_id: int, clock: Callable[[], datetime]) -> None:
    """Try or import a file, group by group."""
    with database.reading() as session:
        file = session.get(ReaderFile, file_id)
        if file is None or file.status not in MOVING:
            return
        data, columns, begun = _renamed(file), file.columns, file.position
        status = file.status
        language = _language(session, file)
    with use_locale(language):
        _read(database, signer, file_id, status, data, columns, begun, clock)


def _language(session: Session, file: ReaderFile) -> str:
    """That of whoever brought it, for the reasons why rows are refused; the newsletter's when they are gone."""
    spoken = session.scalar(select(User.language).where(User.email == file.created_by))
    return spoken or newsletters.by_id(session, file.newsletter_id).language


def _read(
    database: Database,
    signer: Signer,
    file_id: int,
    status: FileStatus,
    data: bytes,
    columns: list[str],
    begun: int,
    clock: Callable[[], datetime],
) -> None:
    report = Report()
    place = 0
    for rows in imports.read_rows(io.BytesIO(data), report):
        place += len(rows)
        if place <= begun:
            _clear(report)
            continue
        if not _group(database, signer, file_id, status, rows, place, report, clock()):
            return
        _clear(report)
    with database.unit() as session:
        file = session.get_one(ReaderFile, file_id, with_for_update=True)
        if file.status is status and file.columns == columns:
            _add(file, report)
            file.status = FileStatus.TRIED if status is FileStatus.TRYING else FileStatus.DONE
            file.finished_at = clock()


def _group(
    database: Database,
    signer: Signer,
    file_id: int,
    status: FileStatus,
    rows: list[imports.Row],
    place: int,
    report: Report,
    now: datetime,
) -> bool:
    """One group in a unit of its own; False when somebody else is further."""
    with database.unit() as session:
        file = session.get_one(ReaderFile, file_id, with_for_update=True)
        if file.status is not status or file.position != place - len(rows):
            return False
        newsletter = newsletters.by_id(session, file.newsletter_id)
        trial = session.begin_nested()
        imports.import_rows(
            session,
            signer,
            newsletter,
            rows,
            report,
            status=SubscriptionStatus.ACTIVE if file.agreed else SubscriptionStatus.PENDING,
            proof=file.proof or _("import of %(file)s", file=file.name),
            actor=file.created_by,
            now=now,
        )
        session.flush()
        if status is FileStatus.TRYING:
            trial.rollback()
            jobs.collected(session)
            file = session.get_one(ReaderFile, file_id, populate_existing=True)
        else:
            trial.commit()
        _add(file, report)
        file.position = place
        file.moved_at = now
    return True


def _clear(report: Report) -> None:
    report.added = report.known = report.blocked = report.bad = 0
    report.errors = []


def _add(file: ReaderFile, report: Report) -> None:
    file.added += report.added
    file.known += report.known
    file.blocked += report.blocked
    file.bad += report.bad
    file.errors = [*file.errors, *report.errors][: imports.ERRORS_KEPT]


def _renamed(file: ReaderFile) -> bytes:
    """The file with the names that its columns were given; a column without one is left out by a name of no use."""
    lines = list(_cells(file.data, None))
    kept = [at for at, name in enumerate(file.columns) if name]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([file.columns[at] for at in kept])
    for cells in lines[1:]:
        # A row that is empty stays one, so that the numbers of the lines are those of the file.
        writer.writerow([cells[at] if at < len(cells) else "" for at in kept] if any(cells) else [])
    return out.getvalue().encode()


def _cells(data: bytes, count: int | None) -> Iterator[list[str]]:
    text = io.StringIO(_decoded(data), newline="")
    first = text.readline()
    text.seek(0)
    reader = csv.reader(text, delimiter=max(",;\t", key=first.count))
    try:
        for number, cells in enumerate(reader):
            if count is not None and number >= count:
                return
            yield cells
    except csv.Error:
        raise RefusedError(_("This file is not a CSV file.")) from None


def _decoded(data: bytes) -> str:
    if b"\0" in data:
        raise RefusedError(_("This file is not a CSV file."))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def waiting(session: Session, *, now: datetime) -> list[int]:
    """Files that nobody seems to work at."""
    moved = func.coalesce(ReaderFile.moved_at, ReaderFile.created_at)
    return list(session.scalars(select(ReaderFile.id).where(ReaderFile.status.in_(MOVING), moved < now - QUIET)))


def forget(session: Session, *, now: datetime) -> None:
    """Files hold addresses: a week after they came they go."""
    session.execute(delete(ReaderFile).where(ReaderFile.created_at < now - KEPT, ReaderFile.status.not_in(MOVING)))


def by_id(session: Session, newsletter_id: int, file_id: int, *, lock: bool = False) -> ReaderFile:
    """A file of a newsletter; NotFoundError when it is another's, or gone."""
    file = session.get(ReaderFile, file_id, with_for_update=lock)
    if file is None or file.newsletter_id != newsletter_id:
        raise NotFoundError(_("This file is gone. Bring it again."))
    return file
