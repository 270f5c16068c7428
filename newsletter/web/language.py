"""The reader's language: what the address asks for, then what the browser prefers, then the newsletter's own.

No cookie: a choice made by `?lang=` travels in the links of the page.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from flask import Flask, g, request
from werkzeug.datastructures import LanguageAccept

from newsletter.core.i18n import LOCALES, use_locale

NAMES: Mapping[str, str] = {"fr": "Français", "en": "English"}
WITHOUT_CHOICE = ("static", "admin", "health")  # files, staff pages (a user has a language) and probes


def choose(asked: str | None, accepted: LanguageAccept, fallback: str) -> str:
    """The locale to answer in; `asked` and `fallback` count only when they name one that exists."""
    if asked in LOCALES:
        return str(asked)
    return accepted.best_match(LOCALES) or (fallback if fallback in LOCALES else LOCALES[0])


def use_language(language: str) -> None:
    """Answer the rest of the request in this language; staff pages call it with the language of the user's account."""
    if "locales" not in g:
        g.locales = ExitStack()
    g.language = language
    g.locales.enter_context(use_locale(language))


def current_language() -> str:
    """The language of the answer to this request."""
    return str(g.get("language", LOCALES[0]))


def fall_back_to(language: str) -> None:
    """Prefer a newsletter's own language for a reader whose browser asks for none that we speak."""
    use_language(choose(request.args.get("lang"), request.accept_languages, language))


def prefer(language: str) -> None:
    """Answer in the language that a reader has chosen for good, unless the address asks for another."""
    asked = request.args.get("lang")
    use_language(asked if asked in LOCALES else language)


def set_up_languages(app: Flask) -> None:
    app.before_request(_begin)
    app.teardown_request(_end)
    app.url_defaults(_keep_choice)
    app.context_processor(_describe)


def _begin() -> None:
    fall_back_to(LOCALES[0])


def _end(_error: BaseException | None) -> None:
    if "locales" in g:
        g.pop("locales").close()


def _keep_choice(endpoint: str, values: dict[str, Any]) -> None:
    asked = request.args.get("lang") if request else None
    if asked in LOCALES and endpoint.partition(".")[0] not in WITHOUT_CHOICE:
        values.setdefault("lang", asked)


def _describe() -> dict[str, Any]:
    language = current_language()
    other = next(name for name in LOCALES if name != language)
    return {"language": language, "other_language": other, "other_language_name": NAMES[other]}
