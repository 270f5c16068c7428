"""Keys of the desk: which there are, where they lead, and whether those of a single letter are on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from newsletter.accounts import users
from newsletter.accounts.permissions import Permission
from newsletter.core.i18n import gettext as _
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin
from newsletter.web.admin.rooms import Link
from newsletter.web.context import installation


@dataclass(frozen=True, slots=True)
class Keys:
    """What some keys do, where: `pressed` are pressed together, or one after the other when `after` is set."""

    pressed: tuple[str, ...]
    does: str
    after: bool = False


@admin.app_template_global()
def go_letters(rooms: Iterable[Link]) -> dict[str, str]:
    """The letter behind `g` that leads to each room, by its address: the first of its name that no other has taken."""
    letters: dict[str, str] = {}
    for label, address, _in_view in rooms:
        free = (letter for letter in label.lower() if letter.isascii() and letter.isalpha())
        letters[address] = next((letter for letter in free if letter not in letters.values()), "")
    return letters


def general() -> Sequence[Keys]:
    return (
        Keys(("?",), _("This list")),
        Keys(("/",), _("To the search field")),
        Keys(("j",), _("Down a list")),
        Keys(("k",), _("Up a list")),
        Keys((_("Enter"),), _("Open what is marked in a list")),
        Keys((_("Esc"),), _("Close a menu or a question")),
    )


def composing() -> Sequence[Keys]:
    return (
        Keys(("Alt", "↑"), _("Move the article up")),
        Keys(("Alt", "↓"), _("Move the article down")),
        Keys((_("Del"),), _("Take the article out")),
        Keys(("Ctrl", "Z"), _("Undo the last step, outside fields")),
        Keys(("Ctrl", _("Shift"), "Z"), _("Take it again")),
        Keys(("Ctrl", "S"), _("Save at once")),
        Keys(("Ctrl", _("Enter")), _("Approve or send, after a question")),
    )


@admin.get("/keys")
@guard.requires(Permission.READ, shared=True)
def keys() -> str:
    return render_template("admin/keys.html", general=general(), composing=composing())


@admin.post("/account/keys")
@guard.requires(Permission.READ, shared=True)
def change_keys() -> Response:
    on = request.form.get("letter_keys") == "on"
    with installation().database.unit() as session:
        users.use_letter_keys(session, guard.user().id, on)
    flash(_("Keys of a single letter are on.") if on else _("Keys of a single letter are off."))
    return redirect(url_for("admin.account"), 303)
