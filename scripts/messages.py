"""Keep the catalogues in step with the source: `python scripts/messages.py [FILE.po ...]`.

Sentences that are new get an empty entry, those that nobody says any more are dropped. Translations are taken from the
FILEs too, which win. Ends with 1 and the list of what is not translated.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "newsletter" / "locale"
Text = str | tuple[str, ...] | list[str] | None
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}


def used() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """File and message of every sentence in the source; a sentence with a number is the pair of its forms."""
    with (LOCALE / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    for name, _line, message, _comments, _context in extract_from_dir(ROOT, methods, options, keywords=KEYWORDS):
        yield name, message


def catalogue_path(locale: str) -> Path:
    return LOCALE / locale / "LC_MESSAGES" / "messages.po"


def read(path: Path, locale: str) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=locale)


def update(locale: str, sources: list[Path]) -> list[str]:
    """Write the catalogue anew and return the sentences that it does not translate."""
    known = [read(path, locale) for path in (*sources, catalogue_path(locale))]
    made = Catalog(locale=locale, fuzzy=False, charset="utf-8")
    for name, message in used():
        key = message[0] if isinstance(message, tuple) else message
        made.add(message, _translation(known, key, plural=isinstance(message, tuple)), locations=[(name, 0)])
    buffer = io.BytesIO()
    write_po(buffer, made, width=120, sort_output=True, include_lineno=False, omit_header=False)
    body = buffer.getvalue().decode().partition("\n\n")[2]
    catalogue_path(locale).write_text(f"{_header(locale)}\n\n{body}".rstrip() + "\n", "utf-8")
    return [str(message.id) for message in made if message.id and not _complete(message.string)]


def _translation(known: list[Catalog], key: str, *, plural: bool) -> Text:
    for catalogue in known:
        entry = catalogue.get(key)
        if entry and not entry.fuzzy and _complete(entry.string) and isinstance(entry.string, str) != plural:
            return entry.string
    return ("", "") if plural else ""


def _complete(text: Text) -> bool:
    return bool(text and all(text))


def _header(locale: str) -> str:
    """The first entry as it is: the dates that tools write there make a change out of nothing."""
    return catalogue_path(locale).read_text("utf-8").partition("\n\n")[0].rstrip()


def main() -> int:
    missing = update("fr", [Path(name) for name in sys.argv[1:]])
    sys.stdout.writelines(f"not translated: {message}\n" for message in missing)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
