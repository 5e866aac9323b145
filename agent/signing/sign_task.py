"""One sign request: from documents to the digests that a card signs, and from signatures on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from agent.cards.card import ID_SIGN, Card, StoredCertificate
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.consent.questions import MAX_NAME, MAX_SHOWN, MAX_TEXT, Act, DocumentFacts, Purpose
from agent.errors import AgentError, CardError, ErrorCode, KeyNotFoundError
from agent.pki.certificate import KeyUsage
from agent.secret import SecretBytes
from agent.signing.key_use import CARD_SECONDS, KeyTask
from agent.signing.model import CardCertificate, SignatureRequest, SignatureResult
from agent.signing.readable import readable_text

if TYPE_CHECKING:
    from agent.signing.message import Message

_FOR_SIGNATURES: Final = frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION})
SIGNATURE_SECONDS: Final = 10.0  # more for each further signature


_HashedDigest: TypeAlias = tuple[HashAlgorithm, bytes]


@dataclass(frozen=True, slots=True)
class SignTask(KeyTask[tuple["Message", ...], _HashedDigest, SignatureResult]):
    """Sign the documents of one request.

    Attributes:
        request: what to sign.
        clock: gives the signing time, with a time zone; also what validity is judged at.

    """

    request: SignatureRequest
    clock: Callable[[], datetime]

    @property
    def citizen_card(self) -> bool:
        """Whether the request knows citizen cards alone."""
        return self.request.citizen_card

    @property
    def is_of_seen(self) -> bool:
        """Whether the certificate was found here before the request was made."""
        return self.request.certificate is not None and self.request.found_here

    def candidates(self, card: Card) -> Iterator[StoredCertificate]:
        """Read the certificates of the key that the request names, or that the card signs with."""
        if self.request.key_id is not None:
            return card.certificates_of(self.request.key_id)
        return signing_certificates(card, self.request.certificate)

    @property
    def seconds(self) -> float:
        """How long one transaction may take."""
        return CARD_SECONDS + SIGNATURE_SECONDS * len(self.request.documents)

    def purpose(self) -> Purpose:
        """Say what is signed, with the digests of what a window names; hashing takes time."""
        return signing_purpose(self.request)

    def prepare(self, certificate: CardCertificate) -> tuple["Message", ...]:
        """Check the certificate and make the messages that wait for their signatures.

        Raises:
            KeyNotFoundError: the card has another certificate than the one asked for, or its key is
                not for signatures.
            AgentError: ``certificate_expired``, ``certificate_not_yet_valid``.

        """
        # Brings the ASN.1 parser. It is loaded in a reader's thread when it is needed first:
        # most agents only ever wait, and no page waits for it there.
        from agent.signing.message import prepare_message  # noqa: PLC0415

        now = self.clock()
        require_usable(
            certificate,
            self.request.certificate,
            now,
            check_validity=self.request.check_validity,
            key_id=self.request.key_id,
        )
        return tuple(
            prepare_message(self.request, document, certificate, now)
            for document in self.request.documents
        )

    def is_best(self, certificate: CardCertificate) -> bool:
        """Return whether it is the one asked for, or valid now: an old one may lie beside it."""
        return self.request.certificate is not None or is_valid(certificate, self.clock())

    def verb(
        self, card: Card
    ) -> Callable[[bytes, SecretBytes, Sequence[_HashedDigest]], Sequence[bytes]]:
        """Return what signs."""
        return card.sign

    def inputs(self, prepared: tuple["Message", ...]) -> Sequence[_HashedDigest]:
        """Return the digests, each with its algorithm."""
        return [(self.request.hash, message.digest) for message in prepared]

    def finish(
        self,
        certificate: CardCertificate,
        prepared: tuple["Message", ...],
        results: Sequence[bytes],
    ) -> SignatureResult:
        """Check each signature against the certificate and wrap it.

        Raises:
            CardError: a signature is not by the certificate's key.

        """
        from agent.signing.certificate_key import signature_name  # noqa: PLC0415  # as in prepare

        name = signature_name(certificate.facts, self.request.hash)
        return SignatureResult(finish_messages(prepared, results), certificate, name)


def require_usable(
    certificate: CardCertificate,
    wanted: bytes | None,
    now: datetime,
    *,
    check_validity: bool = True,
    key_id: bytes | None = None,
) -> None:
    """Refuse a certificate that is not to sign.

    Args:
        certificate: on the card.
        wanted: the SHA-256 thumbprint of the one asked for; None takes any.
        now: with a time zone.
        check_validity: whether an expired or not yet valid one is refused.
        key_id: the identifier of its key, where a request names that; None where it is one that
            the card signs with.

    Raises:
        KeyNotFoundError: it is another one than the one asked for, or its key is not for
            signatures.
        AgentError: ``certificate_expired``, ``certificate_not_yet_valid``.

    """
    facts = certificate.facts
    if wanted not in (None, facts.thumbprint):
        raise KeyNotFoundError("the card has another signing certificate")
    if not _may_sign(certificate, key_id):
        raise KeyNotFoundError("the certificate's key is not for signatures")
    if check_validity and now > facts.not_after:
        raise AgentError("it has expired", code=ErrorCode.CERTIFICATE_EXPIRED)
    if check_validity and now < facts.not_before:
        raise AgentError("it is not yet valid", code=ErrorCode.CERTIFICATE_NOT_YET_VALID)


def is_valid(certificate: CardCertificate, now: datetime) -> bool:
    """Return whether ``now`` lies in the certificate's validity."""
    return certificate.facts.not_before <= now <= certificate.facts.not_after


