"""Open an EnvelopedData or AuthEnvelopedData whose key a card decrypts (RFC 5652 §6, RFC 5083).

In two phases: :func:`parse` returns what the card has to decrypt, :meth:`EnvelopedMessage.open`
decrypts the content with the result. BER is accepted, because many senders write it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from asn1crypto import algos, cms, core, x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from agent.cms import der, keys
from agent.cms.bounds import MAX_CERTIFICATE
from agent.cms.certificate_fields import CertificateFields
from agent.cms.encrypted_content import (
    CBC,
    GCM,
    NONCE_LENGTHS,
    TAG_LENGTHS,
    CbcContent,
    EncryptedContent,
    GcmContent,
)
from agent.cms.errors import CmsError, hostile_input
from agent.cms.key_agreement import RECIPIENT, Agreement
from agent.cms.key_padding import OaepPadding, Padding, Pkcs1Padding, may_be_encrypted
from agent.errors import ErrorCode
from agent.size_limits import MAX_ENVELOPED_MESSAGE

_RSAES_PKCS1_V1_5 = "1.2.840.113549.1.1.1"
_RSAES_OAEP = "1.2.840.113549.1.1.7"
_OAEP_HASHES = frozenset({"sha1", "sha224", "sha256", "sha384", "sha512"})  # RFC 4055 §4.1
_KEY_IDENTIFIER = 0x80  # [0] IMPLICIT OCTET STRING in one piece
_UNSUPPORTED_KEY = "unsupported key encryption algorithm"


class _GcmParameters(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    """GCMParameters, RFC 5084 §3.2."""

    _fields: ClassVar = [
        ("nonce", core.OctetString),
        ("tag_length", core.Integer, {"default": 12}),
    ]


@dataclass(frozen=True, slots=True, repr=False)
class EnvelopedMessage:
    """A message whose key is still encrypted.

    Attributes:
        encrypted_key: what the card has to decrypt, as long as the modulus and smaller; for a key
            on a curve, a point of that curve, which the sender has made.

    """

    encrypted_key: bytes
    _padding: Padding
    _content: EncryptedContent

    def open(self, block: bytes) -> bytes:
        """Decrypt the content.

        Wrong padding, and a key of the wrong length, silently give a random key, so that a forged
        ``encrypted_key`` fails like a forged content and nobody learns which it was (RFC 3218
        §2.3.2).

        Args:
            block: what the card's key made of ``encrypted_key``, padding included; for a key on a
                curve, the coordinate that was agreed on.

        Raises:
            CmsError: the content is not what this key encrypted; always the same words.

        """
        key = self._padding.remove(block) or b""
        substitute = os.urandom(self._content.key_length)
        return self._content.decrypt(key if len(key) == len(substitute) else substitute)


def parse(
    raw: bytes, certificate: bytes, *, max_size: int = MAX_ENVELOPED_MESSAGE
) -> EnvelopedMessage:
    """Read a message and find the recipient that ``certificate`` is.

    Args:
        raw: a ContentInfo, BER or DER.
        certificate: the card's, DER.
        max_size: the most bytes of message accepted.

    Raises:
        CmsError: malformed, unsupported, or (``other_recipient``) for another certificate.

    """
    der.require_ber(raw, max_size=max_size)
    der.require_der(certificate, max_size=MAX_CERTIFICATE)
    with hostile_input("message"):
        recipient = x509.Certificate.load(certificate, strict=True)
        # asn1crypto loses its place where indefinite lengths are nested.
        info = cms.ContentInfo.load(der.to_der(raw), strict=True)
        kind, enveloped = info["content_type"].native, info["content"]
        if kind not in ("enveloped_data", "authenticated_enveloped_data"):
            raise CmsError("neither an EnvelopedData nor an AuthEnvelopedData")
        recipients = enveloped["recipient_infos"].dump()
        key = keys.public_key(recipient.public_key.dump())
        if isinstance(key, EllipticCurvePublicKey):
            encrypted_key, padding = _agreed_key(recipients, recipient, key)
        else:
            encrypted_key, padding = _encrypted_key(_recipients(recipients), recipient)
        content = _cbc(enveloped) if kind == "enveloped_data" else _gcm(enveloped)
        return EnvelopedMessage(encrypted_key, padding, content)


def _recipients(encoded: bytes) -> Iterator[cms.KeyTransRecipientInfo]:
    """Read each recipient whose key is encrypted with its certificate's; pass over other kinds.

    Args:
        encoded: RecipientInfos in DER; a SubjectKeyIdentifier may be in pieces, which asn1crypto
            takes for another kind of name.

    """
    for each in der.children(encoded):
        if each[0] != der.SEQUENCE:
            continue
        version, identifier, *rest = der.children(each)
        if identifier[0] == der.EXPLICIT_0:
            identifier = der.element(_KEY_IDENTIFIER, der.octets(identifier, tag=0))
        whole = der.element(der.SEQUENCE, version, identifier, *rest)
        yield cms.KeyTransRecipientInfo.load(whole, strict=True)


def _encrypted_key(
    recipients: Iterator[cms.KeyTransRecipientInfo], certificate: x509.Certificate
) -> tuple[bytes, Padding]:
    """Return the first key that this certificate's key may open.

    Raises:
        CmsError: there is none; what is wrong with the first one that is for this certificate.

    """
    failure = CmsError("for another certificate", code=ErrorCode.OTHER_RECIPIENT)
    is_for_us = False
    for recipient in recipients:
        if not _is_for(recipient["rid"], certificate):
            continue
        try:
            return _key_of(recipient, certificate)
        except CmsError as error:
            failure = failure if is_for_us else error
            is_for_us = True
    raise failure


def _agreed_key(
    encoded: bytes, certificate: x509.Certificate, key: EllipticCurvePublicKey
) -> tuple[bytes, Padding]:
    """Return the first point that this certificate's key may agree with, and what opens then.

    Args:
        encoded: RecipientInfos in DER.
        certificate: whose key it is.
        key: the same, understood.

    Raises:
        CmsError: as of :func:`_encrypted_key`.

    """
    failure = CmsError("for another certificate", code=ErrorCode.OTHER_RECIPIENT)
    is_for_us = False
    for each in der.children(encoded):
        agreement = Agreement.read(each) if each[0] == RECIPIENT else None
        for identifier, wrapped in () if agreement is None else agreement.keys:
            if agreement is None or not _is_named(identifier, certificate):
                continue
            try:
                return agreement.key(wrapped, key)
            except CmsError as error:
                failure = failure if is_for_us else error
                is_for_us = True
    raise failure


def _is_named(identifier: bytes, certificate: x509.Certificate) -> bool:
    """Return whether a KeyAgreeRecipientIdentifier in DER is a certificate's."""
    if identifier[0] == der.EXPLICIT_0:
        named = der.children(identifier)[0]
        return bool(der.contents(named) == certificate.key_identifier)
    return identifier == CertificateFields.of(certificate.dump()).issuer_and_serial


