"""French or English, told by the small words that every sentence has."""

import re
from typing import Final

FRENCH: Final = frozenset(
    re.findall(
        r"\S+",
        """
        le la les un une des du de au aux et ou où mais donc que qui dont ce cet cette ces il elle ils elles on nous
        vous je est sont était ont été avec pour par dans sur sous chez entre vers sans selon après avant depuis pas ne
        plus très se sa son ses leur leurs notre votre y en à d l n s c j qu
        """,
    )
)
ENGLISH: Final = frozenset(
    re.findall(
        r"\S+",
        """
        the a an and or but of to in on at by for with from into over after before between against that which who whom
        whose this these those it its he she they we you i is are was were be been has have had not no do does did will
        would can could should his her their our your as if than then there s t
        """,
    )
)
_BOTH: Final = FRENCH & ENGLISH
_WORD: Final = re.compile(r"[^\W\d_]+")
SAMPLE: Final = 20_000  # characters; more tells nothing new


def guess_language(text: str, default: str = "fr") -> str:
    """`fr` or `en`, whichever has more of its small words in the text; `default` when they are even."""
    words = [word for word in _WORD.findall(text[:SAMPLE].lower()) if word not in _BOTH]
    french = sum(word in FRENCH for word in words)
    english = sum(word in ENGLISH for word in words)
    if french == english:
        return default
    return "fr" if french > english else "en"


def primary_language(tag: str | None) -> str | None:
    """`fr` of `fr-FR` or `fr_TG` (RFC 5646 primary subtag); None for what is no language tag."""
    found = re.match(r"([A-Za-z]{2,3})(?=[-_]|$)", (tag or "").strip())
    return found[1].lower() if found else None
