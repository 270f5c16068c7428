"""By which rules a newsletter's digests are composed: tried on the past weeks before they are saved."""

import json
from dataclasses import dataclass, field
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.errors import ConflictError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues import difference, rulebook
from newsletter.issues.difference import Difference
from newsletter.issues.selection.rules import (
    MOST,
    Attribute,
    Languages,
    Order,
    Rules,
    TooLittle,
    Updated,
    read_rules,
    rules_document,
)
from newsletter.newsletters import schedules
from newsletter.web.admin import formats, guard
from newsletter.web.admin.room import admin, enter
from newsletter.web.admin.rule_parts import Parts, parts_of, parts_sent
from newsletter.web.context import installation

Page = str | Response | tuple[str, int]
COUNTS = ("max_items", "minimum", "per_author", "per_source")
WORDS = ("too_little", "order", "languages", "updated")


@dataclass(frozen=True, slots=True)
class Form:
    """What the fields show. `parts`: the sections and exclusions as they were typed. `mark`: of the rules that were in
    force when the page was opened.
    """

    fields: dict[str, Any]
    parts: Parts
    mark: str
    wrong: dict[str, str] = field(default_factory=dict)


@admin.get("/newsletters/<slug>/rules")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def rules(slug: str) -> str:
    with installation().database.reading() as session:
        return _page(_form_of(read_rules(enter(session, slug).rules)))


@admin.post("/newsletters/<slug>/rules")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def change_rules(slug: str) -> Page:
    """Try the rules of the form on the past weeks, save them, or only change what the form shows."""
    form, asked = _typed()
    database = installation().database
    if (changed := form.parts.changed(request.form.get("do", ""))) is not None:
        with database.reading() as session:
            enter(session, slug)
            return _page(Form(form.fields, changed, form.mark))
    if asked is None or request.form.get("do") == "try":
        with database.reading() as session:
            newsletter = enter(session, slug)
            if asked is None:
                return _page(form), 422
            schedule = schedules.main_of(session, newsletter.id)
            try:
                found = difference.rehearsed(session, newsletter, schedule, asked, now=guard.now())
            except RefusedError as error:
                form.wrong["parts"] = str(error)
                return _page(form), 422
        return _page(form, found)
    try:
        with database.unit() as session:
            by = {"actor": guard.user().email, "now": guard.now(), "instead_of": form.mark}
            rulebook.change_rules(session, enter(session, slug), asked, **by)  # type: ignore[arg-type]
    except ConflictError as error:
        with database.reading() as session:
            theirs = read_rules(enter(session, slug).rules)
        form.wrong["parts"] = str(error)
        return _page(Form(form.fields, form.parts, rulebook.mark(theirs), form.wrong), theirs=_as_text(theirs)), 409
    flash(_("Saved."))
    return redirect(url_for("admin.rules", slug=slug), 303)


def _typed() -> tuple[Form, Rules | None]:
    """The form as it was typed, and the rules it makes, None where something is wrong with it."""
    given = {name: request.form.get(name, "").strip() for name in (*COUNTS, *WORDS, "mark")}
    parts = parts_sent(request.form)
    form = Form({name: given[name] for name in (*COUNTS, *WORDS)}, parts, given["mark"], parts.wrong())
    document: dict[str, Any] = {name: given[name] for name in WORDS if given[name]}
    for name in COUNTS:
        value = given[name]
        if value and not (value.isascii() and value.isdecimal() and 1 <= int(value[:9]) <= MOST):
            form.wrong[name] = _("Give a whole number from 1 to %(most)d.", most=MOST)
        elif value:
            document[name] = int(value)
    if form.wrong:
        return form, None
    try:
        return form, read_rules(document | parts.document())
    except RefusedError as error:
        form.wrong["parts"] = str(error)
        return form, None


def _form_of(found: Rules) -> Form:
    document = found.model_dump(mode="json")
    fields = {name: document[name] for name in (*COUNTS, *WORDS)}
    return Form(fields, parts_of(found), rulebook.mark(found))


def _as_text(found: Rules) -> str:
    return json.dumps(rules_document(found), ensure_ascii=False, indent=2)


def _page(form: Form, found: Difference | None = None, theirs: str = "") -> str:
    zone = formats.zone()
    return render_template(
        "admin/rules.html",
        form=form,
        most=MOST,
        options=_options(),
        found=found,
        theirs=theirs,
        summary=difference.summary(found) if found else [],
        changes=[(change, difference.turn_in_words(change)) for change in found.changes] if found else [],
        zone=zone.key,
    )


def _options() -> dict[str, list[tuple[str, str]]]:
    """The words a rule may have, each as people say it."""
    return {
        "too_little": [
            (TooLittle.SKIP, _("is left out")),
            (TooLittle.HOLD, _("waits on the desk")),
            (TooLittle.TOP_UP, _("is filled from the reserve")),
            (TooLittle.MERGE, _("is left to the next one")),
        ],
        "order": [
            (Order.NEWEST, _("the latest first")),
            (Order.SCORE, _("by weight and age")),
            (Order.HAND, _("as they came in")),
        ],
        "languages": [
            (Languages.ANY, _("get articles in every language")),
            (Languages.OWN, _("get articles in their language only")),
        ],
        "updated": [
            (Updated.IGNORE, _("does not come again")),
            (Updated.MARK, _("is marked as updated")),
            (Updated.AGAIN, _("comes again")),
        ],
        "how": [
            ("any", _("one of these")),
            ("all", _("must be")),
            ("none", _("must not be")),
        ],
        "attribute": [
            (Attribute.TOPIC, _("topic")),
            (Attribute.KEYWORD, _("word in title or text")),
            (Attribute.AUTHOR, _("author")),
            (Attribute.SOURCE, _("source")),
            (Attribute.LANGUAGE, _("language (fr, en)")),
        ],
    }
