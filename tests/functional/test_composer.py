"""The composer without script: the pool, the preview as a reader, proofs, undoing, and two editors at one issue."""

import re

import pytest

from newsletter.accounts.models import Role
from newsletter.articles import placing
from newsletter.articles.placing import Placing
from newsletter.core.clock import utc_now
from newsletter.newsletters import queries as newsletters
from tests.functional.conftest import House
from tests.functional.test_admin_digest import ARTICLES, ISSUES, compose, order
from tests.support.staff import Staff

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'


@pytest.fixture
def editor(house: House) -> Staff:
    akouvi = Staff(house.reader()).come_in(house.staff_link(Role.EDITOR))
    for title in ("Le pont rouvre", "Le marché déménage"):
        write(akouvi, title)
    house.add_readers("depeche", "ama", "kofi")
    return akouvi


def write(editor: Staff, title: str) -> int:
    editor.get(f"{ARTICLES}/new")
    path = editor.post(ARTICLES, title=title, body=f"{title}, dit la mairie. Personne ne s’y attendait.").request.path
    return int(path.rpartition("/")[2])


def another(house: House, email: str = "yao@news.example", role: Role = Role.EDITOR) -> Staff:
    return Staff(house.reader("203.0.113.8")).come_in(house.staff_link(role, email))


def shelf(page: str) -> str:
    return page.split('id="shelf"')[1].split("</section>", maxsplit=1)[0]


