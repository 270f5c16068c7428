"""Staff make a segment with nothing but forms, and send an issue to it."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from newsletter.accounts.models import Role
from newsletter.cli.main import cli
from tests.functional.conftest import House
from tests.support.staff import Staff

SEGMENTS = "/admin/newsletters/depeche/segments"
NEW = f"{SEGMENTS}/new"
DOMAIN = {"0.field": "domain", "0.op": "is", "0.value": "poste.example"}
POSTAL = {"name": "La poste", "match": "all", **DOMAIN}


@pytest.fixture
def editor(house: House) -> Staff:
    return Staff(house.reader()).come_in(house.staff_link(Role.EDITOR, "editor@news.example"))


def make(editor: Staff, **fields: str) -> None:
    editor.get(NEW)
    answer = editor.post(NEW, do="save", **(POSTAL | fields))
    assert answer.status_code == 200, editor.page


def fields_of(page: str) -> dict[str, str]:
    """What a browser would send of the builder's conditions, so far as they are plain inputs."""
    found = re.findall(r'<input [^>]*name="([\d.]+\w*)"[^>]*value="([^"]*)"', page)
    return dict(found)


def test_a_rule_is_built_condition_by_condition(house: House, editor: Staff) -> None:
    house.add_readers("depeche", "ama", "kofi")
    editor.get(NEW)
    editor.post(NEW, do="add", new="domain.is", name="La poste", match="all")
    assert 'name="0.value"' in editor.page
    assert 'value="La poste"' in editor.page
    editor.post(NEW, do="group", **POSTAL)
    assert 'name="1.match"' in editor.page
    group = {"1.match": "none", "1.new": "language.is"}
    editor.post(NEW, do="add:1", **(POSTAL | group))
    assert 'name="1.0.value"' in editor.page
    filled = POSTAL | group | {"1.0.field": "language", "1.0.op": "is", "1.0.value": "en"}
    editor.post(NEW, do="count", **filled)
    assert "2 lecteurs." in editor.page
    assert "a•••••@poste.example" in editor.page
    assert "ama@poste.example" not in editor.page
    editor.post(NEW, do="save", **filled)
    assert "a une adresse chez poste.example" in editor.page
    assert "rien de ceci : lit en English" in editor.page.replace("\u00a0", " ")
    assert "2 lecteurs" in editor.page


def test_conditions_and_groups_are_taken_out(editor: Staff) -> None:
    editor.get(NEW)
    more = {"1.match": "any", "1.0.field": "language", "1.0.op": "is", "1.0.value": "fr"}
    editor.post(NEW, do="drop:1.0", **(POSTAL | more))
    assert 'name="1.match"' in editor.page
    assert 'name="1.0.value"' not in editor.page
    editor.post(NEW, do="drop:1", **(POSTAL | more))
    assert 'name="1.match"' not in editor.page
    editor.post(NEW, do="drop:0", **(POSTAL | more))
    assert 'name="0.match"' in editor.page
    assert 'value="poste.example"' not in editor.page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"0.value": ""}, "Saisissez un domaine"),
        ({"name": " "}, "Donnez un nom"),
        ({"name": "x" * 121}, "trop long"),
        ({"match": "every"}, "n’est pas un"),
        ({"0.field": "password"}, "Ajoutez une condition"),
        ({"0.field": "topic", "0.op": "is", "0.value": "999"}, "n’a plus"),
        ({"0.field": "issue", "0.op": "sent", "0.value": "1; DROP TABLE issues"}, "Choisissez"),
        ({"0.field": "joined", "0.op": "before", "0.value": "hier"}, "pas une date"),
        ({"1.match": "any"}, "Ajoutez une condition"),
    ],
)
def test_what_makes_no_sense_is_said_and_kept(editor: Staff, fields: dict[str, str], words: str) -> None:
    editor.get(NEW)
    answer = editor.post(NEW, do="save", **(POSTAL | {"name": "La <b>poste"} | fields))
    assert answer.status_code == 422
    assert words in editor.page
    assert "<b>poste" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("verb", ["drop:99", "drop:x", "drop:0.7", "add:7", "add", "explode", "drop:-1", ""])
