"""What waits for its signature: a CMS message, or nothing but the signature itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from agent.cms.attributes import SignedAttributes
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.cms.errors import CmsError
from agent.cms.keys import SignerKey, is_signature, signature_algorithm
from agent.cms.login import LoginStatement
from agent.cms.signed import prepare, prepare_login
from agent.errors import KeyNotFoundError
from agent.signing.certificate_key import require_bare_format, signing_key
from agent.signing.model import CardCertificate, SignatureFormat, SignatureRequest


class Message(Protocol):
    """Something that waits for its signature."""

    @property
    def digest(self) -> bytes:
        """What has to be signed, under the hash of the request."""

    def finish(self, signature: bytes) -> bytes:
        """Check the signature and wrap it.

        Raises:
            CmsError: it is not one by the certificate's key.

        """


@dataclass(frozen=True, slots=True)
class _BareSignature:
    """The formats ``pkcs1`` and ``ecdsa``: the signature value itself, once it is proven good."""

    hash: HashAlgorithm
    digest: bytes
    key: SignerKey

    def finish(self, signature: bytes) -> bytes:
        """Check the signature and give it back."""
        if not is_signature(self.key, signature, self.hash, self.digest):
            raise CmsError("the signature does not match the certificate")
        return signature


def prepare_message(
    request: SignatureRequest, document: Document, certificate: CardCertificate, now: datetime
) -> Message:
    """Hash a document and build what its signature will be put into.

    Raises:
        SpoiltCertificateError: no signature by the certificate's key could be checked.
        BadRequestError: the key makes no signature of the format that is asked for.
        CmsError: the certificate or what the request says cannot be used, or the digest algorithm
            does not go with the key.

    """
    facts = certificate.facts
    key = signing_key(facts)
    require_bare_format(facts, request.format)
    _ = signature_algorithm(key, request.hash)
    is_in_file = document.whole is not None
    if request.format.is_bare and not is_in_file:
        return _BareSignature(request.hash, document.message_digest(request.hash), key)
    attributes = SignedAttributes(
        signing_time=now if request.signing_time and not is_in_file else None,
        nonce=request.nonce,
        card_serial=certificate.card_serial if request.card_serial else None,
        signing_certificate=request.signing_certificate,
    )
    attached = request.format is SignatureFormat.CMS and not is_in_file
    chain = request.chain if is_in_file or request.container is None else ()
    return prepare(facts.der, document, request.hash, attributes, attached=attached, chain=chain)


def prepare_login_message(
    statement: LoginStatement, algorithm: HashAlgorithm, certificate: CardCertificate
) -> Message:
    """Build the token of a login; errors as of :func:`prepare_message`.

    Raises:
        KeyNotFoundError: the key is none that the verifiers of logins take.

    """
    if not isinstance(signing_key(certificate.facts), RSAPublicKey):
        raise KeyNotFoundError("a login is signed with an RSA key, and the card's is another one")
    return prepare_login(certificate.facts.der, statement, algorithm)
