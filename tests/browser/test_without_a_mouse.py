"""Every journey of staff and readers by Tab and the keys that `?` lists, with a focus that is seen; and by a finger."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import DESK, PASSWORD, TITLES, NewNewsletter, NewPage, make_newsletter
from tests.browser.test_first_issue import follow_link, open_mail
from tests.support.keyboard import Keyboard
from tests.support.service import Service

READERS = 120
STEPS = 12
TALL: Any = {"width": 1280, "height": 1400}  # all three panes, and far from the edges, where it scrolls along
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module", autouse=True)
def under_review(house: Service, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A newsletter whose digest waits for an approval. It is composed when a minute begins, beside other tests."""
    make_newsletter(house, tmp_path_factory.mktemp("review"), "epreuve")
    house.command("newsletters", "change", "epreuve", "--review", "hold")
    leaves = datetime.now(UTC) + timedelta(hours=1, seconds=62)
    rule = ("--timezone", "UTC", "--lead", "60", "--rule", f"{leaves:%M %H} * * *")
    house.command("schedules", "change", "main", "--newsletter", "epreuve", *rule)
    return "epreuve"


def compose(keys: Keyboard, rooms: str) -> None:
    keys.page.goto(f"{rooms}/issues")
    keys.push(keys.page.locator("main").get_by_role("button", name="Composer"))
    keys.page.wait_for_url("**/admin/issues/*")


def saved(page: Page) -> None:
    expect(page.locator("#saved")).to_contain_text("Enregistré à")


def test_from_the_form_to_the_first_issue(house: Service, owner: Page, new_page: NewPage) -> None:
    reader = new_page()
    reader.goto(f"{house.url}/n/depeche")
    keys = Keyboard(reader)
    keys.to(reader.get_by_label("Votre adresse e-mail"))
    keys.write("afi@poste.example")
    keys.push(reader.get_by_role("button", name="S’abonner"))
    expect(reader.get_by_role("heading", level=1)).to_contain_text("Encore un clic")
    open_mail(reader, house, "Confirmez votre abonnement")  # type: ignore[arg-type]
    follow_link(reader, "/confirm/")
    keys.push(reader.locator("button.primary"))
    expect(reader.get_by_role("heading", level=1)).to_contain_text("C’est fait")

    owner.goto(f"{house.url}/admin/")
    keys = Keyboard(owner)
    keys.push(owner.get_by_role("button", name="Composer un numéro"))
    owner.wait_for_url("**/admin/issues/*")
    keys.press("Control+Enter")
    owner.wait_for_url("**/send")
    keys.push(owner.locator("main button.primary"))
    expect(owner.locator("main")).to_contain_text("Envoyé", timeout=20_000)
    expect(owner.locator("tr", has_text="Total")).to_contain_text("1")


