"""MJML of a newsletter's own: what is known is taken, anything else is refused with line and column."""

import re
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.core.errors import RefusedError
from newsletter.core.templating import TEMPLATES
from newsletter.delivery.slots import SLOT_PREFERENCES, SLOT_UNSUBSCRIBE
from newsletter.issues.content import Dress, Image, LookFailedError
from newsletter.issues.own_mjml.compiling import compile_apart
from newsletter.issues.own_mjml.reading import TemplateError, read_template
from newsletter.issues.own_mjml.vocabulary import LARGEST
from newsletter.issues.render import render_digest
from newsletter.issues.typesetting import Typesetter
from newsletter.newsletters.editions import Edition
from newsletter.newsletters.look import Look, Pictures
from tests.unit.test_render import Page, content, story

HOUSE = (TEMPLATES / "email" / "parts" / "own.mjml").read_text("utf-8")
PICTURE = Image("https://n.example/media/abc.jpg", "A rocket", 1200, 600)


def with_line(block: str, line: str) -> str:
    """The house's MJML with a line at the beginning of a block."""
    mark = f"<!-- block: {block} -->\n"
    assert mark in HOUSE
    return HOUSE.replace(mark, mark + line)


def wearing(text: str, *stories, look: Look | None = None):
    return replace(content(*(stories or [story(1), story(2)])), dress=Dress(look or Look(), None, text))


def test_the_house_s_mjml_is_a_template_that_every_edition_can_wear():
    for edition in Edition:
        mail = render_digest(wearing(HOUSE, *[story(at, image=PICTURE) for at in range(1, 9)]), "fr", edition=edition)
        if edition is Edition.TEXT:
            assert mail.html == ""
            continue
        for needed in (SLOT_UNSUBSCRIBE, SLOT_PREFERENCES, "Headline number 8 of the day", "<h1"):
            assert needed in mail.html
        assert ("media/abc.jpg" in mail.html) == (edition is Edition.FULL)
        assert len(mail.html.encode()) < 40_000
        assert not re.search("[\ue000-\uf8ff]", mail.html)


def test_blocks_of_own_mjml_are_the_same_whatever_they_were_rendered_with():
    made = wearing(HOUSE, *[story(at, article_id=at) for at in range(1, 8)])
    alone, together = Typesetter(made, locale="fr"), Typesetter(made, locale="fr")
    for at in range(1, 8):
        alone.set([at, *range(1, at), *range(at + 1, 8)])
    keys = together.set(range(1, 8)).keys
    assert [alone.block(key) for key in keys] == [together.block(key) for key in keys]


def test_what_readers_write_is_text_in_it():
    hostile = '</mj-text><script>alert(1)</script>{{ unsubscribe_url }}"'
    html = render_digest(wearing(HOUSE, story(1, title=hostile, summary=hostile)), "en").html
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "{{ unsubscribe_url }}" in Page(html).text


def test_an_element_is_left_out_where_its_slot_is_empty():
    shown, hidden = (
        render_digest(wearing(HOUSE, story(1, image=PICTURE), look=Look(pictures=pictures)), "en").html
        for pictures in (Pictures.LEAD, Pictures.NONE)
    )
    assert "<img" in shown
    assert "<img" not in hidden


@pytest.mark.parametrize(
    "line",
    [
        "<script>alert(1)</script>",
        "<mj-raw><p>x</p></mj-raw>",
        '<mj-include path="/etc/passwd" />',
        '<mj-text><img src="https://tracker.example/x.gif" alt=""></mj-text>',
        '<mj-image src="https://tracker.example/x.gif" />',
        '<mj-text onclick="alert(1)">x</mj-text>',
        '<mj-text><p onmouseover="x">x</p></mj-text>',
        '<mj-text><a href="javascript:alert(1)">x</a></mj-text>',
        '<mj-text><a href="{{ title }}">x</a></mj-text>',
        '<mj-text><a href="https://x.example/?u={{ url }}">x</a></mj-text>',
        '<mj-text><p style="background:url(https://x.example/a.png)">x</p></mj-text>',
        '<mj-text><p style="background:\\75rl(x)">x</p></mj-text>',
        "<mj-text><iframe></iframe></mj-text>",
        '<mj-text><form action="https://x.example"></form></mj-text>',
        "<mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section>",
        "<mj-text>{% for x in y %}</mj-text>",
        "<mj-text>{{ title | upper }}</mj-text>",
        "<mj-text>{{ config.SECRET_KEY }}</mj-text>",
        "<mj-text>{{ email }}</mj-text>",
        "<mj-text>@@UNSUBSCRIBE@@</mj-text>",
        "<mj-text>\ue001</mj-text>",
        "<mj-text><p>never closed</mj-text>",
        "<mj-text>a < b</mj-text>",
        "<mj-text><!--[if mso]><p>x</p><![endif]--></mj-text>",
        "loose words",
        '<mj-text style="x" css-class="a" css-class="b">x</mj-text>',
        "<mj-style>p{}</mj-style>",
        '<mj-text if="moon">x</mj-text>',
    ],
)
def test_what_is_not_known_is_refused_with_its_line(line: str):
    text = with_line("lead", line + "\n")
    expected = text[: text.index("<!-- block: lead -->")].count("\n") + 2
    with pytest.raises(TemplateError, match=rf"Line {expected}, column \d+: "):
        read_template(text)


