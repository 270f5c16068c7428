"""Every journey of staff and readers without a mouse: Tab and the keys that `?` lists; the focus is seen at every step."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import NewPage
from tests.browser.test_first_issue import PASSWORD, follow_link, open_mail
from tests.support.keyboard import Keyboard
from tests.support.service import ONE_MACHINE, Service

TITLES = ("Le pont rouvre", "Le port attend", "La pluie vient", "Le marché déménage")
READERS = 120
WIDE = {"locale": "fr-FR", "viewport": {"width": 1280, "height": 900}}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all: each test has a newsletter of its own."""
    made = Service(tmp_path_factory.mktemp("keyboard"), ONE_MACHINE, {"SMTP_URL": "", "BASE_URL": ""})
    made.environment["LC_ALL"] = "fr_FR.UTF-8"
    made.start()
    try:
        made.url = f"http://localhost:{made.port}"  # as the links in its mails say
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module", autouse=True)
def under_review(service: Service, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A newsletter whose digest waits for an approval. It is composed when the next minute begins: the others go before."""
    make_newsletter(service, tmp_path_factory.mktemp("review"), "epreuve")
    service.command("newsletters", "change", "epreuve", "--review", "hold")
    leaves = datetime.now(UTC) + timedelta(hours=1, seconds=62)
    rule = ("--timezone", "UTC", "--lead", "60", "--rule", f"{leaves:%M %H} * * *")
    service.command("schedules", "change", "main", "--newsletter", "epreuve", *rule)
    return "epreuve"


@pytest.fixture(scope="module")
def cookies(service: Service, browser: Browser) -> list[object]:
    """Those of the owner, who has come in by keys."""
    link = service.eventually(lambda: re.search(r"http://\S+/admin/password/\S+", service.log)).group()
    with browser.new_context(**WIDE) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(link)
        keys = Keyboard(page)
        keys.to(page.locator("input[type=password]"))
        keys.write(PASSWORD)
        keys.push(page.locator("button.primary"))
        page.wait_for_url("**/admin/")
        return list(context.cookies())


@pytest.fixture
def editor(new_page: NewPage, cookies: list[object]) -> Page:
    page = new_page(**WIDE)
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    return page


def make_newsletter(service: Service, directory: Path, slug: str, *, readers: int = 1) -> str:
    """A newsletter with articles and readers that none other has; the address of its rooms."""
    service.command("newsletters", "create", slug, "--name", f"Feuille {slug}", "--from", f"{slug}@presse.example")
    for title in TITLES:
        file = directory / f"{title}.md"
        file.write_text(f"# {title}\n\nTexte de {slug} : {title}.", "utf-8")
        service.command("articles", "add", str(file), "--newsletter", slug)
    file = directory / "readers.csv"
    file.write_text("email\n" + "".join(f"{slug}{number}@poste.example\n" for number in range(readers)))
    service.command("subscribers", "import", str(file), "--newsletter", slug, "--status", "active")
    return f"{service.url}/admin/newsletters/{slug}"


NewNewsletter = Callable[..., str]


@pytest.fixture
def newsletter(service: Service, tmp_path: Path) -> NewNewsletter:
    return partial(make_newsletter, service, tmp_path)


def compose(keys: Keyboard, rooms: str) -> None:
    keys.page.goto(f"{rooms}/issues")
    keys.push(keys.page.locator("main").get_by_role("button", name="Composer"))
    keys.page.wait_for_url("**/admin/issues/*")


def saved(page: Page) -> None:
    expect(page.locator("#saved")).to_contain_text("Enregistré à")


def test_from_the_form_to_the_first_issue(service: Service, editor: Page, new_page: NewPage) -> None:
    reader = new_page()
    reader.goto(f"{service.url}/n/depeche")
    keys = Keyboard(reader)
    keys.to(reader.get_by_label("Votre adresse e-mail"))
    keys.write("afi@poste.example")
    keys.push(reader.get_by_role("button", name="S’abonner"))
    expect(reader.get_by_role("heading", level=1)).to_contain_text("Encore un clic")
    open_mail(reader, service, "Confirmez votre abonnement")  # type: ignore[arg-type]
    follow_link(reader, "/confirm/")
    keys.push(reader.locator("button.primary"))
    expect(reader.get_by_role("heading", level=1)).to_contain_text("C’est fait")

    editor.goto(f"{service.url}/admin/")
    keys = Keyboard(editor)
    keys.push(editor.get_by_role("button", name="Composer un numéro"))
    editor.wait_for_url("**/admin/issues/*")
    keys.press("Control+Enter")
    editor.wait_for_url("**/send")
    keys.push(editor.locator("main button.primary"))
    expect(editor.locator("main")).to_contain_text("Envoyé", timeout=20_000)
    expect(editor.locator("tr", has_text="Total")).to_contain_text("1")


def test_an_issue_is_composed_written_and_looked_at(editor: Page, newsletter: NewNewsletter) -> None:
    keys = Keyboard(editor)
    compose(keys, newsletter("redaction"))
    titles = editor.locator("#articles .piece .serif")
    before = titles.all_text_contents()
    assert len(before) == len(TITLES)

    keys.press("?")
    expect(editor.locator("#keys-dialog")).to_contain_text("Alt")
    keys.press("Escape")
    expect(editor.locator("#keys-dialog")).not_to_be_visible()

    keys.to(editor.locator("#articles .grip").nth(2))
    keys.press("Alt+ArrowUp")
    expect(editor.locator("#composer-told")).to_contain_text("place 2 sur 4")
    keys.press("Alt+ArrowUp")
    expect(editor.locator("#composer-told")).to_contain_text("place 1 sur 4")
    expect(titles.first).to_have_text(before[2])

    # The menu of an article does the same, and Escape leaves it where one was.
    menu = editor.locator("#articles .menu summary").nth(3)
    keys.push(menu)
    keys.press("Escape")
    expect(menu).to_be_focused()
    keys.press("Enter")
    keys.to(editor.locator("#articles .piece").nth(3).locator("input.place"))
    keys.write("2", instead=True)
    keys.press("Enter")
    expect(editor.locator("#composer-told")).to_contain_text("place 2 sur 4")
    expect(titles.nth(1)).to_have_text(before[3])

    keys.to(editor.locator("#articles .grip").nth(0), back=True)
    keys.press("Delete")
    expect(titles).to_have_count(3)
    keys.push(editor.locator("#shelf-out"), back=True)
    keys.push(editor.locator("#shelf .piece button").first)
    expect(titles).to_have_count(4)

    keys.to(editor.locator("#subject"))
    keys.write("Ce qui change au port")
    loaded = editor.evaluate("performance.timeOrigin")
    keys.press("Enter")
    saved(editor)
    expect(editor.locator("#subject")).to_be_focused()
    assert editor.evaluate("performance.timeOrigin") == loaded
    keys.to(editor.locator("#introduction"))
    keys.write("Bonsoir à tous.")
    saved(editor)
    mail = editor.frame_locator("#message-frame iframe.mailview:not(.coming)")
    expect(mail.get_by_text("Bonsoir à tous.")).to_be_attached()

    keys.push(editor.locator("#view-text"))
    expect(editor.locator(".mailtext")).to_contain_text("Bonsoir à tous.")
    keys.to(editor.locator(".mailtext"))
    keys.push(editor.locator("#view-wide"), back=True)
    expect(editor.locator("#view-wide")).to_be_focused()
    keys.push(editor.locator("#scheme-dark"))
    expect(editor.locator("#scheme-dark")).to_have_attribute("aria-current", "true")
    expect(editor.locator("iframe.coming")).to_have_count(0)
    # Into the mail, and out of it again on both sides.
    keys.to(editor.locator("#message-frame iframe.mailview"))
    keys.to(editor.locator("#view-wide"), back=True)

    keys.push(editor.get_by_role("link", name="Envoyer une épreuve"), back=True)
    expect(editor.locator("#ask-test")).to_be_visible()
    keys.to(editor.locator("#ask-test").get_by_role("button", name="Envoyer l’épreuve"))
    keys.press("Escape")
    expect(editor.get_by_role("link", name="Envoyer une épreuve")).to_be_focused()


def test_sending_is_watched_paused_and_resumed(service: Service, editor: Page, newsletter: NewNewsletter) -> None:
    rooms = newsletter("route", readers=READERS)
    service.command("relays", "limit", "--per-second", "10")
    keys = Keyboard(editor)
    compose(keys, rooms)
    keys.push(editor.get_by_role("button", name="Envoyer"))
    editor.wait_for_url("**/send")
    keys.push(editor.locator("main button.primary"))
    expect(editor.locator("#live-domains")).to_contain_text("poste.example", timeout=20_000)
    keys.push(editor.get_by_role("button", name="Pause"))
    expect(editor.locator("#live-head")).to_contain_text("En pause")
    keys.push(editor.get_by_role("link", name="Annuler l’envoi"))
    expect(editor.locator("dialog[open]").get_by_role("button", name="Continuer l’envoi")).to_be_focused()
    keys.press("Escape")
    expect(editor.get_by_role("link", name="Annuler l’envoi")).to_be_focused()
    keys.push(editor.get_by_role("button", name="Reprendre"), back=True)
    expect(editor.locator("#live-head")).to_contain_text("En cours d’envoi")
    keys.press("p")
    expect(editor.locator("#live-head")).to_contain_text("En pause")
    keys.press("p")
    # What moves leaves the focus where it is.
    domain = editor.locator("#live-domains a").first
    keys.to(domain)
    service.command("relays", "limit", "--per-second", "none")
    expect(editor.locator("#live-head")).to_contain_text("Envoyé", timeout=40_000)
    expect(domain).to_be_focused()
    keys.press("/")
    keys.write("route7@")
    keys.press("Enter")
    expect(editor).to_have_url(re.compile("q=route7"))
    keys.press("j", "Enter")
    expect(editor.locator("h1")).to_contain_text("route7@")


def test_a_reader_is_found_and_blocked(editor: Page, newsletter: NewNewsletter) -> None:
    editor.goto(f"{newsletter('lecture', readers=12)}/subscribers")
    keys = Keyboard(editor)
    keys.press("/")
    keys.write("lecture11")
    rows = editor.locator("#found tbody tr")
    expect(rows).to_have_count(1)
    keys.push(editor.get_by_role("link", name="lecture11@poste.example"))
    expect(editor.locator("h1")).to_contain_text("lecture11")
    keys.push(editor.locator("details:has(#why) > summary"))
    keys.to(editor.locator("#why"))
    keys.write("a écrit à la rédaction")
    keys.push(editor.get_by_role("button", name="Ne plus jamais écrire"))
    expect(editor.locator(".head")).to_contain_text("Bloqué")


def test_somebody_is_invited_with_a_role_which_is_changed(
    service: Service, editor: Page, new_page: NewPage, newsletter: NewNewsletter
) -> None:
    newsletter("equipe")
    editor.goto(f"{service.url}/admin/people")
    keys = Keyboard(editor)
    keys.push(editor.get_by_role("link", name="Inviter quelqu’un"))
    keys.to(editor.get_by_label("Adresse e-mail"))
    keys.write("kodjo@presse.example")
    keys.check(editor.get_by_label("Seulement certaines newsletters"))
    keys.choose(editor.get_by_label("Feuille equipe"), "Auteur")
    keys.push(editor.get_by_role("button", name="Envoyer l’invitation"))
    expect(editor.locator("h1")).to_contain_text("kodjo")
    keys.check(editor.get_by_label("Un seul rôle pour toutes"))
    keys.choose(editor.get_by_label("Rôle", exact=True), "Lecteur")
    keys.push(editor.get_by_role("button", name="Enregistrer"))
    expect(editor.locator("[role=status]")).to_contain_text("Enregistré")

    guest = new_page()
    open_mail(guest, service, "Rejoindre la rédaction")  # type: ignore[arg-type]
    follow_link(guest, "/admin/password/")
    keys = Keyboard(guest)
    keys.to(guest.locator("input[type=password]"))
    keys.write(PASSWORD)
    keys.press("Enter")
    expect(guest).to_have_url(f"{service.url}/admin/")
    keys.push(guest.locator(".top .menu.end > summary"))
    keys.push(guest.get_by_role("button", name="Se déconnecter"))
    expect(guest).to_have_url(re.compile("/admin/sign-in"))


def test_an_issue_under_review_is_approved(service: Service, editor: Page, under_review: str) -> None:
    issue = service.eventually(lambda: service.ask("issues", "list", "--newsletter", under_review), 90.0)[0]
    editor.goto(f"{service.url}/admin/newsletters/{under_review}/issues")
    keys = Keyboard(editor)
    keys.push(editor.locator(f"main a[href$='/issues/{issue['id']}']"))
    keys.to(editor.locator("#subject"))
    keys.write("Relu et corrigé")
    keys.press("Control+s")
    saved(editor)
    keys.press("Control+Enter")
    asked = editor.locator("#ask-approve")
    expect(asked).to_be_visible()
    expect(asked.get_by_role("button", name="Pas maintenant")).to_be_focused()
    keys.press("Escape")
    expect(asked).not_to_be_visible()
    keys.press("Control+Enter")
    keys.push(asked.get_by_role("button", name="Approuver"))
    expect(editor.locator("main")).to_contain_text("Programmé")
    keys.push(editor.get_by_role("button", name="Retenir"))
    expect(editor.locator("#composer-head")).to_contain_text("Brouillon")