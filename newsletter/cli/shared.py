"""What the commands have in common: opening the installation, printing for people or as JSON."""

import json
import os
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from newsletter import migrations
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.installation import Installation, open_installation
from newsletter.core.settings import load_settings

Command = TypeVar("Command", bound=Callable[..., Any])

ACTOR = "command"
ROW_ID = click.IntRange(1, 2**63 - 1)  # what fits into an id of either database


def as_json(command: Command) -> Command:
    """The option of every command that answers with data."""
    return click.option("--json", "json_", is_flag=True, help="Answer as JSON.")(command)


def open_here() -> Installation:
    """The installation that the settings name; RefusedError when its database is not ready for this version."""
    installation = open_installation(load_settings())
    current = migrations.current(installation.database.engine)
    if current != migrations.head():
        raise RefusedError(
            _("The database is not up to date. Run `newsletter db upgrade`, or `newsletter up` on one machine.")
        )
    return installation


def show(value: Any, json_: bool, lines: Callable[[], list[str]]) -> None:
    """Print data as JSON, or the lines for people."""
    if json_:
        click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))
    else:
        click.echo("\n".join(lines()))


def table(rows: list[list[str]]) -> list[str]:
    """Rows as columns that line up, two blanks apart."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))] if rows else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def actor() -> str:
    """Who runs the command, for the record."""
    return f"{ACTOR} ({os.environ.get('SUDO_USER') or os.environ.get('USER') or os.getuid()})"


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
