"""Documents that the card signed, and that could not be finished: nothing is thrown away."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.errors import AgentError, ErrorCode
from agent.signing.model import CardCertificate

if TYPE_CHECKING:
    from agent.documents.signing import ReadyPdf, SignedPdf


@dataclass(frozen=True, slots=True)
class UnfinishedPdf:
    """A document that the card signed, and that could not be finished.

    Attributes:
        ready: as it was prepared; it stays in the private folder.
        signature: the CMS.
        signer: whose card signed it.
        error: what went wrong.

    """

    ready: "ReadyPdf"
    signature: bytes
    signer: CardCertificate
    error: AgentError | OSError


class PartlySignedError(AgentError):
    """The card signed, and some documents could not be finished; the code is of the first.

    Attributes:
        signed: those that are finished, in their order.
        unfinished: those that are not; ``PdfSigner.finish`` tries again without the card.

    """

    def __init__(self, signed: "Sequence[SignedPdf]", unfinished: Sequence[UnfinishedPdf]) -> None:
        first = unfinished[0].error
        if isinstance(first, AgentError):
            super().__init__(first.detail, code=first.code, said=first.said)
        else:
            super().__init__(str(first), code=ErrorCode.INTERNAL)
        self.signed = tuple(signed)
        self.unfinished = tuple(unfinished)
