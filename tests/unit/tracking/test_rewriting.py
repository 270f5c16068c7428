"""Links in a piece of a message: which are led through us, and that nothing else of it changes."""

import pytest

from newsletter.core.templating import RenderedMail
from newsletter.core.tokens import Signer
from newsletter.core.urls import Links
from newsletter.delivery.slots import SLOT_CLICKER, SLOT_UNSUBSCRIBE, field_slot, link_slot, protect
from newsletter.issues.measuring import Measures, as_sent, as_tried, with_pixel
from newsletter.newsletters.models import Measure
from newsletter.tracking import following
from newsletter.tracking.following import Pointer
from newsletter.tracking.rewriting import LinkBook, resolve, rewrite, unfollowed
from newsletter.tracking.words import LinkKind

SITE = "https://news.example"
STORY = "https://journal.example/a?x=1&y=2"
ONE = (
    '<p>Oui <a class="h" href="https://journal.example/a?x=1&amp;y=2" style="color:#000">Le pont <b>rouvre</b></a>.</p>'
)

SIGNER = Signer("a-secret-key-for-tests-that-is-long-enough")
LINKS = Links(SITE, SIGNER)


def test_a_link_becomes_a_mark_and_nothing_else_changes() -> None:
    book = LinkBook(SITE)
    made = rewrite(ONE, book, follow=True, article_id=7, own=STORY)
    assert made == ONE.replace("https://journal.example/a?x=1&amp;y=2", link_slot(1))
    assert [(link.number, link.url, link.article_id, link.kind, link.followed) for link in book] == [
        (1, STORY, 7, LinkKind.ARTICLE, True)
    ]
    assert unfollowed(made, {1: STORY}) == ONE


def test_not_followed_it_is_the_same_to_the_last_byte_and_the_link_is_known_all_the_same() -> None:
    book = LinkBook(SITE)
    assert rewrite(ONE, book, follow=False, article_id=7, own=STORY) == ONE
    assert [(link.url, link.followed) for link in book] == [(STORY, False)]


def test_one_address_has_one_number_in_all_pieces() -> None:
    book = LinkBook(SITE)
    again = rewrite(ONE * 2, book, follow=True, article_id=7, own=STORY)
    other = rewrite('<a href="https://autre.example/">Autre</a>', book, follow=True, article_id=7, own=STORY)
    assert again.count(link_slot(1)) == 2
    assert link_slot(2) in other
    assert [link.kind for link in book] == [LinkKind.ARTICLE, LinkKind.ELSEWHERE]


@pytest.mark.parametrize(
    "html",
    [
        f'<a href="{SLOT_UNSUBSCRIBE}">Se désabonner</a>',
        f'<a href="{SITE}/archive/depeche/3">Lire en ligne</a>',
        f'<a href="{SITE}/p/abc">Préférences</a>',
        f'<a href="{SITE}">Le site</a>',
        '<a href="mailto:desk@news.example">Écrire</a>',
        '<a href="tel:+22890000000">Appeler</a>',
        '<a href="http://journal.example/a">Sans chiffrement</a>',
        '<a href="#haut">Haut</a>',
        '<a name="haut">Haut</a>',
        '<a href="https://[broken/">Cassé</a>',
        '<a href="https:///sans-hote">Cassé</a>',
        f'<a href="https://journal.example/{field_slot("city")}">À vous</a>',
        '<area href="https://journal.example/carte">',
        '<abbr title="https://journal.example/">J</abbr>',
    ],
)
def test_what_is_never_led_through_us(html: str) -> None:
    book = LinkBook(SITE)
    assert rewrite(html, book, follow=True) == html
    assert not list(book)


@pytest.mark.parametrize(
    "shown", ["journal.example", "https://journal.example/a", "<b>www.</b>autre.example", " JOURNAL.example "]
)
def test_a_link_that_shows_an_address_keeps_its_own(shown: str) -> None:
    html = f'<a href="https://journal.example/a">{shown}</a>'
    book = LinkBook(SITE)
    assert rewrite(html, book, follow=True) == html
    assert [link.followed for link in book] == [False]


