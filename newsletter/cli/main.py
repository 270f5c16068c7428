"""The `newsletter` command. One file per noun; every refusal is one sentence on stderr, and no traceback reaches a
person.
"""

import importlib
import locale
import os
import sys
import traceback

import click

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import use_locale

# Command and where it lives. Loaded when it is called: `newsletter up` should not wait for what only an import needs.
COMMANDS = {
    "up": "newsletter.cli.up:up",
    "web": "newsletter.cli.roles:web",
    "worker": "newsletter.cli.roles:worker",
    "beat": "newsletter.cli.roles:beat",
    "db": "newsletter.cli.db:db",
    "users": "newsletter.cli.users:users",
    "newsletters": "newsletter.cli.newsletters:newsletters",
    "look": "newsletter.cli.look:look",
    "topics": "newsletter.cli.topics:topics",
    "schedules": "newsletter.cli.schedules:schedules",
    "articles": "newsletter.cli.articles:articles",
    "feeds": "newsletter.cli.feeds:feeds",
    "subscribers": "newsletter.cli.subscribers:subscribers",
    "segments": "newsletter.cli.segments:segments",
    "suppressions": "newsletter.cli.suppressions:suppressions",
    "digest": "newsletter.cli.digest:digest",
    "issues": "newsletter.cli.issues:issues",
    "bounces": "newsletter.cli.bounces:bounces",
    "inbound": "newsletter.cli.inbound:inbound",
    "mailboxes": "newsletter.cli.mailboxes:mailboxes",
    "webhooks": "newsletter.cli.webhooks:webhooks",
    "relays": "newsletter.cli.relays:relays",
    "reports": "newsletter.cli.reports:reports",
    "deliverability": "newsletter.cli.deliverability:deliverability",
    "domains": "newsletter.cli.domains:domains",
    "doctor": "newsletter.cli.doctor:doctor",
}


class LazyGroup(click.Group):
    """Imports a command when it is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _colon, name = place.partition(":")
        found = getattr(importlib.import_module(module), name)
        return found if isinstance(found, click.Command) else None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="newsletter", prog_name="newsletter")
def cli() -> None:
    """Newsletters for newsrooms: sign-ups, digests and mail that arrives once."""


def main() -> None:
    """Run the command; exit codes 0 done, 1 refused, 2 wrong usage."""
    with use_locale(language()):
        try:
            code = cli(standalone_mode=False)
        except click.exceptions.Abort:
            code = 130
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except RefusedError as error:
            click.echo(str(error), err=True)
            code = 1
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 0
        except Exception as error:  # noqa: BLE001 - the person gets a sentence, the details go where they were asked for
            if os.environ.get("NEWSLETTER_LOG_LEVEL", "").lower() == "debug":
                traceback.print_exc()
            click.echo(_failure(error), err=True)
            code = 1
    sys.exit(code if isinstance(code, int) else 0)


def language() -> str:
    """The person's language, by LC_ALL, LC_MESSAGES and LANG."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name, ""):
            return value
    return locale.getlocale()[0] or "en"


def _failure(error: Exception) -> str:
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - only a failure pays for this import

    if isinstance(error, DBAPIError):
        reason = str(error.orig).strip().splitlines()[0]
        return _(
            "The database refused: %(reason)s. Check NEWSLETTER_DATABASE_URL, or run `newsletter db upgrade`.",
            reason=reason,
        )
    return _(
        "Something went wrong: %(reason)s. Run it again with NEWSLETTER_LOG_LEVEL=debug to see where.",
        reason=f"{type(error).__name__}: {error}",
    )


if __name__ == "__main__":
    main()
