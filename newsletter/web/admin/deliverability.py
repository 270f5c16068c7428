"""How well mail arrives: recipients' domains, what they say, and how relays warm up."""

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.delivery import advice, deliverability, limits, warming
from newsletter.delivery.days import BUCKETS
from newsletter.delivery.domain_figures import Line
from newsletter.delivery.models import RelayRecord
from newsletter.delivery.providers import provider_of
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin
from newsletter.web.charts import chart_points
from newsletter.web.context import installation

LOUDEST = 3  # domains whose trouble is told in full on top of the page


@dataclass(frozen=True, slots=True)
class Chart:
    """Messages a day as points of a line in a square of 100: those that were taken, and those that were refused."""

    sent: str
    bounced: str
    most: int


@admin.get("/deliverability")
@guard.requires(Permission.READ)
def deliverability_page() -> str:
    length = _length()
    with installation().database.reading() as session:
        report = deliverability.report(session, now=guard.now(), length=length)
        warm_ups = warming.standings(session)
        paused = [(lane, limits.in_words(lane)) for lane in limits.paused(session) if lane.domain]
    return render_template(
        "admin/deliverability.html",
        report=report,
        loudest=[(entry, advice.of_domain(entry.line.domain, entry.opinion)) for entry in report.troubled[:LOUDEST]],
        warm_ups=warm_ups,
        paused=paused,
        periods=deliverability.PERIODS,
        advice=advice,
    )


@admin.get("/deliverability/<domain>")
@guard.requires(Permission.READ)
def deliverability_of(domain: str) -> str:
    """One domain, day by day."""
    length = _length()
    name = limits.of_domain(domain)
    with installation().database.reading() as session:
        entry, days = deliverability.domain_report(session, name, now=guard.now(), length=length)
        warm_ups = warming.standings(session)
        paused = [(lane, limits.in_words(lane)) for lane in limits.paused(session) if lane.domain == name]
    return render_template(
        "admin/deliverability-domain.html",
        entry=entry,
        days=days,
        chart=chart(days),
        sentences=advice.of_domain(name, entry.opinion),
        warm_ups=[item for item in warm_ups if provider_of(name) in item.providers] or warm_ups,
        provider=provider_of(name),
        paused=paused,
        length=length,
        periods=deliverability.PERIODS,
        buckets=list(BUCKETS),
        advice=advice,
    )


@admin.post("/deliverability/warm-up/<int:relay_id>")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def change_warm_up(relay_id: int) -> Response:
    """Put a warm-up on a step by hand, keep it there, or let it go on."""
    step, actor, now = request.form.get("step", ""), guard.user().email, guard.now()
    with installation().database.unit() as session:
        record = session.get(RelayRecord, relay_id)
        if record is None:
            raise NotFoundError(_("There is no such relay."))
        if step.isdecimal() and len(step) < 4:
            warming.set_step(session, record, int(step), actor=actor, now=now)
        else:
            warming.hold(session, record, held=request.form.get("held") == "1", actor=actor, now=now)
    flash(_("The warm-up is changed."))
    return redirect(url_for("admin.deliverability_page"), 303)


def chart(days: list[Line]) -> Chart | None:
    """The days of a domain as two lines; None for fewer than two days."""
    if len(days) < 2:
        return None
    in_order = list(reversed(days))
    most = max(1, *(max(line.figures.sent, line.figures.bounced) for line in in_order))
    return Chart(
        chart_points([line.figures.sent for line in in_order], most),
        chart_points([line.figures.bounced for line in in_order], most),
        most,
    )


def _length() -> int:
    text = request.args.get("days", "")
    return int(text) if text in {str(length) for length in deliverability.PERIODS} else deliverability.PERIODS[0]
