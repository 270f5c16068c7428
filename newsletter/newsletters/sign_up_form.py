"""The sign-up form of a newsletter as values: what it says in each language, and what it asks for. Pure."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.newsletters.wording import ValuesError, check_line

LONGEST: Final = {"title": 120, "standfirst": 600, "button": 40, "thanks": 600, "consent": 600}  # characters
SHORTEST_CONSENT: Final = 20


@dataclass(frozen=True, slots=True)
class Texts:
    """What a form says in one language; what is empty is said in the house's words."""

    title: str = ""
    standfirst: str = ""
    button: str = ""
    thanks: str = ""
    consent: str = ""


NO_TEXTS: Final = Texts()
PARTS: Final = tuple(item.name for item in fields(Texts))


@dataclass(frozen=True, slots=True)
class SignUpForm:
    """`texts` by language. `name`, `topics`, `rhythm`: what it asks beside the address. `wordings`: the id of the
    consent's wording in force, by language; see look_models.ConsentWording.
    """

    texts: dict[str, Texts] = field(default_factory=dict)
    name: bool = False
    topics: bool = True
    rhythm: bool = True
    wordings: dict[str, int] = field(default_factory=dict)

    def says(self, language: str) -> Texts:
        return self.texts.get(language, NO_TEXTS)


def checked(form: SignUpForm) -> SignUpForm:
    """The form in its one form; ValuesError, by `language_part`, for texts that cannot stand there."""
    wrong: dict[str, str] = {}
    texts: dict[str, Texts] = {}
    for language, given in form.texts.items():
        if language not in LOCALES:
            continue
        made: dict[str, str] = {}
        for part in PARTS:
            try:
                made[part] = check_line(" ".join(getattr(given, part).split()), LONGEST[part])
            except RefusedError as error:
                wrong[f"{language}_{part}"] = str(error)
        if 0 < len(made.get("consent", "")) < SHORTEST_CONSENT:
            wrong[f"{language}_consent"] = _("Say in a sentence what readers agree to.")
        if not wrong and any(made.values()):
            texts[language] = Texts(**made)
    if wrong:
        raise ValuesError(wrong)
    return replace(form, texts=texts)


def read_form(document: dict[str, Any] | None) -> SignUpForm:
    """The form of a document that `form_document` made; what it does not hold is the house's."""
    given = document or {}
    return SignUpForm(
        texts={language: Texts(**said) for language, said in given.get("texts", {}).items()},
        name=given.get("name", False),
        topics=given.get("topics", True),
        rhythm=given.get("rhythm", True),
        wordings=dict(given.get("wordings", {})),
    )


def form_document(form: SignUpForm) -> dict[str, Any]:
    """What is stored: only what differs from the house's form."""
    document: dict[str, Any] = {}
    if form.texts:
        document["texts"] = {
            language: {part: getattr(said, part) for part in PARTS if getattr(said, part)}
            for language, said in form.texts.items()
        }
    for part in ("name", "topics", "rhythm"):
        if getattr(form, part) != getattr(SignUpForm(), part):
            document[part] = getattr(form, part)
    if form.wordings:
        document["wordings"] = form.wordings
    return document
