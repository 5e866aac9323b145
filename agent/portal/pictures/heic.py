"""Decode HEIC, by libheif."""

import io

import pi_heif
from PIL import Image

from agent.portal.pictures.raster import check_size, paper_picture

pi_heif.options.THUMBNAILS = False
pi_heif.options.DEPTH_IMAGES = False
pi_heif.options.AUX_IMAGES = False
pi_heif.options.DECODE_THREADS = 1


def decode_heic(data: bytes) -> Image.Image:
    """Return the primary picture as RGB; libheif itself turns it as the file says.

    Raises:
        PortalError: ``picture_too_many_pixels``.
        Exception: whatever the library raises where the file is damaged.

    """
    container = pi_heif.open_heif(io.BytesIO(data))
    primary = container[container.primary_index]
    check_size(primary.size)
    return paper_picture(primary.to_pillow())
