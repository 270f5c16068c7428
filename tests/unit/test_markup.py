import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core.markup import html_to_text, markdown_to_html, sanitise


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<style>body{display:none}</style>",
        '<img src=x onerror="alert(1)">',
        '<img src="data:image/svg+xml;base64,AAAA">',
        '<a href="javascript:alert(1)">x</a>',
        '<a href=" jAvA\nscript:alert(1)">x</a>',
        '<a href="data:text/html,x">x</a>',
        "<iframe src=https://evil.example></iframe>",
        '<svg onload="alert(1)"><script>1</script></svg>',
        '<form action="https://evil.example"><input name=password></form>',
        '<p style="position:fixed" onclick="x()" id=a class=b>x</p>',
        '<math><mtext><table><mglyph><style><img src=x onerror="alert(1)">',
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<base href=https://evil.example><meta http-equiv=refresh content=0><link rel=stylesheet href=//evil>",
        "<!--[if IE]><script>alert(1)</script><![endif]-->",
        '<object data="x"></object><embed src=x><video src=x></video>',
    ],
)
def test_nothing_that_runs_frames_styles_or_asks_survives(hostile: str):
    cleaned = sanitise(hostile)
    assert not re.search(r"<(?:script|style|iframe|svg|form|input|object|embed|video|base|meta|link|math)", cleaned)
    assert not re.search(r"\son\w+=|style=|javascript:|data:|class=|\sid=", cleaned, re.IGNORECASE)


@given(st.text(alphabet="<>/\"'= abpscriptonhref:!-&;#x0", max_size=120))
def test_any_soup_comes_out_safe_and_a_second_pass_changes_nothing(soup: str):
    cleaned = sanitise(soup)
    assert "<script" not in cleaned
    assert sanitise(cleaned) == cleaned


def test_links_are_absolute_web_or_mail_addresses_and_anything_else_is_only_text():
    html = '<a href="https://a.example/?x=1&amp;y=2">web</a> <a href="mailto:a@b.example">mail</a>'
    html += ' <a href="/here">here</a> <a href="//h.example">host</a>'
    assert sanitise(html) == (
        '<a href="https://a.example/?x=1&amp;y=2" rel="noopener noreferrer">web</a> '
        '<a href="mailto:a@b.example" rel="noopener noreferrer">mail</a> here host'
    )


def test_headings_take_their_rank_below_the_title():
    assert sanitise("<h1>a</h1><h3>b</h3><h6>c</h6>") == "<h2>a</h2><h3>b</h3><h4>c</h4>"


def test_pieces_of_a_page_stay_apart_and_empty_ones_go():
    assert sanitise("<section>un</section><article>deux</article><p> </p><div><p><br></p></div><a href=x></a>") == (
        "<div>un</div><div>deux</div>"
    )


def test_angle_brackets_stand_in_tags_alone():
    assert (
        sanitise('<img src="https://a.example/<b>" alt="a < b > c">')
        == '<img src="https://a.example/%3Cb%3E" alt="a  b  c">'
    )


def test_markdown_becomes_safe_html():
    html = markdown_to_html(
        "# Titre\n\nUn **mot** ~~faux~~ <script>x()</script>[lien](javascript:x)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    assert "<h2>Titre</h2>" in html
    assert "<strong>mot</strong> <s>faux</s>" in html
    assert "<td>1</td>" in html
    assert "javascript:" not in re.sub(r">[^<]*<", "><", html)
    assert "<script" not in html


def test_text_has_paragraphs_lists_and_the_addresses_of_links():
    html = """<h1>Titre</h1><p>Un <a href="https://a.example/b">lien</a> et
      <a href="https://a.example">https://a.example/</a>.<br>Une ligne</p>
      <ul><li>un</li><li>deux<ul><li>trois</li></ul></li></ul><ol start="3"><li>quatre</li><li><p>cinq</p></li></ol>
      <blockquote><p>cité</p></blockquote><pre>a\n  b</pre><table><tr><th>x<th>y<tr><td>1<td>2</table>
      <p>fin &amp; suite</p>"""
    assert html_to_text(html) == (
        "Titre\n\nUn lien (https://a.example/b) et https://a.example/.\nUne ligne\n\n"
        "- un\n- deux\n  - trois\n3. quatre\n4. cinq\n\n> cité\n\na\n  b\n\nx | y\n1 | 2\n\nfin & suite"
    )


def test_text_without_links_has_their_words_alone():
    assert html_to_text('<p>Un <a href="https://a.example">lien</a>.</p>', links=False) == "Un lien."


@given(st.lists(st.text(alphabet="abc é.&<", min_size=1).map(str.strip).filter(bool), min_size=1, max_size=5))
def test_the_text_of_plain_paragraphs_is_those_paragraphs(paragraphs: list[str]):
    html = "".join(f"<p>{text.replace('&', '&amp;').replace('<', '&lt;')}</p>" for text in paragraphs)
    assert html_to_text(html) == "\n\n".join(re.sub(r" +", " ", text) for text in paragraphs)
