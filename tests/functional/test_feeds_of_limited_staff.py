"""Newsletters share feeds; who is limited to some newsletters sees what these take, and changes nothing for others."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import delete, update

from newsletter.accounts import rights, users
from newsletter.accounts.models import Role, UserRight
from newsletter.accounts.permissions import Rights
from newsletter.core.clock import utc_now
from newsletter.feeds.models import Feed
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import topics
from tests.functional.conftest import House
from tests.support.feed_server import Item, Publisher, publisher, rss
from tests.support.staff import TOKEN, Staff
from worker.tasks import feeds as tasks

ACTIONS = ("poll", "pause", "resume", "remove", "nothing")
NOT_ALONE = "Ce flux va aussi à des newsletters que vous ne pouvez pas modifier"
PAUSE, RESUME, POLL, REMOVE = (f'value="{action}"' for action in ("pause", "resume", "poll", "remove"))


@dataclass(frozen=True)
class Kiosk:
    """`depeche` and `gazette`, and feeds by who takes them: `own` is of the first, `theirs` of the other."""

    house: House
    own: int
    theirs: int
    both: int

    def person(self, **roles: Role) -> Staff:
        """Somebody who is limited to these newsletters."""
        name = "-".join(f"{slug}.{role}" for slug, role in roles.items())
        with self.house.installation.database.unit() as session:
            given = {"language": "fr", "now": utc_now(), "actor": "test"}
            user = users.create_user(session, f"{name}@news.example", Role.ANALYST, **given)  # type: ignore[arg-type]
            held = {newsletters.by_slug(session, slug).id: role for slug, role in roles.items()}
            rights.give(session, user, Rights(None, held))
            link = f"/admin/password/{users.make_password_link(session, user.id, now=utc_now())}"
        return self._come_in(link)

    def anywhere(self, role: Role = Role.OWNER) -> Staff:
        return self._come_in(self.house.staff_link(role, f"{role}@news.example"))

    def set(self, feed_id: int, **values: object) -> None:
        with self.house.installation.database.unit() as session:
            session.execute(update(Feed).where(Feed.id == feed_id).values(**values))

    def _come_in(self, link: str) -> Staff:
        person = Staff(self.house.reader()).come_in(link)
        person.get("/admin/account")  # has a form, and so a token
        return person


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is private: the installation is told that it may be read."""
    monkeypatch.setenv("NEWSLETTER_FETCH_ALLOW", "127.0.0.1")


@pytest.fixture
def kiosk(house: House) -> Kiosk:
    house.add_newsletter("gazette", "La Gazette", language="fr")
    with house.installation.database.unit() as session:
        topics.add(session, newsletters.by_slug(session, "depeche"), "Sport")
        topics.add(session, newsletters.by_slug(session, "gazette"), "Secrets")
    return Kiosk(
        house,
        own=house.add_feed("https://ici.example/flux", "depeche", title="Agence d’ici"),
        theirs=house.add_feed("https://ailleurs.example/flux", "gazette", title="Agence d’ailleurs"),
        both=house.add_feed("https://partout.example/flux", "gazette", "depeche", title="Agence de partout"),
    )


@pytest.fixture
def editor(kiosk: Kiosk) -> Staff:
    return kiosk.person(depeche=Role.EDITOR)


@pytest.fixture
def owner(kiosk: Kiosk) -> Staff:
    return kiosk.anywhere()


@pytest.fixture
def press() -> Iterator[Publisher]:
    with publisher() as running:
        story = Item("Le marché rouvre", "https://courrier.example/1", "1", utc_now(), "<p>Lundi matin, dit-on.</p>")
        running.put("/flux", rss([story]))
        yield running


def send_list(person: Staff, into: str, text: str) -> int:
    file = (io.BytesIO(text.encode()), "liste.opml")
    return person.post("/admin/feeds/list", into=into, file=file).status_code  # type: ignore[arg-type]


def page_of(person: Staff, feed_id: int) -> str:
    """What the page of a feed says, without the frame around it."""
    assert person.get(f"/admin/feeds/{feed_id}").status_code == 200
    return person.page.partition("<main")[2]


