"""Every finding has words in both languages, and all of its figures stand in them."""

import re
from pathlib import Path

import pytest

import newsletter.issues
from newsletter.core.i18n import use_locale
from newsletter.issues.preflight import wording
from newsletter.issues.preflight.findings import Finding, Level

ISSUES = Path(newsletter.issues.__file__).parent
MADE = re.compile(r"(?:found|all_of|Finding)\(\s*\"(\w+)\"")
BY_KIND = {f"{what}_{how}" for what in ("link", "picture") for how in ("gone", "failing", "unreached", "not_told")}
ALSO = {"contrast_low", "contrast_low_in_dark", "gmail_nearly_cuts", *BY_KIND}
FIGURES = {
    **dict.fromkeys(("count", "kilobytes", "least", "most", "percent", "seconds", "status"), 7),
    **dict.fromkeys(("limit", "points", "ratio", "size"), 2.5),
    **dict.fromkeys(("background", "colour", "domain", "feature", "filter", "message", "name", "problem"), "x"),
    "programs": ["Gmail (iOS)", "SFR (webmail)"],
    "partly": ["Free (webmail)"],
    "more": 3,
    "shorten": "styles",
}


def made() -> set[str]:
    """The keys that the checks give."""
    texts = [path.read_text("utf-8") for path in ISSUES.rglob("*.py")]
    return {key for text in texts for key in MADE.findall(text)} | ALSO


def test_every_key_has_words_and_no_word_is_left_over() -> None:
    assert wording.known() == made()


@pytest.mark.parametrize("locale", ["fr", "en"])
def test_sentences_are_whole(locale: str) -> None:
    with use_locale(locale):
        for key in wording.known():
            finding = Finding(key, Level.WARNING, FIGURES)
            for sentence in (wording.in_words(finding), wording.advice(finding)):
                assert sentence, key
                assert "%(" not in sentence, sentence
                assert "%%" not in sentence, sentence
                assert sentence[0].isupper() or sentence[0] == "x", sentence


def test_numbers_and_programs_are_written_as_the_language_does() -> None:
    finding = Finding("left_out_by", Level.NOTICE, FIGURES | {"feature": "border-radius", "more": 1200})
    with use_locale("fr"):
        told = wording.in_words(finding)
    names = "Gmail (iOS), SFR (webmail), et 1\u202f200 autres messageries"
    assert told == f"border-radius\u00a0: non affiché par {names}. En partie\u00a0: Free (webmail)."
    with use_locale("fr"):
        assert "2,5" in wording.in_words(Finding("contrast_low", Level.WARNING, FIGURES))


def test_a_key_of_another_version_stands_for_itself() -> None:
    assert wording.in_words(Finding("from_tomorrow", Level.NOTICE)) == "from_tomorrow"
