"""Readers as CSV rows, read in slices so that memory stays flat."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from newsletter.subscriptions import search
from newsletter.subscriptions.models import SubscriptionStatus
from newsletter.subscriptions.search import Find
from newsletter.transfer import chosen
from newsletter.transfer.chosen import COLUMNS

HEADER = ["email", "name", "language", "status", "ended_reason", "created_at", "confirmed_at", "ended_at", *COLUMNS]
SLICE = 1000
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def rows(session: Session, newsletter_id: int, *, status: SubscriptionStatus | None) -> Iterator[list[str]]:
    """The header, then one row a subscription, the newest first."""
    return found(session, Find(newsletter_id, status=status))


def found(session: Session, find: Find) -> Iterator[list[str]]:
    """The header, then one row for each subscription that a search finds, in its order."""
    yield HEADER
    after: str | None = None
    while True:
        group = search.page(session, find, after=after, limit=SLICE)
        written = chosen.written(session, find.newsletter_id, [row.id for row in group.rows])
        for row in group.rows:
            moments = (row.created_at, row.confirmed_at, row.ended_at)
            cells = [row.email, row.name, row.language, row.status, row.ended_reason or ""]
            dates = [moment.isoformat() if moment else "" for moment in moments]
            yield [*map(safe, cells), *dates, *map(safe, written[row.id])]
        after = group.after
        if after is None:
            return


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: what a stranger typed must not run on an editor's machine."""
    return f"'{cell}" if cell.lstrip(" ").startswith(FORMULA) else cell