def test_a_button_that_no_page_has_breaks_nothing(editor: Staff, verb: str) -> None:
    editor.get(NEW)
    assert editor.post(NEW, do=verb, **(POSTAL | {"new": "nonsense"})).status_code in (200, 422)


def test_the_live_count_answers_with_a_part_of_the_page(house: House, editor: Staff) -> None:
    house.add_readers("depeche", "ama")
    editor.get(NEW)
    assert editor.post(f"{SEGMENTS}/count", **POSTAL).status_code == 200
    assert "1 lecteur." in editor.page
    assert "<html" not in editor.page
    editor.post(f"{SEGMENTS}/count", **(POSTAL | {"0.value": ""}))
    assert "Le décompte apparaît" in editor.page


def test_a_segment_is_changed_and_two_people_do_not_overwrite_each_other(house: House, editor: Staff) -> None:
    make(editor)
    page = f"{SEGMENTS}/1"
    editor.get(page)
    assert 'value="poste.example"' in editor.page
    editor.post(page, do="save", revision="1", **(POSTAL | {"name": "Ailleurs", "match": "none"}))
    assert "Ailleurs" in editor.page
    editor.get(page)
    assert editor.post(page, do="save", revision="1", **POSTAL).status_code == 409


def test_a_segment_of_another_newsletter_is_not_found(house: House, editor: Staff) -> None:
    make(editor)
    house.add_newsletter("autre", "Autre")
    for path in ("/segments/1", "/segments/1/remove", "/segments/9"):
        assert editor.get(f"/admin/newsletters/autre{path}").status_code == 404
    assert editor.post("/admin/newsletters/autre/segments/1/remove", sure="yes").status_code == 404


def test_who_only_reads_sees_segments_and_changes_none(house: House, editor: Staff) -> None:
    make(editor)
    analyst = Staff(house.reader()).come_in(house.staff_link(Role.ANALYST, "analyst@news.example"))
    analyst.get(SEGMENTS)
    assert "a une adresse chez poste.example" in analyst.page
    assert NEW not in analyst.page
    for path in (NEW, f"{SEGMENTS}/count", f"{SEGMENTS}/1", f"{SEGMENTS}/1/remove"):
        assert analyst.post(path, **POSTAL).status_code == 403
    assert analyst.post("/admin/issues/1/audience", only="1", without="").status_code == 403


CLICKS = {"name": "Assidus", "match": "all", "0.field": "clicked", "0.op": "within", "0.value": "30"}


def test_clicks_are_offered_once_the_newsletter_measures_who_clicks(house: House, editor: Staff) -> None:
    editor.get(NEW)
    assert "ne mesure pas qui clique" in editor.page
    assert "A cliqué sur un lien" not in editor.page
    assert editor.post(NEW, do="save", **CLICKS).status_code == 422
    assert "ne mesure pas qui clique" in editor.page
    measure = ["newsletters", "measure", "depeche", "--clicks", "reader", "--opens", "off"]
    assert CliRunner().invoke(cli, measure).exit_code == 0
    house.add_readers("depeche", "ama", "kofi")
    editor.get(NEW)
    assert "ne mesure pas qui clique" not in editor.page
    editor.post(NEW, do="add", new="clicked.not_within", name="Absents", match="all")
    assert 'value="not_within" selected' in editor.page
    editor.post(NEW, do="count", **(CLICKS | {"0.op": "not_within"}))
    assert "2 lecteurs." in editor.page
    assert editor.post(NEW, do="save", **CLICKS).status_code == 200
    assert "a cliqué sur un lien il y a moins de 30 jours" in editor.page


