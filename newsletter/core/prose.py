"""Plain text as it arrives from pages, pastes and files, brought into clean paragraphs without changing a word."""

import re
import unicodedata
from math import ceil
from typing import Final

WORDS_PER_MINUTE: Final = 220

_LINE_ENDS: Final = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# Seen by nobody: control characters, soft hyphens, zero-width marks, direction overrides, surrogates (which no database
# takes), the private use area (icons of a web font), the object placeholder of a pasted picture.
_UNSEEN: Final = re.compile(
    "[\0-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ud800-\udfff\ue000-\uf8ff\ufeff\ufff9-\ufffc\ufffe\uffff]"
)
# The joiners shape Arabic and Indic words and some emoji; anywhere else they are dirt.
_JOINERS: Final = re.compile(
    "(?<![\u0590-\u1fff\u2600-\U0010fffd])[\u200c\u200d]+|[\u200c\u200d]+(?![\u0590-\u1fff\u2600-\U0010fffd])"
)
_SPACE: Final = "[ \t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]"
_SPACES: Final = re.compile(f"{_SPACE}+")
# Where French typography keeps words together: before high punctuation, inside guillemets,
# between groups of digits and in hours.
_AFTER_FIXED: Final = ";:!?»%€‰"
_FIXED: Final = "\xa0\u202f"

_BLANK_LINES: Final = re.compile(r"\n\s*\n")
_ITEM: Final = re.compile(r"(?:[-–—•*·▪‣●]|\d{1,2}[.)])\s+\S")
_ENDED: Final = re.compile(r"[.!?…][»”\"’)\]\s]*$")
UNWRAPPED: Final = 100  # characters; nobody wraps lines at more, so a line this long is a whole paragraph
LONGEST: Final = 200  # characters; what is longer without a space is no word
CONTINUED: Final = 30  # characters; a line this long without an end goes on in the next when that begins in lower case

_UPPER: Final = "A-ZÀ-ÖØ-ÞŒŸ"
_LOWER: Final = "a-zà-öø-ÿœ"
# A sentence begins: a word with a capital, a capital that is a word, an elided one ("L’"), an opening mark, an acronym.
_BEGINS: Final = f"(?:[{_UPPER}][{_LOWER}]|[AÀYÔOI](?=\\s|$)|[CDJLMNSTY]['’]|[«“]|[{_UPPER}]{{2,}}(?![.\\w]))"
# A sentence has ended: a word of lower-case letters, a number, an acronym, a closing mark. A single capital is an
# initial ("J.Dupont", "U.S."), and a letter behind a full stop is part of an abbreviation ("p.m.").
_ENDS: Final = f"(?:(?<![.{_LOWER}])[{_LOWER}]|[{_LOWER}]{{2}}|(?<![\\w.])\\d+|\\d{{2}}|[{_UPPER}]{{2}}|[»”)\\]])"
_JOINED: Final = re.compile(f"({_ENDS}(?:[\xa0\u202f]?[!?]|[.!?…])+(?:[\xa0\u202f]?»|[”)\\]])?)(?={_BEGINS})")
_COMMA: Final = re.compile(r"(?<=[^\W\d_]{2}),(?=[^\W\d_])")
_APART: Final = re.compile(f"([.!?…] ?»|[{_LOWER}] [!?])(?=[{_UPPER}])")
_TITLED: Final = re.compile(f"(?<![\\w.'’-])(M|MM|Mgr|Mme|Mlle|Me|Dr|Pr|Mr|Mrs|Ms|St)\\.(?=[{_UPPER}][{_LOWER}])")
# Addresses, file names and the like have full stops that end nothing.
_ENDINGS: Final = (
    "com|org|net|edu|gov|int|info|biz|fr|tg|bj|gh|ci|sn|ml|bf|ne|be|ch|ca|uk|de|eu|us|io|tv|me|africa|asp|co|"
    "html?|php|js|css|pdf|docx?|xlsx?|csv|txt|jpe?g|png|zip|mp3|mp4"
)
_ADDRESS: Final = re.compile(
    rf"://|@|^\W*www\.|[/\\=]\S*\.|^\W*[\w-]+(?:\.[\w-]+)*\.(?:{_ENDINGS})(?:[/:?#]\S*|[\W_]*)$", re.IGNORECASE
)

_ABBREVIATED: Final = re.compile(
    r"(?:^|[\s(«“'’-])(?:[A-ZÀ-Þ]|M|MM|Mgr|Mme|Mlle|Me|Dr|Pr|Mr|Mrs|Ms|St|Ste|av|bd|cf|env|ex|fig|hab|n|no|p|pp|art|vol|vs|"
    r"Jr|Sr|Gen|Gov|Sen|Rep|Lt|Col|Sgt|Capt|Prof|Inc|Ltd|Co|Corp|(?:\w\.)+\w)\.$"
)
_SENTENCE_END: Final = re.compile(r"(?:\.{3}|[.!?…])(?:[ \xa0\u202f]?»|[”\"’)\]])*(?=\s|$)")
_BRACKETED_LINK: Final = re.compile(r" \((?:https?://|mailto:)[^\s()]*(?:\([^\s()]*\)[^\s()]*)*\)")


