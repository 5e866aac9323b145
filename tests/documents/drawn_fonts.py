"""Fonts of one square, made for the tests."""

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont


def square(character: str, *, fs_type: int = 0, family: str = "Test") -> TTFont:
    """Return a font whose one character is a square."""
    builder = FontBuilder(2048)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({ord(character): "square"})
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for point in ((0, 1024), (1024, 1024), (1024, 0)):
        pen.lineTo(point)
    pen.closePath()
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "square": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (2048, 0), "square": (2048, 0)})
    builder.setupHorizontalHeader(ascent=1600, descent=-400)
    builder.setupOS2(fsType=fs_type)
    builder.setupNameTable({"familyName": family, "styleName": "Regular", "fullName": family})
    builder.setupPost()
    font: TTFont = builder.font
    return font
