"""Whatever a server calls a picture becomes a small upright JPEG or PNG, or is refused with a reason."""

import io
import random
import struct
import zlib

import pytest
from PIL import Image

from newsletter.core.imaging import MOST_BYTES, WIDEST, UnusableError, encode

RED, BLUE = (200, 30, 30), (20, 40, 220)


def file_of(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    rng = random.Random(1)
    return Image.frombytes(mode, (width, height), rng.randbytes(width * height * len(mode)))


def halves(width: int, height: int) -> Image.Image:
    """Red on the left, blue on the right."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(BLUE, (width // 2, 0, width, height))
    return picture


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_every_usual_kind_becomes_a_jpeg(kind: str) -> None:
    found = encode(file_of(halves(640, 360), kind))
    assert (found.content_type, found.width, found.height) == ("image/jpeg", 640, 360)
    assert (opened(found.data).format, opened(found.data).size) == ("JPEG", (640, 360))


def test_a_large_picture_is_made_as_wide_as_a_dense_screen_shows_it() -> None:
    found = encode(file_of(halves(4000, 3000), "JPEG"))
    assert (found.width, found.height) == (WIDEST, 804)


def test_a_small_picture_is_not_blown_up() -> None:
    assert encode(file_of(halves(300, 200), "PNG")).width == 300


def test_a_high_column_is_cut_down() -> None:
    found = encode(file_of(halves(1000, 9000), "PNG"))
    assert found.height == 2144


def test_a_picture_full_of_detail_stays_below_the_weight_that_mail_bears() -> None:
    found = encode(file_of(noise(1600, 1200), "PNG"))
    assert len(found.data) <= MOST_BYTES
    assert found.width >= 300


@pytest.mark.parametrize("mode", ["CMYK", "L", "1", "P", "I;16", "YCbCr", "LA"])
def test_every_way_to_write_colours_is_understood(mode: str) -> None:
    if mode == "I;16":
        picture = Image.frombytes("I;16", (300, 200), struct.pack("<H", 40_000) * 60_000)
    else:
        picture = halves(300, 200).convert(mode)
    kind = "PNG" if mode in ("L", "1", "P", "I;16", "LA") else "JPEG"
    found = encode(file_of(picture, kind))
    assert opened(found.data).mode == "RGB"
    if mode == "I;16":
        grey = opened(found.data).getpixel((150, 100))
        assert isinstance(grey, tuple)
        assert abs(grey[0] - 156) < 4


def test_a_photograph_is_turned_upright_and_forgets_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    exif[0x010F] = "Camera of Afi"
    exif.get_ifd(0x8825)[1] = "N"
    found = encode(file_of(halves(600, 400), "JPEG", exif=exif))
    upright = opened(found.data)
    assert upright.size == (found.width, found.height) == (400, 600)
    top, bottom = upright.getpixel((200, 100)), upright.getpixel((200, 500))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[0] > 150
    assert bottom[2] > 150
    assert not upright.getexif()
    assert b"Afi" not in found.data


def test_what_shines_through_stays_a_png() -> None:
    logo = Image.new("RGBA", (400, 200), (0, 0, 0, 0))
    logo.paste((*RED, 255), (100, 50, 300, 150))
    found = encode(file_of(logo, "PNG"))
    assert found.content_type == "image/png"
    corner = opened(found.data).convert("RGBA").getpixel((1, 1))
    assert isinstance(corner, tuple)
    assert corner[3] == 0


def test_an_alpha_channel_that_hides_nothing_is_dropped() -> None:
    assert encode(file_of(halves(400, 300).convert("RGBA"), "PNG")).content_type == "image/jpeg"


def test_a_heavy_picture_that_shines_through_is_laid_on_white() -> None:
    found = encode(file_of(noise(1000, 800, "RGBA"), "PNG"))
    assert found.content_type == "image/jpeg"
    assert len(found.data) <= MOST_BYTES


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (300, 200), colour) for colour in (RED, BLUE)]
    data = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    found = opened(encode(data).data).getpixel((10, 10))
    assert isinstance(found, tuple)
    assert found[0] > 150


def bomb(side: int) -> bytes:
    """A PNG of a few bytes that says it has side times side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


JPEG = file_of(noise(400, 300), "JPEG")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (file_of(Image.new("RGB", (1, 1)), "GIF"), "too small"),
        (file_of(halves(199, 400), "PNG"), "too small"),
        (file_of(halves(600, 60), "PNG"), "too small"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b'<?xml version="1.0"?><!-- drawn -->\n<SVG/>', "SVG"),
        (b"", "no picture"),
        (b"<html><body>404</body></html>", "no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 400 400\n", "no picture"),
        (JPEG[: len(JPEG) // 2], "broken"),
        (file_of(noise(400, 300), "PNG")[:5000], "broken"),
        (bomb(7000), "million pixels"),
        (bomb(60_000), "million pixels"),
        (bomb(1000), "broken"),
    ],
    ids=[
        *("counting pixel", "narrow", "flat", "svg", "svg in xml", "empty", "a page", "postscript", "half a jpeg"),
        *("half a png", "large", "bomb", "less than it says"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnusableError, match=reason):
        encode(data)


def test_damaged_files_never_end_in_another_error() -> None:
    rng = random.Random(3)
    whole = [file_of(noise(220, 120), kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP")]
    reasons = []
    for _ in range(150):
        data = bytearray(rng.choice(whole))
        for _ in range(rng.randrange(1, 12)):
            data[rng.randrange(min(len(data), 400))] = rng.randrange(256)
        try:
            encode(bytes(data[: rng.randrange(50, len(data))]))
        except UnusableError as error:
            reasons.append(str(error))
    assert len(reasons) > 75
