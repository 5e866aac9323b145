"""Encrypt a message to a certificate: EnvelopedData (RFC 5652 §6), which every reader knows.

The key travels in RSAES-PKCS1-v1_5 (RFC 3370 §4.2.1): of the programs that read these messages,
old ones know no other padding. What reads them here is :mod:`agent.cms.enveloped`.
"""

import os

from asn1crypto import core
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from agent.cms import keys
from agent.cms.bounds import MAX_CERTIFICATE
from agent.cms.certificate_fields import CertificateFields
from agent.cms.der import EXPLICIT_0, OCTET_STRING, SEQUENCE, SET, element, require_der
from agent.cms.encrypted_content import CBC, AesCbc, CbcContent
from agent.cms.errors import hostile_input

_DATA = bytes(core.ObjectIdentifier("1.2.840.113549.1.7.1").dump())
_ENVELOPED_DATA = bytes(core.ObjectIdentifier("1.2.840.113549.1.7.3").dump())
_RSA_ENCRYPTION = bytes(core.ObjectIdentifier("1.2.840.113549.1.1.1").dump())
_NULL = b"\x05\x00"
_VERSION_0 = b"\x02\x01\x00"  # of the message, and of a recipient named by issuer and serial
_OCTETS_0 = 0x80  # [0] IMPLICIT OCTET STRING


def seal(content: bytes, certificate: bytes, cipher: AesCbc) -> bytes:
    """Encrypt content with a fresh key, and that key with the certificate's.

    Whether the certificate is meant for encrypting, valid or anybody's is not looked at.

    Args:
        content: of any length.
        certificate: the recipient's, DER.
        cipher: of the content.

    Returns:
        A ContentInfo in DER.

    Raises:
        CmsError: no certificate, or its key is not RSA of 2048 bits or more.

    """
    require_der(certificate, max_size=MAX_CERTIFICATE)
    with hostile_input("certificate"):
        recipient = CertificateFields.of(certificate)
        key = os.urandom(CBC[cipher].key_length)
        encrypted_key = keys.rsa_key(recipient.public_key).encrypt(key, PKCS1v15())
        named = recipient.issuer_and_serial
    enveloped = element(
        SEQUENCE,
        _VERSION_0,
        element(SET, _key_transport(named, encrypted_key)),
        _encrypted_content(cipher, CbcContent.encrypt(CBC[cipher], key, content)),
    )
    return element(SEQUENCE, _ENVELOPED_DATA, element(EXPLICIT_0, enveloped))


def _key_transport(recipient: bytes, encrypted_key: bytes) -> bytes:
    """Encode KeyTransRecipientInfo (RFC 5652 §6.2.1)."""
    algorithm = element(SEQUENCE, _RSA_ENCRYPTION, _NULL)
    key = element(OCTET_STRING, encrypted_key)
    return element(SEQUENCE, _VERSION_0, recipient, algorithm, key)


def _encrypted_content(cipher: AesCbc, content: CbcContent) -> bytes:
    """Encode EncryptedContentInfo (RFC 5652 §6.1)."""
    identifier = bytes(core.ObjectIdentifier(str(cipher)).dump())
    algorithm = element(SEQUENCE, identifier, element(OCTET_STRING, content.iv))
    return element(SEQUENCE, _DATA, algorithm, element(_OCTETS_0, content.ciphertext))
