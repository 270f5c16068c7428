"""The delivery ledger and the mail that is not bulk."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, SmallInteger, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, BigInt, KeyText, RowId, words


class DeliveryStatus(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


class SkipReason(StrEnum):
    """Why a delivery was left out after the freeze."""

    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"
    PAUSED = "paused"  # its reader takes a break


ASKED_AGAIN = "asked_again"


class BounceFate(StrEnum):
    """What a bounce was made of."""

    SUPPRESSED = "suppressed"
    HELD = "held"  # for a person to look at: too many of one domain at once
    DISCARDED = "discarded"


class Batch(Base):
    """Deliveries that one worker takes at a time, with their counts by state.

    The counts are written by whoever changes a delivery, in the same transaction, so that an issue's sums are those of
    a few rows however many readers it has. `due_at` None: nothing is left to send, or its turn has not come. `held`:
    paused. `cancelled`: what still waits is left out. What the issue decides about its deliveries (whether an uncertain
    one is sent again, until when to try) is copied here at the freeze. `wave`: 1 goes first; batches of a later wave
    become due when the earlier ones have shown that nothing is wrong, and not before `not_before`, the hour that their
    readers chose. `opened_at`: when it first became due. `hard` and `content` count what `failed` was refused for,
    `complained` how many called it spam; they only grow.
    """

    __tablename__ = "batches"
    __table_args__ = (
        UniqueConstraint("issue_id", "position"),
        Index(
            "ix_batches_due",
            "due_at",
            "id",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )

    id: Mapped[RowId]
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    position: Mapped[int]
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    resend_unknown: Mapped[bool]
    expires_at: Mapped[datetime]
    held: Mapped[bool]
    cancelled: Mapped[bool] = mapped_column(default=False, server_default=false())
    due_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    lease_holder: Mapped[str | None] = mapped_column(String(80))
    queued: Mapped[int] = mapped_column(default=0)
    sending: Mapped[int] = mapped_column(default=0)
    sent: Mapped[int] = mapped_column(default=0)
    deferred: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    unknown: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    wave: Mapped[int] = mapped_column(SmallInteger, default=1, server_default="1")
    not_before: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    hard: Mapped[int] = mapped_column(default=0, server_default="0")
    content: Mapped[int] = mapped_column(default=0, server_default="0")
    complained: Mapped[int] = mapped_column(default=0, server_default="0")


class Delivery(Base):
    """One issue to one subscriber. `repeated`: it may have been handed over twice, since its first outcome was lost.
    `relay_id`: what it was last handed over to, as far as that is known.

    No foreign keys: a freeze writes a million rows in one statement, and each key would be looked up for every row,
    which takes three times as long as all the rest. What the rows name is made or read by that statement, and a reader
    who is erased must not take rows out of an issue's sums.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        # The subscriber first: the same index finds what is still queued for a reader who leaves.
        Index("uq_deliveries_subscriber_id_issue_id", "subscriber_id", "issue_id", unique=True),
        # Without the status: a change of status then touches no index, and PostgreSQL keeps the row on its page.
        Index("ix_deliveries_batch_id", "batch_id"),
        {"postgresql_with": {"fillfactor": 60}},
    )

    id: Mapped[RowId]
    issue_id: Mapped[int]
    batch_id: Mapped[int]
    variant_id: Mapped[int]
    subscriber_id: Mapped[int]
    status: Mapped[DeliveryStatus] = mapped_column(words(DeliveryStatus))
    attempts: Mapped[int] = mapped_column(SmallInteger)
    repeated: Mapped[bool]
    next_attempt_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
    reply: Mapped[str | None] = mapped_column(String(500))
    skip_reason: Mapped[SkipReason | None] = mapped_column(words(SkipReason))
    relay_id: Mapped[int | None]


