"""The worker: a process that reads one request a line, and answers with a line.

It ends with its standard input. Whatever a document makes it do, it cannot reach the network,
start a program or write a file but the one it was told to, it has no card and no PIN, and its
memory and time are limited; where it fails, the agent reads of a damaged document.
"""

import logging
import sys
from pathlib import Path
from typing import BinaryIO, Final, assert_never

from agent.pdf.confinement import Confinement
from agent.pdf.evidence import add_evidence, prepare_timestamp, read_evidence
from agent.pdf.examine import examine
from agent.pdf.opening import hostile_pdf
from agent.pdf.pdf_facts import inspect
from agent.pdf.prepare import prepare
from agent.pdf.wire import (
    AddEvidence,
    AnyPdfAnswer,
    AnyPdfRequest,
    ExaminePdf,
    InspectPdf,
    PdfError,
    PreparePdf,
    PrepareTimestamp,
    ReadEvidence,
    RefusedPdf,
    decode_request,
    encode,
)

MAX_LINE: Final = 1024 * 1024
"""Bytes of a request: it may have the names of 256 fields, or of hundreds of files."""


def main() -> int:
    """Answer until nobody asks any more; return the exit status."""
    logging.disable(logging.CRITICAL)  # the library prints tracebacks of what documents say
    sys.dont_write_bytecode = True
    confinement = Confinement()
    # By number: a program without a console has no sys.stdin and sys.stdout.
    # another way: pipes, of which nothing is kept
    with open(0, "rb", closefd=False) as requests, open(1, "wb", closefd=False) as answers:
        confinement.begin()
        return serve(requests, answers, confinement)


def serve(requests: BinaryIO, answers: BinaryIO, confinement: Confinement) -> int:
    """Answer requests, line by line; return the exit status."""
    while line := requests.readline(MAX_LINE):
        request = decode_request(line)
        with confinement.writing(getattr(request, "out", None)):
            answer = encode(_answer(request))
        answers.write(answer)
        answers.flush()
    return 0


def _answer(request: AnyPdfRequest) -> AnyPdfAnswer:
    try:
        with hostile_pdf():
            return _work(request)
    except PdfError as error:
        return RefusedPdf(error.code, error.detail)


def _work(request: AnyPdfRequest) -> AnyPdfAnswer:
    match request:
        case InspectPdf():
            return inspect(Path(request.file), request.password)
        case PreparePdf():
            return prepare(request)
        case ExaminePdf():
            return examine(Path(request.file), request.password)
        case ReadEvidence():
            return read_evidence(request)
        case AddEvidence():
            return add_evidence(request)
        case PrepareTimestamp():
            return prepare_timestamp(request)
    assert_never(request)


if __name__ == "__main__":
    sys.exit(main())
