"""Every action that the code records has words, in the log and in both languages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import newsletter
from newsletter.core.i18n import use_locale
from newsletter.web.admin import log_words

PACKAGE = Path(newsletter.__file__).parent
NAME = re.compile(r"[a-z]+\.[a-z_]+")
NO_ACTION = re.compile(r"admin\.[a-z_]+")  # the name of a page


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for root in (PACKAGE, PACKAGE.parent / "worker"):
        for path in root.rglob("*.py"):
            if path.name != "log_words.py" and "versions" not in path.parts:
                yield path, ast.parse(path.read_text("utf-8"))


def records(tree: ast.Module) -> list[ast.Call]:
    """Calls of `audit.record`."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "record"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "audit"
    ]


def texts(tree: ast.AST) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def recorded() -> dict[str, Path]:
    """Names of actions, by what looks like one in a module that records, or begins like one elsewhere."""
    subjects = set(log_words.subjects()) | {"session", "address"}
    found = {}
    for path, tree in modules():
        records_itself = bool(records(tree))
        for text in texts(tree):
            known = text.partition(".")[0] in subjects
            if NAME.fullmatch(text) and not NO_ACTION.fullmatch(text) and (records_itself or known):
                found[text] = path
    return found


JOBS = {"feedback.poll", "feedback.read", "feedback.sweep"}
FILES = {"feed.xml", "newsletter.db", "newsletter.web"}
CONDITIONS = {"domain.is", "topic.is"}  # of segments


def test_every_action_that_is_recorded_has_words_and_every_word_an_action():
    found = recorded()
    named = set(found) - JOBS - FILES - CONDITIONS
    assert named - set(log_words.actions()) == set(), "these actions have no words in log_words.py"
    assert set(log_words.actions()) - named == set(), "nothing records these any more"
    assert len(named) > 60


def test_the_name_of_an_action_is_written_out_where_it_is_recorded():
    """A name that is put together would escape the test above."""
    for path, tree in modules():
        for call in records(tree):
            given = next(word.value for word in call.keywords if word.arg == "action")
            assert not isinstance(given, ast.JoinedStr | ast.BinOp), path


def test_every_subject_that_is_recorded_has_a_word():
    for path, tree in modules():
        for call in records(tree):
            given = next(word.value for word in call.keywords if word.arg == "subject")
            assert isinstance(given, ast.Constant), path
            assert given.value in log_words.subjects(), path


def test_words_differ_from_language_to_language():
    with use_locale("en"):
        english = log_words.actions() | log_words.actors()
    with use_locale("fr"):
        french = log_words.actions() | log_words.actors()
    assert [name for name, words in english.items() if french[name] == words] == []
