"""Characters that no font of this computer draws: their code points are shown instead.

Tk draws an empty box for them, the same one for everybody, so that two people's names look alike.
"""

import ctypes
import ctypes.util
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from agent.harmless import code_point, one_line

_ASKED_FROM: Final = 0x3400
"""Below are the scripts that every desktop draws."""
_EVERYWHERE: Final = range(0x4E00, 0x9FA6)  # the ideographs of Unicode 1.1
_WITHOUT_KNOWLEDGE: Final = (range(0x3400, 0xE000), range(0xF900, 0xFFFE), range(0x20000, 0x2A6E0))
"""What fonts are taken to draw where none can be asked: the ideographs up to extension B."""


def shown_line(text: str, draws: Callable[[str], bool] | None = None) -> str:
    """Return a line for a window: harmless, with code points for what no font here draws.

    Args:
        text: as a page or a card has it.
        draws: whether any font has a glyph for a character; None to ask this computer's.

    """
    draws = draws or is_drawn
    line = one_line(text)
    return "".join(each if draws(each) else code_point(each) for each in line)


@lru_cache(maxsize=1024)
def is_drawn(character: str) -> bool:
    """Return whether a font of this computer has a glyph for a character, as far as it is known."""
    code = ord(character)
    if code < _ASKED_FROM or code in _EVERYWHERE:
        return True
    library = _fontconfig()
    if library is None:
        return any(code in known for known in _WITHOUT_KNOWLEDGE)
    return _has_font(library, code)


@lru_cache(maxsize=1)
def _fontconfig() -> Any:
    """Load the library that Tk chooses fonts with on Linux; None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    name = ctypes.util.find_library("fontconfig") or "libfontconfig.so.1"
    try:
        library = ctypes.CDLL(name)
        for function in ("FcPatternCreate", "FcCharSetCreate", "FcObjectSetCreate", "FcFontList"):
            getattr(library, function).restype = ctypes.c_void_p
    except (OSError, AttributeError):
        return None
    return library


class _FontSet(ctypes.Structure):
    """The beginning of FcFontSet, <fontconfig.h>."""

    _fields_ = (("nfont", ctypes.c_int), ("sfont", ctypes.c_int), ("fonts", ctypes.c_void_p))


def _has_font(library: Any, code: int) -> bool:
    """Ask fontconfig for the fonts that have a character: ``fc-list :charset=…``."""
    pattern = ctypes.c_void_p(library.FcPatternCreate())
    characters = ctypes.c_void_p(library.FcCharSetCreate())
    properties = ctypes.c_void_p(library.FcObjectSetCreate())
    library.FcCharSetAddChar(characters, ctypes.c_uint32(code))
    library.FcPatternAddCharSet(pattern, b"charset", characters)
    found = library.FcFontList(None, pattern, properties)
    count = ctypes.cast(found, ctypes.POINTER(_FontSet)).contents.nfont if found else 0
    if found:
        library.FcFontSetDestroy(ctypes.c_void_p(found))
    library.FcObjectSetDestroy(properties)
    library.FcCharSetDestroy(characters)
    library.FcPatternDestroy(pattern)
    return count > 0
