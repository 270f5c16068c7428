"""Templates are strict, text is wrapped, and MJML that cannot be read says where."""

import pytest
from jinja2 import UndefinedError

from newsletter.core.errors import RefusedError
from newsletter.core.templating import TEMPLATES, compact, environment, mjml_to_html, render, render_mail, wrap

CONFIRM = {
    "newsletter": "La Dépêche du soir",
    "publisher": "Le Courrier du Zio",
    "site": "lettres.example",
    "url": "https://lettres.example/confirm/abc?a=1&b=2",
    "requested_at": "13 septembre 2023 à 18\u00a0h\u00a030",
    "expires_at": "20 septembre 2023",
}


def test_templates_are_found_beside_the_package():
    assert (TEMPLATES / "email" / "digest" / "body.mjml").is_file()


def test_a_value_that_was_forgotten_is_an_error_and_not_a_gap():
    with pytest.raises(UndefinedError):
        render("confirm/body.txt", newsletter="La Dépêche")


def test_markup_is_escaped_in_html_and_left_alone_in_text():
    values = {**CONFIRM, "newsletter": "Tom & <b>Jerry</b>"}
    mail = render_mail("confirm", "en", **values)
    assert "Tom &amp; &lt;b&gt;Jerry&lt;/b&gt;" in mail.html
    assert "<b>Jerry" not in mail.html
    assert "Tom & <b>Jerry</b>" in mail.text
    assert mail.subject == "Confirm your subscription to Tom & <b>Jerry</b>"


def test_the_confirmation_has_one_link_no_picture_and_says_who_asked():
    mail = render_mail("confirm", "fr", **CONFIRM)
    assert mail.html.count("<a ") == 1
    assert mail.html.count('href="https://lettres.example/confirm/abc?a=1&amp;b=2"') == 1
    assert mail.text.count("https://") == 1
    assert CONFIRM["url"] in mail.text.splitlines()
    assert "<img" not in mail.html
    for part in (mail.html, mail.text.replace("\n", " ")):
        assert "lettres.example" in part
        assert CONFIRM["requested_at"] in part
    assert '<html lang="fr" dir="ltr"' in mail.html


@pytest.mark.parametrize("locale", ["fr", "en"])
@pytest.mark.parametrize("name", ["confirm", "already_subscribed"])
def test_each_letter_has_one_heading_and_the_same_link_in_both_parts(name, locale):
    mail = render_mail(name, locale, **CONFIRM)
    assert mail.html.count("<h1") == 1
    assert mail.html.count("<a ") == 1
    assert CONFIRM["url"] in mail.text.splitlines()
    assert max(map(len, mail.text.splitlines())) <= 72
    assert "\n\n\n" not in mail.text
    assert mail.text.endswith("\n")
    assert len(mail.html.encode()) < 10_000


def test_text_is_wrapped_between_words_and_a_link_stays_whole():
    link = "https://example.org/" + "a" * 90
    assert wrap(f"{'mot ' * 30}{link}").split("\n")[-1] == link
    assert wrap("un\u00a0deux " * 12, first="- ", rest="  ").split("\n")[1].startswith("  un\u00a0deux")


def test_a_subject_is_one_line():
    assert "\n" not in render("confirm/subject.txt", newsletter="La\nDépêche")


def test_compact_html_keeps_words_apart():
    assert compact("<p>\n    one\n\n   two</p>\n\n") == "<p>\none\ntwo</p>\n"


def test_mjml_that_cannot_be_read_names_its_line():
    with pytest.raises(RefusedError, match="line 3"):
        mjml_to_html(
            "<mjml>\n<mj-body>\n<mj-section><mj-column><mj-text>é</p></mj-text></mj-column></mj-section></mj-body></mjml>"
        )
    with pytest.raises(RefusedError, match="line 2"):
        mjml_to_html("<mjml><mj-body>\n<mj-text>")


def test_mjml_reads_no_other_file():
    with pytest.raises(RefusedError):
        mjml_to_html('<mjml><mj-body><mj-include path="/etc/hostname"/></mj-body></mjml>')


def test_the_environment_escapes_mjml_and_html_by_their_names():
    autoescape = environment().autoescape
    assert [autoescape(name) for name in ("a/body.mjml", "a/web.html", "a/body.txt")] == [True, True, False]
