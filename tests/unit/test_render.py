"""An issue becomes a light, accessible mail that nothing in an article can break."""

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from newsletter.core.i18n import use_locale
from newsletter.delivery.slots import SLOT_PREFERENCES, SLOT_UNSUBSCRIBE, field_slot, fill
from newsletter.issues.content import DigestContent, Image, Story
from newsletter.issues.layout import Headings, Kind, Piece, fit, lay_out, most_cards, pieces_of
from newsletter.issues.render import render_digest, render_web
from newsletter.issues.subject import make_preheader, make_subject, shorten

LINKS = {SLOT_UNSUBSCRIBE: "https://n.example/u/T", SLOT_PREFERENCES: "https://n.example/p/T"}
WEB = "https://n.example/archive/depeche/212"
VOID = {"img", "br", "hr", "meta", "link", "input"}


def story(number: int, **changes) -> Story:
    made = Story(
        title=f"Headline number {number} of the day",
        url=f"https://news.example/a/{number}?x=1&y=2",
        summary=f"What happened in story {number}, told in one sentence of some length. And a second one follows it.",
        topic="Togo" if number % 2 else "",
        author="Afi Lawson",
        source="Le Courrier",
        minutes=number,
    )
    return replace(made, **changes)


def content(*stories: Story, **changes) -> DigestContent:
    made = DigestContent(
        newsletter="La Dépêche du soir",
        publisher="Le Courrier du Zio",
        postal_address="12 rue du Marché, Tsévié",
        web_url=WEB,
        number=212,
        day=date(2023, 9, 13),
        stories=stories or tuple(story(number) for number in range(1, 10)),
        introduction="Good evening.\n\nThree things tonight.",
        replies_welcome=True,
    )
    return replace(made, **changes)