class DeliveryAttempt(Base):
    """An attempt that did not end in `sent`, with what the relay said. Append-only. An outcome of `ASKED_AGAIN` is no
    attempt: staff let the delivery leave once more, and `reply` is what it had ended with.
    """

    __tablename__ = "delivery_attempts"

    id: Mapped[RowId]
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(24))
    reply_class: Mapped[str] = mapped_column(String(24))
    phase: Mapped[str] = mapped_column(String(24))
    reply: Mapped[str] = mapped_column(String(500))
    relay_id: Mapped[int | None]


class Bounce(Base):
    """A reader's address that was refused for good, while a message was handed over or by a report that came later, and
    what was made of that.

    `answered`: how many messages of the issue its domain had answered until then, so that the share of refusals since
    then can be told. `decided_at`: when a person decided about what was held.
    """

    __tablename__ = "bounces"
    __table_args__ = (
        Index("ix_bounces_domain_at", "domain", "at"),
        Index("ix_bounces_issue_id_fate", "issue_id", "fate"),
    )

    id: Mapped[RowId]
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"), unique=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id", ondelete="CASCADE"), index=True)
    email_key: Mapped[str] = mapped_column(KeyText)
    domain: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime]
    source: Mapped[str] = mapped_column(String(80), default="smtp", server_default="smtp")
    reply: Mapped[str] = mapped_column(String(500))
    answered: Mapped[int]
    fate: Mapped[BounceFate] = mapped_column(words(BounceFate))
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(320))


class SoftBounce(Base):
    """A message that did not arrive though its address may exist: a full mailbox, one that is shut off (`disabled`), a
    server that could not be reached for days. One of each delivery.
    """

    __tablename__ = "soft_bounces"
    __table_args__ = (Index("ix_soft_bounces_subscriber_id_at", "subscriber_id", "at"),)

    id: Mapped[RowId]
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"), unique=True)
    issue_id: Mapped[int]
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    disabled: Mapped[bool]
    source: Mapped[str] = mapped_column(String(80))
    reply: Mapped[str] = mapped_column(String(500))


class TransactionalMail(Base):
    """One mail that somebody waits for. It is rendered when it is sent, from `kind` and `params`, which hold no
    secret.
    """

    __tablename__ = "transactional_mails"
    __table_args__ = (
        Index(
            "ix_transactional_mails_due",
            "next_attempt_at",
            sqlite_where=text("next_attempt_at IS NOT NULL"),
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
        Index("ix_transactional_mails_email_key_id", "email_key", "id"),
    )

    id: Mapped[RowId]
    kind: Mapped[str] = mapped_column(String(40))
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(KeyText)
    language: Mapped[str] = mapped_column(String(8))
    newsletter_id: Mapped[int | None] = mapped_column(BigInt)
    params: Mapped[dict[str, Any]]
    status: Mapped[DeliveryStatus] = mapped_column(words(DeliveryStatus))
    attempts: Mapped[int] = mapped_column(SmallInteger)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    reply: Mapped[str | None] = mapped_column(String(500))


class DomainTally(Base):
    """What recipients' domains answered to an issue: attempts by what came of them, which only grow; and where its
    deliveries to a domain stand. Domain "": the small ones of an issue that is over, added up, and erased readers.

    `audience` is counted after the freeze, 0 before. `waiting` are deferred at present, `failed` and `unknown` have
    ended so; what is in hand counts where it was before. What a worker could not count any more, and `skipped`, is made
    good when the issue is over: from then on they add up to `audience`.
    """

    __tablename__ = "domain_tallies"
    # The largest domains of an issue. What it holds does not change while the issue is sent.
    __table_args__ = (Index("ix_domain_tallies_issue_id_audience", "issue_id", "audience"),)

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True)
    domain: Mapped[str] = mapped_column(String(255), primary_key=True)
    sent: Mapped[int] = mapped_column(default=0)
    deferred: Mapped[int] = mapped_column(default=0)
    hard: Mapped[int] = mapped_column(default=0)
    soft: Mapped[int] = mapped_column(default=0)
    content: Mapped[int] = mapped_column(default=0)
    sender: Mapped[int] = mapped_column(default=0)
    audience: Mapped[int] = mapped_column(default=0, server_default="0")
    waiting: Mapped[int] = mapped_column(default=0, server_default="0")
    failed: Mapped[int] = mapped_column(default=0, server_default="0")
    unknown: Mapped[int] = mapped_column(default=0, server_default="0")
    skipped: Mapped[int] = mapped_column(default=0, server_default="0")


