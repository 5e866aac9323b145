"""Have a citizen sign a PDF that stays on your server: the page gets its digest, never the file.

Your page calls ``agent.sign({digest, format: "cms-detached", signingTime: false, documentName})``
between the two, and sends you the ``signature``. Needs ``pip install pyhanko==0.38.0``.
"""

from io import BytesIO

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import ExternalSigner, PdfSignatureMetadata, PdfSigner
from pyhanko.sign.signers.pdf_byterange import PreparedByteRangeDigest
from pyhanko_certvalidator.registry import SimpleCertificateStore

HOLE = 16 * 1024  # hexadecimal digits that wait for the signature, two for each octet


async def prepare(pdf: bytes, field: str = "Signature1") -> tuple[bytes, PreparedByteRangeDigest]:
    """Return the PDF with room for a signature, and what the page's digest is in."""
    metadata = PdfSignatureMetadata(
        field_name=field, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES
    )
    nobody = ExternalSigner(None, SimpleCertificateStore(), signature_value=256)
    output = BytesIO()
    prepared, _, _ = await PdfSigner(metadata, nobody).async_digest_doc_for_signing(
        IncrementalPdfFileWriter(BytesIO(pdf)), bytes_reserved=HOLE, output=output
    )
    return output.getvalue(), prepared  # prepared.document_digest goes to the page


def finish(waiting: bytes, prepared: PreparedByteRangeDigest, signature: bytes) -> bytes:
    """Return the signed PDF; ``signature`` is what the page sent, decoded from base64."""
    output = BytesIO(waiting)
    prepared.fill_with_cms(output, signature)
    return output.getvalue()
