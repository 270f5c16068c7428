"""What recipients' domains say day by day, what is made of that, and how far a relay has warmed up."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, words
from newsletter.delivery.reputation import Fault, Verdict


class DomainDay(Base):
    """A recipients' domain over one relay on one day (UTC). Only grows.

    `sent` to `sender` count attempts, as in `DomainTally`. `hard_later` to `sender_later` are bounces that came back
    for messages among `sent`, and `complained` readers who called one spam, on the day of the report; `relay_id` 0: not
    known which. `waited` messages took `wait_ms` together from the moment when their batch might leave to their
    acceptance, `under_1m` to `longer` of them so long. Domain "": the small ones of a past day, added up.
    """

    __tablename__ = "domain_days"
    __table_args__ = (
        Index("ix_domain_days_domain_day", "domain", "day"),
        # Its rows change with every flush: room beside them keeps them on their page.
        {"postgresql_with": {"fillfactor": 60}},
    )

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    domain: Mapped[str] = mapped_column(String(255), primary_key=True)
    relay_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    sent: Mapped[int] = mapped_column(default=0)
    deferred: Mapped[int] = mapped_column(default=0)
    hard: Mapped[int] = mapped_column(default=0)
    soft: Mapped[int] = mapped_column(default=0)
    content: Mapped[int] = mapped_column(default=0)
    sender: Mapped[int] = mapped_column(default=0)
    complained: Mapped[int] = mapped_column(default=0)
    hard_later: Mapped[int] = mapped_column(default=0)
    soft_later: Mapped[int] = mapped_column(default=0)
    content_later: Mapped[int] = mapped_column(default=0)
    sender_later: Mapped[int] = mapped_column(default=0)
    wait_ms: Mapped[int] = mapped_column(default=0)
    waited: Mapped[int] = mapped_column(default=0)
    under_1m: Mapped[int] = mapped_column(default=0)
    under_5m: Mapped[int] = mapped_column(default=0)
    under_30m: Mapped[int] = mapped_column(default=0)
    under_4h: Mapped[int] = mapped_column(default=0)
    longer: Mapped[int] = mapped_column(default=0)


class DomainWords(Base):
    """The last thing that a domain's servers said with each kind of refusal, without numbers and identifiers, and how
    many times in a row.
    """

    __tablename__ = "domain_words"

    domain: Mapped[str] = mapped_column(String(255), primary_key=True)
    kind: Mapped[str] = mapped_column(String(24), primary_key=True)
    text: Mapped[str] = mapped_column(String(300))
    count: Mapped[int]
    last_at: Mapped[datetime]


class DomainStanding(Base):
    """How a domain was judged at the last review, as long as that is not `fine` or something was done about it.

    `of_which` of `out_of` were too much, for `fault`. `sent` messages had been taken that day at `looked_at`. `acted`:
    the figures by day for which its way was slowed down or paused already, so that they are not counted again.
    """

    __tablename__ = "domain_standings"

    domain: Mapped[str] = mapped_column(String(255), primary_key=True)
    verdict: Mapped[Verdict] = mapped_column(words(Verdict))
    fault: Mapped[Fault | None] = mapped_column(words(Fault))
    of_which: Mapped[int]
    out_of: Mapped[int]
    since: Mapped[datetime]
    looked_at: Mapped[datetime]
    sent: Mapped[int]
    acted: Mapped[dict[str, Any]]
    acted_at: Mapped[datetime | None]


class WarmUp(Base):
    """How far a relay has come with its plan (provider ""), or a mailbox provider over it that was in trouble.

    `place` is in half steps of the plan, from 0; a provider has none. `allowance`: most messages of a day, None: no
    limit any more. `held`: a person keeps it where it is. `day`: decided for this day.
    """

    __tablename__ = "warm_ups"

    relay_id: Mapped[int] = mapped_column(ForeignKey("relays.id", ondelete="CASCADE"), primary_key=True)
    provider: Mapped[str] = mapped_column(String(24), primary_key=True)
    place: Mapped[int | None]
    allowance: Mapped[int | None]
    held: Mapped[bool] = mapped_column(default=False, server_default=false())
    day: Mapped[date] = mapped_column(Date)
