"""Build a SignedData around a signature that is made elsewhere (RFC 5652 §5).

In two phases: :func:`prepare` computes the digest to sign, :meth:`PreparedMessage.finish` puts the
signature in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from asn1crypto import cms, core, x509

from agent.cms import attributes, der, keys, login
from agent.cms.attributes import SignedAttributes
from agent.cms.bounds import MAX_CERTIFICATE
from agent.cms.certificate_fields import CertificateFields
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.cms.errors import CmsError, hostile_input
from agent.cms.login import LoginStatement

_VERSION_1 = core.Integer(1).dump()
_VERSION_3 = core.Integer(3).dump()
DATA: Final[bytes] = cms.ContentType("data").dump()
"""The content type of documents, a DER OBJECT IDENTIFIER (RFC 5652 §4)."""
_OID_SIGNED_DATA = cms.ContentType("signed_data").dump()
_TIMESTAMP_TOKEN = attributes.identifier("1.2.840.113549.1.9.16.2.14")  # RFC 3161 appendix A
_IMPLICIT_1 = 0xA1
_MAX_STAMPED: Final = 64 * 1024
"""Bytes of a message that a timestamp goes into; it is detached."""


@dataclass(frozen=True, slots=True)
class PreparedMessage:
    """A message that is complete but for its signature.

    Attributes:
        hash: the digest algorithm of content and attributes.
        digest: what has to be signed, of that algorithm's length.
        content: what goes into the message; None when detached.
        certificate: the signer's, DER.
        chain: more certificates to carry, DER.
        signed_attributes: the DER SET OF that ``digest`` is the digest of.
        content_type: of the content, a DER OBJECT IDENTIFIER.

    """

    hash: HashAlgorithm
    digest: bytes
    content: bytes | None
    certificate: bytes
    chain: tuple[bytes, ...]
    signed_attributes: bytes
    content_type: bytes = DATA

    def finish(self, signature: bytes) -> bytes:
        """Return the DER ContentInfo with the signature over :attr:`digest`.

        Args:
            signature: as the certificate's kind of key makes it, see :func:`keys.is_signature`.

        Raises:
            CmsError: the signature is not one by the certificate's key.

        """
        if not keys.is_signature(_signer(self.certificate).key, signature, self.hash, self.digest):
            raise CmsError("the signature does not match the certificate")
        return der.element(
            der.SEQUENCE, _OID_SIGNED_DATA, der.element(der.EXPLICIT_0, self._signed(signature))
        )

    # Written element by element, in the order of RFC 5652 §5.1 and §5.3: a parser's objects for
    # what is already encoded took longer than the card's secure channel.

    def _signed(self, signature: bytes) -> bytes:
        content = b""
        if self.content is not None:
            content = der.element(der.EXPLICIT_0, der.element(der.OCTET_STRING, self.content))
        certificates = sorted({self.certificate, *self.chain})  # a SET OF (X.690 §11.6)
        return der.element(
            der.SEQUENCE,
            _VERSION_1 if self.content_type == DATA else _VERSION_3,
            der.element(der.SET, attributes.digest_algorithm(self.hash)),
            der.element(der.SEQUENCE, self.content_type, content),
            der.element(der.EXPLICIT_0, *certificates),
            der.element(der.SET, self._signer_info(signature)),
        )

    def _signer_info(self, signature: bytes) -> bytes:
        signer = _signer(self.certificate)
        return der.element(
            der.SEQUENCE,
            _VERSION_1,
            signer.identifier,
            attributes.digest_algorithm(self.hash),
            # [0] IMPLICIT in the message, SET OF where it is signed (RFC 5652 §5.4)
            bytes((der.EXPLICIT_0,)) + self.signed_attributes[1:],
            keys.signature_algorithm(signer.key, self.hash),
            der.element(der.OCTET_STRING, signature),
        )


def signature_in(message: bytes) -> bytes:
    """Return the signature value of the first signer of a SignedData (RFC 5652 §5.3).

    Raises:
        CmsError: it is no SignedData, or nobody signed it.

    """
    with hostile_input("signed message"):
        signers = cms.ContentInfo.load(message, strict=True)["content"]["signer_infos"]
        if not signers:
            raise CmsError("nobody signed it")
        value: bytes = signers[0]["signature"].native
        return value


def with_timestamp(message: bytes, token: bytes) -> bytes:
    """Return a SignedData whose one signer has a timestamp of the signature (RFC 3161 appendix A).

    It is no part of what was signed; one that is there already is replaced.

    Args:
        message: a DER ContentInfo.
        token: of the signature value, a DER ContentInfo.

    Raises:
        CmsError: the message is no SignedData in DER, or has not one signer.

    """
    der.require_der(message, max_size=_MAX_STAMPED)
    with hostile_input("signed message"):
        signed, signer = _only_signed(message)
        *before, infos = der.children(signed)
        fields = der.children(signer)
        unsigned = [each for each in _unsigned(fields) if not _is_timestamp(each)]
        stamp = der.element(der.SEQUENCE, _TIMESTAMP_TOKEN, der.element(der.SET, token))
        # a SET OF is in the order of its encodings (X.690 §11.6)
        attrs = der.element(_IMPLICIT_1, *sorted([*unsigned, stamp]))
        kept = [each for each in fields if each[0] != _IMPLICIT_1]
        infos = der.element(der.SET, der.element(der.SEQUENCE, *kept, attrs))
        whole = der.element(der.SEQUENCE, *before, infos)
        return der.element(der.SEQUENCE, _OID_SIGNED_DATA, der.element(der.EXPLICIT_0, whole))


def timestamp_in(message: bytes) -> bytes | None:
    """Return the timestamp token of the one signer of a SignedData, DER; None where there is none.

    Raises:
        CmsError: the message is no SignedData in DER, or has not one signer, or several tokens.

    """
    der.require_der(message, max_size=_MAX_STAMPED)
    with hostile_input("signed message"):
        _, signer = _only_signed(message)
        found = list(filter(_is_timestamp, _unsigned(der.children(signer))))
        if not found:
            return None
        _, values = der.fields(found[0], der.OBJECT_IDENTIFIER, der.SET)
        tokens = der.children(values)
        if len(found) != 1 or len(tokens) != 1:
            raise CmsError("more than one timestamp")
        return tokens[0]


def _only_signed(message: bytes) -> tuple[bytes, bytes]:
    """Return the SignedData of a ContentInfo, and its only SignerInfo."""
    kind, content = der.fields(message, der.OBJECT_IDENTIFIER, der.EXPLICIT_0)
    if kind != _OID_SIGNED_DATA:
        raise CmsError("not a SignedData")
    (signed,) = der.children(content)
    *_, infos = der.children(signed)
    signers = der.children(infos)
    if infos[0] != der.SET or len(signers) != 1:
        raise CmsError("exactly one signer is needed")
    return signed, signers[0]


def _unsigned(fields: list[bytes]) -> list[bytes]:
    """Return the unsigned attributes of a SignerInfo's fields."""
    last = fields[-1]
    return der.children(last) if last[0] == _IMPLICIT_1 else []


