"""What is fatal keeps an issue from leaving, until it is mended or an owner overrules it; nothing else does."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from newsletter.accounts import users
from newsletter.accounts.models import AuditEvent, Role, User
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import use_locale
from newsletter.delivery import slots
from newsletter.issues import approvals, checking, clearance, dispatch, editing, inspection, review, standing
from newsletter.issues.inspection import Outside
from newsletter.issues.letters import ReviewMails
from newsletter.issues.models import Issue, IssueStatus
from newsletter.issues.one_click import Reply
from newsletter.issues.preflight.findings import Finding, Level, found
from newsletter.issues.preflight.reaching import Answer
from newsletter.issues.preflight_models import Preflight
from newsletter.mail.dkim import DkimKey
from newsletter.newsletters.models import Newsletter, Review
from newsletter.subscriptions.models import Subscriber
from tests.support.newsroom import Newsroom

HOUR = timedelta(hours=1)
FATAL = found("leave_redirects", Level.FATAL, "https://news.example", status=301)
WARNING = found("link_gone", Level.WARNING, "https://gazette.example/1", count=1)
QUIET = Outside(
    ask=lambda _url, _image, _seconds: Answer(200),
    post=lambda _url: Reply(200),
    spam=lambda _message: [],
    published=lambda _keys: [],
)
REASON = "Le site est en travaux, les lecteurs sont prévenus."


def check(newsroom: Newsroom, issue: Issue, world: Outside = QUIET, *, again: bool = True) -> dict[str, Finding]:
    """By key; of several with one key, the last."""
    told = checking.check_now(newsroom.here, issue.id, clock=newsroom.clock, again=again, world=world)
    return {item.key: item for item in told or ()}


def find(newsroom: Newsroom, issue: Issue, *findings: Finding) -> None:
    """As if these had been found of the issue as it is."""
    with newsroom.database.unit() as session:
        clearance.record(
            session,
            issue_id=issue.id,
            revision=newsroom.issue(issue).revision,
            findings=findings,
            started_at=newsroom.now,
            now=newsroom.now,
        )


def do(newsroom: Newsroom, verb: Callable[..., object], issue: Issue, **named: object) -> Issue:
    with newsroom.database.unit() as session:
        verb(session, session.get_one(Issue, issue.id), now=newsroom.now, **named)
    return newsroom.issue(issue)


def send(newsroom: Newsroom, issue: Issue) -> Issue:
    return do(newsroom, dispatch.send, issue, actor="akouvi")


def user(newsroom: Newsroom, role: Role = Role.OWNER) -> User:
    with newsroom.database.unit() as session:
        return users.create_user(
            session, f"{role}@gazette.example", role, language="fr", now=newsroom.now, actor="test"
        )


def spoil(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every message has lost its way out, whoever renders it."""
    whole = inspection.forms.mail_of

    def without(*values: object) -> object:
        mail = whole(*values)  # type: ignore[arg-type]
        return dataclasses.replace(
            mail, html=mail.html.replace(slots.SLOT_UNSUBSCRIBE, "https://news.example/"), text="texte"
        )

    monkeypatch.setattr(inspection.forms, "mail_of", without)


def test_a_good_issue_has_nothing_in_its_way(newsroom: Newsroom) -> None:
    newsletter = newsroom.newsletter()
    newsroom.reader(newsletter)
    issue = newsroom.draft_issue(newsletter)
    told = check(newsroom, issue)
    assert [item for item in told.values() if item.level is Level.FATAL] == []
    assert {item.key for item in told.values() if item.level is Level.WARNING} == set()
    assert send(newsroom, issue).status is IssueStatus.SENDING


def test_an_issue_that_nobody_has_looked_at_leaves(newsroom: Newsroom) -> None:
    assert send(newsroom, newsroom.draft_issue(newsroom.newsletter())).status is IssueStatus.SENDING


