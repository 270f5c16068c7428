"""Which mail exchangers serve a recipients' domain, so that a thousand domains at one provider share its limits.

Workers ask for the domains that they meet; a periodic job looks them up. Until then a domain stands for itself.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from newsletter.core.database import Database, insert_into
from newsletter.delivery.models import Exchanger

REMEMBERED = 50_000
REFRESHED = timedelta(hours=1)
AT_ONCE = 500

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
KNOWN_FOR = timedelta(days=7)
UNKNOWN_FOR = timedelta(days=1)
PER_RUN = 100
THREADS = 10

Resolve = Callable[[str], str | None]


class Groups:
    """The domains that one process has met, and the exchangers they stand for."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._asked: set[str] = set()
        self._since: datetime | None = None

    def of(self, domain: str) -> str:
        found = self._known.get(domain)
        if found is None:
            self._asked.add(domain)
            return domain
        return found

    def sync(self, session: Session, *, now: datetime) -> None:
        """Read what was asked for since the last time, and leave for the periodic job what nobody knows."""
        if self._since is None or not timedelta(0) <= now - self._since < REFRESHED or len(self._known) > REMEMBERED:
            self._known, self._since = {}, now
        asked = sorted(self._asked)[:AT_ONCE]
        if not asked:
            return
        rows = session.execute(select(Exchanger.domain, Exchanger.exchanger).where(Exchanger.domain.in_(asked))).all()
        found = {row.domain: row.exchanger or row.domain for row in rows}
        request(session, [domain for domain in asked if domain not in found])
        self._known |= {domain: domain for domain in asked} | found
        self._asked.difference_update(asked)


def request(session: Session, domains: list[str]) -> None:
    """Ask for domains to be looked up."""
    _write(session, [(domain, None, NEVER) for domain in domains], anew=False)


def anything_due(database: Database, *, now: datetime) -> bool:
    """Whether `look_up_due` would ask for any domain."""
    with database.reading() as session:
        return bool(_due(session, now, most=1))


def look_up_due(database: Database, resolve: Resolve, *, now: datetime) -> int:
    """Look up what was asked for or is old, at most a hundred domains; how many were."""
    with database.reading() as session:
        due = _due(session, now, most=PER_RUN)
    if not due:
        return 0
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(zip(due, pool.map(resolve, due), strict=True))
    with database.unit() as session:
        _write(session, [(domain, exchanger, now) for domain, exchanger in found], anew=True)
    return len(due)


def _due(session: Session, now: datetime, *, most: int) -> Sequence[str]:
    """Domains that nobody has looked up yet, or not for long, those first."""
    is_old = or_(
        Exchanger.looked_up_at < now - KNOWN_FOR,
        and_(Exchanger.exchanger.is_(None), Exchanger.looked_up_at < now - UNKNOWN_FOR),
    )
    query = select(Exchanger.domain).where(is_old).order_by(Exchanger.looked_up_at, Exchanger.domain).limit(most)
    return session.scalars(query).all()


def _write(session: Session, rows: list[tuple[str, str | None, datetime]], *, anew: bool) -> None:
    if not rows:
        return
    statement = insert_into(session, Exchanger).values(
        [{"domain": domain, "exchanger": exchanger, "looked_up_at": at} for domain, exchanger, at in rows]
    )
    if anew:
        # An answer that did not come does not undo the last one.
        exchanger = func.coalesce(statement.excluded.exchanger, Exchanger.exchanger)
        values = {"exchanger": exchanger, "looked_up_at": statement.excluded.looked_up_at}
        session.execute(statement.on_conflict_do_update(index_elements=[Exchanger.domain], set_=values))
    else:
        session.execute(statement.on_conflict_do_nothing())
