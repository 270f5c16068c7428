"""Tables as files that every spreadsheet opens."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from flask import Response, stream_with_context

from newsletter.transfer.exports import safe

AT_ONCE = 16_000  # characters that are sent together


def sheet(name: str, rows: Iterable[Sequence[object]]) -> Response:
    """Rows as `name`.csv, in UTF-8 with its mark, written while they are read: a million of them take no memory."""
    answer = Response(stream_with_context(_written(rows)), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _written(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield "\ufeff"  # without it, spreadsheets take UTF-8 for something else
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in rows:
        writer.writerow([safe(cell) if isinstance(cell, str) else cell for cell in row])
        if buffer.tell() > AT_ONCE:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
