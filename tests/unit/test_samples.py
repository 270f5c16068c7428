import re

import pytest

from newsletter.articles.draft import ArticleDraft
from newsletter.articles.samples import load_samples
from newsletter.core.prose import count_words, sentences

SAMPLES = load_samples()
DRAFTS = [draft for pair in SAMPLES for draft in pair]


def test_each_sample_is_in_french_and_in_english_under_one_topic():
    assert len(SAMPLES) == 5
    assert [(french.language, english.language) for french, english in SAMPLES] == [("fr", "en")] * 5
    assert all(french.topic == english.topic for french, english in SAMPLES)
    assert len({draft.title for draft in DRAFTS}) == 10


@pytest.mark.parametrize("draft", DRAFTS, ids=lambda draft: draft.title)
def test_a_sample_is_short_and_has_a_summary_of_its_own(draft: ArticleDraft):
    assert 115 <= count_words(draft.body_text) <= 250
    assert 1 <= len(sentences(draft.summary)) <= 2
    assert draft.summary not in draft.body_text


@pytest.mark.parametrize("draft", [french for french, _english in SAMPLES], ids=lambda draft: draft.title)
def test_french_samples_keep_french_typography(draft: ArticleDraft):
    for text in (draft.title, draft.summary, draft.body_text):
        assert not re.search(r"[^\xa0]:\s|[^\u202f][;!?]|«[^\xa0]|[^\xa0][»%]|['\"]|\d \d{3}", text)


def test_a_pair_tells_the_same_figures():
    for french, english in SAMPLES:
        figures = [
            sorted(re.findall(r"\d+", re.sub(r"(?<=\d)[,.\u202f](?=\d{3})", "", d.body_text)))
            for d in (french, english)
        ]
        only = set(figures[0]) ^ set(figures[1])
        assert only <= {"5", "19", "7", "9", "17", "6", "30", "45"}, only  # hours are told by twelve or by twenty-four
