"""The way back and forward of the browser through every form: nothing is sent again, no error stands there, what was
saved is shown; and who saves over what somebody else has saved meanwhile is told so.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import DESK, NewNewsletter, NewPage
from tests.support.service import Service


class Walk:
    """Steps back and forward of a page, each of which must show a page and send nothing."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.sent: list[str] = []
        page.on("request", self._note)

    def back(self, *, times: int = 1) -> None:
        for _step in range(times):
            self._step(self.page.go_back)

    def forward(self, *, times: int = 1) -> None:
        for _step in range(times):
            self._step(self.page.go_forward)

    def _step(self, go: Callable[[], Any]) -> None:
        self.sent.clear()
        go()
        expect(self.page.locator("h1")).to_be_visible()
        expect(self.page.locator("main [role=alert]:visible")).to_have_count(0)
        assert not self.sent, f"sent again: {self.sent}"

    def _note(self, request: Request) -> None:
        if request.method == "POST" and request.is_navigation_request() and request.frame == self.page.main_frame:
            self.sent.append(request.url)


@pytest.fixture
def colleague(new_page: NewPage, cookies: list[Any]) -> Page:
    """Another window of the desk."""
    page = new_page(**DESK)
    page.context.add_cookies(cookies)
    return page


def save(page: Page) -> None:
    page.locator("main button.primary").first.press("Enter")


def test_a_reader_goes_back_to_the_form_and_forward(house: Service, new_page: NewPage) -> None:
    page = new_page()
    walk = Walk(page)
    page.goto(f"{house.url}/n/depeche")
    page.get_by_label("Votre adresse e-mail").fill("afi@poste")
    page.get_by_role("button", name="S’abonner").click()
    expect(page.locator("[name=email][aria-invalid]")).to_be_visible()
    page.get_by_label("Votre adresse e-mail").fill("afi@poste.example")
    page.get_by_role("button", name="S’abonner").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Encore un clic")
    walk.back()
    expect(page.get_by_label("Votre adresse e-mail")).to_be_visible()
    walk.forward()
    walk.back()
    page.get_by_label("Votre adresse e-mail").fill("ama@poste.example")
    page.get_by_role("button", name="S’abonner").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Encore un clic")


def test_an_article_is_saved_and_gone_back_to(owner: Page, colleague: Page, newsletter: NewNewsletter) -> None:
    rooms = newsletter("retour")
    owner.goto(f"{rooms}/articles")
    owner.locator("main .list a").first.click()
    article = owner.url
    walk = Walk(owner)
    owner.goto(f"{article}/edit")
    owner.locator("#title").fill("Un titre meilleur")
    save(owner)
    expect(owner.locator("h1")).to_have_text("Un titre meilleur")
    walk.back()
    expect(owner.locator("#title")).to_have_value("Un titre meilleur")
    walk.forward()
    walk.back()
    owner.locator("#title").fill("Le meilleur des titres")
    save(owner)
    expect(owner.locator("h1")).to_have_text("Le meilleur des titres")

    owner.goto(f"{article}/edit")
    colleague.goto(f"{article}/edit")
    colleague.locator("#title").fill("Le titre d’une autre")
    save(colleague)
    expect(colleague.locator("h1")).to_have_text("Le titre d’une autre")
    owner.locator("#title").fill("Le titre du premier")
    save(owner)
    expect(owner.locator("main [role=alert]").first).to_contain_text("a changé depuis que vous l’avez ouvert")
    expect(owner.locator("main")).to_contain_text("Le titre d’une autre")
    expect(owner.locator("#title")).to_have_value("Le titre du premier")


def test_the_composer_is_gone_back_to(owner: Page, newsletter: NewNewsletter) -> None:
    owner.goto(f"{newsletter('arriere')}/issues")
    walk = Walk(owner)
    owner.locator("main").get_by_role("button", name="Composer").first.press("Enter")
    owner.wait_for_url("**/admin/issues/*")
    owner.locator("#subject").fill("Ce soir")
    expect(owner.locator("#saved")).to_contain_text("Enregistré à")
    owner.locator("#composer-head [value=send]").press("Enter")
    owner.wait_for_url("**/send")
    walk.back()
    expect(owner.locator("#subject")).to_have_value("Ce soir")
    walk.back()
    walk.forward(times=2)
    walk.back()
    owner.locator("#subject").fill("Ce soir même")
    expect(owner.locator("#saved")).to_contain_text("Enregistré à")
    owner.locator("#composer-head [value=send]").press("Enter")
    owner.wait_for_url("**/send")
    save(owner)
    expect(owner.locator("main")).to_contain_text("Envoyé", timeout=20_000)
    # The question is answered: what has left is shown, and is not asked about or sent again.
    walk.back()
    expect(owner.locator("main")).to_contain_text("Envoyé")


