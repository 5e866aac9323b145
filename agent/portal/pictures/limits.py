"""How large a picture may be, what is made of it, and what making it may take."""

from typing import Final

MAX_BYTES: Final = 10 * 1024 * 1024
"""Octets of a file."""

MAX_PIXELS: Final = 50_000_000
"""Pixels of a picture before it is made smaller."""

MAX_PDF_PAGES: Final = 2

LONGEST_SIDE: Final = 2000
"""Pixels of the result: some 590 dpi of an identity card that fills it, 170 dpi of a page of A4."""

QUALITY: Final = 85
"""Of JPEG, in libjpeg's scale of 1 to 95."""

MAX_RESULT_BYTES: Final = MAX_PDF_PAGES * LONGEST_SIDE * LONGEST_SIDE
"""Octets of what the child process may answer; noise of that size needs less."""

MEMORY_BYTES: Final = 1024 * 1024 * 1024
"""Address space of the child process; the largest picture allowed needs some two thirds of it."""

CPU_SECONDS: Final = 10
WALL_SECONDS: Final = 20.0
"""What one picture may take; a photo of 12 megapixels takes a fraction of a second."""

WAIT_SECONDS: Final = 60.0
"""How long a picture may wait for its turn."""
