"""Where on which page a visible mark goes: into a new field, or into the place that one has."""

from dataclasses import dataclass
from typing import Any

from pyhanko.pdf_utils.generic import DictionaryObject, IndirectObject
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign.fields import ensure_sig_flags, enumerate_sig_fields, prepare_sig_field

from agent.errors import ErrorCode
from agent.pdf.mark import EmptyStamp, MarkLayout, Stamp
from agent.pdf.objects import entry, items
from agent.pdf.opening import refused
from agent.pdf.shown_page import Box, ShownPage, find_page, find_page_of
from agent.pdf.wire import DrawnMark, Mark, PdfFacts


@dataclass(frozen=True, slots=True)
class MarkedField:
    """A field that waits for its mark.

    Attributes:
        stamp: what draws it.
        outcome: what is told of it.

    """

    stamp: Stamp
    outcome: DrawnMark


def place_of(reader: PdfFileReader | BasePdfFileWriter, field: str) -> Box | None:
    """Return the place of an empty field: left, bottom, right and top, in its page's own units.

    None where there is no such field, or where it has no place.
    """
    found = _widget(reader, field)
    if found is None:
        return None
    rectangle = items(entry(found[1], "/Rect"))
    try:
        x, y, other_x, other_y = (float(each) for each in rectangle)
    except (TypeError, ValueError, ArithmeticError):
        return None
    box = (min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y))
    return box if box[0] < box[2] and box[1] < box[3] else None


def _widget(
    reader: PdfFileReader | BasePdfFileWriter, field: str
) -> tuple[IndirectObject, DictionaryObject] | None:
    """Return the reference and the dictionary of a field's one widget (ISO 32000-1 §12.7.3)."""
    for _, _, reference in enumerate_sig_fields(reader, with_name=field):
        node = reference.get_object()
        if "/Kids" not in node:
            return reference, node
        kids = list(node["/Kids"].iterate())
        if len(kids) == 1 and isinstance(kids[0], IndirectObject):
            return kids[0], kids[0].get_object()
    return None


def mark_field(writer: BasePdfFileWriter, field: str, mark: Mark, facts: PdfFacts) -> MarkedField:
    """Make a field for a mark, or find the place of the one that is there.

    Args:
        writer: of the document.
        field: its name.
        mark: what is drawn; its place is that of the field where it has one.
        facts: of the document.

    Raises:
        PdfError: ``bad_request``, the page or the place on it is none, or the field has none.

    """
    place = place_of(writer, field)
    if place is not None:
        page = _page_of(writer, field)
    elif field in facts.fields:
        raise refused(ErrorCode.BAD_REQUEST, "that field is not for a visible signature")
    else:
        page = find_page(writer.root, mark.place.page, facts.pages)
        place = page.rectangle(mark.place.box or page.default_box())
        _add_field(writer, field, page, place)
    width, height, matrix = page.upright(place)
    layout = MarkLayout(mark, width, height)
    return MarkedField(Stamp(writer, layout, matrix), layout.outcome(page.number))


def _page_of(writer: BasePdfFileWriter, field: str) -> ShownPage:
    found: Any = _widget(writer, field)
    reference, widget = found
    named = widget.raw_get("/P") if "/P" in widget else None
    return find_page_of(writer.root, reference, named)


def add_invisible_field(writer: BasePdfFileWriter, field: str) -> None:
    """Make a field that nobody sees; for archives it has an appearance too, an empty one."""
    _, reference = prepare_sig_field(field, writer.root, update_writer=writer)
    ensure_sig_flags(writer, lock_sig_flags=False)
    EmptyStamp(writer, 1, 1).apply_appearance(reference.get_object())


def _add_field(writer: BasePdfFileWriter, field: str, page: ShownPage, place: Box) -> None:
    """Make an empty field, which is one with its widget."""
    prepare_sig_field(
        field,
        writer.root,
        update_writer=writer,
        box=place,
        include_on_page=page.reference,
    )
    ensure_sig_flags(writer, lock_sig_flags=False)
