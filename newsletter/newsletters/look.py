"""The look of a newsletter as values: logo, colours, fonts, what its mails show, and what stands at their foot.

Pure. Nothing in it is broken: whoever has a `Look` from `checked` has text that can be read on what it stands on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from newsletter.core.colour import Colour, contrast, mixed, nearest, read_colour
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import current_locale
from newsletter.core.i18n import gettext as _
from newsletter.core.paint import DARK, LIGHT, SANS, SERIF, Paint, Shades
from newsletter.newsletters.wording import ValuesError, check_line

ENOUGH: Final = 4.5  # contrast of text (WCAG 2.2, success criterion 1.4.3)
SEEN: Final = 3.0  # of what is no text (1.4.11)
LONGEST_FOOTER: Final = 1000  # characters
MOST_PLACES: Final = 8
LONGEST_NAME: Final = 40
LONGEST_ALT: Final = 120
LONGEST_URL: Final = 500
NARROWEST_LOGO, WIDEST_LOGO = 40, 536  # pixels in the mail; the column has 536


class Font(StrEnum):
    """Stacks of fonts that machines have: a mail loads none."""

    SERIF = "serif"
    SANS = "sans"
    BOOK = "book"
    TIMES = "times"
    HUMANIST = "humanist"
    WIDE = "wide"


STACKS: Final = {
    Font.SERIF: SERIF,
    Font.SANS: SANS,
    Font.BOOK: "'Palatino Linotype',Palatino,'Book Antiqua','URW Palladio L',Georgia,serif",
    Font.TIMES: "'Times New Roman',Times,'Liberation Serif','Noto Serif',serif",
    Font.HUMANIST: "'Trebuchet MS','Lucida Grande','Noto Sans',sans-serif",
    Font.WIDE: "Verdana,Geneva,'DejaVu Sans',sans-serif",
}


class Masthead(StrEnum):
    START = "start"
    CENTRE = "centre"


class Pictures(StrEnum):
    """Which stories show their picture; those of the light edition never do."""

    NONE = "none"
    LEAD = "lead"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Tints:
    """Colours of one theme that a newsletter may choose, as `#rrggbb`."""

    accent: str = LIGHT.accent
    link: str = LIGHT.link
    sheet: str = LIGHT.sheet


HOUSE_DARK: Final = Tints(DARK.accent, DARK.link, DARK.sheet)


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture of ours, by `key` and type; `width` and `height` of its file in pixels, `shown` its width in a mail.
    `plate`: in the dark it stands on a light ground, for it is dark itself.
    """

    key: str
    content_type: str
    width: int
    height: int
    shown: int = 240
    alt: str = ""
    plate: bool = False

    @property
    def shown_height(self) -> int:
        return max(1, round(self.shown * self.height / self.width))


@dataclass(frozen=True, slots=True)
class Place:
    """A site that the foot leads to."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Look:
    """How mails and public pages of a newsletter look. `dark` None: made from `light`. `footer`: Markdown.
    `with_name`: the name stands below the logo; without a logo it always does.
    """

    logo: Logo | None = None
    with_name: bool = True
    light: Tints = Tints()
    dark: Tints | None = None
    headline_font: Font = Font.SERIF
    text_font: Font = Font.SANS
    masthead: Masthead = Masthead.START
    footer: str = ""
    links: tuple[Place, ...] = field(default=())
    pictures: Pictures = Pictures.LEAD
    dateline: bool = True
    minutes: bool = True


HOUSE_LOOK: Final = Look()


def checked(look: Look) -> Look:
    """The look in its one form; ValuesError, by field, for what could not be read or could not be shown."""
    wrong: dict[str, str] = {}
    light = _check_tints(look.light, LIGHT, "light", wrong)
    dark = None if look.dark is None else _check_tints(look.dark, DARK, "dark", wrong)
    footer = look.footer.replace("\r\n", "\n").strip()
    if len(footer) > LONGEST_FOOTER:
        wrong["footer"] = _("This text is too long: %(count)d characters at most.", count=LONGEST_FOOTER)
    links = _check_places(look.links, wrong)
    logo = _check_logo(look.logo, wrong)
    if wrong:
        raise ValuesError(wrong)
    return replace(look, light=light, dark=dark, footer=footer, links=links, logo=logo)


def read_look(document: dict[str, Any] | None) -> Look:
    """The look of a document; None: the house's. Raises RefusedError, which names the field."""
    if document is None:
        return HOUSE_LOOK
    if strange := [name for name in document if name not in _READERS]:
        raise ValuesError({strange[0][:40]: _("A look has nothing called “%(field)s”.", field=strange[0][:40])})
    given: dict[str, Any] = {}
    for name, value in document.items():
        reader = _READERS[name]
        try:
            given[name] = reader(value)
        except (TypeError, ValueError, KeyError, AttributeError):
            raise ValuesError({name: _wrong_form(name, reader)}) from None
    return checked(Look(**given))


