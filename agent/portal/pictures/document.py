"""Draw the pages of a PDF; its scripts, forms and attachments are never looked at."""

import pypdfium2
from PIL import Image
from pypdfium2 import raw

from agent.portal.errors import PortalCode, PortalError
from agent.portal.pictures.limits import LONGEST_SIDE, MAX_PDF_PAGES
from agent.portal.pictures.raster import paper_picture


def draw_pages(data: bytes) -> tuple[Image.Image, ...]:
    """Return each page as RGB, its longest side at most ``LONGEST_SIDE``.

    One that is encrypted so that everybody may read it is drawn like any other.

    Raises:
        PortalError: ``picture_too_many_pages``, ``picture_encrypted``, ``picture_damaged``.
        Exception: whatever the library raises where the file is damaged.

    """
    with _opened(data) as document:
        count = len(document)
        if count < 1:
            raise PortalError(PortalCode.PICTURE_DAMAGED, "no page")
        if count > MAX_PDF_PAGES:
            raise PortalError(PortalCode.PICTURE_TOO_MANY_PAGES)
        return tuple(_draw(document[number]) for number in range(count))


def _opened(data: bytes) -> pypdfium2.PdfDocument:
    # The library keeps its last error where a file fails without one of its own (no page at all),
    # and would call that file encrypted because an earlier one was.
    raw.FPDF_LoadMemDocument(b"", 0, None)
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in {raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY}:
            raise PortalError(PortalCode.PICTURE_ENCRYPTED) from error
        raise


def _draw(page: pypdfium2.PdfPage) -> Image.Image:
    scale = LONGEST_SIDE / max(page.get_size())  # in points of 1/72 inch
    picture: Image.Image = page.render(
        scale=scale, may_draw_forms=False, rev_byteorder=True
    ).to_pil()
    return paper_picture(picture)
