"""The relays that mail may be handed to, as rows."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core.database import insert_into
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.settings import Settings, relay_url
from newsletter.core.tokens import Vault
from newsletter.delivery import throttle, warming
from newsletter.delivery.limits import of_domain
from newsletter.delivery.models import Lane, RelayRecord
from newsletter.delivery.throttle import State
from newsletter.mail.transport import Relay, Transport

DEFAULT = "default"
"""The relay of the settings. It is made by itself where there is no other, so that a new installation needs none."""

MAX_CONNECTIONS = 500
MAX_WEIGHT = 1000


def ensure_default(session: Session, *, now: datetime) -> None:
    """Make the relay of the settings, unless it exists."""
    session.execute(
        insert_into(session, RelayRecord)
        .values(
            name=DEFAULT,
            locked_url="",
            weight=1,
            standby=False,
            senders=[],
            connections=16,
            messages_per_connection=0,
            group_exchangers=False,
            warm_up=[],
            created_at=now,
        )
        .on_conflict_do_nothing()
    )


def all_relays(session: Session) -> list[RelayRecord]:
    return list(session.scalars(select(RelayRecord).order_by(RelayRecord.id)))


def by_id(session: Session, relay_id: int) -> RelayRecord:
    """Raises NotFoundError."""
    found = session.get(RelayRecord, relay_id)
    if found is None:
        raise NotFoundError(_("There is no such relay."))
    return found


def by_name(session: Session, name: str, *, now: datetime) -> RelayRecord:
    """Raises NotFoundError. The relay of the settings is there for whoever asks for it."""
    if name == DEFAULT:
        ensure_default(session, now=now)
    found = session.scalar(select(RelayRecord).where(RelayRecord.name == name))
    if found is None:
        raise NotFoundError(_("There is no relay %(name)s. `newsletter relays list` names them.", name=name))
    return found


def address(record: RelayRecord, settings: Settings, vault: Vault) -> Relay | None:
    """Where a relay is; None for the one of the settings where they name none.

    Raises RefusedError when its address cannot be read.
    """
    if not record.locked_url:
        url = relay_url(settings)
        return Relay.parse(url) if url else None
    try:
        return Relay.parse(vault.unlock(record.locked_url))
    except ValueError:
        raise RefusedError(
            _(
                "The address of the relay %(name)s was locked under another NEWSLETTER_SECRET_KEY. Give it again with "
                "`newsletter relays change %(name)s --url`.",
                name=record.name,
            )
        ) from None


def problem(record: RelayRecord, settings: Settings, vault: Vault) -> str:
    """Connect and log in: empty, or why that does not work, in one line. Not while a transaction is open."""
    try:
        where = address(record, settings, vault)
    except RefusedError as error:
        return str(error)
    if where is None:
        return _("NEWSLETTER_SMTP_URL is not set: mail has nowhere to go.")
    with Transport(where) as transport:
        return transport.check()


def only_where_alone(record: RelayRecord, settings: Settings) -> bool:
    """Whether a relay is the local mailbox, which a newcomer looks at: once a real one is named, no reader's mail may
    go there.
    """
    return not record.locked_url and not settings.smtp_url


def usable(session: Session, settings: Settings, vault: Vault) -> list[tuple[RelayRecord, Relay]]:
    """The relays that can be spoken to, with their addresses; one whose address cannot be read is left out."""
    found = []
    for record in all_relays(session):
        try:
            where = address(record, settings, vault)
        except RefusedError:
            continue
        if where is not None:
            found.append((record, where))
    real = [pair for pair in found if not only_where_alone(pair[0], settings)]
    return real or found


def cap_of_day(record: RelayRecord | None, state: State, now: datetime) -> int | None:
    """Most messages of this day over a lane; `record` when it is a relay's own. None: no limit."""
    return throttle.cap(state, record.warm_up if record else [], record.warm_up_since if record else None, now)


