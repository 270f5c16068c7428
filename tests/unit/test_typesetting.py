"""Blocks are rendered once; whatever articles a reader gets, joined they are a whole mail."""

import re
from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.delivery.slots import SLOT_PREFERENCES, SLOT_UNSUBSCRIBE, field_slot, split
from newsletter.issues import pieces
from newsletter.issues.content import DigestContent, Elsewhere, Image, Story
from newsletter.issues.layout import MOST_WEIGHT
from newsletter.issues.render import render_digest, render_web
from newsletter.issues.typesetting import Typesetter, assemble, assemble_web
from newsletter.newsletters.editions import Edition
from tests.unit.test_render import WEB, Page, content, links_of, story

PICTURE = Image("https://n.example/media/abc.jpg", "A rocket", 1200, 600)


def pool(count: int, **changes) -> DigestContent:
    stories = [story(number, article_id=number, key=f"a{number}", **changes) for number in range(1, count + 1)]
    return content(*stories)


def mail_of(typesetter: Typesetter, articles):
    made = typesetter.set(articles)
    return assemble([typesetter.block(key) for key in made.keys], subject=made.subject, preheader=made.preheader)


def headings(html: str) -> list[int]:
    return [int(tag[1]) for tag, _ in Page(html).tags if re.fullmatch(r"h\d", tag)]


# Blocks


@pytest.mark.parametrize("edition", Edition)
def test_a_reader_of_everything_gets_what_the_preview_shows(edition):
    made = pool(12)
    mail = mail_of(Typesetter(made, locale="fr", edition=edition), range(1, 13))
    assert mail == render_digest(made, "fr", edition=edition)


@pytest.mark.parametrize("edition", Edition)
def test_readers_of_other_articles_share_blocks_and_nothing_is_rendered_twice(edition, monkeypatch):
    asked = []
    render = pieces.Pieces.render

    def counted(self, wanted):
        wanted = list(wanted)
        asked.extend(wanted)
        return render(self, wanted)

    monkeypatch.setattr(pieces.Pieces, "render", counted)
    typesetter = Typesetter(pool(9), locale="fr", edition=edition)
    some, others = typesetter.set([1, 2, 3, 4, 5, 6]), typesetter.set([1, 2, 3, 5, 7, 9])
    assert len(set(some.keys) & set(others.keys)) >= 3
    again = len(asked)
    assert typesetter.set([1, 2, 3, 4, 5, 6]) == some
    assert len(asked) == again == len(set(asked))


def test_a_block_is_the_same_whatever_it_was_rendered_with():
    alone, together = Typesetter(pool(9), locale="fr"), Typesetter(pool(9), locale="fr")
    alone.set([3])
    for at in range(1, 10):
        alone.set([at, *range(1, at), *range(at + 1, 10)])
    made = together.set(range(1, 10))
    assert [alone.block(key) for key in made.keys] == [together.block(key) for key in made.keys]


def test_keys_fit_the_table_and_tell_languages_and_editions_apart():
    keys = {
        key
        for edition in Edition
        for made in (replace(pool(20), language="ee"), pool(20))
        for key in Typesetter(made, locale="fr", edition=edition).set(range(1, 21)).keys
    }
    assert max(map(len, keys)) <= 80
    assert {"head:ee:full:0", "head:fr:light:0", "head:fr:text:0", "lead:fr:full:1"} <= keys


def test_subject_and_preheader_are_of_the_articles_a_reader_gets():
    typesetter = Typesetter(pool(4), locale="en")
    some, others = typesetter.set([2, 3]), typesetter.set([4, 1])
    assert some.subject == "Headline number 2 of the day, and one more story"
    assert others.subject == "Headline number 4 of the day, and one more story"
    assert others.preheader == "Headline number 1 of the day."
    html = mail_of(typesetter, [4, 1]).html
    assert "<title>Headline number 4 of the day, and one more story</title>" in html
    assert 'aria-label="Headline number 4 of the day, and one more story"' in html
    assert html.index(">Headline number 1 of the day.") < html.index("<h1")
    assert not re.search("[\ue000-\uf8ff]|u\\{e00", html)


