"""Write a copy of a document with a signature field, and room for a signature (PAdES B-B).

The copy begins with all octets of the original; what is new stands behind them in one update
(ISO 32000-1 §7.5.6). Nothing else is touched, neither ``/Info`` nor the metadata: whoever made the
document says in both when they changed it, and they would not agree any more.
"""

import hashlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

from pyhanko.pdf_utils.generic import BooleanObject, DictionaryObject, pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import BoxConstraints
from pyhanko.pdf_utils.misc import PdfError as LibraryError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import ExternalSigner, PdfSignatureMetadata, PdfSigner
from pyhanko.sign.signers.pdf_byterange import PreparedByteRangeDigest
from pyhanko.sign.signers.pdf_signer import PdfSigningSession
from pyhanko.stamp.base import BaseStampStyle
from pyhanko_certvalidator.registry import SimpleCertificateStore

from agent.errors import ErrorCode
from agent.pdf.examine import harmed_fields
from agent.pdf.mark import EmptyStamp, Stamp
from agent.pdf.mark_field import MarkedField, add_invisible_field, mark_field, place_of
from agent.pdf.objects import entry, items
from agent.pdf.opening import opened, refused
from agent.pdf.pdf_facts import facts_of, form_fields, require_signable
from agent.pdf.wire import PdfFacts, PreparedPdf, PreparePdf

T = TypeVar("T")
_PIECE: Final = 1024 * 1024
_FIELD: Final = "Signature"
_DRAWING: Final = "/NeedAppearances"
_OCTETS_A_PAGE: Final = 40_000
"""That are hashed in the time in which a page is looked at."""


class UpdateWriter(IncrementalPdfFileWriter):
    """Writes an update that says nothing about who wrote it, or when.

    Nor does it touch how readers draw what stands in the form's fields.
    """

    def __init__(self, input_stream: BinaryIO, prev: PdfFileReader | None = None) -> None:
        """Begin an update of a file that is open, or of one that was read."""
        super().__init__(input_stream, prev)
        # now: what the library changes, it changes in what was read
        self._is_drawn = bool(entry(entry(self.root, "/AcroForm"), _DRAWING))

    def write(self, stream: BinaryIO) -> None:
        """Write all of it, with readers told as before to draw the fields (§12.7.2).

        The library takes that from every form that is signed. Fields that were filled in by a
        program that leaves the drawing to readers would be empty then, in what was signed.
        """
        form = entry(self.root, "/AcroForm")
        if self._is_drawn and _DRAWING not in form and _has_values(self.root):
            form[pdf_name(_DRAWING)] = BooleanObject(True)
            self.update_container(form)
        write: Callable[[BinaryIO], None] = super().write
        write(stream)

    def _update_meta(self) -> None:
        """Leave ``/Info`` and the metadata as they are."""


def _has_values(root: DictionaryObject) -> bool:
    """Return whether a form has other fields than signatures."""
    kinds = (entry(each, "/FT") for each in form_fields(root))
    return any(kind not in (None, "/Sig") for kind in kinds)


class _TimedSigner(PdfSigner):
    """Has the signature claim a time that somebody else knows too.

    Attributes:
        at: that time; None for the present.

    """

    at: datetime | None = None

    def init_signing_session(
        self, pdf_out: BasePdfFileWriter, existing_fields_only: bool = False
    ) -> PdfSigningSession:
        """Begin as the library does, but at that time."""
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self.at or session.system_time
        return session


@dataclass(frozen=True)
class _OwnStyle(BaseStampStyle):
    """Has the library ask what a signature looks like; none of its own styles is used.

    Attributes:
        stamp: what draws it.

    """

    stamp: Stamp | EmptyStamp | None = None

    def create_stamp(
        self, writer: BasePdfFileWriter, box: BoxConstraints, text_params: dict[str, Any]
    ) -> Any:
        """Return what draws a mark; without one the place of the field stays empty."""
        del text_params
        return self.stamp or EmptyStamp(writer, float(box.width), float(box.height))


