"""Segments of a newsletter: the list, the builder with its live count, and the question before one is removed."""

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.errors import ConflictError, NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues import narrowed
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import queries as subscriptions
from newsletter.subscriptions.segments import counting, keeping, queries, wording
from newsletter.subscriptions.segments import names as naming
from newsletter.subscriptions.segments.conditions import CONDITIONS, Names
from newsletter.subscriptions.segments.counting import Count
from newsletter.subscriptions.segments.models import Segment
from newsletter.subscriptions.segments.reading import read_rule
from newsletter.subscriptions.segments.rule import Field, Rule
from newsletter.web.admin import guard, segment_form
from newsletter.web.admin.room import admin, enter
from newsletter.web.admin.segment_form import Draft
from newsletter.web.context import installation

Page = str | Response | tuple[str, int]
WORKING = ("add", "group", "drop", "count")  # buttons that keep nothing


@admin.get("/newsletters/<slug>/segments")
@guard.requires(Permission.READ)
def segments(slug: str) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        found = queries.of_newsletter(session, newsletter.id)
        rows = [(item, _lines(session, newsletter, item)) for item in found]
    return render_template("admin/segments.html", rows=rows)


@admin.get("/newsletters/<slug>/segments/new")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def new_segment(slug: str) -> str:
    with installation().database.reading() as session:
        return _builder(session, enter(session, slug), None, Draft())


@admin.post("/newsletters/<slug>/segments/new")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def create_segment(slug: str) -> Page:
    return _work(slug, None)


@admin.get("/newsletters/<slug>/segments/<int:segment_id>")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def segment(slug: str, segment_id: int) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        found = queries.by_id(session, newsletter.id, segment_id)
        return _builder(session, newsletter, found, segment_form.draft_of(found.name, read_rule(found.rule)))


@admin.post("/newsletters/<slug>/segments/<int:segment_id>")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def change_segment(slug: str, segment_id: int) -> Page:
    return _work(slug, segment_id)


@admin.post("/newsletters/<slug>/segments/count")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def count_segment(slug: str) -> str:
    """The live count: what the rule in the form gives, as part of the page."""
    draft = segment_form.read(request.form)
    rule = segment_form.rule_of(draft)
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        count, sample = _count(session, newsletter, rule)
    return render_template("admin/segment-count.html", count=count, sample=sample)


@admin.get("/newsletters/<slug>/segments/<int:segment_id>/remove")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def ask_to_remove_segment(slug: str, segment_id: int) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        found = queries.by_id(session, newsletter.id, segment_id)
        waiting = narrowed.waiting_for(session, found)
    return render_template("admin/segment-remove.html", segment=found, waiting=waiting)


@admin.post("/newsletters/<slug>/segments/<int:segment_id>/remove")
@guard.requires(Permission.MANAGE_SUBSCRIBERS)
def remove_segment(slug: str, segment_id: int) -> Page:
    with installation().database.unit() as session:
        newsletter = enter(session, slug)
        found = queries.by_id(session, newsletter.id, segment_id)
        if narrowed.waiting_for(session, found) and request.form.get("sure") != "yes":
            # An issue has come to wait for it since the question was asked, or nobody asked.
            return redirect(url_for("admin.ask_to_remove_segment", slug=slug, segment_id=segment_id), 303)
        keeping.remove(session, found, actor=guard.user().email, now=guard.now())
    flash(_("The segment is removed."))
    return redirect(url_for("admin.segments", slug=slug), 303)


def _work(slug: str, segment_id: int | None) -> Page:
    """Every button of the builder comes here and brings the whole form along."""
    verb = request.form.get("do", "save")
    draft = segment_form.read(request.form)
    working = verb.partition(":")[0] in WORKING
    if working:
        segment_form.change(draft, verb, request.form)
    rule = segment_form.rule_of(draft) if verb in ("save", "count") else None
    if verb == "save" and rule is not None:
        try:
            return _save(slug, segment_id, draft, rule)
        except (NotFoundError, ConflictError):
            raise
        except RefusedError as error:
            draft.error = str(error)
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        found = queries.by_id(session, newsletter.id, segment_id) if segment_id is not None else None
        return _builder(session, newsletter, found, draft), 200 if working and not draft.error else 422


def _save(slug: str, segment_id: int | None, draft: Draft, rule: Rule) -> Page:
    with installation().database.unit() as session:
        newsletter = enter(session, slug)
        known = narrowed.names(session, newsletter, [rule])
        if segment_id is None:
            keeping.add(session, newsletter, draft.name, rule, known=known, actor=guard.user().email, now=guard.now())
        else:
            keeping.change(
                session,
                newsletter,
                queries.by_id(session, newsletter.id, segment_id),
                draft.name,
                rule,
                known=known,
                actor=guard.user().email,
                now=guard.now(),
                expected_revision=_shown_revision(),
            )
    flash(_("Saved."))
    return redirect(url_for("admin.segments", slug=slug), 303)


def _builder(session: Session, newsletter: Newsletter, found: Segment | None, draft: Draft) -> str:
    kept = [read_rule(found.rule)] if found else []
    known = narrowed.names(session, newsletter, kept)
    # Of a trial, so that a row that is not filled in yet is no mistake.
    rule = segment_form.rule_of(segment_form.read(request.form)) if request.method == "POST" else next(iter(kept), None)
    if request.form.get("do", "").partition(":")[0] in ("add", "group", "drop"):
        rule = None
    # A page that is only opened says what was counted last, and asks for the count once it is there.
    opened = found is not None and request.method == "GET"
    count, sample = (None, []) if opened else _count(session, newsletter, rule)
    return render_template(
        "admin/segment.html",
        segment=found,
        revision=_shown_revision() or (found.revision if found else 1),
        draft=draft,
        boxes=[isinstance(part, segment_form.Box) for part in draft.parts],
        offered=segment_form.offered(known),
        unmeasured=CONDITIONS[Field.CLICKED].lacking(known),
        matches=segment_form.matches(),
        choices=segment_form.choices(known),
        attributes=subscriptions.attribute_names(session, newsletter.id),
        count=count,
        sample=sample,
    )


def _count(session: Session, newsletter: Newsletter, rule: Rule | None) -> tuple[str, list[str]]:
    """How many readers a rule gives, in words, and some of them."""
    if rule is None:
        return _("The count appears when the conditions are filled in."), []
    try:
        naming.check(rule, narrowed.names(session, newsletter, [rule]))
    except RefusedError as error:
        return str(error), []
    found = counting.count_rule(session, newsletter, rule, now=guard.now())
    none = found == Count(0)
    return counting.in_words(found), [] if none else counting.sample(session, newsletter, rule, now=guard.now())


def _lines(session: Session, newsletter: Newsletter, found: Segment) -> list[str]:
    """A rule in words; why there are none where it cannot be read."""
    try:
        rule = read_rule(found.rule)
    except RefusedError as error:
        return [str(error)]
    known: Names = narrowed.names(session, newsletter, [rule])
    return wording.in_words(rule, known)


def _shown_revision() -> int | None:
    asked = request.form.get("revision", "")
    return int(asked) if asked.isdecimal() and len(asked) < 16 else None