def test_an_issue_is_composed_written_and_looked_at(owner: Page, newsletter: NewNewsletter) -> None:
    keys = Keyboard(owner)
    compose(keys, newsletter("redaction"))
    titles = owner.locator("#articles .piece .serif")
    before = titles.all_text_contents()
    assert len(before) == len(TITLES)

    keys.press("?")
    expect(owner.locator("#keys-dialog")).to_contain_text("Alt")
    keys.press("Escape")
    expect(owner.locator("#keys-dialog")).not_to_be_visible()

    keys.to(owner.locator("#articles .grip").nth(2))
    keys.press("Alt+ArrowUp")
    expect(owner.locator("#composer-told")).to_contain_text("place 2 sur 4")
    keys.press("Alt+ArrowUp")
    expect(owner.locator("#composer-told")).to_contain_text("place 1 sur 4")
    expect(titles.first).to_have_text(before[2])

    # The menu of an article does the same, and Escape leaves it where one was.
    menu = owner.locator("#articles .menu summary").nth(3)
    keys.push(menu)
    keys.press("Escape")
    expect(menu).to_be_focused()
    keys.press("Enter")
    keys.to(owner.locator("#articles .piece").nth(3).locator("input.place"))
    keys.write("2", instead=True)
    keys.press("Enter")
    expect(owner.locator("#composer-told")).to_contain_text("place 2 sur 4")
    expect(titles.nth(1)).to_have_text(before[3])

    keys.to(owner.locator("#articles .grip").nth(0), back=True)
    keys.press("Delete")
    expect(titles).to_have_count(3)
    keys.push(owner.locator("#shelf-out"), back=True)
    keys.push(owner.locator("#shelf .piece button").first)
    expect(titles).to_have_count(4)

    keys.to(owner.locator("#subject"))
    keys.write("Ce qui change au port")
    loaded = owner.evaluate("performance.timeOrigin")
    keys.press("Enter")
    saved(owner)
    expect(owner.locator("#subject")).to_be_focused()
    assert owner.evaluate("performance.timeOrigin") == loaded
    keys.to(owner.locator("#introduction"))
    keys.write("Bonsoir à tous.")
    saved(owner)
    mail = owner.frame_locator("#message-frame iframe.mailview:not(.coming)")
    expect(mail.get_by_text("Bonsoir à tous.")).to_be_attached()

    keys.push(owner.locator("#view-text"))
    expect(owner.locator(".mailtext")).to_contain_text("Bonsoir à tous.")
    keys.to(owner.locator(".mailtext"))
    keys.push(owner.locator("#view-wide"), back=True)
    expect(owner.locator("#view-wide")).to_be_focused()
    keys.push(owner.locator("#scheme-dark"))
    expect(owner.locator("#scheme-dark")).to_have_attribute("aria-current", "true")
    expect(owner.locator("iframe.coming")).to_have_count(0)
    # Into the mail, and out of it again on both sides.
    keys.to(owner.locator("#message-frame iframe.mailview"))
    keys.to(owner.locator("#view-wide"), back=True)

    keys.push(owner.get_by_role("link", name="Envoyer une épreuve"), back=True)
    expect(owner.locator("#ask-test")).to_be_visible()
    keys.to(owner.locator("#ask-test").get_by_role("button", name="Envoyer l’épreuve"))
    keys.press("Escape")
    expect(owner.get_by_role("link", name="Envoyer une épreuve")).to_be_focused()


def test_sending_is_watched_paused_and_resumed(house: Service, owner: Page, newsletter: NewNewsletter) -> None:
    rooms = newsletter("route", readers=READERS)
    house.command("relays", "limit", "--per-second", "10")
    keys = Keyboard(owner)
    compose(keys, rooms)
    keys.push(owner.get_by_role("button", name="Envoyer"))
    owner.wait_for_url("**/send")
    keys.push(owner.locator("main button.primary"))
    expect(owner.locator("#live-domains")).to_contain_text("poste.example", timeout=20_000)
    keys.push(owner.get_by_role("button", name="Pause"))
    expect(owner.locator("#live-head")).to_contain_text("En pause")
    keys.push(owner.get_by_role("link", name="Annuler l’envoi"))
    expect(owner.locator("dialog[open]").get_by_role("button", name="Continuer l’envoi")).to_be_focused()
    keys.press("Escape")
    expect(owner.get_by_role("link", name="Annuler l’envoi")).to_be_focused()
    keys.push(owner.get_by_role("button", name="Reprendre"), back=True)
    expect(owner.locator("#live-head")).to_contain_text("En cours d’envoi")
    keys.press("p")
    expect(owner.locator("#live-head")).to_contain_text("En pause")
    keys.press("p")
    # What moves leaves the focus where it is.
    domain = owner.locator("#live-domains a").first
    keys.to(domain)
    house.command("relays", "limit", "--per-second", "none")
    expect(owner.locator("#live-head")).to_contain_text("Envoyé", timeout=40_000)
    expect(domain).to_be_focused()
    keys.press("/")
    keys.write("route7@")
    keys.press("Enter")
    expect(owner).to_have_url(re.compile("q=route7"))
    keys.press("j", "Enter")
    expect(owner.locator("h1")).to_contain_text("route7@")


