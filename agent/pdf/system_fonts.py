"""Fonts of this computer, for characters of names that our own font lacks."""

import os
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Final

_FAMILIES: Final = (
    # in the order in which they are asked: forms of Taiwan before those of others
    *("msjh.", "msjhl.", "mingliu.", "mingliub.", "kaiu.", "pingfang.", "notosanstc"),
    *("notosanscjk", "sourcehansans", "notoseriftc", "notoserifcjk", "tw-sung", "tw-kai"),
    *("hanamin", "simsunb.", "simsun-extg", "uming.", "ukai.", "droidsansfallback", "msyh."),
    *("notosans-regular", "segoeui.", "arial.", "dejavusans.", "liberationsans-regular"),
)
_ENDINGS: Final = frozenset({".ttf", ".ttc", ".otf", ".otc"})
_NATIONAL: Final = ("tw-sung", "tw-kai")
"""Alone have the national character set at private code points, which mean anything elsewhere."""
_MAX_FILES: Final = 20_000
_MAX_FONTS: Final = 12
_RANGES: Final = (  # scripts whose letters stand side by side, from left to right, as they are
    *((0x20, 0x7E), (0xA1, 0xAC), (0xAE, 0x2FF), (0x370, 0x3FF), (0x400, 0x482), (0x48A, 0x52F)),
    *((0x1E00, 0x1EFF), (0x1F00, 0x1FFF), (0x2010, 0x2027), (0x2030, 0x205E), (0x2070, 0x20BF)),
    *((0x2100, 0x23FF), (0x2460, 0x27BF), (0x2C60, 0x2C7F), (0x2E80, 0x2FDF), (0x3000, 0x3029)),
    *((0x3030, 0x303E), (0x3041, 0x3096), (0x309B, 0x31FF), (0x3200, 0x4DBF), (0x4E00, 0x9FFF)),
    *((0xA720, 0xA7FF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFE30, 0xFE4F), (0xFF01, 0xFFE6)),
    *((0x20000, 0x2FA1D), (0x30000, 0x3FFFD)),
)


def is_plain(character: str) -> bool:
    """Return whether a character stands by itself, so that its glyph can be drawn unshaped."""
    code = ord(character)
    is_standing = any(first <= code <= last for first, last in _RANGES)
    return is_standing and unicodedata.category(character) not in ("Mn", "Me", "Mc", "Cf")


def is_private(character: str) -> bool:
    """Return whether everybody means something else by a character."""
    return unicodedata.category(character) == "Co"


def is_national(file: Path) -> bool:
    """Return whether a font has what the national character set gives private code points."""
    return file.name.lower().startswith(_NATIONAL)


@cache
def font_files() -> tuple[Path, ...]:
    """Return the files of fonts of known families, the likeliest first."""
    found = []
    for file in islice(_all_files(), _MAX_FILES):
        name = file.name.lower()
        rank = next((at for at, family in enumerate(_FAMILIES) if name.startswith(family)), None)
        if rank is not None and file.suffix.lower() in _ENDINGS:
            is_bold = any(each in name for each in ("bold", "black", "heavy", "light", "thin"))
            found.append((is_bold, rank, str(file)))
    return tuple(Path(path) for _, _, path in sorted(found)[:_MAX_FONTS])


def _all_files() -> Iterator[Path]:
    for folder in _folders():
        for place, _, names in os.walk(folder):
            yield from (Path(place, name) for name in names)


def _folders() -> tuple[Path, ...]:
    home = Path("~").expanduser()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", "")
        windows = Path(os.environ.get("SYSTEMROOT", "C:\\Windows"), "Fonts")
        own = Path(local, "Microsoft", "Windows", "Fonts")
        return (windows, own) if local else (windows,)
    if sys.platform == "darwin":
        return Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"
    shared = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
    return (*shared, home / ".local" / "share" / "fonts", home / ".fonts")
