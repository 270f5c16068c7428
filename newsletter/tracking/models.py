"""Links of issues, who asked for them, and the counts that pages show.

No foreign key names an issue: a link goes on leading where it led when its issue is erased, and figures stay.
"""

from datetime import date, datetime
from typing import Final

from sqlalchemy import ForeignKey, Index, SmallInteger, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, BigInt, RowId, words
from newsletter.newsletters.models import Measure
from newsletter.tracking.words import LinkKind, Manner, Reason, Verdict

# The rows of the index that finds readers who clicked; a query must say it in the same words to use it.
CLICKS_OF_READERS: Final = "verdict = 'person' AND number > 0 AND subscriber_id IS NOT NULL"
PIXEL: Final = 0  # the number of the picture that tells of an opening; links are numbered from 1


class IssueMeasure(Base):
    """What is measured of an issue, as its newsletter wanted it at the freeze."""

    __tablename__ = "issue_measures"

    issue_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    newsletter_id: Mapped[int]
    clicks: Mapped[Measure] = mapped_column(words(Measure))
    opens: Mapped[Measure] = mapped_column(words(Measure))
    frozen_at: Mapped[datetime] = mapped_column(index=True)


class IssueLink(Base):
    """An https address that an issue leads to, whatever the form. `article_id`: whose story it tells. `followed`: it
    goes through us in some place of the message; others lead there directly, and nobody counts them.
    """

    __tablename__ = "issue_links"

    issue_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    url: Mapped[str] = mapped_column(Text)
    article_id: Mapped[int | None]
    kind: Mapped[LinkKind] = mapped_column(words(LinkKind))
    followed: Mapped[bool]


class EngagementEvent(Base):
    """A link that was followed (`number`), or a message that was opened (`number` 0). Only `tracking.folding` changes
    a row: what it says of it, and what of it the counts have.

    `delivery_id` None: nobody knows whose it is; those rows go after a day. `subscriber_id` is found by the fold.
    `network` is cut to /24 or /48, `family` is one word for a program: neither a whole address nor the name that a
    browser gives is ever written. `judged_at` None: not counted yet.

    `counted`: it adds one to the figure of its verdict; a HEAD and the second click of a minute do not.
    `first_of_link`, `first_of_issue`: it adds one to the readers of its link, of the issue.
    """

    __tablename__ = "engagement_events"
    __table_args__ = (
        Index(
            "ix_engagement_events_pending",
            "id",
            sqlite_where=text("judged_at IS NULL"),
            postgresql_where=text("judged_at IS NULL"),
        ),
        Index(
            "ix_engagement_events_delivery_id",
            "delivery_id",
            sqlite_where=text("delivery_id IS NOT NULL"),
            postgresql_where=text("delivery_id IS NOT NULL"),
        ),
        Index(
            "ix_engagement_events_subscriber_id_id",
            "subscriber_id",
            "id",
            sqlite_where=text("subscriber_id IS NOT NULL"),
            postgresql_where=text("subscriber_id IS NOT NULL"),
        ),
        Index(
            "ix_engagement_events_clicks",
            "newsletter_id",
            "day",
            "subscriber_id",
            sqlite_where=text(CLICKS_OF_READERS),
            postgresql_where=text(CLICKS_OF_READERS),
        ),
        Index("ix_engagement_events_issue_id_at", "issue_id", "at"),
        Index(
            "ix_engagement_events_nameless",
            "at",
            sqlite_where=text("delivery_id IS NULL"),
            postgresql_where=text("delivery_id IS NULL"),
        ),
    )

    id: Mapped[RowId]
    issue_id: Mapped[int]
    newsletter_id: Mapped[int]
    number: Mapped[int] = mapped_column(SmallInteger)
    delivery_id: Mapped[int | None]
    subscriber_id: Mapped[int | None] = mapped_column(BigInt, ForeignKey("subscribers.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    day: Mapped[date]
    manner: Mapped[Manner] = mapped_column(words(Manner))
    family: Mapped[str] = mapped_column(String(24))
    network: Mapped[str] = mapped_column(String(43))
    verdict: Mapped[Verdict | None] = mapped_column(words(Verdict))
    reason: Mapped[Reason | None] = mapped_column(words(Reason))
    counted: Mapped[bool] = mapped_column(default=False, server_default=false())
    first_of_link: Mapped[bool] = mapped_column(default=False, server_default=false())
    first_of_issue: Mapped[bool] = mapped_column(default=False, server_default=false())
    judged_at: Mapped[datetime | None]


class LinkCount(Base):
    """How often a link of an issue was followed. `clicks` by persons, `readers`: how many of them, where that is known;
    `machines` with what was fetched ahead; `unknown`: neither can be said.
    """

    __tablename__ = "link_counts"

    issue_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    clicks: Mapped[int] = mapped_column(default=0)
    readers: Mapped[int] = mapped_column(default=0)
    machines: Mapped[int] = mapped_column(default=0)
    unknown: Mapped[int] = mapped_column(default=0)


class ClickCount(Base):
    """The clicks of an issue on a day (UTC). `readers` clicked for the first time that day, so days add up."""

    __tablename__ = "click_counts"

    issue_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    clicks: Mapped[int] = mapped_column(default=0)
    readers: Mapped[int] = mapped_column(default=0)
    machines: Mapped[int] = mapped_column(default=0)
    unknown: Mapped[int] = mapped_column(default=0)


class OpenCount(Base):
    """The opens of an issue on a day (UTC). `prefetched` were loaded by a mail program before anybody read."""

    __tablename__ = "open_counts"

    issue_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    opens: Mapped[int] = mapped_column(default=0)
    readers: Mapped[int] = mapped_column(default=0)
    prefetched: Mapped[int] = mapped_column(default=0)
    machines: Mapped[int] = mapped_column(default=0)
    unknown: Mapped[int] = mapped_column(default=0)
