"""`newsletter db`: the schema of the database."""

import click

from newsletter import migrations
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.installation import open_installation
from newsletter.core.settings import load_settings


@click.group()
def db() -> None:
    """Bring the database up to date, or check that it is."""


@db.command()
def upgrade() -> None:
    """Apply every migration that is missing. Nothing is lost, and running it twice does no harm."""
    changed = migrations.upgrade(open_installation(load_settings()).database.engine)
    click.echo(_("The database is up to date now.") if changed else _("The database was up to date."))


@db.command()
def check() -> None:
    """Leave with 1 when a migration is missing."""
    current = migrations.current(open_installation(load_settings()).database.engine)
    if current != migrations.head():
        raise RefusedError(_("The database is not up to date. Run `newsletter db upgrade`."))
    click.echo(_("The database is up to date."))
