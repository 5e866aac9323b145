"""One sign request from documents to DigestInfos, and from raw signatures to what was asked for."""

from datetime import datetime
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from agent.cards.card import KeyUse, StoredCertificate
from agent.cms.attributes import SignedAttributes
from agent.cms.errors import CmsError
from agent.cms.rsa import is_signature
from agent.cms.signed import Content, prepare
from agent.errors import (
    AgentError,
    CardError,
    ErrorCode,
    KeyNotFoundError,
)
from agent.pki.certificate import CertificateFacts
from agent.signing.card_certificates import card_certificate
from agent.signing.model import (
    CardCertificate,
    Document,
    SignatureFormat,
    SignRequest,
    SignResult,
)


class _Message(Protocol):
    """Something that waits for its signature."""

    @property
    def digest_info(self) -> bytes: ...

    def finish(self, signature: bytes) -> bytes: ...


class _BareSignature:
    """The ``pkcs1`` format: the signature value itself, once it is proven good."""

    def __init__(self, request: SignRequest, document: Document, facts: CertificateFacts) -> None:
        self._hash = request.hash
        self._key = facts.public_key
        content = Content(document.data, document.digest, attached=False)
        self._digest = content.message_digest(request.hash)

    @property
    def digest_info(self) -> bytes:
        return self._hash.digest_info(self._digest)

    def finish(self, signature: bytes) -> bytes:
        key = self._key
        if not isinstance(key, RSAPublicKey):
            raise CmsError("only RSA keys are supported")
        if not is_signature(key, signature, self._hash, self._digest):
            raise CmsError("the signature does not match the certificate")
        return signature


class Wrapping:
    """One sign request on its way through a card; used once."""

    def __init__(self, request: SignRequest, reader: str, now: datetime) -> None:
        """Remember what was asked.

        Args:
            request: what to sign.
            reader: where the card is.
            now: signing time, with a time zone; also what validity is judged at.

        """
        self._request = request
        self._reader = reader
        self._now = now
        self._messages: list[_Message] = []
        self._certificate: CardCertificate | None = None

    def prepare(self, serial: str, stored: StoredCertificate) -> list[bytes]:
        """Check the certificate and make the DigestInfos; before the PIN is sent.

        Raises:
            KeyNotFoundError: the card has another certificate than the one asked for.
            AgentError: ``certificate_expired``, ``certificate_not_yet_valid``,
                ``unsupported_card`` for a certificate that is garbage.

        """
        certificate = card_certificate(self._reader, serial, stored)
        self._check(certificate.facts)
        self._certificate = certificate
        self._messages = [
            self._message(document, certificate) for document in self._request.documents
        ]
        return [message.digest_info for message in self._messages]

    def finish(self, used: KeyUse) -> SignResult:
        """Check each signature against the certificate and wrap it.

        Raises:
            CardError: a signature is not by the certificate's key.

        """
        if self._certificate is None:
            raise CardError("nothing was prepared")
        try:
            signatures = tuple(
                message.finish(signature)
                for message, signature in zip(self._messages, used.results, strict=True)
            )
        except CmsError as error:
            raise CardError(error.detail) from error
        return SignResult(signatures, self._certificate)

    def _check(self, facts: CertificateFacts) -> None:
        request = self._request
        if request.certificate not in (None, facts.thumbprint):
            raise KeyNotFoundError("the card has another signing certificate")
        if request.check_validity and self._now > facts.not_after:
            raise AgentError("it has expired", code=ErrorCode.CERTIFICATE_EXPIRED)
        if request.check_validity and self._now < facts.not_before:
            raise AgentError("it is not yet valid", code=ErrorCode.CERTIFICATE_NOT_YET_VALID)

    def _message(self, document: Document, certificate: CardCertificate) -> _Message:
        request = self._request
        facts = certificate.facts
        if request.format is SignatureFormat.PKCS1:
            return _BareSignature(request, document, facts)
        attached = request.format is SignatureFormat.CMS
        attributes = SignedAttributes(
            signing_time=self._now if request.signing_time else None,
            nonce=request.nonce,
            card_serial=certificate.card_serial if request.card_serial else None,
            signing_certificate=request.signing_certificate,
        )
        content = Content(document.data, document.digest, attached=attached)
        return prepare(facts.der, content, request.hash, attributes)
