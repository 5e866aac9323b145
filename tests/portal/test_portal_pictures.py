"""Pictures are made anew: what is good comes out plain, what is not is refused with its reason."""

import io
import re
import zlib

import pytest
from PIL import Image

from agent.portal.errors import PortalCode, PortalError
from agent.portal.pictures import limits
from agent.portal.pictures.jpeg import is_plain_jpeg
from agent.portal.pictures.kinds import kind_of
from agent.portal.pictures.reencode import reencode
from agent.words import Language, say
from tests.portal import picture_files as files

RED, WHITE, BLUE = (254, 0, 0), (255, 255, 255), (0, 0, 254)


def opened(data: bytes) -> Image.Image:
    """Open one result, which has to be plain."""
    assert is_plain_jpeg(data)
    assert files.MARKER not in data
    picture = Image.open(io.BytesIO(data))
    assert picture.format == "JPEG"
    assert picture.mode == "RGB"
    assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    return picture


def one(data: bytes) -> Image.Image:
    (result,) = reencode(data)
    return opened(result)


def near(picture: Image.Image, at: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    found = picture.getpixel(at)
    assert isinstance(found, tuple)
    return all(abs(mine - wanted) < 40 for mine, wanted in zip(found, colour, strict=True))


def shows_card(picture: Image.Image) -> bool:
    places = {(5, 5): BLUE, (30, 40): RED, (80, 30): WHITE, (80, 60): WHITE, (5, 60): RED}
    return picture.size == files.SIZE and all(near(picture, *each) for each in places.items())


def refusal(data: bytes) -> PortalCode:
    with pytest.raises(PortalError) as raised:
        reencode(data)
    return raised.value.code


MARKED = {
    "jpeg": files.marked_jpeg,
    "png": files.marked_png,
    "webp": files.marked_webp,
    "heic": files.heic,
}


@pytest.mark.parametrize("kind", MARKED)
def test_a_picture_comes_out_as_it_looks_and_without_what_was_hidden_in_it(kind: str) -> None:
    data = MARKED[kind]()
    assert kind_of(data) == kind
    assert files.MARKER in data
    assert shows_card(one(data))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_exif_turns_comes_out_upright(orientation: int) -> None:
    turned = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    picture = files.card()
    if orientation > 1:
        picture = picture.transpose(turned[orientation])
    for kind, options in (("JPEG", {"quality": 95}), ("PNG", {}), ("WEBP", {"lossless": True})):
        data = files.saved(picture, kind, exif=files.exif(orientation), **options)
        assert shows_card(one(data)), kind


def test_exif_that_is_broken_does_not_break_the_picture() -> None:
    for body in (b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff"):
        assert shows_card(one(files.with_segment(files.jpeg(), 0xE1, body)))
    nine = files.saved(files.card(), "JPEG", quality=95, exif=files.exif(9))
    assert shows_card(one(nine))


MODES = {
    "cmyk jpeg": lambda: files.saved(files.card().convert("CMYK"), "JPEG", quality=95),
    "grey jpeg": lambda: files.saved(files.card().convert("L"), "JPEG"),
    "progressive jpeg": lambda: files.jpeg(progressive=True),
    "palette": lambda: files.saved(files.card().convert("P"), "PNG"),
    "alpha": lambda: files.saved(files.card().convert("RGBA"), "PNG"),
    "webp, not lossless": lambda: files.saved(files.card(), "WEBP", quality=95),
    "webp, lossless": lambda: files.saved(files.card(), "WEBP", lossless=True),
}


@pytest.mark.parametrize("mode", MODES)
def test_colours_of_every_kind_become_rgb(mode: str) -> None:
    data = MODES[mode]()
    if mode == "grey jpeg":
        assert near(one(data), (80, 30), WHITE)
        assert near(one(data), (30, 40), (76, 76, 76))
    else:
        assert shows_card(one(data))


def test_sixteen_bits_become_eight_and_one_bit_too() -> None:
    grey = Image.new("I;16", (40, 40), 0x8000)
    assert near(one(files.saved(grey, "PNG")), (20, 20), (128, 128, 128))
    assert near(one(files.saved(Image.new("1", (40, 40), 1), "PNG")), (20, 20), WHITE)


def test_what_is_transparent_is_paper() -> None:
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    palette = Image.new("P", (40, 40), 0)
    for data in (
        files.saved(clear, "PNG"),
        files.saved(clear, "WEBP", lossless=True),
        files.saved(clear.convert("LA"), "PNG"),
        files.saved(palette, "PNG", transparency=0),
        files.saved(Image.new("RGB", (40, 40), "black"), "PNG", transparency=(0, 0, 0)),
    ):
        assert near(one(data), (20, 20), WHITE)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((4000, 3000), (2000, 1500)),
        ((2500, 10), (2000, 8)),
        ((1, 9000), (1, 2000)),
        ((1, 1), (1, 1)),
        ((2001, 2001), (2000, 2000)),
    ],
)
def test_large_ones_become_smaller_and_small_ones_stay(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        assert one(files.saved(Image.new("RGB", size), kind)).size == expected, kind


# PDF


def test_each_page_of_a_pdf_becomes_a_picture() -> None:
    for count in (1, 2):
        pages = [opened(each) for each in reencode(files.pdf(count))]
        assert [page.size for page in pages] == [(2000, 1334)] * count
        assert all(near(page, (100, 100), RED) for page in pages)
        assert all(near(page, (1500, 1000), WHITE) for page in pages)
    assert refusal(files.pdf(3)) is PortalCode.PICTURE_TOO_MANY_PAGES
    assert refusal(files.pdf(200)) is PortalCode.PICTURE_TOO_MANY_PAGES
    assert refusal(files.pdf(0)) is PortalCode.PICTURE_DAMAGED


def test_a_scan_in_a_pdf_is_drawn() -> None:
    scan = files.saved(files.card((960, 640)), "PDF", title=files.MARKER.decode())
    assert near(one(scan), (100, 100), BLUE)
    assert near(one(scan), (1900, 1200), WHITE)


def test_a_script_in_a_pdf_does_nothing() -> None:
    data = files.script_pdf()
    assert data.count(files.MARKER) == 4
    assert reencode(data) == reencode(files.pdf())


def test_a_pdf_that_asks_for_a_password_is_refused_and_one_that_does_not_is_taken() -> None:
    assert refusal(files.encrypted_pdf("secret")) is PortalCode.PICTURE_ENCRYPTED
    assert refusal(files.pdf(0)) is PortalCode.PICTURE_DAMAGED, "after one that was encrypted"
    assert reencode(files.encrypted_pdf("")) == reencode(files.pdf())


def test_pages_of_odd_sizes_are_drawn_within_bounds() -> None:
    for box in (b"[0 0 14400 14400]", b"[0 0 1 14400]", b"[0 0 3 3]", b"[-5 -5 0 0]", b"[0 0 0 0]"):
        picture = one(files.pdf().replace(b"[0 0 300 200]", box))
        assert max(picture.size) <= 2000


# Refusals


def test_a_file_that_is_empty_or_too_large_is_refused() -> None:
    assert refusal(b"") is PortalCode.PICTURE_EMPTY
    full = files.jpeg().ljust(limits.MAX_BYTES, b"\0")
    assert shows_card(one(full))
    assert refusal(full + b"\0") is PortalCode.PICTURE_TOO_LARGE


OTHER_KINDS = {
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    "gif": files.saved(files.card(), "GIF"),
    "tiff": files.saved(files.card(), "TIFF"),
    "bmp": files.saved(files.card(), "BMP"),
    "avif": files.saved(files.card(), "AVIF"),
    "ico": files.saved(files.card(), "ICO"),
    "zip": b"PK\x03\x04" + bytes(60),
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "video": b"\0\0\0\x18ftypmp42\0\0\0\0isommp42",
    "pdf behind something": b"GIF89a" + files.pdf(),
    "one octet": b"\xff",
    "a name is nothing": b"front.jpg",
}


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_other_kinds_are_refused(kind: str) -> None:
    assert refusal(OTHER_KINDS[kind]) is PortalCode.PICTURE_KIND_UNKNOWN


def test_moving_pictures_are_refused() -> None:
    frames = [files.card(), files.card().transpose(Image.Transpose.ROTATE_180)]
    for kind in ("PNG", "WEBP"):
        data = files.saved(frames[0], kind, save_all=True, append_images=frames[1:])
        assert refusal(data) is PortalCode.PICTURE_ANIMATED, kind
    sequence = files.heic().replace(b"ftypheic", b"ftyphevc")
    assert refusal(sequence) is PortalCode.PICTURE_ANIMATED


def test_several_pictures_of_one_shot_give_the_main_one() -> None:
    shot = files.saved(
        files.card(), "MPO", save_all=True, append_images=[Image.new("RGB", (9, 9))], quality=95
    )
    assert shows_card(one(shot))


@pytest.mark.parametrize("kind", MARKED)
def test_a_header_of_too_many_pixels_is_refused_before_anything_is_decoded(kind: str) -> None:
    for width, height in ((10_000, 10_000), (16_383, 16_383), (50_000, 1001)):
        if kind != "webp" or width < 2**14:
            data = files.with_size(kind, MARKED[kind](), width, height)
            assert refusal(data) is PortalCode.PICTURE_TOO_MANY_PIXELS
    # Just as many as may be, of which nothing is there.
    almost = files.with_size(kind, MARKED[kind](), 10_000, 5000)
    if kind == "jpeg":  # what a JPEG lacks is grey
        assert one(almost).size == (2000, 1000)
    else:
        assert refusal(almost) is PortalCode.PICTURE_DAMAGED


def test_every_header_of_webp_is_read() -> None:
    lossy = bytearray(files.saved(files.card(), "WEBP"))
    lossy[26:30] = b"\xff\x3f\xff\x3f"
    lossless = bytearray(files.saved(files.card(), "WEBP", lossless=True))
    lossless[21:25] = b"\xff\xff\xff\x0f"
    for data in (lossy, lossless):
        assert refusal(bytes(data)) is PortalCode.PICTURE_TOO_MANY_PIXELS


def test_a_hundred_megapixels_in_a_few_octets_are_refused() -> None:
    data = files.saved(Image.new("1", (10_000, 10_000)), "PNG")
    assert len(data) < 20_000
    assert refusal(data) is PortalCode.PICTURE_TOO_MANY_PIXELS


def test_text_that_unpacks_to_much_is_not_unpacked() -> None:
    packed = b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9)
    with pytest.raises(PortalError) as raised:
        reencode(files.with_chunk(files.saved(files.card(), "PNG"), b"zTXt", packed))
    assert raised.value.code is PortalCode.PICTURE_DAMAGED


