"""Every sentence for people exists in French, with the same values in it and set as French is set."""

import importlib.util
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from newsletter.core.catalogue import read_catalogue

ROOT = Path(__file__).resolve().parents[2]
PATH = ROOT / "newsletter" / "locale" / "fr" / "LC_MESSAGES" / "messages.po"
VALUE = re.compile(r"%\((\w+)\)[sd]|%%")


def is_translated(message) -> bool:
    return bool(message.id and message.string and all(message.string))


@pytest.fixture(scope="module")
def used():
    """Every sentence of the source with the file that says it."""
    spec = importlib.util.spec_from_file_location("messages", ROOT / "scripts" / "messages.py")
    messages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(messages)
    return {message: name for name, message in messages.used()}


@pytest.fixture(scope="module")
def french():
    with PATH.open("rb") as file:
        return read_po(file, locale="fr")


@pytest.fixture(scope="module")
def translations(french):
    """Pairs of an English form and a French one."""
    return [
        pair
        for message in french
        if is_translated(message)
        for pair in (
            zip(message.id, message.string, strict=True)
            if isinstance(message.id, tuple)
            else [(message.id, message.string)]
        )
    ]


def test_every_sentence_is_translated(used, french):
    known = {message.id for message in french if is_translated(message)}
    assert {message: name for message, name in used.items() if message not in known} == {}


def test_nothing_is_translated_that_nobody_says(used, french):
    assert [message.id for message in french if message.id and message.id not in used] == []


def test_a_translation_has_the_values_of_its_sentence(translations):
    different = [
        (english, text)
        for english, text in translations
        if not set(VALUE.findall(text)) <= set(VALUE.findall(english)) | {"num", "count"}
        or not set(VALUE.findall(english)) <= set(VALUE.findall(text)) | {"num", "count"}
    ]
    assert different == []


def test_french_is_set_with_its_own_spaces_and_apostrophes(translations):
    wrong = re.compile(r"[\w»] [;!?:»%](?!\()|«[ \w]|\w[;!?](?:\s|$)|\w'\w")
    assert [text for _, text in translations if wrong.search(text)] == []


def test_our_reader_finds_what_babel_finds(french):
    ours = read_catalogue(PATH)
    theirs = {}
    for message in french:
        if is_translated(message):
            one = isinstance(message.id, str)
            theirs[message.id if one else message.id[0]] = (message.string,) if one else tuple(message.string)
    assert ours.forms == theirs
    assert [ours.plural(number) for number in (0, 1, 2, 11)] == [0, 0, 1, 1]
