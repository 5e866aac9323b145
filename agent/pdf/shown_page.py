"""Pages as people see them: cut to the CropBox, turned, in points (ISO 32000-1 §7.7.3.3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, IndirectObject

from agent.errors import ErrorCode
from agent.pdf.objects import entry, items
from agent.pdf.opening import refused
from agent.pdf.wire import DEFAULT_MARK, MAX_PAGES

Box: TypeAlias = tuple[float, float, float, float]
_INHERITED: Final = ("/Rotate", "/MediaBox", "/CropBox")
_MAX_DEPTH: Final = 64
_MAX_SIDE: Final = 1e6
SMALLEST_SIDE: Final = 1
"""Of a place for a signature, in a page's own units; the library counts in whole ones."""
_MAX_UNIT: Final = 1e4
_MARGIN: Final = 36.0
"""Points between a mark and the page's edges, where nobody says where it is."""
_TOLERANCE: Final = 0.5
"""Points by which rounding may carry a mark over the edge."""
_TURNS: Final = {
    0: (1, 0, 0, 1),
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}
"""Which way right and up go, as seen, in the page's own space."""


@dataclass(frozen=True, slots=True)
class ShownPage:
    """A page, and how its own space lies in what is seen.

    Attributes:
        reference: of the page's object.
        number: from 1.
        crop: left, bottom, right and top of what is seen, in the page's own units.
        turn: degrees clockwise: 0, 90, 180 or 270.
        unit: points of one of the page's units.

    """

    reference: IndirectObject
    number: int
    crop: Box
    turn: int
    unit: float

    @property
    def size(self) -> tuple[float, float]:
        """Width and height as seen, in points."""
        left, bottom, right, top = self.crop
        sides = ((right - left) * self.unit, (top - bottom) * self.unit)
        return sides if self.turn in (0, 180) else (sides[1], sides[0])

    def default_box(self) -> Box:
        """Return the place at the lower right: left, top, width and height, in points."""
        across, down = self.size
        width, height = min(DEFAULT_MARK[0], across), min(DEFAULT_MARK[1], down)
        right, below = min(_MARGIN, (across - width) / 2), min(_MARGIN, (down - height) / 2)
        return across - width - right, down - height - below, width, height

    def rectangle(self, box: Box) -> Box:
        """Return a place in the page's own space: left, bottom, right and top, in its units.

        Args:
            box: left, top, width and height, in points from the upper left corner.

        Raises:
            PdfError: ``bad_request``, it is not on the page, or too small.

        """
        left, top, width, height = box
        across, down = self.size
        is_inside = left + width <= across + _TOLERANCE and top + height <= down + _TOLERANCE
        if not (width > 0 and height > 0 and is_inside):
            raise refused(ErrorCode.BAD_REQUEST, "the mark is not on the page")
        corners = self._own(left, top), self._own(left + width, top + height)
        (x, y), (other_x, other_y) = corners
        if min(abs(x - other_x), abs(y - other_y)) < SMALLEST_SIDE:
            raise refused(ErrorCode.BAD_REQUEST, "the mark is too small")
        return min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y)

    def _own(self, right: float, down: float) -> tuple[float, float]:
        """Return a point of the page's own space."""
        x0, y0, x1, y1 = self.crop
        a, b = right / self.unit, down / self.unit
        match self.turn:
            case 90:
                return x0 + b, y0 + a
            case 180:
                return x1 - a, y0 + b
            case 270:
                return x1 - b, y1 - a
            case _:
                return x0 + a, y1 - b

    def upright(self, rectangle: Box) -> tuple[float, float, tuple[float, ...]]:
        """Return how something upright is drawn into a rectangle of the page's own space.

        Returns:
            Its width and height as seen, in points, and the matrix that turns it (§8.3.4).

        """
        left, bottom, right, top = rectangle
        sides = ((right - left) * self.unit, (top - bottom) * self.unit)
        width, height = sides if self.turn in (0, 180) else (sides[1], sides[0])
        a, b, c, d = (each / self.unit for each in _TURNS[self.turn])
        return (
            width,
            height,
            (
                a,
                b,
                c,
                d,
                -min(0, a * width, c * height, a * width + c * height),
                -min(0, b * width, d * height, b * width + d * height),
            ),
        )


