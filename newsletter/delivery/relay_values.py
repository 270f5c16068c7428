"""A relay as a person types it: host, user and password in fields of their own, and what was found by trying it.

The password is written and never read: a form that leaves it empty keeps the one that is there, unless the mail would
go to another server, which has no business knowing it.
"""

from dataclasses import dataclass, field
from urllib.parse import quote

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.settings import Settings
from newsletter.core.tokens import Vault
from newsletter.delivery import relays
from newsletter.delivery.models import RelayRecord
from newsletter.mail.replies import Phase
from newsletter.mail.smtp import Security
from newsletter.mail.transport import Relay, Timeouts
from newsletter.mail.wire import Refused, SmtpError, TlsFailed

SCHEMES = {Security.STARTTLS: "smtp+starttls", Security.TLS: "smtps", Security.NONE: "smtp"}
PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}
PATIENCE = Timeouts(connect=8, greeting=8, command=8, data=8, block=8, dot=8, transaction=8, drain=2, quit=1)


@dataclass(frozen=True, slots=True)
class Account:
    """Where a relay is. `port` 0: the usual one. `password` empty: the one that is kept."""

    host: str = ""
    port: int = 0
    security: Security = Security.STARTTLS
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Trial:
    """What trying a relay has found. `problem`: why it does not work, in words, and what was `said`; the rest is known
    when it does work.
    """

    problem: str = ""
    said: str = ""
    encrypted: bool = False
    logged_in: bool = False
    milliseconds: int = 0
    pipelining: bool = False
    largest: int = 0


def account_of(record: RelayRecord, settings: Settings, vault: Vault) -> Account:
    """Where a relay is, without its password; an empty account when that cannot be read."""
    try:
        where = relays.address(record, settings, vault)
    except RefusedError:
        where = None
    return Account(where.host, where.port, where.security, where.user) if where else Account()


def has_password(record: RelayRecord, settings: Settings, vault: Vault) -> bool:
    """Whether a password is kept."""
    try:
        where = relays.address(record, settings, vault)
    except RefusedError:
        return False
    return bool(where and where.password)


def url_of(account: Account, kept: Relay | None = None) -> str:
    """The address of a relay as it is kept, with the password of `kept` where none is typed and the server is the same.

    Raises RefusedError for a host that is missing, and where the password has to be typed again.
    """
    host, port = account.host.strip(), account.port or PORTS[account.security]
    if not host or any(sign in host for sign in "/@?# \t\r\n\\") or not host.isprintable():
        raise RefusedError(_("Name the host of the relay, as in smtp.example.org."))
    if not 0 < port < 65536:
        raise RefusedError(_("A port is a number from 1 to 65535."))
    password = account.password
    if not password and account.user and kept is not None and kept.password:
        weaker = account.security is Security.NONE and kept.security is not Security.NONE
        if (kept.host, kept.port, kept.user) != (host.strip("[]"), port, account.user) or weaker:
            raise RefusedError(
                _("The password that is kept belongs to another server or user. Type the one for this address.")
            )
        password = kept.password
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    login = quote(account.user, safe="") + (f":{quote(password, safe='')}" if password else "")
    query = f"?auth={kept.auth}" if kept is not None and kept.auth and password == kept.password else ""
    return f"{SCHEMES[account.security]}://{login + '@' if login else ''}{shown}:{port}{query}"


def try_out(where: Relay) -> Trial:
    """Connect, protect and log in; nothing is sent. Some seconds at most for each step; not while a transaction is
    open.
    """
    try:
        connection = where.connect(helo="", timeouts=PATIENCE, context=None)
    except SmtpError as error:
        return Trial(problem=_in_words(where, error), said=_said(where, error))
    try:
        return Trial(
            encrypted=connection.encrypted,
            logged_in=bool(where.user),
            milliseconds=max(1, round(connection.round_trip * 1000)),
            pipelining="PIPELINING" in connection.extensions.names,
            largest=connection.extensions.size,
        )
    finally:
        connection.quit()


def _in_words(where: Relay, error: SmtpError) -> str:
    if isinstance(error, TlsFailed):
        return _("No protected connection could be made; look at the port, the protection and its certificate.")
    if error.phase is Phase.CONNECT:
        return _("Nobody answers at %(host)s, port %(port)s.", host=where.host, port=where.port)
    if error.phase is Phase.AUTH:
        return _("The login was refused: look at the user and the password.")
    if isinstance(error, Refused):
        return _("The server refuses to speak with us.")
    return _("The connection broke off before anything could be sent.")


def _said(where: Relay, error: SmtpError) -> str:
    """No password is in what a connection says of itself; to be sure of a server that repeats what it heard."""
    said = str(error)
    return said.replace(where.password, "…") if where.password else said
