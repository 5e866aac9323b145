"""Draw the icon: a shield with a chip, and a badge for the status.

Badges differ in shape as well as in colour. The icon is drawn here at any size, so that neither
a toolkit nor an image file is needed.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from tray.icon.view import IconStatus

Spans: TypeAlias = Callable[[float], Sequence[tuple[float, float]]]
"""A shape in a square of 32 by 32 units: for a height y, its intervals of x, from left to right."""
Colour: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]

UNITS: Final = 32.0
_ROWS: Final = 4  # samples per pixel vertically; horizontally the coverage is exact
_WHITE: Final = (255, 255, 255)
_BRAND: Final = (18, 122, 148)
_SLEEPING: Final = (104, 118, 128)
_GREEN: Final = (24, 140, 84)
_BLUE: Final = (37, 99, 200)
_AMBER: Final = (198, 92, 0)


class Canvas:
    """A square of pixels: red, green, blue and opacity, each from 0 to 1."""

    def __init__(self, size: int) -> None:
        """Make a transparent canvas of ``size`` by ``size`` pixels."""
        self.size = size
        self._pixels = [[0.0, 0.0, 0.0, 0.0] for _ in range(size * size)]

    def paint(self, shape: Spans, colour: Colour) -> None:
        """Paint a shape over what was painted before."""
        for index, cover in self._coverage(shape):
            pixel = self._pixels[index]
            behind = pixel[3] * (1 - cover)
            opacity = cover + behind
            for channel in range(3):
                mixed = colour[channel] / 255 * cover + pixel[channel] * behind
                pixel[channel] = mixed / opacity
            pixel[3] = opacity

    def cut(self, shape: Spans) -> None:
        """Make the pixels of a shape transparent again."""
        for index, cover in self._coverage(shape):
            self._pixels[index][3] *= 1 - cover

    def _coverage(self, shape: Spans) -> list[tuple[int, float]]:
        """Return the index and the covered share (above 0, up to 1) of each pixel of a shape."""
        scale = self.size / UNITS
        covered: dict[int, float] = {}
        for row in range(self.size * _ROWS):
            for left, right in shape((row + 0.5) / _ROWS / scale):
                self._cover(covered, row // _ROWS, left * scale, right * scale)
        return [(index, cover) for index, cover in covered.items() if cover > 0]

    def _cover(self, covered: dict[int, float], row: int, left: float, right: float) -> None:
        left, right = max(left, 0.0), min(right, float(self.size))
        for column in range(int(left), math.ceil(right)):
            width = min(right, column + 1) - max(left, column)
            index = row * self.size + column
            covered[index] = covered.get(index, 0.0) + max(width, 0.0) / _ROWS

    def rgba(self) -> bytes:
        """Return four bytes a pixel, rows from the top, opacity not premultiplied."""
        return bytes(round(channel * 255) for pixel in self._pixels for channel in pixel)


@lru_cache(maxsize=64)
def draw(status: IconStatus, size: int) -> bytes:
    """Return the icon for a status.

    Args:
        status: chooses badge and colour.
        size: width and height in pixels.

    Returns:
        RGBA, four bytes a pixel, rows from the top.

    """
    canvas = Canvas(size)
    canvas.paint(polygon(_shield()), _SLEEPING if status is IconStatus.STARTING else _BRAND)
    canvas.paint(rounded(9.0, 10.0, 23.0, 22.0, 2.6), _WHITE)
    for left, top, right, bottom in _CONTACTS:
        canvas.paint(rounded(left, top, right, bottom, 0.6), _BRAND)
    _badge(canvas, status)
    return canvas.rgba()


def argb(rgba: bytes) -> bytes:
    """Return RGBA pixels as ARGB32 in network byte order, the format of StatusNotifierItem."""
    out = bytearray(len(rgba))
    out[0::4], out[1::4], out[2::4], out[3::4] = rgba[3::4], rgba[0::4], rgba[1::4], rgba[2::4]
    return bytes(out)


_CONTACTS: Final = (
    (11.0, 12.0, 15.0, 15.2),
    (17.0, 12.0, 21.0, 15.2),
    (11.0, 16.8, 15.0, 20.0),
    (17.0, 16.8, 21.0, 20.0),
)
_CHECK: Final = ((19.6, 24.2), (21.4, 22.4), (23.0, 24.0), (26.6, 20.4), (28.4, 22.2), (23.0, 27.6))


def _badge(canvas: Canvas, status: IconStatus) -> None:
    """Draw a tick, three dots or an exclamation mark in the corner; nothing for other statuses."""
    colour = {
        IconStatus.READY: _GREEN,
        IconStatus.WORKING: _BLUE,
        IconStatus.ATTENTION: _AMBER,
    }.get(status)
    if colour is None:
        return
    canvas.cut(circle(24.0, 24.0, 9.4))
    canvas.paint(circle(24.0, 24.0, 8.0), colour)
    if status is IconStatus.READY:
        canvas.paint(polygon(_CHECK), _WHITE)
    elif status is IconStatus.WORKING:
        for centre in (19.8, 24.0, 28.2):
            canvas.paint(circle(centre, 24.0, 1.5), _WHITE)
    else:
        canvas.paint(rounded(22.7, 18.6, 25.3, 25.6, 1.2), _WHITE)
        canvas.paint(circle(24.0, 28.2, 1.5), _WHITE)


def circle(x: float, y: float, radius: float) -> Spans:
    """Return a disc."""

    def spans(height: float) -> Sequence[tuple[float, float]]:
        square = radius * radius - (height - y) ** 2
        if square <= 0:
            return ()
        half = math.sqrt(square)
        return ((x - half, x + half),)

    return spans


def rounded(left: float, top: float, right: float, bottom: float, radius: float) -> Spans:
    """Return a rectangle with round corners."""

    def spans(height: float) -> Sequence[tuple[float, float]]:
        if not top < height < bottom:
            return ()
        into = max(top + radius - height, height - (bottom - radius), 0.0)
        inset = radius - math.sqrt(max(radius * radius - into * into, 0.0))
        return ((left + inset, right - inset),)

    return spans


def polygon(corners: Sequence[Point]) -> Spans:
    """Return a polygon, filled by the even-odd rule."""
    sides = list(zip(corners, (*corners[1:], corners[0]), strict=True))

    def spans(height: float) -> Sequence[tuple[float, float]]:
        crossings = sorted(
            x1 + (height - y1) * (x2 - x1) / (y2 - y1)
            for (x1, y1), (x2, y2) in sides
            if (y1 <= height) != (y2 <= height)
        )
        return list(zip(crossings[0::2], crossings[1::2], strict=True))

    return spans


@lru_cache(maxsize=1)
def _shield() -> tuple[Point, ...]:
    """Return the outline of the shield: two slopes, two straight sides, two curves to the point."""
    curve = ((29.0, 14.5), (29.0, 22.8), (23.6, 28.4), (16.0, 31.2))
    right = [_bezier(curve, step / 16) for step in range(17)]
    left = [(UNITS - x, y) for x, y in reversed(right)]
    return ((16.0, 0.8), (29.0, 5.6), *right, *left, (3.0, 5.6))


def _bezier(points: Sequence[Point], t: float) -> Point:
    """Return the point at ``t`` (0 to 1) of the cubic Bézier curve with four control points."""
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    x, y = (sum(w * p[axis] for w, p in zip(weights, points, strict=True)) for axis in (0, 1))
    return x, y
