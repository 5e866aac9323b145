"""The visible mark of a signature: real text that can be searched, and a frame; nothing is covered.

Its colours are told by themselves (CalRGB), because documents for archives allow no others that fit
all of them, and its font is embedded. It is a picture and proves nothing, and says so.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pyhanko.pdf_utils.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    IndirectObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
    pdf_name,
)
from pyhanko.pdf_utils.writer import BasePdfFileWriter

from agent.pdf.font import FontSubset, MarkFont, composed
from agent.pdf.wire import DEFAULT_MARK, SMALLEST_MARK, DrawnMark, Mark

LEAST_SIZE: Final = 6.0
"""Points; smaller text is not drawn."""
PRINTED_AND_LOCKED: Final = 0b10000100
"""Annotation flags (ISO 32000-1 §12.5.3)."""
_NAME_SIZE: Final = 15.0
_TEXT_SIZE: Final = 8.5
_NOTE_SIZE: Final = 7.0
_NAME_LEADING: Final = 1.42
_LEADING: Final = 1.46
_BASELINE: Final = 0.36
"""Of the size, below the middle of a line: where ideographs stand in the middle of it."""
_LARGEST: Final = 3.0
_STEPS: Final = tuple(0.95**step for step in range(42))
_BAR: Final = 3.0
_INK: Final = (0.09, 0.14, 0.17)
_ACCENT: Final = (0.06, 0.39, 0.47)
_SOFT: Final = (0.33, 0.39, 0.42)
_FRAME: Final = (0.60, 0.74, 0.78)
_FONT_NAME: Final = "AnkongMark"
_BREAKS: Final = " \uff0c"
_EMBOLDENED: Final = 0.018
"""Of the size: how thick the outline of the name is."""
_TO_UNICODE: Final = b"""/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
%b
endcmap
CMapName currentdict /CMap defineresource pop
end
end"""
_MOST_MEANINGS: Final = 100
"""In one block of a CMap (Adobe Technical Note 5014)."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line that is drawn.

    Attributes:
        text: of it.
        size: in points.
        kind: "name", "text" or "note".
        number: of the line that it is, or is half of, from 0.

    """

    text: str
    size: float
    kind: str
    number: int

    @property
    def height(self) -> float:
        """How much room it takes, in points."""
        return self.size * (_NAME_LEADING if self.kind == "name" else _LEADING)


class MarkLayout:
    """What stands in a mark of one size, and where."""

    def __init__(self, mark: Mark, width: float, height: float) -> None:
        """Lay it out.

        Args:
            mark: its lines.
            width: in points.
            height: in points.

        """
        self.width = width
        self.height = height
        self.font = MarkFont()
        self.missing: str | None = None
        self.lines = self._fitting(self._showable(mark))

    def _showable(self, mark: Mark) -> list[TextLine]:
        """Return the lines all of whose characters can be shown, as large as they ever are."""
        found = []
        for at, line in enumerate(mark.lines):
            text = composed(line)
            lacking = self.font.lacking(text)
            if lacking is None:
                found.append(_line(text, at, len(mark.lines)))
            elif self.missing is None:
                self.missing = lacking
        return [each for each in found if each.text.strip()]

    def _fitting(self, lines: Sequence[TextLine]) -> tuple[TextLine, ...]:
        """Return lines that fit: smaller ones, or else not all of them."""
        for count in range(len(lines), 0, -1):
            for step in _STEPS:
                size = step * self._scale
                tried = [part for each in lines[:count] for part in self._narrowed(each, size)]
                if tried and self._has_room(tried):
                    return tuple(tried)
        return ()

    def _narrowed(self, line: TextLine, scale: float) -> list[TextLine]:
        """Return a line as narrow as the mark: smaller, or in two; [] if it cannot be."""
        size = max(LEAST_SIZE, line.size * scale)
        room = self.width - self.left - self.padding
        width = self.font.width(line.text, size)
        if width > room:
            size = max(LEAST_SIZE, size * room / width)
        if self.font.width(line.text, size) <= room + 0.01:
            return [replace(line, size=size)]
        halves = _halves(line.text)
        if all(self.font.width(each, LEAST_SIZE) <= room for each in halves):
            return [replace(line, text=each, size=LEAST_SIZE) for each in halves]
        return []

    @property
    def _scale(self) -> float:
        """How much larger than usual the text is, in a mark that is larger than usual."""
        usual = min(self.width / DEFAULT_MARK[0], self.height / DEFAULT_MARK[1])
        return min(_LARGEST, max(1.0, usual))

    def _has_room(self, lines: Iterable[TextLine]) -> bool:
        return sum(each.height for each in lines) <= self.height - self.padding

    @property
    def padding(self) -> float:
        """Points between the frame and the text, at each side."""
        return min(6.0, self.height / 10, self.width / 20)

    @property
    def left(self) -> float:
        """Points from the left edge to the text."""
        return min(_BAR, self.width / 40) + self.padding * 1.5

    def subset(self) -> FontSubset:
        """Return the font of what is drawn."""
        return self.font.subset("".join(each.text for each in self.lines))

    def content(self, font: FontSubset) -> bytes:
        """Return what draws it (ISO 32000-1 §8.2), from its lower left corner."""
        drawn = [self._frame()]
        top = self.height - (self.height - sum(each.height for each in self.lines)) / 2
        for line in self.lines:
            middle = top - line.height / 2
            drawn.append(_draw(line, self.left, middle - line.size * _BASELINE, font))
            top -= line.height
        return b"\n".join(drawn)

    def _frame(self) -> bytes:
        """Return a thin frame, and a bar at its left."""
        line, bar = min(0.75, self.height / 40), min(_BAR, self.width / 40)
        inside = (line / 2, line / 2, self.width - line, self.height - line)
        return b"/Cs CS /Cs cs %b SC %b w %b re S\n%b sc 0 0 %b %b re f" % (
            *(_numbers(_FRAME), _numbers((line,)), _numbers(inside)),
            *(_numbers(_ACCENT), _numbers((bar,)), _numbers((self.height,))),
        )

    def outcome(self, page: int) -> DrawnMark:
        """Return what is told of it, on that page."""
        small = self.width < SMALLEST_MARK[0] or self.height < SMALLEST_MARK[1]
        return DrawnMark(page, len({each.number for each in self.lines}), self.missing, small)


class Stamp:
    """Draws a mark into an annotation when the library asks for it."""

    def __init__(
        self, writer: BasePdfFileWriter, layout: MarkLayout, matrix: Sequence[float]
    ) -> None:
        """Prepare.

        Args:
            writer: of the document.
            layout: what is drawn.
            matrix: that turns it so that it is upright on the page.

        """
        self._writer = writer
        self._layout = layout
        self._matrix = matrix

    def apply_appearance(self, annotation: DictionaryObject) -> None:
        """Give an annotation its appearance (§12.5.5)."""
        font = self._layout.subset()
        resources: dict[str, Any] = {"ColorSpace": {"Cs": _colours()}}
        if self._layout.lines:
            resources["Font"] = {"F": _embed(self._writer, font)}
        content = self._layout.content(font)
        form = _form(content, (self._layout.width, self._layout.height), self._matrix, resources)
        annotation[pdf_name("/AP")] = _names({"N": self._writer.add_object(form)})
        annotation[pdf_name("/F")] = NumberObject(PRINTED_AND_LOCKED)


class EmptyStamp:
    """Takes from an annotation what it showed before it was signed."""

    def __init__(self, writer: BasePdfFileWriter, width: float, height: float) -> None:
        """Prepare; ``width`` and ``height`` are in the page's units."""
        self._writer = writer
        self._size = (width, height)

    def apply_appearance(self, annotation: DictionaryObject) -> None:
        """Give an annotation an appearance that shows nothing."""
        form = _form(b"", self._size, (1, 0, 0, 1, 0, 0), {})
        annotation[pdf_name("/AP")] = _names({"N": self._writer.add_object(form)})


