"""Whether text can be read: contrast in light and in dark (WCAG 2.2, success criterion 1.4.3), and its size."""

from collections.abc import Sequence
from typing import Final

from newsletter.core.colour import contrast
from newsletter.issues.preflight.findings import Finding, Level, all_of
from newsletter.issues.preflight.seen import Look, Said

ENOUGH: Final = 4.5
ENOUGH_IF_LARGE: Final = 3.0
LARGE: Final = 24.0  # pixels
LARGE_IF_BOLD: Final = 18.66
SMALLEST: Final = 14.0
MOST_PAIRS: Final = 5
JUST: Final = 0.005  # what rounding of colours may cost


def check(by_day: Sequence[Said], by_night: Sequence[Said]) -> list[Finding]:
    """What is hard to read of the text that is seen in light and in dark."""
    findings = _contrasts(by_day, "contrast_low") + _contrasts(by_night, "contrast_low_in_dark")
    small = [(said.text, said.look.size) for said in by_day if said.look.size < SMALLEST - JUST]
    size = min((size for _text, size in small), default=SMALLEST)
    return findings + all_of(
        "text_small", Level.WARNING, [text for text, _size in small], size=round(size, 1), least=int(SMALLEST)
    )


def enough(look: Look) -> float:
    """The contrast that text of this size needs."""
    large = look.size >= LARGE or (look.bold and look.size >= LARGE_IF_BOLD)
    return ENOUGH_IF_LARGE if large else ENOUGH


def _contrasts(texts: Sequence[Said], key: str) -> list[Finding]:
    """One finding for each pair of colours, the worst first."""
    pairs: dict[tuple[str, str, float], tuple[float, list[str]]] = {}
    for said in texts:
        if said.look.background is None:
            continue
        ratio, least = contrast(said.look.colour, said.look.background), enough(said.look)
        if ratio < least - JUST:
            pair = (str(said.look.colour), str(said.look.background), least)
            pairs.setdefault(pair, (ratio, []))[1].append(said.text)
    worst = sorted(pairs.items(), key=lambda item: item[1][0])[:MOST_PAIRS]
    return [
        finding
        for (colour, background, least), (ratio, places) in worst
        for finding in all_of(
            key,
            Level.WARNING,
            places,
            colour=colour,
            background=background,
            ratio=int(ratio * 10) / 10,
            least=least,
        )
    ]
