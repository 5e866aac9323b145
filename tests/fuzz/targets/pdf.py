"""PDFs: what one is, room for a signature, and what was changed since it was signed."""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from agent.pdf import wire
from agent.pdf.examine import examine
from agent.pdf.pdf_facts import inspect
from agent.pdf.prepare import prepare
from agent.pdf.wire import PdfError, PreparePdf
from tests.documents.altered_pdfs import filled_in
from tests.documents.refused_pdfs import form, sig_field
from tests.documents.signed_pdfs import once

REFUSALS = (PdfError,)
LONGEST = 70_000
WORDS = (
    *(b"/Kids[4 0 R]", b"/Parent 2 0 R", b"/Count -1", b"/V 7", b"/ByteRange[0 1]", b"/Contents<>"),
    *(b"/Prev 0", b"/Length 99999", b"/Filter/FlateDecode", b"/Annots[6 0 R]", b"/FT/Sig", b"null"),
    *(b"<<", b">>", b"[", b"]", b"(", b"<", b"obj", b"endobj", b"stream", b"9999999999", b"/Root"),
    *(
        b"/XRefStm 9",
        b"/ObjStm",
        b"/Extends 1 0 R",
        b"/W[1 2 1]",
        b"/Index[0 9]",
        b"trailer",
        b"xref",
    ),
)


@cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-pdf-"))


def one(data: bytes) -> int:
    file, out = folder() / "in.pdf", folder() / "out.pdf"
    file.write_bytes(data)
    out.unlink(missing_ok=True)
    with suppress(PdfError):
        found = examine(file, None)
        assert wire.decode_answer(wire.encode(found)) == found
    facts = inspect(file, None)
    assert wire.decode_answer(wire.encode(facts)) == facts
    with suppress(PdfError):
        done = prepare(PreparePdf(str(file), out=str(out)))
        assert wire.decode_answer(wire.encode(done)) == done
    return facts.pages


def seeds() -> Iterator[tuple[bytes, int]]:
    yield form(b"6 0 R", sig_field(b"(mine)")), 1
    yield once(), 1
    yield filled_in(), 1
