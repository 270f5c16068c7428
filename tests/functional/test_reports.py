"""What became of issues, as pages and as tables."""

import csv
import io
import json
import sys

import pytest

from newsletter.accounts.models import Role
from newsletter.cli import main as command
from tests.functional.conftest import House, path_in
from tests.functional.test_admin_digest import compose
from tests.support.staff import Staff

ARTICLES = "/admin/newsletters/depeche/articles"
REPORTS = "/admin/newsletters/depeche/reports"


@pytest.fixture
def editor(house: House) -> Staff:
    akouvi = Staff(house.reader()).come_in(house.staff_link())
    akouvi.get(f"{ARTICLES}/new")
    akouvi.post(ARTICLES, title="Le pont rouvre", body="La mairie l’a dit hier soir devant tout le monde.")
    return akouvi


def send(house: House, editor: Staff, *readers: str) -> str:
    """An issue that these readers have got; its path."""
    house.add_readers("depeche", *readers)
    path = compose(editor)
    editor.get(f"{path}/send")
    editor.post(f"{path}/send")
    house.work()
    return path


def sheet(editor: Staff, path: str) -> list[dict[str, str]]:
    answer = editor.client.get(path)
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))


def test_before_the_first_issue_the_page_says_so(editor: Staff):
    editor.get(REPORTS)
    assert "Aucun numéro n’est encore parti" in editor.page


def test_an_issue_is_told_in_figures_and_as_a_table(house: House, editor: Staff):
    path = send(house, editor, "ama", "kofi", "yao")
    editor.get(f"{path}/report")
    assert "sur 3 destinataires" in editor.page
    editor.get(REPORTS)
    assert "Le pont rouvre" in editor.page
    (row,) = sheet(editor, f"{REPORTS}.csv")
    assert (row["audience"], row["sent"], row["unsubscribed"], row["complaints"]) == ("3", "3", "0", "0")


def test_who_leaves_by_an_issue_counts_for_it(house: House, editor: Staff):
    path = send(house, editor, "ama", "kofi")
    (letter,) = house.mails("ama@poste.example")
    house.reader().post(path_in(letter, "u"), data={"List-Unsubscribe": "One-Click"})
    (row,) = sheet(editor, f"{REPORTS}.csv")
    assert row["unsubscribed"] == "1"
    editor.get(f"{path}/report")
    assert "50" in editor.page


def test_every_delivery_is_in_the_table_and_no_formula(house: House, editor: Staff):
    path = send(house, editor, "ama", "kofi", "=cmd")
    rows = sheet(editor, f"{path}/report/deliveries.csv")
    assert {row["status"] for row in rows} == {"sent"}
    assert sorted(row["email"].partition("@")[0] for row in rows) == ["'=cmd", "ama", "kofi"]


def test_domains_add_up_in_their_table(house: House, editor: Staff):
    path = send(house, editor, "ama", "kofi")
    rows = sheet(editor, f"{path}/report/domains.csv")
    assert sum(int(row["sent"]) for row in rows) == 2


def test_an_issue_that_has_not_left_has_no_report(editor: Staff):
    path = compose(editor)
    assert editor.get(f"{path}/report").request.path == path
    assert editor.get(f"{path}/report/nothing.csv").request.path == path


def test_who_may_not_see_readers_gets_no_table_of_them(house: House, editor: Staff):
    path = send(house, editor, "ama")
    analyst = Staff(house.reader()).come_in(house.staff_link(Role.ANALYST, "essi@news.example"))
    assert analyst.get(f"{path}/report").status_code == 200
    assert "deliveries.csv" not in analyst.page
    assert analyst.get(f"{path}/report/deliveries.csv").status_code == 403


def test_the_command_tells_the_same(
    house: House, editor: Staff, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    send(house, editor, "ama", "kofi")
    monkeypatch.setattr(sys, "argv", ["newsletter", "reports", "list", "depeche", "--json"])
    with pytest.raises(SystemExit) as left:
        command.main()
    assert left.value.code in (0, None)
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["sent"], row["audience"]) == (2, 2)