def fields(page: str, **changes: str) -> dict[str, str]:
    """The form of the composer as the page has it."""
    revision = re.search(r'name="revision" value="(\d+)"', page)
    assert revision
    texts = {
        f"was_{name}": re.findall(rf'name="was_{name}"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL)[0]
        for name in ("subject", "preheader", "introduction")
    }
    return {"subject": "", "preheader": "", "introduction": "", "revision": revision[1], **texts, **changes}


def test_the_pool_has_what_is_out_in_and_in_reserve(house: House, editor: Staff) -> None:
    draft = compose(editor)
    late, kept = write(editor, "La dernière minute"), write(editor, "Une recette de saison")
    with house.installation.database.unit() as session:
        newsletter = newsletters.by_slug(session, "depeche")
        placing.place(session, kept, newsletter.id, Placing(reserve=True), actor="test", now=utc_now())
    editor.get(draft)
    assert "La dernière minute" in shelf(editor.page)
    assert "Arrivé après la composition de ce numéro" in shelf(editor.page)
    assert "Le pont rouvre" not in shelf(editor.page)
    editor.get(f"{draft}?pool=in")
    assert "Le pont rouvre" in shelf(editor.page)
    assert "Retenu" in shelf(editor.page)
    editor.get(f"{draft}?pool=reserve")
    assert "Une recette de saison" in shelf(editor.page)
    editor.get(f"{draft}?q=DERNIÈRE")
    assert "La dernière minute" in shelf(editor.page)
    editor.get(f"{draft}?q=introuvable")
    assert "La dernière minute" not in shelf(editor.page)
    editor.post(draft, **fields(editor.page, do=f"add:{late}"))
    assert "La dernière minute" in order(editor.page)


def test_an_article_under_embargo_says_so_and_has_no_button(house: House, editor: Staff) -> None:
    draft = compose(editor)
    late = write(editor, "Sous clé")
    editor.get(f"{ARTICLES}/{late}")
    editor.post(f"{ARTICLES}/{late}/place", embargo_until="2099-01-01T06:00")
    editor.get(draft)
    assert "Sous embargo jusqu’au" in shelf(editor.page)
    assert f'value="add:{late}"' not in editor.page


def test_steps_are_undone_and_taken_again_without_script(editor: Staff) -> None:
    draft = compose(editor)
    first, second = order(editor.page)
    number = re.findall(r'value="down:(\d+)"', editor.page)[0]
    editor.post(draft, **fields(editor.page, do=f"down:{number}"))
    assert order(editor.page) == [second, first]
    editor.post(draft, **fields(editor.page, do="undo"))
    assert order(editor.page) == [first, second]
    editor.post(draft, **fields(editor.page, do="redo"))
    assert order(editor.page) == [second, first]


def test_a_refused_save_keeps_what_was_typed(editor: Staff) -> None:
    draft = compose(editor)
    answer = editor.post(
        draft, **fields(editor.page, subject="Bonjour {{ shoe_size }}", introduction="Gardé.", do="save")
    )
    assert answer.status_code == 422
    assert 'value="Bonjour {{ shoe_size }}"' in editor.page
    assert "Gardé." in editor.page
    assert editor.post(draft, **fields(editor.page, subject="x" * 201, do="save")).status_code == 422


def test_the_preview_text_is_what_inboxes_show(editor: Staff) -> None:
    draft = compose(editor)
    editor.post(draft, **fields(editor.page, preheader="Ce que l’on voit derrière l’objet.", do="save"))
    frame = re.search(r'<iframe class="mailview" src="([^"]+)"', editor.page)
    assert frame
    editor.get(frame[1])
    assert "Ce que l’on voit derrière l’objet." in editor.page


def test_the_message_is_shown_as_a_reader_gets_it_or_why_not(editor: Staff) -> None:
    draft = compose(editor)
    editor.get(f"{draft}?as=ama@poste.example")
    assert "Tel que ama@poste.example le reçoit" in editor.page
    frame = re.search(r'<iframe class="mailview" src="([^"]+)"', editor.page)
    assert frame
    editor.get(frame[1])
    assert "Le pont rouvre" in editor.page
    assert "/u/" not in editor.page, "a click in a preview unsubscribes nobody"
    assert "/p/" not in editor.page
    editor.get(f"{draft}?as=inconnu@poste.example")
    assert "Ce lecteur ne reçoit rien." in editor.page
    assert "<iframe" not in editor.page
    assert editor.get(f"{draft}?as=pas+une+adresse").status_code == 200
    assert editor.get(f"{draft}/preview?as=inconnu@poste.example").status_code == 404


def test_a_reader_who_had_it_all_gets_nothing(house: House, editor: Staff) -> None:
    first = compose(editor)
    editor.post(f"{first}/send")
    house.work()
    write(editor, "Autre chose")
    draft = compose(editor)
    editor.get(f"{draft}?as=ama@poste.example")
    assert "Tel que ama@poste.example le reçoit" in editor.page


def test_day_and_night_are_those_that_were_asked_for(editor: Staff) -> None:
    draft = compose(editor)
    editor.get(f"{draft}/preview")
    assert "prefers-color-scheme" in editor.page
    editor.get(f"{draft}/preview?scheme=dark")
    assert "prefers-color-scheme" not in editor.page
    assert "@media all" in editor.page
    editor.get(f"{draft}/preview?scheme=light")
    assert "@media not all" in editor.page


def test_the_frame_runs_nothing_though_the_page_may_look_into_it(editor: Staff) -> None:
    draft = compose(editor)
    policy = editor.get(f"{draft}/preview").headers["Content-Security-Policy"]
    assert "sandbox allow-same-origin" in policy
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy


def test_a_proof_goes_to_those_who_are_named_and_is_nobodys(house: House, editor: Staff) -> None:
    draft = compose(editor)
    editor.get(f"{draft}/test")
    assert 'value="akouvi@news.example"' in editor.page
    editor.post(f"{draft}/test", addresses="akouvi@news.example, chef@news.example")
    house.work()
    assert sorted(mail.stored.envelope_recipients[0] for mail in house.mails()) == [
        "akouvi@news.example",
        "chef@news.example",
    ]
    proof = house.mails("chef@news.example")[0]
    assert proof.stored.subject.startswith("[Épreuve] ")
    assert "Le pont rouvre" in proof.text
    assert "/u/" not in proof.text
    assert "/p/" not in proof.text


def test_a_proof_to_nobody_too_many_or_a_false_address_is_refused(house: House, editor: Staff) -> None:
    draft = compose(editor)
    for addresses in ("", "personne", ", ".join(f"a{number}@news.example" for number in range(6)), HOSTILE):
        assert editor.post(f"{draft}/test", addresses=addresses).status_code == 422
        assert HOSTILE not in editor.client.get(f"{draft}/test").get_data(as_text=True)
    for number in range(8):
        answer = editor.post(f"{draft}/test", addresses=", ".join(f"b{number}{k}@news.example" for k in range(5)))
        assert answer.status_code == 200
    assert editor.post(f"{draft}/test", addresses="c@news.example").status_code == 422, "forty in an hour"


def test_who_only_writes_is_not_in_the_way_of_who_moves(house: House, editor: Staff) -> None:
    draft = compose(editor)
    yao = another(house)
    yao.get(draft)
    opened = yao.page
    number = re.findall(r'value="down:(\d+)"', editor.page)[0]
    editor.post(draft, **fields(editor.page, do=f"down:{number}"))
    assert yao.post(draft, **fields(opened, subject="L’objet de Yao", do="save")).status_code == 200
    assert 'value="L’objet de Yao"' in yao.page


def test_the_same_save_twice_is_no_conflict(editor: Staff) -> None:
    draft = compose(editor)
    form = fields(editor.page, subject="Deux fois", do="save")
    assert editor.post(draft, **form).status_code == 200
    assert editor.post(draft, **form).status_code == 200


def test_two_texts_are_shown_side_by_side_and_neither_is_lost(house: House, editor: Staff) -> None:
    draft = compose(editor)
    yao = another(house)
    yao.get(draft)
    opened = yao.page
    editor.post(draft, **fields(editor.page, subject="L’objet d’Akouvi", do="save"))
    assert yao.post(draft, **fields(opened, subject="L’objet de Yao", do="save")).status_code == 409
    assert "L’objet d’Akouvi" in yao.page
    assert "L’objet de Yao" in yao.page
    revision = re.search(r'name="revision" value="(\d+)"', yao.page)
    assert revision
    yao.post(draft, subject="L’objet de Yao", introduction="", revision=revision[1], do="save")
    assert 'value="L’objet de Yao"' in yao.page


def test_editors_see_who_else_is_there_and_at_which_version(house: House, editor: Staff) -> None:
    draft = compose(editor)
    number = draft.rpartition("/")[2]
    yao = another(house)
    yao.get(draft)
    yao.post(f"/admin/presence/issue/{number}", typing="yes")
    editor.post(f"/admin/presence/issue/{number}")
    assert "yao@news.example écrit ici" in editor.page
    assert re.search(r'data-version="\d+"', editor.page)
    assert editor.post("/admin/presence/issue/999").status_code == 404
    assert editor.post("/admin/presence/user/1").status_code == 404


def test_nothing_that_is_typed_runs(editor: Staff) -> None:
    draft = compose(editor)
    editor.post(draft, **fields(editor.page, subject=HOSTILE, preheader=HOSTILE, introduction=HOSTILE, do="save"))
    for path in (draft, f"{draft}?form=text", f"{draft}?q={HOSTILE}", f"{draft}?as={HOSTILE}", f"{draft}/preview"):
        page = editor.client.get(path).get_data(as_text=True)
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_an_analyst_looks_and_changes_nothing(house: House, editor: Staff) -> None:
    draft = compose(editor)
    analyst = another(house, "ana@news.example", Role.ANALYST)
    assert analyst.get(draft).status_code == 200
    assert 'name="do"' not in analyst.page
    assert analyst.post(draft, subject="Non", introduction="", do="save").status_code == 403
    assert analyst.get(f"{draft}/test").status_code == 403


def test_the_keys_are_listed_and_can_be_switched_off(editor: Staff) -> None:
    editor.get("/admin/keys")
    assert "Retirer l’article" in editor.page
    assert "data-letters" in editor.page
    editor.get("/admin/account")
    editor.post("/admin/account/keys")
    assert "data-letters" not in editor.page
    editor.post("/admin/account/keys", letter_keys="on")
    assert "data-letters" in editor.page


def test_an_issue_that_left_has_no_step_and_no_proof(house: House, editor: Staff) -> None:
    draft = compose(editor)
    form = fields(editor.page, do="undo")
    editor.post(f"{draft}/send")
    house.work()
    assert editor.post(draft, **form).status_code in (409, 422)
    assert editor.post(f"{draft}/test", addresses="akouvi@news.example").status_code == 422
    assert editor.get(ISSUES).status_code == 200