def test_a_broken_network_keeps_nothing(newsroom: Newsroom) -> None:
    broken = Outside(
        ask=lambda _url, _image, _seconds: Answer(problem="unreachable"),
        post=lambda _url: Reply(0, "TimeoutError"),
        spam=lambda _message: [],
        published=lambda _keys: [found("dns_silent", Level.NOTICE)],
    )
    newsletter = newsroom.newsletter()
    newsroom.article(newsletter, url="https://gazette.example/pont")
    issue = newsroom.draft_issue(newsletter)
    told = check(newsroom, issue, broken)
    assert {"link_unreached", "leave_unreached", "dns_silent"} <= set(told)
    assert send(newsroom, issue).status is IssueStatus.SENDING


def test_what_is_fatal_is_refused_in_words(newsroom: Newsroom) -> None:
    issue = newsroom.draft_issue(newsroom.newsletter())
    find(newsroom, issue, FATAL, WARNING)
    with pytest.raises(RefusedError, match="redirects") as refused:
        send(newsroom, issue)
    assert "do not exist" not in str(refused.value)
    with pytest.raises(RefusedError, match="redirects"):
        do(newsroom, dispatch.schedule, issue, send_at=newsroom.now + HOUR, actor="akouvi")
    with use_locale("fr"), pytest.raises(RefusedError, match="Ce numéro ne part pas"):
        send(newsroom, issue)
    assert newsroom.issue(issue).status is IssueStatus.DRAFT


def test_a_warning_keeps_nothing(newsroom: Newsroom) -> None:
    issue = newsroom.draft_issue(newsroom.newsletter())
    find(newsroom, issue, WARNING)
    assert send(newsroom, issue).status is IssueStatus.SENDING


def test_another_revision_is_another_issue(newsroom: Newsroom) -> None:
    issue = newsroom.draft_issue(newsroom.newsletter())
    find(newsroom, issue, FATAL)
    do(newsroom, editing.change_text, issue, subject="Autrement", introduction="", actor="akouvi")
    assert send(newsroom, issue).status is IssueStatus.SENDING