def _key_of(
    recipient: cms.KeyTransRecipientInfo, certificate: x509.Certificate
) -> tuple[bytes, Padding]:
    padding = _padding(recipient["key_encryption_algorithm"])
    key = recipient["encrypted_key"].native
    if not isinstance(key, bytes) or not may_be_encrypted(
        keys.rsa_key(certificate.public_key.dump()), key
    ):
        raise CmsError("the encrypted key is not as long as the modulus, or not smaller")
    return key, padding


def _is_for(identifier: cms.RecipientIdentifier, certificate: x509.Certificate) -> bool:
    if identifier.name == "subject_key_identifier":
        return bool(identifier.chosen.native == certificate.key_identifier)
    return bool(
        identifier.chosen.dump() == CertificateFields.of(certificate.dump()).issuer_and_serial
    )


def _padding(algorithm: cms.KeyEncryptionAlgorithm) -> Padding:
    identifier = algorithm["algorithm"].dotted
    if identifier == _RSAES_PKCS1_V1_5:
        return Pkcs1Padding()
    if identifier != _RSAES_OAEP:
        raise CmsError(_UNSUPPORTED_KEY)
    with hostile_input("OAEP parameters"):
        return _oaep(algorithm["parameters"])


def _oaep(parameters: core.Asn1Value) -> OaepPadding:
    """Read RSAES-OAEP-params (RFC 4055 §4.1); where they lack, their defaults."""
    if not isinstance(parameters, algos.RSAESOAEPParams):
        parameters = algos.RSAESOAEPParams()
    mask, source = parameters["mask_gen_algorithm"], parameters["p_source_algorithm"]
    if mask["algorithm"].native != "mgf1" or source["algorithm"].native != "p_specified":
        raise CmsError(_UNSUPPORTED_KEY)
    hash_name = parameters["hash_algorithm"]["algorithm"].native
    mask_hash_name = mask["parameters"]["algorithm"].native
    if not _OAEP_HASHES.issuperset((hash_name, mask_hash_name)):
        raise CmsError(_UNSUPPORTED_KEY)
    return OaepPadding(hash_name, mask_hash_name, _octets(source["parameters"]))