def _line(text: str, at: int, count: int) -> TextLine:
    if at == 0:
        return TextLine(text, _NAME_SIZE, "name", at)
    if at == count - 1:
        return TextLine(text, _NOTE_SIZE, "note", at)
    return TextLine(text, _TEXT_SIZE, "text", at)


def _halves(text: str) -> tuple[str, ...]:
    """Return a text in two, behind the space or comma that is nearest to its middle."""
    breaks = [at for at, each in enumerate(text, 1) if each in _BREAKS]
    if not breaks:
        return (text,)
    at = min(breaks, key=lambda each: abs(2 * each - len(text)))
    return text[:at].rstrip(), text[at:]


def _draw(line: TextLine, x: float, y: float, font: FontSubset) -> bytes:
    colour = {"name": _INK, "text": _INK, "note": _SOFT}[line.kind]
    bold = b"0 Tr"
    if line.kind == "name":
        bold = b"2 Tr %b w %b SC" % (_numbers((line.size * _EMBOLDENED,)), _numbers(colour))
    return b"BT %b sc %b /F %b Tf %b Td <%b> Tj ET" % (
        *(_numbers(colour), bold, _numbers((line.size,)), _numbers((x, y))),
        font.encode(line.text).hex().encode(),
    )


def _numbers(values: Iterable[float]) -> bytes:
    """Return numbers as they are written: with at most three digits behind the point."""
    told = (f"{each:.3f}".rstrip("0").rstrip(".") for each in values)
    return " ".join("0" if each == "-0" else each for each in told).encode()


