"""The composer: what an issue says, in which order, and how it looks to a reader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from flask import render_template
from sqlalchemy.orm import Session

from newsletter.articles import queries as articles
from newsletter.articles.models import Article
from newsletter.core.i18n import gettext as _
from newsletter.issues import approvals, history, pool, queries, rulings, standing, undoing
from newsletter.issues.models import Issue, IssueKind
from newsletter.issues.rulings import Told
from newsletter.issues.selection.candidate import Verdict
from newsletter.issues.selection.reasons import in_words
from newsletter.issues.selection.rules import read_rules
from newsletter.issues.stories import sections_of
from newsletter.newsletters.models import Newsletter
from newsletter.web.admin import guard, preflight
from newsletter.web.admin.message import look, shown, view_arguments
from newsletter.web.admin.shelf import shelf_of
from newsletter.web.security import allow

CUT_BY_PHONE, CUT_BY_DESKTOP = 40, 70  # characters of a subject that are seen
GAUGE = 80  # the length that the gauge shows


@dataclass(frozen=True, slots=True)
class Line:
    """An article of an issue as the composer shows it. `no_room`: why a reader of everything does not get it, empty
    when they do. `told`: where it stands, for those who hear the page.
    """

    article_id: int
    article: Article
    place: int
    key: str
    why: str
    no_room: str
    told: str


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbours of one section. `most`: how many of it readers get; None: all. `title` is empty without a section."""

    key: str
    title: str
    most: int | None
    lines: Sequence[Line]


def composer_page(
    session: Session, newsletter: Newsletter, issue: Issue, *, typed: Mapping[str, str] | None = None, problem: str = ""
) -> str:
    """The page of an issue that has not been sent. `typed`: texts that were refused, for the reason `problem`."""
    allow("frame-src", "'self'")
    asked = shown(newsletter)
    message = look(session, newsletter, issue, asked)
    told = rulings.of_issue(session, issue.id)
    groups = _groups(session, issue, asked.language, told)
    approved_by = approvals.of_revision(session, issue)
    texts = {name: (typed or {}).get(name, getattr(issue, name)) for name in history.TEXTS}
    made = message.own
    length = len(texts["subject"] or made.subject)
    return render_template(
        "admin/composer.html",
        issue=issue,
        texts=texts,
        problem=problem,
        now=guard.now(),
        kind=standing.kind_in_words(issue.kind),
        is_digest=issue.kind is IssueKind.DIGEST,
        under_review=approvals.under_review(issue),
        standing=standing.in_words(issue, newsletter, approved_by),
        approved_by=approved_by,
        preflight=preflight.known(session, issue),
        groups=groups,
        count=sum(len(group.lines) for group in groups),
        left=sum(1 for group in groups for line in group.lines if line.no_room),
        shelf=shelf_of(session, newsletter, issue, told),
        audience=queries.readers_of(session, issue, now=guard.now()),
        message=message,
        asked=asked,
        view=view_arguments(),
        undo=_step(session, issue, ahead=False),
        redo=_step(session, issue, ahead=True),
        length=length,
        used=min(length, GAUGE) * 100 / GAUGE,
        cuts=[at * 100 / GAUGE for at in (CUT_BY_PHONE, CUT_BY_DESKTOP)],
        gauge={"phone": CUT_BY_PHONE, "desktop": CUT_BY_DESKTOP, "most": GAUGE},
    )


def articles_in_order(session: Session, issue: Issue, language: str) -> list[tuple[int, Article]]:
    """Each article of an issue with the id of its original, in the language where it has been translated."""
    ids = queries.articles_of(session, issue.id)
    chosen = articles.in_language(session, ids, language)
    return [(article_id, chosen[article_id]) for article_id in ids]


def leads(session: Session, issues: Sequence[Issue]) -> dict[int, str]:
    """The title of each issue's first article, by the issue's id: what a draft is called until it has a subject."""
    first = {issue.id: next(iter(queries.articles_of(session, issue.id)), 0) for issue in issues if not issue.subject}
    titles = {item.id: item.title for item in articles.in_language(session, list(first.values()), "").values()}
    return {issue.id: titles.get(first.get(issue.id, 0), "") for issue in issues}


def _step(session: Session, issue: Issue, *, ahead: bool) -> str:
    """The step that can be undone or done again, in words; empty: none."""
    found = history.last(session, issue.id, ahead=ahead)
    return undoing.in_words(found.what) if found else ""


def _groups(session: Session, issue: Issue, language: str, told: Sequence[Told]) -> list[Group]:
    lines = _lines(session, issue, language, told)
    sections = {item.key: item for item in read_rules(issue.rules).sections}
    groups = []
    for key, some in groupby(lines, key=lambda line: line.key if line.key in sections else ""):
        section = sections.get(key)
        groups.append(
            Group(
                key,
                section.title if section else _("Also in this issue") if sections else "",
                section.count if section else None,
                list(some),
            )
        )
    return groups


def _lines(session: Session, issue: Issue, language: str, told: Sequence[Told]) -> list[Line]:
    keys = sections_of(session, issue.id)
    titles = {item.key: item.title for item in read_rules(issue.rules).sections}
    why = {item.article_id: item.words for item in told}
    everything = pool.pool_of(session, issue).explain(topics=None, language=language)
    crowded = {
        item.article_id: in_words(item.verdict, item.reason) for item in everything if item.verdict is not Verdict.IN
    }
    ordered = articles_in_order(session, issue, language)
    return [
        Line(
            article_id,
            article,
            place,
            key=keys.get(article_id, ""),
            why=why.get(article_id, ""),
            no_room=crowded.get(article_id, ""),
            told=_where(article.title, article_id, [item for item, _article in ordered], keys, titles),
        )
        for place, (article_id, article) in enumerate(ordered, start=1)
    ]


def _where(
    title: str, article_id: int, order: Sequence[int], keys: Mapping[int, str], titles: Mapping[str, str]
) -> str:
    """“Maïs, place 2 of 3 in Togo”."""
    key = keys.get(article_id, "")
    if not titles.get(key):
        return _(
            "%(title)s, place %(place)d of %(count)d", title=title, place=order.index(article_id) + 1, count=len(order)
        )
    beside = [item for item in order if keys.get(item, "") == key]
    return _(
        "%(title)s, place %(place)d of %(count)d in %(section)s",
        title=title,
        place=beside.index(article_id) + 1,
        count=len(beside),
        section=titles[key],
    )