@pytest.mark.parametrize(
    ("sheet", "what"),
    [
        ("@import 'https://x.example/a.css';", "@import"),
        ("p{background:URL(x)}", "URL"),
        ("@font-face{font-family:x}", "@font-face"),
        ("p{}</style><script>x</script>", "tags"),
        ("p{behavior:x}", "behavior"),
    ],
)
def test_a_style_sheet_fetches_and_runs_nothing(sheet: str, what: str):
    with pytest.raises(TemplateError, match=what):
        read_template(HOUSE.replace("<mj-style>", f"<mj-style>{sheet}"))


@pytest.mark.parametrize(
    ("block", "slot"),
    [
        ("foot", "unsubscribe_url"),
        ("foot", "preferences_url"),
        ("foot", "address"),
        ("foot", "reason"),
        ("frame", "articles"),
        ("lines", "lines"),
        ("masthead", "newsletter"),
        ("card", "title"),
    ],
)
def test_what_a_reader_must_find_cannot_be_left_out(block: str, slot: str):
    start = HOUSE.index(f"<!-- block: {block} -->")
    end = HOUSE.find("<!-- block:", start + 1)
    end = len(HOUSE) if end < 0 else end
    changed = HOUSE[start:end].replace(f'"{{{{ {slot} }}}}"', '"https://x.example/"').replace(f"{{{{ {slot} }}}}", "")
    with pytest.raises(TemplateError, match=slot):
        read_template(HOUSE[:start] + changed + HOUSE[end:])


def test_the_way_out_cannot_hide_behind_a_condition():
    hidden = HOUSE.replace('<mj-text padding="28px 32px 32px"', '<mj-text if="say_reply" padding="28px 32px 32px"')
    with pytest.raises(TemplateError, match="outside of any if"):
        read_template(hidden)


@pytest.mark.parametrize(
    "text",
    ["", "<mjml></mjml>", "x" * (LARGEST + 1), "<!-- block: moon -->", HOUSE + "<!-- block: foot -->\n"],
)
def test_a_text_that_is_no_template_is_refused(text: str):
    with pytest.raises(TemplateError):
        read_template(text)


@given(st.text(alphabet="<>/{}\"'= -!abmjtext\n&[", max_size=300))
@settings(max_examples=200)
def test_any_text_is_read_or_refused(noise: str):
    try:
        read_template(with_line("card", noise))
    except TemplateError:
        return


NOISE = ["<" * 30_000, "<a " * 10_000, '<a b="' * 5_000, "{{" * 15_000, "<!--" * 7_000, " " * 30_000]


@pytest.mark.parametrize("piece", NOISE)
def test_reading_takes_time_in_proportion(piece: str):
    began = time.monotonic()
    with pytest.raises(TemplateError):
        read_template(with_line("card", piece) + "<x")
    assert time.monotonic() - began < 2


def test_the_compiler_works_apart_and_is_stopped_when_it_takes_too_long():
    mjml = "<mjml><mj-body><mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section></mj-body></mjml>"
    assert "<html" in compile_apart(mjml)
    with pytest.raises(RefusedError, match="seconds"):
        compile_apart(mjml, seconds=0)
    with pytest.raises(RefusedError, match="line"):
        compile_apart("<mjml><mj-body>\n<mj-text>")


def test_own_mjml_that_fails_is_told_as_a_failed_look():
    with pytest.raises(LookFailedError):
        render_digest(wearing("<!-- block: frame -->"), "en")
