"""Make a picture anew: what comes out holds the pixels that a person sees, and nothing else."""

import importlib
import io
import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from PIL import Image

from agent.portal.errors import PortalCode, PortalError
from agent.portal.pictures.kinds import PictureKind, kind_of
from agent.portal.pictures.limits import MAX_BYTES, QUALITY
from agent.portal.pictures.raster import decode

_LOADED_LATE: Final = (
    *("PIL.ImageColor", "PIL.ImagePalette", "PIL.TiffImagePlugin"),
    *("encodings.ascii", "encodings.latin_1", "encodings.utf_16", "encodings.utf_8"),
)
"""What Pillow loads only when a picture needs it."""
_LIBRARIES: Final[Mapping[PictureKind, Sequence[str]]] = MappingProxyType(
    {
        PictureKind.HEIC: ("agent.portal.pictures.heic",),
        PictureKind.PDF: ("agent.portal.pictures.document",),
    }
)


def load_decoder(data: bytes) -> None:
    """Load all that :func:`reencode` needs for a file, so that it opens no other."""
    kind = kind_of(data)
    for name in (*_LOADED_LATE, *(_LIBRARIES.get(kind, ()) if kind is not None else ())):
        importlib.import_module(name)
    Image.preinit()


def reencode(data: bytes) -> tuple[bytes, ...]:
    """Return one JPEG for a picture, one for each page of a PDF.

    The decoders are foreign code under foreign input: only the child process calls this.

    Args:
        data: the file, as it was sent.

    Raises:
        PortalError: it cannot be taken; the code says why.

    """
    if not data:
        raise PortalError(PortalCode.PICTURE_EMPTY)
    if len(data) > MAX_BYTES:
        raise PortalError(PortalCode.PICTURE_TOO_LARGE)
    kind = kind_of(data)
    if kind is None:
        raise PortalError(PortalCode.PICTURE_KIND_UNKNOWN)
    try:
        with warnings.catch_warnings(action="ignore"):  # such as of EXIF that is broken
            return tuple(_plain_jpeg(picture) for picture in _pictures(kind, data))
    except PortalError:
        raise
    except MemoryError as error:
        raise PortalError(PortalCode.PICTURE_TOO_COMPLEX, "memory") from error
    except Exception as error:
        raise PortalError(PortalCode.PICTURE_DAMAGED, type(error).__name__) from error


def _pictures(kind: PictureKind, data: bytes) -> tuple[Image.Image, ...]:
    """Decode with the one library for that kind; to load the others takes longer than a photo."""
    if kind is PictureKind.PDF:
        from agent.portal.pictures.document import draw_pages  # noqa: PLC0415  # see above

        return draw_pages(data)
    if kind is PictureKind.HEIC:
        from agent.portal.pictures.heic import decode_heic  # noqa: PLC0415  # see above

        return (decode_heic(data),)
    if kind is PictureKind.HEIC_SEQUENCE:
        raise PortalError(PortalCode.PICTURE_ANIMATED)
    return (decode(kind, data),)


def _plain_jpeg(picture: Image.Image) -> bytes:
    """Return a baseline JPEG of an RGB picture, without metadata of any kind."""
    bare = Image.new("RGB", picture.size)
    bare.paste(picture)
    buffer = io.BytesIO()
    bare.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
