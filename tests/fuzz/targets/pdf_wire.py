"""What goes between the agent and the process that reads PDFs, and to the pictures' process."""

from collections.abc import Iterator
from contextlib import suppress

from agent.pdf import wire
from agent.pdf.wire import ExaminePdf, PdfError
from agent.portal.errors import PortalError
from agent.portal.pictures.process import read_answer

REFUSALS = (PdfError, ValueError)
LONGEST = 70_000
WORDS = (b'"answer":"', b'"request":"', b'"facts"', b'"examination"', b'"signatures":[')


def one(data: bytes) -> str:
    with suppress(PortalError):
        read_answer(data)
    with suppress(PdfError):
        return type(wire.decode_answer(data)).__name__
    return type(wire.decode_request(data)).__name__


def seeds() -> Iterator[tuple[bytes, str]]:
    yield wire.encode(ExaminePdf("a.pdf")), "ExaminePdf"
    yield b'{"answer":"refused","code":"document_damaged","detail":""}', "RefusedPdf"
