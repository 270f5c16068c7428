"""What one running process holds: the settings, the database and the keys, opened once by the entry point and passed
on.
"""

from dataclasses import dataclass

from newsletter.core import jobs
from newsletter.core.database import Database, open_database
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.settings import Settings, read_secret_key
from newsletter.core.tokens import Signer, Vault, derive_key
from newsletter.core.urls import Links


@dataclass(frozen=True, slots=True)
class Installation:
    settings: Settings
    secret: str
    database: Database
    broker: jobs.Broker
    signer: Signer
    vault: Vault
    links: Links

    def key(self, purpose: str) -> bytes:
        """32 bytes for one purpose, the same in every process of the installation."""
        return derive_key(self.secret, purpose)


def open_installation(settings: Settings) -> Installation:
    """Open everything that the settings name; RefusedError when the data directory cannot be used. The database is not
    upgraded here.
    """
    try:
        secret = read_secret_key(settings)
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise RefusedError(
            _(
                "Cannot write in the data directory %(path)s: %(reason)s. Set NEWSLETTER_DATA_DIR to one of yours.",
                path=settings.data_dir,
                reason=error.strerror or type(error).__name__,
            )
        ) from None
    broker = jobs.Broker(settings.broker)
    signer = Signer(secret)
    return Installation(
        settings=settings,
        secret=secret,
        database=open_database(settings.database, broker),
        broker=broker,
        signer=signer,
        vault=Vault(secret),
        links=Links(settings.site_url, signer),
    )
