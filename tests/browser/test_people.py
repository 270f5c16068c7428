"""Roles as people meet them: an owner invites an author to one newsletter, and sends them away."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, Site
from tests.browser.test_first_issue import follow_link, open_mail, sign_in

AFI = "afi@poste.example"
PASSWORD = "quatre mots faciles retenus"


def create_newsletter(owner: Page, site: Site) -> None:
    owner.goto(f"{site.url}/admin/newsletters/new")
    owner.locator("#name").fill("La Gazette")
    owner.locator("#slug").fill("gazette")
    owner.locator("#from_address").fill("gazette@localhost.example")
    owner.locator("main button.primary").click()
    expect(owner).to_have_url(re.compile("/gazette/domain"))


def test_an_invited_author_sees_one_newsletter_cannot_send_and_leaves_when_told(site: Site, new_page: NewPage) -> None:
    owner = new_page()
    sign_in(owner, site)
    create_newsletter(owner, site)

    owner.goto(f"{site.url}/admin/people")
    owner.get_by_role("link", name="Inviter quelqu’un").click()
    owner.get_by_label("Adresse e-mail").fill(AFI)
    owner.get_by_label("Seulement certaines newsletters").check()
    owner.get_by_label("La Dépêche").select_option("author")
    owner.get_by_role("button", name="Envoyer l’invitation").click()
    expect(owner.locator("h1")).to_contain_text("afi")
    invited = owner.url

    author = new_page()
    open_mail(author, site, "Rejoindre la rédaction")
    follow_link(author, "/admin/password/")
    author.locator("input[type=password]").fill(PASSWORD)
    author.locator("button.primary").click()
    expect(author).to_have_url(f"{site.url}/admin/")
    expect(author.locator("body")).not_to_contain_text("Gazette")
    author.goto(f"{site.url}/admin/newsletters")
    expect(author.locator("main")).to_contain_text("La Dépêche")
    expect(author.locator("main")).not_to_contain_text("Gazette")

    author.goto(f"{site.url}/admin/newsletters/gazette/issues")
    expect(author.locator("main")).not_to_contain_text("Gazette")
    expect(author.locator("h1")).to_contain_text("n’existe pas")

    owner.goto(f"{site.url}/admin/newsletters/depeche/issues")
    owner.locator("main").get_by_role("button", name="Composer").first.click()
    expect(owner).to_have_url(re.compile(r"/admin/issues/\d+$"))
    author.goto(owner.url)
    expect(author.locator("h1")).to_be_visible()
    expect(author.get_by_text("Envoyer…")).to_have_count(0)
    author.goto(f"{owner.url}/send")
    expect(author.locator("main")).to_contain_text("Votre rôle ne le permet pas")

    owner.goto(invited)
    owner.get_by_role("button", name="Déconnecter partout").click()
    expect(owner.locator("[role=status]")).to_contain_text("Déconnecté partout")
    author.get_by_role("link", name="Bureau").click()
    expect(author).to_have_url(re.compile("/admin/sign-in"))
