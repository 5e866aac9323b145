"""Cross-references in two forms, for readers old and new (ISO 32000-1 §7.5.8.4).

Word processors write such files by the million: what only new readers understand is hidden from the
old ones, and all else is the same to both. That is taken. A file that shows one object to the old
readers and another to the new ones is two documents, and is refused.
"""

from collections.abc import Iterator
from typing import Any

from pyhanko.pdf_utils.generic import Reference, StreamObject
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.xref import (
    XRefCache,
    XRefSectionData,
    XRefSectionMetaInfo,
    read_object_header,
)

from agent.errors import ErrorCode
from agent.pdf.wire import PdfError


class AgreedTable(XRefCache):
    """A table whose two forms were found to agree: the library need not refuse it."""

    @property
    def hybrid_xrefs_present(self) -> bool:
        """Say that there is one table."""
        return False


def agree_on_tables(reader: PdfFileReader) -> None:
    """Have the library take a file in two forms, where both say the same.

    Raises:
        PdfError: ``document_unsupported``, they say different things.

    """
    if not reader.xrefs.hybrid_xrefs_present:
        return
    numbers = range(reader.xrefs.total_revisions)
    tables = [reader.xrefs.get_xref_data(each) for each in numbers]
    places = [reader.xrefs.get_xref_container_info(each) for each in numbers]
    starts = [each.start_location for each in places]
    for at, table in enumerate(tables, 1):
        if table.hybrid is None:
            continue
        # what a later update brings along is no part of an earlier one, which somebody signed
        if table.hybrid.meta_info.end_location > max(starts[:at]):
            raise _refused("a form that comes later")
        before = places[at - 2].declared_startxref if at > 1 else None
        if _leads_on(reader, table.hybrid.meta_info, before):
            raise _refused("a form that leads to others")
        for number in _disagreements(table.hybrid.xref_data, tables[:at]):
            raise _refused(f"object {number}")
    reader.xrefs = AgreedTable(reader, reader.xrefs._xref_sections)  # noqa: SLF001  # as it was read


def _refused(detail: str) -> PdfError:
    said = f"hybrid cross-references: {detail}"
    return PdfError(said, code=ErrorCode.DOCUMENT_UNSUPPORTED)


def _leads_on(reader: PdfFileReader, place: XRefSectionMetaInfo, before: int | None) -> bool:
    """Return whether the form for new readers names one before it that its table does not name.

    Some readers go on to that one, and some do not: they would see different objects.

    Args:
        reader: of the document.
        place: of the form.
        before: the offset that its table names; None where it names none.

    """
    reader.stream.seek(place.start_location)
    number, generation = read_object_header(reader.stream, strict=True)
    own = Reference(number, generation, pdf=reader)
    found = StreamObject.read_from_stream(reader.stream, own).get("/Prev")
    return found is not None and found != before


def _disagreements(hidden: XRefSectionData, tables: list[XRefSectionData]) -> Iterator[int]:
    """Yield the objects that new readers find elsewhere than old ones do.

    Or that some new readers do not find: what the table itself calls free stays free to Firefox,
    and so where documents are drawn here. Word processors call it so in the table before.
    """
    for number, place in hidden.standard_xrefs.items():
        if _by_tables(number, tables) not in (None, place):
            yield number
    for number in (*hidden.xrefs_in_objstm, *hidden.freed):
        if _by_tables(number, tables) is not None:
            yield number
    for number in (*hidden.standard_xrefs, *hidden.xrefs_in_objstm):
        if number in tables[-1].freed:
            yield number


def _by_tables(number: int, tables: list[XRefSectionData]) -> Any:
    """Return generation and offset of an object for readers that know no other form."""
    for table in reversed(tables):
        if number in table.standard_xrefs:
            return table.standard_xrefs[number]
    return None
