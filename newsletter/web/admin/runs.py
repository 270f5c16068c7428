"""What came of each hour of a newsletter: an issue, or why none; and why each article was in or out."""

from flask import render_template

from newsletter.accounts.permissions import Permission
from newsletter.issues import rulings
from newsletter.issues import runs as running
from newsletter.web.admin import guard, paging
from newsletter.web.admin.room import admin, enter
from newsletter.web.context import installation


@admin.get("/newsletters/<slug>/runs")
@guard.requires(Permission.READ)
def runs(slug: str) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        rows = running.page(session, newsletter.id, before=paging.before(), limit=paging.PER_PAGE + 1)
        listing = paging.listing(rows, lambda run: run.id, slug=slug)
    return render_template("admin/runs.html", listing=listing)


@admin.get("/newsletters/<slug>/runs/<int:run_id>")
@guard.requires(Permission.READ)
def run(slug: str, run_id: int) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        found = running.by_id(session, newsletter.id, run_id)
        told = rulings.of_run(session, run_id)
    return render_template("admin/run.html", run=found, trace=told)