def prepare(request: PreparePdf) -> PreparedPdf:
    """Write the copy.

    Raises:
        PdfError: the code says why the document is not signed.

    """
    with opened(Path(request.file), request.password) as (reader, may_sign):
        facts = _facts(request, reader)
        require_signable(reader, may_sign=may_sign)
        if request.field is not None and request.field not in facts.fields:
            raise refused(ErrorCode.BAD_REQUEST, "there is no such empty signature field")
        field = request.field or _field_for(reader, facts, is_visible=request.mark is not None)
        prepared = _write(request, reader, field, facts)
        before = harmed_fields(reader)
    if facts.signatures:
        _require_unharmed(request, before | {field})  # whose own hole is empty yet
    return prepared


def _facts(request: PreparePdf, reader: PdfFileReader) -> PdfFacts:
    """Return what is known of the very same octets, else look at all pages again.

    Hashing them is what costs then, so of few pages it is not worth it.
    """
    known, file = request.known, Path(request.file)
    if known is None or file.stat().st_size > known.facts.pages * _OCTETS_A_PAGE:
        return facts_of(reader)
    with file.open("rb") as content:
        is_same = hashlib.file_digest(content, "sha256").digest() == known.digest
    return known.facts if is_same else facts_of(reader)


def _field_for(reader: PdfFileReader, facts: PdfFacts, *, is_visible: bool) -> str:
    """Return the first empty field's name, or one that no field has.

    Where a mark is wanted, a field without a place on a page is left alone.
    """
    for name in facts.fields:
        if not is_visible or place_of(reader, name) is not None:
            return name
    return first_free(reader, _FIELD, facts.fields)


def first_free(reader: PdfFileReader, name: str, others: Sequence[str] = ()) -> str:
    """Return a name with the first number that no field's name has, and none of others.

    Raises:
        PdfError: the document cannot be read.

    """
    taken = {*_names(reader), *others}
    number = 1
    while f"{name}{number}" in taken:
        number += 1
    return f"{name}{number}"


def _names(reader: PdfFileReader) -> Sequence[str]:
    """Return the names of the form's topmost fields."""
    fields = items(entry(entry(reader.root, "/AcroForm"), "/Fields"))
    return [str(entry(each, "/T")) for each in fields]


def _write(request: PreparePdf, reader: PdfFileReader, field: str, facts: PdfFacts) -> PreparedPdf:
    writer = UpdateWriter.from_reader(reader)
    if reader.security_handler is not None:
        writer._encrypt = reader.trailer.raw_get("/Encrypt")  # noqa: SLF001  # as its encrypt() does
    try:
        marked = _add(request, writer, field, facts)
    except LibraryError as error:
        raise refused(ErrorCode.DOCUMENT_UNSUPPORTED, str(error)) from error
    signer = _TimedSigner(
        _metadata(request, field),
        ExternalSigner(None, SimpleCertificateStore(), signature_value=256),
        stamp_style=_OwnStyle(stamp=None if marked is None else marked.stamp),
    )
    signer.at = request.time
    found = _hashed(request, signer, writer)
    return PreparedPdf(
        digest=found.document_digest,
        start=found.reserved_region_start,
        end=found.reserved_region_end,
        field=field,
        mark=None if marked is None else marked.outcome,
        hash=request.hash,
    )


def _add(
    request: PreparePdf, writer: IncrementalPdfFileWriter, field: str, facts: PdfFacts
) -> MarkedField | None:
    """Make the field, where it is a new one; return what is drawn there."""
    if request.mark is not None:
        return mark_field(writer, field, request.mark, facts)
    if field not in facts.fields:
        add_invisible_field(writer, field)
    return None


def _metadata(request: PreparePdf, field: str) -> PdfSignatureMetadata:
    return PdfSignatureMetadata(
        field_name=field,
        md_algorithm=request.hash,
        subfilter=SigSeedSubFilter.PADES,
        name=request.name,
        reason=request.reason,
        location=request.location,
    )


def _hashed(
    request: PreparePdf, signer: PdfSigner, writer: IncrementalPdfFileWriter
) -> PreparedByteRangeDigest:
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
    return found


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
