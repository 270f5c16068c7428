"""`newsletter users`: staff accounts."""

import click

from newsletter.accounts import users as accounts
from newsletter.accounts.models import Role
from newsletter.cli.shared import actor, as_json, open_here, show
from newsletter.core.clock import utc_now
from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import current_locale
from newsletter.core.i18n import gettext as _


@click.group()
def users() -> None:
    """Let people in."""


@users.command()
@click.argument("email")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="What they may do.")
@click.option("--language", type=click.Choice(["fr", "en"]), default=None, help="Of their pages; yours unless given.")
@as_json
def create(email: str, role: str, language: str | None, json_: bool) -> None:
    """Add a member of staff and print a link, good once and for seven days, by which they set a password."""
    here = open_here()
    with here.database.unit() as session:
        user = accounts.create_user(
            session, email, Role(role), language=language or current_locale(), now=utc_now(), actor=actor()
        )
        link = here.links.password(accounts.make_password_link(session, user.id, now=utc_now()))
    show({"email": user.email, "role": role, "link": link}, json_, lambda: [link])


@users.command()
@click.argument("email")
@as_json
def link(email: str, json_: bool) -> None:
    """Print a new link for somebody who lost the password; earlier links stop working."""
    here = open_here()
    with here.database.unit() as session:
        user = accounts.find_by_email(session, email)
        if user is None:
            raise NotFoundError(_("There is no account for %(email)s.", email=email))
        made = here.links.password(accounts.make_password_link(session, user.id, now=utc_now()))
    show({"email": user.email, "link": made}, json_, lambda: [made])