def refusals(person: Staff, feed_id: int) -> set[str]:
    """What is said to somebody who asks for the feed in every way there is, all of them with 404."""
    path, said = f"/admin/feeds/{feed_id}", set()
    assert person.get(path).status_code == 404
    looked_at = TOKEN.sub("", person.page)
    for action in ACTIONS:
        for newsletter in ("depeche", "gazette"):
            assert person.post(path, action=action, newsletter=newsletter).status_code == 404, action
            said.add(TOKEN.sub("", person.page))
    return {looked_at, *said}


def test_the_list_and_the_file_hold_what_their_newsletters_take(editor: Staff, owner: Staff) -> None:
    for path in ("/admin/feeds", "/admin/feeds/list.opml"):
        owner.get(path)
        assert all(f"Agence {where}" in owner.page for where in ("d’ici", "d’ailleurs", "de partout"))
        assert editor.get(path).status_code == 200
        assert "Agence d’ici" in editor.page
        assert "Agence de partout" in editor.page
        assert "ailleurs" not in editor.page
        assert "Gazette" not in editor.page


def test_the_settings_lead_to_them(editor: Staff) -> None:
    editor.get("/admin/newsletters/depeche/domain")
    assert 'href="/admin/feeds"' in editor.page
    assert 'href="/admin/relays"' not in editor.page


def test_of_a_feed_that_others_take_they_learn_how_many_do(kiosk: Kiosk, editor: Staff, owner: Staff) -> None:
    shown = page_of(editor, kiosk.both)
    assert "La Dépêche du soir" in shown
    assert "1 autre newsletter<" in shown
    assert "Gazette" not in shown
    assert "autre newsletter<" not in page_of(editor, kiosk.own)
    assert "La Gazette" in page_of(owner, kiosk.both)
    assert "autre newsletter<" not in owner.page


def test_a_feed_of_others_is_refused_as_one_that_does_not_exist(kiosk: Kiosk, editor: Staff, owner: Staff) -> None:
    assert len(refusals(editor, kiosk.theirs) | refusals(editor, 999)) == 2  # to look, and to change
    assert "Paus" not in page_of(owner, kiosk.theirs)


def test_every_feed_is_refused_to_who_has_no_newsletter_left(kiosk: Kiosk, editor: Staff) -> None:
    with kiosk.house.installation.database.unit() as session:
        session.execute(delete(UserRight))
    assert len(refusals(editor, kiosk.own) | refusals(editor, 999)) == 2
    assert editor.get("/admin/feeds").status_code == 200
    assert "Agence" not in editor.page


def test_they_add_to_their_own_newsletters_only(kiosk: Kiosk, editor: Staff, press: Publisher) -> None:
    editor.get("/admin/feeds")
    assert 'value="depeche/sport"' in editor.page
    assert 'value="gazette' not in editor.page
    said = set()
    for into in ("gazette", "gazette/secrets", "gazette/nothing", "nothing", "nothing/secrets", ""):
        assert editor.post("/admin/feeds", url=f"{press.url}/flux", into=into).status_code == 422
        (alert,) = editor.page.partition('role="alert"')[2].partition("</div>")[:1]
        said.add(alert.replace(f"«\u00a0{into.partition('/')[0]}\u00a0»", "«…»"))
        assert send_list(editor, into, f'<opml><body><outline xmlUrl="{press.url}/flux"/></body></opml>') == 422
    assert len(said) == 1
    assert press.asked == []
    assert editor.post("/admin/feeds", url=f"{press.url}/flux", into="depeche/sport").status_code == 200
    assert "La Dépêche du soir: Sport" in editor.page


def test_they_join_a_feed_that_another_newsletter_takes(kiosk: Kiosk, owner: Staff, press: Publisher) -> None:
    editor = kiosk.person(gazette=Role.EDITOR)
    path = owner.post("/admin/feeds", url=f"{press.url}/flux", into="depeche/sport").request.path
    assert editor.get(path).status_code == 404
    editor.get("/admin/account")
    assert editor.post("/admin/feeds", url=f"{press.url}/flux", into="gazette").request.path == path
    assert "1 article est entré." in editor.page
    assert "1 autre newsletter<" in editor.page
    assert "Sport" not in editor.page
    owner.get("/admin/feeds/list.opml")
    assert "Sport" in owner.page
    editor.get("/admin/feeds/list.opml")
    assert f"{press.url}/flux" in editor.page
    assert "Sport" not in editor.page