class RelayRecord(Base):
    """A next hop that an operator named. `locked_url` is encrypted; empty: the setting NEWSLETTER_SMTP_URL.

    `standby`: only when no other can take a message. `senders`: domains of the sender it is for; empty, all of them.
    Limits that are None do not exist. `warm_up`: most messages a day, from `warm_up_since` on, day by day.
    """

    __tablename__ = "relays"

    id: Mapped[RowId]
    name: Mapped[str] = mapped_column(String(60), unique=True)
    locked_url: Mapped[str] = mapped_column(Text)
    weight: Mapped[int] = mapped_column(default=1)
    standby: Mapped[bool] = mapped_column(default=False)
    senders: Mapped[list[str]]
    connections: Mapped[int] = mapped_column(default=16)
    messages_per_connection: Mapped[int] = mapped_column(default=0)
    group_exchangers: Mapped[bool] = mapped_column(default=False)
    warm_up: Mapped[list[int]]
    warm_up_since: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Lane(Base):
    """A way that messages take, its limits and how it fares: all mail (0, ""), a relay (id, ""), a recipients' domain
    over any relay (0, domain), a domain over one relay (id, domain), or one issue over any relay (0, "#" and its id).

    `per_second`, `per_day` and `concurrency` are the operator's, None: no limit. The rest is kept by the workers, who
    share a lane through this row: `tokens` may be spent since `refilled_at`; `pace` is the share of the limit that the
    other side bears at present, 0 to 1; `sent_today` counts since `day` began. `closed_until`: nothing leaves before.
    `steady_until`: the pace does not grow before. `paused_at`: refused for what we are, by `reply`, after `refusals` in
    a row. `allowance`: most messages of a day while it warms up, written by the review of what comes back.
    """

    __tablename__ = "lanes"
    __table_args__ = (UniqueConstraint("relay_id", "domain"),)

    id: Mapped[RowId]
    relay_id: Mapped[int] = mapped_column(default=0)
    domain: Mapped[str] = mapped_column(KeyText)
    per_second: Mapped[float | None]
    per_day: Mapped[int | None]
    concurrency: Mapped[int | None]
    allowance: Mapped[int | None]
    tokens: Mapped[float] = mapped_column(default=0.0)
    refilled_at: Mapped[datetime | None]
    pace: Mapped[float] = mapped_column(default=1.0)
    rate: Mapped[float | None]
    day: Mapped[datetime | None]
    sent_today: Mapped[int] = mapped_column(default=0)
    refusals: Mapped[int] = mapped_column(default=0)
    closed_until: Mapped[datetime | None]
    steady_until: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    reply: Mapped[str | None] = mapped_column(String(500))
    updated_at: Mapped[datetime]


class LaneShare(Base):
    """What a worker holds of a lane at present, and until when unless it says so again: places (connections of a relay,
    messages on the way to a domain), and tokens that it has taken and not spent.
    """

    __tablename__ = "lane_shares"

    lane_id: Mapped[int] = mapped_column(ForeignKey("lanes.id", ondelete="CASCADE"), primary_key=True)
    holder: Mapped[str] = mapped_column(String(80), primary_key=True)
    places: Mapped[int]
    tokens: Mapped[float] = mapped_column(default=0.0)
    until: Mapped[datetime]


class Exchanger(Base):
    """The mail exchangers that serve a recipients' domain, as one word (`google.com`); None: asked, and not known."""

    __tablename__ = "exchangers"

    domain: Mapped[str] = mapped_column(String(255), primary_key=True)
    exchanger: Mapped[str | None] = mapped_column(String(255))
    looked_up_at: Mapped[datetime]