class Page(HTMLParser):
    """What a mail program sees: elements, links, and the text between the tags of the body."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "title"} & set(self.open):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def links(self) -> set[str]:
        return {str(attributes["href"]) for attributes in self.all("a")}


def links_of(text: str) -> set[str]:
    return {word for word in text.split() if "://" in word or word.startswith("@@")}


# The whole


def test_both_parts_have_the_same_links_and_headlines():
    mail = render_digest(content(), "en")
    page = Page(mail.html)
    assert page.links() == links_of(mail.text)
    assert {SLOT_UNSUBSCRIBE, SLOT_PREFERENCES, WEB} <= page.links()
    for number in range(1, 10):
        assert f"Headline number {number} of the day" in page.text
        assert f"Headline number {number} of the day" in mail.text
        assert f"https://news.example/a/{number}?x=1&y=2" in page.links()


def test_the_reader_can_leave_from_the_top_and_from_the_foot():
    mail = render_digest(content(), "fr")
    assert mail.html.count(SLOT_UNSUBSCRIBE) == 2
    assert mail.html.index(SLOT_UNSUBSCRIBE) < 8_000
    assert "Se désabonner" in mail.html
    assert "parce que votre adresse est abonnée" in mail.text.replace("\n", " ")


def test_french_and_english_differ_in_words_and_dates():
    assert "Wednesday 13 September 2023" in render_digest(content(), "en").text
    mail = render_digest(content(), "fr")
    assert "Mercredi 13 septembre 2023" in mail.text
    assert "EN BREF" in mail.text
    assert '<html lang="fr" dir="ltr"' in mail.html


def test_rendering_twice_gives_the_same_bytes():
    assert render_digest(content(), "fr") == render_digest(content(), "fr")


# Accessible


def test_headings_are_in_order_and_there_is_one_h1():
    levels = [int(tag[1]) for tag, _ in Page(render_digest(content(), "en").html).tags if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_table_is_for_layout_only_and_says_so():
    html = render_digest(content(), "en").html
    tables = re.findall(r"<table[^>]*>", html)  # those for Outlook too, which stand in comments
    assert tables
    assert all('role="presentation"' in table for table in tables)


def test_nothing_active_or_foreign_is_in_the_mail():
    html = render_digest(content(), "en").html
    tags = {tag for tag, _ in Page(html).tags}
    assert tags.isdisjoint({"script", "form", "iframe", "link", "object", "base", "svg"})
    assert "@import" not in html
    assert "url(" not in html


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_colour_of_text_stands_out_from_the_sheet_in_both_themes():
    html = render_digest(content(), "en").html
    head, body = html.split("</head>")
    # In the body, #fdfdfc is the text of the button and #ffffff that of the hidden preheader.
    light = set(re.findall(r"(?<![-\w])color:(#[0-9a-f]{6})", body)) - {"#fdfdfc", "#ffffff", "#000000"}
    dark_rules = head.split("prefers-color-scheme:dark")[1]
    dark = set(re.findall(r"(?<![-\w])color:(#[0-9a-f]{6})", dark_rules)) - {"#17191c"}
    assert len(light) == len(dark) == 4
    assert [colour for colour in light if contrast(colour, "#fdfdfc") < 4.5] == []
    assert [colour for colour in dark if contrast(colour, "#1b1e22") < 4.5] == []
    assert contrast("#fdfdfc", "#17191c") >= 4.5
    assert contrast("#17191c", "#e8e9e5") >= 4.5


def test_no_text_is_smaller_than_fourteen_pixels():
    body = render_digest(content(), "en").html.split("</head>")[1]
    sizes = {int(size) for size in re.findall(r"font(?:-size)?:[^;\"]*?(\d+)px", body)}
    assert min(sizes - {0, 1}) >= 14  # 0 and 1: gaps and the hidden preheader


def test_a_picture_stands_below_its_headline_with_words_and_sizes():
    image = Image("https://img.example/a.jpg?w=1&h=2", 'A "rocket" <at dawn>', 1200, 560)
    html = render_digest(content(story(1, image=image)), "en").html
    (picture,) = Page(html).all("img")
    assert picture["src"] == "https://img.example/a.jpg?w=1&h=2"
    assert picture["alt"] == 'A "rocket" <at dawn>'
    assert (picture["width"], picture["height"]) == ("536", "250")
    assert html.index("Headline number 1 of the day</a>") < html.index("<img")


@pytest.mark.parametrize(
    "image",
    [Image("https://img.example/pixel.gif", "", 1, 1), Image("javascript:alert(1)"), Image("data:image/png;base64,AA")],
)
def test_what_is_no_picture_is_left_out(image):
    assert "<img" not in render_digest(content(story(1, image=image)), "en").html


def test_a_picture_of_unknown_size_is_not_stretched():
    (picture,) = Page(render_digest(content(story(1, image=Image("https://img.example/a.jpg"))), "en").html).all("img")
    assert "height" not in picture
    assert "height:auto" in str(picture["style"])


# Light


def test_five_articles_are_a_light_mail():
    five = tuple(story(number, summary="A sentence of some ordinary length about it. " * 8) for number in range(1, 6))
    assert len(render_digest(content(*five), "fr").html.encode()) < 20_000


def test_an_issue_that_is_too_heavy_is_shortened_and_says_so():
    long_links = [story(number, url="https://news.example/" + "é" * 420, title="Très " * 40) for number in range(60)]
    mail = render_digest(content(*long_links, left_out=3), "fr")
    assert 80_000 < len(mail.html.encode()) <= 90_000
    online = re.search(r"(\d+) autres nouvelles sont en ligne", mail.html)
    shown = mail.text.count("https://news.example/")
    assert online
    assert int(online[1]) == 60 - shown + 3
    assert Page(mail.html).links() == links_of(mail.text)


def weigh(pieces: list[Piece]) -> int:
    costs = {Kind.FIRST_CARD: 40, Kind.CARD: 40, Kind.FIRST_LINE: 10, Kind.LINE: 10, Kind.LEAD: 100}
    return sum(costs.get(piece.kind, 0) for piece in pieces)


def shape(count: int, most: int) -> tuple[int, list[int], int]:
    """Cards, lines and what is online of so many stories at a weight."""
    stories = [story(number, article_id=number) for number in range(count)]
    headings, articles = Headings(stories), [item.article_id for item in stories]

    def arrange(cards: int, shown: int) -> list[Piece]:
        return pieces_of(lay_out(articles, headings, cards=cards, shown=shown))

    pieces = fit(arrange, weigh, cards=most_cards(articles, headings), shown=count, most=most)
    lines = [piece.which for piece in pieces if piece.kind in (Kind.FIRST_LINE, Kind.LINE)]
    online = next((piece.which for piece in pieces if piece.kind is Kind.MORE), 0)
    assert [piece.kind for piece in pieces].count(Kind.ONLINE) == online
    return sum(piece.kind in (Kind.FIRST_CARD, Kind.CARD) for piece in pieces), lines, online


def test_cards_become_lines_before_lines_are_left_out():
    assert shape(10, 340) == (5, [6, 7, 8, 9], 0)
    assert shape(10, 280) == (3, [4, 5, 6, 7, 8, 9], 0)
    assert shape(10, 119) == (0, [1], 8)
    assert shape(10, 50) == (0, [], 9)


@pytest.mark.parametrize("sections", [[], ["Politics", "Sport"], ["Politics", "Sport", ""]])
@pytest.mark.parametrize("count", [0, 1, 2, 6, 7, 20])
def test_every_story_has_one_place(count, sections):
    stories = [
        story(number, article_id=number, section=sections[number % len(sections)] if sections else "")
        for number in range(count)
    ]
    articles, headings = [item.article_id for item in stories], Headings(stories)
    pieces = pieces_of(lay_out(articles, headings, cards=most_cards(articles, headings), shown=count))
    told = [piece.which for piece in pieces if piece.kind in (Kind.LEAD, Kind.FIRST_CARD, Kind.CARD)]
    lines = [piece.which for piece in pieces if piece.kind in (Kind.FIRST_LINE, Kind.LINE)]
    assert sorted(told + lines) == articles
    assert told[:1] == articles[:1]
    assert len(told) <= 6


def headed(stories: list[Story], *, cards: int = 5) -> list[tuple[str, list[int], list[int]]]:
    headings = Headings(stories)
    layout = lay_out([item.article_id for item in stories], headings, cards=cards, shown=len(stories))
    return [(headings.titles[group.heading], list(group.cards), list(group.lines)) for group in layout.groups]


def test_cards_are_grouped_by_topic_and_those_without_come_last():
    topics = ["Togo", "", "Monde", "Togo", "Monde", ""]
    stories = [story(number, article_id=number, topic=topic) for number, topic in enumerate(topics)]
    assert headed(stories) == [("Monde", [2, 4], []), ("Togo", [3], []), ("", [1, 5], [])]


def test_each_section_has_its_cards_and_then_its_lines():
    sections = ["Sport", "Sport", "Sport", "Sport", "Politics", "Politics", "Sport"]
    stories = [story(number, article_id=number, section=section) for number, section in enumerate(sections)]
    assert headed(stories, cards=3) == [("Sport", [1, 2], [3, 6]), ("Politics", [4], [5])]


# Subject and preheader


def test_the_subject_counts_the_other_stories_where_that_fits():
    titles = ["Poutine reçoit Kim à Vostotchny", *map(str, range(6))]
    stories = [story(0, title=title) for title in titles]
    with use_locale("fr"):
        assert make_subject(stories, newsletter="N", number=1) == (
            "Poutine reçoit Kim à Vostotchny, et six autres nouvelles"
        )
        assert make_subject(stories[:2], newsletter="N", number=1) == (
            "Poutine reçoit Kim à Vostotchny, et une autre nouvelle"
        )
    assert (
        make_subject(stories[:5], newsletter="N", number=1) == "Poutine reçoit Kim à Vostotchny, and four more stories"
    )
    assert make_subject(stories[:1], newsletter="N", number=1) == "Poutine reçoit Kim à Vostotchny"


@pytest.mark.parametrize(
    "title", ["word " * 30, "x" * 300, "A headline of exactly the length that leaves no room for more at all"]
)
def test_a_subject_is_never_longer_than_seventy_characters(title):
    subject = make_subject([story(0, title=title.strip()), story(1)], newsletter="N", number=1)
    assert len(subject) <= 70
    assert subject.rstrip("…").rstrip() in title


def test_a_subject_is_cut_between_words():
    assert shorten("Rain, again and again", 14) == "Rain, again…"
    assert shorten("Rain, again", 7) == "Rain…"
    assert shorten("A meeting at the port of Lomé", 26) == "A meeting at the port…"
    assert shorten("Vingt-deux élus de la mer", 21) == "Vingt-deux élus…"
    assert shorten("short", 70) == "short"


def test_an_issue_without_headlines_is_named_after_the_newsletter():
    with use_locale("fr"):
        assert make_subject([], newsletter="La Dépêche", number=7) == "La Dépêche, numéro\u00a07"


def test_the_preheader_tells_the_next_stories():
    assert make_preheader([story(0), story(1, title="One"), story(2, title="Two?")]) == "One. Two?"
    assert make_preheader([story(0, summary="Only this.")]) == "Only this."
    assert len(make_preheader([story(number, title="word " * 20) for number in range(9)])) <= 110


def test_what_an_editor_wrote_wins():
    mail = render_digest(content(subject="Our own subject", preheader="Our own preheader"), "fr")
    assert (mail.subject, mail.preheader) == ("Our own subject", "Our own preheader")
    assert mail.html.index("Our own preheader") < mail.html.index("<h1")


# Hostile articles

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</mj-text></mj-raw><mj-include path='/etc/passwd'/>",
    "<!-- <!--[if mso]> ]]>",
    "{{ 7 * 7 }} {% raw %} ${x} %(name)s %s",
    "&lt;b&gt; &amp; &#x3c; & co",
    "AT&T's «\u202fquote\u202f»",
    f"{SLOT_UNSUBSCRIBE} {SLOT_PREFERENCES} @@AT@@ @@@",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_an_article_says_is_shown_as_it_was_written(text):
    hostile = replace(story(1), title=text, summary=text, topic=text, author=text, source="", minutes=0)
    made = content(
        hostile,
        hostile,
        *[hostile] * 6,
        newsletter=text,
        publisher=text,
        postal_address=text,
        introduction=text,
        subject="",
    )
    mail = render_digest(made, "fr")
    page = Page(fill(mail.html, LINKS, html=True))
    shown = " ".join(text.split())
    assert page.text.count(shown) >= 20
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in Page(render_digest(content(), "fr").html).tags}
    assert page.links() == {WEB, *LINKS.values(), "https://news.example/a/1?x=1&y=2"}
    plain = " ".join(fill(mail.text, LINKS, html=False).split())
    assert plain.count(shown) >= 12
    assert plain.count(LINKS[SLOT_UNSUBSCRIBE]) == 1
    assert text.split()[0] in mail.subject


def test_characters_that_nobody_sees_or_that_turn_the_text_round_are_gone():
    bad = "Price \u202e drop\u202c \u2066now\u2069 \x07bell\x00 \u200bzero\ufeff"
    mail = render_digest(content(story(1, title=bad, summary=bad), subject=bad), "en")
    for part in (mail.html.split("</head>")[1], mail.text, mail.subject):
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x07\u200b\ufeff]", part)
    assert "Price drop now bell zero" in mail.text


def test_a_word_without_end_does_not_widen_the_mail():
    mail = render_digest(content(story(1, title="x" * 5000, summary="y" * 50_000), story(2)), "en")
    assert len(mail.html.encode()) < 20_000
    assert len(mail.subject) <= 70
    assert "word-break:break-word" in mail.html


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example/a",
        "file:///etc/passwd",
        "http://[",
        "",
        "https://x.example/" + "a" * 5000,
    ],
)
def test_a_link_that_no_reader_should_follow_leads_to_the_web_page(url):
    page = Page(render_digest(content(story(1, url=url, key="a1")), "en").html)
    assert page.links() == {WEB, f"{WEB}#a1", SLOT_UNSUBSCRIBE, SLOT_PREFERENCES}


def test_a_link_cannot_end_its_attribute_or_its_line():
    mail = render_digest(content(story(1, url='https://x.example/a"onclick="b\r\nBcc: c @@UNSUBSCRIBE@@')), "en")
    url = "https://x.example/a%22onclick=%22b%0D%0ABcc:%20c%20@@UNSUBSCRIBE@@"
    assert url in Page(fill(mail.html, LINKS, html=True)).links()
    assert url in fill(mail.text, LINKS, html=False).splitlines()


# Plain text


def test_the_plain_text_is_wrapped_and_its_links_are_whole():
    mail = render_digest(content(), "fr")
    assert all(len(line) <= 72 or "://" in line for line in mail.text.splitlines())
    assert "\n\n\n" not in mail.text
    assert not any(line != line.rstrip() for line in mail.text.splitlines())


def test_an_issue_without_introduction_picture_or_summary_is_complete():
    bare = Story(title="Only a headline")
    mail = render_digest(content(bare, introduction="", publisher="", postal_address="", replies_welcome=False), "en")
    page = Page(mail.html)
    assert "Only a headline" in page.text
    assert mail.subject == "Only a headline"
    assert "Also in this issue" not in mail.text


# On the web


def test_the_web_version_has_every_story_and_nothing_personal():
    web = render_web(content(*[story(number) for number in range(1, 41)], left_out=0), "fr")
    page = Page(web)
    assert "@@" not in web
    assert all(f"Headline number {number} of the day" in page.text for number in range(1, 41))
    assert not any("style" in attributes or "onclick" in attributes for _, attributes in page.tags)
    assert not page.all("h1")


def test_a_story_without_a_page_of_its_own_is_whole_on_the_web_and_linked_from_the_mail():
    whole = story(1, url="", key="a17", body_html="<p>All of it, <em>really</em>.</p>")
    web = render_web(content(story(2), whole), "en")
    assert "<p>All of it, <em>really</em>.</p>" in web
    assert 'id="a17"' in web
    mail = render_digest(content(story(2), whole), "en")
    assert f"{WEB}#a17" in Page(mail.html).links()
    assert "All of it" not in mail.html


def test_text_on_the_web_is_escaped_and_quotes_marks_literally():
    web = render_web(content(story(1, title=f"<b>{SLOT_UNSUBSCRIBE}</b>")), "en")
    assert "&lt;b&gt;@@UNSUBSCRIBE@@&lt;/b&gt;" in web


# What is a reader's own


def test_an_editors_marks_become_slots_in_the_mail_and_fallbacks_on_the_web():
    made = content(
        subject="{{ name | Dear reader }}, the news",
        preheader="For {{ city | you }}",
        introduction="Good evening {{ name | all }}.\n\nTo {{ city }}.",
    )
    mail = render_digest(made, "en")
    name, city = field_slot("name", "all"), field_slot("city")
    assert mail.subject == f"{field_slot('name', 'Dear reader')}, the news"
    assert mail.preheader == f"For {field_slot('city', 'you')}"
    for part in (mail.html, mail.text):
        assert f"Good evening {name}." in part
        assert f"To {city}." in part
    web = render_web(made, "en")
    assert "Good evening all." in web
    assert "{{" not in web + mail.html + mail.text


def test_marks_in_an_article_are_text():
    mail = render_digest(content(story(1, title="Say {{ name }} @@AT@@", summary="{{ city }}"), introduction=""), "en")
    filled = [fill(part, LINKS, html=False) for part in (mail.subject, mail.html, mail.text)]
    assert all("Say {{ name }} @@AT@@" in part for part in filled)
    assert "{{ city }}" in mail.text


def test_a_preheader_too_long_for_inboxes_is_cut_without_breaking_a_mark():
    mail = render_digest(content(preheader="word " * 17 + "for {{ city | everybody who reads }} today"), "en")
    assert len(mail.preheader) <= 110
    assert "{{" not in mail.preheader
    assert "for everybody" in mail.preheader
