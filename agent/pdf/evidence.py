"""Put into a document what will prove its signatures for years, and read it (ETSI EN 319 142-1).

Certificates and revocation lists stand in the document security store (ISO 32000-2 §12.8.4.3),
packed; a document timestamp (§12.8.5) over all of it waits for its token as a signature does. The
copy begins with all octets of the document as it was.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final

from asn1crypto.crl import CertificateList
from asn1crypto.x509 import Certificate
from pyhanko.pdf_utils.decode_limits import DecodePurpose
from pyhanko.pdf_utils.generic import (
    ArrayObject,
    DictionaryObject,
    IndirectObject,
    Reference,
    StreamObject,
    pdf_name,
)
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigFieldSpec
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import DocumentTimestamp

from agent.errors import ErrorCode
from agent.pdf.objects import entry
from agent.pdf.opening import hostile_pdf, opened, refused
from agent.pdf.prepare import UpdateWriter, first_free
from agent.pdf.wire import (
    MAX_EVIDENCE,
    MAX_LISTS,
    MAX_OCTETS,
    MAX_STORED,
    AddEvidence,
    PdfError,
    PdfEvidence,
    PreparedPdf,
    PrepareTimestamp,
    ReadEvidence,
    WrittenPdf,
)

_PIECE: Final = 1024 * 1024
_FIELD: Final = "Timestamp"
_STORE: Final = "/DSS"


def read_evidence(request: ReadEvidence) -> PdfEvidence:
    """Return what a document brings along, unchecked.

    Raises:
        PdfError: it cannot be read.

    """
    with opened(Path(request.file), request.password) as (reader, _):
        store = entry(reader.root, _STORE)
        certificates = _stored(store, "/Certs", DecodePurpose.CERTIFICATE, MAX_OCTETS)
        responses = _stored(store, "/OCSPs", DecodePurpose.OCSP_RESPONSE, MAX_OCTETS)
        lists = _stored(store, "/CRLs", DecodePurpose.CRL, MAX_EVIDENCE)
        return PdfEvidence(
            certificates=tuple(certificates)[:MAX_STORED],
            lists=tuple(_within(lists, MAX_EVIDENCE))[:MAX_LISTS],
            responses=tuple(responses)[:MAX_LISTS],
            revision=_last_change(reader, store),
        )


def _stored(store: Any, key: str, purpose: DecodePurpose, most: int) -> Iterator[bytes]:
    """Yield the octets of each stream of an array of the store, once.

    Too long ones are left, and what cannot be read: it takes nothing from the others.
    """
    known = set()
    array = entry(store, key)
    for each in islice(array.iterate() if isinstance(array, ArrayObject) else (), MAX_STORED):
        octets = b""
        with suppress(PdfError), hostile_pdf():
            found = each.get_object()
            octets = found.read_data(purpose) if isinstance(found, StreamObject) else b""
        if 0 < len(octets) <= most and octets not in known:
            known.add(octets)
            yield bytes(octets)


def _within(found: Iterator[bytes], most: int) -> Iterator[bytes]:
    """Yield as many as have no more octets together than that."""
    for each in found:
        most -= len(each)
        if most < 0:
            return
        yield each


def _last_change(reader: PdfFileReader, store: Any) -> int:
    """Return the last revision that changed the store, from 1; 0 where there is none."""
    if not isinstance(store, DictionaryObject):
        return 0
    named = [reader.root.raw_get(_STORE), *(store.raw_get(key) for key in store)]
    if not isinstance(named[0], IndirectObject):
        return int(reader.total_revisions)
    places = [_reference(each) for each in named if isinstance(each, IndirectObject)]
    return 1 + max(int(reader.xrefs.get_last_change(each)) for each in places)


def _reference(found: IndirectObject) -> Reference:
    reference: Reference = found.reference
    return reference


def add_evidence(request: AddEvidence) -> WrittenPdf:
    """Write a copy with more evidence, which stands behind everything else in one update.

    Raises:
        PdfError: the document is encrypted, or cannot be read.

    """
    with opened(Path(request.file), request.password) as (reader, _):
        writer = _writer(reader)
        store = entry(writer.root, _STORE)
        if not isinstance(store, DictionaryObject):
            store = DictionaryObject()
            writer.root[pdf_name(_STORE)] = writer.add_object(store)
            writer.update_root()
        _add(writer, store, "/Certs", request.certificates)
        _add(writer, store, "/CRLs", request.lists)
        # another way: the agent's private copy, by a process that must not import the agent's tools
        with Path(request.out).open("x+b", buffering=_PIECE) as output:
            writer.write(output)
    return WrittenPdf()


def _add(
    writer: IncrementalPdfFileWriter, store: DictionaryObject, key: str, files: tuple[str, ...]
) -> None:
    """Add the octets of files to an array of the store, but those that it has already."""
    purpose = DecodePurpose.CRL if key == "/CRLs" else DecodePurpose.CERTIFICATE
    kind = CertificateList if key == "/CRLs" else Certificate
    known = set(_stored(store, key, purpose, MAX_EVIDENCE))
    array = entry(store, key)
    kept = list(array) if isinstance(array, ArrayObject) else []
    for file in files:
        octets = Path(file).read_bytes()
        kind.load(octets, strict=True)
        if octets in known:
            continue
        known.add(octets)
        stream = StreamObject(stream_data=octets)
        stream.compress()
        kept.append(writer.add_object(stream))
    store[pdf_name(key)] = ArrayObject(kept)
    writer.update_container(store)


def prepare_timestamp(request: PrepareTimestamp) -> PreparedPdf:
    """Write a copy with room for a document timestamp.

    Raises:
        PdfError: the document is encrypted, or cannot be read.

    """
    with opened(Path(request.file), request.password) as (reader, _):
        writer = _writer(reader)
        field = first_free(reader, _FIELD)
        spec = SigFieldSpec(field, empty_field_appearance=True)
        steps = PdfCMSEmbedder(new_field_spec=spec).write_cms(
            field_name=field, writer=writer, existing_fields_only=False
        )
        next(steps)
        steps.send(SigObjSetup(sig_placeholder=DocumentTimestamp(2 * request.hole)))
        # another way: the agent's private copy, by a process that must not import the agent's tools
        with Path(request.out).open("x+b", buffering=_PIECE) as output:
            setup = SigIOSetup(md_algorithm="sha256", output=output, chunk_size=_PIECE)
            found, _ = steps.send(setup)
        steps.close()
    return PreparedPdf(
        digest=found.document_digest,
        start=found.reserved_region_start,
        end=found.reserved_region_end,
        field=field,
    )


def _writer(reader: PdfFileReader) -> IncrementalPdfFileWriter:
    """Begin an update.

    Raises:
        PdfError: ``document_unsupported``, the document is encrypted.

    """
    if reader.security_handler is not None:
        raise refused(ErrorCode.DOCUMENT_UNSUPPORTED, "evidence in an encrypted document")
    return UpdateWriter.from_reader(reader)
