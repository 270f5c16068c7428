"""Composing a digest once more, up to now, without losing what editors did to it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from newsletter.articles import queries as articles
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues import digest, editing, pool
from newsletter.issues.models import DigestRun, Issue, IssueArticle, IssueKind, Judgement
from newsletter.issues.rulings import BY_HAND
from newsletter.issues.selection.candidate import PoolItem, Ruling, Verdict
from newsletter.issues.selection.choose import Selection, choose
from newsletter.issues.selection.pick import Pool
from newsletter.issues.selection.rules import MOST, Rules, rules_document
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter, Schedule

DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Renewed:
    """What composing again has brought: articles that came in, and those that are no longer there."""

    added: tuple[int, ...]
    removed: tuple[int, ...]


def refresh(
    session: Session, issue: Issue, *, actor: str, now: datetime, expected_revision: int | None = None
) -> Renewed:
    """Choose again by the rules of today, from the beginning of the issue's window up to now.

    Texts stay, what an editor took out stays out, and what an editor put somewhere stays there. The window grows: the
    next digest begins where this one now ends.
    """
    session.execute(select(Newsletter.id).where(Newsletter.id == issue.newsletter_id).with_for_update(key_share=True))
    editing.begin(session, issue, expected_revision)
    newsletter = newsletters.by_id(session, issue.newsletter_id)
    run, schedule = _window(session, issue)
    rules = pool.rules_of(newsletter, schedule)
    spoken = _by_hand(session, run)
    dropped = {article for article, reason in spoken.items() if reason["code"] == DROPPED}
    found = pool.candidates(session, newsletter, schedule, cut_off=now, rules=rules, judged_before=run.cut_off)
    chosen = choose([item for item in found if item.article_id not in dropped], rules, cut_off=now)
    before = editing.places(session, issue.id)
    items = _merge(before, chosen, _placed_by_hand(session, issue, before, spoken))
    if not items:
        raise RefusedError(_("Nothing would be left of this issue. Skip it instead."))
    changed = _differs(issue, before, items, rules, newsletter, now)
    _rewrite(session, issue, before, items)
    _judge(session, run, chosen, items, rules, spoken)
    run.cut_off = issue.cut_off = now
    issue.rules = rules_document(rules)
    if chosen.enough and (issue.pause_reason or {}).get("code") == "held":
        issue.pause_reason = run.reason = None
    old, new = {row.article_id for row in before}, {item.article_id for item in items}
    renewed = Renewed(added=tuple(sorted(new - old)), removed=tuple(sorted(old - new)))
    if changed:
        editing.finish(
            session, issue, "issue.refreshed", actor=actor, now=now, added=renewed.added, removed=renewed.removed
        )
    return renewed


def _window(session: Session, issue: Issue) -> tuple[DigestRun, Schedule]:
    """The run of a digest and its cadence; RefusedError for what cannot grow."""
    if issue.kind is not IssueKind.DIGEST:
        raise RefusedError(_("Only a digest can be composed again."))
    runs = select(DigestRun).where(DigestRun.issue_id == issue.id).order_by(DigestRun.id.desc()).limit(1)
    run = session.scalars(runs).first()
    schedule = session.get(Schedule, run.schedule_id) if run else None
    if run is None or schedule is None:
        raise RefusedError(_("The cadence of this digest does not exist any more."))
    later = exists().where(DigestRun.schedule_id == run.schedule_id, DigestRun.cut_off > run.cut_off)
    if session.scalar(select(later)):
        raise RefusedError(_("A later digest has been composed since: what is new goes there. Add articles by hand."))
    return run, schedule


def _by_hand(session: Session, run: DigestRun) -> dict[int, dict[str, Any]]:
    """What editors have said about articles of the run, by article."""
    rows = session.execute(select(Judgement.article_id, Judgement.reason).where(Judgement.run_id == run.id))
    return {article: reason for article, reason in rows if reason["code"] in (*BY_HAND, DROPPED)}


def _placed_by_hand(
    session: Session, issue: Issue, rows: Sequence[IssueArticle], spoken: Mapping[int, Mapping[str, Any]]
) -> dict[int, int]:
    """Place of each article that an editor has put somewhere, unless it was withdrawn since."""
    held = {row.article_id: place for place, row in enumerate(rows)}
    said = [article for article, reason in spoken.items() if reason["code"] in BY_HAND and article in held]
    withdrawn = {
        article for article in said if articles.placed(session, article, issue.newsletter_id).withdrawn_at is not None
    }
    return {article: held[article] for article in said if article not in withdrawn}


def _merge(rows: Sequence[IssueArticle], chosen: Selection, fixed: Mapping[int, int]) -> list[PoolItem]:
    """What was chosen, in its order, around what editors have put at their places."""
    known = {item.article_id: item for item in chosen.pool}
    kept = {
        row.article_id: replace(
            known.get(row.article_id) or PoolItem(row.article_id, row.story_id),
            section=row.section,
            pinned=row.pinned,
        )
        for row in rows
        if row.article_id in fixed
    }
    stories = {item.story_id for item in kept.values()}
    merged = [item for item in chosen.pool if item.story_id not in stories]
    for article, place in sorted(fixed.items(), key=lambda pair: pair[1]):
        merged.insert(place, kept[article])
    return merged[:MOST]


def _differs(
    issue: Issue,
    before: Sequence[IssueArticle],
    items: Sequence[PoolItem],
    rules: Rules,
    newsletter: Newsletter,
    now: datetime,
) -> bool:
    """Whether readers would see a difference: in the articles, the rules they are picked by, or the date."""
    zone = ZoneInfo(newsletter.timezone)
    return (
        [(row.article_id, row.section, row.pinned) for row in before]
        != [(item.article_id, item.section, item.pinned) for item in items]
        or (issue.rules or {}) != rules_document(rules)
        or issue.cut_off.astimezone(zone).date() != now.astimezone(zone).date()
    )


def _rewrite(session: Session, issue: Issue, before: Sequence[IssueArticle], items: Sequence[PoolItem]) -> None:
    for row in before:
        session.expunge(row)
    session.execute(delete(IssueArticle).where(IssueArticle.issue_id == issue.id))
    digest.fill(session, issue, items)


def _judge(
    session: Session,
    run: DigestRun,
    chosen: Selection,
    items: Sequence[PoolItem],
    rules: Rules,
    spoken: Mapping[int, dict[str, Any]],
) -> None:
    """Why each article is in or out now; what editors said stands."""
    by_rules = {ruling.article_id: ruling for ruling in chosen.rulings}
    everything = rules.model_copy(update={"languages": "any"})
    told = [_spoken(ruling, spoken, by_rules) for ruling in Pool(items, everything).explain(topics=None, language="")]
    held = {item.article_id for item in items}
    told += [ruling for ruling in chosen.rulings if ruling.article_id not in held]
    told += _still_dropped(spoken, {ruling.article_id for ruling in told})
    session.execute(delete(Judgement).where(Judgement.run_id == run.id).execution_options(synchronize_session="fetch"))
    digest.keep_rulings(session, run, told, None)


def _spoken(ruling: Ruling, spoken: Mapping[int, dict[str, Any]], by_rules: Mapping[int, Ruling]) -> Ruling:
    if ruling.article_id in spoken:
        return replace(ruling, verdict=Verdict.IN, reason=spoken[ruling.article_id])
    before = by_rules.get(ruling.article_id)
    same = before is not None and before.verdict is ruling.verdict
    return replace(ruling, reason=before.reason) if same and before else ruling


def _still_dropped(spoken: Mapping[int, dict[str, Any]], told: Collection[int]) -> list[Ruling]:
    return [
        Ruling(article, Verdict.LATER, reason)
        for article, reason in spoken.items()
        if reason["code"] == DROPPED and article not in told
    ]