def test_a_reader_is_found_and_blocked(owner: Page, newsletter: NewNewsletter) -> None:
    owner.goto(f"{newsletter('lecture', readers=12)}/subscribers")
    keys = Keyboard(owner)
    keys.press("/")
    keys.write("lecture11")
    rows = owner.locator("#found tbody tr")
    expect(rows).to_have_count(1)
    keys.push(owner.get_by_role("link", name="lecture11@poste.example"))
    expect(owner.locator("h1")).to_contain_text("lecture11")
    keys.push(owner.locator("details:has(#why) > summary"))
    keys.to(owner.locator("#why"))
    keys.write("a écrit à la rédaction")
    keys.push(owner.get_by_role("button", name="Ne plus jamais écrire"))
    expect(owner.locator(".head")).to_contain_text("Bloqué")


def test_somebody_is_invited_with_a_role_which_is_changed(
    house: Service, owner: Page, new_page: NewPage, newsletter: NewNewsletter
) -> None:
    newsletter("equipe")
    owner.goto(f"{house.url}/admin/people")
    keys = Keyboard(owner)
    keys.push(owner.get_by_role("link", name="Inviter quelqu’un"))
    keys.to(owner.get_by_label("Adresse e-mail"))
    keys.write("kodjo@presse.example")
    keys.check(owner.get_by_label("Seulement certaines newsletters"))
    keys.choose(owner.get_by_label("Feuille equipe"), "Auteur")
    keys.push(owner.get_by_role("button", name="Envoyer l’invitation"))
    expect(owner.locator("h1")).to_contain_text("kodjo")
    keys.check(owner.get_by_label("Un rôle pour toutes les newsletters"))
    keys.choose(owner.get_by_label("Rôle", exact=True), "Analyste")
    keys.push(owner.get_by_role("button", name="Enregistrer"))
    expect(owner.locator("[role=status]")).to_contain_text("Enregistré")

    guest = new_page()
    open_mail(guest, house, "Rejoindre la rédaction")  # type: ignore[arg-type]
    follow_link(guest, "/admin/password/")
    keys = Keyboard(guest)
    keys.to(guest.locator("input[type=password]"))
    keys.write(PASSWORD)
    keys.press("Enter")
    expect(guest).to_have_url(f"{house.url}/admin/")
    keys.push(guest.locator(".top .menu.end > summary"))
    keys.push(guest.get_by_role("button", name="Se déconnecter"))
    expect(guest).to_have_url(re.compile("/admin/sign-in"))


def test_an_issue_under_review_is_approved(house: Service, owner: Page, under_review: str) -> None:
    issue = house.eventually(lambda: house.ask("issues", "list", "--newsletter", under_review), 90.0)[0]
    owner.goto(f"{house.url}/admin/newsletters/{under_review}/issues")
    keys = Keyboard(owner)
    keys.push(owner.locator(f"main a[href$='/issues/{issue['id']}']"))
    keys.to(owner.locator("#subject"))
    keys.write("Relu et corrigé")
    keys.press("Control+s")
    saved(owner)
    keys.press("Control+Enter")
    asked = owner.locator("#ask-approve")
    expect(asked).to_be_visible()
    expect(asked.get_by_role("button", name="Pas maintenant")).to_be_focused()
    keys.press("Escape")
    expect(asked).not_to_be_visible()
    keys.press("Control+Enter")
    keys.push(asked.get_by_role("button", name="Approuver"))
    expect(owner.locator("main")).to_contain_text("Programmé")
    keys.push(owner.get_by_role("button", name="Retenir"))
    expect(owner.locator("#composer-head")).to_contain_text("Brouillon")


Point = tuple[float, float]


