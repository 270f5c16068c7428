"""What an editor writes for each reader is read, or refused in words, and never guessed at."""

import pytest

from newsletter.core.errors import RefusedError
from newsletter.delivery.slots import SLOT_UNSUBSCRIBE, field_slot, protect
from newsletter.issues.personal import check, for_nobody, with_slots


def checked(text: str, *known: str) -> str:
    """What the editor is told, nothing when all is well."""
    try:
        check(text, place="Subject", has=set(known).__contains__, known=lambda: list(known))
    except RefusedError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("text", "name", "fallback"),
    [
        ("{{ name }}", "name", ""),
        ("{{name}}", "name", ""),
        ("{{\u00a0City\u202f|\u00a0cher lecteur }}", "city", "cher lecteur"),
        ("{{ code postal | a | b }}", "code postal", "a | b"),
        ("{{ prénom | }}", "prénom", ""),
    ],
)
def test_a_mark_names_an_attribute_and_what_stands_there_without_it(text, name, fallback):
    assert with_slots(f"Bonjour {text} !") == f"Bonjour {field_slot(name, fallback)} !"
    assert for_nobody(f"Bonjour {text} !") == f"Bonjour {fallback} !"
    assert checked(text, name) == ""


@pytest.mark.parametrize("text", ["Bonjour", "{ name }", "a } b { c", "1 < 2", "", SLOT_UNSUBSCRIBE, "@@"])
def test_text_without_marks_stays_as_it_is(text):
    assert with_slots(text) == protect(text)
    assert for_nobody(text) == text
    assert checked(text) == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "Hello {{ town }}",
            "Subject: no reader of this newsletter has “town”. What can be filled in: name, email, city.",
        ),
        ("Hello {{ name", "Subject: braces are not in pairs near “Hello {{ name”. Write for example {{ name }}."),
        ("Hello name }}", "Subject: braces are not in pairs near “Hello name }}”. Write for example {{ name }}."),
        ("Hello {{ name }", "Subject: braces are not in pairs near “Hello {{ name }”. Write for example {{ name }}."),
        ("{{ na\nme }}", "Subject: braces are not in pairs near “{{ na\nme }}”. Write for example {{ name }}."),
        ("{{ }}", "Subject: “{{ }}” cannot be filled in. Write for example {{ name }} or {{ name | dear reader }}."),
        (
            "{{ first-name! }}",
            "Subject: “{{ first-name! }}” cannot be filled in. "
            "Write for example {{ name }} or {{ name | dear reader }}.",
        ),
        (
            '{{ a"b }}',
            'Subject: “{{ a"b }}” cannot be filled in. Write for example {{ name }} or {{ name | dear reader }}.',
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_left_as_it_stands(text, told):
    assert checked(text, "city") == told
    if "town" not in text:
        assert with_slots(text) == for_nobody(text) == text
