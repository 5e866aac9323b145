"""Write a copy of a document with a signature field, and room for a signature (PAdES B-B).

The copy begins with all octets of the original; what is new stands behind them in one update
(ISO 32000-1 §7.5.6). Nothing else is touched, neither ``/Info`` nor the metadata: whoever made the
document says in both when they changed it, and they would not agree any more.
"""

from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError as LibraryError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import ExternalSigner, PdfSignatureMetadata, PdfSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

from agent.errors import ErrorCode
from agent.pdf.examine import harmed_fields
from agent.pdf.objects import entry, items
from agent.pdf.opening import opened, refused
from agent.pdf.pdf_facts import facts_of, require_signable
from agent.pdf.wire import PdfFacts, PreparedPdf, PreparePdf

T = TypeVar("T")
_PIECE: Final = 1024 * 1024
_FIELD: Final = "Signature"


class _UpdateWriter(IncrementalPdfFileWriter):
    """Writes an update that says nothing about who wrote it, or when."""

    def _update_meta(self) -> None:
        """Leave ``/Info`` and the metadata as they are."""


def prepare(request: PreparePdf) -> PreparedPdf:
    """Write the copy.

    Raises:
        PdfError: the code says why the document is not signed.

    """
    with opened(Path(request.file), request.password) as (reader, may_sign):
        facts = facts_of(reader)
        require_signable(reader, may_sign=may_sign)
        field = request.field or _field_for(reader, facts)
        if request.field is not None and request.field not in facts.fields:
            raise refused(ErrorCode.BAD_REQUEST, "there is no such empty signature field")
        prepared = _write(request, reader, field)
        before = harmed_fields(reader)
    if facts.signatures:
        _require_unharmed(request, before | {field})  # whose own hole is empty yet
    return prepared


def _field_for(reader: PdfFileReader, facts: PdfFacts) -> str:
    """Return the first empty field's name, or one that no field has."""
    if facts.fields:
        return facts.fields[0]
    taken = set(_names(reader))
    number = 1
    while f"{_FIELD}{number}" in taken:
        number += 1
    return f"{_FIELD}{number}"


def _names(reader: PdfFileReader) -> Sequence[str]:
    """Return the names of the form's topmost fields."""
    fields = items(entry(entry(reader.root, "/AcroForm"), "/Fields"))
    return [str(entry(each, "/T")) for each in fields]


def _write(request: PreparePdf, reader: PdfFileReader, field: str) -> PreparedPdf:
    writer = _UpdateWriter.from_reader(reader)
    if reader.security_handler is not None:
        writer._encrypt = reader.trailer.raw_get("/Encrypt")  # noqa: SLF001  # as its encrypt() does
    metadata = PdfSignatureMetadata(
        field_name=field,
        md_algorithm=request.hash,
        subfilter=SigSeedSubFilter.PADES,
        name=request.name,
        reason=request.reason,
        location=request.location,
    )
    # An invisible field has an appearance too, an empty one: PDF/A wants it.
    spec = SigFieldSpec(field, empty_field_appearance=True)
    signer = PdfSigner(
        metadata,
        ExternalSigner(None, SimpleCertificateStore(), signature_value=256),
        new_field_spec=spec,
    )
    # another way: the agent's private copy, by a process that must not import the agent's tools
    with Path(request.out).open("x+b", buffering=_PIECE) as output:
        try:
            found, _, _ = _now(
                signer.async_digest_doc_for_signing(
                    writer, bytes_reserved=2 * request.hole, output=output, chunk_size=_PIECE
                )
            )
        except (SigningError, NotImplementedError) as error:  # a seed value wants what we have not
            raise refused(ErrorCode.DOCUMENT_FORBIDS_SIGNING, str(error)) from error
        except LibraryError as error:
            raise refused(ErrorCode.DOCUMENT_UNSUPPORTED, str(error)) from error
    return PreparedPdf(
        digest=found.document_digest,
        start=found.reserved_region_start,
        end=found.reserved_region_end,
        field=field,
        hash=request.hash,
    )


def _now(steps: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine does that waits for nobody: an event loop would need sockets."""
    try:
        steps.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    steps.close()
    raise refused(ErrorCode.INTERNAL, "the signature's room needs somebody else")


def _require_unharmed(request: PreparePdf, before: frozenset[str]) -> None:
    """Refuse a document whose earlier signatures forbid another, and say so of themselves."""
    with opened(Path(request.out), request.password) as (reader, _):
        harmed = harmed_fields(reader) - before
    if harmed:
        raise refused(ErrorCode.DOCUMENT_FORBIDS_SIGNING, "an earlier signature does")