def _form(
    content: bytes, size: tuple[float, float], matrix: Sequence[float], resources: dict[str, Any]
) -> StreamObject:
    """Return a form XObject (§8.10)."""
    form = StreamObject(stream_data=content)
    form[pdf_name("/Type")] = pdf_name("/XObject")
    form[pdf_name("/Subtype")] = pdf_name("/Form")
    form[pdf_name("/BBox")] = _array((0, 0, *size))
    form[pdf_name("/Matrix")] = _array(matrix)
    form[pdf_name("/Resources")] = _names(resources)
    form.compress()
    return form


def _embed(writer: BasePdfFileWriter, font: FontSubset) -> IndirectObject:
    """Write a font of two-octet numbers (§9.7), and return its reference."""
    program = font.program(_FONT_NAME)
    name = pdf_name(f"/{_tag(program)}+{_FONT_NAME}")
    own = _names({"Registry": TextStringObject("Adobe"), "Ordering": TextStringObject("Identity")})
    own[pdf_name("/Supplement")] = NumberObject(0)
    widths = ArrayObject([NumberObject(1), ArrayObject(NumberObject(each) for each in font.widths)])
    descendant = {
        "Type": pdf_name("/Font"),
        "Subtype": pdf_name("/CIDFontType0"),
        "BaseFont": name,
        "CIDSystemInfo": own,
        "DW": NumberObject(1000),
        "W": widths,
        "FontDescriptor": writer.add_object(_descriptor(writer, font, name, program)),
    }
    return writer.add_object(
        _names(
            {
                "Type": pdf_name("/Font"),
                "Subtype": pdf_name("/Type0"),
                "BaseFont": name,
                "Encoding": pdf_name("/Identity-H"),
                "DescendantFonts": ArrayObject([writer.add_object(_names(descendant))]),
                "ToUnicode": writer.add_object(_stream(_meanings(font.characters()))),
            }
        )
    )


def _descriptor(
    writer: BasePdfFileWriter, font: FontSubset, name: NameObject, program: bytes
) -> DictionaryObject:
    """Return what is told of the font (§9.8)."""
    file = _stream(program)
    file[pdf_name("/Subtype")] = pdf_name("/CIDFontType0C")
    return _names(
        {
            "Type": pdf_name("/FontDescriptor"),
            "FontName": name,
            "Flags": NumberObject(4),  # it has characters of its own
            "FontBBox": ArrayObject(NumberObject(each) for each in font.box),
            "ItalicAngle": NumberObject(0),
            "Ascent": NumberObject(880),
            "Descent": NumberObject(-120),
            "CapHeight": NumberObject(733),
            "StemV": NumberObject(80),
            "FontFile3": writer.add_object(file),
            "CIDSet": writer.add_object(_stream(_all_bits(len(font.widths) + 1))),
        }
    )


def _tag(program: bytes) -> str:
    """Return six letters that tell this subset from others (§9.6.4)."""
    return "".join(chr(ord("A") + each % 26) for each in hashlib.sha256(program).digest()[:6])


def _all_bits(count: int) -> bytes:
    """Return a bit for each number of the font, from the highest bit of the first octet."""
    bits = ((1 << count) - 1) << (-count % 8)
    return bits.to_bytes((count + 7) // 8)


def _meanings(characters: dict[int, str]) -> bytes:
    """Return the CMap that says what each number means (§9.10.3)."""
    rows = [
        b"<%04X> <%b>" % (number, each.encode("utf-16-be").hex().upper().encode())
        for number, each in characters.items()
    ]
    blocks = []
    for at in range(0, len(rows), _MOST_MEANINGS):
        some = rows[at : at + _MOST_MEANINGS]
        blocks.append(b"%d beginbfchar\n%b\nendbfchar" % (len(some), b"\n".join(some)))
    return _TO_UNICODE % b"\n".join(blocks)


def _colours() -> ArrayObject:
    """Return the colours of ordinary screens, by their physics (§8.6.5.3)."""
    matrix = (0.4124, 0.2126, 0.0193, 0.3576, 0.7152, 0.1192, 0.1805, 0.0722, 0.9505)
    told = {
        "WhitePoint": _array((0.9505, 1, 1.089)),
        "Gamma": _array((2.2, 2.2, 2.2)),
        "Matrix": _array(matrix),
    }
    return ArrayObject([pdf_name("/CalRGB"), _names(told)])


def _stream(content: bytes) -> StreamObject:
    stream = StreamObject(stream_data=content)
    stream.compress()
    return stream


def _names(entries: dict[str, Any]) -> DictionaryObject:
    return DictionaryObject(
        {
            pdf_name(f"/{key}"): _names(value) if type(value) is dict else value
            for key, value in entries.items()
        }
    )


def _array(values: Iterable[float]) -> ArrayObject:
    return ArrayObject(FloatObject(f"{each:.4f}".rstrip("0").rstrip(".")) for each in values)
