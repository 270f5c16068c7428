import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.articles.extract import from_html
from newsletter.core.errors import RefusedError
from newsletter.core.tags import DEEPEST, Close, Open, flatten, read_tags

KEPT = {
    "p": (),
    "div": (),
    "b": (),
    "i": (),
    "a": ("href",),
    "ul": (),
    "li": (),
    "table": (),
    "tr": (),
    "td": (),
    "br": (),
}
DROPPED = {"script", "svg"}


def test_tags_are_read_with_their_attributes_as_browsers_read_them():
    found = list(read_tags("a<A HREF='x&amp;y' b=c/d e checked=\"1\" b=2>t&lt;</A ><!-- <b> --><!doctype x>z"))
    attributes = {"href": "x&y", "b": "c/d", "e": "", "checked": "1"}
    assert found == ["a", Open("a", attributes), "t<", Close("a"), "z"]


def test_the_content_of_a_script_is_no_markup_and_a_title_has_references():
    found = list(read_tags("<script>if (a<b) '</b>&amp;'</SCRIPT><title>a &amp; <b></title>"))
    assert found == [
        *(Open("script", {}), "if (a<b) '</b>&amp;'", Close("script")),
        *(Open("title", {}), "a & <b>", Close("title")),
    ]


@pytest.mark.parametrize(
    ("html", "flat"),
    [
        ("<p>a<p>b", "<p>a</p><p>b</p>"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"),
        ("<table><tr><td>1<td>2<tr><td>3</table>", "<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>"),
        ("<b>a<i>b</b>c</i>", "<b>a<i>b</i></b>c"),
        ("<div><b>a</div>b</b>", "<div><b>a</b></div>b"),
        ("<b><p>a</b>b", "<b><p>ab</p></b>"),
        ("<div><table><tr><td>a</div>b", "<div><table><tr><td>ab</td></tr></table></div>"),
        ('<span>a</span><a href="x" onclick="y">b<a href="z">c', 'a<a href="x">b</a><a href="z">c</a>'),
        ("a<svg><p>b</p></svg>c<script>d</script>e", "ace"),
        ("a < b & c<br/>d", "a &lt; b &amp; c<br>d"),
        ("a<p title='", "a"),
    ],
)
def test_a_document_comes_out_well_formed(html: str, flat: str):
    assert flatten(html, KEPT, DROPPED) == flat


def test_what_is_nested_too_deeply_keeps_its_text():
    flat = flatten("<div>" * 1000 + "a" + "</div>" * 1000 + "<p>b</p>", KEPT, DROPPED)
    assert flat == "<div>" * DEEPEST + "a" + "</div>" * DEEPEST + "<p>b</p>"


@given(
    st.lists(
        st.sampled_from([*(f"<{tag}>" for tag in KEPT), *(f"</{tag}>" for tag in KEPT), "x", "<svg>", "</svg>"]),
        max_size=40,
    )
)
def test_any_order_of_tags_comes_out_balanced_and_stays_so(pieces: list[str]):
    flat = flatten("".join(pieces), KEPT, DROPPED)
    stack: list[str] = []
    for slash, name in re.findall(r"<(/?)(\w+)>", flat.replace("<br>", "")):
        if slash:
            assert stack.pop() == name
        else:
            stack.append(name)
    assert stack == []


SIZE = 10_000


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * SIZE + "mot" + "</div>" * SIZE,
        "".join(f"<b a={number}>" for number in range(400)) + "<p>x" * SIZE,
        "<a href=x>" * SIZE,
        "<table><tr><td>" * SIZE,
        "<i><div>" + "<b>" * SIZE + "</i>" * SIZE,
        "<" * SIZE,
        "<!--" * SIZE,
        "<script>" * SIZE,
        '<p a="' * SIZE + "'",
        "<p " + "a " * SIZE,
    ],
    ids=[
        "nesting",
        "formatting",
        "links",
        "tables",
        "misnesting",
        "brackets",
        "comments",
        "scripts",
        "quotes",
        "attributes",
    ],
)
def test_a_page_made_to_take_long_takes_no_longer_than_others(page: str):
    started = time.monotonic()
    try:
        from_html(f"<html><body>{page}")
    except RefusedError as refusal:
        assert "no readable text" in str(refusal)  # noqa: PT017 - some of these pages have text
    assert time.monotonic() - started < 5
