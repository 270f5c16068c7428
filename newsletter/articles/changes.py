"""Whether a source that changed its text changed what it says, or only how it spells it."""

from collections import Counter
from difflib import SequenceMatcher
from typing import Final

from newsletter.articles.fingerprint import folded_words

STRAY_WORDS: Final = 2  # words that may come or go in a text before it says something else
MOST_TYPOS: Final = 12  # as many corrected words are a new wording
ALIKE: Final = 0.7  # "recieve" and "receive" have 0.86, "ouvre" and "rouvre" 0.91, "mort" and "blessé" 0.2


def says_something_else(before: str, after: str, *, stray: int = STRAY_WORDS) -> bool:
    """Whether the words changed by more than white space, punctuation, order, accents or corrected typing errors.

    A changed figure always counts: "12 dead" is not "15 dead". So does each word that came or went, from `stray` on.
    """
    if before == after:
        return False
    old, new = Counter(folded_words(before)), Counter(folded_words(after))
    gone, come = list((old - new).elements()), list((new - old).elements())
    if any(not word.isalpha() for word in (*gone, *come)):
        return True
    if len(gone) > MOST_TYPOS or len(come) > MOST_TYPOS:
        return True
    return _without_twin(gone, come) > stray


def _without_twin(gone: list[str], come: list[str]) -> int:
    """How many of the words have no counterpart that is spelled nearly alike."""
    left = list(come)
    lonely = 0
    for word in gone:
        twin = next((other for other in left if SequenceMatcher(None, word, other).ratio() >= ALIKE), None)
        if twin is None:
            lonely += 1
        else:
            left.remove(twin)
    return lonely + len(left)
