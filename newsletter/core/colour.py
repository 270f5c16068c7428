"""Colours of style sheets, and how far two of them stand apart (WCAG 2.2: contrast ratio, relative luminance)."""

import colorsys
import re
from collections.abc import Sequence
from typing import Final, NamedTuple


class Colour(NamedTuple):
    """Each from 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0

    def over(self, below: "Colour") -> "Colour":
        """What is seen of it above another, opaque one."""
        mixed = [self.alpha * top + (1 - self.alpha) * under for top, under in zip(self[:3], below[:3], strict=True)]
        return Colour(*mixed)

    def __str__(self) -> str:
        return "#" + "".join(f"{round(part * 255):02x}" for part in self[:3])


WHITE: Final = Colour(1, 1, 1)
BLACK: Final = Colour(0, 0, 0)

_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)%?")
_FUNCTION: Final = re.compile(r"(rgba?|hsla?)\(([^()]*)\)")
# The sixteen of HTML and the few others that are met in mail.
_NAMES: Final = {
    "aqua": "00ffff",
    "black": "000000",
    "blue": "0000ff",
    "darkblue": "00008b",
    "darkgray": "a9a9a9",
    "darkgrey": "a9a9a9",
    "darkred": "8b0000",
    "dimgray": "696969",
    "dimgrey": "696969",
    "fuchsia": "ff00ff",
    "gold": "ffd700",
    "gray": "808080",
    "green": "008000",
    "grey": "808080",
    "lightgray": "d3d3d3",
    "lightgrey": "d3d3d3",
    "lime": "00ff00",
    "maroon": "800000",
    "navy": "000080",
    "olive": "808000",
    "orange": "ffa500",
    "pink": "ffc0cb",
    "purple": "800080",
    "red": "ff0000",
    "silver": "c0c0c0",
    "teal": "008080",
    "white": "ffffff",
    "whitesmoke": "f5f5f5",
    "yellow": "ffff00",
}


def read_colour(text: str) -> Colour | None:
    """The colour of a value such as `#fff`, `rgb(0 0 0 / 50%)`, `navy`; None for what is none, or not known here."""
    text = text.strip().lower()
    if text == "transparent":
        return Colour(0, 0, 0, 0)
    if found := _FUNCTION.fullmatch(text):
        return _read_function(found[1], found[2])
    digits = _NAMES.get(text) or text.removeprefix("#")
    if (digits is text and len(text) != 6) or not re.fullmatch(r"[0-9a-f]{3,8}", digits):
        return None
    if len(digits) in (3, 4):
        digits = "".join(digit * 2 for digit in digits)
    if len(digits) not in (6, 8):
        return None
    return Colour(*(int(digits[at : at + 2], 16) / 255 for at in range(0, len(digits), 2)))


def first_colour(value: str) -> Colour | None:
    """The colour in a value of several words, such as that of `background`."""
    whole = read_colour(value)
    if whole is not None:
        return whole
    if found := _FUNCTION.search(value):
        return read_colour(found[0])
    words = re.sub(r"url\([^)]*\)", " ", value).split()
    return next((colour for word in words if (colour := read_colour(word)) is not None), None)


def contrast(first: Colour, second: Colour) -> float:
    """From 1, the same, to 21, black and white."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with a `share` (0 to 1) of `second` in it."""
    return Colour(*(one + (other - one) * share for one, other in zip(first[:3], second[:3], strict=True)))


def nearest(colour: Colour, against: Sequence[Colour], least: float) -> Colour | None:
    """The colour itself where its contrast with each of the others is `least` at least; else the one of the same hue
    whose lightness is nearest to its own; None where there is none.
    """
    if all(contrast(colour, other) >= least for other in against):
        return colour
    hue, light, saturation = colorsys.rgb_to_hls(*colour[:3])
    for step in range(1, 256):
        for lightness in (light - step / 255, light + step / 255):
            if -1 / 255 < lightness < 256 / 255:
                tried = _rounded(Colour(*colorsys.hls_to_rgb(hue, min(1.0, max(0.0, lightness)), saturation)))
                if all(contrast(tried, other) >= least for other in against):
                    return tried
    return None


def _rounded(colour: Colour) -> Colour:
    """As it can be written in eight bits a part: what is told to pass must pass when it is typed."""
    return Colour(*(round(part * 255) / 255 for part in colour[:3]))


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (colour[0], colour[1], colour[2])
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _read_function(name: str, arguments: str) -> Colour | None:
    numbers = _NUMBER.findall(arguments)
    if len(numbers) not in (3, 4):
        return None
    alpha = _share(numbers[3], 1) if len(numbers) == 4 else 1.0
    if name.startswith("rgb"):
        red, green, blue = (_share(number, 255) for number in numbers[:3])
        return Colour(red, green, blue, alpha)
    hue, saturation, light = float(numbers[0].rstrip("%")) / 360, _share(numbers[1], 100), _share(numbers[2], 100)
    return Colour(*colorsys.hls_to_rgb(hue % 1, light, saturation), alpha)


def _share(number: str, full: float) -> float:
    value = float(number.rstrip("%")) / (100 if number.endswith("%") else full)
    return min(1.0, max(0.0, value))
