"""What mails are painted with: colours in light and dark, and fonts. The house's own, unless a newsletter has others.

Plain values that templates write as they are: whoever makes them has checked them.
"""

from dataclasses import dataclass
from typing import Final

SERIF: Final = "Georgia,'Noto Serif','Times New Roman',serif"
SANS: Final = "-apple-system,'Segoe UI',Roboto,'Noto Sans',Helvetica,Arial,sans-serif"


@dataclass(frozen=True, slots=True)
class Shades:
    """The colours of one theme, each as `#rrggbb`. `sheet` is what text stands on, `well` what is around it; `ink`,
    `ink2` and `ink3` are text of the first to the third rank, `rule` a hairline. `label` stands on `accent`.
    """

    sheet: str
    well: str
    ink: str
    ink2: str
    ink3: str
    rule: str
    link: str
    accent: str
    label: str


LIGHT: Final = Shades(
    sheet="#fdfdfc",
    well="#f3f3f0",
    ink="#17191c",
    ink2="#474b52",
    ink3="#63676e",
    rule="#dcddd8",
    link="#14518c",
    accent="#17191c",
    label="#fdfdfc",
)
DARK: Final = Shades(
    sheet="#1b1e22",
    well="#131518",
    ink="#e8e9e5",
    ink2="#c3c6ca",
    ink3="#a0a5ad",
    rule="#353a41",
    link="#8fbdee",
    accent="#e8e9e5",
    label="#17191c",
)


@dataclass(frozen=True, slots=True)
class Paint:
    """`headline` and `text` are font stacks as CSS has them; `centred`: the name at the top stands in the middle."""

    light: Shades = LIGHT
    dark: Shades = DARK
    headline: str = SERIF
    text: str = SANS
    centred: bool = False

    @property
    def accented(self) -> bool:
        """Whether the accent is a colour of its own rather than the ink's."""
        return self.light.accent != self.light.ink or self.dark.accent != self.dark.ink


HOUSE: Final = Paint()