def finish_messages(
    messages: Sequence["Message"], signatures: Sequence[bytes]
) -> tuple[bytes, ...]:
    """Check what the card signed and wrap it, one signature for each message.

    Raises:
        CardError: a signature is not by the certificate's key.

    """
    from agent.cms.errors import CmsError  # noqa: PLC0415  # as in SignTask.prepare

    try:
        return tuple(
            message.finish(signature)
            for message, signature in zip(messages, signatures, strict=True)
        )
    except CmsError as error:
        raise CardError(error.detail) from error


def _may_sign(certificate: CardCertificate, key_id: bytes | None) -> bool:
    """Return whether the key is for signatures, by the certificate's key usage (RFC 5280 §4.2.1.3).

    One that says nothing allows it to the keys alone that the card signs with: to have the key sign
    that others encrypt to is to have it decrypt.
    """
    usage = certificate.facts.key_usage
    if not usage:
        return key_id in (None, ID_SIGN)
    return not _FOR_SIGNATURES.isdisjoint(usage)


def signing_certificates(card: Card, wanted: bytes | None) -> Iterator[StoredCertificate]:
    """Read the certificates of the key that a card signs with, as far as the caller iterates.

    Args:
        card: in its transaction.
        wanted: the SHA-256 thumbprint of the one asked for, whose key may be another one that
            signs; None takes any of the first key.

    Raises:
        KeyNotFoundError: the card has no such key, or no certificate of it.
        UnsupportedCardError, CardError, TransportError: it cannot be read.

    """
    keys = card.signing_keys if wanted is not None else card.signing_keys[:1]
    missing = KeyNotFoundError("the card has no key to sign with")
    is_any_there = False
    for key_id in keys:
        try:
            for stored in card.certificates_of(key_id):
                is_any_there = True
                yield stored
        except KeyNotFoundError as error:
            missing = error
    if not is_any_there:
        raise missing


def signing_purpose(request: SignatureRequest) -> Purpose:
    """Say what a request wants signed, with the digests of what a window lists; takes time.

    A short plain text that is signed alone is there itself.
    """
    is_alone = len(request.documents) == 1
    # All are told in the hash of the files among them, whatever the key signs with.
    in_file = (document for document in request.documents if document.whole is not None)
    told = next((document.told_hash(request.hash) for document in in_file), request.hash)

    def shown(document: Document) -> DocumentFacts:
        name = None if document.name is None else _whole_or_ends(document.name)
        text = _text_of(document) if is_alone else None
        digest = document.told_digest(told)
        return DocumentFacts(name, digest, text, document.pages, document.mark)

    documents = tuple(shown(document) for document in request.documents[:MAX_SHOWN])
    count = len(request.documents)
    return Purpose(Act.SIGN, told, documents, count, view=request.view)


def _text_of(document: Document) -> str | None:
    """Return what is signed in words: a short text, or what goes into a file beside its signature.

    Of a long remark the beginning is shown; the citizen can have all of it shown with the file.
    """
    remark = document.remark
    if remark is not None:
        return remark if len(remark) <= MAX_TEXT else f"{remark[: MAX_TEXT - 1]}…"
    return None if document.data is None else readable_text(document.data)


def _whole_or_ends(name: str) -> str:
    """Leave the middle of a name out that is too long for a window; its end says what it is."""
    kept = MAX_NAME // 2
    return name if len(name) <= MAX_NAME else f"{name[:kept]}…{name[-kept:]}"
