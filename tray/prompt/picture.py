"""Draw the picture of a card at the head of a window, at any size, with anti-aliased edges.

Tk's own shapes are not anti-aliased; here the colour of each pixel is mixed by its coverage.
"""

import tkinter as tk
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import hypot
from typing import Final, TypeAlias

Colour: TypeAlias = tuple[int, int, int]
GOLD: Final = "#e8b33a"
WIDTH: Final = 1.45  # of the card, in card heights


@dataclass(frozen=True, slots=True)
class Box:
    """A filled box with round corners; lengths are in card heights, the colour is ``#rrggbb``."""

    left: float
    top: float
    right: float
    bottom: float
    radius: float
    colour: str

    def cover(self, x: float, y: float, pixel: float) -> float:
        """Return how much of a pixel the box covers, 0 to 1.

        Args:
            x: of the pixel's centre, in card heights.
            y: likewise.
            pixel: width and height of a pixel, in card heights.

        """
        dx = abs(x - (self.left + self.right) / 2) - (self.right - self.left) / 2 + self.radius
        dy = abs(y - (self.top + self.bottom) / 2) - (self.bottom - self.top) / 2 + self.radius
        outside = hypot(max(dx, 0.0), max(dy, 0.0)) + min(max(dx, dy), 0.0) - self.radius
        return min(1.0, max(0.0, 0.5 - outside / pixel))


def draw_card(root: tk.Misc, height: int, back: str, front: str) -> tk.PhotoImage:
    """Return a picture of a card with a chip; the caller has to keep it while it is shown.

    Args:
        root: any widget of the window.
        height: of the picture, in pixels.
        back: colour behind the card, ``#rrggbb``.
        front: colour of the card, ``#rrggbb``.

    """
    boxes = (
        Box(0.0, 0.08, WIDTH, 0.92, 0.13, front),
        Box(0.16, 0.28, 0.52, 0.56, 0.06, GOLD),
        Box(0.16, 0.405, 0.52, 0.435, 0.0, back),
        Box(0.325, 0.28, 0.355, 0.56, 0.0, back),
        Box(0.16, 0.70, 0.78, 0.76, 0.03, back),
        Box(0.90, 0.70, 1.28, 0.76, 0.03, back),
    )
    return tk.PhotoImage(master=root, data=_pixels(height, back, boxes), format="PPM")


@lru_cache(maxsize=4)  # a window that waits has drawn its own before
def _pixels(height: int, back: str, boxes: tuple[Box, ...]) -> bytes:
    """Return the picture as a PPM file."""
    width = round(height * WIDTH)
    rows = b"".join(bytes(_row(y, width, height, back, boxes)) for y in range(height))
    return b"P6 %d %d 255 " % (width, height) + rows


def _row(y: int, width: int, height: int, back: str, boxes: tuple[Box, ...]) -> Iterator[int]:
    pixel = 1 / height
    ground, colours = _components(back), [_components(box.colour) for box in boxes]
    for x in range(width):
        mixed = ground
        for box, colour in zip(boxes, colours, strict=True):
            share = box.cover((x + 0.5) * pixel, (y + 0.5) * pixel, pixel)
            if share:
                mixed = _mix(mixed, colour, share)
        yield from mixed


def _components(colour: str) -> Colour:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _mix(below: Colour, above: Colour, share: float) -> Colour:
    red, green, blue = (
        round(low + (high - low) * share) for low, high in zip(below, above, strict=True)
    )
    return red, green, blue