def test_what_an_editor_wrote_wins_for_every_reader_and_keeps_its_slots():
    typesetter = Typesetter(replace(pool(4), subject='For {{ name | "you" }} & all'), locale="en")
    slot = field_slot("name", '"you"')
    assert typesetter.set([1]).subject == typesetter.set([2, 3]).subject == f"For {slot} & all"
    assert f"<title>For {slot} &amp; all</title>" in mail_of(typesetter, [1]).html


def test_a_mark_of_ours_in_an_article_is_nothing():
    hostile = "\ue001 \ue002 \ue003 @@CUT@@"
    mail = render_digest(content(story(1, title=hostile, url=f"https://x.example/{hostile}")), "en")
    assert Page(mail.html).text.count("@@AT@@CUT@@AT@@") >= 1
    assert not re.search("[\ue000-\uf8ff]", mail.html + mail.text + mail.subject)


# Editions


def test_the_light_edition_is_small_without_pictures_and_has_a_sentence_of_each_story():
    mail = render_digest(pool(10, image=PICTURE), "fr", edition=Edition.LIGHT)
    page = Page(mail.html)
    assert len(mail.html.encode()) < 15_000
    assert page.all("img") == []
    assert page.text.count("told in one sentence of some length.") == 10
    assert "And a second one" not in page.text + mail.text
    assert page.links() == links_of(mail.text)


def test_the_text_edition_has_no_html_and_every_story():
    mail = render_digest(pool(10), "fr", edition=Edition.TEXT)
    assert mail.html == ""
    assert mail.text == render_digest(pool(10), "fr").text


@pytest.mark.parametrize("edition", [Edition.FULL, Edition.LIGHT])
@pytest.mark.parametrize("section", ["", "Politics"])
def test_headings_are_in_order_with_one_h1(edition, section):
    made = pool(12, section=section)
    levels = headings(render_digest(made, "en", edition=edition).html)
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert 1 not in headings(render_web(made, "en"))


# What a story says


def test_an_updated_story_says_so_everywhere():
    made = content(story(1, updated=True), story(2, updated=True))
    mail, web = render_digest(made, "en"), render_web(made, "en")
    assert Page(mail.html).text.count("Updated Headline number") == 2
    assert mail.text.count("Updated: Headline number") == 2
    assert Page(web).text.count("Updated Headline number") == 2
    assert "Mis à jour" in render_digest(made, "fr").html


def test_a_story_names_where_else_it_is_told_three_places_at_most():
    places = tuple(Elsewhere(f"Paper <{number}>", f"https://p{number}.example/x") for number in range(5))
    places = (Elsewhere("Bad", "javascript:alert(1)"), *places)
    made = content(story(1, also_in=places))
    mail, web = render_digest(made, "en"), render_web(made, "en")
    assert "Also in: Paper <0>, Paper <1>" in Page(mail.html).text
    assert "Also in: Paper <0>, Paper <1>" in Page(web).text
    assert "- Paper <0>\n  https://p0.example/x" in mail.text
    for shown in (mail.html, mail.text, web):
        assert "javascript" not in shown
        assert "p3.example" not in shown
    assert Page(mail.html).links() == links_of(mail.text)


def test_an_old_story_has_its_date():
    text = render_digest(content(story(1, day=date(2023, 9, 12)), story(2, day=date(2023, 9, 1))), "en").text
    assert "12 September 2023" not in text
    assert "1 September 2023" in text


def test_a_story_in_another_language_says_so():
    mail = render_digest(content(story(1, language="ar"), story(2, language="ee")), "fr")
    page = Page(mail.html)
    assert {item.get("lang") for item in [*page.all("h2"), *page.all("h3")]} >= {"ar", "ee"}
    assert all(item.get("dir") == "auto" for item in page.all("h3") if item.get("lang"))