def _is_timestamp(attribute: bytes) -> bool:
    kind, _ = der.fields(attribute, der.OBJECT_IDENTIFIER, der.SET)
    return kind == _TIMESTAMP_TOKEN


@dataclass(frozen=True, slots=True)
class _Signer:
    """What every message needs of its signer's certificate.

    Attributes:
        key: that must have signed.
        identifier: DER IssuerAndSerialNumber.

    """

    key: keys.SignerKey
    identifier: bytes


@lru_cache(maxsize=64)
def _signer(certificate: bytes) -> _Signer:
    """Parse a signer's certificate; the result is cached.

    Raises:
        CmsError: it is malformed, or its key is of a kind that is not known.

    """
    der.require_der(certificate, max_size=MAX_CERTIFICATE)
    with hostile_input("certificate"):
        fields = CertificateFields.of(certificate)
        return _Signer(keys.public_key(fields.public_key), fields.issuer_and_serial)


def prepare(  # noqa: PLR0913  # each is a part of a SignedData
    certificate: bytes,
    document: Document,
    algorithm: HashAlgorithm = HashAlgorithm.SHA256,
    signed: SignedAttributes | None = None,
    *,
    attached: bool = True,
    chain: Sequence[bytes] = (),
) -> PreparedMessage:
    """Build the signed attributes, and with them the digest that a card has to sign.

    Args:
        certificate: the signer's, DER.
        document: the content or its digest.
        algorithm: the digest algorithm for content and attributes.
        signed: the optional attributes; by default ESS signing-certificate-v2 alone.
        attached: whether the message carries the content.
        chain: certificates to carry beside the signer's, DER.

    Raises:
        CmsError: a certificate cannot be used, the algorithm does not go with its key, or the
            content to attach is not there.
        BadRequestError: a digest has the wrong length.

    """
    if attached and document.data is None:
        raise CmsError("an attached signature needs the data, not a digest")
    _ = keys.signature_algorithm(_signer(certificate).key, algorithm)
    for raw in chain:
        der.require_der(raw, max_size=MAX_CERTIFICATE)
        with hostile_input("certificate"):
            _ = x509.Certificate.load(raw, strict=True).native
    attrs = attributes.build(
        signed or SignedAttributes(),
        DATA,
        document.message_digest(algorithm),
        certificate,
    )
    return PreparedMessage(
        hash=algorithm,
        digest=algorithm.digest(attrs),
        content=document.data if attached else None,
        certificate=certificate,
        chain=tuple(chain),
        signed_attributes=attrs,
    )


def prepare_login(
    certificate: bytes, statement: LoginStatement, algorithm: HashAlgorithm = HashAlgorithm.SHA256
) -> PreparedMessage:
    """Build a login: the statement attached, under the content type of logins.

    The signed attributes are content-type, message-digest and ESS signing-certificate-v2, nothing
    else: the time and the challenge stand in the statement.

    Args:
        certificate: the signer's, DER, with an RSA key.
        statement: what is signed.
        algorithm: the digest algorithm for content and attributes.

    Raises:
        CmsError: the certificate cannot be used, or its key is no RSA key.

    """
    login.require_key(_signer(certificate).key)
    content = statement.encode()
    attrs = attributes.build(
        SignedAttributes(), login.CONTENT_TYPE, algorithm.digest(content), certificate
    )
    return PreparedMessage(
        hash=algorithm,
        digest=algorithm.digest(attrs),
        content=content,
        certificate=certificate,
        chain=(),
        signed_attributes=attrs,
        content_type=login.CONTENT_TYPE,
    )
