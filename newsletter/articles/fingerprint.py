"""Whether two texts tell one story in nearly the same words, in any language.

A fingerprint is 64 bits that are nearly alike for texts that are (SimHash, Charikar 2002): each run of three words
votes on every bit, and the majority decides. It finds candidates among thousands of articles; `Wording` then compares
the texts themselves, since two texts of one template have fingerprints nearly as close as two states of one story.

The figures behind the limits are those of the examples in tests/unit/test_fingerprint.py: states of one story lie up to
15 bits apart and share 0.89 of their runs or more; other stories told by the same formula share 0.76 at most, but for
reports that consist of figures, which `same_figures` tells apart.
"""

import re
import unicodedata
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

RUN: Final = 3  # words that vote together: single ones are shared by all texts of a language
FEWEST_WORDS: Final = 24  # a shorter text has too few runs for a majority to mean something
MOST_WORDS: Final = 800  # what comes later is left out: the beginning tells the story

NEAR: Final = 16  # bits; a text and its first half are about as far apart
SHARED: Final = 0.8  # of the shorter text's runs, under any title
SHARED_TITLED: Final = 0.6  # under the same title
FIGURES: Final = 0.04  # of the words: weather, markets and results have 0.05 to 0.25
FIGURES_SHARED: Final = 0.5  # of the figures in the one that has fewer

_WORD: Final = re.compile(r"\w+")
_BITS: Final = 64
_LANE: Final = 16  # bits of a counter, which counts to MOST_WORDS at most
# The eight bits of an octet, each in a counter of its own: one addition counts all of them.
_SPREAD: Final = tuple(sum(1 << (_LANE * bit) for bit in range(8) if octet >> bit & 1) for octet in range(256))
_SIGN: Final = 1 << (_BITS - 1)
_ALL: Final = (1 << _BITS) - 1


def folded(text: str) -> str:
    """The text without case and accents, for comparing."""
    plain = text.casefold()
    if plain.isascii():
        return plain
    return "".join(letter for letter in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(letter))


def folded_words(text: str) -> list[str]:
    """The words of a text without accents, case and punctuation."""
    return _WORD.findall(folded(text))


@dataclass(frozen=True, slots=True)
class Wording:
    """A text as it is compared: its runs of three words, its figures, and how many words they were taken from."""

    runs: frozenset[str]
    figures: frozenset[str]
    words: int

    @classmethod
    def of(cls, text: str) -> "Wording":
        words = folded_words(text)[:MOST_WORDS]
        runs = map(" ".join, zip(*(words[start:] for start in range(RUN)), strict=False))
        return cls(frozenset(runs), frozenset(word for word in words if word[0].isdigit()), len(words))

    @property
    def fingerprint(self) -> int | None:
        """Signed, as a BIGINT holds it; None for a text that is too short."""
        return fingerprint(self.runs) if self.words >= FEWEST_WORDS else None

    def same_story(self, other: "Wording", *, same_title: bool) -> bool:
        """Whether both tell one story. Of short texts only those under one title do, and nearly word by word."""
        if min(self.words, other.words) < FEWEST_WORDS:
            whole = len(self.runs | other.runs)
            return same_title and (not whole or len(self.runs & other.runs) >= SHARED * whole)
        needed = SHARED_TITLED if same_title else SHARED
        shared = len(self.runs & other.runs) / min(len(self.runs), len(other.runs))
        return shared >= needed and self.same_figures(other)

    def same_figures(self, other: "Wording") -> bool:
        """Whether texts that are made of figures have the same ones. Tomorrow's weather is today's text with others."""
        fewest = min(len(self.figures), len(other.figures))
        if fewest < FIGURES * max(self.words, other.words):
            return True
        return len(self.figures & other.figures) >= FIGURES_SHARED * fewest


def fingerprint(runs: frozenset[str]) -> int:
    """The majority of the runs' hashes, bit by bit."""
    hashes = b"".join(blake2b(run.encode(), digest_size=8).digest() for run in runs)
    half = len(runs) / 2
    bits = 0
    for place in range(8):
        counters = sum(map(_SPREAD.__getitem__, hashes[place::8]))
        for bit in range(8):
            if (counters >> (_LANE * bit) & 0xFFFF) > half:
                bits |= 1 << (8 * place + bit)
    return bits - (bits & _SIGN) * 2


def distance(one: int, other: int) -> int:
    """In how many of their bits two fingerprints differ; those of texts that have nothing in common in about 32."""
    return ((one ^ other) & _ALL).bit_count()
