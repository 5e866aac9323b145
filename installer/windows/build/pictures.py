"""Draw the wizard's pictures and icon; a program of the virtual environment.

python installer/windows/build/pictures.py FOLDER
"""

import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "installer")]

from frozen import icons  # noqa: E402  # only now can it be found

from tray.icon.drawing import draw  # noqa: E402  # likewise
from tray.icon.view import IconStatus  # noqa: E402  # likewise

Colour: TypeAlias = tuple[float, float, float]
HEADER: Final = (150, 57)
"""Pixels; what NSIS' Modern UI shows at the right of the head of every page."""
SIDE: Final = (164, 314)
"""Pixels; at the left of the first and the last page."""
_PAPER: Final = (255, 255, 255)
_DEEP: Final = (9, 62, 78)
_BRAND: Final = (18, 122, 148)
_LIGHT: Final = (226, 241, 245)


class Picture:
    """An opaque picture; rows from the top down."""

    def __init__(self, size: tuple[int, int], colour_at: Callable[[float, float], Colour]) -> None:
        """Fill the picture; ``colour_at`` is given the place right and down, each from 0 to 1."""
        self.width, self.height = size
        self._pixels = [
            [colour_at(x / (self.width - 1), y / (self.height - 1)) for x in range(self.width)]
            for y in range(self.height)
        ]

    def lay(self, rgba: bytes, size: int, left: int, top: int, strength: float = 1.0) -> None:
        """Draw a square picture of ``size`` pixels over it."""
        for index in range(size * size):
            x, y = left + index % size, top + index // size
            if 0 <= x < self.width and 0 <= y < self.height:
                red, green, blue, opacity = rgba[index * 4 : index * 4 + 4]
                cover = opacity / 255 * strength
                below = self._pixels[y][x]
                self._pixels[y][x] = (
                    red * cover + below[0] * (1 - cover),
                    green * cover + below[1] * (1 - cover),
                    blue * cover + below[2] * (1 - cover),
                )

    def bmp(self) -> bytes:
        """Return a BMP file: 24 bits a pixel, rows from the bottom, each padded to 4 bytes."""
        padding = bytes(-self.width * 3 % 4)
        rows = b"".join(
            b"".join(bytes(round(each) for each in reversed(pixel)) for pixel in row) + padding
            for row in reversed(self._pixels)
        )
        head = struct.pack("<2sIHHI", b"BM", 54 + len(rows), 0, 0, 54)
        sizes = (40, self.width, self.height, 1, 24, 0, len(rows), 3780, 3780, 0, 0)
        return head + struct.pack("<IiiHHIIiiII", *sizes) + rows


def header() -> Picture:
    """Return the header picture: the shield on white, with a margin."""
    picture = Picture(HEADER, lambda _x, _y: _PAPER)
    picture.lay(draw(IconStatus.RUNNING, 44), 44, HEADER[0] - 54, 6)
    return picture


def side() -> Picture:
    """Return the side picture: the brand's colour, a large pale shield, and a small one."""

    def colour_at(_x: float, y: float) -> Colour:
        red, green, blue = (a + (b - a) * y for a, b in zip(_BRAND, _DEEP, strict=True))
        return red, green, blue

    picture = Picture(SIDE, colour_at)
    picture.lay(_in_colour(draw(IconStatus.RUNNING, 240), _LIGHT), 240, -50, 120, strength=0.12)
    picture.lay(_in_colour(draw(IconStatus.RUNNING, 104), _PAPER), 104, 30, 52, strength=0.22)
    picture.lay(draw(IconStatus.RUNNING, 92), 92, 36, 58)
    return picture


def _in_colour(rgba: bytes, colour: tuple[int, int, int]) -> bytes:
    """Return the same shape in one colour."""
    out = bytearray(rgba)
    for channel, value in enumerate(colour):
        out[channel::4] = bytes([value]) * (len(rgba) // 4)
    return bytes(out)


def write(folder: Path) -> None:
    """Write all of them into ``folder``."""
    icons.write(folder, "win32")
    (folder / "header.bmp").write_bytes(header().bmp())
    (folder / "side.bmp").write_bytes(side().bmp())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
