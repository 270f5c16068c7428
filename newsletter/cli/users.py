"""`newsletter users`: staff accounts."""

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy.orm import Session

from newsletter.accounts import people as staff
from newsletter.accounts import users as accounts
from newsletter.accounts.models import Role, User
from newsletter.accounts.people import By, Person
from newsletter.accounts.permissions import Rights
from newsletter.accounts.rights import GIVEN_FOR_ONE
from newsletter.cli.shared import actor, as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import current_locale
from newsletter.core.i18n import gettext as _
from newsletter.newsletters import queries as newsletters
from newsletter.staff import invitations

ROLE = click.Choice([role.value for role in Role])
FOR_ONE = "SLUG=ROLE"
LANGUAGE = click.option(
    "--language", type=click.Choice(["fr", "en"]), default=None, help="Of their pages; yours unless given."
)


@click.group()
def users() -> None:
    """Let people in."""


@users.command()
@click.argument("email")
@click.option("--role", type=ROLE, required=True, help="What they may do.")
@LANGUAGE
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
@click.option("--role", type=ROLE, default=None, help="What they may do, for all newsletters.")
@click.option("--newsletter", "limited", metavar=FOR_ONE, multiple=True, help="A role for one newsletter only.")
@LANGUAGE
@as_json
def invite(email: str, role: str | None, limited: tuple[str, ...], language: str | None, json_: bool) -> None:
    """Add a member of staff and mail them a link, good once and for seven days; to who has one, send a new one."""
    here = open_here()
    by, now = By(actor()), utc_now()
    with here.database.unit() as session:
        user = accounts.find_by_email(session, email)
        if user is not None:
            if role or limited:
                raise RefusedError(_("%(email)s has an account already.", email=user.email))
            invitations.send_link(session, here.signer, user.id, by=by, now=now)
        else:
            user = invitations.invite(
                session,
                here.signer,
                email,
                _wanted(session, role, limited),
                language=language or current_locale(),
                by=by,
                now=now,
            )
        answer = _plain(session, staff.person(session, user.id, now=now))
    show(answer, json_, lambda: [_("The invitation is on its way to %(email)s.", email=answer["email"])])


@users.command()
@click.argument("email")
@as_json
def link(email: str, json_: bool) -> None:
    """Print a new link for somebody who lost the password; earlier links stop working."""
    here = open_here()
    with here.database.unit() as session:
        user = _find(session, email)
        made = here.links.password(accounts.make_password_link(session, user.id, now=utc_now()))
    show({"email": user.email, "link": made}, json_, lambda: [made])


@users.command("list")
@as_json
def list_(json_: bool) -> None:
    """The staff: what each may do and where, and when they were seen last."""
    here = open_here()
    with here.database.reading() as session:
        answer = [_plain(session, person) for person in staff.everybody(session, now=utc_now())]
    show(answer, json_, lambda: table([_line(person) for person in answer]))


@users.command()
@click.argument("email")
@click.argument("role", type=ROLE)
@as_json
def role(email: str, role: str, json_: bool) -> None:
    """Give somebody one role for all newsletters."""
    _change_rights(email, lambda _session: Rights(Role(role)), json_)


@users.command()
@click.argument("email")
@click.argument("limited", metavar=FOR_ONE, nargs=-1, required=True)
@as_json
def rights(email: str, limited: tuple[str, ...], json_: bool) -> None:
    """Limit somebody to some newsletters, with a role for each: `depeche=author gazette=editor`."""
    _change_rights(email, lambda session: _wanted(session, None, limited), json_)


@users.command()
@click.argument("email")
@as_json
def disable(email: str, json_: bool) -> None:
    """Let somebody in no more; they are signed out at once. What they did stays on record."""
    _act(email, lambda session, user: staff.disable(session, user.id, by=By(actor()), now=utc_now()), json_)


@users.command()
@click.argument("email")
@as_json
def enable(email: str, json_: bool) -> None:
    """Let somebody in again, with the rights that they had."""
    _act(email, lambda session, user: staff.enable(session, user.id, by=By(actor()), now=utc_now()), json_)


def _change_rights(email: str, wanted: Callable[[Session], Rights], json_: bool) -> None:
    def act(session: Session, user: User) -> None:
        slugs = {item.id: item.slug for item in newsletters.all_newsletters(session)}
        staff.change_rights(session, user.id, wanted(session), by=By(actor()), now=utc_now(), slugs=slugs)

    _act(email, act, json_)


def _act(email: str, act: Callable[[Session, User], None], json_: bool) -> None:
    here = open_here()
    with here.database.unit() as session:
        user = _find(session, email)
        act(session, user)
        session.flush()
        answer = _plain(session, staff.person(session, user.id, now=utc_now()))
    show(answer, json_, lambda: table([_line(answer)]))


def _find(session: Session, email: str) -> User:
    user = accounts.find_by_email(session, email)
    if user is None:
        raise NotFoundError(_("There is no account for %(email)s.", email=email))
    return user


def _wanted(session: Session, role: str | None, limited: tuple[str, ...]) -> Rights:
    """The rights that the options ask for. Raises RefusedError."""
    if (role is None) == (not limited):
        raise RefusedError(_("Give either one role for all newsletters, or a role for each of some: depeche=author."))
    if role is not None:
        return Rights(Role(role))
    asked: dict[int, Role] = {}
    for text in limited:
        slug, _equals, name = text.partition("=")
        if name not in set(GIVEN_FOR_ONE):
            raise RefusedError(
                _(
                    "“%(text)s” names no role: write the short name of a newsletter, = and editor, author or analyst.",
                    text=text[:80],
                )
            )
        asked[newsletters.by_slug(session, slug).id] = Role(name)
    return Rights(None, asked)


def _plain(session: Session, person: Person) -> dict[str, Any]:
    slugs = {item.id: item.slug for item in newsletters.all_newsletters(session)}
    user = person.user
    state = "disabled" if user.disabled_at else "open" if user.password_hash else "invited"
    return {
        "email": user.email,
        "role": person.rights.everywhere,
        "newsletters": {slugs[number]: role.value for number, role in person.rights.by_newsletter.items()},
        "state": state,
        "language": user.language,
        "last_seen": person.seen_at,
        "sessions": person.open_sessions,
        "disabled_at": user.disabled_at,
    }


def _line(person: dict[str, Any]) -> list[str]:
    limited = ", ".join(f"{slug}={role}" for slug, role in person["newsletters"].items())
    seen = f"{person['last_seen']:%Y-%m-%d %H:%M}" if person["last_seen"] else "–"
    return [person["email"], person["role"] or limited or "–", person["state"], seen]
