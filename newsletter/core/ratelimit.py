"""Counters that refuse callers: fixed windows, kept in the database so that every web process counts together."""

from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from sqlalchemy import String, delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.core.columns import Base
from newsletter.core.database import insert_into


class RateCounter(Base):
    __tablename__ = "rate_counters"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    window_ends_at: Mapped[datetime] = mapped_column(primary_key=True, index=True)
    hits: Mapped[int]


def hit(session: Session, key: str, *, limit: int, window: timedelta, now: datetime) -> bool:
    """Count one call under a key; True while the calls in the current window are at most `limit`."""
    key = key.replace("\0", "")[:200]  # what a caller typed may be part of it, and PostgreSQL keeps no NUL in a text
    seconds = int(window.total_seconds())
    ends = datetime.fromtimestamp((int(now.timestamp()) // seconds + 1) * seconds, now.tzinfo)
    statement = insert_into(session, RateCounter).values(key=key, window_ends_at=ends, hits=1)
    counted = session.scalar(
        statement.on_conflict_do_update(
            index_elements=[RateCounter.key, RateCounter.window_ends_at], set_={"hits": RateCounter.hits + 1}
        ).returning(RateCounter.hits)
    )
    return (counted or 1) <= limit


def forget_past(session: Session, now: datetime) -> None:
    """Drop the counters of windows that have ended."""
    session.execute(delete(RateCounter).where(RateCounter.window_ends_at < now))


def network_of(address: str) -> str:
    """The network a caller is counted and remembered by: /24 of IPv4, /64 of IPv6; empty for loopback and for what is
    no address.

    Loopback is the operator, a test, or a reverse proxy that was not named in NEWSLETTER_TRUSTED_PROXIES: counting all
    readers as one caller would lock them out together.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return ""
    if ip.is_loopback:
        return ""
    return str(ip_network(f"{ip}/{24 if ip.version == 4 else 64}", strict=False))
