"""What may become of an issue: all that the table says, and nothing else."""

import pytest

from newsletter.core.errors import RefusedError
from newsletter.issues import status
from newsletter.issues.models import Issue, IssueStatus

LIFE = {
    ("draft", "scheduled"),
    ("draft", "sending"),
    ("draft", "cancelled"),
    ("scheduled", "draft"),
    ("scheduled", "sending"),
    ("scheduled", "cancelled"),
    ("sending", "paused"),
    ("sending", "sent"),
    ("sending", "cancelled"),
    ("paused", "sending"),
    ("paused", "sent"),
    ("paused", "cancelled"),
}


@pytest.mark.parametrize("before", list(IssueStatus))
@pytest.mark.parametrize("after", list(IssueStatus))
def test_an_issue_moves_by_the_table_alone(before: IssueStatus, after: IssueStatus) -> None:
    issue = Issue(status=before)
    if (before.value, after.value) in LIFE:
        status.move(issue, after)
        assert issue.status is after
        return
    with pytest.raises(RefusedError):
        status.move(issue, after)
    assert issue.status is before


@pytest.mark.parametrize("target", list(IssueStatus))
def test_each_refusal_is_a_sentence(target: IssueStatus) -> None:
    with pytest.raises(RefusedError, match=r"^[A-Z].*\.$"):
        status.move(Issue(status=IssueStatus.SENT), target)
