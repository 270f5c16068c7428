"""Counters of subscriptions; written by triggers only (see `counts`)."""

from datetime import date

from sqlalchemy import Date
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, BigInt, words
from newsletter.subscriptions.models import SubscriptionStatus

CROWDED = {"postgresql_with": {"fillfactor": "60"}}  # rows that change often are changed in place


class SubscriptionCount(Base):
    """Subscriptions of a newsletter in one status: the sum over its slots. Slot 0 is what was added up; any other is
    what one transaction changed in a part of its life. No foreign key: a newsletter's end deletes its subscriptions,
    which still has to be counted.
    """

    __tablename__ = "subscription_counts"
    __table_args__ = CROWDED

    newsletter_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    status: Mapped[SubscriptionStatus] = mapped_column(words(SubscriptionStatus), primary_key=True)
    slot: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    count: Mapped[int]


class SubscriptionDay(Base):
    """How many began to read a newsletter on a day of UTC and how many ended, by reason; the sum over its slots."""

    __tablename__ = "subscription_days"
    __table_args__ = CROWDED

    newsletter_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    slot: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    joined: Mapped[int]
    left: Mapped[int] = mapped_column("gone", BigInt)  # LEFT is a word of SQL
    bounced: Mapped[int]
    complained: Mapped[int]
    other: Mapped[int]