@pytest.mark.parametrize("kind", [*MARKED, "pdf"])
def test_a_file_that_is_cut_off_is_refused(kind: str) -> None:
    data = files.script_pdf() if kind == "pdf" else MARKED[kind]()
    if kind == "jpeg":
        data = files.jpeg()
    refused = {refusal(data[:length]) for length in (16, 40, len(data) // 4)}
    assert refused == {PortalCode.PICTURE_DAMAGED}


def test_words_say_the_limits_that_there_are() -> None:
    numbers = {
        "portal.refusals.picture_too_large": limits.MAX_BYTES // 2**20,
        "portal.refusals.picture_too_many_pages": limits.MAX_PDF_PAGES,
        "portal.refusals.picture_too_many_pixels": limits.MAX_PIXELS // 1_000_000,
    }
    for language in Language:
        for key, number in numbers.items():
            text = say(language, key, {})
            found = [int(each) for each in re.findall(r"\d+", text)]
            assert found in ([number], [number * 100]), text  # Chinese counts by ten thousands
        accepted = say(language, "picture.accepted", {})
        assert re.findall(r"\d+", accepted) == ["2", "10"]


# What is taken from the child process


def test_only_a_plain_jpeg_is_plain() -> None:
    (plain,) = reencode(files.jpeg())
    assert is_plain_jpeg(plain)
    assert not is_plain_jpeg(b"")
    assert not is_plain_jpeg(plain + b"x")
    assert not is_plain_jpeg(plain + b"\xff\xd9")
    assert not is_plain_jpeg(plain[:-2])
    assert not is_plain_jpeg(plain + plain)
    assert not is_plain_jpeg(plain[:-2] + b"\xff\xfe\0\x04ab\xff\xd9")
    assert not is_plain_jpeg(files.saved(files.card(), "PNG"))
    assert not is_plain_jpeg(files.jpeg(progressive=True))
    for code in (0xE1, 0xE2, 0xED, 0xEE, 0xFE):
        assert not is_plain_jpeg(files.with_segment(plain, code, b"x"))
    assert not is_plain_jpeg(files.with_segment(plain, 0xE0, b"JFXX\0\x10" + bytes(20)))
