"""What the agent and the PDF worker say to each other: one line of JSON each.

The worker has read a hostile file, so its answers are bounded and checked as a stranger's.
"""

from datetime import datetime
from enum import StrEnum, unique
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from agent.errors import AgentError, ErrorCode

MAX_PAGES: Final = 10_000
MAX_FIELDS: Final = 10_000
"""Form fields of a document, and what hangs below them."""
MAX_SIGNATURES: Final = 256
MAX_CERTIFICATES: Final = 32
"""That come along with one signature."""
MAX_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of a line: :data:`MAX_SIGNATURES` of the longest signatures."""
MAX_MARK_LINES: Final = 8
DEFAULT_MARK: Final = (220.0, 70.0)
"""Points, width and height."""
SMALLEST_MARK: Final = (60.0, 20.0)
"""Points; a smaller one cannot be read."""
MAX_OCTETS: Final = 64 * 1024
"""Of a signature, or of a certificate."""
MAX_STORED: Final = 256
"""Certificates that a document brings along as evidence."""
MAX_LISTS: Final = 64
MAX_EVIDENCE: Final = 40 * 1024 * 1024
"""Octets of the revocation lists that a document brings along."""
_MAX_TEXT: Final = 1024

Text: TypeAlias = Annotated[str, Meta(max_length=_MAX_TEXT)]
"""What the document says, unchecked; longer ones are cut."""
Offset: TypeAlias = Annotated[int, Meta(ge=0, le=2**40)]
Digest: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=64)]
Points: TypeAlias = Annotated[float, Meta(ge=0, le=100_000)]
"""1/72 inch."""
Octets: TypeAlias = Annotated[bytes, Meta(max_length=MAX_OCTETS)]
HashName: TypeAlias = Literal["sha256", "sha384", "sha512"]
"""As :mod:`hashlib` calls them."""


@unique
class PdfWarning(StrEnum):
    """Why a document may look different later, although nobody changes it."""

    SCRIPTS = "scripts"
    FORM_XFA = "xfa"
    ATTACHMENTS = "attachments"
    LAYERS = "layers"
    EXTERNAL = "external"  # content that is fetched from elsewhere
    COVERED = "covered"  # annotations that can hide what is below them
    TRAILING = "trailing_bytes"


@unique
class Changes(StrEnum):
    """What was done to a document after a signature, from harmless to not."""

    NONE = "none"
    EVIDENCE = "evidence"  # revocation lists, timestamps, empty fields for them
    FORMS = "forms"  # fields were filled in; more signatures
    ANNOTATIONS = "annotations"
    OTHER = "other"  # or what nobody can tell


class PdfRequest(Struct, frozen=True, forbid_unknown_fields=True, tag_field="verb"):
    """The base of all requests.

    Attributes:
        file: absolute path of a private copy.
        password: that opens it; None where none was given.

    """

    file: str
    password: str | None = None


class InspectPdf(PdfRequest, frozen=True, tag="inspect"):
    """Say what a document is, and whether it could be signed."""


class MarkPlace(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a visible mark is, as a person sees the page (CropBox, turned by ``/Rotate``).

    Attributes:
        page: from 1; None for the last.
        box: left, top, width and height, in points (1/72 inch) from the upper left corner of the
            page; None for :data:`DEFAULT_MARK` at the lower right.

    """

    page: Annotated[int, Meta(ge=1, le=MAX_PAGES)] | None = None
    box: tuple[Points, Points, Points, Points] | None = None


class Mark(Struct, frozen=True, forbid_unknown_fields=True):
    """A visible mark.

    Attributes:
        place: where.
        lines: what stands on it, the holder's name first.

    """

    place: MarkPlace
    lines: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=MAX_MARK_LINES)]


class DrawnMark(Struct, frozen=True, forbid_unknown_fields=True):
    """What became of a visible mark.

    Attributes:
        page: that it is on, from 1.
        lines: how many of its lines it has.
        missing: the first character that no font here shows; its line is left out.
        small: whether it is smaller than :data:`SMALLEST_MARK`.

    """

    page: Annotated[int, Meta(ge=1, le=MAX_PAGES)]
    lines: Annotated[int, Meta(ge=0, le=MAX_MARK_LINES)]
    missing: Annotated[str, Meta(min_length=1, max_length=1)] | None = None
    small: bool = False


