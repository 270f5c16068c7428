"""Mailboxes that bounces arrive in: where they are, and when each was read last."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core import jobs
from newsletter.core.database import Database
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.tokens import Vault
from newsletter.feedback import fetching_mail, inbox
from newsletter.feedback.fetching_mail import Account, MailboxError, Place
from newsletter.feedback.models import AfterReading, InboundMailbox, Protocol
from newsletter.mail.evidence import Kind
from newsletter.mail.reports import read_report

EVERY = timedelta(minutes=2)
AFTER_TROUBLE = timedelta(minutes=15)
LEASE = timedelta(minutes=10)
PORTS = {
    (Protocol.IMAP, True): 993,
    (Protocol.IMAP, False): 143,
    (Protocol.POP3, True): 995,
    (Protocol.POP3, False): 110,
}
TLS = ("tls", "starttls", "none")
SOURCE = "mailbox:"


@dataclass(frozen=True, slots=True)
class MailboxValues:
    """What an operator says of a mailbox; `port` 0: the usual one."""

    name: str
    protocol: Protocol
    host: str
    username: str
    password: str = field(repr=False)
    port: int = 0
    tls: str = "tls"
    folder: str = "INBOX"
    after_reading: AfterReading = AfterReading.KEEP


def add(session: Session, values: MailboxValues, *, vault: Vault, actor: str, now: datetime) -> InboundMailbox:
    """A new mailbox; RefusedError for a name that is taken, or for values that make no sense."""
    _check(values)
    if session.scalar(select(InboundMailbox.id).where(InboundMailbox.name == values.name)) is not None:
        raise RefusedError(_("There is a mailbox of the name %(name)s already.", name=values.name))
    mailbox = InboundMailbox(
        name=values.name,
        protocol=values.protocol,
        host=values.host,
        port=values.port or PORTS[values.protocol, values.tls == "tls"],
        tls=values.tls,
        username=values.username,
        locked_password=vault.lock(values.password),
        folder=values.folder,
        after_reading=values.after_reading,
        validity=0,
        seen=0,
        known=[],
        next_poll_at=now,
        created_at=now,
    )
    session.add(mailbox)
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="mailbox.added",
        subject="mailbox",
        subject_id=mailbox.id,
        now=now,
        name=values.name,
    )
    return mailbox


def values_of(mailbox: InboundMailbox) -> MailboxValues:
    """A mailbox as it was typed, without its password."""
    return MailboxValues(
        name=mailbox.name,
        protocol=mailbox.protocol,
        host=mailbox.host,
        username=mailbox.username,
        password="",
        port=mailbox.port,
        tls=mailbox.tls,
        folder=mailbox.folder,
        after_reading=mailbox.after_reading,
    )


def change(
    session: Session, mailbox: InboundMailbox, values: MailboxValues, *, vault: Vault, actor: str, now: datetime
) -> None:
    """Change where a mailbox is and what becomes of its messages; its name stays. An empty password keeps the one that
    is there, but for another server or user, which have no business knowing it: then RefusedError.
    """
    old = values_of(mailbox)
    port = values.port or PORTS[values.protocol, values.tls == "tls"]
    if not values.password:
        weaker = values.tls == "none" != mailbox.tls
        if (values.host, port, values.username) != (mailbox.host, mailbox.port, mailbox.username) or weaker:
            raise RefusedError(
                _("The password that is kept belongs to another server or user. Type the one for this address.")
            )
    _check(replace(values, name=mailbox.name, password=values.password or "kept"))
    moved = (values.protocol, values.host, values.username, values.folder) != (
        mailbox.protocol,
        mailbox.host,
        mailbox.username,
        mailbox.folder,
    )
    mailbox.protocol, mailbox.host, mailbox.port, mailbox.tls = values.protocol, values.host, port, values.tls
    mailbox.username, mailbox.folder, mailbox.after_reading = values.username, values.folder, values.after_reading
    if values.password:
        mailbox.locked_password = vault.lock(values.password)
    if moved:
        mailbox.validity, mailbox.seen, mailbox.known = 0, 0, []
    mailbox.next_poll_at = now
    new = values_of(mailbox)
    changed = [item.name for item in fields(MailboxValues) if getattr(old, item.name) != getattr(new, item.name)]
    audit.record(
        session,
        actor=actor,
        action="mailbox.changed",
        subject="mailbox",
        subject_id=mailbox.id,
        now=now,
        name=mailbox.name,
        before={name: getattr(old, name) for name in changed},
        after={name: getattr(new, name) for name in changed},
        new_password=bool(values.password),
    )


def ask(session: Session, mailbox: InboundMailbox, *, now: datetime) -> None:
    """Have a mailbox read in a moment."""
    mailbox.next_poll_at = now
    jobs.wake(session, jobs.POLL_MAILBOXES)


def by_id(session: Session, mailbox_id: int) -> InboundMailbox:
    """NotFoundError when there is none of this number."""
    found = session.get(InboundMailbox, mailbox_id)
    if found is None:
        raise NotFoundError(_("There is no such mailbox."))
    return found


def remove(session: Session, name: str, *, actor: str, now: datetime) -> None:
    """Read a mailbox no more."""
    mailbox = by_name(session, name)
    audit.record(
        session, actor=actor, action="mailbox.removed", subject="mailbox", subject_id=mailbox.id, now=now, name=name
    )
    session.delete(mailbox)


def by_name(session: Session, name: str) -> InboundMailbox:
    """NotFoundError when there is none of this name."""
    found = session.scalar(select(InboundMailbox).where(InboundMailbox.name == name))
    if found is None:
        raise NotFoundError(_("There is no mailbox of the name %(name)s.", name=name))
    return found


def all_mailboxes(session: Session) -> list[InboundMailbox]:
    return list(session.scalars(select(InboundMailbox).order_by(InboundMailbox.name)))


def anything_due(session: Session, *, now: datetime) -> bool:
    """Whether a mailbox is to be read by now."""
    return session.scalar(select(InboundMailbox.id).where(_due(now)).limit(1)) is not None


def poll_due(database: Database, vault: Vault, *, clock: Callable[[], datetime], stopping: Callable[[], bool]) -> int:
    """Read every mailbox whose turn has come; returns how many messages were new."""
    count = 0
    while not stopping():
        with database.unit() as session:
            mailbox_id = session.scalar(
                select(InboundMailbox.id).where(_due(clock())).order_by(InboundMailbox.next_poll_at).limit(1)
            )
            if mailbox_id is None:
                break
            taken = session.execute(
                update(InboundMailbox)
                .where(InboundMailbox.id == mailbox_id, _due(clock()))
                .values(lease_until=clock() + LEASE)
                .returning(InboundMailbox.id)
            ).first()
        if taken is not None:
            count += poll(database, mailbox_id, vault, clock=clock)
    return count


def poll(database: Database, mailbox_id: int, vault: Vault, *, clock: Callable[[], datetime]) -> int:
    """Read one mailbox, a few messages at a time: each lot is written down before it is taken out of the mailbox. What
    a person wrote to a person is neither kept nor touched.
    """
    with database.reading() as session:
        account = account_of(session.get_one(InboundMailbox, mailbox_id), vault)
    count = 0

    def keep(messages: list[fetching_mail.Fetched], place: Place) -> list[bool]:
        nonlocal count
        ours = [read_report(item.data).kind is not Kind.ANSWER for item in messages]
        concerning = [item for item, is_ours in zip(messages, ours, strict=True) if is_ours]
        incoming = [inbox.Incoming(SOURCE + account.name, item.data, size=item.size) for item in concerning]
        with database.unit() as session:
            count += len(inbox.store(session, incoming, now=clock()))
            row = session.get_one(InboundMailbox, mailbox_id)
            row.validity, row.seen, row.known = place.validity, place.seen, list(place.known)
        return ours

    problem = None
    try:
        fetching_mail.fetch(account, keep)
    except MailboxError as error:
        problem = str(error)
    with database.unit() as session:
        found = session.get(InboundMailbox, mailbox_id)
        if found is not None:
            _note(found, problem, now=clock())
    return count


def account_of(mailbox: InboundMailbox, vault: Vault) -> Account:
    """What reading needs to know; ValueError when the secret key has changed since it was added."""
    return Account(
        name=mailbox.name,
        protocol=mailbox.protocol,
        host=mailbox.host,
        port=mailbox.port,
        tls=mailbox.tls,
        username=mailbox.username,
        password=vault.unlock(mailbox.locked_password),
        folder=mailbox.folder,
        delete=mailbox.after_reading is AfterReading.DELETE,
        place=Place(mailbox.validity, mailbox.seen, tuple(mailbox.known)),
    )


def _note(mailbox: InboundMailbox, problem: str | None, *, now: datetime) -> None:
    mailbox.lease_until = None
    mailbox.polled_at = now
    mailbox.next_poll_at = now + (AFTER_TROUBLE if problem else EVERY)
    mailbox.last_error = problem
    mailbox.failing_since = (mailbox.failing_since or now) if problem else None


def _due(now: datetime) -> ColumnElement[bool]:
    free = or_(InboundMailbox.lease_until.is_(None), InboundMailbox.lease_until < now)
    return and_(InboundMailbox.next_poll_at <= now, free)


def _check(values: MailboxValues) -> None:
    if not values.name or len(values.name) > 60 or not values.host or not values.username or not values.password:
        raise RefusedError(_("A mailbox needs a name, a host, a user and a password."))
    if values.tls not in TLS:
        raise RefusedError(_("Say tls, starttls or none."))
    texts = (values.host, values.username, values.password, values.folder)
    if any(not text.isprintable() for text in texts) or len(values.folder) > 200 or len(values.host) > 255:
        raise RefusedError(_("The mailbox has letters that no server would take."))