def clean_characters(text: str) -> str:
    """NFC, one kind of line end, and nothing that nobody sees. Wrongly decoded letters stay: guessing would invent."""
    text = _LINE_ENDS.sub("\n", text)
    return unicodedata.normalize("NFC", _JOINERS.sub("", _UNSEEN.sub("", text)))


def clean_line(text: str) -> str:
    """One line with single spaces, and blanks after full stops and commas where they are missing.

    No-break spaces stay where French typography asks for them and become plain spaces elsewhere.
    """
    text = _SPACES.sub(lambda match: _one_space(text, match), text).strip()
    text = re.sub(r"(?<![.,]) +([,.])(?=\s|$)(?! [.,])", r"\1", text)
    text = _APART.sub(r"\1 ", text)
    return " ".join(map(_part_sentences, text.split(" ")))


def clean_paragraphs(text: str) -> list[str]:
    """Paragraphs of a text: each one line, none empty. Lines that a narrow window broke are joined."""
    paragraphs: list[list[str]] = []
    for block in _BLANK_LINES.split(clean_characters(text)):
        for lines in _unwrap(block):
            # Double-spaced sources have a blank line inside sentences.
            if paragraphs and _goes_on(paragraphs[-1][-1], lines[0]):
                paragraphs[-1].extend(lines)
            else:
                paragraphs.append(lines)
    return [paragraph for lines in paragraphs if (paragraph := clean_line(" ".join(lines)))]


def sentences(text: str) -> list[str]:
    """A paragraph cut after each sentence; abbreviations and initials end none."""
    found, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        end = match.end()
        following = text[end:].lstrip()
        if following and not re.match(rf"[{_UPPER}\d«“\"(—–-]", following):
            continue
        if match[0] == "." and following and _ABBREVIATED.search(text[max(start, end - 20) : end]):
            continue
        found.append(text[start:end].strip())
        start = end
    rest = text[start:].strip()
    return [*found, rest] if rest else found


def count_words(text: str) -> int:
    """Words as a person counts them: punctuation that stands alone is none."""
    return sum(any(character.isalnum() for character in word) for word in text.split())


def excerpt(text: str, words: int) -> str:
    """The beginning of a text on one line, at most `words` words, ended at a sentence where that keeps a third of them.

    Otherwise it is cut after a word and an ellipsis says so. Addresses in brackets behind links are left out.
    """
    flat = re.sub(r"[ \t\n]+", " ", _BRACKETED_LINK.sub("", text)).strip()
    if count_words(flat) <= words:
        return flat
    kept, count = [], 0
    for sentence in sentences(flat):
        count += count_words(sentence)
        if count > words:
            break
        kept.append(sentence)
    whole = " ".join(kept)
    if count_words(whole) * 3 >= words and whole.count("«") == whole.count("»"):
        return whole
    return _first_words(flat, words)


def reading_minutes(text: str) -> int:
    """Minutes that reading takes, at least 1."""
    return max(1, ceil(count_words(text) / WORDS_PER_MINUTE))


def _first_words(text: str, words: int) -> str:
    kept: list[str] = []
    for word in text.split(" "):
        words -= count_words(word)
        if words < 0:
            break
        kept.append(word)
    return re.sub(r"[\s,;:.!?…«“(–—-]+$", "", " ".join(kept)) + "…"


def _one_space(text: str, match: re.Match[str]) -> str:
    fixed = next((character for character in match[0] if character in _FIXED), None)
    before = text[match.start() - 1] if match.start() else ""
    after = text[match.end()] if match.end() < len(text) else ""
    hour = (before.isdigit() and after == "h") or (before == "h" and after.isdigit())
    keeps = after and (after in _AFTER_FIXED or before == "«" or hour or (before.isdigit() and after.isdigit()))
    return fixed if fixed and before and keeps else " "


def _part_sentences(word: str) -> str:
    if len(word) > LONGEST or _ADDRESS.search(word):
        return word
    return _COMMA.sub(", ", _JOINED.sub(r"\1 ", _TITLED.sub(r"\1. ", word)))


def _unwrap(block: str) -> list[list[str]]:
    """The lines of a block, grouped by the paragraph they belong to."""
    lines = [line for line in map(str.strip, block.split("\n")) if line]
    unwrapped = any(len(line) > UNWRAPPED for line in lines)
    paragraphs: list[list[str]] = []
    for line in lines:
        if not paragraphs or _ITEM.match(line) or (unwrapped and _ENDED.search(paragraphs[-1][-1])):
            paragraphs.append([line])
        else:
            paragraphs[-1].append(line)
    return paragraphs


def _goes_on(line: str, following: str) -> bool:
    return (
        len(line) >= CONTINUED
        and re.search(r"[\w,’'-]$", line) is not None
        and following[0].islower()
        and not _ITEM.match(following)
    )
