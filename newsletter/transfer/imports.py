"""Readers from a CSV file: each row by itself, so that a bad one is reported and the others come in."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from sqlalchemy.orm import Session

from newsletter.core.addresses import parse_address
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.core.tokens import Signer
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import consent, records, signup, staff
from newsletter.subscriptions.models import ConsentKind, SubscriptionStatus
from newsletter.suppression import ledger as suppression
from newsletter.transfer.chosen import COLUMNS, NOTHING_CHOSEN, Chosen, Deciding, read_chosen

ROWS_AT_ONCE = 500  # rows in one transaction
ERRORS_KEPT = 200
MAX_ATTRIBUTE = 1000
# Nobody typed these, and PostgreSQL keeps no NUL in a text. In an address they are refused instead.
CONTROLS = dict.fromkeys(code for code in (*range(32), 127) if not chr(code).isspace())


@dataclass(slots=True)
class Report:
    """What became of the rows. `errors` has the first of the bad ones, each with its line and the reason in words."""

    added: int = 0
    known: int = 0
    blocked: int = 0
    bad: int = 0
    errors: list[dict[str, object]] = field(default_factory=list)

    def refuse(self, line: int, reason: str) -> None:
        self.bad += 1
        if len(self.errors) < ERRORS_KEPT:
            self.errors.append({"line": line, "reason": reason})


@dataclass(frozen=True, slots=True)
class Row:
    line: int
    email: str
    name: str
    language: str
    attributes: dict[str, str]
    chosen: Chosen = NOTHING_CHOSEN


def read_rows(stream: BinaryIO, report: Report) -> Iterator[list[Row]]:
    """Read a CSV file in groups of rows, whatever its size; comma, semicolon or tab, UTF-8 or Windows-1252.

    RefusedError when there is no header with `email`, or the file is no text.
    """
    encoding = _encoding(stream)
    text = io.TextIOWrapper(stream, encoding=encoding, newline="")
    try:
        first = text.readline()
    except UnicodeDecodeError:
        first = "\0"
    if "\0" in first:
        raise RefusedError(_("This file is not a CSV file."))
    delimiter = max(",;\t", key=first.count)
    header = [name.strip().lower().lstrip("\ufeff") for name in next(csv.reader([first], delimiter=delimiter), [])]
    if "email" not in header:
        raise RefusedError(_("The first line must name the columns, and one of them must be “email”."))
    group: list[Row] = []
    reader = csv.reader(text, delimiter=delimiter)
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            values = dict(zip(header, (cell.strip() for cell in cells), strict=False))
            group.append(_row(reader.line_num + 1, values))
            if len(group) == ROWS_AT_ONCE:
                yield group
                group = []
    except (csv.Error, UnicodeDecodeError) as error:
        report.refuse(reader.line_num + 1, _("the file cannot be read from here on (%(reason)s)", reason=error))
    if group:
        yield group
    text.detach()


def import_rows(
    session: Session,
    signer: Signer,
    newsletter: Newsletter,
    rows: list[Row],
    report: Report,
    *,
    status: SubscriptionStatus,
    proof: str,
    actor: str,
    now: datetime,
) -> None:
    """Bring one group of rows in. Who has left or is suppressed stays out: a list from elsewhere revives nobody. What
    the rows say was chosen is for those who are new; who reads already has chosen.
    """
    deciding = Deciding(session, newsletter, [row.chosen for row in rows])
    for row in rows:
        if row.chosen in deciding.refused:
            report.refuse(row.line, f"{row.email[:80]}: {deciding.refused[row.chosen]}")
            continue
        try:
            address = parse_address(row.email)
        except RefusedError as error:
            report.refuse(row.line, f"{row.email[:80]}: {error}")
            continue
        if suppression.find(session, address.key) is not None:
            report.blocked += 1
            continue
        language = row.language if row.language in LOCALES else newsletter.language
        subscriber = records.subscriber_for(session, address, language=language, name=row.name, now=now)
        if row.attributes:
            subscriber.attributes = {**subscriber.attributes, **row.attributes}
        subscription, created = records.find_or_add_subscription(session, subscriber.id, newsletter.id, now=now)
        if subscription.status is SubscriptionStatus.ENDED:
            report.blocked += 1
            continue
        if subscription.status is not SubscriptionStatus.PENDING or (
            not created and status is SubscriptionStatus.PENDING
        ):
            report.known += 1
            continue
        deciding.decide(subscription, row.chosen)
        if status is SubscriptionStatus.ACTIVE:
            staff.activate(session, subscription, kind=ConsentKind.IMPORTED, wording=proof, actor=actor, now=now)
        else:
            consent.record(
                session, subscription, ConsentKind.REQUESTED, now=now, wording=proof, form="import", actor=actor
            )
            signup.queue_confirmation(
                session, signer, subscriber, subscription, wording=proof, language=language, now=now
            )
        report.added += 1


def _row(line: int, values: dict[str, str]) -> Row:
    known = ("email", "name", "language", *COLUMNS)
    return Row(
        line=line,
        email=values.get("email", ""),
        name=" ".join(values.get("name", "").translate(CONTROLS).split())[:200],
        language=values.get("language", "").lower()[:2],
        attributes={
            name.translate(CONTROLS)[:60]: value.translate(CONTROLS)[:MAX_ATTRIBUTE]
            for name, value in values.items()
            if name and name not in known and value
        },
        chosen=read_chosen(values),
    )


def _encoding(stream: BinaryIO) -> str:
    """UTF-8 unless the beginning of the file is not; spreadsheets on Windows write their own code page."""
    head = stream.read(1 << 20)
    stream.seek(0)
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return "utf-8-sig" if error.start > len(head) - 4 else "cp1252"
    return "utf-8-sig"
