"""`newsletter newsletters measure` and `newsletter issues clicks`: what readers do with a message."""

from dataclasses import asdict
from typing import Any

import click

from newsletter.cli.shared import ROW_ID, actor, as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.i18n import gettext as _
from newsletter.issues import queries as issues
from newsletter.newsletters import measuring, queries
from newsletter.newsletters.models import Measure
from newsletter.tracking import queries as tracking
from newsletter.tracking.queries import IssueFigures, LinkView

MEASURES = click.Choice([item.value for item in Measure])


@click.command()
@click.argument("slug")
@click.option("--clicks", type=MEASURES, default=None, help="Links that are followed.")
@click.option("--opens", type=MEASURES, default=None, help="Messages that are opened; an estimate.")
@as_json
def measure(slug: str, clicks: str | None, opens: str | None, json_: bool) -> None:
    """What is measured of issues from now on: nothing (off), how often (anonymous), or by whom (reader).

    Opens by reader are those of readers who agreed in their preferences. See docs/measuring.md.
    """
    here = open_here()
    with here.database.unit() as session:
        found = queries.by_slug(session, slug)
        measuring.change(
            session,
            found,
            clicks=Measure(clicks) if clicks else found.clicks,
            opens=Measure(opens) if opens else found.opens,
            actor=actor(),
            now=utc_now(),
        )
        answer = {"newsletter": found.slug, "clicks": found.clicks.value, "opens": found.opens.value}
    show(answer, json_, lambda: [f"{name}: {value}" for name, value in answer.items()])


@click.command("clicks")
@click.argument("issue_id", type=ROW_ID)
@as_json
def clicks(issue_id: int, json_: bool) -> None:
    """Who followed the links of an issue: persons, and apart from them machines that look at mail."""
    here = open_here()
    with here.database.reading() as session:
        issues.by_id(session, issue_id)
        figures = tracking.figures(session, [issue_id])[issue_id]
        links = tracking.links(session, issue_id)
        waiting = tracking.waiting_since(session)
    answer = _answer(figures, links) | {"waiting_since": waiting.isoformat() if waiting else None}
    show(answer, json_, lambda: _lines(figures, links))


def _answer(figures: IssueFigures, links: list[LinkView]) -> dict[str, Any]:
    return {
        "issue": figures.issue_id,
        "measured": {"clicks": figures.clicks.value, "opens": figures.opens.value},
        "clicks": asdict(figures.clicked),
        "opens": asdict(figures.opened),
        "links": [asdict(link) for link in links],
    }


def _lines(figures: IssueFigures, links: list[LinkView]) -> list[str]:
    if figures.clicks is Measure.OFF and figures.opens is Measure.OFF:
        return [_("Nothing is measured of this issue."), *(f"  {link.url}" for link in links)]
    total, opened = figures.clicked, figures.opened
    lines = []
    if figures.clicks is not Measure.OFF:
        lines.append(
            _(
                "Clicks: %(clicks)s by persons, %(machines)s by machines, %(unknown)s unknown.",
                clicks=total.clicks,
                machines=total.machines,
                unknown=total.unknown,
            )
        )
    if figures.clicks is Measure.READER:
        lines.append(_("Readers who clicked: %(readers)s", readers=total.readers))
    if figures.opens is not Measure.OFF:
        lines.append(
            _(
                "Opens, an estimate: %(opens)s; %(prefetched)s loaded ahead by mail programs.",
                opens=opened.opens,
                prefetched=opened.prefetched,
            )
        )
    rows = [
        [str(link.number), *(map(str, (link.counts.clicks, link.counts.readers, link.counts.machines))), link.url]
        for link in links
        if link.followed
    ]
    head = [["", _("clicks"), _("readers"), _("machines"), ""]] if rows else []
    return [*lines, *table([*head, *rows])]
