"""Staff search, read a history through, act on many at once and take it back, bring files and take some away."""

import io

import pytest

from newsletter.accounts.models import Role
from tests.functional.conftest import House
from tests.support.staff import Staff
from worker.tasks import subscriptions

SUBSCRIBERS = "/admin/newsletters/depeche/subscribers"
FILES = f"{SUBSCRIBERS}/files"


@pytest.fixture
def editor(house: House) -> Staff:
    house.add_readers("depeche", "afi", "ama", "kofi", "yao")
    person = Staff(house.reader()).come_in(house.staff_link(Role.EDITOR))
    person.get(f"{SUBSCRIBERS}/new")
    return person


def active(editor: Staff) -> str:
    """The addresses that get the newsletter."""
    editor.get(SUBSCRIBERS, query_string={"status": "active"})
    return editor.page


def number(path: str) -> int:
    return int(path.rpartition("/")[2])


def profile(editor: Staff, name: str) -> str:
    editor.get(SUBSCRIBERS, query_string={"q": name})
    path = editor.page.split('<th scope="row"><a class="plain" href="')[1].split('"')[0]
    editor.get(path)
    return path


def test_while_somebody_types_only_what_is_found_is_asked_for(editor: Staff):
    answer = editor.client.get(SUBSCRIBERS, query_string={"q": "af"}, headers={"HX-Request": "true"})
    part = answer.get_data(as_text=True)
    assert part.lstrip().startswith('<div class="found"')
    assert "afi" in part
    assert "kofi" not in part
    assert "HX-Request" in answer.headers["Vary"]


def test_many_are_ended_after_a_count_and_brought_back_by_an_undo(house: House, editor: Staff):
    editor.get(f"{SUBSCRIBERS}/bulk", query_string={"q": "@poste.example"})
    path = editor.post(f"{SUBSCRIBERS}/bulk", q="@poste.example", kind="end").request.path
    assert "Comptage" in editor.page
    subscriptions.run_bulk(number(path))
    editor.get(path)
    assert "4 lecteurs" in editor.page
    assert "yao" in editor.page
    assert "yao" in active(editor)
    editor.get(path)
    editor.post(f"{path}/confirm")
    subscriptions.run_bulk(number(path))
    assert "yao" not in active(editor)
    editor.get(path)
    assert "Fait pour 4 lecteurs" in editor.page
    editor.post(f"{path}/undo")
    subscriptions.run_bulk(number(path))
    editor.get(path)
    assert "Annulé pour 4 lecteurs" in editor.page
    assert "yao" in active(editor)


def test_ticked_rows_are_counted_at_once_and_the_others_are_left(editor: Staff):
    ids = [profile(editor, name).rpartition("/")[2] for name in ("afi", "ama")]
    editor.get(f"{SUBSCRIBERS}/bulk", query_string={"id": ids})
    assert "2 lecteurs cochés" in editor.page
    data = {"csrf_token": editor._token, "id": ids, "kind": "suppress", "why": "liste achetée"}
    path = editor.client.post(f"{SUBSCRIBERS}/bulk", data=data).headers["Location"]
    editor.get(path)
    assert "liste achetée" in editor.page
    editor.post(f"{path}/confirm")
    subscriptions.run_bulk(number(path))
    profile(editor, "afi")
    assert "liste achetée" in editor.page
    profile(editor, "kofi")
    assert "liste achetée" not in editor.page


def test_the_readers_of_a_segment_are_chosen_from_its_list(editor: Staff):
    editor.post(SUBSCRIBERS, email="sena@ailleurs.example", agreed="yes", proof="papier")
    rule = {"0.field": "domain", "0.op": "is", "0.value": "poste.example"}
    editor.post("/admin/newsletters/depeche/segments/new", do="save", name="La <poste>", match="all", **rule)
    assert f'href="{SUBSCRIBERS}/bulk?segment=1"' in editor.page
    asked = editor.get(f"{SUBSCRIBERS}/bulk", query_string={"segment": "1"})
    assert "Lecteurs du segment « La <poste> »" in editor.page
    assert "<poste>" not in asked.get_data(as_text=True)
    path = editor.post(f"{SUBSCRIBERS}/bulk", segment="1", kind="end").request.path
    subscriptions.run_bulk(number(path))
    editor.get(path)
    assert "4 lecteurs" in editor.page
    editor.post(f"{path}/confirm")
    subscriptions.run_bulk(number(path))
    assert "yao" not in active(editor)
    assert "sena" in active(editor)


@pytest.mark.parametrize("segment", ["1", "", "x", "-1", "9" * 30])
def test_a_segment_that_is_not_there_is_never_everybody(editor: Staff, segment: str):
    assert editor.get(f"{SUBSCRIBERS}/bulk", query_string={"segment": segment}).status_code == 404
    assert editor.post(f"{SUBSCRIBERS}/bulk", segment=segment, kind="end").status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"kind": "erase"},
        {"kind": "pause"},
        {"kind": "pause", "until": "2001-01-01"},
        {"kind": "language", "language": "xx"},
        {"kind": "suppress", "why": "  "},
    ],
)
def test_what_cannot_be_done_to_many_is_refused_with_a_sentence(editor: Staff, fields: dict[str, str]):
    assert editor.post(f"{SUBSCRIBERS}/bulk", **fields).status_code == 422
    assert 'role="alert"' in editor.page