def test_a_neighbour_of_our_address_is_not_ours() -> None:
    book = LinkBook(SITE)
    rewrite('<a href="https://news.example.evil.example/">x</a>', book, follow=True)
    assert [link.followed for link in book] == [True]


def test_quotes_brackets_and_marks_in_an_address_are_read_as_a_browser_does() -> None:
    html = f"""<a title="a > b" HREF = 'https://journal.example/{protect("@@")}x'>Lire</a>"""
    book = LinkBook(SITE)
    made = rewrite(html, book, follow=True)
    assert [link.url for link in book] == ["https://journal.example/@@x"]
    assert made == f'<a title="a > b" href="{link_slot(1)}">Lire</a>'


def test_a_token_says_which_link_and_whose() -> None:
    anonymous = LINKS.click(5, 2).rpartition("/")[2]
    named = anonymous + LINKS.whose(99)
    assert following.read_click(SIGNER, anonymous) == Pointer(5, 2, 0)
    assert following.read_click(SIGNER, named) == Pointer(5, 2, 99)
    pixel = LINKS.pixel(5).rpartition("/")[2]
    assert following.read_open(SIGNER, pixel + LINKS.whose(99)) == Pointer(5, 0, 99)


def test_no_letter_of_a_token_may_change_and_no_other_token_serves() -> None:
    token = LINKS.click(5, 2).rpartition("/")[2] + LINKS.whose(99)
    for at, letter in enumerate(token):
        changed = token[:at] + ("A" if letter != "A" else "B") + token[at + 1 :]
        assert following.read_click(SIGNER, changed) is None, changed
    for wrong in (
        "",
        "~",
        "x",
        token + "~",
        token + "x",
        token.replace("~", "."),
        token.partition("~")[0] + "~",
        LINKS.pixel(5).rpartition("/")[2],
        LINKS.unsubscribe(5, 2).rpartition("/")[2],
        "é" * 39,
        Links(SITE, Signer("another-secret-key-that-is-long-enough")).click(5, 2).rpartition("/")[2],
    ):
        assert following.read_click(SIGNER, wrong) is None, wrong
    assert following.read_open(SIGNER, LINKS.click(5, 2).rpartition("/")[2]) is None


def test_a_message_has_the_slot_of_its_reader_only_where_readers_are_known() -> None:
    html = f'<a href="{link_slot(3)}">x</a>'
    known = as_sent(html, 5, Measures(clicks=Measure.READER), LINKS)
    unknown = as_sent(html, 5, Measures(clicks=Measure.ANONYMOUS), LINKS)
    assert known == f'<a href="{LINKS.click(5, 3)}{SLOT_CLICKER}">x</a>'
    assert unknown == f'<a href="{LINKS.click(5, 3)}">x</a>'


def test_the_pixel_stands_at_the_end_and_only_where_it_is_wanted() -> None:
    mail = RenderedMail("s", "p", "<html><body>a</body></html>\n", "a")
    assert with_pixel(mail, 5, Measures(), LINKS) is mail
    assert with_pixel(RenderedMail("s", "p", "", "a"), 5, Measures(opens=Measure.READER), LINKS).html == ""
    html = with_pixel(mail, 5, Measures(opens=Measure.ANONYMOUS), LINKS).html
    assert f'a<img src="{LINKS.pixel(5)}" width="1" height="1" alt=""' in html
    assert html.endswith("></body></html>\n")


def test_what_is_only_tried_has_links_that_stand_for_nobody() -> None:
    tried = as_tried(RenderedMail("s", "p", ONE, STORY), Measures(Measure.READER, Measure.READER), LINKS)
    assert LINKS.click(0, 1) in tried.html
    assert STORY not in tried.html
    assert tried.text == STORY


def test_a_mark_that_no_book_knows_leads_nowhere_for_staff() -> None:
    assert unfollowed(f'<a href="{link_slot(9)}">', {}) == '<a href="#">'
    assert resolve("@@LINK:x@@", str) == "@@LINK:x@@"