def test_a_rule_about_clicks_is_counted_by_the_command_too(house: House, tmp_path: Path) -> None:
    house.add_readers("depeche", "ama")
    rule = tmp_path / "rule.json"
    rule.write_text(
        '{"version": 1, "match": "all", "of": [{"field": "clicked", "op": "not_within", "value": 90}]}', "utf-8"
    )
    count = ["segments", "count", "--newsletter", "depeche", "--rule", str(rule), "--json"]
    refused = CliRunner().invoke(cli, count)
    assert refused.exit_code == 1
    measure = ["newsletters", "measure", "depeche", "--clicks", "reader", "--opens", "off"]
    assert CliRunner().invoke(cli, measure).exit_code == 0
    answer = CliRunner().invoke(cli, count)
    assert json.loads(answer.stdout) == {"readers": 1, "more": False}


# To its readers, end to end.


def composed(house: House, editor: Staff) -> str:
    """A draft with one article, and two readers of whom one is in the segment; the path of its page."""
    house.add_readers("depeche", "ama")
    newsroom = CliRunner()
    rows = Path(house.letters).parent / "readers.csv"
    rows.write_text("email,ville\nkofi@ailleurs.example,Lomé\n")
    arguments = ["subscribers", "import", str(rows), "--newsletter", "depeche", "--status", "active"]
    assert newsroom.invoke(cli, arguments).exit_code == 0
    article = Path(house.letters).parent / "article.md"
    article.write_text("# Le pont rouvre\n\nUn paragraphe qui raconte la suite.\n")
    assert newsroom.invoke(cli, ["articles", "add", str(article), "--newsletter", "depeche"]).exit_code == 0
    editor.get("/admin/newsletters/depeche/issues")
    editor.post("/admin/newsletters/depeche/issues")
    return "/admin/issues/1"


def test_an_issue_goes_to_a_segment_and_the_others_get_its_article_later(house: House, editor: Staff) -> None:
    issue = composed(house, editor)
    make(editor)
    editor.get(issue)
    assert "Qui le reçoit" in editor.page
    editor.post(f"{issue}/audience", only="1", without="", revision="1", subject="Objet", introduction="Bonjour.")
    assert "Seulement le segment" in editor.page
    assert 'value="Objet"' in editor.page
    assert "1 lecteur recevrait ce numéro" in editor.page
    editor.get(f"{issue}/send")
    assert "Seulement le segment" in editor.page
    editor.post(f"{issue}/send")
    house.work()
    assert [mail.stored.envelope_recipients for mail in house.mails()] == [("ama@poste.example",)]
    editor.get(issue)
    assert "Seulement le segment" in editor.page

    house.send_digest("depeche", "Le marché brûle pendant la nuit")
    later = {mail.stored.envelope_recipients[0]: mail.text for mail in house.mails()[1:]}
    assert set(later) == {"ama@poste.example", "kofi@ailleurs.example"}
    assert "Le pont rouvre" in later["kofi@ailleurs.example"]
    assert "Le pont rouvre" not in later["ama@poste.example"]


def test_an_issue_whose_segment_goes_waits_for_a_new_choice(house: House, editor: Staff) -> None:
    issue = composed(house, editor)
    make(editor)
    editor.get(issue)
    editor.post(f"{issue}/audience", only="1", without="", revision="1")
    editor.get(f"{SEGMENTS}/1/remove")
    assert "1 numéro l’attend." in editor.page
    editor.post(f"{SEGMENTS}/1/remove")
    assert "1 numéro l’attend." in editor.page  # asked again: nobody has seen the question
    editor.post(f"{SEGMENTS}/1/remove", sure="yes")
    editor.get(issue)
    assert "a été supprimé. Choisissez qui le reçoit." in editor.page
    editor.post(f"{issue}/audience", only="1", without="", revision="2")  # as the page has it
    assert "a été supprimé. Choisissez qui le reçoit." in editor.page
    editor.get(f"{issue}/send")
    assert editor.post(f"{issue}/send").status_code == 422
    house.work()
    assert house.mails() == []
    editor.get(issue)
    editor.post(f"{issue}/audience", only="", without="", revision="2")
    editor.get(f"{issue}/send")
    editor.post(f"{issue}/send")
    house.work()
    assert len(house.mails()) == 2


