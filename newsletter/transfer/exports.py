"""Readers as CSV rows, read in slices so that memory stays flat."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from newsletter.subscriptions import queries
from newsletter.subscriptions.models import SubscriptionStatus
from newsletter.transfer import chosen
from newsletter.transfer.chosen import COLUMNS

HEADER = ["email", "name", "language", "status", "ended_reason", "created_at", "confirmed_at", "ended_at", *COLUMNS]
SLICE = 1000
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def rows(session: Session, newsletter_id: int, *, status: SubscriptionStatus | None) -> Iterator[list[str]]:
    """The header, then one row a subscription, the newest first."""
    yield HEADER
    before: int | None = None
    while group := queries.search(session, newsletter_id, status=status, before=before, limit=SLICE):
        written = chosen.written(session, newsletter_id, [row.id for row in group])
        for row in group:
            moments = (row.created_at, row.confirmed_at, row.ended_at)
            cells = [row.email, row.name, row.language, row.status, row.ended_reason or ""]
            dates = [moment.isoformat() if moment else "" for moment in moments]
            yield [*map(safe, cells), *dates, *map(safe, written[row.id])]
        before = group[-1].id


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: what a stranger typed must not run on an editor's machine."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
