"""The native API's messages, exactly as they travel: the one source of decoder and schema.

Octets travel as base64 (RFC 4648 §4, padded). Unknown fields are refused. A PIN becomes a
:class:`SecretBytes` while it is being decoded, so that no message can print it.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from agent.cards.card import CardGeneration
from agent.cms.digest import HashAlgorithm
from agent.cms.login import MAX_CHALLENGE, MIN_CHALLENGE, LoginPurpose
from agent.errors import ErrorCode, TooLargeError
from agent.pki.certificate import KeyUsage
from agent.secret import SecretBytes
from agent.signing.model import CardPresence, DecryptFormat, SignatureFormat
from agent.size_limits import MAX_CIPHERTEXT, MAX_DATA, base64_length
from agent.web.front.audience import Audience
from agent.web.front.refusal import Id
from agent.web.native.field_types import (
    Base64,
    Params,
    SignatureAlgorithm,
    Text,
    Thumbprint,
)
from agent.web.native.pdf_messages import (
    DocumentId,
    PadesParams,
    SignDocumentsResult,
    SignPdfResult,
)

MAX_ITEMS: Final = 256  # documents in one sign_batch

ReaderName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=255)]
# Not by `max_length`: whatever is only too large has a code of its own.
Data: TypeAlias = Annotated[bytes, Meta(extra_json_schema={"maxLength": base64_length(MAX_DATA)})]
Ciphertext: TypeAlias = Annotated[
    bytes, Meta(min_length=1, extra_json_schema={"maxLength": base64_length(MAX_CIPHERTEXT)})
]
Digest: TypeAlias = Annotated[
    bytes, Meta(min_length=20, max_length=64, description="exactly as long as `hash` says")
]
Challenge: TypeAlias = Annotated[
    bytes,
    Meta(
        min_length=MIN_CHALLENGE,
        max_length=MAX_CHALLENGE,
        description="random, made by the site's server for one session, used once",
    ),
]
StrongHash: TypeAlias = Literal["SHA-256", "SHA-384", "SHA-512"]
Nonce: TypeAlias = Annotated[bytes, Meta(min_length=1, max_length=64)]
StatusNonce: TypeAlias = Annotated[
    bytes, Meta(min_length=16, max_length=64, description="random, made by the page, used once")
]
Timestamp: TypeAlias = Annotated[str, Meta(description="RFC 3339, UTC")]


# What a request asks for.


def _check_length(data: bytes | UnsetType, limit: int, what: str) -> None:
    """Refuse what is longer than ``limit`` bytes.

    Raises:
        TooLargeError: it is; msgspec's decoder passes that on.

    """
    if data is not UNSET and len(data) > limit:
        raise TooLargeError(f"{what} has at most {limit} bytes")


class NoParams(Params, frozen=True, kw_only=True):
    """Nothing."""


class StatusParams(Params, frozen=True, kw_only=True):
    """A nonce, to have the answer proved; nothing otherwise."""

    nonce: StatusNonce | UnsetType = UNSET


class ConnectParams(Params, frozen=True, kw_only=True):
    """Whether this site will want signatures over a digest alone, to have both asked at once."""

    blind: bool = False


class CertificatesParams(Params, frozen=True, kw_only=True):
    """Which reader to look in; all of them by default."""

    reader: ReaderName | UnsetType = UNSET


class SigningParams(Params, frozen=True, kw_only=True):
    """What every signature needs."""

    hash: HashAlgorithm
    format: SignatureFormat
    certificate: Thumbprint | UnsetType = UNSET
    reader: ReaderName | UnsetType = UNSET
    nonce: Nonce | UnsetType = UNSET
    pin: SecretBytes | UnsetType = UNSET
    signing_certificate: bool = True
    signing_time: bool = True
    pades: PadesParams | UnsetType = UNSET


class SignParams(SigningParams, frozen=True, kw_only=True):
    """One document: its data or, for detached formats, its digest; of a PDF data or document."""

    data: Data | UnsetType = UNSET
    digest: Digest | UnsetType = UNSET
    document: DocumentId | UnsetType = UNSET
    document_name: Text | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse what is too large."""
        _check_length(self.data, MAX_DATA, "a document that is not signed by its digest")


