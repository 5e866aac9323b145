"""PDFs written octet by octet, so that no library that we use has a say in what the tests sign."""

from collections.abc import Sequence
from typing import Final

HEADER: Final = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
_FONT: Final = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
_BOX: Final = b"/MediaBox[0 0 595 842]"


def simple_pdf(
    *lines: str, page: bytes = b"", catalog: bytes = b"", more: Sequence[bytes] = ()
) -> bytes:
    """Return a PDF of one page for each line, which stands on it.

    Args:
        lines: ASCII; one page that says "Contract" where there is none.
        page: more entries of every page.
        catalog: more entries of the catalogue (ISO 32000-1 §7.7.2).
        more: further objects; the first has the number that :func:`next_number` tells.

    """
    texts = lines or ("Contract",)
    first = 4
    kids = b" ".join(b"%d 0 R" % (first + 2 * at) for at in range(len(texts)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R%b>>" % catalog,
        b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, len(texts)),
        _FONT,
    ]
    for at, text in enumerate(texts):
        contents = first + 2 * at + 1
        objects.append(
            b"<</Type/Page/Parent 2 0 R%b/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R%b>>"
            % (b"" if b"/MediaBox" in page else _BOX, contents, page)
        )
        objects.append(stream(b"BT /F1 24 Tf 72 720 Td (%b) Tj ET" % text.encode("ascii")))
    return assembled([*objects, *more])


def next_number(pages: int = 1) -> int:
    """Return the number of the first further object of a PDF with so many pages."""
    return 4 + 2 * pages


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """Return a stream object's octets (ISO 32000-1 §7.3.8)."""
    return b"<</Length %d%b>>stream\n%b\nendstream" % (len(content), entries, content)


def assembled(objects: Sequence[bytes], trailer: bytes = b"", start: bytes = HEADER) -> bytes:
    """Return a file of objects that are numbered from 1, with a cross-reference table (§7.5.4)."""
    raw = bytearray(start)
    offsets = []
    for number, each in enumerate(objects, 1):
        offsets.append(len(raw))
        raw += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    table = len(raw)
    raw += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    raw += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    raw += b"trailer\n<</Size %d/Root 1 0 R%b>>\n" % (len(objects) + 1, trailer)
    raw += b"startxref\n%d\n%%%%EOF\n" % table
    return bytes(raw)