def look_document(look: Look) -> dict[str, Any]:
    """What is stored of a look: only what differs from the house's."""
    document: dict[str, Any] = {}
    for item in fields(Look):
        value = getattr(look, item.name)
        if value == getattr(HOUSE_LOOK, item.name):
            continue
        if isinstance(value, Tints | Logo):
            value = {part.name: getattr(value, part.name) for part in fields(value)}
        elif item.name == "links":
            value = [{"name": place.name, "url": place.url} for place in value]
        document[item.name] = str(value) if isinstance(value, StrEnum) else value
    return document


def paint_of(look: Look) -> Paint:
    """What the mails of a look are painted with."""
    dark = look.dark if look.dark is not None else darkened(look.light)
    return Paint(
        light=_shades(look.light, LIGHT, away=_colour(LIGHT.ink), share=0.05),
        dark=_shades(dark, DARK, away=Colour(0, 0, 0), share=0.25),
        headline=STACKS[look.headline_font],
        text=STACKS[look.text_font],
        centred=look.masthead is Masthead.CENTRE,
    )


def darkened(light: Tints) -> Tints:
    """Colours for the dark, made from those for the light: the same hues, as light as they must be to be read."""
    house = Tints()
    sheet = _colour(DARK.sheet)
    link = nearest(_colour(light.link), [sheet], ENOUGH) if light.link != house.link else None
    accent = nearest(_colour(light.accent), [sheet], SEEN) if light.accent != house.accent else None
    if accent is not None:
        accent = nearest(accent, [_colour(_label(str(accent), DARK))], ENOUGH)
    return Tints(str(accent or DARK.accent), str(link or DARK.link), DARK.sheet)


def readable_on(colour: str, *grounds: str) -> str:
    """The nearest colour of the same hue that text may have on all of these grounds; the colour itself if none is."""
    return str(nearest(_colour(colour), [_colour(ground) for ground in grounds], ENOUGH) or colour)


def label_on(accent: str) -> str:
    """The colour of a button's words."""
    return _label(accent, LIGHT)


def _check_tints(tints: Tints, house: Shades, theme: str, wrong: dict[str, str]) -> Tints:
    """In lower case with six digits; what cannot be read is told with the nearest colour that can."""
    found: dict[str, str] = {}
    for name in ("accent", "link", "sheet"):
        text = getattr(tints, name)
        colour = read_colour(text) if isinstance(text, str) else None
        if colour is None or colour.alpha != 1:
            wrong[f"{theme}_{name}"] = _("“%(colour)s” is no colour. It looks like #14518c.", colour=str(text)[:20])
        found[name] = str(colour or _colour(getattr(house, name)))
    made = Tints(**found)
    if not any(name.startswith(f"{theme}_") for name in wrong):
        _check_contrast(made, house, theme, wrong)
    return made


def _check_contrast(tints: Tints, house: Shades, theme: str, wrong: dict[str, str]) -> None:
    sheet, faintest = _colour(tints.sheet), _colour(house.ink3)
    if (ratio := contrast(sheet, faintest)) < ENOUGH:
        words = _("Text on this background cannot be read: its contrast is %(ratio)s, and %(least)s is needed.")
        wrong[f"{theme}_sheet"] = _told(words, ratio, nearest(sheet, [faintest], ENOUGH))
        return
    if (ratio := contrast(link := _colour(tints.link), sheet)) < ENOUGH:
        words = _(
            "Links of this colour cannot be read on the background: the contrast is %(ratio)s, %(least)s is needed."
        )
        wrong[f"{theme}_link"] = _told(words, ratio, nearest(link, [sheet], ENOUGH))
    label = _colour(_label(tints.accent, house))
    if (ratio := contrast(accent := _colour(tints.accent), label)) < ENOUGH:
        words = _(
            "Words on a button of this colour cannot be read: the contrast is %(ratio)s, and %(least)s is needed."
        )
        wrong[f"{theme}_accent"] = _told(words, ratio, nearest(accent, [label], ENOUGH))