class Item(Params, frozen=True, kw_only=True):
    """One document of a batch; PDFs may stand beside what is signed in the batch's format.

    Its own ``format`` is "pades" or the batch's, and its own ``pades`` replaces the batch's.
    """

    data: Data | UnsetType = UNSET
    digest: Digest | UnsetType = UNSET
    document: DocumentId | UnsetType = UNSET
    format: SignatureFormat | UnsetType = UNSET
    pades: PadesParams | UnsetType = UNSET
    document_name: Text | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse what is too large."""
        _check_length(self.data, MAX_DATA, "a document that is not signed by its digest")


class SignBatchParams(SigningParams, frozen=True, kw_only=True):
    """Several documents, one PIN; the citizen is shown how many."""

    items: Annotated[tuple[Item, ...], Meta(min_length=1, max_length=MAX_ITEMS)]


class AuthenticateParams(Params, frozen=True, kw_only=True):
    """A challenge; the site that is logged in to is the one that asks, and nothing in here."""

    challenge: Challenge
    purpose: LoginPurpose = LoginPurpose.LOGIN
    hash: StrongHash = "SHA-256"
    certificate: Thumbprint | UnsetType = UNSET
    reader: ReaderName | UnsetType = UNSET
    pin: SecretBytes | UnsetType = UNSET


class DecryptParams(Params, frozen=True, kw_only=True):
    """A ciphertext for the card's key-exchange key."""

    data: Ciphertext
    format: DecryptFormat
    reader: ReaderName | UnsetType = UNSET
    pin: SecretBytes | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse what is too large."""
        _check_length(self.data, MAX_CIPHERTEXT, "a ciphertext")


class CancelParams(Params, frozen=True, kw_only=True):
    """A request on this WebSocket."""

    request: Id


# The requests. ``id`` is needed on the WebSocket and echoed where it is given.


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="method"):
    """The base of all requests; ``method`` tells them apart."""

    audience: ClassVar[Audience] = Audience.ALLOWED_SITE
    """Who may send it, through every door."""

    id: Id | UnsetType = UNSET


class StatusRequest(Request, frozen=True, kw_only=True, tag="status"):
    """Tell whether the agent is there, and whether this site may go on."""

    audience: ClassVar[Audience] = Audience.ANY_SITE

    params: StatusParams = StatusParams()


class ConnectRequest(Request, frozen=True, kw_only=True, tag="connect"):
    """Ask the citizen to allow this site."""

    audience: ClassVar[Audience] = Audience.ANY_SITE

    params: ConnectParams = ConnectParams()


class ReadersRequest(Request, frozen=True, kw_only=True, tag="readers"):
    """List the readers and what is in them."""

    params: NoParams = NoParams()


class CertificatesRequest(Request, frozen=True, kw_only=True, tag="certificates"):
    """Read the certificates on the cards; needs no PIN."""

    params: CertificatesParams = CertificatesParams()


class SignRequest(Request, frozen=True, kw_only=True, tag="sign"):
    """Sign one document."""

    params: SignParams


class SignBatchRequest(Request, frozen=True, kw_only=True, tag="sign_batch"):
    """Sign several documents with one PIN."""

    params: SignBatchParams


class AuthenticateRequest(Request, frozen=True, kw_only=True, tag="authenticate"):
    """Prove to this site, and to no other, who holds the card."""

    params: AuthenticateParams


class DecryptRequest(Request, frozen=True, kw_only=True, tag="decrypt"):
    """Decrypt with the card's key-exchange key."""

    params: DecryptParams


class CancelRequest(Request, frozen=True, kw_only=True, tag="cancel"):
    """Give up on a request of this WebSocket."""

    params: CancelParams


AnyRequest: TypeAlias = (
    StatusRequest
    | ConnectRequest
    | ReadersRequest
    | CertificatesRequest
    | SignRequest
    | SignBatchRequest
    | AuthenticateRequest
    | DecryptRequest
    | CancelRequest
)
HTTP_REQUESTS: Final[Sequence[type[Request]]] = (
    StatusRequest,
    ConnectRequest,
    ReadersRequest,
    CertificatesRequest,
    SignRequest,
    SignBatchRequest,
    AuthenticateRequest,
    DecryptRequest,
)
"""The requests that ``POST /v1/<method>`` takes; ``cancel`` is about a WebSocket."""


# What is answered.


class ReaderCard(Struct, frozen=True):
    """A card, as far as it is known."""

    generation: CardGeneration | None
    serial: str | None


class Reader(Struct, frozen=True):
    """A reader and what is in it; ``card`` is null unless its state is ``card``."""

    name: str
    state: CardPresence
    card: ReaderCard | None
    attempts_left: Annotated[int, Meta(ge=0, le=15)] | None


class Proof(Struct, frozen=True, kw_only=True):
    """What shows a site that the same installation answers as before.

    Every site is shown a key of its own, so that no two sites can recognise one computer.
    """

    algorithm: Literal["ES256"]
    key: Annotated[bytes, Meta(description="base64 of the P-256 SubjectPublicKeyInfo; pin it")]
    signature: Annotated[
        bytes,
        Meta(description='base64 of r and s, 64 bytes, over "ankong-status-v1" and the nonce'),
    ]


