"""What a server said, without what differs from one message to the next, so that alike replies are one."""

import re

MOST = 300
LEFT_OUT = "…"

_CODES = re.compile(r"\d{3}(?:[ -]\d\.\d{1,3}\.\d{1,3})?(?=\s|$)|\d\.\d{1,3}\.\d{1,3}(?=\s|$)")
_LINK = re.compile(r"https?://", re.IGNORECASE)


def gist(reply: str) -> str:
    """At most 300 characters: codes and words stay, addresses, numbers and identifiers are left out."""
    codes = _CODES.match(reply)
    start = codes.group() if codes else ""
    words = [start] if start else []
    for word in reply[len(start) :].split():
        kept = _kept(word)
        if kept != LEFT_OUT or words[-1:] != [LEFT_OUT]:
            words.append(kept)
    text = " ".join(words).replace("\0", "")
    return text if len(text) <= MOST else text[: MOST - 1] + LEFT_OUT


def _kept(word: str) -> str:
    if _LINK.search(word):
        return word.partition("?")[0]
    # A code of three numbers inside the text tells as much as the one before it.
    if _CODES.fullmatch(word):
        return word
    return LEFT_OUT if "@" in word or any(character.isdigit() for character in word) else word
