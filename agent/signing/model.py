"""What is asked of the agent and what it answers: plain, frozen, and free of any wire format."""

from dataclasses import dataclass
from enum import StrEnum, unique

from agent.cards.card import CITIZEN_CARDS, CardGeneration
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.cms.login import MAX_CHALLENGE, MIN_CHALLENGE, LoginPurpose
from agent.errors import AgentError, BadRequestError
from agent.pki.certificate import CertificateFacts


@unique
class SignatureFormat(StrEnum):
    """What a signature is wrapped in."""

    CMS = "cms"  # RFC 5652 SignedData with the content inside
    CMS_DETACHED = "cms-detached"  # the same without it
    PKCS1 = "pkcs1"  # the bare RSASSA-PKCS1-v1_5 value (RFC 8017 §8.2), as long as the modulus
    ECDSA = "ecdsa"  # the bare ECDSA-Sig-Value, DER (RFC 3279 §2.2.3), of a key on a curve
    PADES = "pades"  # a PDF with a signature in it (ETSI EN 319 142-1); made of a detached CMS

    @property
    def is_bare(self) -> bool:
        """Whether it is the signature value and nothing else."""
        return self in (SignatureFormat.PKCS1, SignatureFormat.ECDSA)


@unique
class DecryptFormat(StrEnum):
    """What a ciphertext is wrapped in."""

    CMS = "cms"  # RFC 5652 EnvelopedData, RFC 5083 AuthEnvelopedData
    PKCS1 = "pkcs1"  # the bare RSAES-PKCS1-v1_5 value (RFC 8017 §7.2), as long as the modulus


