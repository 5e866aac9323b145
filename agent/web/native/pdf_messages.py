"""The messages about PDFs that are signed in themselves, as they travel."""

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from agent.pdf.wire import MAX_PAGES, PdfWarning
from agent.web.front.refusal import Failure, Id
from agent.web.native.field_types import END, Base64, Params, SignatureAlgorithm, Text, Thumbprint
from agent.web.native.pin_text import PdfPassword

DocumentId: TypeAlias = Annotated[
    str,
    Meta(pattern="^[0-9a-f]{32}" + END, description="of this site's document, from /v1/documents"),
]
Level: TypeAlias = Literal["B-B", "B-T", "B-LT", "B-LTA"]
Lack: TypeAlias = Literal["timestamp_failed", "evidence_missing"]
"""Why a signature has not reached the level that was wanted."""
Points: TypeAlias = Annotated[float, Meta(ge=0, le=14_400, description="1/72 inch")]
Sha256: TypeAlias = Annotated[str, Meta(description="SHA-256 of the file, lower-case hex")]


class MarkParams(Params, frozen=True, kw_only=True):
    """Where a visible mark stands; what it says is the agent's to say.

    ``page`` counts from 1, null is the last one; ``box`` is left, top, width and height from the
    upper left corner of the page as it is displayed, null is the usual place.
    """

    page: Annotated[int, Meta(ge=1, le=MAX_PAGES)] | None = None
    box: tuple[Points, Points, Points, Points] | None = None


class PadesParams(Params, frozen=True, kw_only=True):
    """How a PDF is signed; ``field`` names an empty signature field that is there.

    ``password`` opens the PDF where it needs one: its own, never the PIN.
    """

    level: Level | UnsetType = UNSET
    reason: Text | UnsetType = UNSET
    location: Text | UnsetType = UNSET
    field: Text | UnsetType = UNSET
    mark: MarkParams | UnsetType = UNSET
    password: PdfPassword | UnsetType = UNSET


class DocumentResult(Struct, frozen=True, kw_only=True):
    """What a PDF is that was handed over, and how its site names it for the next ten minutes.

    One that is ``locked`` needs its password to be signed; no more is known of it before.
    """

    document: DocumentId
    size: int
    sha256: Sha256
    pages: int
    signatures: int
    fields: tuple[str, ...]
    encrypted: bool
    locked: bool
    warnings: tuple[PdfWarning, ...]


class RemovedDocumentResult(Struct, frozen=True):
    """It is gone."""

    removed: Literal[True]


class SignPdfResult(Struct, frozen=True, kw_only=True):
    """The signed PDF itself, or ``document``, under which its site fetches it."""

    pdf: Base64 | UnsetType = UNSET
    document: DocumentId | UnsetType = UNSET
    field: str
    level: Level
    lacks: Lack | UnsetType = UNSET
    algorithm: SignatureAlgorithm
    certificate: Base64
    thumbprint: Thumbprint
    reader: str
    card_serial: str


class SignedItem(Struct, frozen=True, kw_only=True):
    """One of a batch: a signed PDF as in `SignPdfResult`, or the signature of what is no PDF.

    A PDF that could not be finished after the card had signed has only ``error``.
    """

    signature: Base64 | UnsetType = UNSET
    pdf: Base64 | UnsetType = UNSET
    document: DocumentId | UnsetType = UNSET
    field: str | UnsetType = UNSET
    level: Level | UnsetType = UNSET
    lacks: Lack | UnsetType = UNSET
    error: Failure | UnsetType = UNSET


class SignDocumentsResult(Struct, frozen=True, kw_only=True):
    """What became of each item of a batch with PDFs, in their order."""

    items: tuple[SignedItem, ...]
    algorithm: SignatureAlgorithm
    certificate: Base64
    thumbprint: Thumbprint
    reader: str
    card_serial: str


class ProgressData(Struct, frozen=True):
    """Of which request on this WebSocket."""

    request: Id


class ProgressEvent(Struct, frozen=True):
    """How far a request with PDFs is: the citizen is asked next, or all is signed."""

    event: Literal["document_prepared", "document_signed"]
    data: ProgressData
