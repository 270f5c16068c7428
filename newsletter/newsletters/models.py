"""What people sign up to, and in whose name it is sent."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, RowId


class Newsletter(Base):
    """A publication. `schedule` is a cron expression read in `timezone`; None: digests are sent by hand or by
    command.
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
    schedule: Mapped[str | None] = mapped_column(String(120))
    schedule_since: Mapped[datetime | None]  # hours of the schedule before this moment are not caught up
    resend_unknown: Mapped[bool]
    created_at: Mapped[datetime]

    @property
    def domain(self) -> str:
        """Domain of the from address, which signs and gives List-Id and Message-ID their right side."""
        return self.from_address.rpartition("@")[2]

    @property
    def list_id(self) -> str:
        """RFC 2919 identifier; stays the same for ever, since readers' filters and mailbox providers hang on it."""
        return f"{self.slug}.{self.domain}"


class Topic(Base):
    """A subject that articles are filed under."""

    __tablename__ = "topics"
    __table_args__ = (UniqueConstraint("newsletter_id", "slug"),)

    id: Mapped[RowId]
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(120))


class SenderDomain(Base):
    """A domain that mail is sent from."""

    __tablename__ = "sender_domains"

    id: Mapped[RowId]
    domain: Mapped[str] = mapped_column(String(255), unique=True)
    created_at: Mapped[datetime]


class SigningKey(Base):
    """A DKIM key of a sender domain. The private half is locked under the installation's secret key."""

    __tablename__ = "signing_keys"
    __table_args__ = (UniqueConstraint("sender_domain_id", "selector"),)

    id: Mapped[RowId]
    sender_domain_id: Mapped[int] = mapped_column(ForeignKey("sender_domains.id", ondelete="CASCADE"))
    selector: Mapped[str] = mapped_column(String(63))
    algorithm: Mapped[str] = mapped_column(String(20))
    locked_private_key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
