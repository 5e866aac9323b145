"""The longest requests that the agent makes are read whole by the worker."""

from datetime import UTC, datetime

from agent.pdf import pdf_child
from agent.pdf.wire import (
    MAX_LISTS,
    MAX_SIGNATURES,
    MAX_STORED,
    AddEvidence,
    KnownPdf,
    PdfFacts,
    PreparePdf,
    encode,
)

PATH = "/home/" + "\u5929" * 255 + "/documents/work-0123456789abcdef.signed"


def test_a_document_with_many_long_names_is_prepared() -> None:
    facts = PdfFacts(pages=1, fields=tuple("\U00020000" * 255 for _ in range(MAX_SIGNATURES)))
    request = PreparePdf(
        PATH, "p" * 127, out=PATH, known=KnownPdf(bytes(32), facts), time=datetime.now(UTC)
    )
    assert len(encode(request)) <= pdf_child.MAX_LINE


def test_evidence_of_many_files_is_added() -> None:
    request = AddEvidence(
        PATH, out=PATH, certificates=(PATH,) * MAX_STORED, lists=(PATH,) * MAX_LISTS
    )
    assert len(encode(request)) <= pdf_child.MAX_LINE
