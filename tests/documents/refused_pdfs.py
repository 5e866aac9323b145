"""PDFs that somebody made to harm, and odd ones that are harmless: what the worker says of each.

Written octet by octet; those that are signed already are made by ``signed_pdfs``.
"""

import re
import zlib
from collections.abc import Callable
from typing import Final

from agent.errors import ErrorCode
from agent.pdf.wire import PdfWarning
from tests.documents.pdf_files import HEADER, assembled, next_number, simple_pdf, stream

Maker = Callable[[], bytes]
DAMAGED: Final = ErrorCode.DOCUMENT_DAMAGED
UNSUPPORTED: Final = ErrorCode.DOCUMENT_UNSUPPORTED
_PAGE: Final = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>>>"
_TOP: Final = (b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>")
_NEXT: Final = next_number()
_MIB: Final = 1024 * 1024


def built(
    catalog: bytes = b"<</Type/Catalog/Pages 2 0 R>>",
    pages: bytes = b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
    page: bytes = _PAGE,
    *more: bytes,
    trailer: bytes = b"",
) -> bytes:
    """Return a PDF of the three objects that every one has, and ``more`` from number 4."""
    return assembled([catalog, pages, page, *more], trailer)


def form(fields: bytes, *more: bytes, entries: bytes = b"", page: bytes = b"") -> bytes:
    """Return a PDF with a form; the first of ``more`` has the number 6."""
    acro = b"/AcroForm<</Fields[%b]%b>>" % (fields, entries)
    return simple_pdf(catalog=acro, more=more, page=page)


def sig_field(name: bytes, entries: bytes = b"") -> bytes:
    """Return an empty signature field, which is its own widget, on no page."""
    return b"<</FT/Sig/Type/Annot/Subtype/Widget/Rect[0 0 0 0]/F 132/T%b%b>>" % (name, entries)


def shown_field(content: bytes) -> bytes:
    """Return a PDF with an empty signature field all over its page, which shows something."""
    entries = b"/Rect[0 0 300 300]/T(a)/AP<</N 7 0 R>>"
    field = b"<</FT/Sig/Type/Annot/Subtype/Widget%b>>" % entries
    shown = stream(content, b"/Type/XObject/Subtype/Form/BBox[0 0 300 300]")
    return form(b"6 0 R", field, shown, page=b"/Annots[6 0 R]")


def update(raw: bytes, number: int, body: bytes, trailer: bytes = b"/Root 1 0 R") -> bytes:
    """Return a file with an update of one object behind it (ISO 32000-1 §7.5.6)."""
    before = raw if raw.endswith(b"\n") else raw + b"\n"
    start = re.findall(rb"startxref\s+(\d+)", raw)[-1]
    size = max(map(int, re.findall(rb"/Size (\d+)", raw)))
    at = len(before)
    before += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"xref\n%d 1\n%010d 00000 n \ntrailer\n" % (number, at)
    table += b"<</Size %d/Prev %b%b>>\n" % (max(size, number + 1), start, trailer)
    return before + table + b"startxref\n%d\n%%%%EOF\n" % len(before)


def xref_stream_pdf(
    content: bytes, entries: bytes, size: int = 5, objects: tuple[bytes, ...] = ()
) -> bytes:
    """Return a PDF whose cross-reference is a stream with the given content and entries."""
    raw = bytearray(HEADER)
    bodies = (b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", _PAGE)
    for number, each in enumerate((*bodies, *objects), 1):
        raw += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    at = len(raw)
    raw += b"9 0 obj\n"
    head = b"/Type/XRef/Size %d/W[1 4 2]/Root 1 0 R%b" % (size, entries)
    raw += stream(content, head) + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % at
    return bytes(raw)


def zeros(mebibytes: int) -> bytes:
    """Return the deflated octets of so many zeros."""
    packer = zlib.compressobj(9)
    once = [packer.compress(bytes(_MIB)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2)]
    # from the second one on all are the same; the checksum is wrong, but nobody gets that far
    return once[0] + once[1] * (mebibytes - 1) + packer.flush()


def xref_bomb() -> bytes:
    return xref_stream_pdf(zeros(2048), b"/Filter/FlateDecode")


def chained_bomb() -> bytes:
    content = zeros(1024)
    for _ in range(3):
        content = zlib.compress(content, 9)
    return xref_stream_pdf(content, b"/Filter[%b]" % (b"/FlateDecode" * 4))


def predictor_bomb() -> bytes:
    parms = b"/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 1000000000>>"
    return xref_stream_pdf(zeros(300), parms)


def object_stream_pdf(content: bytes, entries: bytes) -> bytes:
    """Return a PDF whose catalogue is in an object stream, number 4."""
    raw = bytearray(HEADER)
    offsets = {}
    packed = stream(content, b"/Type/ObjStm" + entries)
    bodies = {2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>", 3: _PAGE, 4: packed}
    for number, body in bodies.items():
        offsets[number] = len(raw)
        raw += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    at = len(raw)
    rows = [(0, 0, 65535), (2, 4, 0), *((1, offsets[each], 0) for each in (2, 3, 4)), (1, at, 0)]
    table = b"".join(bytes([a]) + b.to_bytes(4, "big") + c.to_bytes(2, "big") for a, b, c in rows)
    raw += b"5 0 obj\n" + stream(table, b"/Type/XRef/Size 6/W[1 4 2]/Root 1 0 R")
    raw += b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % at
    return bytes(raw)


def table_beyond(size: int) -> bytes:
    """Return a PDF of six objects, and a table that says that there are so many."""
    raw = object_stream_pdf(b"1 0 <</Type/Catalog/Pages 2 0 R>>", b"/N 1/First 4")
    return raw.replace(b"/Size 6", b"/Size %d/Index[0 6]" % size)


def object_stream_bomb() -> bytes:
    return object_stream_pdf(zeros(2048), b"/N 1/First 4/Filter/FlateDecode")


def _last_table(raw: bytes) -> bytes:
    """Return the offset of a file's last cross-reference, in digits."""
    found: list[bytes] = re.findall(rb"startxref\s+(\d+)", raw)
    return found[-1]


def hybrid(number: int, kind: int, *, follows: bool = False, entries: bytes = b"") -> bytes:
    """Return a file in two forms; the one for new readers says of an object where it is.

    Args:
        number: of the object; one that is there is said to be where another is.
        kind: 0 for none, 1 for one in use, 2 for one in an object stream.
        follows: whether that form stands behind all tables.
        entries: more of it.

    """
    before = simple_pdf()
    start = _last_table(before)
    place = before.index(b"3 0 obj")
    row = bytes([kind]) + place.to_bytes(2, "big") + b"\0"
    head = b"99 0 obj\n<</Type/XRef/Size 100/W[1 2 1]/Index[%d 1]/Length 4%b>>stream\n"
    head %= number, entries
    form = head + row + b"\nendstream\nendobj\n"
    table = b"xref\n0 0\ntrailer\n<</Size 100/Root 1 0 R/Prev %b/XRefStm %%d>>\n" % start
    if not follows:
        table = form + table % len(before)
        at = len(before) + len(form)
    else:
        at = len(before)
        table = (table % 10**5).replace(b"100000", b"%06d" % (at + len(table) + 4)) + form
    return before + table + b"startxref\n%d\n%%%%EOF\n" % at


def looped_xref() -> bytes:
    raw = simple_pdf()
    start = _last_table(raw)
    return raw.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev " + start)


def looped_prev() -> bytes:
    """Return a file of two tables, each of which says that the other was before it."""
    raw = update(simple_pdf().replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev 0000000000"), 3, b"null")
    last = int(_last_table(raw))
    return raw.replace(b"/Prev 0000000000", b"/Prev %010d" % last, 1)


def cut(octets: int) -> bytes:
    return simple_pdf()[:-octets]


def many_pages(count: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % number for number in range(3, 3 + count))
    pages = b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, count)
    return assembled([b"<</Type/Catalog/Pages 2 0 R>>", pages, *([_PAGE] * count)])


def many_fields(count: int) -> bytes:
    refs = b" ".join(b"%d 0 R" % number for number in range(_NEXT, _NEXT + count))
    return form(refs, *(sig_field(b"(S%d)" % each) for each in range(count)))


def nested_fields(depth: int) -> bytes:
    inner = (b"<</T(a)/Kids[%d 0 R]>>" % (_NEXT + each + 1) for each in range(depth))
    return form(b"%d 0 R" % _NEXT, *inner, sig_field(b"(end)"))


def many_updates(count: int) -> bytes:
    """Return a PDF that was updated so often, each time by a page that is as it was."""
    raw = bytearray(built())
    start = int(re.findall(rb"startxref\s+(\d+)", bytes(raw))[-1])
    for _ in range(count):
        at = len(raw)
        raw += b"3 0 obj\n%b\nendobj\n" % _PAGE
        table = len(raw)
        raw += b"xref\n3 1\n%010d 00000 n \ntrailer\n<</Size 4/Root 1 0 R/Prev %d>>\n" % (at, start)
        raw += b"startxref\n%d\n%%%%EOF\n" % table
        start = table
    return bytes(raw)


def replaced(old: bytes, new: bytes) -> Maker:
    """Return what makes the plain file with some octets replaced."""
    return lambda: simple_pdf().replace(old, new)


def catalogue(entries: bytes) -> Maker:
    return lambda: simple_pdf(catalog=entries)


_DEEP: Final = b"[" * 200_000 + b"]" * 200_000
_DEEP_DICTIONARIES: Final = b"<</a" * 50_000 + b" 1" + b">>" * 50_000

REFUSED: Final[dict[str, tuple[ErrorCode, Maker]]] = {
    "no octet": (DAMAGED, lambda: b""),
    "one NUL": (DAMAGED, lambda: b"\0"),
    "NULs": (DAMAGED, lambda: bytes(4096)),
    "a picture": (DAMAGED, lambda: b"\x89PNG\r\n\x1a\n" + bytes(99)),
    "the header alone": (DAMAGED, lambda: b"%PDF-1.7\n"),
    "header and end": (DAMAGED, lambda: b"%PDF-1.7\nstartxref\n0\n%%EOF\n"),
    "octets before the header": (DAMAGED, lambda: b"\xef\xbb\xbf\n" + simple_pdf()),
    "a header that comes later": (DAMAGED, lambda: b"x" * 500 + b"\n" + simple_pdf()),
    "cut short by 200": (DAMAGED, lambda: cut(200)),
    "cut in half": (DAMAGED, lambda: cut(len(simple_pdf()) // 2)),
    "no end mark": (DAMAGED, lambda: cut(6)),
    "much behind the end": (DAMAGED, lambda: simple_pdf() + bytes(2048)),
    "a wrong startxref": (DAMAGED, replaced(b"startxref\n", b"startxref\n9")),
    "a negative startxref": (DAMAGED, replaced(b"startxref\n", b"startxref\n-")),
    "startxref of 5000 digits": (DAMAGED, replaced(b"startxref\n", b"startxref\n" + b"9" * 5000)),
    "a table before itself": (DAMAGED, looped_xref),
    "tables before each other": (DAMAGED, looped_prev),
    "a negative /Prev": (DAMAGED, lambda: built(trailer=b"/Prev -5")),
    "/Prev behind the end": (DAMAGED, lambda: built(trailer=b"/Prev 99999999")),
    "/Prev is a name": (DAMAGED, lambda: built(trailer=b"/Prev/None")),
    "no /Root": (DAMAGED, replaced(b"/Root 1 0 R", b"")),
    "/Root is a number": (DAMAGED, replaced(b"/Root 1 0 R", b"/Root 7")),
    "/Root is not there": (DAMAGED, replaced(b"/Root 1 0 R", b"/Root 77 0 R")),
    "/Root is an array": (DAMAGED, lambda: built(b"[1 2 3]")),
    "/Root is itself": (DAMAGED, lambda: built(b"1 0 R")),
    "no /Pages": (DAMAGED, lambda: built(b"<</Type/Catalog>>")),
    "/Pages is a number": (DAMAGED, lambda: built(b"<</Type/Catalog/Pages 1>>")),
    "/Pages is null": (DAMAGED, lambda: built(pages=b"null")),
    "/Pages is a reference to itself": (DAMAGED, lambda: built(pages=b"2 0 R")),
    "no pages": (DAMAGED, lambda: built(pages=b"<</Type/Pages/Kids[]/Count 0>>")),
    "/Kids is a name": (DAMAGED, lambda: built(pages=b"<</Type/Pages/Kids/All/Count 1>>")),
    "no /Count": (DAMAGED, lambda: built(pages=b"<</Type/Pages/Kids[3 0 R]>>")),
    "a huge /Count": (DAMAGED, lambda: built(pages=b"<</Kids[3 0 R]/Count 1000000000>>")),
    "a negative /Count": (DAMAGED, lambda: built(pages=b"<</Kids[3 0 R]/Count -1>>")),
    "a tree that is its own child": (DAMAGED, lambda: built(pages=b"<</Kids[2 0 R]/Count 1>>")),
    "a page twice": (DAMAGED, lambda: built(pages=b"<</Kids[3 0 R 3 0 R]/Count 2>>")),
    "a kid that is missing": (DAMAGED, lambda: built(pages=b"<</Kids[3 0 R 44 0 R]/Count 2>>")),
    "a kid that is a number": (DAMAGED, lambda: built(pages=b"<</Kids[3 0 R 5]/Count 2>>")),
    "10 001 pages": (UNSUPPORTED, lambda: many_pages(10_001)),
    "arrays 200 000 deep": (DAMAGED, catalogue(b"/X " + _DEEP)),
    "dictionaries 50 000 deep": (DAMAGED, catalogue(b"/X " + _DEEP_DICTIONARIES)),
    "arrays 200 000 deep in the trailer": (DAMAGED, lambda: built(trailer=b"/X " + _DEEP)),
    "a table that inflates to 2 GiB": (DAMAGED, xref_bomb),
    "a table deflated four times": (DAMAGED, chained_bomb),
    "a predictor of 10^9 columns": (DAMAGED, predictor_bomb),
    "an object stream that inflates to 2 GiB": (DAMAGED, object_stream_bomb),
    "an object stream of 10^9": (
        DAMAGED,
        lambda: object_stream_pdf(b"1 0 ", b"/N 1000000000/First 4"),
    ),
    "an object stream in itself": (
        DAMAGED,
        lambda: object_stream_pdf(b"1 0 4 0 R", b"/N 1/First 4/Extends 4 0 R"),
    ),
    "an index of 2^31": (
        DAMAGED,
        lambda: xref_stream_pdf(bytes(70), b"/Index[2147483648 10]"),
    ),
    "an object beyond the number of objects": (DAMAGED, lambda: table_beyond(5)),
    "negative widths": (
        DAMAGED,
        lambda: xref_stream_pdf(bytes(70), b"").replace(b"/W[1 4 2]", b"/W[1-4 2]"),
    ),
    "widths of 10^9": (
        DAMAGED,
        lambda: xref_stream_pdf(bytes(70), b"").replace(b"/W[1 4 2]", b"/W[1 4 999999999]"),
    ),
    "an update without a catalogue": (DAMAGED, lambda: update(simple_pdf(), 6, b"null", b"")),
    "an update that is not encrypted": (
        DAMAGED,
        lambda: update(
            assembled(
                [b"<</Type/Catalog/Pages 2 0 R>>", b"null", b"<</Filter/Standard/V 4/R 4>>"],
                b"/Encrypt 3 0 R/ID[(a)(a)]",
            ),
            4,
            b"null",
        ),
    ),
    "two forms that say different things": (UNSUPPORTED, lambda: hybrid(4, 1)),
    "two forms, one of which takes an object away": (UNSUPPORTED, lambda: hybrid(4, 0)),
    "two forms, one of which has an object elsewhere": (UNSUPPORTED, lambda: hybrid(4, 2)),
    "two forms, one of which comes later": (UNSUPPORTED, lambda: hybrid(98, 0, follows=True)),
    "two forms, of which one calls free what the other has": (
        UNSUPPORTED,
        lambda: hybrid(98, 1).replace(b"xref\n0 0\n", b"xref\n98 1\n0000000000 65535 f \n"),
    ),
    "two forms, one of which leads to a third": (
        UNSUPPORTED,
        lambda: hybrid(3, 1, entries=b"/Prev 0"),
    ),
    "revision 5 of encryption": (
        UNSUPPORTED,
        lambda: assembled(
            [b"<</Type/Catalog/Pages 2 0 R>>", b"null", b"<</Filter/Standard/V 5/R 5>>"],
            b"/Encrypt 3 0 R/ID[(a)(a)]",
        ),
    ),
    "fields that are their own kids": (DAMAGED, lambda: form(b"6 0 R", b"<</T(a)/Kids[6 0 R]>>")),
    "a field twice": (DAMAGED, lambda: form(b"6 0 R 6 0 R", sig_field(b"(a)"))),
    "a field that is a number": (DAMAGED, lambda: form(b"7")),
    "a field that is missing": (DAMAGED, lambda: form(b"77 0 R")),
    "fields 5000 deep": (DAMAGED, lambda: nested_fields(5000)),
    "fields that are a name": (DAMAGED, catalogue(b"/AcroForm<</Fields/All>>")),
    "a form that is a number": (DAMAGED, catalogue(b"/AcroForm 7")),
    "300 signature fields": (UNSUPPORTED, lambda: many_fields(300)),
    "a field whose name is half a character": (
        DAMAGED,
        lambda: form(b"6 0 R", sig_field(b"<FEFFD800>")),
    ),
    "a field whose name is a number": (DAMAGED, lambda: form(b"6 0 R", sig_field(b" 7"))),
    "actions without end": (
        DAMAGED,
        lambda: form(b"", b"<</S/GoTo/Next 6 0 R>>", page=b"/Annots[<</A 6 0 R>>]"),
    ),
    "a dynamic form": (
        UNSUPPORTED,
        catalogue(b"/AcroForm<</Fields[]/XFA(x)>>/NeedsRendering true"),
    ),
    "/Encrypt is a number": (DAMAGED, lambda: built(trailer=b"/Encrypt 7")),
    "/Encrypt says nothing": (DAMAGED, lambda: built(trailer=b"/Encrypt<<>>")),
    "an unknown kind of encryption": (
        UNSUPPORTED,
        lambda: assembled(
            [b"<</Type/Catalog/Pages 2 0 R>>", b"null", b"<</Filter/Nobody/V 4>>"],
            b"/Encrypt 3 0 R/ID[(a)(a)]",
        ),
    ),
}
"""What is refused: the code, and what makes the file."""

_SCRIPT: Final = b"/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>"
ACCEPTED: Final[dict[str, tuple[set[PdfWarning], Maker]]] = {
    "a plain one": (set(), simple_pdf),
    "a version that nobody made yet": (set(), lambda: b"%PDF-9.9" + simple_pdf()[8:]),
    "a thousand updates": (set(), lambda: many_updates(1000)),
    "a little behind the end": (set(), lambda: simple_pdf() + b"\n% harmless\n"),
    "an entry of no object with too high a number": (set(), replaced(b" 65535 f", b" 65536 f")),
    "a table of as many objects as it says": (set(), lambda: table_beyond(6)),
    "two forms that say the same": (set(), lambda: hybrid(3, 1)),
    "two forms that lead to the same": (
        set(),
        lambda: hybrid(3, 1, entries=b"/Prev " + _last_table(simple_pdf())),
    ),
    "two forms, one of which frees what is not there": (set(), lambda: hybrid(98, 0)),
    "an annotation whose kind is no name": (
        set(),
        lambda: simple_pdf(page=b"/Annots[<</Subtype true/Rect[0 0 9 9]/A<</S[1]>>>>]"),
    ),
    "a page with a /Parent that is itself": (
        set(),
        lambda: built(page=_PAGE.replace(b"2 0 R", b"3 0 R")),
    ),
    "a script": ({PdfWarning.SCRIPTS}, catalogue(_SCRIPT)),
    "a script of a page": (
        {PdfWarning.SCRIPTS},
        lambda: simple_pdf(page=b"/AA<</O<</S/JavaScript/JS(x)>>>>"),
    ),
    "named scripts": ({PdfWarning.SCRIPTS}, catalogue(b"/Names<</JavaScript<</Names[]>>>>")),
    "a script behind another action": (
        {PdfWarning.SCRIPTS},
        catalogue(b"/OpenAction<</S/GoTo/D[3 0 R/Fit]/Next<</S/JavaScript/JS(x)>>>>"),
    ),
    "a script of an annotation": (
        {PdfWarning.SCRIPTS},
        lambda: simple_pdf(
            page=b"/Annots[<</Subtype/Link/Rect[0 0 9 9]/A<</S/JavaScript/JS(x)>>>>]"
        ),
    ),
    "a destination": (set(), catalogue(b"/OpenAction[4 0 R/Fit]")),
    "a static form of XFA": ({PdfWarning.FORM_XFA}, lambda: form(b"", entries=b"/XFA(x)")),
    "an attachment": (
        {PdfWarning.ATTACHMENTS},
        catalogue(b"/Names<</EmbeddedFiles<</Names[]>>>>"),
    ),
    "layers": ({PdfWarning.LAYERS}, catalogue(b"/OCProperties<</OCGs[]/D<<>>>>")),
    "content in another file": (
        {PdfWarning.EXTERNAL},
        lambda: built(
            *_TOP,
            _PAGE.replace(b">>>>", b">>/Contents 4 0 R>>"),
            stream(b"", b"/F(http://a.example/x)"),
        ),
    ),
    "a stamp over the text": (
        {PdfWarning.COVERED},
        lambda: simple_pdf(page=b"/Annots[<</Subtype/Stamp/Rect[0 0 300 300]>>]"),
    ),
    "a filled square over the text": (
        {PdfWarning.COVERED},
        lambda: simple_pdf(page=b"/Annots[<</Subtype/Square/IC[1]/Rect[0 0 300 300]>>]"),
    ),
    "a signature field that shows something over the text": (
        {PdfWarning.COVERED},
        lambda: shown_field(b"1 g 0 0 300 300 re f"),
    ),
    "a signature field that shows nothing": (set(), lambda: shown_field(b" ")),
    "an empty square around the text": (
        set(),
        lambda: simple_pdf(page=b"/Annots[<</Subtype/Square/Rect[0 0 300 300]>>]"),
    ),
    "a stamp that nobody sees": (
        set(),
        lambda: simple_pdf(page=b"/Annots[<</Subtype/Stamp/F 2/Rect[0 0 300 300]>>]"),
    ),
    "annotations that are nonsense": (
        set(),
        lambda: simple_pdf(page=b"/Annots[7 null[] <</Subtype 7/Rect/F/F/IC>>]"),
    ),
    "a form that is direct": (set(), lambda: form(b"6 0 R", sig_field(b"(mine)"))),
    "appearances to be made": (set(), lambda: form(b"", entries=b"/NeedAppearances true")),
    "a form without fields": (set(), catalogue(b"/AcroForm<<>>")),
    "a form that is null": (set(), catalogue(b"/AcroForm null")),
    "a signature field that is a kid": (
        set(),
        lambda: form(b"6 0 R", b"<</T(above)/Kids[7 0 R]>>", sig_field(b"(b)", b"/Parent 6 0 R")),
    ),
    "a field whose name has a dot": (set(), lambda: form(b"6 0 R", sig_field(b"(a.b)"))),
    "a field whose name is empty": (set(), lambda: form(b"6 0 R", sig_field(b"()"))),
    "a field without a name": (
        set(),
        lambda: form(b"6 0 R", b"<</FT/Sig/Type/Annot/Subtype/Widget/Rect[0 0 0 0]>>"),
    ),
    "a field whose name is 70 kB": (
        set(),
        lambda: form(b"6 0 R", sig_field(b"(%b)" % (b"n" * 70_000))),
    ),
    "two fields of one name": (
        set(),
        lambda: form(b"6 0 R 7 0 R", sig_field(b"(a)"), sig_field(b"(a)")),
    ),
    "a field whose /V is null": (set(), lambda: form(b"6 0 R", sig_field(b"(a)", b"/V null"))),
    "a field that is signed by a number": (
        set(),
        lambda: form(b"6 0 R", sig_field(b"(a)", b"/V 7")),
    ),
    "a field that is signed by nothing": (
        set(),
        lambda: form(b"6 0 R", sig_field(b"(a)", b"/V<<>>")),
    ),
    "a lock over all fields": (
        set(),
        lambda: form(b"6 0 R", sig_field(b"(a)", b"/Lock<</Type/SigFieldLock/Action/All>>")),
    ),
}
"""What is signed: the warnings, and what makes the file."""
