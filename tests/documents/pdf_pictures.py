"""Pages as two readers draw them: poppler and MuPDF."""

import io
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
from PIL import Image, ImageChops

needs_poppler = pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="no poppler-utils")
needs_mupdf = pytest.mark.skipif(shutil.which("mutool") is None, reason="no mupdf-tools")
PIXELS: Final = 2
"""Of a point, at each side."""


def by_poppler(file: Path, page: int = 1) -> Image.Image:
    """Return a page's picture; this reader takes every unit for a point."""
    dots = str(72 * PIXELS)
    words = ["pdftoppm", "-cropbox", "-png", "-r", dots, "-f", str(page), "-l", str(page)]
    return _picture([*words, str(file)])


def by_mupdf(file: Path, page: int = 1) -> Image.Image:
    words = ["mutool", "draw", "-q", "-F", "png", "-r", str(72 * PIXELS), "-o", "-"]
    return _picture([*words, str(file), str(page)])


def _picture(words: list[str]) -> Image.Image:
    done = subprocess.run(words, capture_output=True, check=True)
    return Image.open(io.BytesIO(done.stdout)).convert("RGB")


def changed(before: Image.Image, after: Image.Image) -> tuple[float, float, float, float]:
    """Return what a mark has changed: left, top, width and height, in points."""
    assert before.size == after.size
    found = ImageChops.difference(before, after).convert("L").point(lambda each: 255 * (each > 40))
    box = found.getbbox()
    assert box is not None, "nothing was drawn"
    left, top, right, bottom = (each / PIXELS for each in box)
    return left, top, right - left, bottom - top


def likeness(one: Image.Image, other: Image.Image) -> float:
    """Return how much two pictures have in common, from 0 to 1: 1 where their ink is the same."""
    small = (one.width // PIXELS, one.height // PIXELS)
    grey = [255 - value for value in one.convert("L").resize(small).tobytes()]
    others = [255 - value for value in other.convert("L").resize(small).tobytes()]
    both = sum(map(min, grey, others))
    return both / max(1, sum(map(max, grey, others)))
