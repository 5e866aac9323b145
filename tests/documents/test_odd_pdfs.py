"""Odd PDFs that people have: signed so that they show what they showed, and signed again."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pyhanko.pdf_utils.generic import StreamObject, pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from agent.errors import ErrorCode
from agent.pdf.evidence import read_evidence
from agent.pdf.examine import examine
from agent.pdf.first_entry import read_strictly
from agent.pdf.hole import fill
from agent.pdf.pdf_facts import inspect
from agent.pdf.prepare import UpdateWriter, prepare
from agent.pdf.wire import Changes, Mark, MarkPlace, PdfError, PreparePdf, ReadEvidence
from tests.documents import pdf_judges
from tests.documents.pdf_files import simple_pdf, stream
from tests.documents.refused_pdfs import built, form, sig_field
from tests.documents.signed_pdfs import FIRST, SECOND, citizen

_XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><a b='%b'/></x:xmpmeta>"
_UNBOUND = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><a xmp:b='1'/></x:xmpmeta>"
_TYPED = b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + _XMP % b"2"
_FILLED = b"<</FT/Tx/T(a)/V(100)/DA(/F1 9 Tf)/Type/Annot/Subtype/Widget/Rect[9 9 99 29]/F 4>>"


def written(folder: Path, raw: bytes) -> Path:
    file = folder / "odd.pdf"
    file.write_bytes(raw)
    return file


def update_of(file: Path, *, mark: bool = False, field: str | None = None) -> bytes:
    """Return what a signature adds to a document."""
    out = file.with_name("out.pdf")
    wanted = Mark(MarkPlace(), ("王測試",)) if mark else None
    prepare(PreparePdf(str(file), out=str(out), mark=wanted, field=field))
    raw = out.read_bytes()
    return raw[file.stat().st_size :]


def with_xmp(raw: bytes) -> bytes:
    metadata = stream(raw, b"/Type/Metadata/Subtype/XML")
    return simple_pdf(catalog=b"/Metadata 6 0 R", more=(metadata,))


def other_xmp(raw: bytes) -> Callable[[IncrementalPdfFileWriter], None]:
    def change(writer: IncrementalPdfFileWriter) -> None:
        found = writer.root["/Metadata"]
        assert isinstance(found, StreamObject)
        found._data = raw
        found._encoded_data = None
        writer.update_container(found)

    return change


def updated(file: Path, change: Callable[[IncrementalPdfFileWriter], None]) -> Path:
    """Write an update behind a document, by a writer that leaves its metadata alone."""
    with file.open("r+b") as stream:
        writer = UpdateWriter(stream)
        change(writer)
        writer.write_in_place()
    return file


def signed_here(file: Path) -> Path:
    """Sign a document as the agent does, with a software key."""
    out = file.with_name("out.pdf")
    room = prepare(PreparePdf(str(file), out=str(out)))
    signer = citizen().signer()
    message = asyncio.run(signer.async_sign(room.digest, "sha256", use_pades=True))
    fill(out, room, message.dump())
    return out.replace(file)


def changes_of(file: Path) -> dict[str, tuple[Changes, bool]]:
    return {each.field: (each.changes, each.allowed) for each in examine(file, None).signatures}


def test_readers_go_on_drawing_what_a_program_filled_in(tmp_path: Path) -> None:
    raw = form(b"6 0 R", _FILLED, entries=b"/NeedAppearances true", page=b"/Annots[6 0 R]")
    added = update_of(written(tmp_path, raw))
    assert b"/NeedAppearances true" in added


def test_readers_need_draw_no_form_of_signatures_alone(tmp_path: Path) -> None:
    raw = form(b"6 0 R", sig_field(b"(a)"), entries=b"/NeedAppearances true")
    assert b"/NeedAppearances" not in update_of(written(tmp_path, raw))


@pytest.mark.parametrize("xmp", [_XMP % b"1", _UNBOUND, b"", b"\xff\xfe"], ids=repr)
def test_metadata_that_nobody_touches_keeps_nobody_from_signing_again(
    xmp: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lxml", None)  # which the installed program does not have
    file = signed_here(signed_here(written(tmp_path, with_xmp(xmp))))
    assert changes_of(file) == {FIRST: (Changes.FORMS, True), SECOND: (Changes.NONE, True)}


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        (_XMP % b"1", _XMP % b"2", Changes.EVIDENCE),
        (_XMP % b"1", _UNBOUND, Changes.OTHER),
        (_UNBOUND, _XMP % b"2", Changes.OTHER),
        (_XMP % b"1", _TYPED, Changes.OTHER),
        (_XMP % b"1", b"<x/>", Changes.OTHER),
    ],
    ids=["by XMP", "by what is none", "of what was none", "by one with a type", "by other XML"],
)
def test_metadata_may_be_replaced_by_metadata(
    before: bytes, after: bytes, changes: Changes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lxml", None)
    file = updated(signed_here(written(tmp_path, with_xmp(before))), other_xmp(after))
    assert changes_of(file)[FIRST][0] is changes


def test_metadata_that_is_no_object_of_its_own_is_compared(tmp_path: Path) -> None:
    def change(writer: IncrementalPdfFileWriter) -> None:
        writer.root["/Metadata"] = pdf_name("/Other")
        writer.update_root()

    file = written(tmp_path, simple_pdf(catalog=b"/Metadata/None"))
    assert changes_of(signed_here(signed_here(file)))[FIRST] == (Changes.FORMS, True)
    assert changes_of(updated(file, change))[FIRST][0] is Changes.OTHER


@pytest.mark.parametrize(
    "page",
    [
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 0.9 0.9]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/UserUnit 1000>>",
    ],
    ids=["a page of less than a point", "units of a foot"],
)
def test_a_mark_that_would_be_nothing_is_refused(page: bytes, tmp_path: Path) -> None:
    file = written(tmp_path, built(page=page))
    with pytest.raises(PdfError) as caught:
        update_of(file, mark=True)
    assert caught.value.code is ErrorCode.BAD_REQUEST
    file.with_name("out.pdf").unlink(missing_ok=True)
    assert b"/ByteRange" in update_of(file)


@pytest.mark.parametrize("place", [b"[0 0 .5 .5]", b"[0 0 9]", b"(a)", b"[(a)(b)(c)(d)]"], ids=str)
def test_a_field_with_an_odd_place_is_left_alone(place: bytes, tmp_path: Path) -> None:
    field = b"<</FT/Sig/T(a)/Type/Annot/Subtype/Widget/Rect%b>>" % place
    file = written(tmp_path, form(b"6 0 R", field))
    assert inspect(file, None).fields == ()
    assert b"(Signature1)" in update_of(file)


def test_a_place_that_is_null_makes_a_signature_no_worse(tmp_path: Path) -> None:
    field = b"<</FT/Sig/T(a)/Type/Annot/Subtype/Widget/Rect null>>"
    (found,) = examine(signed_here(written(tmp_path, form(b"6 0 R", field))), None).signatures
    assert (found.field, found.integrity.problem, found.visible) == ("a", "", False)


@pytest.mark.parametrize("behind", [b"<</Rect[0 0 1 99 0 R]>>", b"<</A<</S/X/Next 99 0 R>>>>"])
def test_what_cannot_be_read_is_found_before_anybody_signs(behind: bytes, tmp_path: Path) -> None:
    """Whatever stands before it: a field that shows something until it is signed, or an action."""
    shown = stream(b"0 g", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]")
    field = b"<</FT/Sig/T(a)/Subtype/Widget/Rect[0 0 99 99]/AA<<>>/A<</S/Hide>>/AP<</N 7 0 R>>>>"
    page = b"/Annots[6 0 R %b]" % behind
    file = written(tmp_path, form(b"6 0 R", field, shown, page=page))
    with pytest.raises(PdfError) as caught:
        inspect(file, None)
    assert caught.value.code is ErrorCode.DOCUMENT_DAMAGED


def test_evidence_that_cannot_be_read_takes_nothing_from_the_rest(tmp_path: Path) -> None:
    odd = stream(b"no zlib", b"/Filter/FlateDecode")
    store = b"/DSS<</OCSPs[99 0 R 6 0 R 7 0 R (x)]>>"
    raw = simple_pdf(catalog=store, more=(odd, stream(b"response")))
    assert read_evidence(ReadEvidence(str(written(tmp_path, raw)))).responses == (b"response",)


def test_what_is_null_on_a_page_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Rotate null/CropBox null>>"
    assert b"/FontFile" in update_of(written(tmp_path, built(page=page)), mark=True)


@pdf_judges.needs_qpdf
def test_a_key_whose_length_only_its_filter_tells_is_as_long_as_that(tmp_path: Path) -> None:
    source, file = tmp_path / "plain.pdf", tmp_path / "odd.pdf"
    source.write_bytes(simple_pdf())
    words = ["--encrypt", "", "owner", "128", "--use-aes=y", "--"]
    subprocess.run(["qpdf", *words, source, file], check=True)
    raw = file.read_bytes()
    assert raw.count(b"/Length 128") == 1
    file.write_bytes(raw.replace(b"/Length 128", b"           "))
    assert inspect(file, None).encrypted
    assert b"/ByteRange" in update_of(file)


def test_only_tables_are_read_otherwise_than_they_are(tmp_path: Path) -> None:
    """The same octets in a cross-reference stream are places of objects."""
    first = simple_pdf().replace(b" 65535 f", b" 65536 f")
    start = int(re.findall(rb"startxref\s+(\d+)", first)[-1])
    rows = b"\0" + b"0000000000 65536 f" + b"\0\0"  # seven of three bytes, the sixth with a "6"
    head = b"/Type/XRef/Size 21/W[0 3 0]/Index[10 7]/Root 1 0 R/Prev %d" % start
    raw = first + b"20 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (
        stream(rows, head),
        len(first),
    )
    with written(tmp_path, raw).open("rb") as file:
        places = read_strictly(file).xrefs.get_xref_data(1).standard_xrefs
    assert places[15] == (0, int.from_bytes(b"36 ", "big"))
