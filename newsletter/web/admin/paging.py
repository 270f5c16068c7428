"""Keyset pages: each page is asked for by the id it comes after, so that page 1000 costs as much as page 1."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import request, url_for

from newsletter.core.ids import LARGEST_ID

Row = TypeVar("Row")
PER_PAGE = 30


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """Rows of one page, newest first, and where the neighbours are; an address is None where there is no neighbour."""

    rows: Sequence[Row]
    older: str | None
    newest: str | None


def before() -> int | None:
    """The id that the page asked for comes after; what is no id is the end, on which nothing follows."""
    asked = request.args.get("before", type=int)
    return asked if asked is None else max(0, min(asked, LARGEST_ID))


def listing(rows: Sequence[Row], key: Callable[[Row], int], **arguments: Any) -> Listing[Row]:
    """`rows` were asked for with `limit=PER_PAGE + 1`: one more than is shown tells whether there is an older page."""
    shown = rows[:PER_PAGE]
    endpoint = request.endpoint or ""
    older = url_for(endpoint, **arguments, before=key(shown[-1])) if len(rows) > PER_PAGE else None
    return Listing(shown, older, url_for(endpoint, **arguments) if before() else None)