def test_an_action_of_one_newsletter_is_not_found_under_another(house: House, editor: Staff):
    path = editor.post(f"{SUBSCRIBERS}/bulk", kind="end").request.path
    house.add_newsletter("eco", "Le Point éco")
    other = path.replace("depeche", "eco")
    assert editor.get(other).status_code == 404
    assert editor.post(f"{other}/confirm").status_code == 404
    subscriptions.run_bulk(number(path))
    assert "yao" in active(editor)


def test_an_id_of_another_newsletter_is_never_touched(house: House, editor: Staff):
    house.add_newsletter("eco", "Le Point éco")
    house.add_readers("eco", "sena")
    own = editor.get("/admin/newsletters/eco/subscribers").get_data(as_text=True)
    foreign = own.split('name="id" value="')[1].split('"')[0]
    path = editor.post(f"{SUBSCRIBERS}/bulk", id=foreign, kind="end").request.path
    editor.get(path)
    assert "0 lecteur" in editor.page


def test_an_analyst_may_look_and_change_nothing(house: House, editor: Staff):
    analyst = Staff(house.reader()).come_in(house.staff_link(Role.ANALYST, "kodjo@news.example"))
    assert analyst.get(SUBSCRIBERS).status_code == 200
    for path in (f"{SUBSCRIBERS}/bulk", FILES, f"{SUBSCRIBERS}/export.csv"):
        assert analyst.get(path).status_code == 403, path


def test_a_history_shows_what_happened_newest_first_and_by_kind(house: House, editor: Staff):
    house.send_digest("depeche")
    path = profile(editor, "ama")
    editor.post(f"{path}/block", why="a téléphoné")
    editor.post(f"{path}/unblock", why="a rappelé")
    order = ["a rappelé", "a téléphoné", 'data-s="sent"', "formulaire papier"]
    places = [editor.page.index(words) for words in order]
    assert places == sorted(places)
    editor.get(path, query_string={"kind": "blocked"})
    assert "a téléphoné" in editor.page
    assert "formulaire papier" not in editor.page
    editor.get(path, query_string={"kind": "staff"})
    assert "Débloqué par la rédaction" in editor.page
    for below in ("x", "1.2.3", "1e400.audit.1", "0.audit.99999999999999999999"):
        assert editor.get(path, query_string={"below": below}).status_code == 200


def test_a_long_history_has_pages_that_miss_nothing_and_repeat_nothing(house: House, editor: Staff):
    path = profile(editor, "ama")
    for round_ in range(12):
        editor.post(f"{path}/block", why=f"bloc {round_};")
        editor.post(f"{path}/unblock", why=f"levée {round_};")
    editor.get(path, query_string={"kind": "blocked"})
    assert 'rel="next"' not in editor.page
    seen = []
    address = path
    while address:
        editor.get(address)
        seen += [line for line in editor.page.split("<li>") if "bloc " in line or "levée " in line]
        following = editor.page.split('rel="next"')[0].rpartition('href="')[2].split('"')[0]
        address = following if 'rel="next"' in editor.page else ""
    assert len(seen) == 24
    assert len(set(seen)) == 24


def test_a_break_and_its_end_are_given_by_staff(editor: Staff):
    path = profile(editor, "ama")
    assert editor.post(f"{path}/pause", until="1999-01-01").status_code == 422
    assert editor.post(f"{path}/pause", until="x").status_code == 422
    tomorrow = editor.page.split('min="')[1].split('"')[0]
    editor.post(f"{path}/pause", until=tomorrow)
    assert 'data-s="paused"' in editor.page
    editor.post(f"{path}/resume")
    assert 'data-s="active"' in editor.page


def test_a_confirmation_is_asked_for_once_a_day_and_no_more(house: House, editor: Staff):
    editor.post(SUBSCRIBERS, email="sena@poste.example", agreed="no")
    path = profile(editor, "sena")
    assert editor.post(f"{path}/ask-again").status_code == 422
    house.work()
    assert len(house.mails("sena@poste.example")) == 1


def bring(editor: Staff, text: str | bytes, name: str = "lecteurs.csv") -> str:
    """Upload a file; the path of its page."""
    editor.get(FILES)
    data = text if isinstance(text, bytes) else text.encode()
    sent = {"csrf_token": editor._token, "file": (io.BytesIO(data), name)}
    answer = editor._look(editor.client.post(FILES, data=sent, follow_redirects=True))
    return answer.request.path if answer.status_code == 200 else ""


