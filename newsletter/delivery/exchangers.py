"""Which mail exchangers serve a recipients' domain, so that a thousand domains at one provider share its limits.

Workers ask for the domains that they meet; a periodic job looks them up. Until then a domain stands for itself.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.delivery.models import Exchanger

REMEMBERED = 50_000
REFRESHED = timedelta(hours=1)
AT_ONCE = 500
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


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
        """Look up what was asked for since the last time, and leave for the periodic job what nobody knows."""
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
    if domains:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        rows = [{"domain": domain, "exchanger": None, "looked_up_at": NEVER} for domain in domains]
        session.execute(insert(Exchanger).values(rows).on_conflict_do_nothing())
