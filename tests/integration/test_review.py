"""A digest leaves when it was approved, or as the newsletter wants when nobody has; never twice, never half changed."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter.accounts import users
from newsletter.accounts.models import AuditEvent, Role
from newsletter.articles import editing as articles
from newsletter.articles.models import Article
from newsletter.core.errors import ConflictError, RefusedError
from newsletter.core.urls import UNSUBSCRIBE
from newsletter.issues import approvals, digest, dispatch, editing, letters, review, standing
from newsletter.issues.letters import ReviewMails
from newsletter.issues.models import Issue, IssueStatus, Trigger
from newsletter.issues.proof import Notice
from newsletter.newsletters.models import Newsletter, Review, TooLate
from tests.support.newsroom import Newsroom, draft

ESI = "esi@gazette.example"
YAO = "yao@gazette.example"
HOUR = timedelta(hours=1)
Edit = Callable[..., object]


def reviewed(newsroom: Newsroom, mode: Review = Review.PROOF, **values: object) -> Newsletter:
    return newsroom.newsletter(**({"review": mode, "approvers": (ESI, YAO)} | values))


def planned(newsroom: Newsroom, newsletter: Newsletter, *, after: timedelta = HOUR) -> Issue:
    """A digest of what is new, of one article where nothing is, that a schedule composed and that is to leave then."""
    issue = newsroom.draft_issue(newsletter)
    with newsroom.database.unit() as session:
        found = session.get_one(Issue, issue.id)
        review.plan(session, found, send_at=newsroom.now + after, actor="schedule", now=newsroom.now)
    return newsroom.issue(issue)


def sweep(newsroom: Newsroom) -> None:
    with newsroom.database.unit() as session:
        review.sweep(session, now=newsroom.now)


def do(newsroom: Newsroom, verb: Edit, issue: Issue, *values: object, **named: object) -> Issue:
    with newsroom.database.unit() as session:
        verb(session, session.get_one(Issue, issue.id), *values, now=newsroom.now, **named)
    return newsroom.issue(issue)


def approve(newsroom: Newsroom, issue: Issue, *, email: str = ESI, revision: int | None = None) -> Issue:
    return do(newsroom, approvals.approve, issue, email=email, expected_revision=revision)


def write(newsroom: Newsroom, issue: Issue, subject: str = "Autrement", **named: object) -> Issue:
    return do(newsroom, editing.change_text, issue, subject=subject, introduction="", actor="akouvi", **named)


def told(newsroom: Newsroom) -> list[tuple[str, str]]:
    """(address, what) of every mail so far."""
    return [(mail.email, mail.params.get("notice", mail.kind)) for mail in newsroom.mails()]


def recorded(newsroom: Newsroom, issue: Issue) -> list[str]:
    """What the record says was done to an issue."""
    with newsroom.database.reading() as session:
        query = select(AuditEvent.action).where(AuditEvent.subject == "issue", AuditEvent.subject_id == issue.id)
        return list(session.scalars(query.order_by(AuditEvent.id)))


def test_without_a_review_it_leaves_at_its_hour_and_not_before(newsroom: Newsroom) -> None:
    issue = planned(newsroom, newsroom.newsletter())
    assert issue.status is IssueStatus.SCHEDULED
    newsroom.pass_time(minutes=59)
    sweep(newsroom)
    assert newsroom.issue(issue).status is IssueStatus.SCHEDULED
    newsroom.pass_time(minutes=1)
    sweep(newsroom)
    sweep(newsroom)
    assert newsroom.issue(issue).status is IssueStatus.SENDING
    assert recorded(newsroom, issue).count("issue.sent") == 1
    assert told(newsroom) == []


def test_one_whose_hour_is_over_leaves_at_once(newsroom: Newsroom) -> None:
    issue = planned(newsroom, newsroom.newsletter(), after=timedelta(0))
    assert issue.status is IssueStatus.SENDING


def test_each_approver_gets_one_proof_and_an_approval_lets_it_leave_at_its_hour(newsroom: Newsroom) -> None:
    issue = planned(newsroom, reviewed(newsroom, too_late=TooLate.WAIT))
    assert issue.status is IssueStatus.DRAFT
    sweep(newsroom)
    assert told(newsroom) == [(ESI, "proof"), (YAO, "proof")]
    assert approve(newsroom, issue).status is IssueStatus.SCHEDULED
    approve(newsroom, issue)  # a second press
    newsroom.pass_time(hours=1)
    sweep(newsroom)
    assert newsroom.issue(issue).status is IssueStatus.SENDING
    assert recorded(newsroom, issue).count("issue.approved") == 1


@pytest.mark.parametrize(
    ("policy", "status", "notices"),
    [
        (TooLate.SEND, IssueStatus.SENDING, []),
        (TooLate.SKIP, IssueStatus.CANCELLED, [Notice.SKIPPED]),
        (TooLate.WAIT, IssueStatus.DRAFT, [Notice.WAITING]),
    ],
)
@pytest.mark.parametrize("mode", [Review.PROOF, Review.HOLD])
def test_at_its_hour_the_newsletters_will_is_done_when_nobody_has_approved(
    newsroom: Newsroom, mode: Review, policy: TooLate, status: IssueStatus, notices: list[str]
) -> None:
    issue = planned(newsroom, reviewed(newsroom, mode, too_late=policy))
    first = "proof" if mode is Review.PROOF else Notice.READY
    newsroom.pass_time(hours=1)
    for _again in range(3):
        sweep(newsroom)
    assert newsroom.issue(issue).status is status
    expected = [first, *notices]
    assert told(newsroom) == [(email, what) for what in expected for email in (ESI, YAO)]


def test_one_that_was_skipped_says_why_and_its_articles_come_again(newsroom: Newsroom) -> None:
    gazette = reviewed(newsroom, too_late=TooLate.SKIP)
    article = newsroom.article(gazette, "Le pont rouvre")
    issue = planned(newsroom, gazette)
    newsroom.pass_time(hours=1)
    sweep(newsroom)
    found = newsroom.issue(issue)
    assert found.pause_reason == {"code": "too_late"}
    assert "nobody had approved it" in standing.in_words(found, gazette)
    newsroom.pass_time(minutes=1)
    again = newsroom.compose(gazette)
    assert again is not None
    with newsroom.database.reading() as session:
        assert editing.article_ids(session, again.id) == [article.id]


def test_an_approver_skips_and_is_named(newsroom: Newsroom) -> None:
    gazette = reviewed(newsroom)
    issue = do(newsroom, approvals.skip, planned(newsroom, gazette), by=YAO)
    assert issue.status is IssueStatus.CANCELLED
    assert YAO in standing.in_words(issue, gazette)
    with pytest.raises(RefusedError):
        do(newsroom, approvals.skip, issue, by=ESI)


def test_one_that_waits_past_its_hour_leaves_when_it_is_approved(newsroom: Newsroom) -> None:
    issue = planned(newsroom, reviewed(newsroom, too_late=TooLate.WAIT))
    newsroom.pass_time(hours=5)
    sweep(newsroom)
    assert approve(newsroom, issue).status is IssueStatus.SENDING


def test_a_late_approval_cools_off_too(newsroom: Newsroom) -> None:
    issue = planned(newsroom, reviewed(newsroom, too_late=TooLate.WAIT, cooling_minutes=10))
    newsroom.pass_time(hours=5)
    sweep(newsroom)
    found = approve(newsroom, issue)
    assert (found.status, found.send_at) == (IssueStatus.SCHEDULED, newsroom.now + timedelta(minutes=10))
    newsroom.pass_time(minutes=10)
    sweep(newsroom)
    assert newsroom.issue(issue).status is IssueStatus.SENDING


def test_nobody_is_given_no_time_at_all_before_a_digest_is_skipped(newsroom: Newsroom) -> None:
    issue = planned(newsroom, reviewed(newsroom, too_late=TooLate.SKIP), after=timedelta(0))
    sweep(newsroom)
    assert newsroom.issue(issue).status is IssueStatus.DRAFT
    assert approve(newsroom, issue).send_at == newsroom.now + review.LEAST


def test_an_edit_voids_the_approval_and_a_fresh_proof_goes_out(newsroom: Newsroom) -> None:
    issue = planned(newsroom, reviewed(newsroom, too_late=TooLate.WAIT))
    approve(newsroom, issue)
    found = write(newsroom, issue)
    assert (found.status, found.revision) == (IssueStatus.DRAFT, 2)
    assert found.send_at == issue.send_at
    with newsroom.database.reading() as session:
        assert approvals.of_revision(session, session.get_one(Issue, issue.id)) == []
    newsroom.pass_time(minutes=5)
    sweep(newsroom)
    assert told(newsroom) == [(ESI, "proof"), (YAO, "proof")] * 2
    assert [mail.params["revision"] for mail in newsroom.mails()] == [1, 1, 2, 2]
    newsroom.pass_time(hours=1)
    sweep(newsroom)
    assert newsroom.issue(issue).status is IssueStatus.DRAFT


def test_an_approval_of_an_earlier_revision_is_refused_with_who_changed_it(newsroom: Newsroom) -> None:
    issue = planned(newsroom, reviewed(newsroom))
    write(newsroom, issue)
    with pytest.raises(ConflictError, match="akouvi"):
        approve(newsroom, issue, revision=1)
    assert newsroom.issue(issue).status is IssueStatus.DRAFT


def test_saving_what_was_there_voids_nothing(newsroom: Newsroom) -> None:
    issue = planned(newsroom, reviewed(newsroom))
    approve(newsroom, issue)
    found = write(newsroom, issue, subject="")
    assert (found.status, found.revision) == (IssueStatus.SCHEDULED, 1)


def test_ten_edits_in_a_row_make_one_proof(newsroom: Newsroom) -> None:
    issue = planned(newsroom, reviewed(newsroom, approvers=(ESI,)))
    for number in range(10):
        newsroom.pass_time(minutes=1)
        write(newsroom, issue, subject=f"Version {number}")
        sweep(newsroom)
    newsroom.pass_time(minutes=3)
    sweep(newsroom)
    sweep(newsroom)
    assert [mail.params["revision"] for mail in newsroom.mails()] == [1, 11]


def test_a_digest_without_review_may_change_until_its_hour_and_leaves_then(newsroom: Newsroom) -> None:
    issue = planned(newsroom, newsroom.newsletter())
    found = write(newsroom, issue)
    assert (found.status, found.send_at) == (IssueStatus.SCHEDULED, issue.send_at)


def test_a_digest_with_too_little_waits_for_an_editor_who_is_told(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter(approvers=(ESI,))
    gazette.rules = {"minimum": 3, "too_little": "hold"}
    newsroom.article(gazette)
    issue = planned(newsroom, gazette)
    newsroom.pass_time(days=1)
    sweep(newsroom)
    found = newsroom.issue(issue)
    assert (found.status, found.send_at) == (IssueStatus.DRAFT, None)
    assert found.pause_reason == {"code": "held", "found": 1, "count": 3}
    assert told(newsroom) == [(ESI, "held")]
    assert do(newsroom, dispatch.send, issue, actor="akouvi").status is IssueStatus.SENDING


def test_without_approvers_whoever_may_send_is_told(newsroom: Newsroom) -> None:
    with newsroom.database.unit() as session:
        for name, role in (("o", Role.OWNER), ("e", Role.EDITOR), ("a", Role.AUTHOR), ("n", Role.ANALYST)):
            users.create_user(session, f"{name}@gazette.example", role, language="en", now=newsroom.now, actor="test")
    planned(newsroom, reviewed(newsroom, Review.HOLD, approvers=()))
    assert told(newsroom) == [("o@gazette.example", "ready"), ("e@gazette.example", "ready")]
    assert {mail.language for mail in newsroom.mails()} == {"en"}


def test_what_an_article_says_now_was_not_approved(newsroom: Newsroom) -> None:
    gazette = reviewed(newsroom, too_late=TooLate.WAIT)
    article = newsroom.article(gazette)
    issue = planned(newsroom, gazette)
    approve(newsroom, issue)
    newsroom.pass_time(minutes=1)
    with newsroom.database.unit() as session:
        articles.change_article(
            session, session.get_one(Article, article.id), draft("Le pont ferme"), actor="ama@desk", now=newsroom.now
        )
    newsroom.pass_time(seconds=10)
    sweep(newsroom)
    found = newsroom.issue(issue)
    assert (found.status, found.revision) == (IssueStatus.DRAFT, 2)
    newsroom.pass_time(hours=1)
    sweep(newsroom)
    assert newsroom.issue(issue).status is IssueStatus.DRAFT


def test_an_approval_in_the_moment_an_article_changes_is_refused(newsroom: Newsroom) -> None:
    gazette = reviewed(newsroom)
    article = newsroom.article(gazette)
    issue = planned(newsroom, gazette)
    newsroom.pass_time(minutes=1)
    with newsroom.database.unit() as session:
        articles.change_article(
            session, session.get_one(Article, article.id), draft("Le pont ferme"), actor="ama@desk", now=newsroom.now
        )
    with pytest.raises(ConflictError):
        approve(newsroom, issue, revision=1)


def test_what_was_withdrawn_does_not_leave(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    one, two = newsroom.article(gazette, "Un pont"), newsroom.article(gazette, "Deux marchés")
    issue = planned(newsroom, gazette)
    with newsroom.database.unit() as session:
        articles.withdraw(session, one.id, gazette.id, actor="ama@desk", now=newsroom.now)
    newsroom.pass_time(hours=1)
    sweep(newsroom)
    assert newsroom.issue(issue).status is IssueStatus.SENDING
    with newsroom.database.reading() as session:
        assert editing.article_ids(session, issue.id) == [two.id]


def test_a_digest_of_which_everything_was_withdrawn_is_given_up(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    article = newsroom.article(gazette)
    issue = planned(newsroom, gazette)
    with newsroom.database.unit() as session:
        articles.withdraw(session, article.id, gazette.id, actor="ama@desk", now=newsroom.now)
    newsroom.pass_time(hours=1)
    sweep(newsroom)
    found = newsroom.issue(issue)
    assert (found.status, found.pause_reason) == (IssueStatus.CANCELLED, {"code": "withdrawn"})


def test_sending_cools_off_and_a_second_press_changes_nothing(newsroom: Newsroom) -> None:
    issue = newsroom.draft_issue(newsroom.newsletter(cooling_minutes=5))
    leaves = newsroom.now + timedelta(minutes=5)
    assert do(newsroom, dispatch.send, issue, actor="akouvi").send_at == leaves
    newsroom.pass_time(minutes=4)
    found = do(newsroom, dispatch.send, issue, actor="kodjo")
    assert (found.status, found.send_at) == (IssueStatus.SCHEDULED, leaves)
    newsroom.pass_time(minutes=1)
    sweep(newsroom)
    assert newsroom.issue(issue).status is IssueStatus.SENDING


def test_what_was_pulled_back_stays(newsroom: Newsroom) -> None:
    issue = newsroom.draft_issue(newsroom.newsletter(cooling_minutes=5))
    do(newsroom, dispatch.send, issue, actor="akouvi")
    found = do(newsroom, dispatch.pull_back, issue, actor="kodjo")
    assert (found.status, found.send_at) == (IssueStatus.DRAFT, None)
    newsroom.pass_time(days=1)
    sweep(newsroom)
    assert newsroom.issue(issue).status is IssueStatus.DRAFT
    with pytest.raises(RefusedError):
        do(newsroom, dispatch.pull_back, issue, actor="kodjo")


def test_pulling_back_voids_an_approval_and_its_link(newsroom: Newsroom) -> None:
    issue = planned(newsroom, reviewed(newsroom))
    approve(newsroom, issue)
    do(newsroom, dispatch.pull_back, issue, actor="akouvi")
    with pytest.raises(ConflictError):
        approve(newsroom, issue, revision=1)
    with pytest.raises(RefusedError, match="not under review"):
        approve(newsroom, issue)
    newsroom.pass_time(days=1)
    sweep(newsroom)
    assert newsroom.issue(issue).status is IssueStatus.DRAFT


def test_an_issue_leaves_at_the_hour_that_a_person_names(newsroom: Newsroom) -> None:
    issue = newsroom.draft_issue(newsroom.newsletter())
    for wrong in (newsroom.now, newsroom.now + timedelta(days=400)):
        with pytest.raises(RefusedError):
            do(newsroom, dispatch.schedule, issue, send_at=wrong, actor="akouvi")
    do(newsroom, dispatch.schedule, issue, send_at=newsroom.now + HOUR, actor="akouvi")
    do(newsroom, dispatch.schedule, issue, send_at=newsroom.now + 2 * HOUR, actor="akouvi")
    newsroom.pass_time(hours=1)
    sweep(newsroom)
    assert newsroom.issue(issue).status is IssueStatus.SCHEDULED
    newsroom.pass_time(hours=1)
    sweep(newsroom)
    assert newsroom.issue(issue).status is IssueStatus.SENDING


def test_a_person_who_sends_needs_no_approval(newsroom: Newsroom) -> None:
    issue = planned(newsroom, reviewed(newsroom, too_late=TooLate.SKIP, cooling_minutes=120))
    found = do(newsroom, dispatch.send, issue, actor="akouvi")
    assert found.status is IssueStatus.SCHEDULED
    assert write(newsroom, issue).status is IssueStatus.SCHEDULED, "who sends may still mend a comma"
    newsroom.pass_time(hours=2)
    sweep(newsroom)
    assert newsroom.issue(issue).status is IssueStatus.SENDING


def test_a_paused_issue_is_resumed_and_not_sent(newsroom: Newsroom) -> None:
    issue = newsroom.outgoing(newsroom.newsletter(), "ama@poste.example")
    newsroom.act(dispatch.pause, issue)
    with pytest.raises(RefusedError, match="paused"):
        do(newsroom, dispatch.send, issue, actor="akouvi")


def at_once(*deeds: Callable[[], object]) -> list[object]:
    """Do all of it at the same moment; what each came to, an error included."""
    gate = threading.Barrier(len(deeds))
    outcomes: list[object] = [None] * len(deeds)

    def run(index: int, deed: Callable[[], object]) -> None:
        gate.wait()
        try:
            outcomes[index] = deed()
        except RefusedError as error:
            outcomes[index] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


def test_of_pulling_back_and_leaving_exactly_one_happens(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter(cooling_minutes=5)
    for number in range(12):
        newsroom.article(gazette, f"Nouvelle {number}")
        issue = newsroom.draft_issue(gazette)
        do(newsroom, dispatch.send, issue, actor="akouvi")
        newsroom.pass_time(minutes=5)
        refused, _swept = at_once(
            lambda issue=issue: do(newsroom, dispatch.pull_back, issue, actor="kodjo") and None,
            lambda: sweep(newsroom),
        )
        sweep(newsroom)
        status = newsroom.issue(issue).status
        assert status is (IssueStatus.SENDING if refused else IssueStatus.DRAFT)
        deeds = recorded(newsroom, issue)
        assert deeds.count("issue.sent") + deeds.count("issue.pulled_back") == 1


def test_of_two_sweeps_at_once_one_sends(newsroom: Newsroom) -> None:
    issues = [planned(newsroom, newsroom.newsletter(slug)) for slug in ("un", "deux", "trois")]
    newsroom.pass_time(hours=1)
    at_once(*[lambda: sweep(newsroom)] * 4)
    sweep(newsroom)
    for issue in issues:
        assert recorded(newsroom, issue).count("issue.sent") == 1


def test_of_an_edit_and_an_approval_at_once_no_unseen_text_is_approved(newsroom: Newsroom) -> None:
    gazette = reviewed(newsroom, too_late=TooLate.WAIT)
    for number in range(8):
        newsroom.pass_time(minutes=5)
        newsroom.article(gazette, f"Nouvelle {number}")
        issue = planned(newsroom, gazette)
        seen = issue.revision
        at_once(
            lambda issue=issue, seen=seen: approve(newsroom, issue, revision=seen),
            lambda issue=issue: write(newsroom, issue),
        )
        found = newsroom.issue(issue)
        assert (found.status, found.revision) == (IssueStatus.DRAFT, seen + 1)


def test_two_editors_never_overwrite_each_other(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    for number in range(8):
        newsroom.pass_time(minutes=5)
        newsroom.article(gazette, f"Nouvelle {number}")
        issue = newsroom.draft_issue(gazette)
        outcomes = at_once(
            *[
                lambda issue=issue, name=name: write(newsroom, issue, subject=name, expected_revision=1) and name
                for name in ("Akouvi", "Kodjo", "Efua")
            ]
        )
        (kept,) = [outcome for outcome in outcomes if isinstance(outcome, str)]
        assert newsroom.issue(issue).subject == kept
        assert sum(isinstance(outcome, ConflictError) for outcome in outcomes) == 2


class Killed(BaseException):
    """The process dies here."""


def test_a_sweep_that_is_killed_leaves_everything_to_the_next(newsroom: Newsroom) -> None:
    issue = planned(newsroom, reviewed(newsroom, too_late=TooLate.SKIP))
    newsroom.pass_time(hours=1)

    def killed_before_the_commit() -> None:
        with newsroom.database.unit() as session:
            review.sweep(session, now=newsroom.now)
            session.flush()
            raise Killed

    with pytest.raises(Killed):
        killed_before_the_commit()
    assert newsroom.issue(issue).status is IssueStatus.DRAFT
    assert Notice.SKIPPED not in [what for _email, what in told(newsroom)]
    sweep(newsroom)
    assert newsroom.issue(issue).status is IssueStatus.CANCELLED
    assert [what for _email, what in told(newsroom)].count(Notice.SKIPPED) == 2


def test_one_that_cannot_be_moved_on_does_not_stop_the_others(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = (planned(newsroom, newsroom.newsletter(slug)) for slug in ("un", "deux"))
    leave = dispatch.leave

    def fail(session: object, issue: Issue, **named: object) -> None:
        if issue.id == broken.id:
            raise ValueError("a defect")
        leave(session, issue, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(dispatch, "leave", fail)
    newsroom.pass_time(hours=1)
    sweep(newsroom)
    assert newsroom.issue(sound).status is IssueStatus.SENDING
    assert newsroom.issue(broken).status is IssueStatus.SCHEDULED


def test_the_sweep_knows_without_a_lock_whether_it_has_work(newsroom: Newsroom) -> None:
    def waiting(at: datetime) -> bool:
        with newsroom.database.reading() as session:
            return review.is_waiting(session, now=at)

    assert not waiting(newsroom.now)
    planned(newsroom, newsroom.newsletter())
    assert not waiting(newsroom.now)
    assert waiting(newsroom.now + HOUR)


def letter(newsroom: Newsroom, index: int = 0) -> str:
    mail = newsroom.mails()[index]
    with newsroom.database.reading() as session:
        writer = ReviewMails(newsroom.here)
        write_it = writer.proof if mail.kind == letters.PROOF else writer.notice
        written = write_it(session, mail)
    return f"{written.subject}\n{written.text}\n{written.html}" if written else ""


def test_a_proof_has_the_stories_with_their_reasons_the_text_and_the_link(newsroom: Newsroom) -> None:
    gazette = reviewed(newsroom, name="Gazette <du> soir", too_late=TooLate.SKIP)
    newsroom.article(gazette, "Le pont & la rivière")
    issue = planned(newsroom, gazette)
    text = letter(newsroom)
    link = newsroom.here.links.review(issue.id, 1, approvals.number_of(ESI))
    assert text.startswith("Épreuve\u00a0: Le pont & la rivière")
    assert text.count(link) >= 2
    assert "Le pont & la rivière\n  " in text, "why it is in stands below"
    assert "le résumé" in text
    assert "gazette <du> soir" in text.lower().partition("<!doctype")[0]
    assert "gazette &lt;du&gt; soir" in text.lower().partition("<!doctype")[2]


def test_a_proof_that_is_overtaken_is_not_written(newsroom: Newsroom) -> None:
    issue = planned(newsroom, reviewed(newsroom))
    write(newsroom, issue)
    assert letter(newsroom) == ""


def test_a_proof_of_what_cannot_be_sent_says_so(newsroom: Newsroom) -> None:
    issue = planned(newsroom, reviewed(newsroom))
    with newsroom.database.unit() as session:
        session.get_one(Issue, issue.id).introduction = "Bonjour {{ ville }}"
    assert "ne peut pas partir" in letter(newsroom)


@pytest.mark.parametrize("notice", list(Notice))
@pytest.mark.parametrize("language", ["fr", "en"])
def test_each_notice_can_be_written(newsroom: Newsroom, notice: Notice, language: str) -> None:
    from newsletter.issues import proof  # noqa: PLC0415

    issue = planned(newsroom, reviewed(newsroom, Review.HOLD, language=language, too_late=TooLate.WAIT))
    do(newsroom, proof.tell, issue, notice)
    text = letter(newsroom, -1)
    assert newsroom.here.links.composer(issue.id) in text


def test_only_the_link_of_an_approver_of_that_issue_is_read(newsroom: Newsroom) -> None:
    gazette = reviewed(newsroom)
    issue = planned(newsroom, gazette)
    signer = newsroom.here.signer
    good = newsroom.here.links.review(issue.id, 1, approvals.number_of(ESI)).rpartition("/")[2]
    stranger = newsroom.here.links.review(issue.id, 1, approvals.number_of("x@y.example")).rpartition("/")[2]
    other = newsroom.here.links.review(issue.id + 7, 1, approvals.number_of(ESI)).rpartition("/")[2]
    forged = good[:-2] + ("AA" if good[-2:] != "AA" else "BB")
    with newsroom.database.unit() as session:
        found = approvals.read_link(session, signer, good)
        assert found is not None
        assert (found.issue_id, found.revision, found.email) == (issue.id, 1, ESI)
        for token in (forged, stranger, other, signer.sign(UNSUBSCRIBE, issue.id, 1), "", "é", good[:-1]):
            assert approvals.read_link(session, signer, token) is None, token
        session.get_one(Newsletter, gazette.id).approvers = [YAO]
        session.flush()
        assert approvals.read_link(session, signer, good) is None, "whoever is no longer asked has no say"


def test_a_schedule_plans_what_it_composes(newsroom: Newsroom) -> None:
    gazette = reviewed(newsroom)
    newsroom.article(gazette)
    with newsroom.database.unit() as session:
        found = session.scalars(select(Newsletter).where(Newsletter.id == gazette.id)).one()
        issue = digest.compose(session, found, trigger=Trigger.SCHEDULE, actor="schedule", now=newsroom.now)
        assert issue is not None
        review.plan(session, issue, send_at=newsroom.now + HOUR, actor="schedule", now=newsroom.now)
    assert "issue.review_begun" in recorded(newsroom, newsroom.issue(issue))
