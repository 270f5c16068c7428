"""A picture from the web made fit for mail: one file of known size, small, upright, without what its camera noted down.

Everything is encoded anew: what reaches readers was written by us, not by whoever runs the server it came from.
"""

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageOps, ImageStat, UnidentifiedImageError

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _

WIDEST: Final = 1072  # pixels: twice the column of a mail, for dense screens
HIGHEST: Final = 2144  # a column of text as a picture is cut down to what a screen shows
NARROWEST: Final = 200  # pixels: smaller ones are counters, icons and faces
LOWEST: Final = 100
MOST_PIXELS: Final = 40_000_000  # unpacked they are 160 MB; a camera of today takes 24 million
MOST_BYTES: Final = 150_000
FORMATS: Final = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF")  # each decodes pixels only, and runs nothing
LOGO_FORMATS: Final = ("PNG", "JPEG", "WEBP")
LEAST_LOGO: Final = (24, 12)  # pixels
HIGHEST_LOGO: Final = 600
DARK_BELOW: Final = 110  # of 255; the mean of what is seen
QUALITIES: Final = (82, 74, 66, 56)
SHRINKING: Final = 0.8
MORE_TRIES: Final = 6
# Decoders meet a hostile file with whatever goes wrong first.
BROKEN: Final = (
    *(OSError, SyntaxError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, MemoryError, EOFError),
    *(struct.error, zlib.error),
)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A file as it is served; `content_type` is JPEG, or PNG where something shines through."""

    data: bytes
    content_type: str
    width: int
    height: int


class UnusableError(RefusedError):
    """This file will never be a picture of ours; the sentence says why."""


def encode_logo(data: bytes) -> Encoded:
    """The same for a logo: PNG, JPEG or WebP, which may be small, and what shines through stays so.

    Raises UnusableError.
    """
    picture = _decoded(data, formats=LOGO_FORMATS, least=LEAST_LOGO)
    picture.thumbnail((WIDEST, HIGHEST_LOGO), Image.Resampling.LANCZOS)
    if picture.mode != "RGBA":
        return _as_jpeg(picture)
    for _try in range(MORE_TRIES):
        if (made := _few_colours(picture)) is not None:
            return made
        picture = _smaller(picture)
    raise UnusableError(_("This picture has too much in it for a logo."))


def is_dark(encoded: Encoded) -> bool:
    """Whether what is seen of a picture that shines through is dark, so that it would be lost on a dark ground."""
    with Image.open(io.BytesIO(encoded.data)) as opened:
        if encoded.content_type != "image/png":
            return False
        picture = opened.convert("RGBA")
    alpha = picture.getchannel("A")
    if not alpha.getbbox():
        return False
    return ImageStat.Stat(picture.convert("L"), mask=alpha).mean[0] < DARK_BELOW


def encode(data: bytes) -> Encoded:
    """The picture in a file, at most 1072 pixels wide and hardly ever above 150 kB. Of an animation the first frame.

    Raises UnusableError.
    """
    picture = _decoded(data)
    picture.thumbnail((WIDEST, HIGHEST), Image.Resampling.LANCZOS)
    return _as_png(picture) if picture.mode == "RGBA" else _as_jpeg(picture)


def _decoded(
    data: bytes, *, formats: tuple[str, ...] = FORMATS, least: tuple[int, int] = (NARROWEST, LOWEST)
) -> Image.Image:
    """The first frame, upright, in RGB or RGBA."""
    if b"<svg" in data[:1000].lower():
        raise UnusableError(_("It is a drawing (SVG), which mail programs do not show."))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd about a file but does no harm
            with Image.open(io.BytesIO(data), formats=formats) as opened:
                _check_size(opened, *least)
                # A large JPEG is decoded at a fraction of its size, which saves most of the time and memory.
                opened.draft("RGB", (WIDEST * 2, HIGHEST * 2))
                return _in_rgb(ImageOps.exif_transpose(opened))
    except UnidentifiedImageError:
        raise UnusableError(_("It is no picture of a kind that can be read.")) from None
    except Image.DecompressionBombError:
        raise UnusableError(_too_large()) from None
    except BROKEN:
        raise UnusableError(_("The file is broken or incomplete.")) from None


def _check_size(picture: Image.Image, narrowest: int, lowest: int) -> None:
    """By what the file says about itself, before anything of it is unpacked."""
    width, height = picture.size
    if width * height > MOST_PIXELS:
        raise UnusableError(_too_large())
    if picture.getexif().get(0x0112) in (5, 6, 7, 8):  # it lies on its side
        width, height = height, width
    if width < narrowest or height < lowest:
        raise UnusableError(
            _("It is too small: %(width)d by %(height)d pixels.", width=picture.width, height=picture.height)
        )


def _too_large() -> str:
    return _("It has more than %(count)d million pixels.", count=MOST_PIXELS // 1_000_000)


def _in_rgb(picture: Image.Image) -> Image.Image:
    """RGB; RGBA when something shines through."""
    picture.load()
    if "A" in picture.getbands() or "transparency" in picture.info:
        whole = picture.convert("RGBA")
        lowest, _highest = whole.getchannel("A").getextrema()
        return whole if lowest != 255 else whole.convert("RGB")
    if picture.mode.startswith("I"):  # 16 bits of grey, of which eight are seen
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    return picture.convert("RGB")


def _as_jpeg(picture: Image.Image) -> Encoded:
    """At the best quality that fits; a picture that none fits becomes smaller."""
    for _try in range(MORE_TRIES):
        for quality in QUALITIES:
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
            if file.tell() <= MOST_BYTES:
                return Encoded(file.getvalue(), "image/jpeg", picture.width, picture.height)
        picture = _smaller(picture)
    return Encoded(file.getvalue(), "image/jpeg", picture.width, picture.height)


def _as_png(picture: Image.Image) -> Encoded:
    """With few colours, which a logo or a drawing has anyway; what is too heavy so is laid on white."""
    if (made := _few_colours(picture)) is not None:
        return made
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    return _as_jpeg(white)


def _few_colours(picture: Image.Image) -> Encoded | None:
    """As PNG of 256 colours; None when it is too heavy."""
    few = picture.quantize(256, method=Image.Quantize.FASTOCTREE)
    file = io.BytesIO()
    few.save(file, "PNG", optimize=True)
    return Encoded(file.getvalue(), "image/png", few.width, few.height) if file.tell() <= MOST_BYTES else None


def _smaller(picture: Image.Image) -> Image.Image:
    size = (max(1, round(picture.width * SHRINKING)), max(1, round(picture.height * SHRINKING)))
    return picture.resize(size, Image.Resampling.LANCZOS)