def find_page(root: DictionaryObject, number: int | None, pages: int) -> ShownPage:
    """Find a page, from whichever end of the document is nearer.

    Args:
        root: the catalogue.
        number: from 1; None for the last.
        pages: how many there are, as they were counted.

    Raises:
        PdfError: ``bad_request``, there is none, or none that has a size.

    """
    wanted = number or pages
    if wanted > pages:
        raise refused(ErrorCode.BAD_REQUEST, f"there is no page {wanted}")
    is_near_end = wanted > pages // 2
    steps = pages - wanted if is_near_end else wanted - 1
    for at, (reference, node, inherited) in enumerate(_leaves(root, backwards=is_near_end)):
        if at == steps:
            return _shown(reference, node, inherited, wanted)
    raise refused(ErrorCode.DOCUMENT_DAMAGED, f"page {wanted} is missing")


def find_page_of(root: DictionaryObject, widget: Any, named: Any) -> ShownPage:
    """Find the page that a widget is on.

    Args:
        root: the catalogue.
        widget: its reference.
        named: the page that it says it is on; None where it says nothing.

    Raises:
        PdfError: ``bad_request``, it is on none.

    """
    for number, (reference, node, inherited) in enumerate(_leaves(root, backwards=False), 1):
        annotations = entry(node, "/Annots")
        kids = annotations.iterate() if isinstance(annotations, ArrayObject) else ()
        if reference == named or any(each == widget for each in kids):
            return _shown(reference, node, inherited, number)
    raise refused(ErrorCode.BAD_REQUEST, "the field is on no page")


def _leaves(
    root: DictionaryObject, *, backwards: bool
) -> Iterator[tuple[IndirectObject, DictionaryObject, dict[str, Any]]]:
    """Walk the page tree; what was counted before is not believed to be a tree.

    Raises:
        PdfError: ``document_damaged``.

    """
    seen: set[object] = set()
    waiting: list[tuple[Any, dict[str, Any], int]] = [(root.raw_get("/Pages"), {}, 0)]
    while waiting:
        reference, inherited, depth = waiting.pop()
        node = reference.get_object()
        is_known = not isinstance(reference, IndirectObject) or reference.reference in seen
        if is_known or not isinstance(node, DictionaryObject) or depth > _MAX_DEPTH:
            raise refused(ErrorCode.DOCUMENT_DAMAGED, "/Kids: no tree")
        seen.add(reference.reference)
        if len(seen) > 2 * MAX_PAGES:
            raise refused(ErrorCode.DOCUMENT_DAMAGED, "/Kids: too many")
        own = inherited | {each: node[each] for each in _INHERITED if entry(node, each) is not None}
        kids = entry(node, "/Kids")
        if "/Kids" not in node:
            yield reference, node, own
        elif isinstance(kids, ArrayObject):
            below = list(kids.iterate())
            ordered = below if backwards else reversed(below)
            waiting.extend((each, own, depth + 1) for each in ordered)


def _shown(
    reference: IndirectObject, node: DictionaryObject, inherited: dict[str, Any], number: int
) -> ShownPage:
    try:
        media = _box(inherited.get("/MediaBox"))
        crop = _common(media, _box(inherited["/CropBox"])) if "/CropBox" in inherited else media
        turn = int(inherited.get("/Rotate") or 0) % 360
        unit = float(entry(node, "/UserUnit") or 1)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise refused(ErrorCode.BAD_REQUEST, f"page {number}: {error}") from error
    sides = (crop[2] - crop[0], crop[3] - crop[1])
    if turn not in _TURNS or not 0 < unit <= _MAX_UNIT or min(sides) <= 0:
        raise refused(ErrorCode.BAD_REQUEST, f"page {number} has no size")
    return ShownPage(reference, number, crop, turn, unit)


def _box(found: Any) -> Box:
    """Return a rectangle with its corners in order (§7.9.5).

    Raises:
        ValueError: it is none.

    """
    x, y, other_x, other_y = (float(each) for each in items(found))
    if not all(abs(each) <= _MAX_SIDE for each in (x, y, other_x, other_y)):
        raise ValueError("a page larger than the world")
    return min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y)


def _common(media: Box, crop: Box) -> Box:
    left, bottom = max(media[0], crop[0]), max(media[1], crop[1])
    right, top = min(media[2], crop[2]), min(media[3], crop[3])
    return (left, bottom, right, top) if left < right and bottom < top else media