def test_a_segment_that_goes_after_the_button_was_pressed_stops_the_issue_on_its_page(
    house: House, editor: Staff
) -> None:
    issue = composed(house, editor)
    make(editor)
    editor.get(issue)
    editor.post(f"{issue}/audience", only="1", without="", revision="1")
    editor.get(f"{issue}/send")
    editor.post(f"{issue}/send")
    editor.get(f"{SEGMENTS}/1/remove")
    editor.post(f"{SEGMENTS}/1/remove", sure="yes")
    house.work()
    assert house.mails() == []
    editor.get(issue)
    assert "a été supprimé. Choisissez qui le reçoit." in editor.page
    revision = re.search(r'name="revision" value="(\d+)"', editor.page)
    assert revision
    editor.post(f"{issue}/audience", only="", without="", revision=revision[1])
    editor.post(f"{issue}/resume")
    house.work()
    assert len(house.mails()) == 2


def test_a_choice_about_an_older_revision_is_not_taken(house: House, editor: Staff) -> None:
    issue = composed(house, editor)
    make(editor)
    editor.get(issue)
    editor.post(f"{issue}/audience", only="1", without="", revision="1")
    editor.get(issue)
    assert (
        editor.post(f"{issue}/audience", only="", without="1", revision="1", subject="x", introduction="").status_code
        == 409
    )
    for only in ("99", "x", "-1", "9" * 30):
        assert editor.post(f"{issue}/audience", only=only, without="", revision="2").status_code in (404, 422)


# The same by commands.


def run(*arguments: str, given: object = None, code: int = 0) -> str:
    told = CliRunner().invoke(cli, list(arguments), input=json.dumps(given) if given is not None else None)
    assert (0 if told.exception is None else 1) == code, told.output
    return told.output


RULE = {"version": 1, "match": "all", "of": [{"field": "cadence", "op": "is", "value": "main"}]}


def test_segments_are_kept_by_commands(house: House) -> None:
    house.add_readers("depeche", "ama")
    of = ("--newsletter", "depeche")
    assert json.loads(run("segments", "add", "Tous", *of, "--rule", "-", "--json", given=RULE))["readers"] == 1
    assert "Tous" in run("segments", "list", *of)
    assert json.loads(run("segments", "show", "tous", *of, "--json"))["rule"]["of"][0]["value"] == 1
    assert json.loads(run("segments", "count", "Tous", *of, "--json")) == {"readers": 1, "more": False}
    assert json.loads(run("segments", "count", *of, "--rule", "-", "--json", given=RULE))["readers"] == 1
    run("segments", "count", *of, "--rule", "-", given={"version": 1}, code=1)
    run("segments", "add", "Tous", *of, "--rule", "-", given=RULE, code=1)
    run("segments", "remove", "Tous", *of)
    run("segments", "show", "Tous", *of, code=1)


def test_a_command_says_who_gets_an_issue(house: House, editor: Staff) -> None:
    composed(house, editor)
    of = ("--newsletter", "depeche")
    run("segments", "add", "Tous", *of, "--rule", "-", given=RULE)
    run("issues", "audience", "1", "--without", "Tous")
    assert "Tous" in json.loads(run("issues", "show", "1", "--json"))["who_gets_it"]
    run("segments", "remove", "Tous", *of, code=1)
    run("issues", "audience", "1", "--only", "Personne", code=1)
    run("issues", "audience", "1", code=1)
    run("issues", "audience", "1", "--everybody")
    assert json.loads(run("issues", "show", "1", "--json"))["who_gets_it"] == ""
    run("segments", "remove", "Tous", *of)
