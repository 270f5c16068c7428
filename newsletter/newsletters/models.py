"""What people sign up to, and in whose name it is sent."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, deferred, mapped_column

from newsletter.core.columns import Base, RowId, words
from newsletter.newsletters.editions import Edition as Edition  # noqa: PLC0414 - other rooms have it from here


class Review(StrEnum):
    """What happens to a digest that a schedule has composed."""

    NONE = "none"  # it leaves at its hour
    PROOF = "proof"  # approvers get a proof before
    HOLD = "hold"  # it waits until one of them approves


class TooLate(StrEnum):
    """What becomes of a digest under review that nobody has approved at its hour."""

    SEND = "send"
    SKIP = "skip"
    WAIT = "wait"


class Measure(StrEnum):
    """How much is kept of what readers do with a message."""

    OFF = "off"
    ANONYMOUS = "anonymous"  # counts, and nothing of whom
    READER = "reader"  # who, too


class Newsletter(Base):
    """A publication.

    `languages` are those its articles come in; empty, those of the service. `rules` say how a digest is composed (see
    issues.selection); None: by the defaults. `review`, `approvers` (addresses) and `too_late` say who looks at a digest
    before it leaves, `cooling_minutes` for how long it can be pulled back, `breaking_cap` how many breaking news a
    reader gets a day at most. `clicks` and `opens`: what of them its issues measure from their freeze on.

    `look` is how its mails look (see look), `look_template` MJML of its own for them; None: the house's. `look_failed`:
    when and why an issue had to leave in the house's look instead. `form`: texts and fields of its sign-up form (see
    sign_up_form).
    """

    __tablename__ = "newsletters"

    id: Mapped[RowId]
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    publisher: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(8))
    timezone: Mapped[str] = mapped_column(String(64))
    from_name: Mapped[str] = mapped_column(String(120))
    from_address: Mapped[str] = mapped_column(String(320))
    reply_to: Mapped[str | None] = mapped_column(String(320))
    postal_address: Mapped[str] = mapped_column(String(300))
    resend_unknown: Mapped[bool]
    created_at: Mapped[datetime]
    languages: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    rules: Mapped[dict[str, Any] | None]
    review: Mapped[Review] = mapped_column(words(Review), default=Review.NONE, server_default="none")
    approvers: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    too_late: Mapped[TooLate] = mapped_column(words(TooLate), default=TooLate.SEND, server_default="send")
    cooling_minutes: Mapped[int] = mapped_column(default=0, server_default="0")
    breaking_cap: Mapped[int] = mapped_column(default=3, server_default="3")
    clicks: Mapped[Measure] = mapped_column(words(Measure), default=Measure.OFF, server_default="off")
    opens: Mapped[Measure] = mapped_column(words(Measure), default=Measure.OFF, server_default="off")
    look: Mapped[dict[str, Any] | None]
    look_template: Mapped[str | None] = deferred(mapped_column(Text))
    look_failed: Mapped[dict[str, Any] | None]
    form: Mapped[dict[str, Any] | None]

    @property
    def domain(self) -> str:
        """Domain of the from address, which signs and gives List-Id and Message-ID their right side."""
        return self.from_address.rpartition("@")[2]

    @property
    def list_id(self) -> str:
        """RFC 2919 identifier; stays the same for ever, since readers' filters and mailbox providers hang on it."""
        return f"{self.slug}.{self.domain}"


class Schedule(Base):
    """A cadence of a newsletter: when its digests leave. The one at position 0 is the main one; whoever chose none is
    on it.

    `rule` is a cron expression or a recurrence rule (RFC 5545), read in `timezone` (None: the newsletter's); empty:
    digests leave by hand only. `skipped` are dates (ISO 8601), `holidays` a calendar ("TG"), `quiet` hours in which
    nothing leaves ("22:00-06:00"). A digest holds what was there `lead_minutes` before it leaves. An hour that was
    missed is caught up for `catch_up_minutes`; of those whose digest would have been composed up to `since`, none is.
    `carry`: in how many later digests an
    article may come that found no room. `rules`: instead of the newsletter's. `next_due_at` and `next_cut_off_at` are
    computed from the rest, for the sweep to find.
    """

    __tablename__ = "schedules"
    __table_args__ = (
        UniqueConstraint("newsletter_id", "slug"),
        Index("ix_schedules_next_cut_off_at", "next_cut_off_at"),
    )

    id: Mapped[RowId]
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(120))
    position: Mapped[int]
    rule: Mapped[str] = mapped_column(String(500))
    timezone: Mapped[str | None] = mapped_column(String(64))
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    skipped: Mapped[list[str]] = mapped_column(default=list)
    holidays: Mapped[str] = mapped_column(String(20), default="")
    quiet: Mapped[str] = mapped_column(String(20), default="")
    lead_minutes: Mapped[int] = mapped_column(default=0)
    catch_up_minutes: Mapped[int] = mapped_column(default=720)
    carry: Mapped[int] = mapped_column(default=1)
    rules: Mapped[dict[str, Any] | None]
    paused_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    since: Mapped[datetime]
    next_due_at: Mapped[datetime | None]
    next_cut_off_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Topic(Base):
    """A subject that articles are filed under."""

    __tablename__ = "topics"
    __table_args__ = (UniqueConstraint("newsletter_id", "slug"),)

    id: Mapped[RowId]
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(120))


class SenderDomain(Base):
    """A domain that mail is sent from. `findings`: what its records in DNS looked like at `checked_at`."""

    __tablename__ = "sender_domains"

    id: Mapped[RowId]
    domain: Mapped[str] = mapped_column(String(255), unique=True)
    created_at: Mapped[datetime]
    findings: Mapped[dict[str, Any] | None]
    checked_at: Mapped[datetime | None]


class SigningKey(Base):
    """A DKIM key of a sender domain. The private half is locked under the installation's secret key.

    It signs from `starts_at` on (None: it waits to be seen in DNS) until `retired_at`; its public half stays in DNS for
    a week more, for what is still on its way.
    """

    __tablename__ = "signing_keys"
    __table_args__ = (UniqueConstraint("sender_domain_id", "selector"),)

    id: Mapped[RowId]
    sender_domain_id: Mapped[int] = mapped_column(ForeignKey("sender_domains.id", ondelete="CASCADE"))
    selector: Mapped[str] = mapped_column(String(63))
    algorithm: Mapped[str] = mapped_column(String(20))
    locked_private_key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    starts_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]


class DomainReport(Base):
    """What a mailbox provider reported about a domain, for a day or so: `kind` dmarc or tls. Kept once."""

    __tablename__ = "domain_reports"
    __table_args__ = (
        UniqueConstraint("kind", "organisation", "report_id"),
        Index("ix_domain_reports_domain_ends_at", "domain", "ends_at"),
    )

    id: Mapped[RowId]
    kind: Mapped[str] = mapped_column(String(10))
    organisation: Mapped[str] = mapped_column(String(255))
    report_id: Mapped[str] = mapped_column(String(255))
    domain: Mapped[str] = mapped_column(String(255))
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    received_at: Mapped[datetime]


class DomainReportRow(Base):
    """Messages, or sessions, from one source in a report."""

    __tablename__ = "domain_report_rows"

    id: Mapped[RowId]
    report_id: Mapped[int] = mapped_column(ForeignKey("domain_reports.id", ondelete="CASCADE"), index=True)
    source: Mapped[str] = mapped_column(String(255))
    count: Mapped[int]
    aligned: Mapped[bool]
    dkim: Mapped[bool]
    spf: Mapped[bool]
    result: Mapped[str] = mapped_column(String(255))