class Finger:
    """One finger on a screen, as its driver tells it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._driver = page.context.new_cdp_session(page)

    def drag(self, start: Point, end: Point) -> None:
        """From one point of the window to another, in steps."""
        self._tell("touchStart", start)
        for step in range(1, STEPS + 1):
            self._tell("touchMove", tuple(a + (b - a) * step / STEPS for a, b in zip(start, end, strict=True)))
            self.page.wait_for_timeout(16)
        self._tell("touchEnd", None)

    def _tell(self, kind: str, point: tuple[float, ...] | None) -> None:
        points = [{"x": point[0], "y": point[1], "id": 1}] if point else []
        self._driver.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def middle(locator: Locator) -> Point:
    box = locator.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.fixture
def phone(new_page: NewPage, cookies: list[Any]) -> Page:
    page = new_page(**PHONE)
    page.context.add_cookies(cookies)
    return page


def test_articles_are_moved_by_a_finger_which_scrolls_beside_the_grips(phone: Page, newsletter: NewNewsletter) -> None:
    phone.goto(f"{newsletter('doigt')}/issues")
    phone.locator("main").get_by_role("button", name="Composer").first.tap()
    phone.wait_for_url("**/admin/issues/*")
    titles = phone.locator("#articles .piece .serif")
    before = titles.all_text_contents()
    finger = Finger(phone)

    grips = phone.locator("#articles .grip")
    phone.locator("#articles").scroll_into_view_if_needed()
    phone.evaluate("scrollTo(0, document.getElementById('articles').getBoundingClientRect().top + scrollY - 120)")
    stood = phone.evaluate("scrollY")
    start, end = middle(grips.nth(2)), middle(phone.locator("#articles .piece").nth(0))
    finger.drag(start, (start[0], end[1] - 20))
    expect(phone.locator("#composer-told")).to_contain_text("place 1 sur 4")
    expect(titles.first).to_have_text(before[2])
    assert phone.evaluate("scrollY") == stood, "a grip does not scroll"

    at = middle(titles.nth(2))
    finger.drag(at, (at[0], at[1] - 200))
    phone.wait_for_function("stood => scrollY > stood + 100", arg=stood)
    assert titles.all_text_contents() == [before[2], before[0], before[1], before[3]]


def test_articles_are_dragged_between_the_issue_and_those_beside_it(owner: Page, newsletter: NewNewsletter) -> None:
    """By a mouse here, and by a finger on a touch screen that is as wide: both are pointers."""
    owner.set_viewport_size(TALL)
    compose(Keyboard(owner), newsletter("tiroir"))
    titles = owner.locator("#articles .piece .serif")
    before = titles.all_text_contents()
    drag(owner, owner.locator("#articles .grip").nth(1), owner.locator("#shelf-title"))
    expect(titles).to_have_text([before[0], *before[2:]])
    expect(owner.locator("#shelf .piece .serif")).to_have_text([before[1]])
    drag(owner, owner.locator("#shelf .grip").first, titles.nth(2))
    expect(owner.locator("#composer-told")).to_contain_text("place 3 sur 4")
    expect(titles).to_have_text([before[0], before[2], before[1], before[3]])
    expect(owner.locator("#shelf .piece")).to_have_count(0)
    # Let go elsewhere, or given up by Escape, it stays where it was.
    drag(owner, owner.locator("#articles .grip").nth(3), owner.locator("h1"))
    expect(titles).to_have_text([before[0], before[2], before[1], before[3]])
    owner.mouse.move(*middle(owner.locator("#articles .grip").nth(3)))
    owner.mouse.down()
    owner.mouse.move(*middle(titles.nth(0)), steps=5)
    expect(titles.nth(3)).not_to_have_text(before[3])
    owner.keyboard.press("Escape")
    owner.mouse.up()
    expect(titles).to_have_text([before[0], before[2], before[1], before[3]])


def test_a_finger_takes_articles_out_and_brings_them_in(
    new_page: NewPage, cookies: list[Any], newsletter: NewNewsletter
) -> None:
    tablet = new_page(**(DESK | {"has_touch": True, "viewport": TALL}))
    tablet.context.add_cookies(cookies)
    compose(Keyboard(tablet), newsletter("tablette"))
    titles = tablet.locator("#articles .piece .serif")
    before = titles.all_text_contents()
    finger = Finger(tablet)
    finger.drag(middle(tablet.locator("#articles .grip").nth(0)), middle(tablet.locator("#shelf-title")))
    expect(titles).to_have_text(before[1:])
    start, end = middle(tablet.locator("#shelf .grip").first), middle(titles.nth(0))
    finger.drag(start, (end[0], end[1] - 8))
    expect(titles).to_have_text(before)


def drag(page: Page, thing: Locator, to: Locator) -> None:
    """By the mouse, to the upper half of something."""
    page.mouse.move(*middle(thing))
    page.mouse.down()
    x, y = middle(to)
    page.mouse.move(x, y + 20, steps=5)
    page.mouse.move(x, y - 4, steps=3)
    page.mouse.up()