def _told(words: str, ratio: float, instead: Colour | None) -> str:
    said = words % {"ratio": _figure(int(ratio * 100) / 100), "least": _figure(ENOUGH)}
    if instead is None:
        return said
    return " ".join([said, _("The nearest colour that passes is %(colour)s.", colour=instead)])


def _figure(value: float) -> str:
    text = f"{value:g}"
    return text.replace(".", ",") if current_locale() == "fr" else text


def _check_places(places: tuple[Place, ...], wrong: dict[str, str]) -> tuple[Place, ...]:
    found = []
    for place in places:
        name, url = " ".join(place.name.split()), place.url.strip()
        if not name and not url:
            continue
        try:
            check_line(name, LONGEST_NAME)
            parts = urlsplit(url)
            usable = parts.scheme == "https" and bool(parts.hostname) and url.isprintable() and len(url) <= LONGEST_URL
        except RefusedError as error:
            wrong["links"] = str(error)
            continue
        except ValueError:
            usable = False
        if not name or not usable or any(sign in url for sign in " \"'<>\\^`{|}"):
            wrong["links"] = _(
                "Each line has a name and an address that begins with https://. This one has not: %(line)s",
                line=f"{name} {url}"[:80],
            )
        found.append(Place(name, url))
    if len(found) > MOST_PLACES:
        wrong["links"] = _("Name %(count)d sites at most.", count=MOST_PLACES)
    return tuple(found)


def _check_logo(logo: Logo | None, wrong: dict[str, str]) -> Logo | None:
    if logo is None:
        return None
    if not NARROWEST_LOGO <= logo.shown <= WIDEST_LOGO:
        wrong["logo_shown"] = _(
            "Give a whole number from %(least)d to %(most)d.", least=NARROWEST_LOGO, most=WIDEST_LOGO
        )
    try:
        return replace(logo, alt=check_line(" ".join(logo.alt.split()), LONGEST_ALT))
    except RefusedError as error:
        wrong["logo_alt"] = str(error)
    return logo


def _wrong_form(name: str, reader: Callable[[Any], Any]) -> str:
    if isinstance(reader, type) and issubclass(reader, StrEnum):
        choices = ", ".join(item.value for item in reader)
        return _("“%(field)s” is one of these: %(choices)s.", field=name, choices=choices)
    return _("“%(field)s” has the wrong form.", field=name)


def _read_truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _read_links(value: Any) -> tuple[Place, ...]:
    return tuple(Place(_read_text(item["name"]), _read_text(item["url"])) for item in value)


def _read_logo(document: dict[str, Any]) -> Logo:
    logo = Logo(**document)
    numbers = (logo.width, logo.height, logo.shown)
    if any(isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 10_000 for number in numbers):
        raise ValueError("logo")
    if logo.content_type not in ("image/png", "image/jpeg") or not isinstance(logo.plate, bool):
        raise ValueError("logo")
    if len(logo.key) != 64 or not set(logo.key) <= set("0123456789abcdef"):
        raise ValueError("logo")
    return logo


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "logo": lambda value: None if value is None else _read_logo(value),
    "with_name": _read_truth,
    "light": lambda value: Tints(**value),
    "dark": lambda value: None if value is None else replace(HOUSE_DARK, **value),
    "headline_font": Font,
    "text_font": Font,
    "masthead": Masthead,
    "footer": _read_text,
    "links": _read_links,
    "pictures": Pictures,
    "dateline": _read_truth,
    "minutes": _read_truth,
}
"""What a document may say of a look; each raises when a value has another form."""


def _shades(tints: Tints, house: Shades, *, away: Colour, share: float) -> Shades:
    """The house's shades in the colours of a newsletter: what lies between its background and the ink goes along."""
    own = tints.sheet != house.sheet
    sheet = _colour(tints.sheet)
    return replace(
        house,
        sheet=tints.sheet,
        well=str(mixed(sheet, away, share)) if own else house.well,
        rule=str(mixed(sheet, _colour(house.ink), 0.14)) if own else house.rule,
        link=tints.link,
        accent=tints.accent,
        label=_label(tints.accent, house),
    )


def _label(accent: str, house: Shades) -> str:
    """Light or dark words, whichever are read better on the accent; the house's own on its own."""
    if accent == house.accent:
        return house.label
    ground = _colour(accent)
    return max((LIGHT.sheet, LIGHT.ink), key=lambda words: contrast(_colour(words), ground))


def _colour(text: str) -> Colour:
    return read_colour(text) or Colour(0, 0, 0)