def test_joining_a_feed_does_not_end_a_pause_that_others_made(
    kiosk: Kiosk, editor: Staff, owner: Staff, press: Publisher
) -> None:
    path = owner.post("/admin/feeds", url=f"{press.url}/flux", into="gazette").request.path
    kiosk.set(int(path.rpartition("/")[2]), gone_at=utc_now())
    owner.post(path, action="pause")
    assert editor.post("/admin/feeds", url=f"{press.url}/flux", into="depeche").request.path == path
    assert "En pause" in editor.page


def test_their_list_goes_into_their_newsletter(kiosk: Kiosk, editor: Staff, owner: Staff) -> None:
    """Also what another newsletter takes already, and a folder that is called like a topic of that one."""
    addresses = ("https://ailleurs.example/flux", "https://neuf.example/flux")
    outlines = "".join(f'<outline xmlUrl="{address}"/>' for address in addresses)
    text = f'<opml><body><outline text="Secrets">{outlines}</outline></body></opml>'
    assert send_list(editor, "depeche", text) == 200
    assert "Agence d’ailleurs" in editor.page
    assert "neuf.example" in editor.page
    assert "Secrets" not in editor.page
    assert "1 autre newsletter<" in page_of(editor, kiosk.theirs)
    assert "La Gazette" in page_of(owner, kiosk.theirs)
    assert "La Dépêche du soir" in owner.page


def test_they_have_a_feed_read_now_that_others_take_too(kiosk: Kiosk, editor: Staff, press: Publisher) -> None:
    kiosk.set(kiosk.both, url=f"{press.url}/flux")
    assert POLL in page_of(editor, kiosk.both)
    assert editor.post(f"/admin/feeds/{kiosk.both}", action="poll").status_code == 200
    tasks.poll()
    assert "/flux" in press.asked


def test_they_pause_a_feed_that_is_theirs_alone(kiosk: Kiosk, editor: Staff) -> None:
    path = f"/admin/feeds/{kiosk.own}"
    shown = page_of(editor, kiosk.own)
    assert PAUSE in shown
    assert NOT_ALONE not in shown
    assert editor.post(path, action="pause").status_code == 200
    assert "En pause" in editor.page
    assert RESUME in editor.page
    assert editor.post(path, action="resume").status_code == 200
    assert "En pause" not in editor.page


def test_they_neither_pause_nor_resume_what_others_take_too(kiosk: Kiosk, editor: Staff, owner: Staff) -> None:
    path = f"/admin/feeds/{kiosk.both}"
    shown = page_of(editor, kiosk.both)
    assert PAUSE not in shown
    assert NOT_ALONE in shown
    assert editor.post(path, action="pause").status_code == 422
    assert NOT_ALONE in editor.page
    assert "En pause" not in page_of(owner, kiosk.both)
    owner.post(path, action="pause")
    shown = page_of(editor, kiosk.both)
    assert not any(button in shown for button in (PAUSE, RESUME, POLL))
    assert NOT_ALONE in shown
    for action in ("poll", "resume"):
        editor.post(path, action=action)
        assert "En pause" in page_of(owner, kiosk.both)
    assert NOT_ALONE not in owner.page
    assert editor.post(path, action="resume").status_code == 422


def test_they_remove_it_from_their_own_newsletters_only(kiosk: Kiosk, editor: Staff, owner: Staff) -> None:
    path, said = f"/admin/feeds/{kiosk.both}", set()
    for newsletter in ("gazette", "nothing"):
        assert editor.post(path, action="remove", newsletter=newsletter).status_code == 404
        said.add(TOKEN.sub("", editor.page).replace(newsletter, "…"))
    assert len(said) == 1
    assert page_of(owner, kiosk.both).count(REMOVE) == 2
    assert page_of(editor, kiosk.both).count(REMOVE) == 1
    assert editor.post(path, action="remove", newsletter="depeche").status_code == 200
    assert "Agence de partout" not in editor.page
    assert editor.get(path).status_code == 404
    assert page_of(owner, kiosk.both).count(REMOVE) == 1
    owner.get("/admin/log?subject=feed")
    assert "depeche.editor@news.example" in owner.page
    assert owner.page.partition("<main")[2].count("A retiré un flux") == 1