@unique
class CardPresence(StrEnum):
    """What is in a reader, as a person would say it."""

    EMPTY = "empty"
    CARD = "card"
    MUTE = "mute"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class SignatureRequest:
    """Sign one or more documents with one key and one PIN.

    Attributes:
        documents: at least one.
        hash: the digest algorithm of all of them.
        format: the wrapping of all of them.
        certificate: SHA-256 thumbprint (32 bytes) of the certificate that must be used, of any
            key of the card that signs; None for that of the key which it signs with usually.
        reader: only this reader; None for the only one with a supported card, or else
            the one that the citizen chooses.
        card_number: only the card with this number; None for any.
        nonce: 1 to 64 bytes that go into the CMS as a signed attribute.
        signing_certificate: whether the CMS carries ESS signing-certificate-v2 (RFC 5035).
        signing_time: whether the CMS says when it was made.
        card_serial: whether the CMS carries the card's number as a signed attribute.
        check_validity: whether an expired or not yet valid certificate is refused.
        key_id: the identifier of the key: SIGN, AUTH or KEYX, or what the card has; None for the
            one that the card signs with, or the one of ``certificate``.
        expects_sha1: whether who asks may know nothing newer than SHA-1, so that it is signed
            unless the settings forbid it; otherwise only where they allow it.
        dialect: the old protocol in which a page asked, for the history; None for no such one.
        chain: certificates that the CMS carries beside the signer's, DER.
        citizen_card: whether no card of another kind is meant, because who asks knows none.
        container: what the history calls the format of signatures that go into a file; None where
            none does. Such a signature is detached and says no time, whatever the format of the
            others is, and it alone carries the chain.
        view: what a window names to have the documents shown; None where they cannot be.
        found_here: whether ``certificate`` was found here, and not named by who asks.

    """

    documents: tuple[Document, ...]
    hash: HashAlgorithm = HashAlgorithm.SHA256
    format: SignatureFormat = SignatureFormat.CMS
    certificate: bytes | None = None
    reader: str | None = None
    card_number: str | None = None
    nonce: bytes | None = None
    signing_certificate: bool = True
    signing_time: bool = True
    card_serial: bool = False
    check_validity: bool = True
    key_id: bytes | None = None
    expects_sha1: bool = False
    dialect: str | None = None
    chain: tuple[bytes, ...] = ()
    container: str | None = None
    citizen_card: bool = False
    view: str | None = None
    found_here: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be signed, before any card is touched.

        Raises:
            BadRequestError: no document, a digest of the wrong length, an attached CMS of a
                document of which only the digest is known, or bytes whose bare signature could
                pass for a login.

        """
        if not self.documents:
            raise BadRequestError("nothing to sign")
        if self.format is SignatureFormat.PADES:
            raise BadRequestError("a PDF has to be prepared for its signature")
        for document in self.documents:
            if document.whole is not None:
                document.message_digest(self.hash)
                continue
            # A page that may have any bytes signed could build the signed attributes of a login
            # at another site. In every encoding of them the content type's octets stand together.
            if self.format.is_bare and document.holds_reserved():
                raise BadRequestError("the data could pass for a login at another site")
            if document.digest is not None:
                document.message_digest(self.hash)  # refuses one of another length
                if self.format is SignatureFormat.CMS:
                    raise BadRequestError("an attached signature needs the data, not a digest")

    @property
    def names_card(self) -> bool:
        """Whether who asks has said which card is meant; a reader may have any card in it."""
        is_named = self.certificate is not None and not self.found_here
        return is_named or self.card_number is not None

    @property
    def is_blind(self) -> bool:
        """Whether what a signature says is known to the asker alone: bare, over a digest.

        A detached CMS signs attributes of our own beside the digest, so it is never a login, and
        what it says is a document.
        """
        alone = (document for document in self.documents if document.whole is None)
        return self.format.is_bare and not all(document.is_known for document in alone)


@dataclass(frozen=True, slots=True)
class CardCertificate:
    """A certificate on a card in a reader.

    Attributes:
        facts: what it says.
        reader: where the card is.
        id: the identifier as text: SIGN, KEYX, AUTH, CACert, ROOTCACert; other cards have others.
        label: as the card's directory names it.
        card_serial: the card's own number, 16 characters on a citizen card.
        signs: whether it is of the key that the card signs with where none is named.
        generation: of the card; None where that is not known.

    """

    facts: CertificateFacts
    reader: str
    id: str
    label: str
    card_serial: str
    signs: bool = False
    generation: CardGeneration | None = None

    @property
    def is_on_citizen_card(self) -> bool:
        """Whether the card is known to be a citizen's."""
        return self.generation in CITIZEN_CARDS


@dataclass(frozen=True, slots=True)
class ReaderProblem:
    """A reader whose card could not be read, and why."""

    reader: str
    error: AgentError


