"""Make the font of visible marks, from Debian's fonts-noto-cjk: python -m devkit.font.

Noto Sans CJK's face for Taiwan, cut to the characters of Big5 and of Latin letters with all their
accents. What it is made of changes only with Debian's package; a test has the digest of the result.
"""

from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

ROOT = Path(__file__).parents[2]
SOURCE = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
TARGET = ROOT / "agent" / "pdf" / "font" / "NotoSansTC-Ankong.otf"
_FACE = "Noto Sans CJK TC"
_NAME = "Noto Sans TC Ankong"
_LATIN = (*range(0x20, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x250), *range(0x1E00, 0x1F00))
_TRAILS = (*range(0x40, 0x7F), *range(0xA1, 0xFF))
_UNUSED = ("BASE", "DSIG", "GDEF", "GPOS", "GSUB", "VORG", "vhea", "vmtx")


def characters() -> set[int]:
    """Return the code points that are wanted."""
    found = set(_LATIN)
    for code in ((lead, trail) for lead in range(0x81, 0xFF) for trail in _TRAILS):
        for codec in ("big5", "cp950"):
            text = bytes(code).decode(codec, errors="ignore")
            found.update(ord(each) for each in text if not 0xE000 <= ord(each) <= 0xF8FF)
    return found


def make(target: Path) -> None:
    """Write the font."""
    font = _face()
    options = subset.Options(
        layout_features=[],
        hinting=False,
        desubroutinize=True,  # packs better, and a reader is done sooner
        drop_tables=list(_UNUSED),
        name_IDs=[0, 1, 2, 3, 4, 5, 6, 7, 13, 14],
    )
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=characters() & set(font.getBestCmap()))
    cutter.subset(font)
    for number, text in ((1, _NAME), (3, _NAME), (4, _NAME), (6, TARGET.stem)):
        font["name"].setName(text, number, 3, 1, 0x409)
    font["CFF "].cff.fontNames = [TARGET.stem]
    font.recalcTimestamp = False
    font.save(target)


def _face() -> TTFont:
    number = 0
    while True:
        font = TTFont(SOURCE, fontNumber=number, lazy=True)
        if font["name"].getDebugName(4) == _FACE:
            return font
        number += 1


if __name__ == "__main__":
    make(TARGET)
    print(TARGET)
