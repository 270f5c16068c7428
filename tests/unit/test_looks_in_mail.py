"""What a look changes in a mail, and what it leaves."""

import io
from dataclasses import replace

import pytest
from PIL import Image as Pictures

from newsletter.core.imaging import UnusableError, encode_logo, is_dark
from newsletter.issues import footer
from newsletter.issues.content import Dress, Image
from newsletter.issues.render import render_digest, render_web
from newsletter.newsletters.editions import Edition
from newsletter.newsletters.look import Font, Logo, Look, Masthead, Place, Tints
from newsletter.newsletters.look import Pictures as Shown
from tests.unit.test_render import Page, content, story

PICTURE = Image("https://n.example/media/abc.jpg", "A rocket", 1200, 600)
LOGO = Logo("a" * 64, "image/png", 600, 120, shown=200, plate=True)


def rendered(look: Look, *, edition: Edition = Edition.FULL, logo: Image | None = None, locale: str = "en"):
    made = content(*[story(at, image=PICTURE, minutes=7) for at in range(1, 6)])
    return render_digest(replace(made, dress=Dress(look, logo)), locale, edition=edition)


def test_a_digest_of_five_stays_light_in_a_full_look():
    look = Look(LOGO, light=Tints("#8a1c1c", "#1a5c3a"), footer="x " * 400, pictures=Shown.ALL)
    assert len(rendered(look, logo=Image("https://n.example/media/l.png", "", 200, 40)).html.encode()) < 40_000


def test_the_logo_says_the_name_or_stands_above_it_and_the_light_edition_has_none():
    picture = Image("https://n.example/media/l.png", "", 200, 40)
    alone = Page(rendered(Look(LOGO, with_name=False), logo=picture).html)
    assert next(given["alt"] for tag, given in alone.tags if tag == "img" and given["src"] == picture.url)
    both = rendered(Look(LOGO), logo=picture).html
    assert 'alt=""' in both
    assert ".plate{background" in both
    assert "<img" not in rendered(Look(LOGO), logo=picture, edition=Edition.LIGHT).html


def test_colours_and_fonts_are_in_every_part():
    look = Look(light=Tints("#8a1c1c", "#1a5c3a", "#fffaf0"), headline_font=Font.BOOK, text_font=Font.WIDE)
    html = rendered(look).html
    for there in ("#8a1c1c", "#1a5c3a", "#fffaf0", "Palatino", "Verdana"):
        assert there in html
    for gone in ("#14518c", "background:#fdfdfc", "Noto Serif"):
        assert gone not in html
    assert "text-align:center" in rendered(Look(masthead=Masthead.CENTRE)).html


def test_pictures_date_and_minutes_are_shown_as_wished():
    usual = rendered(Look())
    assert usual.html.count(PICTURE.url) == 1
    assert "7 min" in usual.text
    assert rendered(Look(pictures=Shown.ALL)).html.count(PICTURE.url) == 5
    bare = rendered(Look(pictures=Shown.NONE, dateline=False, minutes=False))
    assert PICTURE.url not in bare.html
    assert "min" not in bare.text.split("Headline number 1")[1].split("Unsubscribe")[0].replace("minutes", "")
    assert usual.text.split("\n")[1] != bare.text.split("\n")[1]


@pytest.mark.parametrize("edition", Edition)
def test_the_foot_has_a_text_and_places_in_every_edition(edition: Edition):
    look = Look(
        footer="Écrit à **Lomé**, [lisez](https://zio.example/a).", links=(Place("Site", "https://zio.example/"),)
    )
    mail = rendered(look, edition=edition)
    assert "https://zio.example/a" in mail.text
    assert "Lomé" in mail.text
    assert "Site" in mail.text
    if mail.html:
        assert {given.get("href") for tag, given in Page(mail.html).tags if tag == "a"} >= {
            "https://zio.example/a",
            "https://zio.example/",
        }
        assert "<strong>Lomé</strong>" in mail.html
    web = render_web(replace(content(story(1)), dress=Dress(look)), "en")
    assert "<strong>Lomé</strong>" in web
    assert "style=" not in web


def test_a_hostile_foot_is_text_and_its_marks_are_none():
    look = Look(footer='<script>x</script><img src=x onerror=y><h1 style="x">T</h1> [a](javascript:x) @@UNSUBSCRIBE@@')
    html = rendered(look).html
    page = Page(html)
    assert not {"script"} & {tag for tag, _given in page.tags}
    assert "onerror" not in html
    assert 'href="javascript' not in html
    assert "@@AT@@UNSUBSCRIBE@@AT@@" in html
    assert str(footer.as_html("# Titre")) == "<p>Titre</p>"


def test_a_logo_keeps_what_shines_through_and_is_bounded():
    picture = Pictures.new("RGBA", (3000, 600), (0, 0, 0, 0))
    picture.paste((20, 20, 60, 255), (100, 100, 2000, 500))
    file = io.BytesIO()
    picture.save(file, "WEBP")
    made = encode_logo(file.getvalue())
    assert (made.content_type, made.width) == ("image/png", 1072)
    assert Pictures.open(io.BytesIO(made.data)).convert("RGBA").getpixel((2, 2))[3] == 0
    assert is_dark(made)


def test_a_small_logo_is_fine_and_what_is_no_picture_is_refused():
    file = io.BytesIO()
    Pictures.new("RGB", (60, 20), "red").save(file, "JPEG")
    assert encode_logo(file.getvalue()).width == 60
    gif = io.BytesIO()
    Pictures.new("RGB", (60, 20), "red").save(gif, "GIF")
    for data in (b"", b"<svg xmlns='x'/>", b"%PDF-1.7", gif.getvalue(), file.getvalue()[:80]):
        with pytest.raises(UnusableError):
            encode_logo(data)