def test_settings_are_saved_and_gone_back_to(owner: Page, colleague: Page, newsletter: NewNewsletter) -> None:
    rooms = newsletter("reglage")
    owner.goto(f"{rooms}/issues")
    owner.goto(f"{rooms}/settings")
    walk = Walk(owner)
    owner.locator("#publisher").fill("Presse du Zio")
    owner.locator("#from_address").fill("sans arobase")
    owner.locator("#from_address").evaluate("field => { field.form.noValidate = true; }")
    save(owner)
    expect(owner.locator("main [role=alert]").first).to_be_visible()
    owner.locator("#from_address").fill("reglage@presse.example")
    save(owner)
    expect(owner.locator("main [role=status]").first).to_contain_text("Enregistré")
    walk.back()
    walk.forward()
    expect(owner.locator("#publisher")).to_have_value("Presse du Zio")

    colleague.goto(f"{rooms}/settings")
    colleague.locator("#publisher").fill("Presse de Lomé")
    save(colleague)
    expect(colleague.locator("main [role=status]").first).to_contain_text("Enregistré")
    owner.locator("#description").fill("Chaque soir.")
    save(owner)
    expect(owner.locator("main [role=alert]").first).to_contain_text("entre-temps")
    expect(owner.locator("#description")).to_have_value("Chaque soir.")
    expect(owner.locator("main")).to_contain_text("Presse de Lomé")
    save(owner)
    expect(owner.locator("main [role=status]").first).to_contain_text("Enregistré")


def test_a_segment_is_saved_and_gone_back_to(owner: Page, colleague: Page, newsletter: NewNewsletter) -> None:
    rooms = newsletter("part", readers=3)
    owner.goto(f"{rooms}/segments")
    walk = Walk(owner)
    owner.goto(f"{rooms}/segments/new")
    owner.get_by_label("Nom", exact=True).fill("La poste")
    owner.get_by_label("Condition à ajouter").select_option("domain.is")
    owner.get_by_role("button", name="Ajouter une condition").press("Enter")
    owner.locator("[name='0.value']").fill("poste.example")
    expect(owner.locator("#reach")).to_contain_text("3 lecteurs")
    save(owner)
    expect(owner.locator("main")).to_contain_text("a une adresse chez poste.example")
    walk.back()
    walk.forward()
    walk.back(times=2)
    walk.forward(times=2)

    owner.get_by_role("link", name="La poste").first.click()
    expect(owner.locator("[name='0.value']")).to_have_value("poste.example")
    colleague.goto(owner.url)
    colleague.get_by_label("Nom", exact=True).fill("Les gens de la poste")
    save(colleague)
    expect(colleague.locator("main")).to_contain_text("Les gens de la poste")
    owner.get_by_label("Nom", exact=True).fill("Ceux de la poste")
    save(owner)
    expect(owner.locator("main")).to_contain_text("entre-temps")
    walk.back()
    walk.forward()


def test_a_look_is_saved_and_gone_back_to(owner: Page, colleague: Page, newsletter: NewNewsletter) -> None:
    rooms = newsletter("mine")
    owner.goto(f"{rooms}/form")
    walk = Walk(owner)
    owner.goto(f"{rooms}/look")
    colleague.goto(f"{rooms}/look")
    owner.locator("#footer").fill("Écrit à Lomé.")
    save(owner)
    expect(owner.locator("main [role=status]").filter(has_text="Enregistré")).to_be_visible()
    walk.back()
    walk.forward()
    expect(owner.locator("#footer")).to_have_value("Écrit à Lomé.")
    colleague.locator("#footer").fill("Écrit à Tsévié.")
    save(colleague)
    expect(colleague.locator("main [data-s=bad]").first).to_contain_text(re.compile("entre-temps|depuis"))
    expect(colleague.locator("#footer")).to_have_value("Écrit à Tsévié.")
