"""What kind of file it is, judged by its first octets, never by its name."""

from enum import StrEnum, unique
from typing import Final

HEAD_BYTES: Final = 256
"""How many first octets :func:`kind_of` looks at."""

_HEIC_STILLS: Final = frozenset({b"heic", b"heix", b"heim", b"heis"})
_HEIC_SEQUENCES: Final = frozenset({b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"})


@unique
class PictureKind(StrEnum):
    """A kind of file that may be sent."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    HEIC = "heic"
    HEIC_SEQUENCE = "heic_sequence"
    PDF = "pdf"


def kind_of(data: bytes) -> PictureKind | None:
    """Return the kind of a file; None for all that is not taken."""
    if data.startswith(b"\xff\xd8\xff"):
        return PictureKind.JPEG
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PictureKind.PNG
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return PictureKind.WEBP
    if data.startswith(b"%PDF-"):
        return PictureKind.PDF
    return _heic_kind(data) if data[4:8] == b"ftyp" else None


def _heic_kind(data: bytes) -> PictureKind | None:
    """Judge the brands of a FileTypeBox (ISO/IEC 14496-12 §4.3, ISO/IEC 23008-12 Annex B)."""
    box = data[: min(int.from_bytes(data[:4], "big"), HEAD_BYTES)]
    major = box[8:12]
    brands = {major, *(box[start : start + 4] for start in range(16, len(box), 4))}
    if major in _HEIC_SEQUENCES:
        return PictureKind.HEIC_SEQUENCE
    return PictureKind.HEIC if brands & _HEIC_STILLS else None