class KnownPdf(Struct, frozen=True, forbid_unknown_fields=True):
    """What was found out before about the very same octets.

    Attributes:
        digest: SHA-256 of the file that was inspected.
        facts: what was said of it.

    """

    digest: Digest
    facts: "PdfFacts"


class PreparePdf(PdfRequest, frozen=True, kw_only=True, tag="prepare"):
    """Write a copy with a signature field and room for a signature.

    Attributes:
        out: absolute path of the copy, which is not there yet.
        field: the name of the field; None for the first empty one, else a new one.
        name: of the holder, as the certificate has it; None where it has none.
        reason: why it is signed; None leaves it out.
        location: likewise.
        hole: octets that wait for the CMS.
        mark: that is drawn; None for an invisible signature.
        known: what an inspection said; None has the document looked at again.
        time: that the signature claims; None for that of this moment.
        hash: what the document is hashed with, as the signer's key wants it.

    """

    out: str
    field: str | None = None
    name: str | None = None
    reason: str | None = None
    location: str | None = None
    mark: Mark | None = None
    known: KnownPdf | None = None
    hole: Annotated[int, Meta(ge=1024, le=MAX_OCTETS)] = 8192
    hash: HashName = "sha256"
    time: Annotated[datetime, Meta(tz=True)] | None = None


class ReadEvidence(PdfRequest, frozen=True, tag="read_evidence"):
    """Say what certificates and revocation lists a document brings along."""


class AddEvidence(PdfRequest, frozen=True, kw_only=True, tag="add_evidence"):
    """Write a copy with more of them.

    Attributes:
        out: absolute path of the copy, which is not there yet.
        certificates: absolute paths of files, DER.
        lists: likewise.

    """

    out: str
    certificates: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()


class PrepareTimestamp(PdfRequest, frozen=True, kw_only=True, tag="prepare_timestamp"):
    """Write a copy with room for a document timestamp.

    Attributes:
        out: absolute path of the copy, which is not there yet.
        hole: octets that wait for the token.

    """

    out: str
    hole: Annotated[int, Meta(ge=1024, le=MAX_OCTETS)] = 16384


class ExaminePdf(PdfRequest, frozen=True, tag="examine"):
    """Say of each signature what it covers, and what was changed since."""


AnyPdfRequest: TypeAlias = (
    InspectPdf | PreparePdf | ExaminePdf | ReadEvidence | AddEvidence | PrepareTimestamp
)


class PdfAnswer(Struct, frozen=True, forbid_unknown_fields=True, tag_field="answer"):
    """The base of all answers."""


class PdfFacts(PdfAnswer, frozen=True, tag="facts"):
    """What a document is.

    Attributes:
        pages: how many.
        signatures: how many it has already, document timestamps among them.
        fields: the names of its empty signature fields.
        encrypted: whether its content is.
        warnings: why it may look different later.

    """

    pages: Annotated[int, Meta(ge=1, le=MAX_PAGES)]
    signatures: Annotated[int, Meta(ge=0, le=MAX_SIGNATURES)] = 0
    fields: Annotated[tuple[Text, ...], Meta(max_length=MAX_SIGNATURES)] = ()
    encrypted: bool = False
    warnings: tuple[PdfWarning, ...] = ()


class PreparedPdf(PdfAnswer, frozen=True, tag="prepared"):
    """A copy that waits for its signature.

    Attributes:
        digest: of the file without the hole.
        start: where the hole begins, at its "<"; in bytes.
        end: behind its ">".
        field: the name of the field.
        mark: what became of the visible mark; None where none was wanted.
        hash: that the digest was made with.

    """

    digest: Digest
    start: Offset
    end: Offset
    field: Text
    mark: DrawnMark | None = None
    hash: HashName = "sha256"


class Integrity(Struct, frozen=True, forbid_unknown_fields=True):
    """What a signature is by itself.

    Attributes:
        problem: why it does not hold, for the log; "" where it does.
        certificate: of its signer, DER; empty where none can be read.
        others: certificates that came along, DER; never trusted by themselves.
        hash: the digest algorithm's name, such as "sha256".
        key: the kind of the signer's key, and its bits: "rsa 2048"; a curve of NIST by its name:
            "P-256".

    """

    problem: Text
    certificate: Octets = b""
    others: Annotated[tuple[Octets, ...], Meta(max_length=MAX_CERTIFICATES)] = ()
    hash: Text = ""
    key: Text = ""