def test_a_file_is_tried_before_it_is_imported(house: House, editor: Staff):
    path = bring(editor, "Courriel;Nom;Ville\nsena@poste.example;Séna;Lomé\nrien;;\nafi@poste.example;Afi;Kara\n")
    assert "sena@poste.example" in editor.page
    names = {"column-0": "email", "column-1": "name", "column-2": "ville"}
    editor.post(f"{path}/try", agreed="yes", proof="salon de mars", **names)
    subscriptions.read_file(number(path))
    editor.get(path)
    assert "Importer 1 lecteur" in editor.page
    assert "rien" in editor.page
    assert "sena" not in active(editor)
    editor.get(path)
    editor.post(f"{path}/import")
    subscriptions.read_file(number(path))
    subscriptions.read_file(number(path))
    assert "sena" in active(editor)
    house.work()
    assert not house.mails("sena@poste.example")
    profile(editor, "sena")
    assert "salon de mars" in editor.page


def test_a_trial_sends_no_mail_and_the_import_one_to_each(house: House, editor: Staff):
    path = bring(editor, "email\nsena@poste.example\n")
    editor.post(f"{path}/try", agreed="no", **{"column-0": "email"})
    subscriptions.read_file(number(path))
    house.work()
    assert not house.mails("sena@poste.example")
    editor.get(path)
    editor.post(f"{path}/import")
    subscriptions.read_file(number(path))
    house.work()
    assert len(house.mails("sena@poste.example")) == 1


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n\0\0", b"x" * 2_000_001])
def test_what_is_no_csv_or_too_large_is_refused(editor: Staff, data: bytes):
    assert bring(editor, data) == ""
    assert 'role="alert"' in editor.page


@pytest.mark.parametrize("octets", [2_000_001, 2_200_000, 30_000_000])
def test_a_file_that_is_too_large_is_answered_by_its_page(editor: Staff, octets: int):
    """Whether the page reads it or not: how large it may be, and what to do with a larger one."""
    editor.get(FILES)
    sent = {"csrf_token": editor._token, "file": (io.BytesIO(b"email\n".ljust(octets, b"x")), "lecteurs.csv")}
    answer = editor._look(editor.client.post(FILES, data=sent))
    assert answer.status_code == 413
    assert "plus de 2\u00a0Mo" in editor.page
    assert "newsletter subscribers import" in editor.page
    assert 'type="file"' in editor.page


def test_only_who_may_bring_files_gets_their_page_for_a_file_that_is_too_large(house: House, editor: Staff):
    sent = {"file": (io.BytesIO(b"x" * 3_000_000), "lecteurs.csv")}
    stranger = house.reader()
    assert stranger.post(FILES, data=dict(sent)).status_code == 303
    analyst = Staff(house.reader()).come_in(house.staff_link(Role.ANALYST, "kodjo@news.example"))
    sent = {"file": (io.BytesIO(b"x" * 3_000_000), "lecteurs.csv")}
    assert analyst.client.post(FILES, data=sent).status_code == 403


def test_a_file_needs_one_column_of_addresses_and_a_proof(editor: Staff):
    path = bring(editor, "a,b\nx@poste.example,y\n")
    assert editor.post(f"{path}/try", agreed="no", **{"column-0": "", "column-1": ""}).status_code == 422
    assert editor.post(f"{path}/try", agreed="no", **{"column-0": "email", "column-1": "email"}).status_code == 422
    assert editor.post(f"{path}/try", agreed="yes", **{"column-0": "email", "column-1": ""}).status_code == 422


def test_an_export_has_what_is_found_and_no_formula(editor: Staff):
    editor.post(SUBSCRIBERS, email="sena@poste.example", name="=HYPERLINK(1)", agreed="yes", proof="papier")
    answer = editor.client.get(f"{SUBSCRIBERS}/export.csv", query_string={"q": "sena"})
    lines = answer.get_data(as_text=True).splitlines()
    assert len(lines) == 2
    assert ",'=HYPERLINK(1)," in lines[1]
    assert answer.headers["Content-Disposition"].startswith("attachment")
    everybody = editor.client.get(f"{SUBSCRIBERS}/export.csv").get_data(as_text=True).splitlines()
    assert len(everybody) == 6


def test_an_export_has_the_ticked_rows_only_where_some_are_ticked(editor: Staff):
    ids = [profile(editor, name).rpartition("/")[2] for name in ("afi", "yao")]
    editor.get(SUBSCRIBERS, query_string={"q": "@poste.example"})
    button = editor.page.split("formaction=")[1].split(">")[0]
    assert f"{SUBSCRIBERS}/export.csv" in button
    # What the form sends with two boxes ticked: the search beside them does not count.
    answer = editor.client.get(f"{SUBSCRIBERS}/export.csv", query_string={"q": "@poste.example", "id": ids})
    _head, *lines = answer.get_data(as_text=True).splitlines()
    assert sorted(line.partition(",")[0] for line in lines) == ["afi@poste.example", "yao@poste.example"]


def test_hostile_words_in_a_search_and_a_file_are_shown_as_text(editor: Staff):
    hostile = "<img src=x onerror=alert(1)>"
    for path in (SUBSCRIBERS, f"{SUBSCRIBERS}/bulk"):
        assert hostile not in editor.client.get(path, query_string={"q": hostile}).get_data(as_text=True)
    path = bring(editor, f"email,{hostile}\nx@poste.example,{hostile}\n", name=hostile)
    assert hostile not in editor.client.get(path).get_data(as_text=True)
