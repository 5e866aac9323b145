"""The font of one mark: the shapes of its own characters and no others, with their meaning.

Names need no shaping: each character of the scripts that are drawn stands by itself. So the shapes
are taken out of whatever fonts have them, and put into one small font program. A character that no
font has is named; nothing is ever drawn in its place.
"""

import mmap
import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from fontTools.pens.boundsPen import ControlBoundsPen
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTFont
from fontTools.ttLib.sfnt import SFNTReader

from agent.pdf.cff import NOTDEF, cff_program
from agent.pdf.system_fonts import font_files, is_national, is_plain, is_private

SHIPPED: Final = Path(__file__).with_name("font") / "NotoSansTC-Ankong.otf"
EM: Final = 1000
"""Units of a font's own space in which shapes and widths are told."""
_NO_EMBEDDING: Final = 0x0302
"""Bits of OS/2 fsType: restricted, no subsets, bitmaps only (OpenType 1.9)."""
_MAX_FACES: Final = 16
_TRIED_FACES: Final = 2
_OPEN_FACES: Final = 3
_REMEMBERED: Final = 4096
"""Shapes of one worker; names of a batch have the same ones."""
_COMPOSED: Final = re.compile(r".[\u0300-\u036f]+", re.DOTALL)


class Face:
    """One face of a font file, and the shapes of its characters."""

    def __init__(self, font: TTFont) -> None:
        """Read what it has.

        Raises:
            Exception: of many kinds; it is no usable font.

        """
        self._font = font
        self._characters: dict[int, str] = font.getBestCmap() or {}
        self._glyphs: Any = font.getGlyphSet()
        self._scale = EM / font["head"].unitsPerEm

    def shape(self, character: str) -> "Shape | None":
        """Return a character's shape; None where the face has none.

        Raises:
            Exception: of many kinds; it is no usable font.

        """
        name = self._characters.get(ord(character))
        if name is None or self._font.getGlyphID(name) == 0:
            return None
        glyph, scale = self._glyphs[name], self._scale
        width = round(glyph.width * scale)
        outline = DecomposingRecordingPen(self._glyphs)
        glyph.draw(TransformPen(outline, (scale, 0, 0, scale, 0, 0)))
        if not outline.value and not character.isspace():
            return None
        pen, bounds = T2CharStringPen(width, None), ControlBoundsPen(None)
        outline.replay(pen)
        outline.replay(bounds)
        program = pen.getCharString()
        program.compile()
        return Shape(program.bytecode, width, bounds.bounds or (0, 0, 0, 0))


class Shape:
    """A glyph.

    Attributes:
        charstring: Type 2, which begins with the width.
        width: in units.
        box: left, bottom, right and top, in units.

    """

    __slots__ = ("box", "charstring", "width")

    def __init__(self, charstring: bytes, width: int, box: tuple[float, ...]) -> None:
        """Keep it."""
        self.charstring = charstring
        self.width = width
        self.box = box


class MarkFont:
    """Characters, numbered in the order in which they were used, from 1."""

    def __init__(self) -> None:
        """Begin without any."""
        self._shapes: dict[str, Shape] = {}

    def lacking(self, text: str) -> str | None:
        """Return the first character of a text that cannot be shown; None where all can be."""
        for each in text:
            if each not in self._shapes:
                found = _shape_of(each)
                if found is None:
                    return each
                self._shapes[each] = found
        return None

    def width(self, text: str, size: float) -> float:
        """Return how wide a text is that can be shown, in points."""
        return sum(self._shapes[each].width for each in text) * size / EM

    def subset(self, used: Iterable[str]) -> "FontSubset":
        """Return the font of some characters alone, all of which can be shown."""
        return FontSubset({each: self._shapes[each] for each in dict.fromkeys(used)})


class FontSubset:
    """What is embedded into one document."""

    def __init__(self, shapes: dict[str, Shape]) -> None:
        """Give each shape a number."""
        self._shapes = shapes
        self._numbers = {each: number for number, each in enumerate(shapes, 1)}

    @property
    def widths(self) -> list[int]:
        """The widths from number 1, in units."""
        return [each.width for each in self._shapes.values()]

    @property
    def box(self) -> tuple[int, int, int, int]:
        """What holds every shape: left, bottom, right and top, in units."""
        left, bottom, right, top = zip(*(each.box for each in self._shapes.values()), strict=True)
        low, high = (min(left), min(bottom)), (max(right), max(top))
        return int(low[0]) - 1, int(low[1]) - 1, int(high[0]) + 1, int(high[1]) + 1

    def encode(self, text: str) -> bytes:
        """Return a text as numbers of two octets, the higher first."""
        return b"".join(self._numbers[each].to_bytes(2) for each in text)

    def program(self, name: str) -> bytes:
        """Return the font program (Compact Font Format)."""
        glyphs = [NOTDEF, *(each.charstring for each in self._shapes.values())]
        return cff_program(name, glyphs, self.box)

    def characters(self) -> dict[int, str]:
        """Return what each number means."""
        return {number: each for each, number in self._numbers.items()}


def composed(text: str) -> str:
    """Return a text whose accents are part of their letters, wherever there are such letters.

    Ideographs stay as they are: some of them have an equivalent that looks otherwise.
    """
    return _COMPOSED.sub(lambda found: unicodedata.normalize("NFC", found[0]), text)


def _read(file: Path, number: int) -> TTFont:
    """Open a face of a font file, of which only what is needed is ever read.

    Raises:
        Exception: of many kinds; it is no usable font.

    """
    with file.open("rb") as stream:
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    return TTFont(content, fontNumber=number, lazy=True)


@cache
def _shipped() -> Face:
    return Face(_read(SHIPPED, 0))


@lru_cache(_REMEMBERED)
def _shape_of(character: str) -> Shape | None:
    if is_private(character):
        return _rare_shape(character, national=True)
    if not is_plain(character):
        return None
    return _shipped().shape(character) or _rare_shape(character, national=False)


def _rare_shape(character: str, *, national: bool) -> Shape | None:
    """Look for a character in the fonts of the system."""
    for file in font_files():
        if national and not is_national(file):
            continue
        for number in _embeddable(file):
            with suppress(Exception):  # a font that is damaged, or of a kind that nobody knows yet
                found = _face(file, number).shape(character)
                if found is not None:
                    return found
    return None


@lru_cache(_OPEN_FACES)
def _face(file: Path, number: int) -> Face:
    return Face(_read(file, number))


@cache
def _embeddable(file: Path) -> tuple[int, ...]:
    """Return the faces of a file that may be embedded, one of Taiwan first.

    Not many, because those of one file differ little in what they have; and none that says nothing
    of embedding.
    """
    faces = []
    for number in _numbers(file):
        with suppress(Exception):
            font = _read(file, number)
            if not font["OS/2"].fsType & _NO_EMBEDDING:
                name = str(font["name"].getDebugName(4))
                faces.append(("Mono" in name, " TC" not in name, number))
    return tuple(number for *_, number in sorted(faces)[:_TRIED_FACES])


def _numbers(file: Path) -> range:
    """Return the numbers of a file's faces: one, or those of a collection."""
    try:
        with file.open("rb") as stream:
            if stream.read(4) != b"ttcf":
                return range(1)
            stream.seek(0)
            return range(min(SFNTReader(stream, fontNumber=0).numFonts, _MAX_FACES))
    except Exception:  # noqa: BLE001  # as above
        return range(0)
