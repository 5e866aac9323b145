"""Write JSON as the pixels of a bitmap, which pages could read across origins before CORS.

BITMAPFILEHEADER and BITMAPINFOHEADER, then one row of 2000 pixels whose bytes are the text, in
the order blue, green, red. Some readers take characters 54 to 1999 of the whole file instead.
"""

import struct
from typing import Final

WIDTH: Final = 2000
CAPACITY: Final = WIDTH * 3  # bytes; a multiple of four, so that the row needs no padding
HEADER_SIZE: Final = 54
READABLE_BY_ALL: Final = 2000 - HEADER_SIZE  # bytes that reach pages that read the file as text
_HEADER: Final = struct.pack(
    "<2sIHHI" + "IiiHHIIiiII",
    *(b"BM", HEADER_SIZE + CAPACITY, 0, 0, HEADER_SIZE),
    *(40, WIDTH, 1, 1, 24, 0, CAPACITY, 0, 0, 0, 0),
)


def encode(text: str) -> bytes:
    """Return a text as a bitmap of 6054 bytes.

    Args:
        text: ASCII without NUL, at most 6000 characters.

    Raises:
        ValueError: the text is longer, or is not such a text.

    """
    data = text.encode("ascii")
    # Pages would read a NUL within the last pixel as part of the JSON.
    data += b" " * (-len(data) % 3)
    if len(data) > CAPACITY or b"\0" in data:
        raise ValueError("a text that the image cannot carry")
    return _HEADER + data.ljust(CAPACITY, b"\0")
