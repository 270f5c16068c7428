"""A look that was checked can be read: its colours, its links, its logo; what cannot be is refused with what would."""

from dataclasses import asdict, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core.colour import contrast, nearest, read_colour
from newsletter.core.i18n import use_locale
from newsletter.core.paint import HOUSE
from newsletter.newsletters.look import (
    ENOUGH,
    HOUSE_DARK,
    HOUSE_LOOK,
    Font,
    Logo,
    Look,
    Masthead,
    Pictures,
    Place,
    Tints,
    checked,
    darkened,
    look_document,
    paint_of,
    read_look,
)
from newsletter.newsletters.wording import ValuesError

LOGO = Logo("a" * 64, "image/png", 600, 120)
COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def refused(look: Look) -> dict[str, str]:
    with pytest.raises(ValuesError) as caught:
        checked(look)
    return caught.value.fields


def ratio(one: str, other: str) -> float:
    first, second = read_colour(one), read_colour(other)
    assert first
    assert second
    return contrast(first, second)


def test_the_house_s_look_is_painted_as_the_house_is():
    assert paint_of(checked(HOUSE_LOOK)) == HOUSE
    assert look_document(HOUSE_LOOK) == {}


def test_what_is_stored_of_a_look_gives_the_same_look_back():
    look = Look(
        logo=LOGO,
        with_name=False,
        light=Tints("#8a1c1c", "#1a5c3a", "#fffaf0"),
        dark=replace(HOUSE_DARK, link="#aaddff"),
        headline_font=Font.BOOK,
        masthead=Masthead.CENTRE,
        footer="**Bonjour**",
        links=(Place("Notre site", "https://zio.example/"),),
        pictures=Pictures.ALL,
        minutes=False,
    )
    assert read_look(look_document(checked(look))) == look


@given(COLOURS, COLOURS, COLOURS)
def test_every_look_that_passes_can_be_read_in_light_and_in_dark(accent: str, link: str, sheet: str):
    try:
        paint = paint_of(checked(Look(light=Tints(accent, link, sheet))))
    except ValuesError:
        return
    for shades in (paint.light, paint.dark):
        for text in (shades.ink, shades.ink2, shades.ink3, shades.link):
            assert ratio(text, shades.sheet) >= ENOUGH
        assert ratio(shades.label, shades.accent) >= ENOUGH


@given(COLOURS, COLOURS)
def test_the_nearest_colour_passes_and_one_that_passes_is_its_own_nearest(colour: str, ground: str):
    asked, against = read_colour(colour), read_colour(ground)
    assert asked
    assert against
    found = nearest(asked, [against], ENOUGH)
    assert found is not None
    assert ratio(str(found), ground) >= ENOUGH
    if contrast(asked, against) >= ENOUGH:
        assert found == asked


def test_a_colour_that_cannot_be_read_is_refused_with_the_nearest_that_can():
    wrong = refused(Look(light=Tints(link="#e0e0e0")))
    assert list(wrong) == ["light_link"]
    suggested = wrong["light_link"].rpartition(" ")[2].rstrip(".")
    assert checked(Look(light=Tints(link=suggested))).light.link == suggested
    with use_locale("fr"):
        assert "4,5" in refused(Look(light=Tints(link="#e0e0e0")))["light_link"]


@pytest.mark.parametrize(
    ("look", "field"),
    [
        (Look(light=Tints(sheet="#777777")), "light_sheet"),
        (Look(dark=replace(HOUSE_DARK, sheet="#999999")), "dark_sheet"),
        (Look(dark=replace(HOUSE_DARK, link="#222222")), "dark_link"),
        (Look(light=Tints(accent="red;background:url(x)")), "light_accent"),
        (Look(light=Tints(accent="transparent")), "light_accent"),
        (Look(footer="x" * 1001), "footer"),
        (Look(links=(Place("Site", "http://zio.example/"),)), "links"),
        (Look(links=(Place("Site", "javascript:alert(1)"),)), "links"),
        (Look(links=(Place("Site", 'https://x.example/"onclick="x'),)), "links"),
        (Look(links=tuple(Place(f"S{at}", "https://x.example/") for at in range(9))), "links"),
        (Look(logo=replace(LOGO, shown=4000)), "logo_shown"),
        (Look(logo=replace(LOGO, alt="a\u202eb")), "logo_alt"),
    ],
)
def test_what_would_break_a_mail_is_refused_by_its_field(look: Look, field: str):
    assert field in refused(look)


@pytest.mark.parametrize(
    "document",
    [
        {"theme": "x"},
        {"headline_font": "comic"},
        {"light": {"accent": 3}},
        {"light": {"shadow": "#000"}},
        {"logo": {"key": "../../etc/passwd", "content_type": "image/png", "width": 1, "height": 1}},
        {"logo": {"key": "a" * 64, "content_type": "image/svg+xml", "width": 1, "height": 1}},
        {"logo": {"key": "a" * 64, "content_type": "image/png", "width": 0, "height": 1}},
        {"links": ["x"]},
        {"links": 3},
        {"footer": ["x"]},
        {"minutes": "no"},
        {"light": "red"},
        {"light": None},
        {"pictures": None},
        {"links": [{"name": 3, "url": "https://a.example/"}]},
        {"links": None},
    ],
)
def test_a_document_of_another_form_is_refused_by_its_field(document: dict[str, object]):
    with pytest.raises(ValuesError) as refused:
        read_look(document)
    (field,) = document
    assert next(iter(refused.value.fields)).startswith(field)


def test_a_refusal_is_in_the_language_of_who_asks():
    with use_locale("fr"), pytest.raises(ValuesError) as refused:
        read_look({"masthead": "left"})
    assert refused.value.fields == {"masthead": "«\u202fmasthead\u202f» est l’un de ceux-ci\xa0: start, centre."}


def test_a_document_may_say_all_that_a_look_has():
    written = {"logo": asdict(LOGO), "light": {}, "dark": {}, "links": [], "footer": "Lomé"}
    for item in fields(Look):
        read_look({item.name: written.get(item.name, getattr(HOUSE_LOOK, item.name))})


def test_colours_for_the_dark_keep_their_hue():
    dark = darkened(Tints(accent="#8a1c1c", link="#1a5c3a"))
    accent, link = read_colour(dark.accent), read_colour(dark.link)
    assert accent
    assert link
    assert accent.red > accent.green
    assert link.green > link.red