@dataclass(frozen=True, slots=True)
class CertificateListing:
    """The certificates that were found, and the readers whose card could not be read."""

    certificates: tuple[CardCertificate, ...]
    problems: tuple[ReaderProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class SignatureResult:
    """The signatures, one for each document and in their order, and the certificate used.

    Attributes:
        signatures: each in the format that was asked for.
        certificate: whose key made them.
        algorithm: what they were made with: ``sha256WithRSAEncryption``, ``ecdsa-with-SHA384``.

    """

    signatures: tuple[bytes, ...]
    certificate: CardCertificate
    algorithm: str


@dataclass(frozen=True, slots=True)
class AuthenticationRequest:
    """Prove to a site who holds the card.

    Attributes:
        challenge: the site's, 32 to 64 random octets.
        purpose: what for.
        hash: the digest algorithm, never SHA-1.
        certificate: as in :class:`SignatureRequest`.
        reader: as in :class:`SignatureRequest`.
        card_number: likewise.
        dialect: likewise.
        citizen_card: likewise.

    """

    challenge: bytes
    purpose: LoginPurpose = LoginPurpose.LOGIN
    hash: HashAlgorithm = HashAlgorithm.SHA256
    certificate: bytes | None = None
    reader: str | None = None
    card_number: str | None = None
    dialect: str | None = None
    citizen_card: bool = False

    def __post_init__(self) -> None:
        """Refuse what no relying party could accept.

        Raises:
            BadRequestError: a challenge that is too short or too long, or SHA-1.

        """
        if not MIN_CHALLENGE <= len(self.challenge) <= MAX_CHALLENGE:
            raise BadRequestError(f"a challenge has {MIN_CHALLENGE} to {MAX_CHALLENGE} octets")
        if self.hash is HashAlgorithm.SHA1:
            raise BadRequestError("SHA-1 proves nobody's identity")

    @property
    def names_card(self) -> bool:
        """As of :class:`SignatureRequest`."""
        return self.certificate is not None or self.card_number is not None

    @property
    def format(self) -> str:
        """What the history calls the wrapping."""
        return "authenticate"

    @property
    def documents(self) -> tuple[Document, ...]:
        """What the history names: the purpose, with the digest of the challenge."""
        return (Document(data=self.challenge, name=self.purpose.value),)


@dataclass(frozen=True, slots=True)
class AuthenticationResult:
    """A login that is signed.

    Attributes:
        token: a DER CMS SignedData over a statement that names the site.
        certificate: whose key signed it.
        algorithm: as in :class:`SignatureResult`.

    """

    token: bytes
    certificate: CardCertificate
    algorithm: str


@dataclass(frozen=True, slots=True)
class DecryptionRequest:
    """Decrypt with the card's key-exchange key.

    Attributes:
        data: as ``format`` says.
        format: the wrapping.
        reader: only this reader; None for the only one with a supported card, or else
            the one that the citizen chooses.
        card_number: as in :class:`SignatureRequest`.
        dialect: likewise.
        citizen_card: likewise.

    """

    data: bytes
    format: DecryptFormat
    reader: str | None = None
    card_number: str | None = None
    dialect: str | None = None
    citizen_card: bool = False

    @property
    def names_card(self) -> bool:
        """As of :class:`SignatureRequest`."""
        return self.card_number is not None

    @property
    def documents(self) -> tuple[Document, ...]:
        """What the history names: the one cryptogram or message."""
        return (Document(data=self.data),)


@dataclass(frozen=True, slots=True)
class ReaderView:
    """One reader as pages and people see it.

    Attributes:
        name: as PC/SC has it.
        state: what is in it.
        generation: of the card; None when it is not known.
        serial: the card's number once a card operation has read it.
        attempts_left: PIN attempts left as last seen, 0 to 15; None when never seen.
        keypad: whether the reader has been seen to have a keypad. No card that a driver here
            knows can be sent a PIN from it: their PIN travels encrypted, end to end.

    """

    name: str
    state: CardPresence
    generation: CardGeneration | None = None
    serial: str | None = None
    attempts_left: int | None = None
    keypad: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All readers at one moment; without a PC/SC service there are none.

    Attributes:
        service_available: whether the PC/SC service answers.
        readers: in the order in which they came.
        working: whether a card is in use, or about to be.
        of_pcsc: those of PC/SC alone, also where a token is shown in place of one; None where
            there are no others.

    """

    service_available: bool
    readers: tuple[ReaderView, ...] = ()
    working: bool = False
    of_pcsc: tuple[ReaderView, ...] | None = None

    @property
    def attempts_unknown(self) -> bool:
        """Whether a card may be used of which nobody knows how many PIN attempts are left."""
        cards = [view for view in self.readers if view.state is CardPresence.CARD]
        return not cards or any(card.attempts_left is None for card in cards)


@dataclass(frozen=True, slots=True)
class Event:
    """One change, for those who watch.

    Attributes:
        name: reader_added, reader_removed, card_inserted, card_removed, card_changed (more is
            known of the card that is there, or it has another number of PIN attempts left),
            service_changed.
        reader: which; None for service_changed.
        service_available: whether the PC/SC service answers.

    """

    name: str
    reader: ReaderView | None
    service_available: bool
