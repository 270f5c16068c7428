"""Subject and preheader: what a reader sees in the inbox before anything else."""

import unicodedata
from typing import Final

from newsletter.issues.preflight.findings import Finding, Level, found

CUT_BY_MOST: Final = 60  # characters of a subject that most inboxes show
CUT_BY_ALL: Final = 90
LONGEST_PREHEADER: Final = 140
CAPITALS: Final = 8  # letters from which on capitals are shouting, not an abbreviation
TURNING: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")


def check(subject: str, preheader: str) -> list[Finding]:
    """What is wrong with both."""
    shown, behind = " ".join(subject.split()), " ".join(preheader.split())
    return [*_subject(subject, shown), *_preheader(shown, behind)]


def _subject(subject: str, shown: str) -> list[Finding]:
    if not _visible(shown):
        return [found("subject_empty", Level.FATAL)]
    findings = []
    if len(shown) > CUT_BY_ALL:
        findings.append(found("subject_too_long", Level.WARNING, shown, count=len(shown), most=CUT_BY_ALL))
    elif len(shown) > CUT_BY_MOST:
        findings.append(found("subject_long", Level.NOTICE, shown, count=len(shown), most=CUT_BY_MOST))
    letters = [sign for sign in shown if sign.isalpha() and sign.upper() != sign.lower()]
    if len(letters) >= CAPITALS and all(sign.isupper() for sign in letters):
        findings.append(found("subject_capitals", Level.WARNING, shown))
    if any(unicodedata.category(sign) == "Cc" or sign in TURNING for sign in subject):
        findings.append(found("subject_controls", Level.WARNING, shown))
    return findings


def _preheader(subject: str, preheader: str) -> list[Finding]:
    if not _visible(preheader):
        return [found("preheader_missing", Level.NOTICE)]
    if preheader.casefold() == subject.casefold():
        return [found("preheader_repeats", Level.WARNING, preheader)]
    if len(preheader) > LONGEST_PREHEADER:
        return [found("preheader_long", Level.NOTICE, preheader, count=len(preheader), most=LONGEST_PREHEADER)]
    return []


def _visible(text: str) -> bool:
    return any(unicodedata.category(sign)[0] in "LNPS" for sign in text)