def test_an_issue_in_a_language_without_labels_has_those_of_the_newsletter():
    html = render_digest(content(language="ar"), "fr").html
    assert '<html lang="ar" dir="rtl"' in html
    assert "Se désabonner" in html
    assert "direction:rtl" in html
    assert "text-align:right" in html
    assert 'dir="rtl"' not in render_digest(content(language="ee"), "fr").html


def test_what_is_left_out_of_the_mail_is_on_the_web_page():
    heavy = [story(number, article_id=number, url="https://n.example/" + "é" * 320) for number in range(1, 140)]
    typesetter = Typesetter(content(*heavy), locale="en")
    made = typesetter.set(range(1, 140))
    blocks = [typesetter.block(key) for key in made.keys]
    mail, web = assemble(blocks, subject=made.subject, preheader=made.preheader), assemble_web(blocks)
    assert "more stories are online" in mail.html
    for number in range(1, 140):
        assert Page(web).text.count(f"Headline number {number} of") == 1
    assert "style=" not in web


# Whatever comes

SPARSE = st.sampled_from(["", "Togo", "Monde", "<b>&amp;", "@@UNSUBSCRIBE@@"])
STORIES = st.builds(
    Story,
    title=st.just(""),
    url=st.sampled_from(["", "https://x.example/a?b=1&c=2", "javascript:x", "https://x.example/" + "é" * 300]),
    summary=st.text(max_size=300),
    topic=SPARSE,
    section=SPARSE,
    author=st.text(max_size=20),
    minutes=st.integers(0, 90),
    image=st.sampled_from([None, PICTURE]),
    body_html=st.sampled_from(["", "<p>Whole</p>"]),
    updated=st.booleans(),
    also_in=st.sampled_from([(), (Elsewhere("Le Monde", "https://m.example/"),)]),
    language=st.sampled_from(["", "ar"]),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(STORIES, max_size=30),
    st.sampled_from(list(Edition)),
    st.sampled_from(["fr", "en"]),
    st.randoms(use_true_random=False),
)
def test_any_articles_make_a_whole_mail(stories, edition, locale, rng):
    numbered = [
        replace(item, title=f"Story {at} ends", article_id=at, key=f"a{at}") for at, item in enumerate(stories, 100)
    ]
    typesetter = Typesetter(content(*numbered, introduction="To {{ name | all }}."), locale=locale, edition=edition)
    picked = [item.article_id for item in numbered if rng.random() < 0.7]
    rng.shuffle(picked)
    made = typesetter.set(picked)
    blocks = [typesetter.block(key) for key in made.keys]
    mail, web = assemble(blocks, subject=made.subject, preheader=made.preheader), assemble_web(blocks)
    name = field_slot("name", "all")
    slots = split(mail.text)[1::2]
    assert slots.count(SLOT_UNSUBSCRIBE) == slots.count(SLOT_PREFERENCES) == 1
    assert f"To {name}." in mail.text
    assert len(made.subject) <= 70
    for article in picked:
        assert mail.text.count(f"Story {article} ends") == 1
    if edition is Edition.TEXT:
        assert mail.html == ""
        return
    page = Page(mail.html)
    assert len(mail.html.encode()) <= MOST_WEIGHT
    slots = split(mail.html)[1::2]
    assert (slots.count(SLOT_UNSUBSCRIBE), slots.count(SLOT_PREFERENCES)) == (2, 1)
    assert f"To {name}." in page.text
    for article in picked:
        assert len(re.findall(rf">Story {article} ends<", mail.html.partition("<body")[2])) == 1
    assert WEB in page.links()
    if edition is Edition.FULL:
        assert "style=" not in web
        for article in picked:
            assert Page(web).text.count(f"Story {article} ends") == 1