def test_a_role_counts_for_its_newsletter_alone(kiosk: Kiosk) -> None:
    """An author here who reads there sees what both take, and changes what is of the first."""
    person, path = kiosk.person(depeche=Role.AUTHOR, gazette=Role.ANALYST), f"/admin/feeds/{kiosk.both}"
    person.get("/admin/feeds")
    assert "Agence d’ailleurs" in person.page
    assert 'value="depeche"' in person.page
    assert 'value="gazette"' not in person.page
    assert person.post("/admin/feeds", url="https://neuf.example", into="gazette").status_code == 403
    assert send_list(person, "gazette", '<opml><body><outline xmlUrl="https://x.example/"/></body></opml>') == 403
    shown = page_of(person, kiosk.both)
    assert "La Gazette" in shown
    assert shown.count(REMOVE) == 1
    assert NOT_ALONE in shown
    assert person.post(path, action="remove", newsletter="gazette").status_code == 403
    assert person.post(path, action="pause").status_code == 422
    assert "<form" not in page_of(person, kiosk.theirs)
    for action in ACTIONS:
        assert person.post(f"/admin/feeds/{kiosk.theirs}", action=action, newsletter="depeche").status_code == 403
    assert PAUSE in page_of(person, kiosk.own)


def test_who_only_reads_changes_nothing(kiosk: Kiosk) -> None:
    person = kiosk.person(depeche=Role.ANALYST)
    for path in ("/admin/feeds", f"/admin/feeds/{kiosk.own}", f"/admin/feeds/{kiosk.both}"):
        assert person.get(path).status_code == 200
        assert "<form" not in person.page.partition("<main")[2]
        assert NOT_ALONE not in person.page
    for path in ("/admin/feeds", "/admin/feeds/list", f"/admin/feeds/{kiosk.own}"):
        assert person.post(path, into="depeche", action="poll").status_code == 403


def test_who_has_both_newsletters_does_it_to_both(kiosk: Kiosk) -> None:
    person = kiosk.person(depeche=Role.EDITOR, gazette=Role.AUTHOR)
    shown = page_of(person, kiosk.both)
    assert shown.count(REMOVE) == 2
    assert PAUSE in shown
    assert person.post(f"/admin/feeds/{kiosk.both}", action="pause").status_code == 200
    assert "En pause" in person.page


def test_an_author_of_all_newsletters_is_limited_in_nothing(kiosk: Kiosk) -> None:
    person = kiosk.anywhere(Role.AUTHOR)
    shown = page_of(person, kiosk.both)
    assert shown.count(REMOVE) == 2
    assert PAUSE in shown
    assert NOT_ALONE not in shown
    person.get("/admin/feeds")
    assert 'value="gazette/secrets"' in person.page
    assert "Agence d’ailleurs" in person.page


def test_the_desk_names_feeds_of_theirs_that_fail(kiosk: Kiosk, editor: Staff, owner: Staff) -> None:
    for feed_id in (kiosk.own, kiosk.theirs, kiosk.both):
        kiosk.set(feed_id, failures=5, failing_since=utc_now())
    editor.get("/admin/")
    assert all(f"/admin/feeds/{number}" in editor.page for number in (kiosk.own, kiosk.both))
    assert "ailleurs" not in editor.page
    owner.get("/admin/")
    assert "Agence d’ailleurs" in owner.page


def test_older_feeds_of_theirs_are_a_page_away(kiosk: Kiosk, editor: Staff) -> None:
    """Whatever others take in between."""
    for number in range(70):
        slugs = ("gazette",) if number % 2 else ("depeche",)
        kiosk.house.add_feed(f"https://site{number}.example/flux", *slugs, title=f"Site {number}.")
    seen = []
    for path in ("/admin/feeds", f"/admin/feeds?before={70 + kiosk.both - 59}"):
        editor.get(path)
        seen.append([number for number in range(70) if f"Site {number}." in editor.page])
    assert seen == [list(range(10, 70, 2)), list(range(0, 10, 2))]
    assert "Agence d’ici" in editor.page