def create(
    session: Session, *, name: str, url: str, vault: Vault, actor: str, now: datetime, **values: Any
) -> RelayRecord:
    """Add a relay; `values` as for `change`. Raises RefusedError for a name that is taken or a value that makes no
    sense.
    """
    ensure_default(session, now=now)
    name = name.strip()
    if not name or len(name) > 60 or not name.isprintable():
        raise RefusedError(_("The name of a relay has 1 to 60 characters."))
    if session.scalar(select(RelayRecord.id).where(RelayRecord.name == name)) is not None:
        raise RefusedError(_("There is a relay %(name)s already.", name=name))
    record = RelayRecord(name=name, locked_url=_locked(url, vault), senders=[], warm_up=[], created_at=now)
    _set(record, values)
    session.add(record)
    session.flush()
    warming.start(session, record, now=now)
    audit.record(session, actor=actor, action="relay.created", subject="relay", subject_id=record.id, now=now)
    return record


def change(
    session: Session,
    record: RelayRecord,
    *,
    vault: Vault,
    actor: str,
    now: datetime,
    url: str | None = None,
    **values: Any,
) -> None:
    """Change what is named: `url`, `weight`, `standby`, `senders`, `connections`, `messages_per_connection`,
    `group_exchangers`, `warm_up`, `warm_up_since`. The relay of the settings keeps its address.
    """
    before = {name: _plain(getattr(record, name)) for name in values}
    if url is not None:
        if not record.locked_url:
            raise RefusedError(_("The address of this relay is NEWSLETTER_SMTP_URL; change it there."))
        before["url"] = _shown(record, vault)
        record.locked_url = _locked(url, vault)
    _set(record, values)
    if {"warm_up", "warm_up_since"} & values.keys():
        warming.start(session, record, now=now)
    changed = sorted(values) + (["url"] if url is not None else [])
    after = {name: _plain(getattr(record, name)) for name in values}
    if url is not None:
        after["url"] = _shown(record, vault)
    audit.record(
        session,
        actor=actor,
        action="relay.changed",
        subject="relay",
        subject_id=record.id,
        now=now,
        name=record.name,
        fields=changed,
        before=before,
        after=after,
    )


def remove(session: Session, record: RelayRecord, *, actor: str, now: datetime) -> None:
    """Remove a relay with its lanes. The one of the settings stays."""
    if not record.locked_url:
        raise RefusedError(
            _(
                "This relay is NEWSLETTER_SMTP_URL. To keep mail off it: `newsletter relays pause %(name)s`.",
                name=record.name,
            )
        )
    audit.record(
        session, actor=actor, action="relay.removed", subject="relay", subject_id=record.id, now=now, name=record.name
    )
    session.execute(delete(Lane).where(Lane.relay_id == record.id))
    session.delete(record)


def _locked(url: str, vault: Vault) -> str:
    Relay.parse(url)  # refuses what cannot be read
    return vault.lock(url)


def _shown(record: RelayRecord, vault: Vault) -> str:
    """Its address without the password, for the record; empty when it cannot be read."""
    try:
        return str(Relay.parse(vault.unlock(record.locked_url)))
    except (ValueError, RefusedError):
        return ""


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _set(record: RelayRecord, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(record, name, value)
    if not 1 <= (1 if record.weight is None else record.weight) <= MAX_WEIGHT:
        raise RefusedError(_("A weight is a number from 1 to %(most)s.", most=MAX_WEIGHT))
    if not 1 <= (1 if record.connections is None else record.connections) <= MAX_CONNECTIONS:
        raise RefusedError(_("Connections are a number from 1 to %(most)s.", most=MAX_CONNECTIONS))
    if (record.messages_per_connection or 0) < 0 or any(cap < 1 for cap in record.warm_up):
        raise RefusedError(_("Limits are positive numbers."))
    record.senders = sorted({of_domain(sender) for sender in record.senders})