def test_the_message_is_looked_at_when_nobody_has(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    issue = newsroom.draft_issue(newsroom.newsletter())
    spoil(newsroom, monkeypatch)
    with pytest.raises(RefusedError, match="no link to unsubscribe"):
        send(newsroom, issue)


def test_an_owner_overrules_and_says_why(newsroom: Newsroom) -> None:
    issue = newsroom.draft_issue(newsroom.newsletter())
    find(newsroom, issue, FATAL)
    owner, editor = user(newsroom), user(newsroom, Role.EDITOR)
    with pytest.raises(RefusedError, match="Only an owner"):
        do(newsroom, clearance.overrule, issue, by=editor, reason=REASON)
    with pytest.raises(RefusedError, match="Say why"):
        do(newsroom, clearance.overrule, issue, by=owner, reason="oui")
    do(newsroom, clearance.overrule, issue, by=owner, reason=REASON)
    with newsroom.database.reading() as session:
        kept = clearance.overruled(session, newsroom.issue(issue))
        assert kept is not None
        assert (kept.email, kept.reason, kept.keys) == (owner.email, REASON, ["leave_redirects"])
        of_issue = select(AuditEvent.action).where(AuditEvent.subject_id == issue.id).order_by(AuditEvent.id)
        assert session.scalars(of_issue).all()[-1] == ("issue.overruled")
    assert send(newsroom, issue).status is IssueStatus.SENDING


def test_an_overrule_is_of_what_was_there_then(newsroom: Newsroom) -> None:
    issue = newsroom.draft_issue(newsroom.newsletter())
    owner = user(newsroom)
    with pytest.raises(RefusedError, match="Nothing is in the way"):
        do(newsroom, clearance.overrule, issue, by=owner, reason=REASON)
    find(newsroom, issue, FATAL)
    do(newsroom, clearance.overrule, issue, by=owner, reason=REASON)
    find(newsroom, issue, FATAL, found("lab_changed", Level.FATAL))
    with pytest.raises(RefusedError, match="as it was sent") as refused:
        send(newsroom, issue)
    assert "redirects" not in str(refused.value)
    do(newsroom, clearance.overrule, issue, by=owner, reason=REASON)
    do(newsroom, editing.change_text, issue, subject="Autrement", introduction="", actor="akouvi")
    find(newsroom, issue, FATAL)
    with pytest.raises(RefusedError, match="redirects"):
        send(newsroom, issue)


def test_a_scheduled_issue_stops_when_it_is_found_and_its_approvers_hear(newsroom: Newsroom) -> None:
    newsletter = newsroom.newsletter(approvers=("esi@gazette.example",))
    issue = newsroom.draft_issue(newsletter)
    do(newsroom, dispatch.schedule, issue, send_at=newsroom.now + HOUR, actor="akouvi")
    redirecting = dataclasses.replace(QUIET, post=lambda _url: Reply(301))
    assert "leave_redirects" in check(newsroom, issue, redirecting)
    stopped = newsroom.issue(issue)
    assert (stopped.status, stopped.send_at) == (IssueStatus.DRAFT, None)
    (mail,) = newsroom.mails()
    assert (mail.email, mail.params["notice"]) == ("esi@gazette.example", "stopped")
    with newsroom.database.reading() as session:
        assert "redirige" in (ReviewMails(newsroom.here).notice(session, mail) or pytest.fail("no letter")).text
    assert "redirects" in standing.in_words(stopped, newsletter)
    newsroom.pass_time(hours=2)
    with newsroom.database.unit() as session:
        review.sweep(session, now=newsroom.now)
    assert newsroom.issue(issue).status is IssueStatus.DRAFT
    check(newsroom, issue)
    assert newsroom.issue(issue).pause_reason is None
    assert send(newsroom, issue).status is IssueStatus.SENDING


@pytest.mark.parametrize("mend", ["edit", "overrule"])
def test_it_is_no_longer_called_stopped_once_it_is_mended_or_overruled(newsroom: Newsroom, mend: str) -> None:
    issue = newsroom.draft_issue(newsroom.newsletter())
    do(newsroom, dispatch.schedule, issue, send_at=newsroom.now + HOUR, actor="akouvi")
    check(newsroom, issue, dataclasses.replace(QUIET, post=lambda _url: Reply(301)))
    assert newsroom.issue(issue).pause_reason is not None
    if mend == "edit":
        do(newsroom, editing.change_text, issue, subject="Autrement", introduction="", actor="akouvi")
    else:
        do(newsroom, clearance.overrule, issue, by=user(newsroom), reason=REASON)
    assert newsroom.issue(issue).pause_reason is None
    assert send(newsroom, issue).status is IssueStatus.SENDING


def test_a_digest_stops_at_its_hour_without_a_look_before(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    newsletter = newsroom.newsletter(approvers=("esi@gazette.example",))
    issue = newsroom.draft_issue(newsletter)
    with newsroom.database.unit() as session:
        found_ = session.get_one(Issue, issue.id)
        review.plan(session, found_, send_at=newsroom.now + HOUR, actor="schedule", now=newsroom.now)
    spoil(newsroom, monkeypatch)
    newsroom.pass_time(hours=2)
    with newsroom.database.unit() as session:
        review.sweep(session, now=newsroom.now)
    stopped = newsroom.issue(issue)
    assert stopped.status is IssueStatus.DRAFT
    # In the text edition there is nothing else to leave by.
    told = {item["key"] for item in (stopped.pause_reason or {})["found"]}
    assert told == {"no_way_out", "no_way_out_in_text"}
    assert [mail.params["notice"] for mail in newsroom.mails()] == ["stopped"]


def test_an_approver_is_refused_too(newsroom: Newsroom) -> None:
    newsletter: Newsletter = newsroom.newsletter(review=Review.PROOF, approvers=("esi@gazette.example",))
    issue = newsroom.draft_issue(newsletter)
    with newsroom.database.unit() as session:
        found_ = session.get_one(Issue, issue.id)
        review.plan(session, found_, send_at=newsroom.now + HOUR, actor="schedule", now=newsroom.now)
    find(newsroom, issue, FATAL)
    with pytest.raises(RefusedError, match="redirects"):
        do(newsroom, approvals.approve, issue, email="esi@gazette.example")


def test_readers_for_whom_a_slot_stays_empty_are_counted(newsroom: Newsroom) -> None:
    newsletter = newsroom.newsletter()
    for email, name in (("ama@poste.example", "Ama"), ("kofi@poste.example", ""), ("yao@poste.example", "")):
        newsroom.reader(newsletter, email, name=name)
    with newsroom.database.unit() as session:
        for row in session.scalars(select(Subscriber)):
            row.attributes = {"ville": "Lomé"} if row.email.startswith("ama") else {}
    issue = newsroom.draft_issue(newsletter)
    text = "Bonjour {{ name }}, de {{ ville }}, {{ ville | quelque part }}, {{ email }}"
    do(newsroom, editing.change_text, issue, subject="", introduction=text, actor="akouvi")
    with newsroom.database.reading() as session:
        gathered = inspection.gather(session, newsroom.here, newsroom.issue(issue), now=newsroom.now)
    assert {(item.params["name"], item.params["count"]) for item in gathered.findings} == {("name", 2), ("ville", 2)}
    do(newsroom, editing.change_text, issue, subject="", introduction="{{ name | vous }}", actor="akouvi")
    with newsroom.database.reading() as session:
        assert inspection.gather(session, newsroom.here, newsroom.issue(issue), now=newsroom.now).findings == []


def test_the_forms_with_most_readers_are_looked_at(newsroom: Newsroom) -> None:
    newsletter = newsroom.newsletter()
    for number in range(3):
        newsroom.reader(newsletter, f"r{number}@poste.example", language="fr" if number else "en")
    issue = newsroom.draft_issue(newsletter)
    with newsroom.database.reading() as session:
        told = inspection.forms.foreseen(session, newsroom.issue(issue), newsletter, now=newsroom.now)
    assert [(form.language, form.readers) for form in told][:1] == [("fr", 2)]
    assert sum(form.readers for form in told) <= 3


def test_an_issue_on_its_way_is_looked_at_as_its_readers_get_it(newsroom: Newsroom) -> None:
    issue = newsroom.outgoing(newsroom.newsletter(), "ama@poste.example")
    assert check(newsroom, issue, again=False) == {}
    told = check(newsroom, issue)
    assert told
    assert not [item for item in told.values() if item.level is Level.FATAL]


def test_the_same_look_is_not_repeated_unless_asked(newsroom: Newsroom) -> None:
    issue = newsroom.draft_issue(newsroom.newsletter())
    assert check(newsroom, issue, again=False)
    assert check(newsroom, issue, again=False) == {}
    assert check(newsroom, issue)
    newsroom.pass_time(minutes=11)
    assert check(newsroom, issue, again=False)
    with newsroom.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Preflight)) == 1


def test_a_change_during_the_look_is_not_stopped_by_it(newsroom: Newsroom) -> None:
    issue = newsroom.draft_issue(newsroom.newsletter())

    def meanwhile(_url: str) -> Reply:
        do(newsroom, editing.change_text, issue, subject="Autrement", introduction="", actor="akouvi")
        do(newsroom, dispatch.schedule, issue, send_at=newsroom.now + HOUR, actor="akouvi")
        return Reply(301)

    check(newsroom, issue, dataclasses.replace(QUIET, post=meanwhile))
    assert newsroom.issue(issue).status is IssueStatus.SCHEDULED


def test_unsigned_mail_is_a_warning(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_keys(*_values: object) -> list[DkimKey]:
        return []

    monkeypatch.setattr(inspection.senders, "signing_keys", no_keys)
    issue = newsroom.draft_issue(newsroom.newsletter())
    assert check(newsroom, issue)["lab_not_signed"].level is Level.WARNING
