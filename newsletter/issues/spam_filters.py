"""What a spam filter says of a message, where one is installed beside the service: SpamAssassin or rspamd."""

import http.client
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any, Final

from newsletter.issues.preflight.findings import Finding, Level, found

SECONDS: Final = 20
RSPAMD: Final = ("127.0.0.1", 11333)
MOST_RULES: Final = 8

_SCORE: Final = re.compile(rb"(-?\d+\.?\d*)\s*/\s*(-?\d+\.?\d*)")
_POINTS: Final = re.compile(r"\((-?\d+\.?\d*) points?, (-?\d+\.?\d*) required\)")
_RULE: Final = re.compile(r"^\s*(-?\d+\.?\d*)\s+([A-Z][A-Z0-9_]+)\s+(.*)$")


@dataclass(frozen=True, slots=True)
class Score:
    """`rules`: (points, name, what it says), the heaviest first."""

    filter: str
    points: float
    limit: float
    rules: tuple[tuple[float, str, str], ...]


def ask(message: bytes, *, rspamd: tuple[str, int] = RSPAMD) -> list[Score]:
    """The scores of the filters that are there. Never raises."""
    return [score for score in (_spamassassin(message), _rspamd(message, rspamd)) if score is not None]


def judge(scores: list[Score]) -> list[Finding]:
    """A warning for a message that a filter would take for spam, a notice otherwise."""
    if not scores:
        return [found("no_spam_filter", Level.NOTICE)]
    return [
        Finding(
            "spam_score",
            Level.WARNING if score.points >= score.limit else Level.NOTICE,
            {"filter": score.filter, "points": score.points, "limit": score.limit},
            tuple(f"{points:g} {name}: {text}"[:120] for points, name, text in score.rules[:MOST_RULES]),
        )
        for score in scores
    ]


def _spamassassin(message: bytes) -> Score | None:
    """By its daemon, else by the program itself, without asking the network."""
    commands = (("spamc", "-R", "-t", str(SECONDS)), ("spamassassin", "-t", "-L"))
    for name, *arguments in commands:
        program = shutil.which(name)
        if program is None:
            continue
        try:
            done = subprocess.run(  # noqa: S603 - a program of the PATH, with fixed arguments
                [program, *arguments], input=message, capture_output=True, timeout=SECONDS + 5, check=False
            )
        except (OSError, subprocess.SubprocessError):
            continue
        score = read_spamassassin(done.stdout)
        if score is not None:
            return score
    return None


def read_spamassassin(report: bytes) -> Score | None:
    """The report of `spamc -R`, or that which `spamassassin -t` appends; None when there is none in it."""
    text = report[-20_000:].decode("utf-8", "replace")
    total = _POINTS.search(text)
    if total is not None:
        points, limit = float(total[1]), float(total[2])
    elif (first := _SCORE.match(report)) is not None:
        points, limit = float(first[1]), float(first[2])
    else:
        return None
    if limit <= 0:
        return None  # `0/0`: the daemon did not answer
    rules = [(float(item[1]), item[2], item[3].strip()) for line in text.splitlines() if (item := _RULE.match(line))]
    return Score("SpamAssassin", points, limit, _heaviest(rules))


def _rspamd(message: bytes, address: tuple[str, int]) -> Score | None:
    connection = http.client.HTTPConnection(*address, timeout=SECONDS)
    try:
        connection.request("POST", "/checkv2", message)
        answer = connection.getresponse()
        return read_rspamd(json.loads(answer.read(1_000_000))) if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def read_rspamd(answer: Any) -> Score | None:
    """The answer of /checkv2; None for what is none."""
    if not isinstance(answer, dict) or not isinstance(answer.get("score"), int | float):
        return None
    symbols = answer.get("symbols")
    rules = [
        (float(item.get("score", 0)), str(name), str(item.get("description", "")))
        for name, item in (symbols.items() if isinstance(symbols, dict) else ())
        if isinstance(item, dict) and item.get("score")
    ]
    return Score("rspamd", float(answer["score"]), float(answer.get("required_score", 15)), _heaviest(rules))


def _heaviest(rules: list[tuple[float, str, str]]) -> tuple[tuple[float, str, str], ...]:
    return tuple(sorted(rules, key=lambda rule: -rule[0]))