@dataclass(frozen=True, slots=True, repr=False)
class _EncryptedContentInfo:
    """EncryptedContentInfo (RFC 5652 §6.1).

    Attributes:
        content_type: DER.
        algorithm: parsed.
        ciphertext: its octets.

    """

    content_type: bytes
    algorithm: algos.EncryptionAlgorithm
    ciphertext: bytes

    @classmethod
    def read(cls, encoded: bytes) -> "_EncryptedContentInfo":
        """Read one in DER; its octets may be in pieces, which asn1crypto does not put together."""
        content_type, algorithm, *content = der.children(encoded)
        if len(content) != 1:
            raise CmsError("there is no encrypted content")
        return cls(
            content_type,
            algos.EncryptionAlgorithm.load(algorithm, strict=True),
            der.octets(content[0], tag=0),
        )


def _cbc(enveloped: cms.EnvelopedData) -> CbcContent:
    info = _EncryptedContentInfo.read(enveloped["encrypted_content_info"].dump())
    cipher = CBC.get(info.algorithm["algorithm"].dotted)
    if cipher is None:
        raise CmsError("unsupported content encryption algorithm")
    iv = _octets(info.algorithm["parameters"])
    if len(iv) != cipher.block_length:
        raise CmsError("malformed initialisation vector")
    if not info.ciphertext or len(info.ciphertext) % cipher.block_length:
        raise CmsError("the encrypted content is not made of whole blocks")
    return CbcContent(cipher, iv, info.ciphertext)


def _gcm(enveloped: cms.AuthEnvelopedData) -> GcmContent:
    info = _EncryptedContentInfo.read(enveloped["auth_encrypted_content_info"].dump())
    key_length = GCM.get(info.algorithm["algorithm"].dotted)
    if key_length is None:
        raise CmsError("unsupported content encryption algorithm")
    parameters = _GcmParameters.load(info.algorithm["parameters"].dump(), strict=True)
    nonce, tag = _octets(parameters["nonce"]), _octets(enveloped["mac"])
    if len(nonce) not in NONCE_LENGTHS:
        raise CmsError("a nonce of an unsupported length")
    if len(tag) not in TAG_LENGTHS or len(tag) != parameters["tag_length"].native:
        raise CmsError("a tag of another length than its parameters say")
    associated = _associated(enveloped, info.content_type)
    return GcmContent(key_length, nonce, info.ciphertext, tag, associated)


def _associated(enveloped: cms.AuthEnvelopedData, content_type: bytes) -> bytes:
    """Return what the tag is over beside the content: the authenticated attributes.

    As a SET OF in DER, not with the tag that they have in the message (RFC 5083 §2.2).
    """
    present = enveloped["auth_attrs"]
    if isinstance(present, core.Void):
        return b""
    for attribute in present:
        values = [value.dump() for value in attribute["values"]]
        if attribute["type"].native == "content_type" and values != [content_type]:
            raise CmsError("the content's type is not the one that its tag is over")
    return der.to_der(bytes((der.SET,)) + present.dump()[1:])


def _octets(value: core.Asn1Value) -> bytes:
    if not isinstance(value, core.OctetString):
        raise CmsError("no octets where there have to be some")
    content: bytes = value.native
    return content
