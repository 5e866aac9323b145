"""Decode JPEG, PNG and WebP; what is too large is refused by its header, before it is decoded."""

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from agent.portal.errors import PortalCode, PortalError
from agent.portal.pictures.kinds import PictureKind
from agent.portal.pictures.limits import LONGEST_SIDE, MAX_PIXELS

_ORIENTATION: Final = 0x0112
"""The tag of EXIF (CIPA DC-008 §4.6.5)."""

_TURNS: Final[Mapping[int, Image.Transpose]] = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)
"""What undoes each orientation."""

_FILES: Final[Mapping[PictureKind, Callable[[io.BytesIO], ImageFile]]] = MappingProxyType(
    {
        PictureKind.JPEG: JpegImageFile,
        PictureKind.PNG: PngImageFile,
        PictureKind.WEBP: WebPImageFile,
    }
)


def decode(kind: PictureKind, data: bytes) -> Image.Image:
    """Return a picture, upright, as RGB, its longest side at most ``LONGEST_SIDE``.

    Raises:
        PortalError: ``picture_too_many_pixels``, ``picture_animated``.
        Exception: whatever the decoders raise where the file is damaged.

    """
    if kind is PictureKind.WEBP:
        check_size(_webp_size(data))  # Pillow takes memory for all of it to read the header
    with _FILES[kind](io.BytesIO(data)) as file:
        check_size(file.size)
        if getattr(file, "n_frames", 1) > 1:
            raise PortalError(PortalCode.PICTURE_ANIMATED)
        orientation = _orientation(file)
        # A JPEG is decoded at an eighth, quarter or half of its size where that is enough.
        file.draft(None, _fitting(file.size))
        picture = paper_picture(file)
    turn = _TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def check_size(size: tuple[int, int]) -> None:
    """Refuse what is too large, in pixels.

    Raises:
        PortalError: ``picture_too_many_pixels``.
        ValueError: it has none.

    """
    width, height = size
    if width < 1 or height < 1:
        raise ValueError("a picture without pixels")
    if width * height > MAX_PIXELS:
        raise PortalError(PortalCode.PICTURE_TOO_MANY_PIXELS)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Return width and height as the first chunk says (RFC 9649 §2.5 to §2.7)."""
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return tuple(int.from_bytes(body[at : at + 2], "little") & 0x3FFF for at in (6, 8))  # type: ignore[return-value]  # two of them
    raise ValueError("no WebP")


def _orientation(file: ImageFile) -> int:
    """Return the orientation; 1, upright, where none can be read."""
    try:
        return int(file.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - EXIF that is broken does not break the picture
        return 1


def paper_picture(picture: Image.Image) -> Image.Image:
    """Return a picture as on white paper: RGB, its longest side at most ``LONGEST_SIDE``."""
    return _smaller(_opaque(picture))


def _opaque(picture: Image.Image) -> Image.Image:
    """Return a picture as RGB: 16 bits become 8, and what is transparent white, as paper is."""
    if picture.mode.startswith("I"):
        picture = picture.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if picture.has_transparency_data:
        clear = picture.convert("RGBA")
        paper = Image.new("RGB", picture.size, "white")
        paper.paste(clear, mask=clear.getchannel("A"))
        return paper
    return picture.convert("RGB")


def _fitting(size: tuple[int, int]) -> tuple[int, int]:
    """Return the size to show a picture at; it never becomes larger."""
    width, height = size
    factor = min(1.0, LONGEST_SIDE / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _smaller(picture: Image.Image) -> Image.Image:
    wanted = _fitting(picture.size)
    if picture.size == wanted:
        return picture
    return picture.resize(wanted, Image.Resampling.BICUBIC, reducing_gap=2.0)
