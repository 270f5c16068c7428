"""`newsletter segments`: parts of the readers of a newsletter, by a rule."""

import json
from typing import Any, TextIO

import click
from sqlalchemy.orm import Session

from newsletter.cli.shared import actor, as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import format_number
from newsletter.core.i18n import gettext as _
from newsletter.issues import narrowed
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions.segments import counting, keeping, queries, wording
from newsletter.subscriptions.segments.models import Segment
from newsletter.subscriptions.segments.names import check
from newsletter.subscriptions.segments.reading import read_rule
from newsletter.subscriptions.segments.rule import Rule

MAX_RULE = 100_000  # characters of a file
PATIENCE = 600.0  # seconds: whoever types this can wait, and can press Ctrl-C


@click.group()
def segments() -> None:
    """Parts of the readers, by a rule: an issue can go to one only, or to all but one."""


@segments.command("list")
@click.option("--newsletter", "slug", required=True)
@as_json
def list_(slug: str, json_: bool) -> None:
    """The segments of a newsletter."""
    with open_here().database.reading() as session:
        newsletter = newsletters.by_slug(session, slug)
        answer = [_plain(session, newsletter, item) for item in queries.of_newsletter(session, newsletter.id)]
    show(
        answer,
        json_,
        lambda: table(
            [[row["name"], "–" if row["readers"] is None else format_number(row["readers"])] for row in answer]
        ),
    )


@segments.command("show")
@click.argument("name")
@click.option("--newsletter", "slug", required=True)
@as_json
def show_(name: str, slug: str, json_: bool) -> None:
    """A segment's rule, in words and as it is kept."""
    with open_here().database.reading() as session:
        newsletter = newsletters.by_slug(session, slug)
        answer = _plain(session, newsletter, queries.by_name(session, newsletter.id, name))
    show(answer, json_, lambda: _lines(answer))


@segments.command("count")
@click.argument("name", required=False)
@click.option("--newsletter", "slug", required=True)
@click.option(
    "--rule", "file", type=click.File("r", encoding="utf-8"), help="Instead of a name: a rule, or - for stdin."
)
@as_json
def count_(name: str | None, slug: str, file: TextIO | None, json_: bool) -> None:
    """How many readers a segment, or a rule that is only thought of, has now."""
    if (name is None) == (file is None):
        raise click.UsageError(_("Name a segment, or give --rule."))
    with open_here().database.reading() as session:
        newsletter = newsletters.by_slug(session, slug)
        if file is not None:
            rule = _read(session, newsletter, file)
        else:
            rule = read_rule(queries.by_name(session, newsletter.id, name or "").rule)
        check(rule, narrowed.names(session, newsletter, [rule]))
        found = counting.count_rule(session, newsletter, rule, now=utc_now(), seconds=PATIENCE)
    show({"readers": found.number, "more": found.more}, json_, lambda: [counting.in_words(found)])


@segments.command()
@click.argument("name")
@click.option("--newsletter", "slug", required=True)
@click.option("--rule", "file", required=True, type=click.File("r", encoding="utf-8"), help="A file, or - for stdin.")
@as_json
def add(name: str, slug: str, file: TextIO, json_: bool) -> None:
    """Add a segment. The rule is JSON, see docs/segments.md; topics and rhythms may be called by their short names."""
    with open_here().database.unit() as session:
        newsletter = newsletters.by_slug(session, slug)
        rule = _read(session, newsletter, file)
        known = narrowed.names(session, newsletter, [rule])
        made = keeping.add(session, newsletter, name, rule, known=known, actor=actor(), now=utc_now())
        answer = _plain(session, newsletter, made)
    show(answer, json_, lambda: _lines(answer))


@segments.command()
@click.argument("name")
@click.option("--newsletter", "slug", required=True)
@click.option("--yes", is_flag=True, help="Although issues wait for it: they stop until somebody says who gets them.")
@as_json
def remove(name: str, slug: str, yes: bool, json_: bool) -> None:
    """Take a segment away. Its readers stay."""
    with open_here().database.unit() as session:
        found = queries.by_name(session, newsletters.by_slug(session, slug).id, name)
        waiting = [issue.id for issue in narrowed.waiting_for(session, found)]
        if waiting and not yes:
            numbers = ", ".join(map(str, waiting))
            raise RefusedError(
                _("Issues wait for this segment: %(issues)s. Say who gets them first, or give --yes.", issues=numbers)
            )
        keeping.remove(session, found, actor=actor(), now=utc_now())
        answer = {"name": found.name, "issues_waiting": waiting}
    show(answer, json_, lambda: [_("The segment is removed.")])


def _read(session: Session, newsletter: Newsletter, file: TextIO) -> Rule:
    """A rule from a file, in which topics and rhythms may stand by their short names."""
    try:
        document = json.loads(file.read(MAX_RULE))
    except (ValueError, RecursionError):
        raise RefusedError(_("This is not JSON.")) from None
    known = {
        "topic": {item.slug: item.id for item in newsletters.topics(session, newsletter.id)},
        "cadence": {item.slug: item.id for item in schedules.of_newsletter(session, newsletter.id)},
    }
    _resolve(document, known, depth=2)
    return read_rule(document)


def _resolve(item: Any, known: dict[str, dict[str, int]], *, depth: int) -> None:
    inner = item.get("of") if isinstance(item, dict) else None
    for each in inner if isinstance(inner, list) and depth else ():
        _resolve(each, known, depth=depth - 1)
        if not isinstance(each, dict) or not isinstance(each.get("value"), str) or each.get("field") not in known:
            continue
        slugs = known[each["field"]]
        if each["value"] not in slugs:
            names = {"name": each["value"][:60], "known": ", ".join(slugs) or "—"}
            raise NotFoundError(_("There is nothing called “%(name)s” here. These exist: %(known)s.", **names))
        each["value"] = slugs[each["value"]]


def _plain(session: Session, newsletter: Newsletter, segment: Segment) -> dict[str, Any]:
    rule = read_rule(segment.rule)
    return {
        "id": segment.id,
        "name": segment.name,
        "readers": segment.readers,
        "counted_at": segment.counted_at,
        "words": wording.in_words(rule, narrowed.names(session, newsletter, [rule])),
        "rule": segment.rule,
        "created_by": segment.created_by,
        "changed_by": segment.changed_by,
        "changed_at": segment.changed_at,
        "issues_waiting": [issue.id for issue in narrowed.waiting_for(session, segment)],
    }


def _lines(answer: dict[str, Any]) -> list[str]:
    head, *parts = answer["words"]
    count = "" if answer["readers"] is None else f" ({format_number(answer['readers'])})"
    return [f"{answer['name']}{count}", head, *(f"  - {part}" for part in parts)]