class FoundSignature(Struct, frozen=True, forbid_unknown_fields=True):
    """One signature in a document, and what happened to the document since.

    Attributes:
        field: its field's name.
        integrity: whether it fits what it covers, and by whose key.
        ranges: the signed octets, as in ``/ByteRange``: start and length, twice.
        revision: which revision of the document was signed, from 1.
        covers: whether it covers that revision whole, and all of the file but itself.
        changes: since then.
        allowed: whether its author allowed such changes (DocMDP, FieldMDP).
        begins: where the signed revision begins in the file, in bytes: what stands before it is the
            document as it was before the signature. 0 where that is not known.
        ends: where it ends.
        is_timestamp: whether it is a document timestamp (ISO 32000-2 §12.8.5).
        kind: the ``/SubFilter``.
        time: ``/M``, RFC 3339; a claim.
        reason: as the signer gave it.
        location: likewise.
        visible: whether it has an appearance on a page.

    """

    field: Text
    integrity: Integrity
    ranges: tuple[Offset, Offset, Offset, Offset]
    revision: Annotated[int, Meta(ge=1, le=100_000)]
    covers: bool
    changes: Changes
    allowed: bool
    begins: Offset
    ends: Offset
    is_timestamp: bool = False
    kind: Text = ""
    time: Text | None = None
    reason: Text | None = None
    location: Text | None = None
    visible: bool = False


class PdfExamination(PdfAnswer, frozen=True, tag="examination"):
    """All signatures of a document, in the order of their revisions.

    Attributes:
        facts: of the document.
        revisions: how many it has.
        signatures: what was found.
        evidence: whether it brings certificates or revocation lists along.

    """

    facts: PdfFacts
    revisions: Annotated[int, Meta(ge=1, le=100_000)]
    signatures: Annotated[tuple[FoundSignature, ...], Meta(max_length=MAX_SIGNATURES)] = ()
    evidence: bool = False


class PdfEvidence(PdfAnswer, frozen=True, tag="evidence"):
    """What a document brings along to prove its signatures; nothing of it is checked.

    Attributes:
        certificates: DER.
        lists: revocation lists, DER.
        responses: of OCSP, DER.
        revision: the last that changed any of it, from 1; 0 where there is nothing.

    """

    certificates: Annotated[tuple[Octets, ...], Meta(max_length=MAX_STORED)] = ()
    lists: Annotated[
        tuple[Annotated[bytes, Meta(max_length=MAX_EVIDENCE)], ...], Meta(max_length=MAX_LISTS)
    ] = ()
    responses: Annotated[tuple[Octets, ...], Meta(max_length=MAX_LISTS)] = ()
    revision: Annotated[int, Meta(ge=0, le=100_000)] = 0


class WrittenPdf(PdfAnswer, frozen=True, tag="written"):
    """The copy that was asked for is there."""


class RefusedPdf(PdfAnswer, frozen=True, tag="refused"):
    """Nothing was done.

    Attributes:
        code: why.
        detail: for the log; may say what a library said.

    """

    code: ErrorCode
    detail: Text = ""


AnyPdfAnswer: TypeAlias = (
    PdfFacts | PreparedPdf | PdfExamination | PdfEvidence | WrittenPdf | RefusedPdf
)


class PdfError(AgentError):
    """A document cannot be signed or read; the code says why."""


_requests = msgspec.json.Decoder(AnyPdfRequest)
_answers = msgspec.json.Decoder(AnyPdfAnswer)
_encoder = msgspec.json.Encoder()


def encode(message: AnyPdfRequest | AnyPdfAnswer) -> bytes:
    """Return a message's line, with its line feed."""
    return _encoder.encode(message) + b"\n"


def decode_request(line: bytes) -> AnyPdfRequest:
    """Read what the agent asks.

    Raises:
        ValueError: it is no request.

    """
    try:
        request: AnyPdfRequest = _requests.decode(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return request


def decode_answer(line: bytes) -> AnyPdfAnswer:
    """Read what the worker answers.

    Raises:
        PdfError: ``document_damaged``, it is no answer.

    """
    try:
        answer: AnyPdfAnswer = _answers.decode(line)
    except (ValueError, RecursionError) as error:
        raise PdfError(f"the worker's answer: {error}", code=ErrorCode.DOCUMENT_DAMAGED) from error
    return answer
