"""Write into a picture for which case and which reviewer it was opened.

The mark is drawn into the picture's own bytes and not over it by the page: what is saved, copied or
photographed from the page's sources carries it too. It is written in Latin letters and digits, for
which Pillow brings a font of its own; so a reviewer is named by the number that the audit knows.
"""

import io
from typing import Final

from PIL import Image, ImageDraw, ImageFont

_QUALITY: Final = 88
_STRENGTH: Final = 46  # of 255: seen at a glance, and small letters stay legible under it
_ANGLE: Final = 24  # degrees, so that no line of a document runs along it
_LINES_A_SIDE: Final = 26  # of the shorter side is one line of letters
_SMALLEST: Final = 10  # pixels of a mask, which is half as large


def watermarked(jpeg: bytes, text: str) -> bytes:
    """Return the picture as JPEG with ``text`` all over it; takes some 100 ms, so not on a loop.

    Every other line is dark and the rest is light, so that neither a white card nor a dark photo
    hides both.

    Args:
        jpeg: a picture that was re-encoded here.
        text: printable ASCII.

    Raises:
        OSError: ``jpeg`` is no picture.

    """
    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as opened:
        picture = opened.convert("RGB")
    for shift, colour in enumerate(("black", "white")):
        picture.paste(colour, (0, 0), _mask(picture.size, text, shift))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _mask(size: tuple[int, int], text: str, shift: int) -> Image.Image:
    """Return where letters are: every second line, beginning with the first or the second.

    They are drawn in half the size, which takes a quarter of the time and shows the same.
    """
    width, height = (max(1, side // 2) for side in size)
    letters = max(_SMALLEST, min(width, height) // _LINES_A_SIDE)
    font = ImageFont.load_default(letters)
    diagonal = int((width**2 + height**2) ** 0.5) + 2
    sheet = Image.new("L", (diagonal, diagonal), 0)
    draw = ImageDraw.Draw(sheet)
    line = text + " " * 8
    advance = max(1.0, draw.textlength(line, font))
    row = line * (int(diagonal / advance) + 2)
    step = letters * 5
    for number, top in enumerate(range(0, diagonal, step)):
        if number % 2 == shift:
            draw.text((-(number % 3) * advance / 3, top), row, fill=_STRENGTH, font=font)
    turned = sheet.rotate(_ANGLE, resample=Image.Resampling.BILINEAR)
    left, top = (diagonal - width) // 2, (diagonal - height) // 2
    return turned.crop((left, top, left + width, top + height)).resize(size)