AgentState = Literal["running", "policy_unusable"]
"""While the administrator's policy cannot be used, every site is refused."""


class StatusResult(Struct, frozen=True, kw_only=True):
    """What everybody may know; what has a default is only for a site that is allowed.

    ``max_data`` is the most bytes of one document, before base64: a longer one is signed by its
    digest. A whole message has at most twice as many.
    """

    product: Literal["ankong"]
    version: str
    api: Literal["v1"]
    allowed: bool
    max_data: int
    state: AgentState | UnsetType = UNSET
    virtual: bool | UnsetType = UNSET
    readers: tuple[Reader, ...] | UnsetType = UNSET
    proof: Proof | UnsetType = UNSET


class ConnectResult(Struct, frozen=True):
    """The citizen said yes, now or earlier; ``blind`` is there where it was asked for."""

    allowed: Literal[True]
    blind: bool | UnsetType = UNSET


class ReadersResult(Struct, frozen=True):
    """All readers; none while the PC/SC service is not available."""

    service: Literal["available", "unavailable"]
    readers: tuple[Reader, ...]


class Certificate(Struct, frozen=True, kw_only=True):
    """A certificate on a card, and what it says."""

    thumbprint: Thumbprint
    certificate: Base64
    reader: str
    id: str
    label: str
    usage: tuple[KeyUsage, ...]
    subject: str
    subject_cn: str | None
    subject_serial: str | None
    id_last4: str | None
    issuer: str
    serial: Annotated[str, Meta(description="lower-case hex")]
    not_before: Timestamp
    not_after: Timestamp
    card_serial: str


class UnreadCard(Struct, frozen=True, kw_only=True):
    """A card that could not be read, while others could; fields as in an error."""

    reader: str
    code: ErrorCode
    message: str
    retriable: bool


class CertificatesResult(Struct, frozen=True):
    """The certificates on all cards asked for; ``problems`` only where there are any."""

    certificates: tuple[Certificate, ...]
    problems: tuple[UnreadCard, ...] | UnsetType = UNSET


class SignResult(Struct, frozen=True, kw_only=True):
    """One signature and who made it."""

    signature: Base64
    algorithm: SignatureAlgorithm
    certificate: Base64
    thumbprint: Thumbprint
    reader: str
    card_serial: str


class SignBatchResult(Struct, frozen=True, kw_only=True):
    """One signature for each item, in their order."""

    signatures: tuple[Base64, ...]
    algorithm: SignatureAlgorithm
    certificate: Base64
    thumbprint: Thumbprint
    reader: str
    card_serial: str


class AuthenticateResult(Struct, frozen=True, kw_only=True):
    """The token, a DER CMS SignedData, for the server that made the challenge."""

    token: Base64
    algorithm: SignatureAlgorithm
    thumbprint: Thumbprint
    reader: str


class DecryptResult(Struct, frozen=True):
    """The plaintext."""

    data: Base64


class CancelResult(Struct, frozen=True):
    """Whether the request was still under way."""

    cancelled: bool


AnyResult: TypeAlias = (
    StatusResult
    | ConnectResult
    | ReadersResult
    | CertificatesResult
    | SignResult
    | SignBatchResult
    | SignPdfResult
    | SignDocumentsResult
    | AuthenticateResult
    | DecryptResult
    | CancelResult
)


class Success(Struct, frozen=True, kw_only=True):
    """The answer to the request with this ``id``."""

    id: Id | UnsetType = UNSET
    result: AnyResult


# What is told unasked, to allowed sites only.


class ReaderData(Struct, frozen=True):
    """The reader that an event is about, as it is now."""

    reader: Reader


class ServiceData(Struct, frozen=True):
    """Whether the PC/SC service answers."""

    service: Literal["available", "unavailable"]


class ReaderEvent(Struct, frozen=True):
    """A reader or a card came or went, or something became known of the card that is there."""

    event: Literal[
        "reader_added", "reader_removed", "card_inserted", "card_removed", "card_changed"
    ]
    data: ReaderData


class ServiceEvent(Struct, frozen=True):
    """The PC/SC service came or went."""

    event: Literal["service_changed"]
    data: ServiceData


PingHint: TypeAlias = Literal["restart_browser"] | UnsetType


class Ping(Struct, frozen=True):
    """The plain-HTTP beacon: somebody is here, and where TLS is.

    ``hint`` is ``restart_browser`` while a browser runs here that was started before it could
    trust the agent's certificate. Which one is told to nobody: that would mark a computer.
    """

    product: Literal["ankong"]
    version: str
    tls: int
    hint: PingHint = UNSET
